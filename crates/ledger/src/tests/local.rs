//! A ledger on the local disk, and disk failures during a write.

use std::fs::File;
use std::io;
use std::path::Path as FsPath;
use std::sync::Arc;

use parking_lot::Mutex;
use sluice_storage::{DurableFs, DurableLocal, RealFs, StoreErrorKind};

use super::conformance::conformance;
use super::support::{LedgerFixture, expect_committed, local_path, note};
use crate::LedgerError;

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_on_disk_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let place = local_path(Arc::new(DurableLocal::new()), folder.path());
    conformance(&LedgerFixture::new(place)).await;
}

/// Records the calls, and fails a number of calls of one name.
#[derive(Debug, Default)]
struct Disk {
    calls: Mutex<Vec<String>>,
    failing: Mutex<(&'static str, usize)>,
}

impl Disk {
    fn call(&self, name: &'static str, path: &FsPath) -> io::Result<()> {
        let file = path.file_name().unwrap().to_str().unwrap();
        let file = file.split_once('#').map_or(file, |(name, _)| name);
        self.calls.lock().push(format!("{name} {file}"));
        let mut failing = self.failing.lock();
        if failing.0 == name && failing.1 > 0 {
            failing.1 -= 1;
            return Err(io::Error::other("the disk is broken"));
        }
        Ok(())
    }

    fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock())
    }
}

impl DurableFs for Disk {
    fn create_new(&self, path: &FsPath) -> io::Result<File> {
        self.call("create", path)?;
        RealFs.create_new(path)
    }
    fn write_at(&self, file: &File, path: &FsPath, bytes: &[u8], at: u64) -> io::Result<()> {
        self.call("write", path)?;
        RealFs.write_at(file, path, bytes, at)
    }
    fn sync_file(&self, file: &File, path: &FsPath) -> io::Result<()> {
        self.call("sync", path)?;
        RealFs.sync_file(file, path)
    }
    fn link_file(&self, from: &FsPath, to: &FsPath) -> io::Result<()> {
        self.call("link", to)?;
        RealFs.link_file(from, to)
    }
    fn rename_file(&self, from: &FsPath, to: &FsPath) -> io::Result<()> {
        self.call("rename", to)?;
        RealFs.rename_file(from, to)
    }
    fn remove_file(&self, path: &FsPath) -> io::Result<()> {
        self.call("remove", path)?;
        RealFs.remove_file(path)
    }
    fn create_dir(&self, path: &FsPath) -> io::Result<()> {
        self.call("mkdir", path)?;
        RealFs.create_dir(path)
    }
    fn sync_dir(&self, path: &FsPath) -> io::Result<()> {
        self.call("syncdir", path)?;
        RealFs.sync_dir(path)
    }
}

struct Setup {
    _folder: tempfile::TempDir,
    disk: Arc<Disk>,
    subject: LedgerFixture,
}

impl Setup {
    /// A ledger with entry 0 on a disk.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(Disk::default());
        let store = DurableLocal::with_fs(Arc::clone(&disk) as _);
        let subject = LedgerFixture::new(local_path(Arc::new(store), folder.path()));
        expect_committed(subject.open().append(0, note("a", 0)).await.unwrap());
        disk.take_calls();
        Self {
            _folder: folder,
            disk,
            subject,
        }
    }

    fn fail(&self, name: &'static str, times: usize) {
        *self.disk.failing.lock() = (name, times);
    }
}

const ONE: &str = "00000000000000000001.json";

#[tokio::test]
async fn an_entry_is_durable_before_it_is_acknowledged() {
    let t = Setup::new().await;
    expect_committed(
        t.subject
            .open_without_pauses()
            .append(1, note("a", 1))
            .await
            .unwrap(),
    );
    let expected = [
        format!("create {ONE}"),
        format!("write {ONE}"),
        format!("sync {ONE}"),
        format!("link {ONE}"),
        "syncdir _ledger".to_owned(),
        format!("remove {ONE}"),
    ];
    assert_eq!(t.disk.take_calls(), expected);
}

/// The name exists but is not durable: the append may return "committed" only after
/// another sync of the folder.
#[tokio::test]
async fn a_name_that_is_not_durable_is_synced_again() {
    let t = Setup::new().await;
    t.fail("syncdir", 1);
    expect_committed(
        t.subject
            .open_without_pauses()
            .append(1, note("a", 1))
            .await
            .unwrap(),
    );
    let calls = t.disk.take_calls();
    let syncs = calls.iter().filter(|call| call.starts_with("syncdir"));
    assert_eq!(syncs.count(), 2, "{calls:?}");

    t.fail("syncdir", usize::MAX);
    let error = t
        .subject
        .open_without_pauses()
        .append(2, note("a", 2))
        .await
        .unwrap_err();
    assert!(error.is_outcome_unknown(), "{error:?}");
    assert!(error.to_string().contains("check entry 2"), "{error}");
}

#[tokio::test]
async fn a_failed_write_leaves_nothing_and_a_hiccup_is_survived() {
    let t = Setup::new().await;
    for name in ["create", "write", "sync", "link"] {
        t.fail(name, usize::MAX);
        let error = t
            .subject
            .open_without_pauses()
            .append(1, note("a", 1))
            .await
            .unwrap_err();
        assert!(matches!(error, LedgerError::Store(_)), "{name}: {error:?}");
        assert_eq!(error.store_kind(), Some(StoreErrorKind::Other));
        assert_eq!(t.subject.open().read_tail().await.unwrap().unwrap().seq, 0);
    }
    for (name, seq) in ["create", "write", "sync", "link"].into_iter().zip(1..) {
        t.fail(name, 2);
        let appended = t
            .subject
            .open_without_pauses()
            .append(seq, note("a", seq))
            .await;
        expect_committed(appended.unwrap());
    }
}
