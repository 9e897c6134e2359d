use futures::TryStreamExt;
use object_store::ObjectStoreExt as _;
use parking_lot::Mutex;

use super::*;
use crate::error::StoreErrorKind;

/// Records every call with paths relative to a folder and fails one of them.
#[derive(Debug)]
struct Recorder {
    root: PathBuf,
    calls: Mutex<Vec<String>>,
    fail: Mutex<Option<(&'static str, io::ErrorKind)>>,
}

impl Recorder {
    fn note(&self, what: &'static str, paths: &[&FsPath]) -> io::Result<()> {
        let shown: Vec<_> = paths
            .iter()
            .map(|path| {
                let path = path.strip_prefix(&self.root).unwrap();
                let text = path.to_str().unwrap();
                match text.split_once('#') {
                    Some((name, _)) => format!("{name}#"),
                    None if text.is_empty() => ".".to_owned(),
                    None => text.to_owned(),
                }
            })
            .collect();
        self.calls
            .lock()
            .push(format!("{what} {}", shown.join(" ")));
        match *self.fail.lock() {
            Some((failing, kind)) if failing == what => Err(kind.into()),
            _ => Ok(()),
        }
    }
}

impl DurableFs for Recorder {
    fn create_new(&self, path: &FsPath) -> io::Result<File> {
        self.note("create", &[path])?;
        RealFs.create_new(path)
    }
    fn write_at(&self, file: &File, path: &FsPath, bytes: &[u8], at: u64) -> io::Result<()> {
        self.note("write", &[path])?;
        RealFs.write_at(file, path, bytes, at)
    }
    fn sync_file(&self, file: &File, path: &FsPath) -> io::Result<()> {
        self.note("sync", &[path])?;
        RealFs.sync_file(file, path)
    }
    fn link_file(&self, from: &FsPath, to: &FsPath) -> io::Result<()> {
        self.note("link", &[from, to])?;
        RealFs.link_file(from, to)
    }
    fn rename_file(&self, from: &FsPath, to: &FsPath) -> io::Result<()> {
        self.note("rename", &[from, to])?;
        RealFs.rename_file(from, to)
    }
    fn remove_file(&self, path: &FsPath) -> io::Result<()> {
        self.note("remove", &[path])?;
        RealFs.remove_file(path)
    }
    fn create_dir(&self, path: &FsPath) -> io::Result<()> {
        self.note("mkdir", &[path])?;
        RealFs.create_dir(path)
    }
    fn sync_dir(&self, path: &FsPath) -> io::Result<()> {
        self.note("syncdir", &[path])?;
        RealFs.sync_dir(path)
    }
}

struct Setup {
    folder: tempfile::TempDir,
    recorder: Arc<Recorder>,
    store: DurableLocal,
}

impl Setup {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Arc::new(Recorder {
            root: folder.path().to_path_buf(),
            calls: Mutex::default(),
            fail: Mutex::default(),
        });
        let store = DurableLocal::with_fs(Arc::clone(&recorder) as _);
        Self {
            folder,
            recorder,
            store,
        }
    }

