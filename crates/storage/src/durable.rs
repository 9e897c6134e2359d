//! A local store whose acknowledged writes survive a power cut.
//!
//! `object_store`'s local store never calls fsync. Here a put writes a
//! temporary file next to the final name, syncs it, links (create) or renames
//! (overwrite) it to the final name, and syncs the folder and every folder it
//! had to create. Only then does it return. A create that finds the name taken
//! syncs the folder too, so that the name that it reports survives a power cut
//! even if its writer was interrupted before its own sync. Reads and listings
//! are in `local_reads`, because names may have any bytes.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    Result, UploadPart,
};

use crate::fs::{DurableFs, RealFs};
use crate::local_names::local_path;
use crate::local_reads::{delete_object, e_tag, list_below, list_folder, open_object, read_ranges};
use crate::temporary;

pub(crate) const STORE: &str = "DurableLocal";

/// How many files of a stream are deleted at the same time.
const CONCURRENT_DELETES: usize = 10;

/// The local file system as an object store with durable writes. Paths are
/// absolute, without the leading slash.
#[derive(Clone)]
pub struct DurableLocal {
    inner: LocalFileSystem,
    fs: Arc<dyn DurableFs>,
}

impl Default for DurableLocal {
    fn default() -> Self {
        Self::new()
    }
}

impl DurableLocal {
    /// The whole file system of this machine.
    pub fn new() -> Self {
        Self::with_fs(Arc::new(RealFs))
    }

    /// [`DurableLocal::new`] with other file system calls, for tests.
    pub fn with_fs(fs: Arc<dyn DurableFs>) -> Self {
        Self {
            inner: LocalFileSystem::new(),
            fs,
        }
    }
}

impl fmt::Display for DurableLocal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DurableLocal(file:///)")
    }
}

impl fmt::Debug for DurableLocal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A failed file system call, with its path.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
struct CallError {
    action: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

pub(crate) fn call_error<'a>(
    action: &'static str,
    path: &'a FsPath,
) -> impl FnOnce(io::Error) -> Error + 'a {
    move |source| {
        let kind = source.kind();
        let source = Box::new(CallError {
            action,
            path: path.to_path_buf(),
            source,
        });
        let path = path.display().to_string();
        match kind {
            io::ErrorKind::NotFound => Error::NotFound { path, source },
            io::ErrorKind::PermissionDenied => Error::PermissionDenied { path, source },
            _ => Error::Generic {
                store: STORE,
                source,
            },
        }
    }
}

/// Runs blocking work outside of the async threads, if there is a runtime.
pub(crate) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await?,
        Err(_) => work(),
    }
}

/// How a finished temporary file gets its final name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PersistMode {
    /// Fail when the name is taken.
    Create,
    /// Replace the file that has the name.
    Overwrite,
}

/// A file that is being written under its temporary name.
#[derive(Debug)]
pub(crate) struct TemporaryFile {
    pub(crate) fs: Arc<dyn DurableFs>,
    pub(crate) file: File,
    pub(crate) temporary_path: PathBuf,
    pub(crate) target_path: PathBuf,
    /// Folders whose entries changed when missing folders were created.
    changed_folders: Vec<PathBuf>,
    renamed: bool,
}

