//! What runs jobs: a scheduler, or a driver in this process.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice_proto::v1::JobError;
use sluice_service::console::Console;

use crate::job_client::JobClient;
use crate::limits::ConnectionLimits;
use crate::local::{LocalBackend, LocalBackendOptions};
use crate::master::Master;

/// What runs jobs, and how long to wait for it.
pub(crate) struct Backend<'a> {
    pub(crate) master: &'a Master,
    pub(crate) local: &'a LocalBackend,
    pub(crate) limits: ConnectionLimits,
}

impl Backend<'_> {
    pub(crate) async fn connect_client(
        &self,
        conf: &BTreeMap<String, String>,
        memory: Option<u64>,
        console: &Console,
    ) -> Result<Arc<JobClient>, JobError> {
        let client = match self.master {
            Master::Remote(addresses) => {
                let client = JobClient::connect(addresses.clone(), self.limits).await?;
                warn_of_version(&client, console);
                client
            }
            Master::Local(cores) => {
                let options = LocalBackendOptions {
                    cores: cores.core_count(),
                    memory,
                    conf: conf.clone(),
                };
                self.local.start_driver(options).await?
            }
        };
        Ok(Arc::new(client))
    }
}

/// Both may still understand each other, but no test shows it.
fn warn_of_version(client: &JobClient, console: &Console) {
    let own = sluice_service::VERSION;
    if let Some(version) = client.server_version().filter(|version| *version != own) {
        console.print_err(&format!(
            "warning: submit-job is version {own}, the scheduler is version {version}; use the \
             same version of both"
        ));
    }
}

/// The command that starts an executor of the cluster.
pub(crate) fn executor_hint(master: &Master) -> Option<String> {
    match master {
        Master::Local(_) => None,
        Master::Remote(addresses) => addresses.first().map(|address| {
            format!("executor --scheduler {address} --vcores 1 --work-dir /tmp/sluice-executor")
        }),
    }
}
