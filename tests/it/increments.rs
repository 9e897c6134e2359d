//! Streaming tables: what lands is added once, whatever is killed.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::sandbox::Cluster;
use crate::{data, gold, submit, wait};

mod backfills;
mod change_feed;
mod chaos;
mod delta_streams;
mod example;
mod file_lines;
mod first_of_key;
mod foreign_files;
mod found_columns;
mod gold_queries;
mod joined;
mod nothing_new;
mod published;
mod refresh;
mod replaced_parts;
mod table_streams;
mod views;
mod windows;

const JOB: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT, kind STRING, items ARRAY<STRING>)
  STORED AS JSON LOCATION '${landing}/events' OPTIONS ('mode' 'failfast');
CREATE EXTERNAL TABLE files (id BIGINT, kind STRING) USING json LOCATION '${landing}/files';
CREATE EXTERNAL TABLE kinds (kind STRING, title STRING) STORED AS JSON LOCATION '${landing}/kinds';

CREATE TEMPORARY VIEW titled AS
SELECT e.id, k.title, e.items FROM STREAM events AS e LEFT JOIN kinds AS k ON k.kind = e.kind;

CREATE OR REFRESH STREAMING TABLE bronze (id BIGINT, title STRING COMMENT 'of the kind');
CREATE FLOW of_events AS INSERT INTO bronze BY NAME SELECT id, title FROM STREAM titled WHERE id > 0;
CREATE FLOW of_files AS INSERT INTO bronze BY NAME SELECT id FROM STREAM(files);
CREATE FLOW before AS INSERT ONCE INTO bronze BY NAME SELECT CAST(0 AS BIGINT) AS id, 'old' AS title;

CREATE STREAMING TABLE items PARTITIONED BY (title) AS
SELECT id, title, explode(items) AS item FROM STREAM titled;

CREATE MATERIALIZED VIEW totals AS
SELECT count(*) AS n, sum(id) AS id, (SELECT count(*) FROM items) AS items FROM bronze;
";

/// A landing folder and the ids that it has.
struct Landing {
    folder: PathBuf,
    entries: u64,
    /// The offset after the newest record.
    offset: u64,
    files: i64,
    next_id: i64,
}

impl Landing {
    fn new(folder: PathBuf) -> Self {
        let kinds = "{\"kind\":\"a\",\"title\":\"A1\"}\n{\"kind\":\"c\",\"title\":\"C\"}\n";
        data::write_file(&folder.join("kinds/k.json"), kinds);
        Self {
            folder,
            entries: 0,
            offset: 0,
            files: 0,
            next_id: 1,
        }
    }

    fn line(&mut self) -> String {
        let id = self.next_id;
        self.next_id += 1;
        let kind = ["a", "b"][usize::try_from(id % 2).unwrap()];
        format!("{{\"id\":{id},\"kind\":\"{kind}\",\"items\":[\"x\",\"y\"]}}\n")
    }

    /// Lands three lines in a file that the next entry of the ledger names, and leaves
    /// a file that no entry names.
    fn land(&mut self) {
        let lines: String = (0..3).map(|_| self.line()).collect();
        let (start, end) = (self.offset, self.offset + 3);
        let name = format!("events-0-{start}-{end}-aaaa.json");
        data::write_file(&self.folder.join("events").join(&name), &lines);
        let orphan = format!("events-0-{start}-{}-bbbb.json", end + 1);
        data::write_file(&self.folder.join("events").join(orphan), &lines);
        self.offset = end;
        self.write_entry(&json!([{
            "partition": 0, "start": start, "end": end, "rows": 3, "rejects": 0,
            "file": {
                "path": name, "bytes": lines.len(), "checksum": "xxh3-64:0000000000000000",
            },
        }]));
    }

    /// Ends a window in which nothing came.
    fn land_nothing(&mut self) {
        self.write_entry(&json!([]));
    }