impl TemporaryFile {
    pub(crate) fn create(fs: Arc<dyn DurableFs>, target: PathBuf) -> Result<Self> {
        let temporary = temporary::temporary_name_for(&target);
        let mut changed_folders = Vec::new();
        let file = match fs.create_new(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_parents(fs.as_ref(), &target, &mut changed_folders)?;
                fs.create_new(&temporary)
            }
            result => result,
        }
        .map_err(call_error("create", &temporary))?;
        Ok(Self {
            fs,
            file,
            temporary_path: temporary,
            target_path: target,
            changed_folders,
            renamed: false,
        })
    }

    fn write_payload(&self, payload: &PutPayload, mut offset: u64) -> Result<()> {
        for chunk in payload {
            self.fs
                .write_at(&self.file, &self.temporary_path, chunk, offset)
                .map_err(call_error("write", &self.temporary_path))?;
            offset += chunk.len() as u64;
        }
        Ok(())
    }

    /// Makes the file durable under its final name. The order matters: a name
    /// must never become durable before its bytes.
    pub(crate) fn persist_as_target(mut self, mode: PersistMode) -> Result<PutResult> {
        let fs = Arc::clone(&self.fs);
        fs.sync_file(&self.file, &self.temporary_path)
            .map_err(call_error("sync", &self.temporary_path))?;
        let metadata = self.file.metadata();
        let e_tag = e_tag(&metadata.map_err(call_error("read", &self.temporary_path))?);
        match mode {
            PersistMode::Create => match fs.link_file(&self.temporary_path, &self.target_path) {
                Ok(()) => {}
                Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
                    sync_parent(fs.as_ref(), &self.target_path)?;
                    return Err(Error::AlreadyExists {
                        path: self.target_path.display().to_string(),
                        source: source.into(),
                    });
                }
                Err(source) => return Err(call_error("link", &self.target_path)(source)),
            },
            PersistMode::Overwrite => {
                fs.rename_file(&self.temporary_path, &self.target_path)
                    .map_err(call_error("rename", &self.target_path))?;
                self.renamed = true;
            }
        }
        sync_parent(fs.as_ref(), &self.target_path)?;
        for folder in &self.changed_folders {
            fs.sync_dir(folder).map_err(call_error("sync", folder))?;
        }
        // After a link the temporary name still exists: `drop` removes it.
        Ok(PutResult {
            e_tag: Some(e_tag),
            version: None,
        })
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if !self.renamed {
            // Best effort: a leftover is harmless, and its name marks it as
            // temporary.
            if let Err(error) = self.fs.remove_file(&self.temporary_path) {
                tracing::debug!(path = %self.temporary_path.display(), %error, "cannot remove a temporary file");
            }
        }
    }
}

/// Creates the missing folders above `target`, and collects the folders whose
/// entries must then be synced, the outermost last.
fn create_parents(
    fs: &dyn DurableFs,
    target: &FsPath,
    changed_folders: &mut Vec<PathBuf>,
) -> Result<()> {
    let mut missing = Vec::new();
    let mut folder = target.parent();
    while let Some(path) = folder.filter(|path| !path.exists()) {
        missing.push(path);
        folder = path.parent();
    }
    for path in missing.into_iter().rev() {
        match fs.create_dir(path) {
            Ok(()) => {}
            // Another writer created it, and may not have synced it yet.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(call_error("create folder", path)(error)),
        }
        if let Some(parent) = path.parent() {
            changed_folders.push(parent.to_path_buf());
        }
    }
    changed_folders.reverse();
    Ok(())
}

fn sync_parent(fs: &dyn DurableFs, path: &FsPath) -> Result<()> {
    match path.parent() {
        Some(folder) => fs.sync_dir(folder).map_err(call_error("sync", folder)),
        None => Ok(()),
    }
}

/// An upload in parts. Dropping it before `complete` removes its file.
#[derive(Debug)]
struct LocalUpload {
    temporary_file: Option<Arc<TemporaryFile>>,
    offset: u64,
}

#[derive(Debug, thiserror::Error)]
enum UploadError {
    #[error("the upload has already ended")]
    Ended,
    #[error("the upload is completed while parts are still being written")]
    PartsInFlight,
}

fn upload_error(error: UploadError) -> Error {
    Error::Generic {
        store: STORE,
        source: Box::new(error),
    }
}

#[async_trait]
impl MultipartUpload for LocalUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let offset = self.offset;
        self.offset += data.content_length() as u64;
        let staged = self.temporary_file.clone();
        run_blocking(move || {
            let staged = staged.ok_or_else(|| upload_error(UploadError::Ended))?;
            staged.write_payload(&data, offset)
        })
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let staged = self
            .temporary_file
            .take()
            .ok_or_else(|| upload_error(UploadError::Ended))?;
        run_blocking(move || {
            // Each part in flight holds a reference: renaming the file now would
            // show one that is still being written.
            Arc::try_unwrap(staged)
                .map_err(|_| upload_error(UploadError::PartsInFlight))?
                .persist_as_target(PersistMode::Overwrite)
        })
        .await
    }

    async fn abort(&mut self) -> Result<()> {
        let staged = self
            .temporary_file
            .take()
            .ok_or_else(|| upload_error(UploadError::Ended))?;
        run_blocking(move || {
            drop(staged);
            Ok(())
        })
        .await
    }
}

