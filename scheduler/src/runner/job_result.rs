//! Fetches what a job of Ballista returns from the executors that hold it.

use std::time::Duration;

use ballista_core::client::BallistaClient;
use ballista_core::error::BallistaError;
use ballista_core::execution_plans::stats_for_partitions;
use ballista_core::serde::protobuf::SuccessfulJob;
use ballista_core::serde::scheduler::PartitionLocation;
use datafusion::arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use sluice_proto::MAX_MESSAGE_BYTES;

use super::{RunError, classify_error};

/// How long a result of a few manifest rows may take to arrive: an executor
/// that is paused after its last task would otherwise block the job forever.
const FETCH_TIMEOUT: Duration = Duration::from_secs(20);

/// The rows of a job that has succeeded: the manifest of what its tasks wrote.
///
/// # Errors
/// When an executor does not deliver all of them in time.
pub(super) async fn fetch_result(job: SuccessfulJob) -> Result<Vec<RecordBatch>, RunError> {
    let mut batches = Vec::new();
    for location in job.partition_location {
        let location: PartitionLocation = location.try_into().map_err(|error: BallistaError| {
            classify_error(&format!("the job's result has no location: {error}"))
        })?;
        let fetched = tokio::time::timeout(FETCH_TIMEOUT, fetch_partition(&location)).await;
        batches.extend(fetched.unwrap_or_else(|_| {
            Err(RunError::Failed {
                kind: sluice_proto::v1::ErrorKind::Transient,
                message: format!(
                    "executor {} did not deliver a result within {} s",
                    location.executor_meta.id,
                    FETCH_TIMEOUT.as_secs()
                ),
            })
        })?);
    }
    Ok(batches)
}

async fn fetch_partition(location: &PartitionLocation) -> Result<Vec<RecordBatch>, RunError> {
    let executor = &location.executor_meta;
    let failed = |error: &dyn std::fmt::Display| RunError::Failed {
        kind: sluice_proto::v1::ErrorKind::Transient,
        message: format!(
            "cannot fetch a result from executor {} at {}:{}: {error}",
            executor.id, executor.host, executor.port
        ),
    };
    let client = BallistaClient::try_new(
        &executor.host,
        executor.port,
        MAX_MESSAGE_BYTES,
        false,
        None,
        1,
        100,
        0,
        0,
    );
    let mut client = client.await.map_err(|error| failed(&error))?;
    let stream = client
        .fetch_partition(
            &executor.id,
            &location.partition_id,
            location.file_id,
            location.layout(),
            false,
        )
        .await
        .map_err(|error| failed(&error))?;
    let batches: Vec<RecordBatch> = stream.try_collect().await.map_err(|error| failed(&error))?;
    // What an executor sends reads as a shorter result when it ends early.
    let read: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let written = stats_for_partitions(0, [location.partition_stats].into_iter()).num_rows;
    match written.get_value() {
        Some(written) if *written != read => Err(failed(&format!(
            "{read} of its {written} rows have arrived"
        ))),
        _ => Ok(batches),
    }
}
