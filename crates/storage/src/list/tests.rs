use object_store::memory::InMemory;

use super::*;
use crate::error::StoreErrorKind;
use crate::options::StoreOptions;

struct Setup {
    folder: tempfile::TempDir,
    stores: Stores,
}

impl Setup {
    fn new(files: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        let mut options = StoreOptions::new();
        options.base_dir = Some(folder.path().to_path_buf());
        Self {
            folder,
            stores: Stores::new(options),
        }
    }

    async fn list(&self, text: &str, suffixes: &[&str]) -> Result<Listing, StoreError> {
        let rules = ListRules::with_suffixes(suffixes.iter().copied());
        list_source(&self.stores, &self.stores.parse_source(text)?, &rules).await
    }

    async fn names(&self, text: &str, suffixes: &[&str]) -> Vec<String> {
        let root = Path::from_absolute_path(self.folder.path()).unwrap();
        let listing = self.list(text, suffixes).await.unwrap();
        let names = listing.files.iter().map(|file| {
            let parts: Vec<_> = file.path.prefix_match(&root).unwrap().collect();
            let parts: Vec<_> = parts.iter().map(AsRef::as_ref).collect();
            parts.join("/")
        });
        names.collect()
    }
}

const LANDING: &[&str] = &[
    "in/b.json",
    "in/a.JSON",
    "in/c.json.gz",
    "in/notes.txt",
    "in/_SUCCESS",
    "in/.d.json.crc",
    "in/e.json#7",
    "in/_ledger/1.json",
    "in/deeper/f.json",
    "in/day=2024-01-01/g.json",
    "in/day=2024-01-01/hour=__HIVE_DEFAULT_PARTITION__/h.json",
    "in/day=a%2Fb/i.json",
];

#[tokio::test]
async fn a_folder_gives_its_files_and_those_of_partitions() {
    let t = Setup::new(LANDING);
    assert_eq!(
        t.names("in", &[".json", ".json.gz"]).await,
        [
            "in/a.JSON",
            "in/b.json",
            "in/c.json.gz",
            "in/day=2024-01-01/g.json",
            "in/day=2024-01-01/hour=__HIVE_DEFAULT_PARTITION__/h.json",
            "in/day=a%2Fb/i.json",
        ]
    );
    let listing = t.list("in/", &[".json"]).await.unwrap();
    let values = |name: &str| {
        let file = listing
            .files
            .iter()
            .find(|f| f.path.filename() == Some(name));
        file.unwrap().partition_values.clone()
    };
    let day = ("day".to_owned(), Some("2024-01-01".to_owned()));
    assert_eq!(values("h.json"), [day.clone(), ("hour".to_owned(), None)]);
    assert_eq!(values("g.json"), [day]);
    assert_eq!(
        values("i.json"),
        [("day".to_owned(), Some("a/b".to_owned()))]
    );
    assert_eq!(values("b.json"), []);
    // _SUCCESS, the checksum, the note and the archive; never the temporary.
    assert_eq!(listing.skipped, 4);
    assert_eq!(
        listing.total_bytes(),
        listing.files.iter().map(|f| f.size).sum::<u64>()
    );
    assert!(listing.files.iter().all(|f| f.e_tag.is_some()));
}

#[tokio::test]
async fn a_file_or_a_pattern_is_taken_as_named() {
    let t = Setup::new(LANDING);
    assert_eq!(t.names("in/notes.txt", &[".json"]).await, ["in/notes.txt"]);
    assert_eq!(t.names("in/*.json", &[]).await, ["in/b.json"]);
    assert_eq!(
        t.names("in/_*", &[]).await,
        ["in/_SUCCESS", "in/_ledger/1.json"]
    );
    assert_eq!(
        t.names("in/[a-c].*", &[".x"]).await,
        ["in/a.JSON", "in/b.json", "in/c.json.gz"]
    );
    assert_eq!(
        t.names("in/day=*/?.json", &[]).await,
        ["in/day=2024-01-01/g.json", "in/day=a%2Fb/i.json"]
    );
    assert_eq!(
        t.names("i*/d*", &[".json"]).await,
        [
            "in/day=2024-01-01/g.json",
            "in/day=2024-01-01/hour=__HIVE_DEFAULT_PARTITION__/h.json",
            "in/day=a%2Fb/i.json",
            "in/deeper/f.json",
        ]
    );
}

