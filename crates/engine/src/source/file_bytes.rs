//! Reads the bytes of one file in chunks, also of a file that is a part of a joined one.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use datafusion::error::{DataFusionError, Result};
use futures::lock::Mutex;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResultPayload, ObjectStore, ObjectStoreExt};

use crate::display_path::display_path;

/// Bytes of one read of a local file: few enough to stay in the processor's
/// cache while they are decoded.
const LOCAL_READ_BYTES: u64 = 1 << 20;
/// Bytes of one request to an object store: enough to make requests few.
const REMOTE_READ_BYTES: u64 = 8 << 20;

/// What a task has read of a joined file in advance: it may read parts of it in several
/// pieces.
pub(super) type ReadAhead = Arc<Mutex<Option<JoinedChunk>>>;

/// Bytes of a joined file.
#[derive(Debug)]
pub(super) struct JoinedChunk {
    path: Path,
    /// The open local file; `None` where the store has none.
    local_file: Option<File>,
    /// The offset of the first of the bytes.
    start: u64,
    bytes: Bytes,
}

impl JoinedChunk {
    /// The first bytes of `range`, if there are any.
    fn slice(&self, range: &Range<u64>) -> Option<Bytes> {
        let from = usize::try_from(range.start.checked_sub(self.start)?).ok()?;
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let to = from.saturating_add(length).min(self.bytes.len());
        (from < to).then(|| self.bytes.slice(from..to))
    }
}

/// Reads ranges of a file: directly where the store has a local file, otherwise
/// by requests.
pub(super) struct FileBytes {
    store: Arc<dyn ObjectStore>,
    /// The URL that names the store.
    url: String,
    path: Path,
    /// Of a joined file: up to where it is read, and what was read already.
    joined: Option<(u64, ReadAhead)>,
    /// The open local file; `None` until it is known whether there is one.
    local_file: Option<Option<File>>,
}

impl FileBytes {
    pub(super) fn new(store: Arc<dyn ObjectStore>, url: &str, path: Path) -> Self {
        Self {
            store,
            url: url.to_owned(),
            path,
            joined: None,
            local_file: None,
        }
    }

    /// The bytes of a joined file, of which the task reads everything up to `read_to`
    /// from where it reads first.
    pub(super) fn of_joined(self, read_to: u64, read_ahead: ReadAhead) -> Self {
        Self {
            joined: Some((read_to, read_ahead)),
            ..self
        }
    }

    /// The first bytes of `range`, at least one of them.
    ///
    /// # Errors
    /// When the file cannot be read, or is shorter than it was when it was
    /// listed.
    pub(super) async fn read_chunk(&mut self, range: Range<u64>) -> Result<Bytes> {
        if let Some((read_to, read_ahead)) = &self.joined {
            let mut chunk = read_ahead.lock().await;
            return self.read_joined(*read_to, range, &mut chunk).await;
        }
        if self.local_file.is_none() {
            self.local_file = Some(open_local(&self.store, &self.path).await?);
        }
        if let Some(Some(file)) = &self.local_file {
            return self.read_local(file, range);
        }
        self.read_remote(range).await
    }

    /// The first bytes of a range of a joined file, from what was read in advance, or
    /// else with what the task will read next.
    async fn read_joined(
        &self,
        read_to: u64,
        range: Range<u64>,
        chunk: &mut Option<JoinedChunk>,
    ) -> Result<Bytes> {
        let known = chunk.take().filter(|chunk| chunk.path == self.path);
        let mut current = match known {
            Some(chunk) => chunk,
            None => JoinedChunk {
                path: self.path.clone(),
                local_file: open_local(&self.store, &self.path).await?,
                start: 0,
                bytes: Bytes::new(),
            },
        };
        let bytes = match current.slice(&range) {
            Some(bytes) => bytes,
            None => {
                let wanted = range.start..read_to.max(range.end);
                current.bytes = match &current.local_file {
                    Some(file) => self.read_local(file, wanted)?,
                    None => self.read_remote(wanted).await?,
                };
                current.start = range.start;
                current.slice(&range).unwrap_or_default()
            }
        };
        *chunk = Some(current);
        Ok(bytes)
    }

