//! Runs that refresh some datasets, or fill streaming tables again.

use std::path::{Path, PathBuf};

use super::{
    JOB, Landing, assert_added_once, crash_with_args, local_args, read_numbers, run_local,
    versions, write_job,
};
use crate::sandbox::Cluster;
use crate::submit;

/// A landing folder, a gold folder and a job.
struct Setup {
    folder: tempfile::TempDir,
    landing: Landing,
    gold: PathBuf,
}

impl Setup {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            landing: Landing::new(folder.path().join("landing")),
            gold: folder.path().join("gold"),
            folder,
        }
    }

    fn job(&self, text: &str) -> PathBuf {
        write_job(self.folder.path(), text)
    }

    fn args(&self, job: &Path, options: &[&str]) -> Vec<String> {
        let mut args = local_args(job, &self.landing.folder, &self.gold);
        args.splice(0..0, options.iter().map(|option| (*option).to_owned()));
        args
    }

    fn run(&self, job: &Path, options: &[&str]) -> submit::Output {
        submit::run_submit(self.args(job, options))
    }

    fn version(&self, table: &str) -> u64 {
        versions(&self.gold)[table]
    }

    fn numbers(&self, table: &str, column: &str) -> Vec<i64> {
        read_numbers(&self.gold.join(table), self.version(table), column)
    }
}

#[test]
fn a_full_refresh_replaces_rows_and_what_was_taken_in_one_version() {
    let mut t = Setup::new();
    for _ in 0..2 {
        t.landing.land();
        t.landing.add_file();
        run_local(&t.job(JOB), &t.landing.folder, &t.gold).expect_code(0);
    }
    let before = versions(&t.gold);
    // The query leaves a line out, and a column has another type: for all rows.
    let changed = JOB.replace("WHERE id > 0", "WHERE id > 1").replace(
        "SELECT id, title, explode",
        "SELECT id * 2 AS twice, title, explode",
    );
    let changed = t.job(&changed);
    t.run(&changed, &[])
        .expect_code(2)
        .expect_stderr(&["the query no longer has column 'id'"]);
    t.landing.land();
    let refresh = ["--full-refresh", "bronze,items", "--refresh", "totals"];
    t.run(&changed, &refresh).expect_code(0);
    let after = versions(&t.gold);
    for table in ["bronze", "items", "totals"] {
        assert_eq!(after[table], before[table] + 1, "{table}");
    }
    let mut ids = t.landing.all_ids();
    ids.retain(|id| *id != 1);
    assert_eq!(t.numbers("bronze", "id"), ids);
    let items = t.numbers("items", "twice").len();
    assert_eq!(
        t.numbers("totals", "items"),
        [i64::try_from(items).unwrap()]
    );
    // After it, only what is new is added.
    t.run(&changed, &[]).expect_code(0);
    assert_eq!(t.version("bronze"), after["bronze"]);
    t.landing.land();
    t.landing.add_file();
    t.run(&changed, &[]).expect_code(0);
    let mut ids = t.landing.all_ids();
    ids.retain(|id| *id != 1);
    assert_eq!(t.numbers("bronze", "id"), ids);
    // Everything again, with the first query.
    t.run(&t.job(JOB), &["--full-refresh-all"]).expect_code(0);
    assert_added_once_now(&t);
}

/// As [`assert_added_once`], of the newest versions only: cuts of other queries differ.
#[track_caller]
fn assert_added_once_now(t: &Setup) {
    let ids = t.numbers("bronze", "id");
    assert_eq!(ids, t.landing.all_ids());
    let items = i64::try_from(t.numbers("items", "id").len()).unwrap();
    let count = i64::try_from(ids.len()).unwrap();
    assert_eq!(t.numbers("totals", "n"), [count]);
    assert_eq!(t.numbers("totals", "items"), [items]);
}

