//! Files, folders and locations with names of any bytes, in every format.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::Int32Array;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;

use crate::sandbox::Cluster;
use crate::{data, gold, submit};

/// Parts of names that some layer could take for something else.
const NAMES: &[&[u8]] = &[
    b"plain",
    b"a%20b",
    b"a%2Fb",
    b"%",
    b"x#1y",
    b"q?r",
    b"t\tab",
    b"n\newline",
    b"return\r",
    b"back\\slash",
    b"st*r",
    b"br[ack]et",
    b"{a,b}",
    b"quo'te\"d",
    b" lead and trail ",
    b"a=b",
    b"A|",
    b"~",
    "\u{fc}".as_bytes(),
    "u\u{308}".as_bytes(),
    "🙂 שלום".as_bytes(),
    b"\xff\xfe",
];

fn one_row(format: &str, value: i32) -> Vec<u8> {
    match format {
        "JSON" => format!("{{\"id\": {value}}}\n").into_bytes(),
        "CSV" => format!("{value}\n").into_bytes(),
        _ => {
            let schema = Schema::new(vec![Field::new("id", DataType::Int32, true)]);
            let schema = Arc::new(schema);
            let column = Arc::new(Int32Array::from(vec![value]));
            let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column]).unwrap();
            let mut writer = ArrowWriter::try_new(Vec::new(), schema, None).unwrap();
            writer.write(&batch).unwrap();
            writer.into_inner().unwrap()
        }
    }
}

/// Writes a file of each name into `folder` and into a partition folder of that
/// name; returns the number of files.
fn write_files(folder: &Path, format: &str) -> i32 {
    let mut files = 0;
    let long = "x".repeat(200);
    let names = NAMES.iter().copied().chain([long.as_bytes()]);
    for (name, upper) in names.zip([false, true].into_iter().cycle()) {
        let mut file = name.to_vec();
        let ending = format!(".{}", format.to_lowercase());
        let ending = if upper { ending.to_uppercase() } else { ending };
        file.extend(ending.as_bytes());
        let partition = [b"p=", name].concat();
        for folder in [
            folder.to_owned(),
            folder.join(OsStr::from_bytes(&partition)),
        ] {
            fs::create_dir_all(&folder).unwrap();
            files += 1;
            fs::write(
                folder.join(OsStr::from_bytes(&file)),
                one_row(format, files),
            )
            .unwrap();
        }
    }
    files
}

fn write_job(folder: &Path, format: &str, location: &str) -> PathBuf {
    let path = folder.join("job.sql");
    data::write_file(
        &path,
        &format!(
            "DECLARE VARIABLE landing STRING;\nDECLARE VARIABLE gold STRING;\n\
             CREATE EXTERNAL TABLE t (id INT) STORED AS {format} LOCATION '{location}';\n\
             CREATE OR REFRESH MATERIALIZED VIEW x AS SELECT id FROM t;\n"
        ),
    );
    path
}

#[test]
fn names_of_any_bytes_are_read_on_one_machine_and_on_a_cluster() {
    let cluster = Cluster::start();
    for format in ["JSON", "CSV", "PARQUET"] {
        let folder = cluster.path(format);
        // The location itself has such a name; the wildcard in it is none, because
        // the folder exists.
        let landing = folder.join("lan#d%41 [1]\té");
        let files = write_files(&landing, format);
        let job = write_job(&folder, format, "${landing}");
        for master in ["local[2]".to_owned(), cluster.master()] {
            let gold = folder.join(format!("gold-{}", &master[..5]));
            let mut args = vec!["--master".to_owned(), master];
            args.extend(submit::job_args(&job, &landing, &gold));
            submit::run_submit(args).expect_code(0);
            let table = &gold::read_tables(&gold)["x"];
            assert_eq!(table.rows, u64::try_from(files).unwrap(), "{format}");
        }
    }
}

#[test]
fn messages_show_such_names_on_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let landing = dir.path().join("landing");
    fs::create_dir(&landing).unwrap();
    fs::write(landing.join("a\tb\n.json"), "{\"id\": \"x\"}\n").unwrap();
    let job = write_job(dir.path(), "JSON", "${landing}");
    let text = fs::read_to_string(&job).unwrap();
    let failfast = "LOCATION '${landing}' OPTIONS ('mode' 'failfast')";
    fs::write(&job, text.replace("LOCATION '${landing}'", failfast)).unwrap();
    let args = submit::job_args(&job, &landing, &dir.path().join("gold"));
    submit::run_submit(args)
        .expect_code(3)
        .expect_stderr(&["landing/a\\tb\\n.json, line 1", "field id: expected INT"]);
}

#[test]
fn links_are_followed_and_broken_ones_reported() {
    let dir = tempfile::tempdir().unwrap();
    let landing = dir.path().join("landing");
    let elsewhere = dir.path().join("elsewhere");
    fs::create_dir(&landing).unwrap();
    data::write_file(&elsewhere.join("a.json"), "{\"id\": 1}\n");
    std::os::unix::fs::symlink(elsewhere.join("a.json"), landing.join("a.json")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, landing.join("day=1")).unwrap();
    let job = write_job(dir.path(), "JSON", "${landing}");
    let gold = dir.path().join("gold");
    submit::run_submit(submit::job_args(&job, &landing, &gold)).expect_code(0);
    assert_eq!(gold::read_tables(&gold)["x"].rows, 2);
    std::os::unix::fs::symlink("nothing", landing.join("b.json")).unwrap();
    submit::run_submit(submit::job_args(&job, &landing, &gold))
        .expect_code(9)
        .expect_stderr(&["landing/b.json", "a link to a file that does not exist"]);
}
