//! The folders of the scheduler are layers: each uses only those below it.

use std::path::{Path, PathBuf};

/// The modules of the scheduler, from the top. A module may use those that
/// follow it here, and no others.
const SCHEDULER_LAYERS: &[&str] = &[
    "local_scheduler",
    "server",
    "pages",
    "jobs",
    "driver",
    "runner",
    "ballista",
    "job_settings",
    "options",
    "metrics",
    "value_texts",
];

/// The modules that `text` names as `crate::module`.
fn used_modules(text: &str) -> impl Iterator<Item = &str> {
    text.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}

/// What is wrong with a file of the module `own` that has this text.
fn wrong_arrows(layers: &[&str], own: &str, text: &str) -> Vec<String> {
    let rank = |module: &str| layers.iter().position(|layer| *layer == module);
    let Some(own_rank) = rank(own) else {
        return vec![format!("the module {own} is missing in the list of layers")];
    };
    used_modules(text)
        .filter_map(|used| match rank(used) {
            Some(used_rank) if used_rank >= own_rank => None,
            Some(_) => Some(format!("{own} may not use {used}, which is above it")),
            None => Some(format!(
                "`crate::{used}` names no layer; write the path of the module"
            )),
        })
        .collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn the_folders_of_the_scheduler_depend_one_way() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("scheduler/src");
    let mut wrong = Vec::new();
    for path in rust_files(&source) {
        let inside = path.strip_prefix(&source).unwrap();
        if inside == Path::new("lib.rs") {
            continue;
        }
        let first = inside.iter().next().unwrap().to_string_lossy();
        let own = first.trim_end_matches(".rs");
        let text = std::fs::read_to_string(&path).unwrap();
        let found = wrong_arrows(SCHEDULER_LAYERS, own, &text);
        wrong.extend(
            found
                .into_iter()
                .map(|problem| format!("{}: {problem}", inside.display())),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_arrow_that_points_back_is_found() {
    let layers = ["top", "bottom"];
    assert!(wrong_arrows(&layers, "top", "use crate::bottom::Thing;").is_empty());
    assert!(wrong_arrows(&layers, "bottom", "use crate::bottom::{A, B};").is_empty());
    assert_eq!(wrong_arrows(&layers, "bottom", "x(crate::top::f)").len(), 1);
    assert_eq!(
        wrong_arrows(&layers, "top", "use crate::{bottom, top};").len(),
        1
    );
    assert_eq!(wrong_arrows(&layers, "other", "").len(), 1);
}
