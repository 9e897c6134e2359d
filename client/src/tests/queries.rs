//! `-e`: the rows of a query.

use std::sync::Arc;

use serde_json::json;
use sluice_proto::v1::{ErrorKind, JobError, QueryAnswer, QueryColumn, QueryRow, QueryValue};

use super::fake::{Fake, Running};
use super::world::{Ran, World};

/// An answer with a row for each of these texts; its columns are two numbers and a text.
fn answer(rows: &[[Option<&str>; 3]]) -> QueryAnswer {
    let columns = [("n", "BIGINT"), ("n", "DECIMAL(10, 2)"), ("name", "STRING")];
    QueryAnswer {
        columns: columns
            .map(|(name, ty)| QueryColumn {
                name: name.to_owned(),
                r#type: ty.to_owned(),
            })
            .to_vec(),
        rows: rows
            .iter()
            .map(|row| QueryRow {
                values: row
                    .map(|text| QueryValue {
                        text: text.map(str::to_owned),
                    })
                    .to_vec(),
            })
            .collect(),
        is_cut_off: false,
        cut: 7,
    }
}

fn run(fake: &Arc<Fake>, words: &[&str]) -> Ran {
    let running = Running::start(fake);
    let master = ["--master".to_owned(), running.master()];
    let words = words.iter().map(|word| (*word).to_owned());
    World::new().run_words(master.into_iter().chain(words))
}

#[test]
fn the_rows_of_a_query_are_printed() {
    let rows = [
        [Some("12"), Some("1.50"), Some("a")],
        [None, Some("0.25"), Some("b\u{1b}c")],
    ];
    let fake = Fake::with(|state| state.answer = Some(answer(&rows)));
    let query = ["-e", "SELECT 1", "--gold", "data/gold", "--conf", "a=b"];
    let ran = run(&fake, &query);
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<&str> = ran.out.lines().map(str::trim).collect();
    assert!(lines.contains(&"12   1.50   a"), "{ran:?}");
    assert!(lines.contains(&"NULL   0.25   b\u{fffd}c"), "{ran:?}");
    assert_eq!(lines.last(), Some(&"2 rows, cut 7 of the tables"));
    let document = run(&fake, &[&query[..], &["--output", "json"]].concat()).json();
    assert_eq!(
        document["query"]["rows"],
        json!([[12, "1.50", "a"], [null, "0.25", "b\u{1b}c"]])
    );
    assert_eq!(document["query"]["columns"][1]["type"], "DECIMAL(10, 2)");
    let state = fake.state.lock().unwrap();
    let asked = &state.queries[0];
    assert_eq!(
        (asked.query.as_str(), asked.gold.as_str()),
        ("SELECT 1", "data/gold")
    );
    assert_eq!(asked.conf["a"], "b");
}

#[test]
fn rows_that_are_left_out_are_reported() {
    let mut cut_off = answer(&[[None; 3]]);
    cut_off.is_cut_off = true;
    let fake = Fake::with(|state| state.answer = Some(cut_off));
    let ran = run(&fake, &["-e", "SELECT 1", "--gold=g"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.err.contains("only the first 1 row of the query"),
        "{ran:?}"
    );
}

#[test]
fn a_query_that_has_no_answer_has_the_exit_code_of_its_error() {
    let error = JobError::new(ErrorKind::TimedOut, "too slow");
    let fake = Fake::with(|state| state.refusal = Some(error));
    let ran = run(&fake, &["-e", "SELECT 1", "--gold", "g"]);
    assert_eq!(ran.code, 6, "{ran:?}");
    // The connection is lost.
    let fake = Fake::with(|_| {});
    let ran = run(&fake, &["-e", "SELECT 1", "--gold", "g"]);
    assert_eq!(ran.code, 4, "{ran:?}");
}

#[test]
fn a_query_needs_the_folder_and_takes_nothing_else() {
    let fake = Fake::with(|_| {});
    for (words, part) in [
        (&["-e", "SELECT 1"][..], "add `--gold FOLDER`"),
        (&["-e", " ", "--gold", "g"], "the query must not be empty"),
        (
            &["-e", "SELECT 1", "--gold", "g", "--day", "1"],
            "`day` is none of a query",
        ),
        (&["job.sql", "-e", "SELECT 1"], "cannot be used with"),
        (&["-e", "SELECT 1", "--list"], "cannot be used with"),
        // Options of jobs have no meaning for a query.
        (&["-e", "SELECT 1", "--refresh", "t"], "cannot be used with"),
        (
            &["-e", "SELECT 1", "--full-refresh", "t"],
            "cannot be used with",
        ),
        (
            &["-e", "SELECT 1", "--full-refresh-all"],
            "cannot be used with",
        ),
        (
            &["-e", "SELECT 1", "--submission-id", "x"],
            "cannot be used with",
        ),
        (
            &["-e", "SELECT 1", "--deploy-mode", "cluster"],
            "cannot be used with",
        ),
        (&["-e", "SELECT 1", "--name", "x"], "cannot be used with"),
        (
            &["-e", "SELECT 1", "--otlp-endpoint", "http://x"],
            "cannot be used with",
        ),
    ] {
        let ran = run(&fake, words);
        assert_eq!(ran.code, 2, "{words:?}: {ran:?}");
        assert!(ran.err.contains(part), "{words:?}: {ran:?}");
    }
    assert!(fake.state.lock().unwrap().queries.is_empty());
}
