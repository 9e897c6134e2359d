//! Whether executors can be reached where they say they are.
//!
//! An executor that the scheduler cannot connect to would be lost with the first
//! task that is sent to it. It tries to register several times a second, for as long
//! as the network or its settings are wrong.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista_core::serde::protobuf::ExecutorRegistration;
use parking_lot::Mutex;
use sluice_service::outage::Outage;
use tokio::net::TcpStream;
use tonic::Status;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How many addresses that do not answer are remembered.
const MAX_ADDRESSES: usize = 10_000;

/// Connects to executors before they are registered, and logs which do not answer.
#[derive(Clone, Default)]
pub(crate) struct Reachability {
    /// By address.
    outages: Arc<Mutex<HashMap<String, Outage>>>,
}

impl Reachability {
    /// Refuses an executor that cannot be reached.
    pub(crate) async fn require_reachable(
        &self,
        executor: &ExecutorRegistration,
    ) -> Result<(), Status> {
        // Without a host, the address is that of the request.
        let Some(host) = &executor.host else {
            return Ok(());
        };
        let port = u16::try_from(executor.grpc_port)
            .map_err(|_| Status::invalid_argument("the executor's port is not one"))?;
        let address = format!("{host}:{port}");
        let target = (host.trim_matches(['[', ']']), port);
        let reason = match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(target)).await {
            Ok(Ok(_)) => {
                self.log_reached(&address);
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        self.log_unreachable(&address, &reason);
        Err(Status::unavailable(format!(
            "the scheduler cannot connect to this executor at {address}: {reason}; set --advertise-host to a host that it can reach"
        )))
    }

    fn log_unreachable(&self, address: &str, reason: &str) {
        let mut outages = self.outages.lock();
        if outages.len() >= MAX_ADDRESSES {
            outages.clear();
        }
        let outage = outages.entry(address.to_owned()).or_default();
        if let Some(note) = outage.on_seen(Instant::now()) {
            tracing::warn!(
                address,
                "an executor is unreachable and not registered: {reason} ({note})"
            );
        }
    }

    fn log_reached(&self, address: &str) {
        let outage = self.outages.lock().remove(address);
        if let Some(note) = outage.and_then(|mut outage| outage.on_ended(Instant::now())) {
            tracing::info!(address, "the executor is reachable ({note})");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_where_no_one_listens_is_refused() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let executor = ExecutorRegistration {
            host: Some("127.0.0.1".to_owned()),
            grpc_port: listener.local_addr().unwrap().port().into(),
            ..ExecutorRegistration::default()
        };
        let reachability = Reachability::default();
        reachability.require_reachable(&executor).await.unwrap();
        drop(listener);
        let refused = reachability.require_reachable(&executor).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::Unavailable);
        assert!(refused.message().contains("--advertise-host"), "{refused}");
        assert_eq!(reachability.outages.lock().len(), 1);
    }
}
