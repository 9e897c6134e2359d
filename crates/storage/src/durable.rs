//! A local store whose acknowledged writes survive a power cut.
//!
//! `object_store`'s local store never calls fsync. Here a put writes a
//! temporary file next to the final name, syncs it, links (create) or renames
//! (overwrite) it to the final name, and syncs the folder and every folder it
//! had to create. Only then does it return. Reads use `object_store`'s local
//! store.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    Result, UploadPart,
};

use crate::fs::{DurableFs, RealFs};
use crate::temporary;

const STORE: &str = "DurableLocal";

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

fn call<'a>(action: &'static str, path: &'a FsPath) -> impl FnOnce(io::Error) -> Error + 'a {
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
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await?,
        Err(_) => work(),
    }
}

/// How a finished temporary file gets its final name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Publish {
    /// Fail when the name is taken.
    Create,
    /// Replace the file that has the name.
    Overwrite,
}

/// A file that is being written under its temporary name.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) fs: Arc<dyn DurableFs>,
    pub(crate) file: File,
    pub(crate) temporary: PathBuf,
    pub(crate) target: PathBuf,
    /// Folders whose entries changed when missing folders were created.
    touched: Vec<PathBuf>,
    published: bool,
}

impl Staged {
    pub(crate) fn create(fs: Arc<dyn DurableFs>, target: PathBuf) -> Result<Self> {
        let temporary = temporary::name_for(&target);
        let mut touched = Vec::new();
        let file = match fs.create_new(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_parents(fs.as_ref(), &target, &mut touched)?;
                fs.create_new(&temporary)
            }
            result => result,
        }
        .map_err(call("create", &temporary))?;
        Ok(Self {
            fs,
            file,
            temporary,
            target,
            touched,
            published: false,
        })
    }

    fn write(&self, payload: &PutPayload, mut offset: u64) -> Result<()> {
        for chunk in payload {
            self.fs
                .write_at(&self.file, &self.temporary, chunk, offset)
                .map_err(call("write", &self.temporary))?;
            offset += chunk.len() as u64;
        }
        Ok(())
    }

    /// Makes the file durable under its final name. The order matters: a name
    /// must never become durable before its bytes.
    pub(crate) fn publish(mut self, publish: Publish) -> Result<PutResult> {
        let fs = Arc::clone(&self.fs);
        fs.sync_file(&self.file, &self.temporary)
            .map_err(call("sync", &self.temporary))?;
        let e_tag = e_tag(&self.file).map_err(call("read", &self.temporary))?;
        match publish {
            Publish::Create => {
                fs.link(&self.temporary, &self.target).map_err(|source| {
                    if source.kind() == io::ErrorKind::AlreadyExists {
                        Error::AlreadyExists {
                            path: self.target.display().to_string(),
                            source: source.into(),
                        }
                    } else {
                        call("link", &self.target)(source)
                    }
                })?;
            }
            Publish::Overwrite => {
                fs.rename(&self.temporary, &self.target)
                    .map_err(call("rename", &self.target))?;
                self.published = true;
            }
        }
        sync_parent(fs.as_ref(), &self.target)?;
        for folder in &self.touched {
            fs.sync_dir(folder).map_err(call("sync", folder))?;
        }
        // After a link the temporary name still exists: `drop` removes it.
        Ok(PutResult {
            e_tag: Some(e_tag),
            version: None,
        })
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.published {
            // Best effort: a leftover is harmless, and its name marks it as
            // temporary.
            if let Err(error) = self.fs.remove(&self.temporary) {
                tracing::debug!(path = %self.temporary.display(), %error, "cannot remove a temporary file");
            }
        }
    }
}

/// Creates the missing folders above `target`, and collects the folders whose
/// entries must then be synced, the outermost last.
fn create_parents(fs: &dyn DurableFs, target: &FsPath, touched: &mut Vec<PathBuf>) -> Result<()> {
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
            Err(error) => return Err(call("create folder", path)(error)),
        }
        if let Some(parent) = path.parent() {
            touched.push(parent.to_path_buf());
        }
    }
    touched.reverse();
    Ok(())
}

