//! Sources that declare no columns: what they find, keep and add.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{count_plans, crash_with_args, versions, write_job};
use crate::sandbox::Cluster;
use crate::{data, submit};

const JOB: &str = "
CREATE STREAMING TABLE raw AS
SELECT * FROM STREAM read_files('LANDING/files', format => 'json');
CREATE STREAMING TABLE spelled AS SELECT * FROM STREAM json.`LANDING/files`;
CREATE MATERIALIZED VIEW all_rows AS SELECT * EXCEPT (_rescued_data) FROM raw;
CREATE MATERIALIZED VIEW kinds AS SELECT kind, count(*) AS n FROM raw GROUP BY kind;
";

struct Pipeline {
    folder: PathBuf,
    landing: PathBuf,
    gold: PathBuf,
    job: PathBuf,
    master: String,
}

impl Pipeline {
    fn new(folder: &Path, master: &str) -> Self {
        let landing = folder.join("landing");
        let text = JOB.replace("LANDING", landing.to_str().unwrap());
        Self {
            gold: folder.join("gold"),
            job: write_job(folder, &text),
            folder: folder.to_owned(),
            landing,
            master: master.to_owned(),
        }
    }

    fn land(&self, file: u32, lines: &[&str]) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        data::write_file(&self.landing.join(format!("files/{file}.json")), &text);
    }

    fn args(&self) -> Vec<String> {
        let words = [
            "--master",
            &self.master,
            self.job.to_str().unwrap(),
            "--gold",
        ];
        let words = words.into_iter().chain(self.gold.to_str());
        words.map(str::to_owned).collect()
    }

    #[track_caller]
    fn run(&self, more: &[&str]) -> submit::Output {
        let more = more.iter().map(|word| (*word).to_owned());
        submit::run_submit(self.args().into_iter().chain(more)).expect_code(0)
    }

    /// The names and types of the columns of a query, and its rows.
    #[track_caller]
    fn ask(&self, query: &str) -> (String, Value) {
        let gold = self.gold.to_str().unwrap();
        let words = [
            "-e",
            query,
            "--gold",
            gold,
            "--output",
            "json",
            "--master",
            &self.master,
        ];
        let document = submit::run_submit(words).expect_code(0).json_document();
        let columns = document["query"]["columns"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let columns = columns.map(|of| format!("{} {}", text(&of["name"]), text(&of["type"])));
        let columns: Vec<String> = columns.collect();
        (columns.join(", "), document["query"]["rows"].clone())
    }

    #[track_caller]
    fn columns(&self, table: &str) -> String {
        self.ask(&format!("SELECT * FROM {table} LIMIT 0")).0
    }
}

