//! Streams of Delta tables that another job makes.

use super::{Landing, crash_with_args, local_args, read_numbers, run_local, versions, write_job};
use crate::{data, submit};

const MAKER: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT, kind STRING)
  STORED AS JSON LOCATION '${landing}/events' OPTIONS ('mode' 'failfast');
CREATE STREAMING TABLE bronze PARTITIONED BY (kind) AS SELECT id, kind FROM STREAM events;
";

const READER: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
DECLARE VARIABLE table STRING;
CREATE EXTERNAL TABLE others (id BIGINT, kind STRING) STORED AS PARQUET LOCATION '${table}';
CREATE STREAMING TABLE copied AS SELECT id, kind FROM STREAM others;
CREATE MATERIALIZED VIEW of_a AS SELECT count(*) AS n FROM copied WHERE kind = 'a';
";

#[test]
fn versions_of_a_table_of_another_job_are_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    let (made, gold) = (folder.path().join("made"), folder.path().join("gold"));
    let mut landing = Landing::new(folder.path().join("landing"));
    let maker = folder.path().join("maker.sql");
    data::write_file(&maker, MAKER);
    let reader = write_job(folder.path(), READER);
    let make = || run_local(&maker, &folder.path().join("landing"), &made).expect_code(0);
    let args = |table: &std::path::Path| {
        let mut args = local_args(&reader, &folder.path().join("landing"), &gold);
        args.extend(["--table".to_owned(), table.display().to_string()]);
        args
    };
    let bronze = made.join("bronze");
    let assert_all = |next_id: i64| {
        let newest = versions(&gold);
        let all: Vec<i64> = (1..next_id).collect();
        assert_eq!(
            read_numbers(&gold.join("copied"), newest["copied"], "id"),
            all
        );
        let odd = all.iter().filter(|id| **id % 2 == 0).count();
        let n = read_numbers(&gold.join("of_a"), newest["of_a"], "n");
        assert_eq!(n, [i64::try_from(odd).unwrap()]);
    };
    landing.land();
    make();
    submit::run_submit(args(&bronze)).expect_code(0);
    assert_all(landing.next_id);
    for point in ["plan.recorded", "commit.made", "publish.before"] {
        landing.land();
        make();
        let planned = landing.next_id;
        crash_with_args(point, &args(&bronze));
        landing.land();
        make();
        submit::run_submit(args(&bronze)).expect_code(0);
        if point == "plan.recorded" {
            // The plan of the run that died is finished first.
            assert_all(planned);
        }
        submit::run_submit(args(&bronze)).expect_code(0);
        assert_all(landing.next_id);
    }
    let before = versions(&gold);
    submit::run_submit(args(&bronze)).expect_code(0);
    assert_eq!(versions(&gold), before);
    // A table that was moved is the same one; another one at its place is not.
    let moved = folder.path().join("moved");
    std::fs::rename(&bronze, &moved).unwrap();
    submit::run_submit(args(&moved)).expect_code(0);
    assert_eq!(versions(&gold)["copied"], before["copied"]);
    landing.land();
    make();
    submit::run_submit(args(&bronze))
        .expect_code(2)
        .expect_stderr(&["it has another id", "--full-refresh"]);
    // Files that a log no longer names are not taken again.
    std::fs::remove_dir_all(bronze.join("_delta_log")).unwrap();
    submit::run_submit(args(&bronze))
        .expect_code(2)
        .expect_stderr(&["no Delta table any more"]);
    assert_eq!(versions(&gold)["copied"], before["copied"]);
}

#[test]
fn a_single_parquet_file_can_be_read_as_a_stream() {
    let folder = tempfile::tempdir().unwrap();
    let (made, gold) = (folder.path().join("made"), folder.path().join("gold"));
    let mut landing = Landing::new(folder.path().join("landing"));
    let maker = folder.path().join("maker.sql");
    data::write_file(&maker, &MAKER.replace("PARTITIONED BY (kind) ", ""));
    landing.land();
    run_local(&maker, &landing.folder, &made).expect_code(0);
    let files = super::active_files(&made.join("bronze"), 0);
    let reader = write_job(folder.path(), READER);
    for version in [0, 0] {
        let mut args = local_args(&reader, &landing.folder, &gold);
        args.extend(["--table".to_owned(), files[0].display().to_string()]);
        submit::run_submit(args).expect_code(0);
        assert_eq!(versions(&gold)["copied"], version);
        assert_eq!(read_numbers(&gold.join("copied"), 0, "id"), [1, 2, 3]);
    }
}
