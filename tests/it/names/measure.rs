//! Counts one-word function names and private words.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Function;

/// Words that CONTRIBUTING.md replaces by the terms of the field.
pub const PRIVATE_WORDS: &[&str] = &[
    "behind", "beside", "for ever", "in vain", "mend", "mended", "mends", "nobody", "somebody",
    "tells", "told", "whoever", "whomever",
];

/// The names of the functions of one crate.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct NameCounts {
    pub functions: usize,
    pub one_word: usize,
    /// Functions whose names another crate's trait decides.
    pub foreign: usize,
    pub foreign_one_word: usize,
    /// Characters of all names together.
    pub characters: usize,
}

impl NameCounts {
    /// Counts a function, unless it belongs to a test.
    pub fn add_function(&mut self, function: &Function, own_traits: &BTreeSet<String>) {
        if function.in_test {
            return;
        }
        let one_word = usize::from(is_one_word(&function.name));
        let foreign = function
            .implements
            .as_ref()
            .is_some_and(|name| !own_traits.contains(name));
        self.functions += 1;
        self.one_word += one_word;
        self.characters += function.name.chars().count();
        if foreign {
            self.foreign += 1;
            self.foreign_one_word += one_word;
        }
    }

    pub fn add_counts(&mut self, other: Self) {
        self.functions += other.functions;
        self.one_word += other.one_word;
        self.foreign += other.foreign;
        self.foreign_one_word += other.foreign_one_word;
        self.characters += other.characters;
    }

    pub fn percent_one_word(self) -> f64 {
        100.0 * self.one_word as f64 / self.functions.max(1) as f64
    }

    /// The share among the functions whose names are ours to choose.
    pub fn percent_own_one_word(self) -> f64 {
        let own = self.functions - self.foreign;
        100.0 * (self.one_word - self.foreign_one_word) as f64 / own.max(1) as f64
    }

    pub fn mean_length(self) -> f64 {
        self.characters as f64 / self.functions.max(1) as f64
    }
}

/// Whether a name has no underscore between its words.
pub fn is_one_word(name: &str) -> bool {
    !name.trim_matches('_').contains('_')
}

/// The crate of a source file; `None` for the files of tests and benchmarks.
pub fn crate_of(path: &str) -> Option<&str> {
    let parts: Vec<&str> = path.split('/').collect();
    let (file, folders) = parts.split_last()?;
    let is_test = |folder: &&str| matches!(*folder, "tests" | "benches" | "examples");
    if folders.iter().any(is_test) || *file == "tests.rs" {
        return None;
    }
    match folders {
        ["crates", name, ..] => Some(name),
        ["src", ..] => Some("sluice"),
        [name, ..] => Some(name),
        [] => None,
    }
}

/// How often each private word occurs in a text. A phrase may continue on the next
/// line.
pub fn count_private_words(text: &str) -> BTreeMap<&'static str, usize> {
    let text = text.to_lowercase();
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let mut counts = BTreeMap::new();
    for private in PRIVATE_WORDS {
        let phrase: Vec<&str> = private.split(' ').collect();
        let count = words
            .windows(phrase.len())
            .filter(|window| *window == phrase)
            .count();
        if count > 0 {
            counts.insert(*private, count);
        }
    }
    counts
}
