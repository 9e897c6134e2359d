//! Upload of one file to the object store.
//!
//! A small file is put in one request, a larger one in parts of equal size, a few
//! at a time. `object_store`'s own buffered writers are not used, because they
//! give up the upload without aborting it when a late part fails.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, Result};
use tokio::task::JoinSet;

/// Bytes of a part; smaller files are put in one request.
const PART_BYTES: usize = 8 << 20;

/// How many parts are in flight at the same time.
const PARTS_IN_FLIGHT: usize = 4;

/// An unfinished upload; the file exists in the store only after
/// [`Upload::finish`].
#[derive(Debug)]
pub(super) struct Upload {
    store: Arc<dyn ObjectStore>,
    path: Path,
    pending: Vec<Bytes>,
    pending_bytes: usize,
    multipart: Option<Box<dyn MultipartUpload>>,
    parts: JoinSet<Result<()>>,
}

impl Upload {
    pub(super) fn new(store: Arc<dyn ObjectStore>, path: Path) -> Self {
        Self {
            store,
            path,
            pending: Vec::new(),
            pending_bytes: 0,
            multipart: None,
            parts: JoinSet::new(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The maximum of bytes that are held in memory now.
    pub(super) fn buffered_bytes(&self) -> usize {
        self.pending_bytes + self.parts.len() * PART_BYTES
    }

    /// Adds bytes to the file.
    pub(super) async fn put_bytes(&mut self, bytes: Bytes) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.pending_bytes += bytes.len();
        self.pending.push(bytes);
        while self.pending_bytes >= PART_BYTES {
            let part = self.take_part();
            self.send_part(part).await?;
        }
        Ok(())
    }

    /// Uploads the rest and completes the file.
    pub(super) async fn finish(&mut self) -> Result<()> {
        self.pending_bytes = 0;
        let rest = PutPayload::from_iter(std::mem::take(&mut self.pending));
        if self.multipart.is_none() {
            self.store.put(&self.path, rest).await?;
            return Ok(());
        }
        if rest.content_length() > 0 {
            self.send_part(rest).await?;
        }
        while let Some(part) = self.parts.join_next().await {
            part.map_err(object_store::Error::from)??;
        }
        if let Some(multipart) = &mut self.multipart {
            multipart.complete().await?;
        }
        self.multipart = None;
        Ok(())
    }

    /// Aborts the upload, so that the store discards its parts.
    pub(super) async fn abort(mut self) -> Result<()> {
        self.parts.shutdown().await;
        match &mut self.multipart {
            Some(multipart) => multipart.abort().await,
            None => Ok(()),
        }
    }

    async fn send_part(&mut self, part: PutPayload) -> Result<()> {
        while self.parts.len() >= PARTS_IN_FLIGHT {
            if let Some(part) = self.parts.join_next().await {
                part.map_err(object_store::Error::from)??;
            }
        }
        let multipart = match &mut self.multipart {
            Some(multipart) => multipart,
            none => none.insert(self.store.put_multipart(&self.path).await?),
        };
        // Parts are numbered in the order of these calls.
        self.parts.spawn(multipart.put_part(part));
        Ok(())
    }

    fn take_part(&mut self) -> PutPayload {
        let mut missing = PART_BYTES;
        let mut part = Vec::new();
        let mut rest = Vec::new();
        for mut bytes in std::mem::take(&mut self.pending) {
            if missing == 0 {
                rest.push(bytes);
                continue;
            }
            let head = bytes.split_to(bytes.len().min(missing));
            missing -= head.len();
            part.push(head);
            if !bytes.is_empty() {
                rest.push(bytes);
            }
        }
        self.pending = rest;
        self.pending_bytes -= PART_BYTES;
        PutPayload::from_iter(part)
    }
}