#[tokio::test]
async fn missing_and_empty_sources_are_distinguished() {
    let t = Setup::new(&["in/notes.txt"]);
    std::fs::create_dir(t.folder.path().join("none")).unwrap();
    let error = t.list("landing", &[]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
    assert!(error.to_string().contains("check the location"), "{error}");
    let error = t.list("landing/*.json", &[]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
    let error = t.list("none", &[]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Empty);
    let error = t.list("in", &[".json"]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Empty);
    assert!(
        error
            .to_string()
            .contains("1 file with another name was skipped"),
        "{error}"
    );
    assert!(error.to_string().contains("put files there"), "{error}");
    let error = t.list("in/*.json", &[]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Empty);
}

/// A bucket has objects and no folders.
#[tokio::test]
async fn in_a_bucket_an_empty_listing_may_be_an_object_or_nothing() {
    let store = InMemory::new();
    for name in ["in/a.json", "in/day=1/b.json", "in/_x"] {
        store.put(&Path::from(name), "{}".into()).await.unwrap();
    }
    let rules = ListRules::default();
    for (text, expected) in [
        ("s3://b/in", Ok(2)),
        ("s3://b/in/_x", Ok(1)),
        ("s3://b/none", Err(StoreErrorKind::NotFound)),
    ] {
        let place = Location::parse(text, std::path::Path::new("/")).unwrap();
        let mut lister = Lister {
            store: &store,
            base: &place,
            rules: &rules,
            marker: None,
            files: Vec::new(),
            folders: Vec::new(),
            skipped: 0,
            foreign: Vec::new(),
        };
        let result = lister
            .list_location(&place)
            .await
            .map_err(|error| error.kind());
        assert_eq!(result.map(|()| lister.files.len()), expected, "{text}");
    }
}

#[tokio::test]
async fn names_of_any_characters_are_listed() {
    let names = [
        "in/a\tb.json",
        "in/c\n.json",
        "in/d%20e.json",
        "in/f#1.json",
        "in/p=g\u{1}/h?.json",
        "in/i[1]/j.json",
    ];
    let t = Setup::new(&names);
    assert_eq!(t.list("in", &[".json"]).await.unwrap().files.len(), 5);
    // A folder that exists as it is written is no pattern, and neither is a tab.
    assert_eq!(t.names("in/i[1]", &[".json"]).await, ["in/i[1]/j.json"]);
    let tab = t.list("in/a\tb.json", &[]).await.unwrap();
    assert_eq!(tab.files[0].size, names[0].len() as u64);
    assert!(tab.source.to_string().ends_with("in/a\\tb.json"), "{tab:?}");
}

#[tokio::test]
async fn files_that_cannot_be_read_are_errors_and_others_are_returned() {
    let t = Setup::new(&[
        "in/a.json",
        "in/notes.txt",
        "in/older/b.json",
        "in/_x",
        "in/k=1/c.xml",
    ]);
    let listing = t.list("in", &[".json"]).await.unwrap();
    let foreign: Vec<_> = listing.foreign.iter().filter_map(Path::filename).collect();
    assert_eq!(foreign, ["c.xml", "notes.txt", "older"]);
    let mut rules = ListRules::with_suffixes([".json"]);
    rules.unreadable_suffixes = vec![".txt".to_owned()];
    let source = t.stores.parse_source("in").unwrap();
    let error = list_source(&t.stores, &source, &rules).await.unwrap_err();
    assert!(error.to_string().contains("in/notes.txt"), "{error}");
    std::os::unix::fs::symlink("none", t.folder.path().join("in/d.json")).unwrap();
    let error = t.list("in", &[".json"]).await.unwrap_err();
    assert!(error.to_string().contains("in/d.json"), "{error}");
    // Links with other names are none of the source's.
    assert_eq!(t.list("in", &[".txt"]).await.unwrap().files.len(), 1);
}

#[tokio::test]
async fn folders_with_a_marker_are_found_without_files() {
    let t = Setup::new(&[
        "in/_ledger/1.json",
        "in/day=1/_ledger/1.json",
        "in/deeper/_ledger/1.json",
        "plain/a.json",
    ]);
    let list = async |source: &str| {
        let source = t.stores.parse_source(source).unwrap();
        let rules = ListRules::with_suffixes([".json"]);
        let listed = list_with_folders(&t.stores, &source, &rules, Some("_ledger")).await;
        let (_, folders) = listed.unwrap();
        let describe = |folder: &ListedFolder| {
            let name = folder.path.filename().unwrap().to_owned();
            let accepted = ["a.json", "b.txt", "_a.json"];
            let accepted = accepted.map(|name| folder.accepts_name(name));
            (
                name,
                folder.partition_values.len(),
                folder.is_whole(),
                accepted,
            )
        };
        folders.iter().map(describe).collect::<Vec<_>>()
    };
    let by_rules = [true, false, false];
    assert_eq!(
        list("in").await,
        [
            ("in".to_owned(), 0, true, by_rules),
            ("day=1".to_owned(), 1, true, by_rules),
        ]
    );
    assert_eq!(
        list("*/a*").await,
        [("in".to_owned(), 0, false, [true, false, false])]
    );
    assert_eq!(
        list("in/d*").await,
        [
            ("in".to_owned(), 0, false, [false, false, false]),
            ("day=1".to_owned(), 1, true, by_rules),
            ("deeper".to_owned(), 0, true, by_rules),
        ]
    );
    assert!(list("plain").await.is_empty());
    let source = t.stores.parse_source("in").unwrap();
    let listed = list_source(&t.stores, &source, &ListRules::default()).await;
    assert_eq!(listed.unwrap_err().kind(), StoreErrorKind::Empty);
}
