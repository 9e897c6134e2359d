//! Properties that hold for any text.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sluice_jobfile::{Relation, parse_job_file};

/// Pieces of job files in random order.
fn scraps() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "CREATE",
        "OR",
        "REFRESH",
        "REPLACE",
        "EXTERNAL",
        "TABLE",
        "TEMPORARY",
        "VIEW",
        "MATERIALIZED",
        "STREAMING",
        "DECLARE",
        "VARIABLE",
        "SET",
        "DEFAULT",
        "AS",
        "SELECT",
        "FROM",
        "WHERE",
        "WITH",
        "UNION",
        "JOIN",
        "ON",
        "STORED",
        "JSON",
        "LOCATION",
        "OPTIONS",
        "COMMENT",
        "PARTITIONED",
        "BY",
        "TBLPROPERTIES",
        "STRUCT",
        "ARRAY",
        "MAP",
        "INT",
        "STRING",
        "NOT",
        "NULL",
        "PRIMARY",
        "KEY",
        "CONSTRAINT",
        "EXPECT",
        "CASE",
        "WHEN",
        "END",
        "STREAM",
        "IN",
        "a",
        "b",
        "\"c\"",
        "`d`",
        "'x'",
        "'${a}'",
        "'${'",
        "1",
        "2.5",
        "(",
        ")",
        "<",
        ">",
        ">>",
        ",",
        ";",
        ";\n",
        ":",
        "::",
        ".",
        "=",
        "->",
        "*",
        "+",
        "-",
        "--x\n",
        "/*",
        "*/",
        "'",
        "\"",
        "[",
        "]",
        "{",
        "}",
        "$",
        "${",
        "\t",
        "\r\n",
        "é",
        "日",
        "\u{0}",
        "\\",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.join(" "))
}

/// A valid job file: sources, views over anything before them, datasets.
fn job_text() -> impl Strategy<Value = (String, usize)> {
    let column_type = prop::sample::select(vec![
        "INT",
        "STRING NOT NULL",
        "STRUCT<x: INT, y: ARRAY<STRING>>",
        "MAP<STRING, DOUBLE>",
        "DECIMAL(12, 2) COMMENT 'it''s'",
        "ARRAY<ARRAY<BOOLEAN>>",
    ]);
    let sources = prop::collection::vec(prop::collection::vec(column_type, 1..5), 1..4);
    let queries = prop::collection::vec(
        (any::<bool>(), any::<prop::sample::Index>(), 0..4_usize),
        1..8,
    );
    let space = prop::sample::select(vec![" ", "\n", "\t", "\r\n", " -- c;\n", " /* ; ' */ "]);
    (sources, queries, space).prop_map(|(sources, queries, space)| {
        let mut text = String::new();
        let mut names: Vec<String> = Vec::new();
        for (i, types) in sources.iter().enumerate() {
            let columns: Vec<String> =
                types.iter().enumerate().map(|(c, ty)| format!("c{c} {ty}")).collect();
            let columns = columns.join(",");
            text.push_str(&format!(
                "CREATE{space}EXTERNAL TABLE s{i}{space}({columns}){space}STORED AS JSON LOCATION 'x;y';{space}"
            ));
            names.push(format!("s{i}"));
        }
        for (i, (is_view, from, shape)) in queries.iter().enumerate() {
            let from = &names[from.index(names.len())];
            let query = match shape {
                0 => format!("SELECT * FROM {from}"),
                1 => format!("WITH q AS (SELECT c0 FROM {from}) SELECT q.c0 FROM q"),
                2 => format!("SELECT 'a;b' AS t FROM {from} UNION ALL SELECT c0 FROM {from}"),
                _ => format!("SELECT c0 FROM {from} QUALIFY row_number() OVER (PARTITION BY c0 ORDER BY c0) = 1"),
            };
            let kind = if *is_view { "TEMPORARY VIEW" } else { "OR REFRESH MATERIALIZED VIEW" };
            text.push_str(&format!("CREATE {kind} q{i}{space}AS{space}{query};{space}"));
            names.push(format!("q{i}"));
        }
        text.push_str(&format!("CREATE MATERIALIZED VIEW last AS SELECT * FROM {}", names[names.len() - 1]));
        let count = names.len() + 1;
        (text, count)
    })
}

/// A second implementation of `${v}`: splits at `$${` first.
fn model(text: &str, value: &str) -> String {
    text.split("$${")
        .map(|part| part.replace("${v}", value))
        .collect::<Vec<_>>()
        .join("${")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in any::<String>()) {
        if let Err(findings) = parse_job_file("j", &text) {
            findings.render_snippets(&text, true);
        }
    }

    #[test]
    fn no_scraps_panic_and_places_are_in_the_file(text in scraps()) {
        if let Err(findings) = parse_job_file("j", &text) {
            findings.render_snippets(&text, false);
            prop_assert!(findings.has_errors());
            let lines: Vec<&str> = text.split('\n').collect();
            for finding in &findings {
                if let Some(span) = finding.span {
                    prop_assert!(span.start <= span.end, "{finding}");
                    let line = lines.get(span.start.line as usize - 1);
                    prop_assert!(line.is_some(), "{finding}");
                    let width = line.map_or(0, |l| l.chars().count());
                    prop_assert!(span.start.column as usize <= width + 1, "{finding}");
                }
            }
        }
    }

    #[test]
    fn right_job_files_are_read((text, count) in job_text()) {
        let file = parse_job_file("j", &text);
        prop_assert!(file.is_ok(), "{}\n{}", text, file.unwrap_err());
        let job = file.unwrap().bind_parameters(&BTreeMap::new()).unwrap();
        prop_assert_eq!(job.relations.len(), count);
        let mut seen: Vec<&str> = Vec::new();
        for relation in &job.relations {
            for needed in relation.depends_on() {
                prop_assert!(seen.contains(&needed.as_str()), "{} before {}", relation.name(), needed);
            }
            seen.push(relation.name());
        }
    }

    #[test]
    fn substitution_is_what_the_model_says(
        pieces in prop::collection::vec(prop::sample::select(vec!["${v}", "$${", "a", "/", "}", "é"]), 1..12),
        value in "[a-z${}]{0,6}",
    ) {
        let location = format!("x{}", pieces.concat());
        let text = format!(
            "DECLARE VARIABLE v STRING; CREATE EXTERNAL TABLE s (a INT) STORED AS JSON LOCATION '{location}';
             CREATE MATERIALIZED VIEW t AS SELECT v AS plain, '{location}' AS inside FROM s;"
        );
        let params = BTreeMap::from([("v".to_owned(), value.clone())]);
        let job = parse_job_file("j", &text).unwrap().bind_parameters(&params).unwrap();
        let expected = model(&location, &value);
        let Relation::Source(source) = &job.relations[0] else { panic!("source first") };
        prop_assert_eq!(&source.location, &expected);
        let quoted = |s: &str| format!("'{}'", s.replace('\'', "''"));
        let query = job.relations[1].query().unwrap().to_string();
        prop_assert_eq!(query, format!("SELECT {} AS plain, {} AS inside FROM s", quoted(&value), quoted(&expected)));
    }
}