    fn write_entry(&mut self, ranges: &Value) {
        let entry = json!({
            "format": 1,
            "seq": self.entries,
            "id": format!("00000000-0000-4000-8000-{:012}", self.entries),
            "at": "2026-01-01T00:00:00.000000Z",
            "body": {
                "version": 1,
                "batch_id": "00000000-0000-4000-8000-000000000000",
                "run_id": "r",
                "topic": "events",
                "started_at": "2026-01-01T00:00:00Z",
                "closed_by": "caught_up",
                "ranges": ranges,
                "next": {"0": self.offset},
                "totals": {
                    "rows": 0, "rejects": 0, "bytes": 0, "files": 0, "holes": 0, "lost_offsets": 0,
                },
            },
        });
        let ledger = self
            .folder
            .join(format!("events/_ledger/{:020}.json", self.entries));
        data::write_file(&ledger, &entry.to_string());
        self.entries += 1;
    }

    /// Adds a file with one line to a folder without a ledger.
    fn add_file(&mut self) {
        let line = self.line();
        self.files += 1;
        data::write_file(
            &self.folder.join(format!("files/f{}.json", self.files)),
            &line,
        );
    }

    /// The ids of the table `bronze` when everything is added.
    fn all_ids(&self) -> Vec<i64> {
        (0..self.next_id).collect()
    }
}

fn active_files(table: &Path, version: u64) -> Vec<PathBuf> {
    let mut files: BTreeMap<String, ()> = BTreeMap::new();
    for version in 0..=version {
        let log = table.join(format!("_delta_log/{version:020}.json"));
        for line in std::fs::read_to_string(log).unwrap().lines() {
            let action: Value = serde_json::from_str(line).unwrap();
            if let Some(path) = action["add"]["path"].as_str() {
                files.insert(path.to_owned(), ());
            }
            if let Some(path) = action["remove"]["path"].as_str() {
                files.remove(path);
            }
        }
    }
    let path = |name: String| table.join(name);
    files.into_keys().map(path).collect()
}

fn read_batches(table: &Path, version: u64) -> Vec<RecordBatch> {
    active_files(table, version)
        .iter()
        .flat_map(|file| {
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap());
            reader.unwrap().build().unwrap().map(Result::unwrap)
        })
        .collect()
}

/// A column of numbers at one version of a table, sorted.
fn read_numbers(table: &Path, version: u64, column: &str) -> Vec<i64> {
    let mut numbers = Vec::new();
    for batch in read_batches(table, version) {
        let values = batch.column_by_name(column).unwrap();
        let values = values.as_primitive::<Int64Type>();
        assert_eq!(values.null_count(), 0);
        numbers.extend(values.values());
    }
    numbers.sort_unstable();
    numbers
}

/// A cut of a gold folder: the version of each table.
type Cut = BTreeMap<String, u64>;

/// The cut with this number, if there is one.
fn read_cut(gold: &Path, number: usize) -> Option<Cut> {
    let path = gold.join(format!("_publish/{number:020}.json"));
    let text = std::fs::read_to_string(path).ok()?;
    let entry: Value = serde_json::from_str(&text).unwrap();
    let tables = entry["body"]["tables"].as_object().unwrap().iter();
    let version = |table: &Value| table["version"].as_u64().unwrap();
    Some(
        tables
            .map(|(name, table)| (name.clone(), version(table)))
            .collect(),
    )
}

/// Every cut of a gold folder.
fn read_cuts(gold: &Path) -> Vec<Cut> {
    (0..).map_while(|number| read_cut(gold, number)).collect()
}

fn versions(gold: &Path) -> BTreeMap<String, u64> {
    let tables = gold::read_tables(gold).into_iter();
    tables.map(|(name, table)| (name, table.version)).collect()
}

fn count_plans(gold: &Path) -> usize {
    let plan = |number: &usize| gold.join(format!("_plans/{number:020}.json")).exists();
    (0..).take_while(plan).count()
}

/// Fails unless the tables of a cut are those of one run.
#[track_caller]
fn assert_of_one_run(gold: &Path, cut: &Cut) {
    let column = |table: &str, column: &str| read_numbers(&gold.join(table), cut[table], column);
    let (ids, items) = (column("bronze", "id"), column("items", "id"));
    let counted = ["n", "id", "items"].map(|name| column("totals", name)[0]);
    let count = |rows: &[i64]| i64::try_from(rows.len()).unwrap();
    let expected = [count(&ids), ids.iter().sum(), count(&items)];
    assert_eq!(counted, expected, "cut {cut:?}");
}

