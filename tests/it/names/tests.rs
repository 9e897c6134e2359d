//! Tests of the counting.

use std::collections::BTreeSet;

use super::measure::{NameCounts, count_private_words, crate_of, is_one_word};
use super::source::{Function, find_functions, find_traits, split_source};

fn functions(source: &str) -> Vec<Function> {
    find_functions(&split_source(source).code)
}

fn names(source: &str) -> Vec<String> {
    functions(source)
        .into_iter()
        .filter(|function| !function.in_test)
        .map(|function| function.name)
        .collect()
}

#[test]
fn comments_and_literals_are_prose() {
    let source =
        "let a = \"fn b() \\\" {\"; // fn c()\nlet d = 'x'; /* fn /* e */ { */ r#\"fn \"f\"#";
    let split = split_source(source);
    assert_eq!(
        split.code.split_whitespace().collect::<Vec<_>>().join(" "),
        "let a = ; let d = ;"
    );
    assert_eq!(split.code.len(), source.len());
    assert_eq!(split.prose.len(), source.len());
    for text in ["fn b() \\\" {", "// fn c()", "/* fn /* e */ { */", "fn \"f"] {
        assert!(split.prose.contains(text), "{text}: {}", split.prose);
    }
}

#[test]
fn a_lifetime_begins_no_literal() {
    let split = split_source("fn first<'a>(x: &'a str) -> &'a str { '\\'' 'é' }");
    assert_eq!(
        split.code.trim_end(),
        "fn first<'a>(x: &'a str) -> &'a str {           }"
    );
}

#[test]
fn functions_of_all_forms_are_found() {
    let source = "
        pub fn first() {}
        pub(crate) const unsafe extern \"C\" fn second() {}
        impl Thing { async fn third<T>(self) where T: Fn(u8) -> u8 { fn inner() {} } }
        trait Kind { fn required(&self, x: [u8; 4]); }
        const CALL: fn(u8) -> u8 = first; // fn comment()
        macro_rules! make { ($name:ident) => { fn $name() {} } }
    ";
    assert_eq!(
        names(source),
        ["first", "second", "third", "inner", "required"]
    );
}

#[test]
fn functions_for_tests_are_left_out() {
    let source = "
        fn before() {}
        #[cfg(test)]
        mod tests {
            use super::*;
            mod deeper { fn helper() {} }
            #[test]
            fn checks() { if true {} }
        }
        fn after() {}
        #[cfg(test)]
        mod elsewhere;
        fn last() {}
        #[cfg(test)]
        pub(crate) fn sample(x: [u8; 4]) { fn nested() {} }
        #[tokio::test(flavor = \"multi_thread\")]
        async fn waits() {}
        #[cfg(not(test))]
        fn real() {}
    ";
    assert_eq!(names(source), ["before", "after", "last", "real"]);
}

#[test]
fn functions_of_impl_blocks_know_their_trait() {
    let source = "
        use std::fmt;
        impl<T: Into<String>> fmt::Display for Wrapper<T> where T: Clone { fn fmt(&self) {} }
        impl From<Vec<u8>> for Text { fn from(x: Vec<u8>) -> Self { x } }
        impl<F> Wrapper<F> where F: for<'a> Fn(&'a str) -> u8 { fn call(&self) {} }
        fn make() -> impl Iterator<Item = u8> { for x in y {} }
        unsafe impl Own for Wrapper { fn act() {} }
    ";
    let found: Vec<(String, Option<String>)> = functions(source)
        .into_iter()
        .map(|function| (function.name, function.implements))
        .collect();
    let expected = [
        ("fmt", Some("Display")),
        ("from", Some("From")),
        ("call", None),
        ("make", None),
        ("act", Some("Own")),
    ];
    let expected = expected.map(|(name, of)| (name.to_owned(), of.map(str::to_owned)));
    assert_eq!(found, expected);
}

#[test]
fn names_of_foreign_traits_are_counted_separately() {
    let own_traits: BTreeSet<String> = find_traits("pub trait Own<T> { } unsafe trait Other {}")
        .into_iter()
        .collect();
    assert_eq!(own_traits.len(), 2);
    let mut counts = NameCounts::default();
    for function in functions(
        "impl Display for X { fn fmt() {} } impl Own for X { fn act() {} } fn read_all() {}
         #[test] fn ignored() {}",
    ) {
        counts.add_function(&function, &own_traits);
    }
    let expected = NameCounts {
        functions: 3,
        one_word: 2,
        foreign: 1,
        foreign_one_word: 1,
        characters: 14,
    };
    assert_eq!(counts, expected);
    assert_eq!(counts.percent_own_one_word(), 50.0);
}

#[test]
fn underscores_separate_words() {
    assert!(is_one_word("open") && is_one_word("_open"));
    assert!(!is_one_word("read_back"));
}

#[test]
fn files_of_tests_belong_to_no_crate() {
    for (path, expected) in [
        ("crates/ndjson/src/lex.rs", Some("ndjson")),
        ("ingest/src/bin/ingest-landing.rs", Some("ingest")),
        ("src/bin/scheduler.rs", Some("sluice")),
        ("crates/ndjson/src/simd/tests.rs", None),
        ("crates/ledger/src/tests/requests.rs", None),
        ("tests/support/fault-store/src/lib.rs", None),
        ("benches/src/lib.rs", None),
        ("build.rs", None),
    ] {
        assert_eq!(crate_of(path), expected, "{path}");
    }
}

#[test]
fn private_words_are_counted_across_lines() {
    let counts =
        count_private_words("Told for\n/// ever, in vain: mended; forever, retold, 'told'.");
    let counts: Vec<(&str, usize)> = counts.into_iter().collect();
    assert_eq!(
        counts,
        [("for ever", 1), ("in vain", 1), ("mended", 1), ("told", 2)]
    );
    assert!(count_private_words("Tell the reader behindhand.").is_empty());
}
