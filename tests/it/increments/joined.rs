//! Small landing files that are joined between the runs of a job, with positions of flows
//! in the middle of joined files.

use std::hash::Hasher as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::AsArray as _;
use arrow::datatypes::Int64Type;
use serde_json::json;
use twox_hash::XxHash3_64;

use super::{crash_local, local_args, read_batches, read_numbers, run_local, versions, write_job};
use crate::sandbox::Cluster;
use crate::{data, submit};

const JOB: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT) STORED AS JSON LOCATION '${landing}/events'
  OPTIONS ('mode' 'failfast');
CREATE OR REFRESH STREAMING TABLE bronze AS
SELECT id, _metadata.file_name AS file, _metadata.line AS line, _metadata.file_size AS bytes
FROM STREAM events;
CREATE MATERIALIZED VIEW silver AS
SELECT id, _metadata.file_name AS file, _metadata.line AS line, _metadata.file_size AS bytes
FROM events;

CREATE EXTERNAL TABLE again (id BIGINT) STORED AS JSON LOCATION '${landing}/events';
CREATE MATERIALIZED VIEW ids AS SELECT id FROM again;
";

/// Without `_metadata`, rows of several files share batches.
const IDS: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT) STORED AS JSON LOCATION '${landing}/events'
  OPTIONS ('mode' 'failfast');
CREATE MATERIALIZED VIEW ids AS SELECT id FROM events;
";

/// A row of both tables: an id, and the file and the line that it landed in.
type Row = (i64, String, i64, i64);

/// A landing folder that ingest could have written.
struct SmallFiles {
    folder: PathBuf,
    entries: u64,
    rows: Vec<Row>,
}

impl SmallFiles {
    fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            entries: 0,
            rows: Vec::new(),
        }
    }

    /// Lands an entry with a file for each of these texts, which has one line.
    fn land_text(&mut self, suffix: &str, text: &[String]) {
        let mut ranges = Vec::new();
        let seq = self.entries;
        for (partition, text) in (0_i64..).zip(text) {
            let bytes = compress(suffix, text.as_bytes());
            let lines = text.lines().count() as u64;
            let (start, end) = (seq * 1000, seq * 1000 + lines);
            let name = format!("events-{partition}-{start}-{end}-aaaa{suffix}");
            data::write_file(&self.folder.join("events").join(&name), "");
            std::fs::write(self.folder.join("events").join(&name), &bytes).unwrap();
            for (number, line) in (1..).zip(text.lines()) {
                let value: serde_json::Value = serde_json::from_str(line).unwrap();
                if let Some(id) = value["id"].as_i64() {
                    let size = i64::try_from(bytes.len()).unwrap();
                    self.rows.push((id, name.clone(), number, size));
                }
            }
            let mut hash = XxHash3_64::with_seed(0);
            hash.write(&bytes);
            ranges.push(json!({
                "partition": partition, "start": start, "end": end, "rows": lines, "rejects": 0,
                "file": {
                    "path": name, "bytes": bytes.len(),
                    "checksum": format!("xxh3-64:{:016x}", hash.finish()),
                },
            }));
        }
        let entry = json!({
            "format": 1,
            "seq": seq,
            "id": format!("00000000-0000-4000-8000-{seq:012}"),
            "at": "2026-01-01T00:00:00.000000Z",
            "body": {
                "version": 1,
                "batch_id": "00000000-0000-4000-8000-000000000000",
                "run_id": "r",
                "topic": "events",
                "started_at": "2026-01-01T00:00:00Z",
                "closed_by": "caught_up",
                "ranges": ranges,
                "next": {},
                "totals": {
                    "rows": 0, "rejects": 0, "bytes": 0, "files": 0, "holes": 0, "lost_offsets": 0,
                },
            },
        });
        let name = format!("events/_ledger/{seq:020}.json");
        data::write_file(&self.folder.join(name), &entry.to_string());
        self.entries += 1;
    }

    fn land(&mut self, suffix: &str) {
        let texts: Vec<String> = (0..3)
            .map(|partition| {
                let first = i64::try_from(self.entries).unwrap() * 100 + partition * 10;
                let lines = (first..first + 3).map(|id| format!("{{\"id\":{id}}}\n"));
                lines.collect()
            })
            .collect();
        self.land_text(suffix, &texts);
    }

    /// Joins everything that has landed; with `keep` of 0 s the small files are deleted.
    fn join(&mut self, keep: &str) {
        let landing = self.folder.to_str().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_sluice"))
            .args([
                "ingest-landing",
                "join",
                "--landing",
                landing,
                "--output",
                "json",
            ])
            .args(["--min-files", "2", "--min-age", "0s", "--keep", keep])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        let ledger = self.folder.join("events/_ledger");
        let has_entry = |number: u64| ledger.join(format!("{number:020}.json")).exists();
        while has_entry(self.entries) {
            // The entry after which files may be in joined ones.
            self.entries += 1;
        }
    }

    /// The number of small files.
    fn count_files(&self) -> usize {
        let entries = std::fs::read_dir(self.folder.join("events")).unwrap();
        let is_file = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().path().is_file();
        entries.map(is_file).filter(|is_file| *is_file).count()
    }

    #[track_caller]
    fn assert_read_once(&self, gold: &Path) {
        let mut expected = self.rows.clone();
        expected.sort();
        let newest = versions(gold);
        for table in ["bronze", "silver"] {
            assert_eq!(
                read_rows(&gold.join(table), newest[table]),
                expected,
                "{table}"
            );
        }
        let ids: Vec<i64> = expected.iter().map(|(id, ..)| *id).collect();
        assert_eq!(read_numbers(&gold.join("ids"), newest["ids"], "id"), ids);
    }
}

