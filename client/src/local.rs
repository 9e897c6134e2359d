//! The driver of `--master local`, which runs in this process.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use sluice_proto::v1::JobError;
use sluice_proto::v1::job_service_server::JobService;

use crate::job_client::JobClient;

/// Options of a driver in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalBackendOptions {
    /// At least one.
    pub cores: usize,
    /// What operators may hold, in bytes; a share of the machine's memory when not
    /// given.
    pub memory: Option<u64>,
    /// The settings of the run.
    pub conf: BTreeMap<String, String>,
}

type StartDriver =
    dyn Fn(LocalBackendOptions) -> BoxFuture<'static, Result<JobClient, JobError>> + Send + Sync;

/// Starts a driver in this process. The caller of this library passes it in, so
/// that the library does not depend on the engine.
#[derive(Clone)]
pub struct LocalBackend(Arc<StartDriver>);

impl LocalBackend {
    /// `start` starts the service. It is called once, inside a multi-threaded
    /// runtime.
    pub fn new<F, S>(start: impl Fn(LocalBackendOptions) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Arc<S>, JobError>> + Send + 'static,
        S: JobService,
    {
        Self(Arc::new(move |options| {
            start(options)
                .map(|service| service.map(JobClient::in_process))
                .boxed()
        }))
    }

    pub(crate) async fn start_driver(
        &self,
        options: LocalBackendOptions,
    ) -> Result<JobClient, JobError> {
        (self.0)(options).await
    }
}

impl fmt::Debug for LocalBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalBackend")
    }
}
