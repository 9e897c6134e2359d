//! What the gold folder held before a job: tables that cannot be replaced are
//! refused before anything is computed, and the rest is reported. `--plan` finds
//! the same as a run.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::submit::{self, Output};
use crate::{data, gold};

struct Folders {
    folder: TempDir,
}

impl Folders {
    fn new() -> Self {
        let folders = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        data::write_file(&folders.path("landing/events/a.json"), "{\"n\": 1}\n");
        folders
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the file of a job that makes these tables.
    fn write_job(&self, tables: &[&str]) -> PathBuf {
        let mut text = "DECLARE VARIABLE landing STRING;\n\
                        DECLARE VARIABLE gold STRING;\n\
                        CREATE EXTERNAL TABLE events (n BIGINT)\n\
                        STORED AS JSON LOCATION '${landing}/events';\n"
            .to_owned();
        for table in tables {
            text.push_str(&format!(
                "CREATE OR REFRESH MATERIALIZED VIEW {table} AS SELECT n FROM events;\n"
            ));
        }
        let path = self.path("job.sql");
        data::write_file(&path, &text);
        path
    }

    fn submit(&self, tables: &[&str], more: &[&str]) -> Output {
        let job = self.write_job(tables);
        let mut args = vec!["--master".to_owned(), "local[1]".to_owned()];
        args.extend(submit::job_args(
            &job,
            &self.path("landing"),
            &self.path("gold"),
        ));
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        submit::run_submit(args)
    }

    /// Submits and plans the job, which must fail with this code, and leave the
    /// gold folder as it was.
    fn expect_refusal(&self, code: i32, parts: &[&str]) {
        let before = gold::files_below(&self.path("gold"));
        for more in [&[][..], &["--plan"]] {
            let output = self.submit(&["t"], more).expect_code(code);
            let output = output.expect_stderr(parts);
            for trace in ["clone3", "stack backtrace", "fault in sluice"] {
                assert!(!output.stderr.contains(trace), "{output}");
            }
        }
        assert_eq!(gold::files_below(&self.path("gold")), before);
    }
}

fn entry(table: &Path, version: u32) -> PathBuf {
    table.join(format!("_delta_log/{version:020}.json"))
}

#[test]
fn tables_that_cannot_be_replaced_are_refused_before_anything_is_computed() {
    let folders = Folders::new();
    let table = folders.path("gold/t");
    data::write_file(&entry(&table, 0), "not json\n");
    folders.expect_refusal(
        9,
        &[
            "the log of table 't' cannot be read: line 1 of \
             _delta_log/00000000000000000000.json is not JSON",
            "restore it, or move the table's folder away",
        ],
    );
    std::fs::remove_dir_all(&table).unwrap();
    folders.submit(&["t"], &[]).expect_code(0);
    let first = std::fs::read_to_string(entry(&table, 0)).unwrap();

    data::write_file(&entry(&table, 0), &first[..first.len() - 5]);
    folders.expect_refusal(9, &["table 't'", "is not JSON (EOF while parsing"]);
    data::write_file(&entry(&table, 0), &first);

    data::write_file(&entry(&table, 2), "{}\n");
    folders.expect_refusal(9, &["table 't'", "the entry of version 1 is missing"]);
    std::fs::remove_file(entry(&table, 2)).unwrap();

    for (protocol, parts) in [
        // Generated columns, CHECK constraints and change data feeds.
        (
            r#""minReaderVersion":1,"minWriterVersion":6"#,
            &["table 't' needs a newer Delta writer", "writer version 6"][..],
        ),
        // Column mapping.
        (
            r#""minReaderVersion":2,"minWriterVersion":5"#,
            &["reader version 2, writer version 5"],
        ),
        (
            r#""minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]"#,
            &["features deletionVectors", "write to another table"],
        ),
        (
            r#""minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["identityColumns","appendOnly"]"#,
            &["features identityColumns"],
        ),
    ] {
        let entry = entry(&table, 1);
        data::write_file(&entry, &format!("{{\"protocol\":{{{protocol}}}}}\n"));
        folders.expect_refusal(2, parts);
    }
    // Append-only, by its property.
    let metadata = first
        .lines()
        .find(|line| line.contains("\"metaData\""))
        .unwrap()
        .replace(
            r#""configuration":{}"#,
            r#""configuration":{"delta.appendOnly":"true"}"#,
        );
    data::write_file(&entry(&table, 1), &format!("{metadata}\n"));
    folders.expect_refusal(2, &["table 't' is append-only"]);

    // A file where the folder should be.
    std::fs::remove_dir_all(&table).unwrap();
    data::write_file(&table, "x");
    folders.expect_refusal(9, &["gold/t", "is not a folder"]);
}

#[test]
fn foreign_files_and_tables_of_earlier_jobs_are_reported_and_kept() {
    let folders = Folders::new();
    data::write_file(&folders.path("gold/a/old.parquet"), "x");
    for more in [&["--plan"][..], &[]] {
        let output = folders.submit(&["a", "b"], more).expect_code(0);
        output.expect_stderr(&[
            "W0601",
            "the folder of `a` is not a Delta table and has 1 file",
            "old.parquet",
        ]);
    }
    assert!(folders.path("gold/a/old.parquet").exists());

    // Now `a` is a Delta table, and `b` is dropped.
    let before = gold::files_below(&folders.path("gold/b"));
    for more in [&["--plan"][..], &[]] {
        let output = folders.submit(&["a"], more).expect_code(0);
        let output = output.expect_stderr(&[
            "W0602",
            "this job does not make the table `b` of the gold folder, last committed less than a \
             minute ago",
            "gold/b",
        ]);
        assert!(!output.stderr.contains("W0601"), "{output}");
        assert_eq!(output.stderr.matches("W0602").count(), 1, "{output}");
    }
    assert_eq!(gold::files_below(&folders.path("gold/b")), before);

    // Another job may have its tables in the same folder.
    let output = folders.submit(&["c"], &["--name", "other"]).expect_code(0);
    assert!(!output.stderr.contains("W0602"), "{output}");
    let document = folders
        .submit(&["a"], &["--output", "json"])
        .expect_code(0)
        .json_document();
    let warnings = document["job"]["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{document}");
    assert_eq!(warnings[0]["code"], "W0602");
}

#[test]
fn a_source_over_a_gold_table_reads_its_newest_version() {
    let folders = Folders::new();
    let rows = |n: u32| format!("{{\"n\": {n}}}\n").repeat(n as usize);
    for n in [5, 3] {
        data::write_file(&folders.path("landing/events/a.json"), &rows(n));
        folders.submit(&["t"], &[]).expect_code(0);
    }
    // A file that no version names.
    let table = folders.path("gold/t");
    let named = gold::read_tables(&folders.path("gold"))["t"].active.clone();
    let file = named.first().unwrap();
    std::fs::copy(table.join(file), table.join("stray.parquet")).unwrap();
    let job = folders.path("read.sql");
    data::write_file(
        &job,
        &format!(
            "DECLARE VARIABLE gold STRING;\n\
             CREATE EXTERNAL TABLE t (n BIGINT) STORED AS PARQUET LOCATION '{}';\n\
             CREATE OR REFRESH MATERIALIZED VIEW copy AS SELECT n FROM t;\n",
            table.display()
        ),
    );
    let run = || {
        submit::run_submit([
            "--master",
            "local[1]",
            job.to_str().unwrap(),
            "--gold",
            folders.path("copies").to_str().unwrap(),
        ])
    };
    run().expect_code(0);
    assert_eq!(gold::row_counts(&folders.path("copies"))["copy"], 3);

    let protocol = r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}}"#;
    data::write_file(&entry(&table, 2), protocol);
    run().expect_code(2).expect_stderr(&[
        "source t: the Delta table 't' needs a newer reader",
        "features deletionVectors",
    ]);
    std::fs::remove_file(entry(&table, 2)).unwrap();

    std::fs::remove_file(table.join(file)).unwrap();
    run().expect_code(9).expect_stderr(&[
        "source t",
        "not found",
        "version 1 of the Delta table names it",
    ]);
}