fn columns_are_found_kept_and_added(pipeline: &Pipeline) {
    pipeline.land(1, &[r#"{"kind":"a","id":1}"#]);
    pipeline.run(&[]);
    for table in ["raw", "spelled"] {
        let columns = "id BIGINT, kind STRING, _rescued_data STRING";
        assert_eq!(pipeline.columns(table), columns);
    }

    // What is new of the source has a column more, and a value that does not fit.
    pipeline.land(
        2,
        &[
            r#"{"id":2,"kind":"b","extra":{"x":1,"y":null}}"#,
            r#"{"id":"three","kind":"b"}"#,
        ],
    );
    pipeline
        .run(&["--verbose"])
        .expect_stderr(&["3 columns, 1 new one"]);
    for table in ["raw", "spelled"] {
        assert_eq!(
            pipeline.columns(table),
            "id BIGINT, kind STRING, _rescued_data STRING, extra STRUCT<x: BIGINT, y: STRING>"
        );
    }
    let rescued = "get_json_object(_rescued_data, '$.id')";
    let query = format!("SELECT id, extra.x, {rescued} AS r FROM raw ORDER BY id NULLS LAST");
    let (_, rows) = pipeline.ask(&query);
    let expected = json!([[1, null, null], [2, 1, null], [null, null, "three"]]);
    assert_eq!(rows, expected);
    // A view over all columns has the new one.
    let (columns, rows) = pipeline.ask("SELECT * FROM all_rows ORDER BY id NULLS LAST LIMIT 1");
    assert_eq!(
        columns,
        "id BIGINT, kind STRING, extra STRUCT<x: BIGINT, y: STRING>"
    );
    assert_eq!(rows[0][0], 1);
    let (_, rows) = pipeline.ask("SELECT * FROM kinds ORDER BY kind");
    assert_eq!(rows, json!([["a", 1], ["b", 2]]));

    // A file without the columns, and an archived one: they stay.
    std::fs::remove_file(pipeline.landing.join("files/1.json")).unwrap();
    pipeline.land(3, &[r#"{"id":4}"#]);
    pipeline.run(&[]);
    let columns = pipeline.columns("raw");
    assert!(columns.ends_with("y: STRING>"), "{columns}");
    let (_, rows) = pipeline.ask("SELECT count(*) AS n, count(kind) AS k FROM raw");
    assert_eq!(rows, json!([[4, 3]]));

    // Nothing is new.
    let before = versions(&pipeline.gold);
    let plans = count_plans(&pipeline.gold);
    pipeline.run(&[]);
    assert_eq!(versions(&pipeline.gold), before);
    assert_eq!(count_plans(&pipeline.gold), plans);
}

#[test]
fn columns_of_a_stream_are_found_kept_and_added() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::new(folder.path(), "local[2]");
    columns_are_found_kept_and_added(&pipeline);

    // A run that finishes an earlier one has its columns, whatever has come since then.
    pipeline.land(4, &[r#"{"id":5,"more":true}"#]);
    crash_with_args("plan.recorded", &pipeline.args());
    pipeline.land(5, &[r#"{"id":6,"later":1.5}"#]);
    pipeline.run(&[]);
    let columns = pipeline.columns("raw");
    assert!(columns.ends_with(", more BOOLEAN"), "{columns}");
    pipeline.run(&[]);
    let columns = pipeline.columns("raw");
    assert!(
        columns.ends_with(", more BOOLEAN, later DOUBLE"),
        "{columns}"
    );
    let (_, rows) = pipeline.ask("SELECT id, more, later FROM raw WHERE id > 4 ORDER BY id");
    assert_eq!(rows, json!([[5, true, null], [6, null, 1.5]]));

    // From the beginning, types hold all values.
    pipeline.run(&["--full-refresh", "raw"]);
    let (columns, _) = pipeline.ask("SELECT id FROM raw");
    assert_eq!(columns, "id STRING");
    let (columns, _) = pipeline.ask("SELECT id FROM spelled");
    assert_eq!(columns, "id BIGINT");
    pipeline.run(&["--full-refresh-all"]);
    let (columns, _) = pipeline.ask("SELECT id FROM spelled");
    assert_eq!(columns, "id STRING");
    let (columns, rows) = pipeline.ask("SELECT id FROM raw ORDER BY id");
    assert_eq!(columns, "id STRING");
    assert_eq!(rows, json!([["2"], ["4"], ["5"], ["6"], ["three"]]));
    assert!(pipeline.folder.join("job.sql").exists());
}

#[test]
fn columns_are_found_by_executors() {
    let cluster = Cluster::builder().executors(2).start();
    let pipeline = Pipeline::new(&cluster.path("files"), &cluster.master());
    columns_are_found_kept_and_added(&pipeline);
}

#[test]
fn a_mode_says_whether_columns_are_added() {
    let folder = tempfile::tempdir().unwrap();
    let landing = folder.path().join("landing");
    let gold = folder.path().join("gold");
    let text = "
CREATE STREAMING TABLE rescued AS SELECT * FROM STREAM read_files(
  'LANDING', format => 'json', schemaEvolutionMode => 'rescue');
CREATE STREAMING TABLE skipped AS SELECT * FROM STREAM read_files(
  'LANDING', format => 'json', schemaEvolutionMode => 'none');
";
    let job = write_job(
        folder.path(),
        &text.replace("LANDING", landing.to_str().unwrap()),
    );
    let refusing = text.replace("'none'", "'failOnNewColumns'");
    let pipeline = Pipeline {
        folder: folder.path().to_owned(),
        landing: landing.clone(),
        gold,
        job,
        master: "local[2]".to_owned(),
    };
    data::write_file(&landing.join("1.json"), "{\"id\":1}\n");
    pipeline.run(&[]);
    data::write_file(&landing.join("2.json"), "{\"id\":2,\"more\":[1]}\n");
    let args = pipeline.args();
    // Another job text has the same positions and columns.
    write_job(
        folder.path(),
        &refusing.replace("LANDING", landing.to_str().unwrap()),
    );
    let failed = submit::run_submit(args);
    assert_eq!(failed.code, 3, "{failed}");
    failed.expect_stderr(&["2.json, line 1", "field more is not declared"]);
    write_job(
        folder.path(),
        &text.replace("LANDING", landing.to_str().unwrap()),
    );
    pipeline.run(&[]);
    assert_eq!(
        pipeline.columns("rescued"),
        "id BIGINT, _rescued_data STRING"
    );
    assert_eq!(pipeline.columns("skipped"), "id BIGINT");
    let rescued = "get_json_object(_rescued_data, '$.more[0]')";
    let (_, rows) = pipeline.ask(&format!(
        "SELECT id, {rescued} AS r FROM rescued ORDER BY id"
    ));
    assert_eq!(rows, json!([[1, null], [2, "1"]]));
}

#[test]
fn columns_of_csv_are_added_next_to_those_of_folders() {
    let folder = tempfile::tempdir().unwrap();
    let landing = folder.path().join("landing");
    let text = "CREATE STREAMING TABLE raw AS
SELECT * EXCEPT (_rescued_data) FROM STREAM read_files('LANDING', format => 'csv');";
    let text = text.replace("LANDING", landing.to_str().unwrap());
    let pipeline = Pipeline {
        gold: folder.path().join("gold"),
        job: write_job(folder.path(), &text),
        folder: folder.path().to_owned(),
        landing: landing.clone(),
        master: "local[2]".to_owned(),
    };
    data::write_file(&landing.join("day=2026-01-01/1.csv"), "id,name\n1,a\n");
    pipeline.run(&[]);
    assert_eq!(pipeline.columns("raw"), "id INT, name STRING, day DATE");
    data::write_file(
        &landing.join("day=2026-01-02/2.csv"),
        "id,name,more\n2,b,true\n",
    );
    pipeline.run(&[]);
    let (columns, rows) = pipeline.ask("SELECT * FROM raw ORDER BY id");
    assert_eq!(columns, "id INT, name STRING, day DATE, more BOOLEAN");
    let expected = json!([[1, "a", "2026-01-01", null], [2, "b", "2026-01-02", true]]);
    assert_eq!(rows, expected);
}
