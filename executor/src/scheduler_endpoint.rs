//! How this executor connects to its scheduler.

use std::time::Duration;

use sluice_service::address::HostPort;
use tonic::transport::Endpoint;

use crate::error::ExecutorError;

/// An endpoint for the scheduler that detects a lost connection.
pub(crate) fn scheduler_endpoint(scheduler: &HostPort) -> Result<Endpoint, ExecutorError> {
    let endpoint =
        Endpoint::from_shared(format!("http://{scheduler}")).map_err(ExecutorError::Endpoint)?;
    Ok(endpoint
        .connect_timeout(Duration::from_secs(3))
        .timeout(Duration::from_secs(20))
        .tcp_nodelay(true)
        .tcp_keepalive(Some(Duration::from_secs(10)))
        // Reports wait for a connection that is lost without a sign.
        .http2_keep_alive_interval(Duration::from_secs(2))
        .keep_alive_timeout(Duration::from_secs(3))
        .keep_alive_while_idle(true))
}
