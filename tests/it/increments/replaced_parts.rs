//! Flows that replace a part of their table: backfills and late corrections.

use std::path::{Path, PathBuf};

use super::{active_files, crash_with_args, local_args, read_numbers, versions, write_job};
use crate::sandbox::Cluster;
use crate::{data, submit};

pub(super) const BEFORE: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
DECLARE VARIABLE first_day DATE;
DECLARE VARIABLE last_day DATE;
CREATE EXTERNAL TABLE events (id BIGINT, day DATE, n INT)
  USING json LOCATION '${landing}/events';
";

/// In folders by day, files are removed whole; in the other table they are written again.
pub(super) const JOB: &str = "
CREATE STREAMING TABLE by_day (id BIGINT, day DATE, n INT) PARTITIONED BY (day);
CREATE FLOW days AS INSERT INTO by_day REPLACE WHERE day BETWEEN first_day AND last_day BY NAME
SELECT id, day, n FROM events WHERE day BETWEEN first_day AND last_day;

CREATE STREAMING TABLE plain FLOW REPLACE
WHERE day >= first_day AND (day <= last_day) AND n < 5 AND day < now() BY NAME
SELECT id, n, day FROM events WHERE day BETWEEN first_day AND last_day AND n < 5;

CREATE MATERIALIZED VIEW totals AS
SELECT count(*) AS n, sum(id) AS ids, (SELECT count(*) FROM plain) AS plain FROM by_day;
";

/// An event: its id, its day of January 2024, and a number.
type Event = (i64, Option<u32>, Option<i64>);

/// A landing folder, and what the tables of the job are to have.
#[derive(Default)]
pub(super) struct Oracle {
    landed: Vec<Event>,
    by_day: Vec<Event>,
    plain: Vec<Event>,
}

impl Oracle {
    pub(super) fn land(&mut self, landing: &Path, events: &[(Option<u32>, Option<i64>)]) {
        let mut lines = String::new();
        let first = self.landed.len();
        for (day, n) in events {
            let id = i64::try_from(self.landed.len()).unwrap();
            let day_text = day.map_or("null".to_owned(), |day| format!("\"2024-01-{day:02}\""));
            let n_text = n.map_or("null".to_owned(), |n| n.to_string());
            lines += &format!("{{\"id\":{id},\"day\":{day_text},\"n\":{n_text}}}\n");
            self.landed.push((id, *day, *n));
        }
        data::write_file(&landing.join(format!("events/{first}.json")), &lines);
    }

    /// A run for these days.
    pub(super) fn run(&mut self, first: u32, last: u32) {
        let is_day = |event: &Event| event.1.is_some_and(|day| first <= day && day <= last);
        let is_plain = |event: &Event| is_day(event) && event.2.is_some_and(|n| n < 5);
        replace(&mut self.by_day, &self.landed, &is_day);
        replace(&mut self.plain, &self.landed, &is_plain);
    }

    #[track_caller]
    pub(super) fn assert_equal(&self, gold: &Path, when: &str) {
        let newest = versions(gold);
        let read =
            |table: &str, column: &str| read_numbers(&gold.join(table), newest[table], column);
        let ids = |events: &[Event]| {
            let mut ids: Vec<i64> = events.iter().map(|event| event.0).collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(read("by_day", "id"), ids(&self.by_day), "by_day {when}");
        assert_eq!(read("plain", "id"), ids(&self.plain), "plain {when}");
        let count = |events: &[Event]| i64::try_from(events.len()).unwrap();
        assert_eq!(read("totals", "n"), [count(&self.by_day)], "{when}");
        assert_eq!(read("totals", "plain"), [count(&self.plain)], "{when}");
    }
}

/// The rows of a part are those of the source; a row is in it when the condition is true.
fn replace(table: &mut Vec<Event>, source: &[Event], is_in: &dyn Fn(&Event) -> bool) {
    table.retain(|event| !is_in(event));
    table.extend(source.iter().filter(|event| is_in(event)));
}

pub(super) fn days(first: u32, last: u32) -> [String; 4] {
    [
        "--first-day".to_owned(),
        format!("2024-01-{first:02}"),
        "--last-day".to_owned(),
        format!("2024-01-{last:02}"),
    ]
}

/// A job in a folder of its own.
struct Setup {
    folder: tempfile::TempDir,
    landing: PathBuf,
    gold: PathBuf,
}

impl Setup {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            landing: folder.path().join("landing"),
            gold: folder.path().join("gold"),
            folder,
        }
    }

    fn args(&self, text: &str, (first, last): (u32, u32)) -> Vec<String> {
        let job = write_job(self.folder.path(), &format!("{BEFORE}{text}"));
        let mut args = local_args(&job, &self.landing, &self.gold);
        args.extend(days(first, last));
        args
    }

    fn run(&self, text: &str, range: (u32, u32)) -> submit::Output {
        submit::run_submit(self.args(text, range))
    }

    fn files_of_other_days(&self, day: u32) -> Vec<PathBuf> {
        let files = active_files(&self.gold.join("by_day"), versions(&self.gold)["by_day"]);
        let folder = format!("day=2024-01-{day:02}/");
        let is_other = |file: &PathBuf| !file.to_str().unwrap().contains(&folder);
        files.into_iter().filter(is_other).collect()
    }
}

