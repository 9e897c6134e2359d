//! `submit-job -e`: queries over gold tables, all at the versions that were published.

use std::path::Path;

use serde_json::json;

use super::crash_with_args;
use crate::data;
use crate::sandbox::Cluster;
use crate::submit::{self, Output};

const MAKER: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT, at TIMESTAMP, price DECIMAL(10, 2), tags ARRAY<STRING>)
  USING json LOCATION '${landing}/events';
CREATE MATERIALIZED VIEW orders AS SELECT * FROM events;
CREATE MATERIALIZED VIEW counts AS SELECT count(*) AS n FROM events;
";

const LINES: &str = r#"{"id":1,"at":"2026-01-02T03:04:05Z","price":1.50,"tags":["a","b"]}
{"id":2,"price":2.25}
"#;

/// A landing folder, a job that makes tables of it, and their folder.
struct Shop {
    folder: tempfile::TempDir,
}

impl Shop {
    fn start() -> Self {
        let shop = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        shop.land("1.json", LINES);
        shop
    }

    fn land(&self, name: &str, lines: &str) {
        data::write_file(&self.folder.path().join("landing/events").join(name), lines);
    }

    fn gold(&self) -> String {
        self.folder.path().join("gold").display().to_string()
    }

    fn job_args(&self, master: &str) -> Vec<String> {
        let job = self.folder.path().join("job.sql");
        data::write_file(&job, MAKER);
        let (landing, gold) = (self.folder.path().join("landing"), self.gold());
        let mut args = vec!["--master".to_owned(), master.to_owned()];
        args.extend(submit::job_args(&job, &landing, Path::new(&gold)));
        args
    }

    fn ask(&self, master: &str, query: &str, more: &[&str]) -> Output {
        let gold = self.gold();
        let words = ["--master", master, "-e", query, "--gold", &gold];
        submit::run_submit(words.iter().chain(more))
    }

    /// The rows of a query.
    fn rows(&self, master: &str, query: &str) -> serde_json::Value {
        let answer = self.ask(master, query, &["--output", "json"]);
        let document = answer.expect_code(0).json_document();
        document["query"]["rows"].clone()
    }
}

#[test]
fn queries_have_the_same_answer_in_this_process_and_on_a_cluster() {
    let cluster = Cluster::builder().executors(2).start();
    let shop = Shop::start();
    submit::run_submit(shop.job_args("local[2]")).expect_code(0);
    for master in ["local[2]".to_owned(), cluster.master()] {
        let rows = |query: &str| shop.rows(&master, query);
        assert_eq!(
            rows("SELECT * FROM orders ORDER BY id DESC"),
            json!([
                [2, null, "2.25", null],
                [1, "2026-01-02T03:04:05Z", "1.50", "[a, b]"]
            ])
        );
        assert_eq!(
            rows(
                "SELECT a.id, b.id, count(*) > 1 FROM orders a JOIN orders b USING (id) GROUP BY ALL ORDER BY 1;"
            ),
            json!([[1, 1, false], [2, 2, false]])
        );
        assert_eq!(
            rows("SELECT n, sum(price) FROM counts, orders GROUP BY n"),
            json!([[2, "3.75"]])
        );
        assert_eq!(
            rows("SELECT id FROM orders QUALIFY row_number() OVER (ORDER BY id) = 2"),
            json!([[2]])
        );
        assert_eq!(rows("SELECT id FROM orders WHERE id > 7"), json!([]));
        assert_eq!(rows("SELECT 1 / 4.0"), json!([["0.250000"]]));
        let text = shop.ask(
            &master,
            "SELECT id, count(*) AS n FROM orders GROUP BY id ORDER BY id",
            &[],
        );
        let lines: Vec<String> = text
            .expect_code(0)
            .stdout
            .lines()
            .map(|line| line.trim().to_owned())
            .collect();
        assert!(lines.contains(&"2   1".to_owned()), "{lines:?}");
        let last = lines.last().map(String::as_str);
        assert_eq!(last, Some("2 rows, cut 0 of the tables"));
    }
}

#[test]
fn more_rows_than_an_answer_has_are_reported() {
    let shop = Shop::start();
    submit::run_submit(shop.job_args("local[2]")).expect_code(0);
    let answer = shop.ask(
        "local",
        "SELECT explode(sequence(1, 10001)) AS n",
        &["--output", "json"],
    );
    let answer = answer
        .expect_code(0)
        .expect_stderr(&["only the first 10,000 rows"]);
    let document = answer.json_document();
    assert_eq!(document["query"]["rows"].as_array().unwrap().len(), 10_000);
    assert_eq!(document["query"]["is_cut_off"], true);
}

#[test]
fn a_query_sees_only_what_is_published() {
    let shop = Shop::start();
    submit::run_submit(shop.job_args("local[2]")).expect_code(0);
    let query = "SELECT n, count(*) FROM counts, orders GROUP BY n";
    assert_eq!(shop.rows("local", query), json!([[2, 2]]));
    // Both tables have their version, and no cut names it.
    shop.land("2.json", "{\"id\":3}\n");
    crash_with_args("publish.before", &shop.job_args("local[2]"));
    assert_eq!(shop.rows("local", query), json!([[2, 2]]));
    submit::run_submit(shop.job_args("local[2]")).expect_code(0);
    assert_eq!(shop.rows("local", query), json!([[3, 3]]));
}

#[test]
fn what_is_wrong_with_a_query_is_reported_with_its_place() {
    let shop = Shop::start();
    let none = shop.ask("local", "SELECT 1", &[]);
    none.expect_code(2)
        .expect_stderr(&["no job has published tables in", "correct --gold"]);
    submit::run_submit(shop.job_args("local[2]")).expect_code(0);
    for (query, code, parts) in [
        (
            "SELECT id\nFROM ordrs",
            2,
            &["query:2:6", "ordrs", "did you mean `orders`?"][..],
        ),
        (
            "SELECT id,\n  prise FROM orders",
            2,
            &["query:2:3", "prise"],
        ),
        ("SELECT id FRM orders WHERE", 2, &["query:1:"]),
        ("SELECT 1; DROP TABLE orders", 2, &["query:1:11"]),
        (
            "CREATE MATERIALIZED VIEW x AS SELECT 1 AS c",
            2,
            &["query:1:34"],
        ),
        ("SELECT 1 / (id - id) FROM orders", 1, &["zero"]),
    ] {
        let answer = shop.ask("local[2]", query, &[]).expect_code(code);
        answer.expect_stderr(parts);
    }
    let cluster = Cluster::builder().executors(0).start();
    let answer = shop.ask(&cluster.master(), "SELECT 1", &[]);
    answer.expect_code(1).expect_stderr(&["has no executors"]);
}
