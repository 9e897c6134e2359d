//! Reports of tasks that the scheduler cannot apply.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{TaskStatus, UpdateTaskStatusParams};

use crate::data::Landing;
use crate::sandbox::Cluster;
use crate::wait;

/// Stages and tasks that may be running.
const MOST_STAGES: u32 = 6;
const MOST_TASKS: u32 = 4;
/// Far less than a task may be silent, which is ten minutes.
const AT_ONCE: Duration = Duration::from_secs(120);

/// The ids of the plans that the scheduler has given to Ballista.
fn submitted_plans(cluster: &Cluster) -> BTreeSet<String> {
    let log = cluster.scheduler.read_log();
    log.lines()
        .filter(|line| line.contains("submitted"))
        .filter_map(|line| line.split("ballista_job=").nth(1))
        .filter_map(|rest| rest.split([' ', '"']).next())
        .map(str::to_owned)
        .collect()
}

/// Reports, in the name of the executor, that its tasks have ended in no state.
fn report_without_state(cluster: &Cluster) {
    let executor = cluster.registered_executors()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut statuses = Vec::new();
    for job_id in submitted_plans(cluster) {
        for stage_id in 1..=MOST_STAGES {
            for task_id in 0..MOST_TASKS {
                statuses.push(TaskStatus {
                    task_id,
                    stage_id,
                    job_id: job_id.clone(),
                    status: None,
                    ..TaskStatus::default()
                });
            }
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let address = format!("http://{}", cluster.grpc_address());
        let mut client = SchedulerGrpcClient::connect(address).await.unwrap();
        let request = UpdateTaskStatusParams {
            executor_id: executor,
            task_status: statuses,
        };
        client.update_task_status(request).await.unwrap();
    });
}

#[test]
fn a_report_that_cannot_be_applied_fails_its_job_at_once() {
    let _turn = wait::exclusive_turn();
    let cluster = Cluster::builder()
        .executors(1)
        .scheduler_option("--log-level", "debug")
        .start();
    let (landing, gold) = (cluster.path("landing"), cluster.path("gold"));
    Landing::LARGE.write(&landing);
    let running = cluster.spawn_endless("refused", &landing, &gold);
    cluster.wait_for_tasks("refused");
    let started = Instant::now();
    // Between two tasks, no report is about a task that runs.
    let job = wait::wait_until("the job fails", AT_ONCE, || {
        report_without_state(&cluster);
        let job = cluster.find_job("refused")?;
        (job["ended_ms"].as_i64()? > 0).then_some(job)
    });
    assert!(started.elapsed() < AT_ONCE);
    assert_eq!(job["state"], "FAILED");
    let reason = "cannot be applied: it has no state";
    let message = job["error"]["message"].as_str().unwrap();
    assert!(message.contains(reason), "{message}");
    let output = running.wait().expect_code(1);
    assert!(output.stderr.contains(reason), "{output}");
    // The job's own log says why.
    let log = cluster.run_submit(&["--logs", "refused"]).expect_code(0);
    assert!(log.stdout.contains(reason), "{log}");
    cluster.wait_idle();
}