    fn read_local(&self, file: &File, range: Range<u64>) -> Result<Bytes> {
        let length = (range.end - range.start).min(LOCAL_READ_BYTES);
        let mut bytes = BytesMut::zeroed(usize::try_from(length).unwrap_or(usize::MAX));
        file.read_exact_at(&mut bytes, range.start)
            .map_err(|error| self.read_error(error))?;
        Ok(bytes.freeze())
    }

    async fn read_remote(&self, range: Range<u64>) -> Result<Bytes> {
        let end = range.end.min(range.start + REMOTE_READ_BYTES);
        let bytes = self.store.get_range(&self.path, range.start..end).await;
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

    fn read_error(&self, error: io::Error) -> DataFusionError {
        let path = display_path(&self.url, &self.path);
        let message = if error.kind() == io::ErrorKind::UnexpectedEof {
            format!("file {path} became shorter while it was read; landing files must not change")
        } else {
            format!("cannot read file {path}: {error}")
        };
        DataFusionError::IoError(io::Error::new(error.kind(), message))
    }
}

/// Opens a file, if the store has it as a local one.
async fn open_local(store: &Arc<dyn ObjectStore>, path: &Path) -> Result<Option<File>> {
    // A store of local files returns the open file and reads nothing yet; any other
    // store returns a stream, which is dropped.
    let options = GetOptions {
        range: Some(GetRange::Bounded(0..1)),
        ..GetOptions::default()
    };
    let got = store.get_opts(path, options).await;
    match got
        .map_err(|error| DataFusionError::ObjectStore(Box::new(error)))?
        .payload
    {
        GetResultPayload::File(file, _) => Ok(Some(file)),
        GetResultPayload::Stream(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use object_store::PutPayload;
    use object_store::memory::InMemory;
    use sluice_fault_store::{FaultyStore, Op};
    use sluice_storage::DurableLocal;

    use super::*;

    /// Reads a joined file of 100 bytes in ranges of 10, from the first to the last.
    async fn read_ranges(store: &Arc<dyn ObjectStore>, path: &Path, read_to: u64) -> Vec<u8> {
        let read_ahead = ReadAhead::default();
        let mut all = Vec::new();
        for start in (0..100).step_by(10) {
            let file = FileBytes::new(Arc::clone(store), "file:///", path.clone());
            let mut bytes = file.of_joined(read_to, Arc::clone(&read_ahead));
            assert_eq!(bytes.count_lines(start..start + 10).await.unwrap(), 1);
            let mut next = start;
            while next < start + 10 {
                let chunk = bytes.read_chunk(next..start + 10).await.unwrap();
                next += chunk.len() as u64;
                assert!(!chunk.is_empty() && next <= start + 10);
                all.extend_from_slice(&chunk);
            }
            // The beginning is read again.
            let chunk = bytes.read_chunk(start + 2..start + 4).await.unwrap();
            assert_eq!(chunk, all[all.len() - 8..all.len() - 6]);
        }
        all
    }

    fn content() -> Vec<u8> {
        let line = |letter: u8| std::iter::repeat_n(letter, 9).chain([b'\n']);
        (b'a'..=b'j').flat_map(line).collect()
    }

    #[tokio::test]
    async fn adjacent_parts_of_a_joined_file_are_read_with_one_request() {
        let path = Path::from("joined");
        for (read_to, requests) in [(100, 1), (0, 10)] {
            let faulty = FaultyStore::without_faults(Arc::new(InMemory::new()));
            let payload = PutPayload::from(content());
            faulty.inner().put(&path, payload).await.unwrap();
            let store: Arc<dyn ObjectStore> = Arc::new(faulty.clone());
            assert_eq!(read_ranges(&store, &path, read_to).await, content());
            // One request finds out whether the file is a local one.
            assert_eq!(faulty.counts().count_of(Op::Get), requests + 1, "{read_to}");
        }
    }

    #[tokio::test]
    async fn parts_of_a_local_joined_file_are_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("joined"), content()).unwrap();
        let path = Path::from_absolute_path(folder.path().join("joined")).unwrap();
        let store: Arc<dyn ObjectStore> = Arc::new(DurableLocal::new());
        for read_to in [100, 0] {
            assert_eq!(read_ranges(&store, &path, read_to).await, content());
        }
    }
}