fn sync_parent(fs: &dyn DurableFs, path: &FsPath) -> Result<()> {
    match path.parent() {
        Some(folder) => fs.sync_dir(folder).map_err(call("sync", folder)),
        None => Ok(()),
    }
}

/// The same tag as `object_store`'s local store returns for reads.
fn e_tag(file: &File) -> io::Result<String> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata()?;
    let modified = metadata
        .modified()?
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_micros();
    Ok(format!(
        "{:x}-{modified:x}-{:x}",
        metadata.ino(),
        metadata.len()
    ))
}

/// An upload in parts. Dropping it before `complete` removes its file.
#[derive(Debug)]
struct Upload {
    staged: Option<Arc<Staged>>,
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
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let offset = self.offset;
        self.offset += data.content_length() as u64;
        let staged = self.staged.clone();
        blocking(move || {
            let staged = staged.ok_or_else(|| upload_error(UploadError::Ended))?;
            staged.write(&data, offset)
        })
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let staged = self
            .staged
            .take()
            .ok_or_else(|| upload_error(UploadError::Ended))?;
        blocking(move || {
            // Each part in flight holds a reference: renaming the file now would
            // show one that is still being written.
            Arc::try_unwrap(staged)
                .map_err(|_| upload_error(UploadError::PartsInFlight))?
                .publish(Publish::Overwrite)
        })
        .await
    }

    async fn abort(&mut self) -> Result<()> {
        let staged = self
            .staged
            .take()
            .ok_or_else(|| upload_error(UploadError::Ended))?;
        blocking(move || {
            drop(staged);
            Ok(())
        })
        .await
    }
}

impl DurableLocal {
    fn no_attributes(attributes: &object_store::Attributes, operation: &str) -> Result<()> {
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
        let path = self.inner.path_to_filesystem(to)?;
        blocking(move || {
            let mut touched = Vec::new();
            create_parents(fs.as_ref(), &path, &mut touched)?;
            Ok(touched)
        })
        .await
    }

    /// Syncs a file that got a new name, and the folders of that name.
    async fn sync_target(&self, to: &Path, touched: Vec<PathBuf>) -> Result<()> {
        let fs = Arc::clone(&self.fs);
        let path = self.inner.path_to_filesystem(to)?;
        blocking(move || {
            let file = File::open(&path).map_err(call("open", &path))?;
            fs.sync_file(&file, &path).map_err(call("sync", &path))?;
            sync_parent(fs.as_ref(), &path)?;
            for folder in &touched {
                fs.sync_dir(folder).map_err(call("sync", folder))?;
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
        Self::no_attributes(&opts.attributes, "put_opts")?;
        let publish = match opts.mode {
            PutMode::Create => Publish::Create,
            PutMode::Overwrite => Publish::Overwrite,
            PutMode::Update(_) => {
                return Err(Error::NotImplemented {
                    operation: "`put_opts` with mode `PutMode::Update`".to_owned(),
                    implementer: STORE.to_owned(),
                });
            }
        };
        let fs = Arc::clone(&self.fs);
        let target = self.inner.path_to_filesystem(location)?;
        blocking(move || {
            let staged = Staged::create(fs, target)?;
            staged.write(&payload, 0)?;
            staged.publish(publish)
        })
        .await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Self::no_attributes(&opts.attributes, "put_multipart_opts")?;
        let fs = Arc::clone(&self.fs);
        let target = self.inner.path_to_filesystem(location)?;
        let staged = blocking(move || Staged::create(fs, target)).await?;
        Ok(Box::new(Upload {
            staged: Some(Arc::new(staged)),
            offset: 0,
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        // Not synced: a file that reappears after a power cut is garbage again,
        // and the next garbage collection finds it.
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let touched = self.prepare_target(to).await?;
        self.inner.copy_opts(from, to, options).await?;
        self.sync_target(to, touched).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let touched = self.prepare_target(to).await?;
        self.inner.rename_opts(from, to, options).await?;
        self.sync_target(to, touched).await
    }
}

#[cfg(test)]
#[path = "durable_tests.rs"]
mod tests;