/// Fails unless every line is in the tables once, and each cut is of one run.
#[track_caller]
fn assert_added_once(landing: &Landing, gold: &Path) {
    let newest = versions(gold);
    let ids = read_numbers(&gold.join("bronze"), newest["bronze"], "id");
    assert_eq!(ids, landing.all_ids());
    let cuts = read_cuts(gold);
    assert_eq!(cuts.last(), Some(&newest), "the newest cut");
    for cut in &cuts {
        assert_of_one_run(gold, cut);
    }
}

fn write_job(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("job.sql");
    data::write_file(&path, text);
    path
}

fn local_args(job: &Path, landing: &Path, gold: &Path) -> Vec<String> {
    let mut args = vec!["--master".to_owned(), "local[2]".to_owned()];
    args.extend(submit::job_args(job, landing, gold));
    args
}

fn run_local(job: &Path, landing: &Path, gold: &Path) -> submit::Output {
    submit::run_submit(local_args(job, landing, gold))
}

/// Runs a job in a process that ends at a crash point.
fn crash_local(point: &str, job: &Path, landing: &Path, gold: &Path) {
    crash_with_args(point, &local_args(job, landing, gold));
}

fn crash_with_args(point: &str, args: &[String]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_submit-job"));
    submit::clear_environment(&mut command);
    let status = command
        .args(args)
        .env("SLUICE_CRASH_POINT", point)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), None, "{point}: {status}");
}

/// Every point at which a scheduler can die between its decision what to take and the
/// record of the job's end.
const POINTS: [&str; 9] = [
    "plan.before",
    "plan.recorded",
    "commit.prepared",
    "commit.recorded",
    "commit.made",
    "commit.made@2",
    "commit.made@3",
    "publish.before",
    "commit.all_made",
];

#[test]
fn each_line_is_added_once_wherever_the_scheduler_dies() {
    let _turn = wait::exclusive_turn();
    let mut cluster = Cluster::builder().executors(1).start();
    let gold = cluster.path("gold");
    let mut landing = Landing::new(cluster.path("landing"));
    let job = write_job(&cluster.path("files"), JOB);
    let args = submit::job_args(&job, &landing.folder, &gold);
    landing.land();
    landing.add_file();
    cluster.run_submit(&args).expect_code(0);
    assert_added_once(&landing, &gold);
    for point in POINTS {
        landing.land();
        landing.add_file();
        cluster.restart_scheduler_with(&[("SLUICE_CRASH_POINT", point)]);
        cluster.wait_for_executors(1);
        let attached = cluster.spawn_job(&point.replace('@', "-"), &args);
        cluster.scheduler.wait_for_end();
        // What lands after the plan belongs to the next one.
        let planned = landing.all_ids();
        landing.land();
        cluster.restart_scheduler();
        cluster.wait_for_executors(1);
        // The job goes on by itself, with what it had.
        attached.wait().expect_code(0);
        if point != "plan.before" {
            let newest = versions(&gold)["bronze"];
            assert_eq!(
                read_numbers(&gold.join("bronze"), newest, "id"),
                planned,
                "{point}"
            );
        }
        cluster.run_submit(&args).expect_code(0);
        gold::wait_for_cleanup(&gold);
        assert_added_once(&landing, &gold);
    }
    let plans = count_plans(&gold);
    let before = versions(&gold);
    cluster.run_submit(&args).expect_code(0);
    assert_eq!(count_plans(&gold), plans);
    assert_eq!(versions(&gold), before);
}

#[test]
fn a_local_run_that_dies_between_its_commits_is_finished_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let gold = folder.path().join("gold");
    let mut landing = Landing::new(folder.path().join("landing"));
    let job = write_job(folder.path(), JOB);
    landing.add_file();
    for point in [
        "plan.recorded",
        "commit.made",
        "commit.made@2",
        "publish.before",
    ] {
        landing.land();
        crash_local(point, &job, &landing.folder, &gold);
        landing.land();
        run_local(&job, &landing.folder, &gold).expect_code(0);
        run_local(&job, &landing.folder, &gold).expect_code(0);
        assert_added_once(&landing, &gold);
    }
}