pub(super) const FIRST: [(Option<u32>, Option<i64>); 8] = [
    (Some(1), Some(1)),
    (Some(1), Some(9)),
    (Some(2), Some(2)),
    (Some(2), None),
    (Some(3), Some(3)),
    (Some(3), Some(4)),
    (None, Some(1)),
    (Some(4), Some(7)),
];

#[test]
fn late_corrections_replace_their_days_and_nothing_else() {
    let t = Setup::new();
    let mut oracle = Oracle::default();
    oracle.land(&t.landing, &FIRST);
    t.run(JOB, (1, 4)).expect_code(0);
    oracle.run(1, 4);
    oracle.assert_equal(&t.gold, "after the first run");
    // Late rows of two days, of which one is computed again.
    oracle.land(&t.landing, &[(Some(2), Some(3)), (Some(3), Some(1))]);
    let others = t.files_of_other_days(2);
    for run in ["once", "twice"] {
        t.run(JOB, (2, 2)).expect_code(0);
        oracle.run(2, 2);
        oracle.assert_equal(&t.gold, run);
        assert_eq!(t.files_of_other_days(2), others, "{run}");
    }
    let planned = t.args(JOB, (3, 4));
    let planned = submit::run_submit(planned.into_iter().chain(["--plan".to_owned()]));
    let reason = "its rows are replaced where day BETWEEN first_day AND last_day";
    assert!(planned.stdout.contains(reason), "{planned}");
    t.run(JOB, (3, 4)).expect_code(0);
    oracle.run(3, 4);
    oracle.assert_equal(&t.gold, "days that follow each other");
    // A part without rows, before and after.
    t.run(JOB, (20, 21)).expect_code(0);
    oracle.assert_equal(&t.gold, "no rows");
    // A full refresh leaves the part alone.
    let mut refresh = t.args(JOB, (2, 3));
    refresh.push("--full-refresh-all".to_owned());
    submit::run_submit(refresh).expect_code(0);
    oracle.by_day.clear();
    oracle.plain.clear();
    oracle.run(2, 3);
    oracle.assert_equal(&t.gold, "after a full refresh");
}

#[test]
fn rows_for_which_the_condition_is_not_true_stay_and_are_not_added() {
    let t = Setup::new();
    let mut oracle = Oracle::default();
    oracle.land(&t.landing, &FIRST);
    let all = "
        CREATE STREAMING TABLE t FLOW REPLACE WHERE day IS NULL OR day >= first_day
          OR day <= last_day OR n IS NOT NULL BY NAME SELECT * FROM events;";
    t.run(all, (1, 1)).expect_code(0);
    let ids = || read_numbers(&t.gold.join("t"), versions(&t.gold)["t"], "id");
    assert_eq!(ids(), [0, 1, 2, 3, 4, 5, 6, 7]);
    // Without a day, a row is not of any days; nor is it with NOT.
    let others = "
        CREATE STREAMING TABLE t FLOW REPLACE WHERE NOT (day BETWEEN first_day AND last_day)
          AND n <> 7 BY NAME SELECT * FROM events WHERE false;";
    t.run(others, (2, 3)).expect_code(0);
    assert_eq!(ids(), [2, 3, 4, 5, 6, 7]);
    let before = versions(&t.gold);
    let files = |path: &Path| std::fs::read_dir(path).unwrap().count();
    let count = files(&t.gold.join("t"));
    for (condition, query) in [
        ("day = first_day", "SELECT * FROM events"),
        ("n = 1", "SELECT * FROM events WHERE n IS NULL"),
        ("n = 1 AND false", "SELECT * FROM events WHERE n = 1"),
        (
            "id < 3",
            "SELECT id * 10 AS id, day, n FROM events WHERE id < 3",
        ),
    ] {
        let job =
            format!("CREATE STREAMING TABLE t FLOW REPLACE WHERE {condition} BY NAME {query};");
        t.run(&job, (1, 1)).expect_code(3).expect_stderr(&[
            "a row of flow `t` is outside of the part of table `t`",
            condition,
            "is not true for it",
        ]);
        assert_eq!(versions(&t.gold), before, "{condition}");
        assert_eq!(files(&t.gold.join("t")), count, "{condition}");
    }
    // A row that a join leaves out need not be in the part.
    let joined = "
        CREATE STREAMING TABLE t FLOW REPLACE WHERE day = first_day BY NAME
        SELECT e.* FROM events AS e JOIN events AS f ON e.id = f.id AND f.n = 2;";
    t.run(joined, (2, 2)).expect_code(0);
    assert_eq!(ids(), [2, 4, 5, 6, 7]);
}

