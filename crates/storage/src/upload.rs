//! Upload of one file to an object store.
//!
//! A small file is put in one request, a larger one in parts of equal size, a few
//! at a time. `object_store`'s own buffered writers are not used, because they
//! give up the upload without aborting it when a late part fails, and a store
//! keeps the parts of such an upload, and charges for them, until it is aborted.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, Result};
use tokio::task::JoinSet;

/// Bytes of a part; smaller files are put in one request.
pub const UPLOAD_PART_BYTES: usize = 8 << 20;

/// How many parts are in flight at the same time.
const PARTS_IN_FLIGHT: usize = 4;

/// An unfinished upload; the file exists in the store only after
/// [`Upload::finish`]. An upload that fails or is dropped is aborted, so that the
/// store discards its parts.
#[derive(Debug)]
pub struct Upload {
    store: Arc<dyn ObjectStore>,
    path: Path,
    pending: Vec<Bytes>,
    pending_bytes: usize,
    multipart: Option<MultipartParts>,
}

/// An upload in parts that has been started in the store.
#[derive(Debug)]
struct MultipartParts {
    multipart: Box<dyn MultipartUpload>,
    in_flight: JoinSet<Result<()>>,
}

impl MultipartParts {
    /// Waits until at most `count` parts are in flight.
    async fn wait_for_parts(&mut self, count: usize) -> Result<()> {
        while self.in_flight.len() > count {
            if let Some(part) = self.in_flight.join_next().await {
                part.map_err(object_store::Error::from)??;
            }
        }
        Ok(())
    }

    async fn send_part(&mut self, part: PutPayload) -> Result<()> {
        self.wait_for_parts(PARTS_IN_FLIGHT - 1).await?;
        // Parts are numbered in the order of these calls.
        self.in_flight.spawn(self.multipart.put_part(part));
        Ok(())
    }

    async fn complete(&mut self, rest: PutPayload) -> Result<()> {
        if rest.content_length() > 0 {
            self.send_part(rest).await?;
        }
        self.wait_for_parts(0).await?;
        self.multipart.complete().await.map(drop)
    }

    async fn abort(mut self) -> Result<()> {
        // A part that arrives after the abort would stay in the store.
        self.in_flight.shutdown().await;
        self.multipart.abort().await
    }
}

impl Upload {
    /// The upload of the object `path`. Calls nothing yet.
    pub fn new(store: Arc<dyn ObjectStore>, path: Path) -> Self {
        Self {
            store,
            path,
            pending: Vec::new(),
            pending_bytes: 0,
            multipart: None,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The maximum of bytes that are held in memory now.
    pub fn buffered_bytes(&self) -> usize {
        let parts = self.multipart.as_ref().map_or(0, |m| m.in_flight.len());
        self.pending_bytes + parts * UPLOAD_PART_BYTES
    }

    /// Adds bytes to the file.
    ///
    /// # Errors
    /// When the store fails; the upload must then be aborted or dropped.
    pub async fn put_bytes(&mut self, bytes: Bytes) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.pending_bytes += bytes.len();
        self.pending.push(bytes);
        while self.pending_bytes >= UPLOAD_PART_BYTES {
            let part = self.take_part();
            let multipart = match &mut self.multipart {
                Some(multipart) => multipart,
                none => none.insert(MultipartParts {
                    multipart: self.store.put_multipart(&self.path).await?,
                    in_flight: JoinSet::new(),
                }),
            };
            multipart.send_part(part).await?;
        }
        Ok(())
    }

    /// Uploads the rest and completes the file.
    ///
    /// # Errors
    /// When the store fails. The file may exist if only the last response was
    /// lost. The upload must be aborted or dropped.
    pub async fn finish(&mut self) -> Result<()> {
        self.pending_bytes = 0;
        let rest = PutPayload::from_iter(std::mem::take(&mut self.pending));
        match &mut self.multipart {
            None => self.store.put(&self.path, rest).await.map(drop),
            Some(multipart) => {
                multipart.complete(rest).await?;
                self.multipart = None;
                Ok(())
            }
        }
    }

    /// Aborts the upload, so that the store discards its parts.
    ///
    /// # Errors
    /// When the store fails to abort it.
    pub async fn abort(mut self) -> Result<()> {
        match self.multipart.take() {
            Some(multipart) => multipart.abort().await,
            None => Ok(()),
        }
    }

    fn take_part(&mut self) -> PutPayload {
        let mut missing = UPLOAD_PART_BYTES;
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
        self.pending_bytes -= UPLOAD_PART_BYTES;
        PutPayload::from_iter(part)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(multipart) = self.multipart.take() else {
            return;
        };
        // When the runtime is shutting down, nothing can run the abort; then only
        // a lifecycle rule of the bucket removes the parts.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            tracing::warn!(path = %self.path, "an unfinished upload was not aborted");
            return;
        };
        let path = self.path.clone();
        runtime.spawn(async move {
            if let Err(error) = multipart.abort().await {
                tracing::warn!(%path, %error, "an unfinished upload was not aborted");
            }
        });
    }
}

#[cfg(test)]
mod tests;
