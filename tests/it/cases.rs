//! Runs `tests/cases/run/*.sql`, and those of `tests/cases/check/*.sql` that
//! only the engine can check; `tests/cases/README.md` describes their format.
//!
//! `CASES=part-of-a-name` runs only the cases whose names contain it.

mod gold;
mod header;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use header::{ExpectedFinding, ExpectedTable, Header};

use crate::sandbox::Cluster;
use crate::{submit, wait};

fn case_paths(folder: &str) -> Vec<PathBuf> {
    let wanted = std::env::var("CASES").unwrap_or_default();
    let mut paths: Vec<PathBuf> = fs::read_dir(header::cases_folder().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "sql"))
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .contains(&wanted)
        })
        .collect();
    paths.sort();
    paths
}

/// Runs `check` on all cases, as many at a time as there are cores, and reports
/// every case that failed.
fn check_all(paths: &[PathBuf], check: impl Fn(&Path) -> Result<(), String> + Sync) {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(problem) = check(path) {
                        let name = path.file_name().unwrap().to_string_lossy().into_owned();
                        failures.lock().unwrap().push(format!("{name}: {problem}"));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(
        failures.is_empty(),
        "{} cases failed\n\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

/// The folders of a case, deleted after it.
struct CaseFolders {
    dir: tempfile::TempDir,
}

impl CaseFolders {
    fn new(header: &Header) -> Result<Self, String> {
        let folders = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(folders.landing()).unwrap();
        for file in &header.files {
            file.write(&folders.landing())?;
        }
        Ok(folders)
    }

    fn landing(&self) -> PathBuf {
        self.dir.path().join("landing")
    }

    fn gold(&self) -> PathBuf {
        self.dir.path().join("gold")
    }

    fn submit(&self, job: &Path, header: &Header, text: &str, more: &[&str]) -> (Output, Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_submit-job"));
        command
            .arg(job)
            .args(["--output", "json", "--no-progress"])
            .args(more)
            .stdin(Stdio::null());
        submit::clear_environment(&mut command);
        for (name, folder) in [("landing", self.landing()), ("gold", self.gold())] {
            if text.contains(&format!("DECLARE VARIABLE {name} ")) {
                command.arg(format!("--{name}={}", folder.display()));
            }
        }
        for (name, value) in &header.params {
            command.arg(format!("--{name}={value}"));
        }
        let output = command.output().unwrap();
        let document = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        (output, document)
    }
}

fn output_text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn cases_give_the_rows_that_they_say() {
    let _turn = wait::exclusive_turn();
    let paths = case_paths("run");
    assert!(!paths.is_empty());
    let cluster = Cluster::start();
    let cluster = cluster.master();
    // Inputs as small as these are one task by default, and nothing of them is shared.
    let partitions = [
        "--conf",
        "sluice.shuffle_partitions=3",
        "--conf",
        "sluice.min_shared_size=0B",
    ];
    let runs: [(&str, &str, &[&str]); 4] = [
        ("local[1]", "local[1]", &[]),
        ("local[3]", "local[3]", &[]),
        ("a cluster", &cluster, &[]),
        ("a cluster, 3 partitions", &cluster, &partitions),
    ];
    check_all(&paths, |path| {
        let text = fs::read_to_string(path).unwrap();
        let header = header::parse_header(&text)?;
        if header.tables.is_empty() && header.fails.is_none() {
            return Err("the header needs `-- result: …` or `-- fails: …`".to_owned());
        }
        for (name, master, options) in &runs {
            let mut args = vec!["--master", master];
            args.extend_from_slice(options);
            run_case(path, &text, &header, &args)
                .map_err(|problem| format!("on {name}: {problem}"))?;
        }
        Ok(())
    });
}

fn run_case(path: &Path, text: &str, header: &Header, args: &[&str]) -> Result<(), String> {
    let folders = CaseFolders::new(header)?;
    let (output, document) = folders.submit(path, header, text, args);
    if let Some(fails) = &header.fails {
        return check_failure(
            fails,
            &header.says,
            &folders,
            &document,
            &output_text(&output),
        );
    }
    if output.status.code() != Some(0) {
        return Err(output_text(&output));
    }
    let mut problems = String::new();
    for table in &header.tables {
        if let Err(problem) = compare_table(table, &folders.gold()) {
            let _ = writeln!(problems, "{}: {problem}", table.dataset);
        }
    }
    for (source, count) in &header.malformed {
        let inputs = document["job"]["inputs"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let found = inputs
            .iter()
            .find(|i| i["name"] == source.as_str())
            .map(|i| i["malformed"].clone());
        if found != Some(Value::from(*count)) {
            let _ = writeln!(
                problems,
                "{source}: {count} malformed lines expected, not {found:?}"
            );
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// Checks that the job failed with the expected error and committed no table.
fn check_failure(
    kind: &str,
    says: &[String],
    folders: &CaseFolders,
    document: &Value,
    all: &str,
) -> Result<(), String> {
    let error = match &document["job"]["error"] {
        Value::Null => &document["error"],
        error => error,
    };
    if error["kind"] != kind {
        return Err(format!("should fail with {kind}:\n{all}"));
    }
    let message = error.to_string().replace("\\\"", "\"");
    if let Some(part) = says.iter().find(|part| !message.contains(part.as_str())) {
        return Err(format!("the error lacks `{part}`:\n{message}"));
    }
    let tables = gold::committed_tables(&folders.gold());
    if tables.is_empty() {
        Ok(())
    } else {
        Err(format!("these were committed: {tables:?}"))
    }
}

fn compare_table(table: &ExpectedTable, gold: &Path) -> Result<(), String> {
    let found = gold::read_table(&gold.join(&table.dataset))?;
    let expected = &table.lines;
    let got: Vec<String> = match table.aspect {
        header::TableAspect::Schema => found.schema,
        header::TableAspect::Folders => found.folders,
        header::TableAspect::Rows { ordered } => {
            let (head, rows) = expected
                .split_first()
                .ok_or("a result needs a line of column names")?;
            let mut expected = rows.to_vec();
            // The files of one table come in any order, but each of them must
            // have the order of the whole.
            let in_order = found.files.iter().all(|file| is_part_of(file, rows));
            let mut got: Vec<String> = found.files.concat();
            let same_columns = *head == found.columns;
            if !ordered || found.files.len() > 1 {
                expected.sort();
                got.sort();
            }
            if same_columns && expected == got && (!ordered || in_order) {
                return Ok(());
            }
            return Err(format!("got\n--| {}\n{}", found.columns, format_rows(&got)));
        }
    };
    if *expected == got {
        Ok(())
    } else {
        Err(format!("got\n{}", format_rows(&got)))
    }
}

fn format_rows(rows: &[String]) -> String {
    rows.iter().map(|row| format!("--| {row}\n")).collect()
}

/// Whether all lines of `part` are in `whole`, in the same order.
fn is_part_of(part: &[String], whole: &[String]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|line| whole.any(|other| other == line))
}

#[test]
fn the_engine_finds_what_is_wrong_with_columns_and_types() {
    let paths = case_paths("check");
    check_all(&paths, |path| {
        let bytes = fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // The cases of the job language are tested in its own crate, including
        // those with invalid headers.
        if !text
            .lines()
            .any(|line| line.starts_with("-- error: E05") || line.starts_with("-- warning: W05"))
        {
            return Ok(());
        }
        let header = header::parse_header(&text)?;
        let place = CaseFolders::new(&header)?;
        let (output, document) =
            place.submit(path, &header, &text, &["--plan", "--master", "local"]);
        // Warnings alone do not stop the plan.
        let expects_errors = (header.expected.iter()).any(|e| e.severity == "error");
        let (found, code) = if expects_errors {
            (&document["error"]["diagnostics"], 2)
        } else {
            (&document["plan"]["warnings"], 0)
        };
        let found = found.as_array().cloned().unwrap_or_default();
        let wrong = || format!("found:\n{}", output_text(&output));
        let mut left: Vec<&Value> = found.iter().collect();
        for expected in &header.expected {
            let at = left
                .iter()
                .position(|found| matches_finding(expected, found));
            left.remove(at.ok_or_else(|| format!("missing {expected:?}; {}", wrong()))?);
        }
        match left.iter().find(|found| found["severity"] == "error") {
            Some(found) => Err(format!("not expected: {found}; {}", wrong())),
            None if output.status.code() == Some(code) => Ok(()),
            None => Err(format!("should end with exit code {code}; {}", wrong())),
        }
    });
}

fn matches_finding(expected: &ExpectedFinding, found: &Value) -> bool {
    let span = &found["span"];
    let at = match span {
        Value::Null => "none".to_owned(),
        span => format!("{}:{}", span["start_line"], span["start_column"]),
    };
    let mut texts = vec![
        found["message"].as_str(),
        found["label"].as_str(),
        found["help"].as_str(),
    ];
    texts.extend(
        found["notes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(Value::as_str),
    );
    let says = |part: &String| {
        texts
            .iter()
            .flatten()
            .any(|text| text.contains(part.as_str()))
    };
    found["code"] == expected.code.as_str()
        && found["severity"] == expected.severity
        && expected.at.as_ref().is_none_or(|place| *place == at)
        && expected.says.iter().all(says)
}
