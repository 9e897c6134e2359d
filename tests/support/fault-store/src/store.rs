//! A wrapper around a store that injects faults.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    RenameOptions, Result,
};

use crate::calls::{Call, CallCounts, Op};
use crate::fault::{Fault, FaultScript, conflict_error, io_failure};
use crate::upload::FaultyUpload;

type FaultPlan = dyn Fn(&Call<'_>) -> Option<Fault> + Send + Sync;

/// A store that injects the faults of its plan and counts its calls. Clones share
/// the plan and the counts.
#[derive(Clone)]
pub struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    planner: FaultPlanner,
}

/// Counts calls and gets their faults from the plan.
#[derive(Clone)]
pub(crate) struct FaultPlanner {
    plan: Arc<FaultPlan>,
    counts: Arc<CallCounts>,
}

impl FaultPlanner {
    pub(crate) fn next_fault(&self, op: Op, path: &Path) -> Option<Fault> {
        self.counts.count_call(op);
        (self.plan)(&Call { op, path })
    }
}

impl FaultyStore {
    /// A store with the faults that `plan` returns.
    pub fn new(
        inner: Arc<dyn ObjectStore>,
        plan: impl Fn(&Call<'_>) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner,
            planner: FaultPlanner {
                plan: Arc::new(plan),
                counts: Arc::default(),
            },
        }
    }

    /// A store without faults that counts its calls.
    pub fn without_faults(inner: Arc<dyn ObjectStore>) -> Self {
        Self::new(inner, |_| None)
    }

    /// A store in which each call that `matches` accepts takes the next fault of the
    /// returned script.
    pub fn with_script(
        inner: Arc<dyn ObjectStore>,
        matches: impl Fn(&Call<'_>) -> bool + Send + Sync + 'static,
    ) -> (Self, FaultScript) {
        let script = FaultScript::default();
        let faults = script.clone();
        let plan = move |call: &Call<'_>| matches(call).then(|| faults.take_next()).flatten();
        (Self::new(inner, plan), script)
    }

    /// The counts of its calls.
    pub fn counts(&self) -> &CallCounts {
        &self.planner.counts
    }

    /// The wrapped store, without faults.
    pub fn inner(&self) -> &Arc<dyn ObjectStore> {
        &self.inner
    }

    fn next_fault(&self, op: Op, path: &Path) -> Option<Fault> {
        self.planner.next_fault(op, path)
    }

    async fn faulty_put(
        &self,
        fault: Fault,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let put = || self.inner.put_opts(location, payload.clone(), opts.clone());
        match &fault {
            Fault::LostAnswer => {
                // The result is lost, whatever it was.
                let _ = put().await;
                Err(io_failure(io::ErrorKind::ConnectionReset))
            }
            Fault::LostRequest => Err(io_failure(io::ErrorKind::ConnectionReset)),
            Fault::SentTwice => {
                put().await?;
                put().await
            }
            Fault::FalseConflict => Err(conflict_error(location)),
            Fault::OtherWriterFirst(bytes) => {
                self.inner.put(location, bytes.clone().into()).await?;
                put().await
            }
            Fault::DelayedRequest(_) | Fault::DelayedAnswer(_) => {
                fault.delay_request().await;
                let result = put().await;
                fault.delay_answer().await;
                result
            }
            Fault::ArrivesAfterTimeout(wait) => {
                let (inner, location, wait) = (Arc::clone(&self.inner), location.clone(), *wait);
                tokio::spawn(async move {
                    wait.wait_out().await;
                    // The caller has already got an error.
                    let _ = inner.put_opts(&location, payload, opts).await;
                });
                Err(io_failure(io::ErrorKind::TimedOut))
            }
            Fault::Refused(kind) => Err(io_failure(*kind)),
        }
    }

    fn faulty_list(
        &self,
        prefix: Option<&Path>,
        list: impl FnOnce(&dyn ObjectStore) -> BoxStream<'static, Result<ObjectMeta>> + Send + 'static,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let fault = self.next_fault(Op::List, &prefix.cloned().unwrap_or_default());
        if let Some(error) = fault.as_ref().and_then(Fault::call_error) {
            return stream::once(async { Err(error) }).boxed();
        }
        let inner = Arc::clone(&self.inner);
        let counts = Arc::clone(&self.planner.counts);
        stream::once(async move {
            if let Some(fault) = &fault {
                fault.delay_request().await;
            }
            list(inner.as_ref())
        })
        .flatten()
        .inspect(move |_| counts.count_listed())
        .boxed()
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyStore({})", self.inner)
    }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Runs a call that is not a put: delays it, fails it, or passes it on.
async fn call_with_fault<T>(
    fault: Option<Fault>,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    let Some(fault) = fault else {
        return call.await;
    };
    if let Some(error) = fault.call_error() {
        return Err(error);
    }
    fault.delay_request().await;
    let result = call.await;
    fault.delay_answer().await;
    result
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let op = match opts.mode {
            PutMode::Create => Op::Create,
            PutMode::Overwrite | PutMode::Update(_) => Op::Put,
        };
        match self.next_fault(op, location) {
            None => self.inner.put_opts(location, payload, opts).await,
            Some(fault) => self.faulty_put(fault, location, payload, opts).await,
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let fault = self.next_fault(Op::Upload, location);
        let upload = call_with_fault(fault, self.inner.put_multipart_opts(location, opts)).await?;
        Ok(Box::new(FaultyUpload::new(
            upload,
            self.planner.clone(),
            location.clone(),
        )))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let op = if options.head { Op::Head } else { Op::Get };
        let fault = self.next_fault(op, location);
        call_with_fault(fault, self.inner.get_opts(location, options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let fault = self.next_fault(Op::Get, location);
        call_with_fault(fault, self.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let judge = self.planner.clone();
        let locations = locations.then(move |location| {
            let fault = location
                .as_ref()
                .ok()
                .and_then(|location| judge.next_fault(Op::Delete, location));
            call_with_fault(fault, async move { location })
        });
        self.inner.delete_stream(locations.boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let owned = prefix.cloned();
        self.faulty_list(prefix, move |inner| inner.list(owned.as_ref()))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let (owned, offset) = (prefix.cloned(), offset.clone());
        self.faulty_list(prefix, move |inner| {
            inner.list_with_offset(owned.as_ref(), &offset)
        })
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let fault = self.next_fault(Op::List, &prefix.cloned().unwrap_or_default());
        let result = call_with_fault(fault, self.inner.list_with_delimiter(prefix)).await?;
        for _ in &result.objects {
            self.planner.counts.count_listed();
        }
        Ok(result)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let fault = self.next_fault(Op::Copy, to);
        call_with_fault(fault, self.inner.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let fault = self.next_fault(Op::Copy, to);
        call_with_fault(fault, self.inner.rename_opts(from, to, options)).await
    }
}