    fn path(&self, name: &str) -> Path {
        Path::from_absolute_path(self.folder.path().join(name)).unwrap()
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.recorder.calls.lock())
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn create() -> PutOptions {
    PutMode::Create.into()
}

#[tokio::test]
async fn a_create_syncs_the_bytes_before_the_name_and_the_name_before_the_answer() {
    let t = Setup::new();
    t.store
        .put_opts(&t.path("f"), "abc".into(), create())
        .await
        .unwrap();
    assert_eq!(
        t.calls(),
        [
            "create f#",
            "write f#",
            "sync f#",
            "link f# f",
            "syncdir .",
            "remove f#"
        ]
    );
    assert_eq!(t.names(), ["f"]);

    let error = t
        .store
        .put_opts(&t.path("f"), "xyz".into(), create())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
    // The name that was found may not be durable yet.
    let calls = t.calls();
    assert_eq!(calls[3..], ["link f# f", "syncdir .", "remove f#"]);
    let bytes = t
        .store
        .get(&t.path("f"))
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(bytes, "abc");
    assert_eq!(t.names(), ["f"]);
}

#[tokio::test]
async fn an_overwrite_renames_after_the_sync() {
    let t = Setup::new();
    for text in ["one", "two"] {
        let put = t.store.put(&t.path("f"), text.into()).await.unwrap();
        assert_eq!(
            t.calls(),
            [
                "create f#",
                "write f#",
                "sync f#",
                "rename f# f",
                "syncdir ."
            ]
        );
        let head = t.store.head(&t.path("f")).await.unwrap();
        assert_eq!(put.e_tag, head.e_tag);
    }
    assert_eq!(
        std::fs::read_to_string(t.folder.path().join("f")).unwrap(),
        "two"
    );
    assert_eq!(t.names(), ["f"]);
}

#[tokio::test]
async fn new_folders_are_synced_into_their_parents() {
    let t = Setup::new();
    t.store
        .put_opts(&t.path("a/b/f"), "x".into(), create())
        .await
        .unwrap();
    assert_eq!(
        t.calls(),
        [
            "create a/b/f#",
            "mkdir a",
            "mkdir a/b",
            "create a/b/f#",
            "write a/b/f#",
            "sync a/b/f#",
            "link a/b/f# a/b/f",
            "syncdir a/b",
            "syncdir a",
            "syncdir .",
            "remove a/b/f#",
        ]
    );
}

#[tokio::test]
async fn a_multipart_upload_is_visible_only_when_complete_and_synced() {
    let t = Setup::new();
    let mut upload = t.store.put_multipart(&t.path("p")).await.unwrap();
    let first = upload.put_part("hello ".into());
    let second = upload.put_part("world".into());
    // Parts may be written in any order.
    second.await.unwrap();
    first.await.unwrap();
    let listed: Vec<_> = t.store.list(Some(&t.path(""))).try_collect().await.unwrap();
    assert!(listed.is_empty(), "{listed:?}");
    assert!(crate::is_temporary(&t.names()[0]));
    upload.complete().await.unwrap();
    assert_eq!(
        t.calls(),
        [
            "create p#",
            "write p#",
            "write p#",
            "sync p#",
            "rename p# p",
            "syncdir ."
        ]
    );
    assert_eq!(
        std::fs::read_to_string(t.folder.path().join("p")).unwrap(),
        "hello world"
    );
    assert!(upload.complete().await.is_err(), "an upload completes once");
}

#[tokio::test]
async fn aborted_and_dropped_uploads_leave_nothing() {
    let t = Setup::new();
    let mut upload = t.store.put_multipart(&t.path("p")).await.unwrap();
    upload.put_part("x".into()).await.unwrap();
    upload.abort().await.unwrap();
    assert!(t.names().is_empty());
    let mut upload = t.store.put_multipart(&t.path("p")).await.unwrap();
    upload.put_part("x".into()).await.unwrap();
    drop(upload);
    assert!(t.names().is_empty());
}

#[tokio::test]
async fn completing_with_a_part_in_flight_publishes_nothing() {
    let t = Setup::new();
    let mut upload = t.store.put_multipart(&t.path("p")).await.unwrap();
    let part = upload.put_part("x".into());
    assert!(upload.complete().await.is_err());
    drop(part);
    assert!(t.names().is_empty());
}

#[tokio::test]
async fn a_failed_call_is_an_error_of_its_kind_and_leaves_no_name() {
    for (call, kind, expected) in [
        (
            "create",
            io::ErrorKind::PermissionDenied,
            StoreErrorKind::PermissionDenied,
        ),
        (
            "create",
            io::ErrorKind::ReadOnlyFilesystem,
            StoreErrorKind::ReadOnly,
        ),
        ("write", io::ErrorKind::StorageFull, StoreErrorKind::NoSpace),
        ("sync", io::ErrorKind::StorageFull, StoreErrorKind::NoSpace),
        (
            "link",
            io::ErrorKind::QuotaExceeded,
            StoreErrorKind::NoSpace,
        ),
    ] {
        let t = Setup::new();
        *t.recorder.fail.lock() = Some((call, kind));
        let error = t
            .store
            .put_opts(&t.path("f"), "x".into(), create())
            .await
            .unwrap_err();
        assert_eq!(StoreErrorKind::from_error(&error), expected, "{call}");
        assert!(t.names().is_empty(), "{call}: {:?}", t.names());
    }
    // After the link the name stays: the caller must read it back.
    let t = Setup::new();
    *t.recorder.fail.lock() = Some(("syncdir", io::ErrorKind::Other));
    t.store
        .put_opts(&t.path("f"), "x".into(), create())
        .await
        .unwrap_err();
    assert_eq!(t.names(), ["f"]);
}

#[tokio::test]
async fn copies_and_renames_are_synced_too() {
    let t = Setup::new();
    t.store.put(&t.path("a"), "x".into()).await.unwrap();
    t.calls();
    t.store
        .copy_if_not_exists(&t.path("a"), &t.path("d/b"))
        .await
        .unwrap();
    assert_eq!(t.calls(), ["mkdir d", "sync d/b", "syncdir d", "syncdir ."]);
    t.store.rename(&t.path("a"), &t.path("c")).await.unwrap();
    assert_eq!(t.calls(), ["sync c", "syncdir ."]);
    assert_eq!(t.names(), ["c", "d"]);
}

#[tokio::test]
async fn of_many_creators_one_wins() {
    let t = Setup::new();
    let path = t.path("log/1.json");
    let tasks: Vec<_> = (0..16)
        .map(|i| {
            let (store, path) = (t.store.clone(), path.clone());
            tokio::spawn(async move {
                store
                    .put_opts(&path, i.to_string().into(), create())
                    .await
                    .is_ok()
            })
        })
        .collect();
    let mut winners = 0;
    for task in tasks {
        winners += usize::from(task.await.unwrap());
    }
    assert_eq!(winners, 1);
    let log: Vec<_> = std::fs::read_dir(t.folder.path().join("log"))
        .unwrap()
        .collect();
    assert_eq!(log.len(), 1, "temporary files are removed");
}

#[test]
fn works_without_a_runtime() {
    let t = Setup::new();
    let put = futures::executor::block_on(t.store.put(&t.path("f"), "x".into()));
    assert!(put.is_ok());
}
