use super::super::testing::check_answers;
use super::matcher::JavaRegex;

/// Whether Java's `find` finds the pattern in the text.
fn found(pattern: &str, text: &str) -> bool {
    JavaRegex::compile(pattern).unwrap().is_match(text).unwrap()
}

#[test]
fn patterns_mean_what_they_mean_in_java() {
    for (pattern, text, expected) in [
        // Classes are ASCII.
        (r"^\d$", "٣", false),
        (r"^\w$", "é", false),
        (r"^\s$", "\u{a0}", false),
        (r"^\p{L}$", "é", true),
        (r"^\p{Lower}$", "é", false),
        (r"^\p{IsAlphabetic}$", "é", true),
        (r"^\p{javaLowerCase}$", "é", true),
        // Line ends.
        ("a.b", "a\nb", false),
        ("a.b", "a\rb", false),
        ("a.b", "a\u{2028}b", false),
        ("(?s)a.b", "a\nb", true),
        ("a$", "a\n", true),
        ("a$", "a\r\n", true),
        ("a$", "a\nb", false),
        (r"a\z", "a\n", false),
        (r"a\Z", "a\n", true),
        ("(?m)^b$", "a\nb\nc", true),
        ("(?m)^$", "a\n", false),
        (r"a\Rb", "a\r\nb", true),
        // Case.
        ("(?i)É", "é", false),
        ("(?iu)É", "é", true),
        ("(?i)abC", "ABc", true),
        ("(?i)[a-c]x", "BX", true),
        ("(?i)k", "\u{212a}", false),
        ("a(?i)b(?-i)c", "aBc", true),
        ("a(?i:b)c", "aBC", false),
        // What linear engines do not have.
        (r"(ab)\1", "abab", true),
        (r"(l)\1", "hello", true),
        (r"(?<x>a)\k<x>", "aa", true),
        ("foo(?=bar)", "foobar", true),
        ("foo(?!bar)", "foobar", false),
        ("(?<=a)b", "ab", true),
        ("(?<!a)b", "ab", false),
        ("a++a", "aaa", false),
        ("(?>a+)a", "aaa", false),
        // Escapes and classes.
        (r"\Qa.b\E", "a.b", true),
        (r"\Qa.b\E", "axb", false),
        (r"\x41\u0042\x{43}\0104", "ABCD", true),
        (r"[\w-.]+$", "a-.", true),
        ("^[a-z&&[^aeiou]]+$", "xyz", true),
        ("^[a-z&&[^aeiou]]+$", "xaz", false),
        ("^[^a[b]]$", "c", true),
        ("^[]a]$", "]", true),
        (r"^[\d\-_]+$", "1-_", true),
        ("^[a-]$", "-", true),
        (r"\<a\>", "<a>", true),
        (r"^\h$", "\u{3000}", true),
        ("(?x) a b # comment", "ab", true),
        ("a{2,3}", "aa", true),
        ("^~$", "~", true),
        ("^[~~]$", "~", true),
        (r"\$", "$", true),
    ] {
        assert_eq!(found(pattern, text), expected, "{pattern} in {text:?}");
    }
}

#[test]
fn what_java_refuses_is_an_error() {
    for pattern in [
        "(",
        ")",
        "[a",
        "*a",
        "a{,3}",
        "a{",
        r"\y",
        r"\p{Foo}",
        r"a\2(b)",
        "[z-a]",
        r"\",
        "(?<1>a)",
        r"\p{InGreek}",
        r"\G",
        "(?i)(a)\\1",
        "a**",
    ] {
        let error = JavaRegex::compile(pattern).unwrap_err().to_string();
        assert!(
            error.contains("the regular expression"),
            "{pattern}: {error}"
        );
    }
}

#[test]
fn functions_of_patterns() {
    check_answers(&[
        ("regexp_replace('a1b22', '[0-9]', '#')", "a#b##"),
        (
            "regexp_replace('2024-01-15', '([0-9]+)-([0-9]+)-([0-9]+)', '$3/$2/$1')",
            "15/01/2024",
        ),
        ("regexp_replace('abc', '(b)', '<$1x>')", "a<bx>c"),
        (
            "regexp_replace('2024-01', '([0-9]+)-([0-9]+)', '$2_$1')",
            "01_2024",
        ),
        ("regexp_replace('abc', '(?<m>b)', '[${m}]')", "a[b]c"),
        ("regexp_replace('abc', 'b', '$1')", "error: no such group"),
        ("regexp_replace('abc', 'x*', '-')", "-a-b-c-"),
        ("regexp_replace('100-200', '[0-9]+', 'n', 4)", "100-n"),
        ("regexp_replace('abc', 'b', NULL)", "NULL"),
        ("regexp_extract('a@b.c', '([a-z]+)@([a-z.]+)', 2)", "b.c"),
        ("regexp_extract('a@b.c', '([a-z]+)@')", "a"),
        ("regexp_extract('abc', 'x(y)')", ""),
        ("regexp_extract('ab', '(x)?b')", ""),
        ("regexp_extract('ab', 'b', 1)", "error: no group 1"),
        ("regexp_extract('ab', 'b', 0)", "b"),
        (
            "regexp_extract_all('100-200, 300-400', '([0-9]+)-([0-9]+)', 1)",
            "[100, 300]",
        ),
        ("regexp_extract_all('a1b22', '[0-9]+', 0)", "[1, 22]"),
        ("regexp_extract_all('abc', '([0-9])')", "[]"),
        (
            "regexp_count('Steven Jones and Stephen Smith', 'Ste(v|ph)en')",
            "2",
        ),
        ("regexp_instr('üser@host', '@[a-z]*')", "5"),
        ("regexp_instr('a', 'b')", "0"),
        ("regexp_substr('user 42', '[0-9]+')", "42"),
        ("regexp_substr('user', '[0-9]+')", "NULL"),
        ("regexp_like('abc', '^b')", "false"),
        ("rlike('abc', 'B')", "false"),
        (
            "regexp_like('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', '(a+)+(?=b)$')",
            "error: too many steps",
        ),
    ]);
}

#[test]
fn splits() {
    check_answers(&[
        ("split('a,b,c,d', ',', 2)", "[a, b,c,d]"),
        ("split('a,b,c', ',')", "[a, b, c]"),
        ("split('', ',')", "[]"),
        ("split(',a,,b,,', ',')", "[, a, , b, , ]"),
        ("split('oneAtwoBthreeC', '[ABC]')", "[one, two, three, ]"),
        (
            "split('oneAtwoBthreeC', '[ABC]', -1)",
            "[one, two, three, ]",
        ),
        ("split('oneAtwoBthreeC', '[ABC]', 2)", "[one, twoBthreeC]"),
        ("split('abc', '')", "[a, b, c]"),
        ("split('a.b', '.')", "[, , , ]"),
        ("split(NULL, ',')", "NULL"),
    ]);
}