/// The file to write: names of files that are being written are not available.
fn local_target(location: &Path) -> Result<PathBuf> {
    match location.filename() {
        Some(name) if !temporary::is_temporary(name) => Ok(local_path(location)),
        _ => Err(Error::InvalidPath {
            source: object_store::path::Error::InvalidPath {
                path: local_path(location),
            },
        }),
    }
}

impl DurableLocal {
    fn refuse_attributes(attributes: &object_store::Attributes, operation: &str) -> Result<()> {
        if attributes.is_empty() {
            return Ok(());
        }
        Err(Error::NotImplemented {
            operation: format!("`{operation}` with attributes"),
            implementer: STORE.to_owned(),
        })
    }

    /// Creates the folders above `to`, because the inner store would not sync
    /// them; returns the folders to sync afterwards.
    async fn prepare_target(&self, to: &Path) -> Result<Vec<PathBuf>> {
        let fs = Arc::clone(&self.fs);
        let path = local_target(to)?;
        run_blocking(move || {
            let mut changed_folders = Vec::new();
            create_parents(fs.as_ref(), &path, &mut changed_folders)?;
            Ok(changed_folders)
        })
        .await
    }

    /// Syncs a file that got a new name, and the folders of that name.
    async fn sync_target(&self, to: &Path, changed_folders: Vec<PathBuf>) -> Result<()> {
        let fs = Arc::clone(&self.fs);
        let path = local_target(to)?;
        run_blocking(move || {
            let file = File::open(&path).map_err(call_error("open", &path))?;
            fs.sync_file(&file, &path)
                .map_err(call_error("sync", &path))?;
            sync_parent(fs.as_ref(), &path)?;
            for folder in &changed_folders {
                fs.sync_dir(folder).map_err(call_error("sync", folder))?;
            }
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl ObjectStore for DurableLocal {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        Self::refuse_attributes(&opts.attributes, "put_opts")?;
        let mode = match opts.mode {
            PutMode::Create => PersistMode::Create,
            PutMode::Overwrite => PersistMode::Overwrite,
            PutMode::Update(_) => {
                return Err(Error::NotImplemented {
                    operation: "`put_opts` with mode `PutMode::Update`".to_owned(),
                    implementer: STORE.to_owned(),
                });
            }
        };
        let fs = Arc::clone(&self.fs);
        let target = local_target(location)?;
        run_blocking(move || {
            let temporary_file = TemporaryFile::create(fs, target)?;
            temporary_file.write_payload(&payload, 0)?;
            temporary_file.persist_as_target(mode)
        })
        .await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Self::refuse_attributes(&opts.attributes, "put_multipart_opts")?;
        let fs = Arc::clone(&self.fs);
        let target = local_target(location)?;
        let temporary_file = run_blocking(move || TemporaryFile::create(fs, target)).await?;
        Ok(Box::new(LocalUpload {
            temporary_file: Some(Arc::new(temporary_file)),
            offset: 0,
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let location = location.clone();
        run_blocking(move || open_object(location, &options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let (location, ranges) = (location.clone(), ranges.to_vec());
        run_blocking(move || read_ranges(&location, ranges)).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        // Not synced: a file that reappears after a power cut is garbage again,
        // and the next garbage collection finds it.
        locations
            .map(|location| {
                run_blocking(move || {
                    let location = location?;
                    delete_object(&location)?;
                    Ok(location)
                })
            })
            .buffered(CONCURRENT_DELETES)
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        list_below(prefix.cloned().unwrap_or_default())
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = prefix.cloned().unwrap_or_default();
        run_blocking(move || list_folder(&prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let changed_folders = self.prepare_target(to).await?;
        self.inner.copy_opts(from, to, options).await?;
        self.sync_target(to, changed_folders).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let changed_folders = self.prepare_target(to).await?;
        self.inner.rename_opts(from, to, options).await?;
        self.sync_target(to, changed_folders).await
    }
}

#[cfg(test)]
mod tests;
