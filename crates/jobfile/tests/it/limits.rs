//! Texts that are too large or too deep end in an error, not in a crash or a
//! hang. Tests run on threads with 2 MB of stack, as the servers' workers do.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sluice_jobfile::{MAX_FILE_BYTES, parse_job_file};

const SOURCE: &str = "CREATE EXTERNAL TABLE s (a INT) STORED AS JSON LOCATION 'x';\n";

fn outcome(query: &str) -> String {
    let text = format!("{SOURCE}CREATE OR REFRESH MATERIALIZED VIEW t AS {query};");
    let start = Instant::now();
    let result =
        match parse_job_file("j", &text).and_then(|file| file.bind_parameters(&BTreeMap::new())) {
            Ok(job) => {
                // As the engine does: copy, print, drop.
                let shown = job.relations[1].query().map(ToString::to_string);
                format!("ok {}", shown.unwrap_or_default().len())
            }
            Err(findings) => findings.to_string(),
        };
    // A second is usual; a hang is longer than any pause of a busy machine.
    assert!(
        start.elapsed() < Duration::from_secs(120),
        "{} characters took {:?}",
        text.len(),
        start.elapsed()
    );
    result
}

#[test]
fn long_chains_are_refused_and_shorter_ones_work() {
    let sum = |n: usize| format!("SELECT {} AS x FROM s", vec!["a"; n].join(" + "));
    assert!(outcome(&sum(450)).starts_with("ok"));
    assert!(outcome(&sum(30_000)).contains("E0107"));
    let any = |n: usize| format!("SELECT a FROM s WHERE {}", vec!["a = 1"; n].join(" OR "));
    assert!(outcome(&any(220)).starts_with("ok"));
    assert!(outcome(&any(30_000)).contains("E0107"));
    let union = |n: usize| vec!["SELECT a FROM s"; n].join(" UNION ALL ");
    assert!(outcome(&union(60)).starts_with("ok"));
    assert!(outcome(&union(10_000)).contains("E0107"));
    let casts = format!("SELECT a{} AS x FROM s", "::INT".repeat(30_000));
    assert!(outcome(&casts).contains("E0107"));
    let nulls = format!("SELECT a{} AS x FROM s", " IS NULL".repeat(30_000));
    assert!(outcome(&nulls).contains("E0107"));
    let cases = format!(
        "SELECT {} AS x FROM s",
        vec!["CASE WHEN a = 1 THEN 1 ELSE 2 END"; 10_000].join(" + ")
    );
    assert!(outcome(&cases).contains("E0107"));
}

#[test]
fn long_lists_work() {
    let list = (0..20_000)
        .map(|n| n.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    assert!(outcome(&format!("SELECT a FROM s WHERE a IN ({list})")).starts_with("ok"));
    let case = format!(
        "SELECT CASE {} END AS x FROM s",
        "WHEN a = 1 THEN 2 ".repeat(2_000)
    );
    assert!(outcome(&case).starts_with("ok"));
}

#[test]
fn deep_nesting_is_refused_quickly() {
    for (open, close) in [
        ("(", ")"),
        ("abs(", ")"),
        ("[", "]"),
        ("CASE WHEN a = 1 THEN ", " END"),
        ("NOT ", ""),
        ("- ", ""),
        ("(SELECT ", ")"),
        ("a IN (", ")"),
        ("x -> ", ""),
        ("{'a': ", "}"),
        ("struct(", ")"),
        ("CAST(", " AS INT)"),
    ] {
        let query = format!(
            "SELECT {}1{} AS x FROM s",
            open.repeat(3000),
            close.repeat(3000)
        );
        let outcome = outcome(&query);
        assert!(outcome.contains("E0"), "{open}: {outcome}");
    }
    for (open, close) in [
        ("(", ")"),
        ("(SELECT * FROM ", ")"),
        ("(s JOIN ", " ON true)"),
    ] {
        let query = format!("SELECT * FROM {}s{}", open.repeat(3000), close.repeat(3000));
        let outcome = outcome(&query);
        assert!(outcome.contains("E0"), "{open}: {outcome}");
    }
    // An error in the middle must not be searched again at every level.
    for open in [
        "CAST(",
        "trim(",
        "substring(",
        "extract(year FROM ",
        "(SELECT ",
        "f(",
    ] {
        let query = format!(
            "SELECT {}1 1{} AS x FROM s",
            open.repeat(60),
            ")".repeat(60)
        );
        assert!(outcome(&query).contains("E0"), "{open}");
    }
    for open in ["(", "((SELECT * FROM ", "(s JOIN ("] {
        for inside in ["VALUES", "SELECT a b c", "s s s"] {
            let query = format!("SELECT * FROM {}{inside}", open.repeat(40));
            assert!(outcome(&query).contains("E0"), "{open}{inside}");
        }
    }
    let types = format!(
        "SELECT CAST(a AS {}INT{}) AS x FROM s",
        "ARRAY<".repeat(3000),
        ">".repeat(3000)
    );
    assert!(outcome(&types).contains("E0"));
}

/// `count` views, each of which reads the one before; every `dataset_each`th is a
/// dataset instead.
fn chain(count: usize, dataset_each: usize) -> String {
    let mut text = SOURCE.to_owned();
    for i in 1..=count {
        let from = if i == 1 {
            "s".to_owned()
        } else {
            format!("v{}", i - 1)
        };
        let what = if i % dataset_each == 0 {
            "CREATE OR REFRESH MATERIALIZED VIEW"
        } else {
            "CREATE TEMPORARY VIEW"
        };
        text.push_str(&format!("{what} v{i} AS SELECT * FROM {from};\n"));
    }
    text.push_str(&format!(
        "CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT * FROM v{count};"
    ));
    text
}

#[test]
fn many_statements_work() {
    let file = parse_job_file("j", &chain(4_900, 100)).unwrap();
    assert_eq!(file.datasets().count(), 50);
}

#[test]
fn too_many_statements_are_one_error() {
    let error = parse_job_file("j", &chain(5_000, 50)).unwrap_err();
    let codes: Vec<_> = error.iter().map(|found| found.code.as_ref()).collect();
    assert_eq!(codes, ["E0112"], "{error}");
    let span = error.iter().next().unwrap().span.unwrap();
    assert_eq!(span.start.column, 1);
}

#[test]
fn a_chain_of_views_has_a_longest_length() {
    parse_job_file("j", &chain(100, usize::MAX)).unwrap();
    let error = parse_job_file("j", &chain(3_000, usize::MAX)).unwrap_err();
    let found: Vec<_> = error.iter().collect();
    let [found] = found.as_slice() else {
        panic!("{error}");
    };
    assert_eq!(found.code, "E0413");
    assert!(
        found.message.contains("`v101` is the last of 101 views"),
        "{error}"
    );
    // One line is one view.
    let lines_of_source = SOURCE.lines().count() as u32;
    assert_eq!(found.span.unwrap().start.line, lines_of_source + 101);
}

#[test]
fn files_have_a_largest_size() {
    let text = " ".repeat(MAX_FILE_BYTES + 1);
    let error = parse_job_file("j", &text).unwrap_err().to_string();
    assert!(error.contains("E0101"), "{error}");
}
