use std::fs::{self, File};
use std::path::Path;

use ballista_core::JobId;
use ballista_core::error::BallistaError;
use ballista_core::execution_plans::create_shuffle_path;
use ballista_core::serde::protobuf::FailedTask;
use ballista_core::serde::scheduler::{
    ExecutorMetadata, ExecutorOperatingSystemSpecification, ExecutorSpecification, PartitionId,
    PartitionLocation, PartitionStats,
};
use datafusion::arrow::array::{Int32Array, RecordBatch};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::physical_plan::{Partitioning, collect};
use datafusion::prelude::SessionContext;

use super::*;

fn batch(rows: i32) -> RecordBatch {
    let values = Arc::new(Int32Array::from_iter_values(0..rows));
    RecordBatch::try_from_iter([("a", values as _)]).unwrap()
}

fn location(job: &JobId, rows: u64) -> PartitionLocation {
    PartitionLocation {
        map_partition_id: 0,
        partition_id: PartitionId::new(job, 1, 0),
        executor_meta: ExecutorMetadata {
            id: "e".to_owned(),
            host: "h".to_owned(),
            port: 1,
            grpc_port: 2,
            specification: ExecutorSpecification::default(),
            os_info: ExecutorOperatingSystemSpecification::default(),
        },
        partition_stats: PartitionStats::new(Some(rows), Some(2), Some(1)),
        file_id: Some(3),
        is_sort_shuffle: false,
    }
}

/// Reads the file of a task, of which `rows` are reported and two batches of ten are
/// written, after `change` has changed it.
async fn read_file(rows: u64, change: impl FnOnce(&Path)) -> Result<Vec<RecordBatch>> {
    let folder = tempfile::tempdir().unwrap();
    let job = JobId::from("j");
    let path = create_shuffle_path(folder.path(), &job, 1, 0, Some(3), false).unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let schema = batch(1).schema();
    let mut writer = StreamWriter::try_new(File::create(&path).unwrap(), &schema).unwrap();
    writer.write(&batch(10)).unwrap();
    writer.write(&batch(10)).unwrap();
    writer.finish().unwrap();
    change(&path);
    let reader = ShuffleReaderExec::try_new(
        1,
        vec![vec![location(&job, rows)]],
        schema,
        Partitioning::UnknownPartitioning(1),
    );
    let reader = reader
        .unwrap()
        .with_work_dir(folder.path().to_str().unwrap().to_owned());
    let plan = count_shuffled_rows(Arc::new(reader)).unwrap();
    collect(plan, SessionContext::new().task_ctx()).await
}

fn rows_of(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

#[tokio::test]
async fn all_rows_pass() {
    let batches = read_file(20, |_| {}).await.unwrap();
    assert_eq!(rows_of(&batches), 20);
}

#[tokio::test]
async fn a_file_that_ends_after_a_batch_is_noticed() {
    let cut_after_first_batch = |path: &Path| {
        let mut writer = StreamWriter::try_new(Vec::new(), &batch(1).schema()).unwrap();
        writer.write(&batch(10)).unwrap();
        let length = writer.get_ref().len() as u64;
        let file = File::options().write(true).open(path).unwrap();
        file.set_len(length).unwrap();
    };
    let error = read_file(20, cut_after_first_batch).await.unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("stage 1 wrote 20 rows for partition 0, and 10 were read"),
        "{message}"
    );
}

/// As what an executor sends when it is killed meanwhile.
#[tokio::test]
async fn rows_that_break_off_in_a_batch_are_no_fault_of_the_query() {
    let cut_in_second_batch = |path: &Path| {
        let length = fs::metadata(path).unwrap().len();
        let file = File::options().write(true).open(path).unwrap();
        file.set_len(length - 40).unwrap();
    };
    let error = read_file(20, cut_in_second_batch).await.unwrap_err();
    let failure = classify_error(&error, &|_| None);
    assert_eq!(failure.kind, FailureKind::Transient, "{failure}");

    let broken = ArrowError::IpcError("h2 protocol error".to_owned());
    let error = DataFusionError::ArrowError(Box::new(broken), None);
    let failed = FailedTask::from(BallistaError::from(to_read_error(1, 2, error)));
    assert!(failed.retryable, "{failed:?}");
    assert!(
        failed
            .error
            .contains("rows of stage 1 for partition 2 cannot be read"),
        "{failed:?}"
    );
}

#[tokio::test]
async fn what_ballista_repairs_is_left_to_it() {
    let lost = BallistaError::FetchFailed("e1".to_owned(), 1, 0, "refused".to_owned());
    let error = to_read_error(1, 2, lost.into_datafusion());
    assert_eq!(failed_fetch(&error), Some(("e1", 1)));
    let error = to_read_error(1, 2, BallistaError::Cancelled.into_datafusion());
    assert!(is_cancelled(&error));
    let memory = DataFusionError::ResourcesExhausted("full".to_owned());
    let error = to_read_error(1, 2, memory);
    assert!(matches!(error, DataFusionError::ResourcesExhausted(_)));
}

#[tokio::test]
async fn rows_that_are_read_twice_are_noticed() {
    let error = read_file(10, |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("wrote 10 rows"), "{error}");
}
