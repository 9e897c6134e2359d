//! The location of an object as messages show it.

use object_store::path::Path;
use sluice_storage::readable_local_path;

/// A path on this machine, or a URL. `store` is the URL that names the store,
/// without a path: `file:///`, `s3://bucket`.
pub(crate) fn display_path(store: &str, path: &Path) -> String {
    if store.starts_with("file:") {
        readable_local_path(path)
    } else {
        format!("{}/{path}", store.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_objects_are_paths_and_others_urls() {
        let path = Path::from("a b/c.json");
        assert_eq!(display_path("file:///", &path), "/a b/c.json");
        assert_eq!(
            display_path("s3://bucket/", &path),
            "s3://bucket/a b/c.json"
        );
        assert_eq!(display_path("s3://bucket", &path), "s3://bucket/a b/c.json");
    }
}
