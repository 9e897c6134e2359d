//! Detects failed executors, and returns cores that Ballista lost track of.
//!
//! There are two signs of failure. The first is silence: no heartbeat for the
//! executor timeout. The second is a broken connection: one idle connection is
//! held open to every executor. When the process at the other end dies, its
//! operating system closes that connection within milliseconds. A closed
//! connection alone may be a network problem, so a new one is opened; when it
//! is refused, the executor has failed.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista_core::JobId;
use ballista_scheduler::cluster::ClusterState;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::cluster_state::TrackedClusterState;
use super::server::{BallistaServer, give_up_executor, trigger_scheduling};

/// How often to check for silent and new executors.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);
/// A check that comes this late shows that this process was paused.
const PAUSE_THRESHOLD: Duration = Duration::from_secs(2);
/// How long connecting may take; if it takes longer, only silence decides.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The pause after an attempt to connect that failed without being refused.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// Watches the executors until `stop`.
pub(crate) async fn watch_executors(
    server: BallistaServer,
    cluster: Arc<TrackedClusterState>,
    timeout: Duration,
    stop: CancellationToken,
) {
    let tracker = cluster.tracker();
    let mut connections: HashMap<String, JoinHandle<()>> = HashMap::new();
    let mut last_check = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(CHECK_INTERVAL) => {}
        }
        let now = Instant::now();
        if now.duration_since(last_check) > PAUSE_THRESHOLD {
            tracing::warn!(
                "this process was paused for {:?}",
                now.duration_since(last_check)
            );
            tracker.reset_silence(now);
        }
        last_check = now;
        if let Some(limit) = now.checked_sub(timeout) {
            for executor in tracker.silent_executors(limit) {
                tracing::warn!(%executor, "executor silent for {timeout:?}, its tasks run elsewhere");
                tracker.on_removing(&executor, &format!("silent for {timeout:?}"));
                give_up_executor(&server, &executor, "silent for too long").await;
            }
        }
        return_leaked_cores(&server, &cluster).await;
        let registered = server.state.executor_manager.get_executors_state().await;
        let Ok(registered) = registered else {
            continue;
        };
        connections.retain(|id, handle| {
            let keep =
                registered.iter().any(|(executor, ..)| executor.id == *id) && !handle.is_finished();
            if !keep {
                handle.abort();
            }
            keep
        });
        for (executor, ..) in registered {
            connections.entry(executor.id.clone()).or_insert_with(|| {
                let (server, tracker) = (server.clone(), tracker.clone());
                tokio::spawn(async move {
                    let address = (executor.host, executor.grpc_port);
                    wait_until_refused(&address).await;
                    tracing::warn!(executor = %executor.id, "connection to executor broken, its tasks run elsewhere");
                    tracker.on_removing(&executor.id, "its connection broke and a new one was refused");
                    give_up_executor(&server, &executor.id, "connection broken").await;
                })
            });
        }
    }
    for handle in connections.into_values() {
        handle.abort();
    }
}

/// Returns cores that Ballista has lost track of.
async fn return_leaked_cores(server: &BallistaServer, cluster: &TrackedClusterState) {
    let tracker = cluster.tracker();
    let active = server.state.task_manager.get_running_job_cache();
    tracker.retain_jobs(|job| active.contains_key(&JobId::from(job.to_owned())));
    for (executor, cores) in tracker.leaked_cores() {
        tracing::info!(%executor, cores, "cores of a stage that was rolled back are free again");
        if let Err(error) = cluster.unbind_tasks(vec![(executor.clone(), cores)]).await {
            tracing::error!(%executor, "cannot return cores: {error}");
        }
        trigger_scheduling(server, &executor).await;
    }
}

/// Holds a connection; returns when the other end refuses a new one after the
/// old one broke.
async fn wait_until_refused(address: &(String, u16)) {
    let host = address.0.trim_matches(['[', ']']);
    loop {
        match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((host, address.1))).await {
            Ok(Ok(mut stream)) => {
                let mut nothing = [0; 64];
                // Received data is ignored; an end or an error breaks the loop.
                while matches!(stream.read(&mut nothing).await, Ok(1..)) {}
            }
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => return,
            Ok(Err(_)) | Err(_) => tokio::time::sleep(RETRY_INTERVAL).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_connection_counts_only_when_a_new_one_is_refused() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = (
            "127.0.0.1".to_owned(),
            listener.local_addr().unwrap().port(),
        );
        let watch = tokio::spawn(async move { wait_until_refused(&address).await });
        let (first, _) = listener.accept().await.unwrap();
        drop(first);
        // The new connection is accepted: only the network had failed.
        let (second, _) = listener.accept().await.unwrap();
        assert!(!watch.is_finished());
        drop(listener);
        drop(second);
        tokio::time::timeout(Duration::from_secs(60), watch)
            .await
            .unwrap()
            .unwrap();
    }
}
