//! Streams of streaming tables: rows go from table to table once, in the run that adds
//! them to the first.

use std::path::Path;

use super::{Landing, crash_with_args, local_args, read_numbers, run_local, versions, write_job};
use crate::sandbox::Cluster;
use crate::submit;

const JOB: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT, kind STRING)
  STORED AS JSON LOCATION '${landing}/events' OPTIONS ('mode' 'failfast');
CREATE EXTERNAL TABLE files (id BIGINT, kind STRING) USING json LOCATION '${landing}/files';

CREATE STREAMING TABLE top AS SELECT id FROM STREAM fourths;
CREATE TEMPORARY VIEW fourths AS SELECT id FROM STREAM silver WHERE id % 40 = 0;
CREATE STREAMING TABLE silver AS SELECT id * 10 AS id FROM STREAM bronze WHERE kind = 'a';
CREATE STREAMING TABLE bronze AS SELECT id, kind FROM STREAM events;
CREATE FLOW of_files AS INSERT INTO bronze BY NAME SELECT id, kind FROM STREAM(files);
CREATE STREAMING TABLE firsts AS
SELECT kind, id FROM STREAM bronze
QUALIFY row_number() OVER (PARTITION BY kind ORDER BY id) = 1;
CREATE MATERIALIZED VIEW counted AS
SELECT (SELECT count(*) FROM bronze) AS n, (SELECT count(*) FROM silver) AS silver;
";

/// Fails unless each table has the rows of all lines up to `next_id`, once.
#[track_caller]
fn assert_rows(gold: &Path, next_id: i64) {
    let newest = versions(gold);
    let ids = |table: &str| read_numbers(&gold.join(table), newest[table], "id");
    let all: Vec<i64> = (1..next_id).collect();
    let every = |step: i64| -> Vec<i64> {
        let wanted = all.iter().filter(|id| **id % step == 0);
        wanted.map(|id| id * 10).collect()
    };
    assert_eq!(ids("bronze"), all);
    assert_eq!(ids("silver"), every(2));
    assert_eq!(ids("top"), every(4));
    assert_eq!(ids("firsts"), [1, 2]);
    let counted = |name: &str| read_numbers(&gold.join("counted"), newest["counted"], name);
    let count = |rows: usize| i64::try_from(rows).unwrap();
    assert_eq!(counted("n"), [count(all.len())]);
    assert_eq!(counted("silver"), [count(every(2).len())]);
}

#[test]
fn rows_go_from_table_to_table_once_wherever_a_run_dies() {
    let folder = tempfile::tempdir().unwrap();
    let gold = folder.path().join("gold");
    let mut landing = Landing::new(folder.path().join("landing"));
    let job = write_job(folder.path(), JOB);
    let args = |options: &[&str]| {
        let mut args = local_args(&job, &landing_folder(folder.path()), &gold);
        args.splice(0..0, options.iter().map(|option| (*option).to_owned()));
        args
    };
    landing.land();
    landing.add_file();
    run_local(&job, &landing.folder, &gold).expect_code(0);
    assert_rows(&gold, landing.next_id);
    for point in [
        "plan.recorded",
        "commit.made",
        "commit.made@2",
        "commit.made@3",
        "publish.before",
    ] {
        landing.land();
        crash_with_args(point, &args(&[]));
        landing.land();
        landing.add_file();
        run_local(&job, &landing.folder, &gold).expect_code(0);
        run_local(&job, &landing.folder, &gold).expect_code(0);
        assert_rows(&gold, landing.next_id);
        // The plan of another text is not resumed: what the first table has of it is
        // taken from its log.
        landing.land();
        crash_with_args(point, &args(&[]));
        write_job(folder.path(), &format!("-- {point}\n{JOB}"));
        run_local(&job, &landing.folder, &gold).expect_code(0);
        assert_rows(&gold, landing.next_id);
        write_job(folder.path(), JOB);
    }
    // Nothing is new.
    let before = versions(&gold);
    run_local(&job, &landing.folder, &gold).expect_code(0);
    let after = versions(&gold);
    for table in ["bronze", "silver", "top", "firsts"] {
        assert_eq!(after[table], before[table], "{table}");
    }
    // A table that was not refreshed follows later.
    for _ in 0..2 {
        landing.land();
        submit::run_submit(args(&["--refresh", "bronze"])).expect_code(0);
    }
    assert_eq!(versions(&gold)["silver"], before["silver"]);
    run_local(&job, &landing.folder, &gold).expect_code(0);
    assert_rows(&gold, landing.next_id);
    // What was read as a stream cannot be replaced without its readers.
    submit::run_submit(args(&["--full-refresh", "bronze", "--refresh", "silver"]))
        .expect_code(2)
        .expect_stderr(&["name 'silver' in --full-refresh, too"]);
    landing.land();
    submit::run_submit(args(&["--full-refresh-all"])).expect_code(0);
    assert_rows(&gold, landing.next_id);
    landing.land();
    run_local(&job, &landing.folder, &gold).expect_code(0);
    assert_rows(&gold, landing.next_id);
    submit::run_submit(args(&["--full-refresh", "bronze"])).expect_code(0);
    run_local(&job, &landing.folder, &gold)
        .expect_code(2)
        .expect_stderr(&[
            "cannot be read as a stream: it removes rows",
            "--full-refresh",
        ]);
}

fn landing_folder(folder: &Path) -> std::path::PathBuf {
    folder.join("landing")
}

#[test]
fn a_cluster_commits_the_tables_in_order_and_finishes_them() {
    let mut cluster = Cluster::builder().executors(1).start();
    let gold = cluster.path("gold");
    let mut landing = Landing::new(cluster.path("landing"));
    let job = write_job(&cluster.path("files"), JOB);
    let args = submit::job_args(&job, &landing.folder, &gold);
    for point in ["commit.recorded", "commit.made", "commit.made@2"] {
        landing.land();
        landing.add_file();
        cluster.restart_scheduler_with(&[("SLUICE_CRASH_POINT", point)]);
        cluster.wait_for_executors(1);
        let attached = cluster.spawn_job(&point.replace('@', "-"), &args);
        cluster.scheduler.wait_for_end();
        cluster.restart_scheduler();
        attached.wait().expect_code(0);
        assert_rows(&gold, landing.next_id);
        landing.land();
        cluster.wait_for_executors(1);
        cluster.run_submit(&args).expect_code(0);
        assert_rows(&gold, landing.next_id);
    }
}
