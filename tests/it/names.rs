//! Measures the names of functions and the words of the prose; prints figures and
//! fails on none. `just names` shows them.

use std::collections::{BTreeMap, BTreeSet};

use crate::repository;

mod measure;
mod source;
mod tests;

use measure::NameCounts;

/// These files list the private words.
const WORD_LISTS: &[&str] = &[
    "CONTRIBUTING.md",
    "tests/it/names/measure.rs",
    "tests/it/names/tests.rs",
];

#[test]
fn prints_how_many_names_have_one_word() {
    let files: Vec<(String, source::SplitSource)> = read_files(".rs")
        .into_iter()
        .map(|(path, text)| (path, source::split_source(&text)))
        .collect();
    let own_traits: BTreeSet<String> = files
        .iter()
        .flat_map(|(_, source)| source::find_traits(&source.code))
        .collect();
    let mut crates: BTreeMap<&str, NameCounts> = BTreeMap::new();
    for (path, source) in &files {
        let Some(name) = measure::crate_of(path) else {
            continue;
        };
        let counts = crates.entry(name).or_default();
        for function in source::find_functions(&source.code) {
            counts.add_function(&function, &own_traits);
        }
    }
    eprintln!(
        "{:<16}{:>10}{:>10}{:>8}{:>10}{:>10}{:>10}{:>8}",
        "crate", "functions", "one word", "share", "foreign", "one word", "own share", "length"
    );
    let mut all = NameCounts::default();
    for (name, counts) in &crates {
        print_counts(name, *counts);
        all.add_counts(*counts);
    }
    print_counts("all", all);
    assert!(all.functions > 0, "no function was found");
}

#[test]
fn prints_private_words() {
    let prose = read_files(".rs")
        .into_iter()
        .map(|(path, text)| (path, source::split_source(&text).prose));
    let texts = read_files(".md").into_iter().chain(prose);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut places = Vec::new();
    for (path, text) in texts {
        if WORD_LISTS.contains(&path.as_str()) {
            continue;
        }
        for (word, count) in measure::count_private_words(&text) {
            *counts.entry(word).or_default() += count;
            places.push(format!("{path}: {word} × {count}"));
        }
    }
    eprintln!("private words: {}", counts.values().sum::<usize>());
    for (word, count) in counts {
        eprintln!("{word:<16}{count:>10}");
    }
    places.sort();
    eprintln!("{}", places.join("\n"));
}

fn read_files(suffix: &str) -> Vec<(String, String)> {
    repository::list_files(suffix)
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (repository::relative_path(&path), text)
        })
        .collect()
}

fn print_counts(name: &str, counts: NameCounts) {
    eprintln!(
        "{name:<16}{:>10}{:>10}{:>7.1}%{:>10}{:>10}{:>9.1}%{:>8.1}",
        counts.functions,
        counts.one_word,
        counts.percent_one_word(),
        counts.foreign,
        counts.foreign_one_word,
        counts.percent_own_one_word(),
        counts.mean_length()
    );
}
