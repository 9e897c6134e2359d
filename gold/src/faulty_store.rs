//! A local store that fails on demand, for tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
};
use parking_lot::Mutex;
use sluice_store::DurableLocal;

/// What happens to the next write of a log entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It arrives, and the answer is lost.
    LostAnswer,
    /// It does not arrive, and the answer is an error that may go away.
    LostRequest,
    /// It arrives, is sent again by the client, and the answer says "exists".
    FalseConflict,
    /// Another writer is quicker.
    Overtaken,
    /// The disk is full.
    Full,
    /// It does not arrive, and reading back fails as well.
    Dead,
}

/// A local store with faults in the log. Everything else works.
#[derive(Debug)]
pub(crate) struct Faulty {
    inner: DurableLocal,
    pub(crate) faults: Mutex<Vec<Fault>>,
    dead_reads: Mutex<usize>,
}

impl Faulty {
    pub(crate) fn new() -> Self {
        Self {
            inner: DurableLocal::new(),
            faults: Mutex::default(),
            dead_reads: Mutex::default(),
        }
    }
}

impl std::fmt::Display for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faulty")
    }
}

fn failure(kind: std::io::ErrorKind) -> object_store::Error {
    object_store::Error::Generic {
        store: "Faulty",
        source: Box::new(std::io::Error::from(kind)),
    }
}

fn is_entry(path: &Path) -> bool {
    path.as_ref().contains("_delta_log/") && path.extension() == Some("json")
}

#[async_trait::async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> object_store::Result<PutResult> {
        let fault = match is_entry(location) {
            true => self.faults.lock().pop(),
            false => None,
        };
        let put = || self.inner.put_opts(location, payload.clone(), opts.clone());
        match fault {
            None => put().await,
            Some(Fault::LostAnswer) => {
                put().await?;
                Err(failure(std::io::ErrorKind::ConnectionReset))
            }
            Some(Fault::LostRequest) => Err(failure(std::io::ErrorKind::ConnectionReset)),
            Some(Fault::FalseConflict) => {
                put().await?;
                put().await
            }
            Some(Fault::Overtaken) => {
                let line = r#"{"commitInfo":{"timestamp":1,"operation":"WRITE","txnId":"x"}}"#;
                self.inner.put(location, line.into()).await?;
                put().await
            }
            Some(Fault::Full) => Err(failure(std::io::ErrorKind::StorageFull)),
            Some(Fault::Dead) => {
                *self.dead_reads.lock() += 1;
                Err(failure(std::io::ErrorKind::TimedOut))
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        if is_entry(path) {
            let mut dead = self.dead_reads.lock();
            if *dead > 0 {
                *dead -= 1;
                return Err(failure(std::io::ErrorKind::TimedOut));
            }
        }
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, a: &Path, b: &Path, o: CopyOptions) -> object_store::Result<()> {
        self.inner.copy_opts(a, b, o).await
    }

    async fn rename_opts(&self, a: &Path, b: &Path, o: RenameOptions) -> object_store::Result<()> {
        self.inner.rename_opts(a, b, o).await
    }
}
