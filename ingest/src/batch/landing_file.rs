//! Writes one landing file: compressed, with a checksum, durable under its final
//! name.

use std::hash::Hasher as _;
use std::io::{self, Read as _, Seek as _, Write};
use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStoreExt as _;
use sluice_storage::{
    DurableFile, Location, StoreError, StoreErrorKind, StorePath, UPLOAD_PART_BYTES, Upload,
};
use tokio::runtime::Handle;
use twox_hash::XxHash3_64;

use sluice_landing::{CompressingWriter, Compression, LandedRange, StoredFile};

/// The folder of a topic, and how to write there.
#[derive(Debug, Clone)]
pub(crate) enum TopicFolder {
    /// On this machine: files are written in place, under temporary names.
    Local {
        folder: PathBuf,
        store_path: StorePath,
    },
    /// In a bucket: files are written to a local file first, because an upload
    /// needs the object's name, and the name contains the end offset.
    Remote {
        store_path: StorePath,
        runtime: Handle,
    },
}

impl TopicFolder {
    /// Must be called inside a Tokio runtime.
    pub(crate) fn new(store_path: StorePath) -> Self {
        match store_path.location.local_path() {
            Some(folder) => Self::Local { folder, store_path },
            None => Self::Remote {
                store_path,
                runtime: Handle::current(),
            },
        }
    }

    pub(crate) fn store_path(&self) -> &StorePath {
        match self {
            Self::Local { store_path, .. } | Self::Remote { store_path, .. } => store_path,
        }
    }

    fn location_of(&self, below: &str) -> Result<Location, StoreError> {
        self.store_path().location.join(below)
    }
}

/// Formats a checksum the way entries store it.
pub(crate) fn format_checksum(hash: &XxHash3_64) -> String {
    format!("xxh3-64:{:016x}", hash.finish())
}

/// Forwards bytes to a file, and computes their size and checksum.
struct ChecksumWriter {
    sink: FileSink,
    hash: XxHash3_64,
    bytes: u64,
}

enum FileSink {
    Local(DurableFile),
    Spool(std::fs::File),
}

impl Write for ChecksumWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.sink {
            FileSink::Local(file) => file.write(bytes)?,
            FileSink::Spool(file) => file.write(bytes)?,
        };
        self.hash.write(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is being written. Dropping it removes what was written.
pub(crate) struct LandingFile {
    folder: TopicFolder,
    /// `_rejects`, or none.
    subfolder: Option<&'static str>,
    encoder: CompressingWriter<ChecksumWriter>,
}

impl LandingFile {
    /// Creates a file in the topic's folder, or in a subfolder of it.
    pub(crate) fn create(
        folder: &TopicFolder,
        below: Option<&'static str>,
        hint: &str,
        compression: Compression,
    ) -> Result<Self, StoreError> {
        let fail =
            |source: io::Error| StoreError::access("write", &folder.store_path().location, source);
        let to = match folder {
            TopicFolder::Local { folder: path, .. } => {
                let path = below.map_or_else(|| path.clone(), |below| path.join(below));
                let file = DurableFile::create(&path, hint).map_err(|source| {
                    StoreError::access("write", &folder.store_path().location, source)
                })?;
                FileSink::Local(file)
            }
            TopicFolder::Remote { .. } => FileSink::Spool(tempfile::tempfile().map_err(fail)?),
        };
        let summed = ChecksumWriter {
            sink: to,
            hash: XxHash3_64::with_seed(0),
            bytes: 0,
        };
        Ok(Self {
            folder: folder.clone(),
            subfolder: below,
            encoder: CompressingWriter::new(compression, summed).map_err(fail)?,
        })
    }

    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.encoder.write_all(bytes).map_err(|source| {
            StoreError::access("write", &self.folder.store_path().location, source)
        })
    }

    /// Makes the file durable under this name.
    pub(crate) fn persist_as(self, name: &str) -> Result<StoredFile, StoreError> {
        let path = match self.subfolder {
            Some(below) => format!("{below}/{name}"),
            None => name.to_owned(),
        };
        let location = self.folder.location_of(&path)?;
        let fail = |source: io::Error| StoreError::access("write", &location, source);
        let summed = self.encoder.finish().map_err(fail)?;
        match (summed.sink, &self.folder) {
            (FileSink::Local(file), _) => file
                .persist_as(name)
                .map_err(|source| StoreError::access("write", &location, source))?,
            (
                FileSink::Spool(file),
                TopicFolder::Remote {
                    store_path,
                    runtime,
                },
            ) => runtime
                .block_on(upload_file(store_path, &location, file))
                .map_err(|source| StoreError::access("write", &location, source))?,
            (FileSink::Spool(_), TopicFolder::Local { .. }) => {
                return Err(fail(io::Error::other("a local file cannot be spooled")));
            }
        }
        Ok(StoredFile {
            path,
            bytes: summed.bytes,
            checksum: format_checksum(&summed.hash),
        })
    }
}

/// Uploads a spooled file to its object. The name is unique, so nothing is
/// overwritten. When it fails, it leaves no parts in the bucket.
async fn upload_file(
    store_path: &StorePath,
    location: &Location,
    file: std::fs::File,
) -> object_store::Result<()> {
    let mut upload = Upload::new(Arc::clone(&store_path.store), location.path().clone());
    let Err(error) = upload_bytes(&mut upload, file).await else {
        return Ok(());
    };
    if let Err(error) = upload.abort().await {
        tracing::warn!(%location, %error, "the upload of a landing file was not aborted");
    }
    Err(error)
}