#[test]
fn an_empty_text_of_a_folder_is_null_in_the_condition() {
    let t = Setup::new();
    let mut oracle = Oracle::default();
    oracle.land(&t.landing, &[(Some(1), Some(1)), (Some(2), Some(2))]);
    let job = |condition: &str| {
        format!(
            "CREATE STREAMING TABLE t PARTITIONED BY (kind);
            CREATE FLOW f AS INSERT INTO t REPLACE WHERE {condition} BY NAME
            SELECT id, if(n = 1, '', 'two') AS kind FROM events;"
        )
    };
    let ids = || read_numbers(&t.gold.join("t"), versions(&t.gold)["t"], "id");
    for _ in 0..2 {
        t.run(&job("kind IS NULL OR kind = 'two'"), (1, 1))
            .expect_code(0);
        assert_eq!(ids(), [0, 1]);
    }
    t.run(&job("kind IN ('', 'two')"), (1, 1))
        .expect_code(3)
        .expect_stderr(&["is outside of the part"]);
}

#[test]
fn a_table_whose_rows_were_replaced_is_no_stream() {
    let t = Setup::new();
    let mut oracle = Oracle::default();
    oracle.land(&t.landing, &FIRST);
    let chain = "
        CREATE STREAMING TABLE t AS SELECT * FROM STREAM events;
        CREATE STREAMING TABLE copy AS SELECT * FROM STREAM t;";
    t.run(chain, (1, 1)).expect_code(0);
    let part = "
        CREATE STREAMING TABLE t FLOW REPLACE WHERE day = first_day BY NAME
        SELECT * FROM events WHERE day = first_day;";
    t.run(part, (1, 1)).expect_code(0);
    t.run(chain, (1, 1))
        .expect_code(2)
        .expect_stderr(&["cannot be read as a stream: it removes rows"]);
    let ids = |table: &str| read_numbers(&t.gold.join(table), versions(&t.gold)[table], "id");
    assert_eq!(ids("t"), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(ids("copy"), [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_run_that_dies_is_finished_with_the_same_part() {
    let t = Setup::new();
    let mut oracle = Oracle::default();
    oracle.land(&t.landing, &FIRST);
    t.run(JOB, (1, 4)).expect_code(0);
    oracle.run(1, 4);
    for (day, point) in (1..).zip([
        "plan.recorded",
        "commit.prepared",
        "commit.made",
        "commit.made@2",
    ]) {
        oracle.land(&t.landing, &[(Some(day), Some(1)), (Some(day), Some(8))]);
        crash_with_args(point, &t.args(JOB, (day, day)));
        t.run(JOB, (day, day)).expect_code(0);
        oracle.run(day, day);
        oracle.assert_equal(&t.gold, point);
        t.run(JOB, (day, day)).expect_code(0);
        oracle.assert_equal(&t.gold, point);
    }
}

#[test]
fn a_cluster_replaces_parts_and_finishes_its_commits() {
    let mut cluster = Cluster::builder().executors(2).start();
    let (landing, gold) = (cluster.path("landing"), cluster.path("gold"));
    let job = write_job(&cluster.path("files"), &format!("{BEFORE}{JOB}"));
    let mut oracle = Oracle::default();
    let args = |first, last| {
        let mut args = submit::job_args(&job, &landing, &gold);
        args.extend(days(first, last));
        args
    };
    oracle.land(&landing, &FIRST);
    cluster.run_submit(&args(1, 4)).expect_code(0);
    oracle.run(1, 4);
    oracle.assert_equal(&gold, "after the first run");
    for (day, point) in (2..).zip(["commit.recorded", "commit.made", "commit.made@2"]) {
        oracle.land(&landing, &[(Some(day), Some(3)), (Some(day), None)]);
        cluster.restart_scheduler_with(&[("SLUICE_CRASH_POINT", point)]);
        cluster.wait_for_executors(2);
        let attached = cluster.spawn_job(&point.replace('@', "-"), &args(day, day));
        cluster.scheduler.wait_for_end();
        cluster.restart_scheduler();
        attached.wait().expect_code(0);
        cluster.wait_for_executors(2);
        oracle.run(day, day);
        oracle.assert_equal(&gold, point);
    }
    // A row outside of the part fails in a task, and changes nothing.
    let before = versions(&gold);
    let other = format!("{BEFORE}{}", JOB.replace(" AND n < 5;", ";"));
    write_job(&cluster.path("files"), &other);
    cluster
        .run_submit(&args(1, 4))
        .expect_code(3)
        .expect_stderr(&["is outside of the part of table `plain`"]);
    assert_eq!(versions(&gold), before);
}