#[test]
fn datasets_that_are_not_named_stay_and_take_what_is_theirs_later() {
    let mut t = Setup::new();
    let job = t.job(JOB);
    t.landing.land();
    t.landing.add_file();
    t.run(&job, &["--refresh", "totals"])
        .expect_code(2)
        .expect_stderr(&["is read and has no table yet", "--refresh"]);
    t.run(&job, &["--refresh", "total"])
        .expect_code(2)
        .expect_stderr(&["did you mean `totals`?"]);
    assert!(!t.gold.exists());
    t.run(&job, &[]).expect_code(0);
    let before = versions(&t.gold);
    t.landing.land();
    t.landing.add_file();
    t.run(&job, &["--refresh", "bronze"]).expect_code(0);
    assert_eq!(t.version("bronze"), before["bronze"] + 1);
    assert_eq!(t.version("items"), before["items"]);
    assert_eq!(t.version("totals"), before["totals"]);
    assert_eq!(t.numbers("bronze", "id"), t.landing.all_ids());
    let planned = t.run(&job, &["--full-refresh", "items", "--plan"]);
    let planned = planned.expect_code(0);
    let part = "refresh full: it is filled again from the beginning";
    assert!(planned.stdout.contains(part), "{planned}");
    // A view is computed from tables that stay as they are.
    let planned = t.run(&job, &["--refresh", "totals", "--plan"]);
    let part = "refresh none: neither --refresh nor --full-refresh names it";
    assert!(planned.stdout.contains(part), "{planned}");
    t.run(&job, &["--refresh", "totals"]).expect_code(0);
    assert_eq!(t.version("items"), before["items"]);
    let count = i64::try_from(t.landing.all_ids().len()).unwrap();
    assert_eq!(t.numbers("totals", "n"), [count]);
    t.run(&job, &[]).expect_code(0);
    assert_eq!(t.version("bronze"), before["bronze"] + 1);
    assert_added_once_now(&t);
}

#[test]
fn a_full_refresh_that_dies_is_finished_by_the_same_command_or_forgotten() {
    let mut t = Setup::new();
    let job = t.job(JOB);
    t.landing.land();
    t.landing.add_file();
    t.run(&job, &[]).expect_code(0);
    let refresh = ["--full-refresh", "bronze,items", "--refresh", "totals"];
    for point in [
        "plan.recorded",
        "commit.prepared",
        "commit.made",
        "commit.made@2",
    ] {
        t.landing.land();
        crash_with_args(point, &t.args(&job, &refresh));
        t.landing.land();
        t.run(&job, &refresh).expect_code(0);
        t.run(&job, &[]).expect_code(0);
        assert_added_once_now(&t);
        // A run of all datasets does not repeat it.
        crash_with_args(point, &t.args(&job, &refresh));
        t.landing.land();
        t.run(&job, &[]).expect_code(0);
        assert_added_once_now(&t);
    }
}

#[test]
fn a_cluster_that_dies_finishes_a_full_refresh_from_its_intent() {
    let mut cluster = Cluster::builder().executors(1).start();
    let gold = cluster.path("gold");
    let mut landing = Landing::new(cluster.path("landing"));
    let job = write_job(&cluster.path("files"), JOB);
    let args = submit::job_args(&job, &landing.folder, &gold);
    landing.land();
    landing.add_file();
    cluster.run_submit(&args).expect_code(0);
    landing.land();
    cluster.restart_scheduler_with(&[("SLUICE_CRASH_POINT", "commit.made")]);
    cluster.wait_for_executors(1);
    let mut refresh = vec!["--full-refresh-all".to_owned()];
    refresh.extend(args.clone());
    let attached = cluster.spawn_job("refresh", &refresh);
    cluster.scheduler.wait_for_end();
    cluster.restart_scheduler();
    attached.wait().expect_code(0);
    assert_added_once(&landing, &gold);
    landing.add_file();
    cluster.wait_for_executors(1);
    cluster.run_submit(&args).expect_code(0);
    assert_added_once(&landing, &gold);
}

#[test]
fn a_view_over_another_one_that_was_refreshed_before_it_is_computed_from_all_rows() {
    const VIEWS: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT, kind STRING) USING json LOCATION '${landing}/events';
CREATE EXTERNAL TABLE files (id BIGINT, kind STRING) USING json LOCATION '${landing}/files';
CREATE STREAMING TABLE a AS SELECT id, kind FROM STREAM events;
CREATE STREAMING TABLE b AS SELECT id, kind FROM STREAM(files);
CREATE MATERIALIZED VIEW titled AS SELECT id, kind FROM a WHERE id > 0;
CREATE MATERIALIZED VIEW pairs AS
SELECT b.id AS of_b, t.id AS of_a FROM b JOIN titled AS t ON t.kind = b.kind;
";
    let mut t = Setup::new();
    let job = t.job(VIEWS);
    let land_all = |t: &mut Setup| {
        t.landing.land();
        t.landing.add_file();
        t.landing.add_file();
    };
    land_all(&mut t);
    t.run(&job, &[]).expect_code(0);
    // What is new of `a` is in `titled`, and not in `pairs`.
    t.landing.land();
    t.run(&job, &["--refresh", "a,titled"]).expect_code(0);
    t.landing.add_file();
    t.run(&job, &[]).expect_code(0);
    let columns = |t: &Setup| ["of_a", "of_b"].map(|column| t.numbers("pairs", column));
    let found = columns(&t);
    t.gold = t.folder.path().join("gold at once");
    t.run(&job, &[]).expect_code(0);
    assert_eq!(found, columns(&t));
}
