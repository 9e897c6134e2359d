//! Executors that cannot write to their own disks.

use std::path::Path;

use serde_json::Value;

use crate::data::Landing;
use crate::job_files::JobFiles;
use crate::mount::Mount;
use crate::sandbox::Cluster;
use crate::{gold, wait};

/// Whether an executor is shown as one that cannot write below `work_dir`.
fn is_quarantined(executor: &Value, work_dir: &Path) -> bool {
    let problem = executor["problem"].as_str().unwrap_or_default();
    executor["state"] == "quarantined" && problem.contains(work_dir.to_str().unwrap())
}

#[test]
fn an_executor_with_a_full_disk_gets_no_tasks_until_it_has_space() {
    let _turn = wait::exclusive_turn();
    let mut cluster = Cluster::builder()
        .executors(0)
        .scheduler_option("--no-executor-timeout", "2s")
        .start();
    let work_dir = cluster.path("executor-1");
    let Some(_disk) = Mount::mount_memory(&work_dir, "size=64m") else {
        return;
    };
    let landing = cluster.path("landing");
    Landing::LARGE.write(&landing);
    let gold = cluster.path("gold");
    cluster.add_executor();
    cluster.add_executor();
    cluster.wait_for_executors(2);
    let filler = work_dir.join("filler");
    fill_disk(&filler);

    // Its tasks are repeated on the other executor.
    cluster.run_example(&landing, &gold).expect_code(0);
    gold::assert_equals_oracle(&landing, &gold);
    wait::wait_until("one executor is quarantined", wait::DEADLINE, || {
        let executors = cluster.registered_executors();
        let quarantined = |executor: &&Value| is_quarantined(executor, &work_dir);
        (executors.iter().filter(quarantined).count() == 1).then_some(())
    });
    wait::wait_until("the metrics show it", wait::DEADLINE, || {
        let (_, metrics) = cluster.get_page("/metrics");
        metrics
            .contains("sluice_scheduler_executors{state=\"quarantined\"} 1")
            .then_some(())
    });

    // It ends by itself.
    std::fs::remove_file(&filler).unwrap();
    cluster.wait_for_executors(2);
    cluster.run_example(&landing, &gold).expect_code(0);

    // Alone, the executor fails the job, which names host and folder.
    cluster.kill_executor(1);
    cluster.wait_for_executors(1);
    fill_disk(&filler);
    let output = cluster.run_example(&landing, &gold).expect_code(9);
    output.expect_stderr(&[
        work_dir.to_str().unwrap(),
        "executor 127.0.0.1 cannot write to",
        "No space left on device",
        "free space on the disks of the executors",
    ]);
}

#[test]
fn an_executor_whose_disk_becomes_read_only_is_named_and_works_again_later() {
    let mut cluster = Cluster::builder()
        .executors(0)
        .scheduler_option("--no-executor-timeout", "2s")
        .start();
    let work_dir = cluster.path("executor-1");
    cluster.add_executor();
    cluster.wait_for_executors(1);
    let Some(read_only) = Mount::mount_read_only(&work_dir) else {
        return;
    };
    let files = JobFiles::new();
    let job = files.write_job(
        "CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT user, sum(n) AS n FROM events GROUP BY user;\n",
    );
    files
        .submit_job(&cluster.master(), &job, &[])
        .expect_code(9)
        .expect_stderr(&[
            work_dir.to_str().unwrap(),
            "executor 127.0.0.1 cannot write to",
            "Read-only file system",
            "make their --work-dir writable",
        ]);
    let executors = cluster.registered_executors();
    assert!(
        executors
            .iter()
            .all(|executor| is_quarantined(executor, &work_dir)),
        "{executors:?}"
    );
    drop(read_only);
    cluster.wait_for_executors(1);
    files
        .submit_job(&cluster.master(), &job, &[])
        .expect_code(0);
}

/// Leaves no space on the file system of `path`.
fn fill_disk(path: &Path) {
    use std::io::Write;

    let mut file = std::fs::File::create(path).unwrap();
    let block = vec![0; 64 * 1024];
    while file.write_all(&block).is_ok() {}
}
