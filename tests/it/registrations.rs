//! Registrations that an executor sends, without the executor.

use std::net::SocketAddr;

use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{ExecutorRegistration, RegisterExecutorParams};
use tonic::Status;

use crate::sandbox::Cluster;

/// The version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Registers an executor at this address `times` times in a row, and gives the last
/// answer.
pub fn register_executor(
    cluster: &Cluster,
    executor: SocketAddr,
    version: Option<&'static str>,
    times: usize,
) -> Result<(), Status> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let address = format!("http://{}", cluster.grpc_address());
        let mut client = SchedulerGrpcClient::connect(address).await.unwrap();
        let mut answer = Ok(());
        for _ in 0..times {
            let mut request = tonic::Request::new(RegisterExecutorParams {
                metadata: Some(ExecutorRegistration {
                    id: "no-executor".to_owned(),
                    host: Some(executor.ip().to_string()),
                    grpc_port: executor.port().into(),
                    ..ExecutorRegistration::default()
                }),
            });
            if let Some(version) = version {
                let header = version.parse().unwrap();
                request.metadata_mut().insert("x-sluice-version", header);
            }
            answer = client.register_executor(request).await.map(drop);
        }
        answer
    })
}
