//! Uploads in parts.

use std::fmt;

use async_trait::async_trait;
use futures::FutureExt as _;
use object_store::path::Path;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};

use crate::calls::Op;
use crate::fault::{Fault, io_failure};
use crate::store::FaultPlanner;

/// An upload whose parts and completion may fail. Its abort is counted and never
/// fails.
pub(crate) struct FaultyUpload {
    inner: Box<dyn MultipartUpload>,
    planner: FaultPlanner,
    path: Path,
}

impl FaultyUpload {
    pub(crate) fn new(inner: Box<dyn MultipartUpload>, planner: FaultPlanner, path: Path) -> Self {
        Self {
            inner,
            planner,
            path,
        }
    }
}

impl fmt::Debug for FaultyUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FaultyUpload").field(&self.inner).finish()
    }
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let fault = self.planner.next_fault(Op::Part, &self.path);
        if let Some(error) = fault.as_ref().and_then(Fault::call_error) {
            return async { Err(error) }.boxed();
        }
        let part = self.inner.put_part(data);
        async move {
            if let Some(fault) = &fault {
                fault.delay_request().await;
            }
            part.await
        }
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let fault = self.planner.next_fault(Op::Complete, &self.path);
        if let Some(Fault::LostAnswer) = fault {
            // The result is lost, whatever it was.
            let _ = self.inner.complete().await;
            return Err(io_failure(std::io::ErrorKind::ConnectionReset));
        }
        if let Some(error) = fault.as_ref().and_then(Fault::call_error) {
            return Err(error);
        }
        if let Some(fault) = &fault {
            fault.delay_request().await;
        }
        self.inner.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.planner.next_fault(Op::Abort, &self.path);
        self.inner.abort().await
    }
}
