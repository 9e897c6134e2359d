//! Tables that keep the first row of each key, over all runs.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;

use super::{active_files, crash_local, read_batches, run_local, versions, write_job};
use crate::sandbox::Cluster;
use crate::{data, gold, submit};

const JOB: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (k STRING, n BIGINT, at BIGINT)
  USING json LOCATION '${landing}/events';
CREATE TEMPORARY VIEW firsts AS
SELECT k AS name, n, at FROM STREAM events WHERE at >= 0
QUALIFY row_number() OVER (PARTITION BY k ORDER BY at) = 1;

CREATE STREAMING TABLE by_text AS SELECT at, name AS k FROM STREAM firsts;
CREATE STREAMING TABLE by_numbers PARTITIONED BY (half) AS
SELECT n % 2 AS half, n + 1 AS next, at FROM STREAM events
QUALIFY row_number() OVER (PARTITION BY n % 2, n + 1 ORDER BY at) = 1;
";

/// A key and the order of its rows.
type Line = (Option<&'static str>, i64, i64);

/// The batches, in the order in which they land. Within one the least `at` of a key is
/// kept, and of several batches the first.
const BATCHES: [&[Line]; 5] = [
    &[
        (Some("b"), 1, 11),
        (Some("a"), 2, 10),
        (Some("a"), 2, 9),
        (None, 3, 12),
        (Some("hidden"), 4, -1),
    ],
    &[
        (Some("a"), 1, 1),
        (Some("c"), 20, 20),
        (None, 20, 21),
        (Some(""), 7, 22),
    ],
    &[
        (Some("hidden"), 4, 30),
        (Some("z"), 100, 31),
        (Some("z"), 100, 31),
    ],
    &[(Some("a"), 2, 0), (Some("b"), 100, 2)],
    &[(Some("ab"), 8, 40), (None, -5, 41), (Some(""), -5, 5)],
];

fn land(landing: &Path, number: usize) {
    let lines = BATCHES[number].iter().map(|(k, n, at)| {
        let k = k.map_or("null".to_owned(), |k| format!("\"{k}\""));
        format!("{{\"k\":{k},\"n\":{n},\"at\":{at}}}\n")
    });
    let file = landing.join(format!("events/{number}.json"));
    data::write_file(&file, &lines.collect::<String>());
}

/// The `at` of each key after the first batches.
fn first_rows<K: Ord>(batches: usize, key_of: impl Fn(&Line) -> Option<K>) -> BTreeMap<K, i64> {
    let mut rows = BTreeMap::new();
    for batch in &BATCHES[..batches] {
        let mut of_batch: BTreeMap<K, i64> = BTreeMap::new();
        for line in *batch {
            if let Some(key) = key_of(line) {
                let at = of_batch.entry(key).or_insert(line.2);
                *at = line.2.min(*at);
            }
        }
        for (key, at) in of_batch {
            rows.entry(key).or_insert(at);
        }
    }
    rows
}

#[track_caller]
fn assert_first_rows(gold: &Path, batches: usize) {
    let newest = versions(gold);
    let mut texts: Vec<(Option<String>, i64)> = Vec::new();
    for batch in read_batches(&gold.join("by_text"), newest["by_text"]) {
        let keys = batch.column_by_name("k").unwrap();
        let keys = arrow::compute::cast(keys, &arrow::datatypes::DataType::Utf8).unwrap();
        let at = batch.column_by_name("at").unwrap();
        let at = at.as_primitive::<Int64Type>();
        let keys = keys.as_string::<i32>();
        texts.extend((0..batch.num_rows()).map(|row| {
            let key = keys.is_valid(row).then(|| keys.value(row).to_owned());
            (key, at.value(row))
        }));
    }
    texts.sort();
    let is_visible = |line: &Line| (line.2 >= 0).then(|| line.0.map(str::to_owned));
    let expected: Vec<_> = first_rows(batches, is_visible).into_iter().collect();
    assert_eq!(texts, expected, "after {batches} batches");

    let mut numbers: Vec<(i64, i64)> = Vec::new();
    for batch in read_batches(&gold.join("by_numbers"), newest["by_numbers"]) {
        let column = |name: &str| batch.column_by_name(name).unwrap().clone();
        let (next, at) = (column("next"), column("at"));
        let (next, at) = (
            next.as_primitive::<Int64Type>(),
            at.as_primitive::<Int64Type>(),
        );
        numbers.extend((0..batch.num_rows()).map(|row| (next.value(row), at.value(row))));
    }
    numbers.sort_unstable();
    let expected: Vec<_> = first_rows(batches, |line| Some(line.1 + 1))
        .into_iter()
        .collect();
    assert_eq!(numbers, expected, "after {batches} batches");
}

#[test]
fn the_first_row_of_each_key_stays_whatever_lands_and_is_killed() {
    let cluster = Cluster::builder().executors(2).start();
    let (landing, gold) = (cluster.path("landing"), cluster.path("gold"));
    let job = write_job(&cluster.path("files"), JOB);
    let args = submit::job_args(&job, &landing, &gold);
    for number in 0..3 {
        land(&landing, number);
        cluster.run_submit(&args).expect_code(0);
        assert_first_rows(&gold, number + 1);
    }
    // Nothing is new: nothing is compared and nothing is committed.
    let before = versions(&gold);
    cluster.run_submit(&args).expect_code(0);
    assert_eq!(versions(&gold), before);
    for (number, point) in [(3, "commit.prepared"), (4, "commit.made")] {
        land(&landing, number);
        crash_local(point, &job, &landing, &gold);
        run_local(&job, &landing, &gold).expect_code(0);
        assert_first_rows(&gold, number + 1);
    }
    // A key that the table has gives a version without a file.
    let files = active_files(&gold.join("by_text"), versions(&gold)["by_text"]).len();
    data::write_file(
        &landing.join("events/5.json"),
        "{\"k\":\"a\",\"n\":2,\"at\":3}\n",
    );
    run_local(&job, &landing, &gold).expect_code(0);
    assert_first_rows(&gold, 5);
    let now = active_files(&gold.join("by_text"), versions(&gold)["by_text"]).len();
    assert_eq!(now, files);
}

const TOKENS: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE TABLE events (token STRING, day DATE, n BIGINT) USING json LOCATION '${landing}/events';
CREATE STREAMING TABLE tokens PARTITIONED BY (day) AS SELECT * FROM STREAM events
QUALIFY row_number() OVER (PARTITION BY token, day ORDER BY n) = 1;
";

/// A key without an order: its bits are those of the number, mixed.
fn token(number: u64) -> String {
    format!(
        "{:016x}",
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31)
    )
}

