//! `_metadata.line` of files that are divided among tasks.

use super::{local_args, read_numbers, versions, write_job};
use crate::sandbox::Cluster;
use crate::{data, submit};

/// More than two tasks' least share of a file.
const LINES: i64 = 12_000;

const JOB: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE json (id BIGINT, pad STRING) STORED AS JSON LOCATION '${landing}/json';
CREATE EXTERNAL TABLE csv (id BIGINT, pad STRING) STORED AS CSV LOCATION '${landing}/csv';
CREATE MATERIALIZED VIEW of_json AS
SELECT count(*) AS n, count_if(id = _metadata.line) AS same, max(_metadata.file_size) AS bytes
FROM json;
CREATE MATERIALIZED VIEW of_csv AS
SELECT count(*) AS n, count_if(id = _metadata.line) AS same, max(_metadata.file_size) AS bytes
FROM csv;
";

#[test]
fn lines_are_counted_from_the_beginning_of_a_file_that_tasks_share() {
    let cluster = Cluster::start();
    let landing = cluster.path("landing");
    let pad = "x".repeat(1_000);
    let ids = || 1..=LINES;
    let json: String = ids()
        .map(|id| format!("{{\"id\":{id},\"pad\":\"{pad}\"}}\n"))
        .collect();
    let csv: String = ids().map(|id| format!("{id},{pad}\n")).collect();
    data::write_file(&landing.join("json/a.json"), &json);
    data::write_file(&landing.join("csv/a.csv"), &csv);
    let job = write_job(&cluster.path("files"), JOB);
    let (local, on_cluster) = (cluster.path("gold-local"), cluster.path("gold"));
    submit::run_submit(local_args(&job, &landing, &local)).expect_code(0);
    cluster
        .run_submit(&submit::job_args(&job, &landing, &on_cluster))
        .expect_code(0);
    for gold in [local, on_cluster] {
        for (table, text) in [("of_json", &json), ("of_csv", &csv)] {
            let version = versions(&gold)[table];
            let read = |column: &str| read_numbers(&gold.join(table), version, column);
            assert_eq!(read("n"), [LINES], "{table}");
            assert_eq!(read("same"), [LINES], "{table}");
            assert_eq!(
                read("bytes"),
                [i64::try_from(text.len()).unwrap()],
                "{table}"
            );
        }
    }
}
