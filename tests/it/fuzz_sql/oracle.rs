//! DuckDB, as a Python process that answers requests.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use sluice_sql_generator::{Format, Table};

use super::run::Ran;
use super::{Difference, DifferenceKind, NamedQuery, Outcome};

#[derive(Debug)]
pub struct Oracle {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What DuckDB says about one query.
#[derive(Debug)]
pub struct Answer {
    error: Option<String>,
    /// Target to what differs.
    differ: BTreeMap<String, Vec<String>>,
    pub shown: Value,
}

impl Oracle {
    pub fn start(python: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/duckdb/compare_queries.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (requests, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self {
            child,
            requests,
            answers: BufReader::new(answers),
        }
    }

    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.requests, "{request}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("no answer from DuckDB: {error}"))
    }

    /// Makes the tables in DuckDB and as files below `landing`.
    pub fn make_tables(&mut self, tables: &[Table], landing: &Path) {
        let mut parquet = serde_json::Map::new();
        let mut statements = Vec::new();
        for table in tables {
            statements.extend(table.duckdb_statements());
            let folder = landing.join(&table.name);
            match table.format {
                Format::Json => {
                    std::fs::create_dir_all(&folder).unwrap();
                    for (number, text) in table.json_files().iter().enumerate() {
                        std::fs::write(folder.join(format!("part-{number}.json")), text).unwrap();
                    }
                }
                Format::Parquet => {
                    parquet.insert(table.name.clone(), json!([folder, table.files]));
                }
            }
        }
        self.ask(&json!({ "statements": statements, "parquet": parquet }));
    }

    /// Runs the queries, and keeps their rows for [`Self::compare`]. Gives the errors.
    pub fn run_queries(&mut self, queries: &[NamedQuery]) -> BTreeMap<String, String> {
        let texts: BTreeMap<&str, &str> = queries
            .iter()
            .map(|query| (query.name.as_str(), query.query.sql.duckdb.as_str()))
            .collect();
        let answers = self.ask(&json!({ "queries": texts }));
        answers
            .as_object()
            .unwrap()
            .iter()
            .filter_map(|(name, error)| Some((name.clone(), error.as_str()?.to_owned())))
            .collect()
    }

    /// Compares the tables of the targets with the rows of [`Self::run_queries`].
    pub fn compare(
        &mut self,
        mut errors: BTreeMap<String, String>,
        ran: &BTreeMap<String, BTreeMap<String, Ran>>,
    ) -> BTreeMap<String, Answer> {
        let golds: BTreeMap<&str, BTreeMap<&str, &Path>> = ran
            .iter()
            .map(|(target, ran)| {
                let tables = ran.iter().filter_map(|(name, ran)| match ran {
                    Ran::Rows(table) => Some((name.as_str(), table.as_path())),
                    _ => None,
                });
                (target.as_str(), tables.collect())
            })
            .collect();
        let answers = self.ask(&json!({ "golds": golds }));
        answers
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, answer)| (name.clone(), Answer::read(errors.remove(name), answer)))
            .collect()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    fn read(error: Option<String>, answer: &Value) -> Self {
        let lines = |lines: &Value| {
            let lines = lines.as_array().unwrap().iter();
            lines
                .map(|line| line.as_str().unwrap().to_owned())
                .collect()
        };
        Self {
            error,
            differ: answer["differ"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(target, found)| (target.clone(), lines(found)))
                .collect(),
            shown: answer["answers"].clone(),
        }
    }

    /// Compares how the query ended on a target with DuckDB's answer.
    pub fn judge(&self, target: &str, ran: &Ran, refused_everywhere: bool) -> Outcome {
        let differ = |kind, lines| Outcome::Differ(Difference { kind, lines });
        match (ran, &self.error) {
            (Ran::Refused(reason), _) if refused_everywhere => Outcome::Refused(shorten(reason)),
            (Ran::Refused(reason), _) => differ(DifferenceKind::OnlyWeFail, vec![reason.clone()]),
            (Ran::Failed(_), Some(_)) => Outcome::BothFail,
            (Ran::Failed(reason), None) if is_overflow(reason) => {
                Outcome::NoOracle("only we compute a value that does not fit".to_owned())
            }
            (Ran::Failed(reason), None) => differ(DifferenceKind::OnlyWeFail, vec![reason.clone()]),
            (Ran::Rows(_), error) => match (self.differ.get(target), error) {
                (Some(lines), _) => {
                    let mut lines = lines.clone();
                    lines.push(self.shown.to_string());
                    differ(DifferenceKind::Rows, lines)
                }
                (None, None) => Outcome::Agree,
                (None, Some(error)) if is_limit_of_duckdb(error) => {
                    Outcome::NoOracle(shorten(error))
                }
                (None, Some(error)) if is_overflow(error) => {
                    Outcome::NoOracle("only DuckDB computes a value that does not fit".to_owned())
                }
                (None, Some(error)) => differ(DifferenceKind::OnlyDuckdbFails, vec![error.clone()]),
            },
        }
    }
}

/// Whether a value did not fit its type. Of which rows, and whether at all, an expression
/// is computed whose value nothing needs is a choice of each optimizer, as it is Spark's.
fn is_overflow(error: &str) -> bool {
    [
        "[ARITHMETIC_OVERFLOW]",
        "[CAST_OVERFLOW]",
        "[NUMERIC_VALUE_OUT_OF_RANGE]",
        "OutOfRangeException",
        "value is out of range!",
    ]
    .iter()
    .any(|part| error.contains(part))
}

/// Whether DuckDB cannot answer at all; its other errors are about the data.
pub fn is_limit_of_duckdb(error: &str) -> bool {
    [
        "NotImplementedException",
        "BinderException",
        "ParserException",
        "InternalException",
        "LimitOfFrames",
        "LimitOfFilters",
        "LimitOfSubqueries",
    ]
    .iter()
    .any(|kind| error.starts_with(kind))
}

/// The reason without the names of a single query, so that reasons can be counted.
pub fn shorten(reason: &str) -> String {
    let mut short = String::new();
    let mut quoted = false;
    for c in reason.lines().next().unwrap_or_default().chars() {
        if matches!(c, '`' | '"') {
            quoted = !quoted;
            if quoted {
                short.push('…');
            }
        } else if !quoted && !c.is_ascii_digit() {
            short.push(c);
        }
        if short.len() > 120 {
            break;
        }
    }
    short
}
