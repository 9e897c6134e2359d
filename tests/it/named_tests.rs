//! The tests that the documentation names.

use std::collections::BTreeSet;

use crate::repository::root;

/// Texts between backquotes of the form `PATH::TEST`.
fn named_tests(page: &str) -> BTreeSet<(&str, &str)> {
    page.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|text| text.split_once("::"))
        .filter(|(path, _)| path.ends_with(".rs"))
        .collect()
}

#[test]
fn every_test_that_the_page_of_failures_names_exists() {
    let page = std::fs::read_to_string(root().join("docs/failures.md")).unwrap();
    let named = named_tests(&page);
    assert!(named.len() > 50, "{named:?}");
    let missing: Vec<_> = named
        .into_iter()
        .filter(|(path, test)| {
            let text = std::fs::read_to_string(root().join(path)).unwrap_or_default();
            !text.contains(&format!("fn {test}("))
        })
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}