async fn upload_bytes(upload: &mut Upload, mut file: std::fs::File) -> object_store::Result<()> {
    let spool_error = |source: io::Error| object_store::Error::Generic {
        store: "spool",
        source: Box::new(source),
    };
    file.rewind().map_err(spool_error)?;
    let mut reader = file.take(u64::MAX);
    loop {
        let mut part = Vec::new();
        reader.set_limit(UPLOAD_PART_BYTES as u64);
        reader.read_to_end(&mut part).map_err(spool_error)?;
        if part.is_empty() {
            return upload.finish().await;
        }
        upload.put_bytes(part.into()).await?;
    }
}

/// Deletes a file of a topic's folder. A file that does not exist is no error.
pub(crate) async fn delete_file(store_path: &StorePath, path: &str) -> Result<(), StoreError> {
    let location = store_path.location.join(path)?;
    let removed = match location.local_path() {
        // The store hides temporary names.
        Some(file) => tokio::task::spawn_blocking(move || std::fs::remove_file(file))
            .await
            .map_err(std::io::Error::other)
            .and_then(|removed| removed)
            .map_err(|source| StoreError::access("delete", &location, source)),
        None => store_path
            .store
            .delete(location.path())
            .await
            .map_err(|source| StoreError::access("delete", &location, source)),
    };
    match removed {
        Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Deletes the files of ranges that will never be committed. Best effort: a file
/// that remains is an orphan.
pub(crate) async fn discard_files(store_path: &StorePath, ranges: &[LandedRange]) {
    for file in ranges.iter().flat_map(LandedRange::files) {
        if let Err(error) = delete_file(store_path, &file.path).await {
            tracing::debug!(file = file.path, %error, "a dropped file stays as an orphan");
        }
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt as _;
    use object_store::memory::InMemory;
    use sluice_fault_store::{Fault, FaultyStore, Op};
    use sluice_landing::REJECTS_FOLDER;
    use sluice_storage::{StoreOptions, Stores};

    use super::*;

    #[tokio::test]
    async fn a_file_has_the_size_and_checksum_that_are_recorded() {
        let root = tempfile::tempdir().unwrap();
        let stores = Stores::new(StoreOptions::new());
        let location = stores
            .parse_location(root.path().to_str().unwrap())
            .unwrap();
        let folder = TopicFolder::new(stores.open(&location).unwrap());
        for (below, compression) in [
            (None, Compression::None),
            (Some(REJECTS_FOLDER), Compression::Zstd),
        ] {
            let mut output = LandingFile::create(&folder, below, "t-0", compression).unwrap();
            output.write_bytes(b"{\"a\":1}\n").unwrap();
            let stored = output.persist_as("t-0-0-1-ab").unwrap();
            let bytes = std::fs::read(root.path().join(&stored.path)).unwrap();
            assert_eq!(bytes.len() as u64, stored.bytes);
            let mut hash = XxHash3_64::with_seed(0);
            hash.write(&bytes);
            assert_eq!(format_checksum(&hash), stored.checksum);
        }
    }

    /// Writes a file of this length to a folder that is treated as a bucket.
    async fn write_to_bucket(
        store_path: &StorePath,
        length: usize,
    ) -> Result<StoredFile, StoreError> {
        let folder = TopicFolder::Remote {
            store_path: store_path.clone(),
            runtime: Handle::current(),
        };
        let write = move || {
            let mut output = LandingFile::create(&folder, None, "t", Compression::None)?;
            output.write_bytes(&vec![b'x'; length])?;
            output.persist_as(&format!("t-{length}"))
        };
        tokio::task::spawn_blocking(write).await.unwrap()
    }

    fn bucket(store: Arc<dyn object_store::ObjectStore>) -> StorePath {
        let stores = Stores::with_local(StoreOptions::new(), store);
        let location = stores.parse_location("/bucket").unwrap();
        stores.open(&location).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_bucket_gets_whole_objects() {
        let store_path = bucket(Arc::new(InMemory::new()));
        for length in [10, UPLOAD_PART_BYTES, UPLOAD_PART_BYTES + 10] {
            let stored = write_to_bucket(&store_path, length).await.unwrap();
            let object = store_path.location.join(&stored.path).unwrap();
            let meta = store_path.store.head(object.path()).await.unwrap();
            assert_eq!((meta.size, stored.bytes), (length as u64, length as u64));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_failed_upload_leaves_no_parts_in_the_bucket() {
        for (op, nth) in [
            (Op::Part, 0),
            (Op::Part, 1),
            (Op::Part, 2),
            (Op::Complete, 0),
        ] {
            let (faulty, faults) =
                FaultyStore::with_script(Arc::new(InMemory::new()), move |call| call.op == op);
            let no_fault = Fault::DelayedRequest(sluice_fault_store::Delay::Turns(0));
            let refused = Fault::Refused(io::ErrorKind::StorageFull);
            let before = std::iter::repeat_n(no_fault, nth);
            faults.set_faults(before.chain([refused]));
            let store_path = bucket(Arc::new(faulty.clone()));
            let length = 2 * UPLOAD_PART_BYTES + 10;
            let error = write_to_bucket(&store_path, length).await.unwrap_err();
            assert_eq!(error.kind(), sluice_storage::StoreErrorKind::NoSpace);
            assert_eq!(faulty.counts().count_of(Op::Abort), 1, "{op:?} {nth}");
            let name = store_path.location.join(&format!("t-{length}")).unwrap();
            assert!(faulty.inner().head(name.path()).await.is_err());
        }
    }
}
