//! Job records on a full disk: no end of a job is reported before it is on record.

use std::path::{Path, PathBuf};

use crate::data::Landing;
use crate::mount::Mount;
use crate::process::Signal;
use crate::sandbox::Cluster;
use crate::submit::{self, RunningProgram};
use crate::{gold, wait};

/// A cluster whose job records are on a small disk.
struct SmallDisk {
    /// Unmounted before the cluster's folder is removed.
    _mount: Mount,
    cluster: Cluster,
    landing: PathBuf,
    gold: PathBuf,
    records: PathBuf,
}

impl SmallDisk {
    fn start() -> Option<Self> {
        let cluster = Cluster::builder().executors(1).start();
        let records = cluster.path("state").join("jobs");
        let mount = Mount::mount_memory(&records, "size=1m")?;
        let landing = cluster.path("landing");
        Landing {
            user_events: 300,
            transactions: 100,
            ..Landing::SMALL
        }
        .write(&landing);
        let gold = cluster.path("gold");
        Some(Self {
            _mount: mount,
            cluster,
            landing,
            gold,
            records,
        })
    }

    /// Runs a job until its scheduler reaches `point`, fills the disk there, and
    /// lets the scheduler continue.
    fn fill_at(&mut self, point: &str) -> RunningProgram {
        let variables = [
            ("SLUICE_CRASH_POINT", point),
            ("SLUICE_CRASH_ACTION", "stop"),
        ];
        self.cluster.restart_scheduler_with(&variables);
        self.cluster.wait_for_executors(1);
        let attached = self.cluster.spawn_example(point, &self.landing, &self.gold);
        self.cluster.scheduler.wait_until_stopped();
        fill_disk(&self.filler(), 0);
        self.cluster.scheduler.signal(Signal::Continue);
        self.cluster.wait_until_end_waits(point);
        attached
    }

    fn filler(&self) -> PathBuf {
        self.records.join("filler")
    }

    fn free_space(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

/// Writes a file until nothing more fits but `spare` bytes.
fn fill_disk(path: &Path, spare: usize) {
    let mut size = 1 << 20;
    let mut bytes = Vec::new();
    while size > 0 {
        bytes.resize(bytes.len() + size, 0);
        if std::fs::write(path, &bytes).is_err() {
            bytes.truncate(bytes.len() - size);
            size /= 2;
        }
    }
    bytes.truncate(bytes.len() - spare);
    std::fs::write(path, &bytes).unwrap();
}

impl Cluster {
    /// Waits until the end of a job cannot be recorded; the job has not ended then.
    fn wait_until_end_waits(&self, id: &str) {
        wait::wait_until("the end waits for its record", wait::DEADLINE, || {
            let logs = self.run_submit(&["--logs", id]);
            let waits = logs.stdout.contains("waits until it is recorded");
            waits.then_some(())
        });
        let job = self.find_job(id).unwrap();
        assert_eq!(job["state"], "COMMITTING", "{job}");
    }
}

#[test]
fn a_success_is_reported_when_it_is_on_record() {
    let _turn = wait::exclusive_turn();
    let Some(mut disk) = SmallDisk::start() else {
        return;
    };
    let attached = disk.fill_at("commit.all_made");
    gold::assert_complete(&disk.gold, 0);
    disk.free_space();
    attached.wait().expect_code(0);
    let reported = disk.cluster.find_job("commit.all_made").unwrap();
    assert_eq!(reported["state"], "SUCCEEDED");
    disk.cluster.restart_scheduler();
    let recorded = disk.cluster.find_job("commit.all_made").unwrap();
    assert_eq!(recorded["datasets"], reported["datasets"]);
    assert_eq!(
        (&recorded["state"], &recorded["ended_ms"]),
        (&reported["state"], &reported["ended_ms"])
    );
}

#[test]
fn a_scheduler_that_dies_with_a_full_disk_has_reported_nothing_wrong() {
    let _turn = wait::exclusive_turn();
    let Some(mut disk) = SmallDisk::start() else {
        return;
    };
    let attached = disk.fill_at("commit.all_made");
    disk.cluster.kill_scheduler();
    disk.free_space();
    disk.cluster.restart_scheduler();
    attached.wait().expect_code(0);
    let job = disk.cluster.wait_for_end("commit.all_made");
    assert_eq!(job["state"], "SUCCEEDED", "{job}");
    gold::assert_complete(&disk.gold, 0);
}

#[test]
fn what_cannot_be_recorded_is_not_committed() {
    let _turn = wait::exclusive_turn();
    let Some(mut disk) = SmallDisk::start() else {
        return;
    };
    // Room for the submission and the records of a job, but not for the commits of six
    // tables.
    let job = std::fs::read(submit::example_job_path()).unwrap().len();
    fill_disk(&disk.filler(), 12 * 1024 + job.next_multiple_of(4096));
    disk.cluster
        .spawn_example("intent", &disk.landing, &disk.gold)
        .wait()
        .expect_code(9)
        .expect_stderr(&["cannot be recorded", "no table was changed"]);
    assert_eq!(gold::read_tables(&disk.gold).len(), 0);
    gold::wait_for_cleanup(&disk.gold);
    disk.cluster.restart_scheduler();
    let job = disk.cluster.find_job("intent").unwrap();
    assert_eq!(job["state"], "FAILED", "{job}");
    disk.free_space();
    disk.cluster.wait_for_executors(1);
    let example = submit::example_args(&disk.landing, &disk.gold);
    disk.cluster.run_submit(&example).expect_code(0);
    gold::assert_complete(&disk.gold, 0);
}
