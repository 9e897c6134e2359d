//! The examples of Spark's function reference, with Spark's own answers.
//!
//! `tests/spark/ask_spark.py` writes the file that `SLUICE_SPARK_EXAMPLES` names; the
//! test is skipped without it. An example that gives other rows than Spark is a
//! fault, unless [`KNOWN`] says why. Examples that are refused are counted only:
//! the test of the names in `spark_names` decides which names may be refused.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::job::frame_of_job;
use super::spark_values::{Rows, are_same, rows_of_frame};

/// Examples whose rows differ from Spark's for a reason: the function, a part of
/// the query, and why.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "assert_true",
        "",
        "NULL of type STRING, which gold can hold",
    ),
    ("collect_set", "", "a set has no order"),
    ("current_timestamp", "", "the time of the run"),
    ("localtimestamp", "", "the time of the run"),
    ("now", "", "the time of the run"),
    ("unix_timestamp", "unix_timestamp()", "the time of the run"),
    ("current_date", "", "the time of the run"),
    ("curdate", "", "the time of the run"),
    ("rand", "", "random"),
    ("random", "", "random"),
    ("shuffle", "", "random"),
    ("uuid", "", "random"),
    (
        "mode",
        "",
        "of several values the least, so that every run gives the same",
    ),
    ("listagg", "DISTINCT", "a set has no order"),
    ("string_agg", "DISTINCT", "a set has no order"),
    ("make_dt_interval", "", "intervals have no type in gold"),
    ("make_interval", "", "intervals have no type in gold"),
    ("date_part", "INTERVAL", "parts of intervals are INT"),
    ("datepart", "INTERVAL", "parts of intervals are INT"),
    ("extract", "INTERVAL", "parts of intervals are INT"),
    (
        "date_trunc",
        "TIMESTAMP_NTZ",
        "digits after the sixth are cut off",
    ),
    ("ntile", "", "ranks are BIGINT in gold"),
    ("row_number", "", "ranks are BIGINT in gold"),
    ("zip_with", "(y, x)", "the fields of a tuple are numbered"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Equal,
    Wrong,
    WrongType,
    Refused,
    BothRefuse,
    OnlySparkRefuses,
}

fn judge(example: &Value, rows: &Result<Rows, String>) -> Outcome {
    let expected = example.get("rows").and_then(Value::as_array);
    match (expected, rows) {
        (None, Err(_)) => Outcome::BothRefuse,
        (None, Ok(_)) => Outcome::OnlySparkRefuses,
        (Some(_), Err(_)) => Outcome::Refused,
        (Some(expected), Ok(rows)) => {
            let mut rest: Vec<&Value> = rows.values.iter().collect();
            for row in expected {
                match rest.iter().position(|ours| are_same(row, ours)) {
                    Some(at) => drop(rest.remove(at)),
                    None => return Outcome::Wrong,
                }
            }
            let types = example["schema"].as_array().map(|columns| {
                let types = columns.iter().filter_map(|column| column[1].as_str());
                types.map(str::to_owned).collect::<Vec<_>>()
            });
            if !rest.is_empty() {
                Outcome::Wrong
            } else if types.is_some_and(|types| types != rows.types) {
                Outcome::WrongType
            } else {
                Outcome::Equal
            }
        }
    }
}

fn is_known(name: &str, query: &str) -> bool {
    KNOWN
        .iter()
        .any(|(function, part, _)| *function == name && query.contains(part))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn examples_of_sparks_reference_give_sparks_rows() {
    let Some(path) = std::env::var_os("SLUICE_SPARK_EXAMPLES") else {
        eprintln!("skipped: SLUICE_SPARK_EXAMPLES names no answers of Spark");
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let examples: Vec<Value> = serde_json::from_str(&text).unwrap();
    // In the zone that Spark was asked in.
    let zone = match std::env::var("SPARK_TIME_ZONE") {
        Ok(zone) => format!("SET TIME ZONE '{zone}';\n"),
        Err(_) => String::new(),
    };
    let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
    let mut faults = String::new();
    for example in &examples {
        let name = example["name"].as_str().unwrap();
        let query = example["sql"].as_str().unwrap();
        let rows = match frame_of_job(&format!("{zone}{query}")).await {
            Ok(frame) => rows_of_frame(frame).await,
            Err(error) => Err(error),
        };
        let outcome = judge(example, &rows);
        *counts.entry(outcome).or_default() += 1;
        if outcome == Outcome::Equal || outcome == Outcome::BothRefuse {
            continue;
        }
        let expected = match example.get("rows") {
            Some(rows) => format!("{rows} {}", example["schema"]),
            None => example["message"].to_string(),
        };
        let line = format!("{outcome:?} {name}: {query}\n  spark {expected}\n  ours  {rows:?}");
        eprintln!("{line}");
        if outcome != Outcome::Refused && !is_known(name, query) {
            let _ = writeln!(faults, "{line}");
        }
    }
    eprintln!("{counts:?}");
    assert!(faults.is_empty(), "{faults}");
}
