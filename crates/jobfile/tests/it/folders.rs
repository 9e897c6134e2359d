//! The folders of this crate depend one way.

use std::collections::BTreeSet;
use std::path::Path;

/// Each folder or file may use those before it.
const ORDER: &[&str] = &[
    "span",
    "diagnostics",
    "traversal",
    "syntax",
    "job",
    "values",
    "statements",
    "check",
    "functions",
    "file",
    "found_columns",
    "bind",
    "scope",
    "lib",
];

fn rank(name: &str) -> usize {
    ORDER
        .iter()
        .position(|known| *known == name)
        .unwrap_or_else(|| panic!("add `{name}` to ORDER"))
}

fn source_files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source_files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn folders_depend_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    source_files(&root, &mut files);
    let mut wrong = BTreeSet::new();
    for path in files {
        let relative = path.strip_prefix(&root).unwrap();
        let first = relative.iter().next().unwrap().to_str().unwrap();
        let folder = first.trim_end_matches(".rs");
        let text = std::fs::read_to_string(&path).unwrap();
        for rest in text.split("crate::").skip(1) {
            let used: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            // A type at the root is re-exported from a folder, in documentation.
            let is_module = used.starts_with(char::is_lowercase);
            if is_module && rank(&used) > rank(folder) {
                wrong.insert(format!("{} uses {used}", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
