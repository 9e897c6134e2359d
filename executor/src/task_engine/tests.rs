use async_trait::async_trait;
use ballista_core::serde::protobuf::FailedTask;
use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::scheduler::{
    ExecutorMetadata, ExecutorOperatingSystemSpecification, ExecutorSpecification, PartitionId,
    PartitionLocation, PartitionStats,
};
use datafusion::arrow::datatypes::Schema;
use datafusion::physical_plan::Partitioning;
use datafusion::physical_plan::metrics::MetricsSet;

use super::*;
use crate::tasks::test_task;

fn reader(job: &str, stage: usize, executor: &str) -> Arc<dyn ExecutionPlan> {
    let location = PartitionLocation {
        map_partition_id: 0,
        partition_id: PartitionId::new(&job.into(), stage, 0),
        executor_meta: ExecutorMetadata {
            id: executor.to_owned(),
            host: "h".to_owned(),
            port: 1,
            grpc_port: 2,
            specification: ExecutorSpecification::default(),
            os_info: ExecutorOperatingSystemSpecification::default(),
        },
        partition_stats: PartitionStats::default(),
        file_id: None,
        is_sort_shuffle: false,
    };
    let schema = Arc::new(Schema::empty());
    let partitioning = Partitioning::UnknownPartitioning(1);
    Arc::new(ShuffleReaderExec::try_new(stage, vec![vec![location]], schema, partitioning).unwrap())
}

fn fetch_failed(executor: &str, stage: usize) -> DataFusionError {
    BallistaError::FetchFailed(
        executor.to_owned(),
        stage,
        0,
        "connection refused".to_owned(),
    )
    .into_datafusion()
}

fn name() -> TaskName {
    test_task("mine", 0)
}

fn disk() -> DiskHealth {
    DiskHealth::new("h", [])
}

#[test]
fn a_failed_fetch_from_the_same_job_is_left_to_ballista() {
    let foreign = ForeignStages::find_in_plan(&reader("mine", 1, "e1"), "mine");
    let error = translate_error(&name(), &foreign, &disk(), fetch_failed("e1", 1));
    assert_eq!(failed_fetch(&error), Some(("e1", 1)));
}

#[test]
fn a_failed_fetch_from_another_job_becomes_a_lost_staged_part() {
    let foreign = ForeignStages::find_in_plan(&reader("earlier", 1, "e1"), "mine");
    let error = translate_error(&name(), &foreign, &disk(), fetch_failed("e1", 1));
    assert_eq!(failed_fetch(&error), None);
    let failure = TaskFailure::find_in_text(&error.to_string()).unwrap();
    let stage = "earlier".to_owned();
    assert_eq!(failure.kind, FailureKind::StagedLost { stage });
    assert!(error.to_string().contains("SLUICE_STAGED_LOST"));
}

#[test]
fn cancellation_stays_cancellation() {
    let cancelled = BallistaError::Cancelled.into_datafusion();
    // As operators that have several consumers pass it on.
    let shared = DataFusionError::Shared(Arc::new(BallistaError::Cancelled.into_datafusion()));
    for error in [cancelled, shared] {
        let error = translate_error(&name(), &ForeignStages::default(), &disk(), error);
        assert!(is_cancelled(&error));
        let failed = FailedTask::from(BallistaError::from(error));
        assert!(
            matches!(failed.failed_reason, Some(FailedReason::TaskKilled(_))),
            "{failed:?}"
        );
    }
}

/// A stage that behaves as a test wants.
#[derive(Debug)]
struct Scripted(Script);

#[derive(Debug, Clone, Copy)]
enum Script {
    Panic,
    Hang,
    Succeed,
}

impl std::fmt::Display for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

#[async_trait]
impl QueryStageExecutor for Scripted {
    async fn execute_query_stage(
        &self,
        _: usize,
        _: Arc<TaskContext>,
    ) -> Result<Vec<ShuffleWritePartition>> {
        match self.0 {
            Script::Panic => panic!("index 9 is out of bounds of a scripted operator"),
            Script::Hang => std::future::pending().await,
            Script::Succeed => Ok(vec![]),
        }
    }

    fn collect_plan_metrics(&self) -> Vec<MetricsSet> {
        Vec::new()
    }
}

fn task(script: Script) -> Task {
    Task {
        inner: Arc::new(Scripted(script)),
        name: name(),
        foreign_stages: ForeignStages::default(),
        operators: None,
        metrics: Metrics::new(1, 1, 1).unwrap(),
        disk: disk(),
    }
}

fn ended(task: &Task, outcome: &str) -> f64 {
    let families = task.metrics.registry.gather();
    let family = families
        .iter()
        .find(|f| f.name() == "sluice_executor_tasks_total")
        .unwrap();
    let metric = family
        .get_metric()
        .iter()
        .find(|m| m.get_label()[0].value() == outcome)
        .unwrap();
    metric.get_counter().get_value()
}

#[tokio::test]
async fn a_panic_becomes_an_error_that_says_where() {
    panics::install_hook();
    let task = task(Script::Panic);
    let error = task.run(Arc::default()).await.unwrap_err();
    let failure = TaskFailure::find_in_text(&error.to_string()).unwrap();
    assert_eq!(failure.kind, FailureKind::Internal);
    assert!(
        failure.message.contains("task_engine/tests.rs:"),
        "{failure}"
    );
    assert!(
        failure.message.contains("index 9 is out of bounds"),
        "{failure}"
    );
    assert_eq!(ended(&task, "failed"), 1.0);
}

#[tokio::test]
async fn success_and_being_dropped_are_counted() {
    let good = task(Script::Succeed);
    good.run(Arc::default()).await.unwrap();
    assert_eq!(ended(&good, "succeeded"), 1.0);
    let hanging = task(Script::Hang);
    let limit = std::time::Duration::from_millis(10);
    let _ = tokio::time::timeout(limit, hanging.run(Arc::default())).await;
    assert_eq!(ended(&hanging, "cancelled"), 1.0);
}

#[test]
fn attempts_of_a_stage_share_no_file() {
    let id = |attempt, task| {
        output_file_id(&TaskName {
            attempt,
            ..test_task("mine", task)
        })
    };
    let ids: HashSet<usize> = [id(0, 0), id(0, 1), id(1, 0), id(1, 1), id(2, 0)].into();
    assert_eq!(ids.len(), 5);
    assert_eq!(id(0, 7), 7);
}