/// Lands a file with rows of these numbers, of one of two days.
fn land_tokens(landing: &Path, file: usize, numbers: impl Iterator<Item = u64>) {
    let lines = numbers.map(|n| {
        let (token, day) = (token(n), n % 2 + 1);
        format!("{{\"token\":\"{token}\",\"day\":\"2026-01-0{day}\",\"n\":{n}}}\n")
    });
    let file = landing.join(format!("events/{file}.json"));
    data::write_file(&file, &lines.collect::<String>());
}

#[test]
fn keys_are_looked_up_in_a_table_with_many_rows() {
    const MANY: u64 = 600_000;
    let cluster = Cluster::builder().executors(2).start();
    let (landing, gold) = (cluster.path("landing"), cluster.path("gold"));
    let job = write_job(&cluster.path("files"), TOKENS);
    let args = submit::job_args(&job, &landing, &gold);
    land_tokens(&landing, 0, 0..MANY);
    cluster.run_submit(&args).expect_code(0);
    let count = || gold::row_counts(&gold)["tokens"];
    assert_eq!(count(), MANY);
    // New keys only: the filters of no file have them.
    land_tokens(&landing, 1, MANY..MANY + 3_000);
    let plan = cluster.run_submit(&args).expect_code(0);
    assert_eq!(count(), MANY + 3_000, "{plan}");
    // Keys of both files among new ones, also within the run.
    let again = [5, 5, MANY - 1, MANY + 7, MANY + 7];
    let new = MANY + 3_000..MANY + 3_100;
    land_tokens(&landing, 2, again.into_iter().chain(new.clone()).chain(new));
    cluster.run_submit(&args).expect_code(0);
    assert_eq!(count(), MANY + 3_100);
    // Only keys that the table has.
    land_tokens(&landing, 3, [0, 1, MANY, MANY + 3_050].into_iter());
    cluster.run_submit(&args).expect_code(0);
    assert_eq!(count(), MANY + 3_100);
    let newest = versions(&gold)["tokens"];
    let mut numbers = super::read_numbers(&gold.join("tokens"), newest, "n");
    numbers.dedup();
    assert_eq!(numbers.len() as u64, MANY + 3_100);
}