fn compress(suffix: &str, bytes: &[u8]) -> Vec<u8> {
    match suffix {
        ".json.zst" => zstd::encode_all(bytes, 1).unwrap(),
        ".json.gz" => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        _ => bytes.to_vec(),
    }
}

/// The rows of a table, sorted.
fn read_rows(table: &Path, version: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in read_batches(table, version) {
        let column = |name: &str| batch.column_by_name(name).unwrap().clone();
        let numbers = ["id", "line", "bytes"].map(column);
        let numbers = numbers
            .each_ref()
            .map(|column| column.as_primitive::<Int64Type>());
        let files = arrow::compute::cast(&column("file"), &arrow::datatypes::DataType::Utf8);
        let files = files.unwrap();
        let files = files.as_string::<i32>();
        for row in 0..batch.num_rows() {
            let [id, line, bytes] = numbers.map(|numbers| numbers.value(row));
            rows.push((id, files.value(row).to_owned(), line, bytes));
        }
    }
    rows.sort();
    rows
}

#[test]
fn flows_continue_in_the_middle_of_joined_files() {
    let cluster = Cluster::start();
    let gold = cluster.path("gold");
    let mut landing = SmallFiles::new(cluster.path("landing"));
    let job = write_job(&cluster.path("files"), JOB);
    let run = || run_local(&job, &cluster.path("landing"), &gold).expect_code(0);
    for suffix in [".json", ".json.zst", ".json.gz"] {
        landing.land(suffix);
        landing.land(suffix);
        // The position is after the first of the entries that are joined.
        run();
        landing.land(suffix);
        landing.land(suffix);
        landing.join("2d");
        let files = landing.count_files();
        run();
        landing.assert_read_once(&gold);

        landing.land(suffix);
        landing.land(suffix);
        // A run that has not finished takes the same after they are joined and deleted.
        crash_local("plan.recorded", &job, &landing.folder, &gold);
        landing.join("0s");
        assert!(landing.count_files() < files);
        landing.land(suffix);
        run();
        run();
        landing.assert_read_once(&gold);
    }
    // New readers, also of files of which a pattern selects some.
    landing.join("0s");
    for (name, location) in [("whole", "events"), ("pattern", "ev*/events-*")] {
        let mut text = JOB.replace("'${landing}/events'", &format!("'${{landing}}/{location}'"));
        if name == "pattern" {
            // Streams read a landing folder by its ledger, not by names of files.
            text = text.replace("STREAMING TABLE bronze", "MATERIALIZED VIEW bronze");
            text = text.replace("FROM STREAM events", "FROM events");
        }
        let job = write_job(&cluster.path(name), &text);
        let args = |gold: &Path| submit::job_args(&job, &landing.folder, gold);
        let of_cluster = cluster.path(&format!("gold-{name}"));
        cluster.run_submit(&args(&of_cluster)).expect_code(0);
        landing.assert_read_once(&of_cluster);
        let local = cluster.path(&format!("gold-local-{name}"));
        submit::run_submit(local_args(&job, &landing.folder, &local)).expect_code(0);
        landing.assert_read_once(&local);
    }
}

#[test]
fn errors_name_the_file_and_the_line_in_which_a_record_landed() {
    let folder = tempfile::tempdir().unwrap();
    let mut landing = SmallFiles::new(folder.path().join("landing"));
    landing.land(".json");
    let good = "{\"id\":500}\n".to_owned();
    let bad = "{\"id\":501}\n{\"id\":502}\n{\"id\":\"x\"}\n".to_owned();
    landing.land_text(".json", &[good, bad]);
    landing.land(".json");
    landing.join("0s");
    // The file with the error is not among those that stay.
    landing.land(".json");
    for (name, text) in [("all", JOB), ("ids", IDS)] {
        let job = write_job(&folder.path().join(name), text);
        run_local(&job, &landing.folder, &folder.path().join("gold"))
            .expect_code(3)
            .expect_stderr(&["events-1-1000-1003-aaaa.json", "line 3"]);
    }
}

/// What a program sees that does not know joined files: an entry that it does not read.
#[test]
fn the_ledger_tells_old_readers_that_files_may_be_joined() {
    let folder = tempfile::tempdir().unwrap();
    let mut landing = SmallFiles::new(folder.path().join("landing"));
    landing.land(".json");
    landing.land(".json");
    landing.join("0s");
    landing.land(".json");
    landing.land(".json");
    landing.join("0s");
    let versions: Vec<u64> = (0..landing.entries)
        .map(|number| {
            let path = format!("events/_ledger/{number:020}.json");
            let text = std::fs::read_to_string(landing.folder.join(path)).unwrap();
            let entry: serde_json::Value = serde_json::from_str(&text).unwrap();
            entry["body"]["version"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(versions, [1, 1, 2, 1, 1]);
    // And files by whose names it finds the folder: one for each partition.
    assert_eq!(landing.count_files(), 6);
}
