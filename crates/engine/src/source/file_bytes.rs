//! Reads the bytes of one file in chunks.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use datafusion::error::{DataFusionError, Result};
use object_store::{
    GetOptions, GetRange, GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt,
};

use crate::display_path::display_path;

/// Bytes of one read of a local file: few enough to stay in the processor's
/// cache while they are decoded.
const LOCAL_READ_BYTES: u64 = 1 << 20;
/// Bytes of one request to an object store: enough to make requests few.
const REMOTE_READ_BYTES: u64 = 8 << 20;

/// Reads ranges of a file: directly where the store has a local file, otherwise
/// by requests.
pub(super) struct FileBytes {
    store: Arc<dyn ObjectStore>,
    /// The URL that names the store.
    url: String,
    meta: ObjectMeta,
    /// The open local file; `None` until it is known whether there is one.
    local_file: Option<Option<File>>,
}

impl FileBytes {
    pub(super) fn new(store: Arc<dyn ObjectStore>, url: &str, meta: ObjectMeta) -> Self {
        Self {
            store,
            url: url.to_owned(),
            meta,
            local_file: None,
        }
    }

    /// The first bytes of `range`, at least one of them.
    ///
    /// # Errors
    /// When the file cannot be read, or is shorter than it was when it was
    /// listed.
    pub(super) async fn read_chunk(&mut self, range: Range<u64>) -> Result<Bytes> {
        if self.local_file.is_none() {
            self.local_file = Some(self.open_local().await?);
        }
        if let Some(Some(file)) = &self.local_file {
            let length = (range.end - range.start).min(LOCAL_READ_BYTES);
            let mut bytes = BytesMut::zeroed(usize::try_from(length).unwrap_or(usize::MAX));
            file.read_exact_at(&mut bytes, range.start)
                .map_err(|error| self.read_error(error))?;
            return Ok(bytes.freeze());
        }
        let end = range.end.min(range.start + REMOTE_READ_BYTES);
        let bytes = self
            .store
            .get_range(&self.meta.location, range.start..end)
            .await;
        bytes.map_err(|error| DataFusionError::ObjectStore(Box::new(error)))
    }

    /// The number of line feeds in `range`.
    pub(super) async fn count_lines(&mut self, range: Range<u64>) -> Result<u64> {
        let mut lines = 0;
        let mut from = range.start;
        while from < range.end {
            let bytes = self.read_chunk(from..range.end).await?;
            lines += memchr::memchr_iter(b'\n', &bytes).count() as u64;
            from += bytes.len() as u64;
        }
        Ok(lines)
    }

    async fn open_local(&self) -> Result<Option<File>> {
        if self.meta.size == 0 {
            return Ok(None);
        }
        // A store of local files returns the open file and reads nothing yet;
        // any other store returns a stream, which is dropped.
        let options = GetOptions {
            range: Some(GetRange::Bounded(0..1)),
            ..GetOptions::default()
        };
        let got = self.store.get_opts(&self.meta.location, options).await;
        match got
            .map_err(|error| DataFusionError::ObjectStore(Box::new(error)))?
            .payload
        {
            GetResultPayload::File(file, _) => Ok(Some(file)),
            GetResultPayload::Stream(_) => Ok(None),
        }
    }

    fn read_error(&self, error: io::Error) -> DataFusionError {
        let path = display_path(&self.url, &self.meta.location);
        let message = if error.kind() == io::ErrorKind::UnexpectedEof {
            format!("file {path} became shorter while it was read; landing files must not change")
        } else {
            format!("cannot read file {path}: {error}")
        };
        DataFusionError::IoError(io::Error::new(error.kind(), message))
    }
}