#[test]
fn a_job_that_is_submitted_several_times_at_once_adds_each_line_once() {
    let cluster = Cluster::builder().executors(1).start();
    let gold = cluster.path("gold");
    let mut landing = Landing::new(cluster.path("landing"));
    let job = write_job(&cluster.path("files"), JOB);
    landing.land();
    landing.add_file();
    let args = submit::job_args(&job, &landing.folder, &gold);
    let ids = ["one", "two", "three"];
    let running: Vec<_> = ids.iter().map(|id| cluster.spawn_job(id, &args)).collect();
    for job in running {
        job.wait().expect_code(0);
    }
    assert_added_once(&landing, &gold);
}

#[test]
fn what_was_taken_must_stay_as_it_is_and_columns_can_be_added() {
    let folder = tempfile::tempdir().unwrap();
    let gold = folder.path().join("gold");
    let mut landing = Landing::new(folder.path().join("landing"));
    let job = write_job(folder.path(), JOB);
    landing.land();
    landing.add_file();
    run_local(&job, &landing.folder, &gold).expect_code(0);
    // An archived file is none that is missing.
    let taken = landing.folder.join("files/f1.json");
    let archived = std::fs::read(&taken).unwrap();
    landing.add_file();
    std::fs::remove_file(&taken).unwrap();
    run_local(&job, &landing.folder, &gold).expect_code(0);
    // A file that was written again is an error.
    std::fs::write(&taken, [archived.clone(), archived].concat()).unwrap();
    let failed = run_local(&job, &landing.folder, &gold);
    assert_ne!(failed.code, 0, "{failed}");
    failed.expect_stderr(&[
        "f1.json' has changed since its rows were added",
        "gold is unchanged",
    ]);
    std::fs::remove_file(&taken).unwrap();
    // The same flows with one column more: rows from before have NULL.
    let wider = JOB
        .replace(
            "COMMENT 'of the kind')",
            "COMMENT 'of the kind', kind STRING)",
        )
        .replace(
            "SELECT id FROM STREAM(files)",
            "SELECT id, kind FROM STREAM(files)",
        )
        .replace("(SELECT count(*) FROM items)", "count(kind)");
    let job = write_job(folder.path(), &wider);
    landing.add_file();
    run_local(&job, &landing.folder, &gold).expect_code(0);
    let newest = versions(&gold);
    let ids = read_numbers(&gold.join("bronze"), newest["bronze"], "id");
    assert_eq!(ids, landing.all_ids());
    let with_kind = read_numbers(&gold.join("totals"), newest["totals"], "items");
    assert_eq!(with_kind, [1]);
    // A column that changes its type is refused, and so is a table that changes its kind.
    let other = wider.replace(
        "SELECT id, title, explode",
        "SELECT CAST(id AS STRING) AS id, title, explode",
    );
    let job = write_job(folder.path(), &other);
    landing.land();
    let failed = run_local(&job, &landing.folder, &gold).expect_code(2);
    failed.expect_stderr(&["column 'id' is Int64 in the table and Utf8 in the query"]);
    let replaced = wider.replace(
        "CREATE STREAMING TABLE items",
        "CREATE MATERIALIZED VIEW items",
    );
    let replaced = replaced
        .replace("FROM STREAM titled;", "FROM whole;")
        .replace(
            "CREATE OR REFRESH STREAMING",
            "CREATE TEMPORARY VIEW whole AS SELECT *, kind AS title FROM events;\nCREATE STREAMING",
        );
    let job = write_job(folder.path(), &replaced);
    let failed = run_local(&job, &landing.folder, &gold).expect_code(2);
    failed.expect_stderr(&["table 'items' is a streaming table"]);
    assert_eq!(versions(&gold), newest);
}

#[test]
fn the_plan_of_a_job_takes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let gold = folder.path().join("gold");
    let mut landing = Landing::new(folder.path().join("landing"));
    let job = write_job(folder.path(), JOB);
    landing.land();
    landing.add_file();
    let mut args = local_args(&job, &landing.folder, &gold);
    args.push("--plan".to_owned());
    let planned = submit::run_submit(args).expect_code(0);
    for part in [
        "streaming table bronze",
        "refresh incremental: it gets the rows that are new",
        "refresh full: a materialized view is computed from all rows that it reads",
    ] {
        assert!(planned.stdout.contains(part), "{part}\n{planned}");
    }
    assert!(!gold.exists());
}
