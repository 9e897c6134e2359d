//! Materialized views over streaming tables: what is computed again, and from what.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::chaos::{Random, env_number};
use super::{active_files, crash_with_args, local_args, versions, write_job};
use crate::sandbox::Cluster;
use crate::{data, submit};

const JOB: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE sold (id BIGINT, kind STRING, price DECIMAL(10,2), at TIMESTAMP, items ARRAY<STRING>)
  USING json LOCATION '${landing}/sold';
CREATE EXTERNAL TABLE returned (id BIGINT, reason STRING) USING json LOCATION '${landing}/returned';

CREATE STREAMING TABLE sales AS SELECT * FROM STREAM sold;
CREATE STREAMING TABLE refunds AS SELECT * FROM STREAM returned;

CREATE MATERIALIZED VIEW even AS SELECT id, upper(kind) AS kind FROM sales WHERE id % 2 = 0;
CREATE MATERIALIZED VIEW exploded AS SELECT id, explode(items) AS item FROM sales;
CREATE MATERIALIZED VIEW reasons AS
SELECT s.id, s.price, r.reason FROM sales AS s LEFT JOIN refunds AS r ON r.id = s.id;
CREATE MATERIALIZED VIEW by_kind AS
SELECT kind, count(*) AS n, count(price) AS priced, sum(price) AS total, sum(id) AS ids,
       min(at) AS first_at, max(get(items, 0)) AS item, count(*) FILTER (WHERE id > 20) AS late
FROM sales GROUP BY kind;
CREATE MATERIALIZED VIEW by_day PARTITIONED BY (day) AS
SELECT CAST(at AS DATE) AS day, max(price) AS most, count(*) AS n FROM sales GROUP BY CAST(at AS DATE);
CREATE MATERIALIZED VIEW by_text PARTITIONED BY (kind) AS
SELECT kind, count(*) AS n FROM sales GROUP BY kind;
CREATE MATERIALIZED VIEW all_sales (n BIGINT COMMENT 'rows', total DECIMAL(20,2), kind STRING) AS
SELECT max(kind) AS kind, count(*) AS n, sum(price) AS total FROM sales;
CREATE MATERIALIZED VIEW kinds AS SELECT DISTINCT kind FROM sales;
CREATE MATERIALIZED VIEW frequent AS SELECT kind FROM sales GROUP BY kind HAVING count(*) > 3;
CREATE MATERIALIZED VIEW unnamed AS SELECT count(*) AS n FROM sales GROUP BY kind;
CREATE MATERIALIZED VIEW means AS
SELECT kind, avg(price) AS mean, count(DISTINCT price) AS prices FROM sales GROUP BY kind;
CREATE MATERIALIZED VIEW ranked AS
SELECT id, rank() OVER (PARTITION BY kind ORDER BY price, id) AS place FROM sales;
CREATE MATERIALIZED VIEW mean_days REFRESH POLICY INCREMENTAL STRICT PARTITIONED BY (day) AS
SELECT CAST(at AS DATE) AS day, kind, avg(price) AS mean, sum(price) / count(*) AS per_sale,
       count_if(id % 2 = 0) AS even, bool_or(price > 80) AS dear, max(id) - min(id) AS range,
       round(sum(price), 1) AS total, sum(id) FILTER (WHERE price > 5) AS ids,
       percentile(id, 0.5) AS middle, sort_array(collect_set(id)) AS all_ids
FROM sales GROUP BY CAST(at AS DATE), kind;
CREATE MATERIALIZED VIEW frequent_days (sales BIGINT, day DATE) REFRESH POLICY INCREMENTAL STRICT AS
SELECT CAST(at AS DATE) AS day, count(*) AS sales FROM sales GROUP BY CAST(at AS DATE)
HAVING count(*) % 3 = 1;
CREATE MATERIALIZED VIEW kind_ranks REFRESH POLICY INCREMENTAL STRICT AS
SELECT kind, id, price, rank() OVER (PARTITION BY kind ORDER BY price, id) AS place FROM sales;
CREATE MATERIALIZED VIEW newest REFRESH POLICY INCREMENTAL STRICT AS
SELECT id, kind, price, at FROM sales
QUALIFY row_number() OVER (PARTITION BY id ORDER BY at DESC, price, kind, get(items, 0)) = 1;
CREATE MATERIALIZED VIEW refunded REFRESH POLICY INCREMENTAL STRICT AS
SELECT s.id, s.kind, r.reason FROM sales AS s LEFT JOIN refunds AS r ON r.id = s.id;
CREATE MATERIALIZED VIEW balances REFRESH POLICY INCREMENTAL STRICT AS
SELECT id, sum(amount) AS amount, count(DISTINCT amount) AS amounts FROM (
  SELECT id, price AS amount FROM sales UNION ALL SELECT id, CAST(-1 AS DECIMAL(10,2)) FROM refunds
) GROUP BY id;
CREATE MATERIALIZED VIEW ages REFRESH POLICY INCREMENTAL STRICT AS
SELECT p.id, p.n, r.reasons FROM (SELECT id, avg(price) AS n FROM sales GROUP BY id) AS p
LEFT JOIN (SELECT id, count(DISTINCT reason) AS reasons FROM refunds GROUP BY id) AS r ON r.id = p.id;
CREATE MATERIALIZED VIEW twice AS
SELECT id, id AS again, count(*) AS n, max(price) AS most FROM sales GROUP BY id, 2;
CREATE MATERIALIZED VIEW mean_twice AS
SELECT q.id, q.n, q.mean, count(*) OVER (PARTITION BY q.n) AS same
FROM (SELECT id, count(*) AS n, avg(price) AS mean FROM sales GROUP BY id, id) AS q
QUALIFY row_number() OVER (PARTITION BY q.id ORDER BY q.n) = 1;
CREATE MATERIALIZED VIEW mean_copies AS SELECT day, kind, mean FROM mean_days WHERE mean > 10;
CREATE TEMPORARY VIEW counted AS SELECT kind, count(*) AS n FROM sales GROUP BY kind;
CREATE MATERIALIZED VIEW with_counts AS
SELECT s.id, c.n FROM sales AS s JOIN counted AS c ON c.kind <=> s.kind;
CREATE MATERIALIZED VIEW count_copies AS SELECT kind, n + 1 AS n FROM counted;
CREATE MATERIALIZED VIEW ids AS SELECT id FROM sales UNION ALL SELECT id FROM refunds;
CREATE MATERIALIZED VIEW doubled AS SELECT kind, n * 2 AS n FROM by_kind;
CREATE MATERIALIZED VIEW pairs AS SELECT a.id AS id, b.id AS other FROM sales a JOIN sales b ON a.kind = b.kind;
CREATE MATERIALIZED VIEW even_refunds AS
SELECT r.id, r.reason, e.kind FROM refunds AS r JOIN even AS e ON e.id = r.id;
CREATE MATERIALIZED VIEW shares AS SELECT id, (SELECT count(*) FROM sales) AS n FROM refunds;
";

/// The views that follow from their own rows when only sales are new.
const UPDATED: [&str; 14] = [
    "even",
    "exploded",
    "reasons",
    "by_kind",
    "by_day",
    "all_sales",
    "kinds",
    "mean_days",
    "frequent_days",
    "kind_ranks",
    "newest",
    "refunded",
    "balances",
    "ages",
];

/// Random files of sales and refunds.
struct Lines {
    random: Random,
    files: u32,
    next_id: u64,
}

impl Lines {
    fn add_sales(&mut self, landing: &Path) {
        let mut lines = String::new();
        for _ in 0..=self.random.next_below(10) {
            // Sometimes an id that came before.
            let id = match self.random.next_below(5) {
                0 => 1 + self.random.next_below(self.next_id),
                _ => self.next_id,
            };
            self.next_id = self.next_id.max(id + 1);
            let kind = self.one_of(["\"a\"", "\"b\"", "\"\"", "null"]);
            let price = match self.random.next_below(6) {
                0 => "null".to_owned(),
                _ => format!("{}.{:02}", self.random.next_below(90), id % 100),
            };
            let day = 1 + self.random.next_below(4);
            let items = self.one_of(["[]", "null", "[\"x\",\"y\"]", "[\"z\"]"]);
            lines += &format!(
                "{{\"id\":{id},\"kind\":{kind},\"price\":{price},\
                 \"at\":\"2026-01-0{day}T10:00:{:02}Z\",\"items\":{items}}}\n",
                id % 60
            );
        }
        self.add(landing, "sold", &lines);
    }

    fn one_of<const N: usize>(&mut self, values: [&'static str; N]) -> &'static str {
        let index = self.random.next_below(N as u64);
        values[usize::try_from(index).unwrap()]
    }

    fn add_refunds(&mut self, landing: &Path) {
        let id = 1 + self.random.next_below(self.next_id);
        let line = format!("{{\"id\":{id},\"reason\":\"r{}\"}}\n", self.files);
        self.add(landing, "returned", &line);
    }

    fn add(&mut self, landing: &Path, folder: &str, lines: &str) {
        self.files += 1;
        data::write_file(
            &landing.join(format!("{folder}/f{}.json", self.files)),
            lines,
        );
    }
}

/// The rows of every table as text, sorted.
fn read_all(gold: &Path) -> BTreeMap<String, Vec<String>> {
    let versions = versions(gold).into_iter();
    let tables = versions.map(|(name, version)| {
        let table = gold.join(&name);
        let mut rows: Vec<String> = Vec::new();
        for path in active_files(&table, version) {
            let partition = path.parent().unwrap().strip_prefix(&table).unwrap();
            let file = std::fs::File::open(&path).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            for batch in reader.build().unwrap() {
                let batch = batch.unwrap();
                let options = FormatOptions::default().with_null("NULL");
                let columns: Vec<ArrayFormatter<'_>> = batch
                    .columns()
                    .iter()
                    .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
                    .collect();
                rows.extend((0..batch.num_rows()).map(|row| {
                    let values: Vec<String> = columns
                        .iter()
                        .map(|column| column.value(row).to_string())
                        .collect();
                    format!("{} {}", partition.display(), values.join("|"))
                }));
            }
        }
        rows.sort();
        (name, rows)
    });
    tables.collect()
}

/// Fails unless the tables have the rows of a run that computes everything anew.
#[track_caller]
fn assert_as_computed_anew(folder: &Path, job: &Path, landing: &Path, gold: &Path) {
    let anew = folder.join("anew");
    let _ = std::fs::remove_dir_all(&anew);
    submit::run_submit(local_args(job, landing, &anew)).expect_code(0);
    let (found, expected) = (read_all(gold), read_all(&anew));
    assert!(found.keys().eq(expected.keys()));
    for (table, rows) in &found {
        assert_eq!(rows, &expected[table], "{table}");
    }
}

#[test]
fn views_have_the_rows_of_a_full_run_whatever_they_are_computed_from() {
    let folder = tempfile::tempdir().unwrap();
    let (landing, gold) = (folder.path().join("landing"), folder.path().join("gold"));
    let job = write_job(folder.path(), JOB);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    let seed = env_number("SLUICE_VIEWS_SEED").unwrap_or(u64::from(now)) | 1;
    eprintln!("SLUICE_VIEWS_SEED={seed}");
    let mut lines = Lines {
        random: Random(seed),
        files: 0,
        next_id: 1,
    };
    let args = |options: &[&str]| {
        let mut args = local_args(&job, &landing, &gold);
        args.splice(0..0, options.iter().map(|option| (*option).to_owned()));
        args
    };
    lines.add_sales(&landing);
    lines.add_refunds(&landing);
    submit::run_submit(args(&[])).expect_code(0);
    for round in 0..4 {
        lines.add_sales(&landing);
        if round % 2 == 1 {
            lines.add_refunds(&landing);
        } else {
            let planned = submit::run_submit(args(&["--plan"])).expect_code(0).stdout;
            for view in UPDATED {
                let of_view = planned.split(&format!("materialized view {view}")).nth(1);
                let of_view = of_view.unwrap_or_else(|| panic!("{view} in {planned}"));
                let refresh = of_view.split("refresh ").nth(1).unwrap_or_default();
                assert!(refresh.starts_with("incremental"), "{view}: {planned}");
            }
        }
        submit::run_submit(args(&[])).expect_code(0);
        assert_as_computed_anew(folder.path(), &job, &landing, &gold);
    }
    // Nothing is new: no table gets a version.
    let before = versions(&gold);
    submit::run_submit(args(&[])).expect_code(0);
    assert_eq!(versions(&gold), before);
    // A process that dies leaves views behind, or ahead of the cut.
    for point in [
        "plan.recorded",
        "commit.made@2",
        "commit.made@6",
        "publish.before",
    ] {
        lines.add_sales(&landing);
        crash_with_args(point, &args(&[]));
        lines.add_sales(&landing);
        submit::run_submit(args(&[])).expect_code(0);
        submit::run_submit(args(&[])).expect_code(0);
        assert_as_computed_anew(folder.path(), &job, &landing, &gold);
    }
    // A streaming table that is refreshed alone is ahead of its views.
    lines.add_sales(&landing);
    submit::run_submit(args(&["--refresh", "sales"])).expect_code(0);
    submit::run_submit(args(&["--refresh", "by_kind,doubled"])).expect_code(0);
    submit::run_submit(args(&["--refresh", "even"])).expect_code(0);
    submit::run_submit(args(&[])).expect_code(0);
    assert_as_computed_anew(folder.path(), &job, &landing, &gold);
    // Any table may be ahead of others.
    for _ in 0..3 {
        lines.add_sales(&landing);
        lines.add_refunds(&landing);
        let mut ahead: Vec<String> = versions(&gold).into_keys().collect();
        ahead.retain(|_| lines.random.next_below(3) == 0);
        if !ahead.is_empty() {
            submit::run_submit(args(&["--refresh", &ahead.join(",")])).expect_code(0);
        }
        lines.add_refunds(&landing);
        submit::run_submit(args(&[])).expect_code(0);
        assert_as_computed_anew(folder.path(), &job, &landing, &gold);
    }
    submit::run_submit(args(&["--full-refresh", "sales,by_kind"])).expect_code(0);
    lines.add_sales(&landing);
    submit::run_submit(args(&[])).expect_code(0);
    assert_as_computed_anew(folder.path(), &job, &landing, &gold);
    submit::run_submit(args(&["--full-refresh-all"])).expect_code(0);
    assert_as_computed_anew(folder.path(), &job, &landing, &gold);
}

/// The paths of the files of a table.
fn file_paths(gold: &Path, table: &str) -> BTreeSet<PathBuf> {
    let version = versions(gold)[table];
    active_files(&gold.join(table), version)
        .into_iter()
        .collect()
}

#[test]
fn files_without_changed_groups_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (landing, gold) = (folder.path().join("landing"), folder.path().join("gold"));
    let text = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE sold (id BIGINT, day DATE) USING json LOCATION '${landing}/sold';
CREATE STREAMING TABLE sales AS SELECT * FROM STREAM sold;
CREATE MATERIALIZED VIEW counts PARTITIONED BY (day) AS SELECT day, count(*) AS n FROM sales GROUP BY day;
CREATE MATERIALIZED VIEW means REFRESH POLICY INCREMENTAL STRICT PARTITIONED BY (day) AS
SELECT day, avg(id) AS mean FROM sales GROUP BY day;
CREATE MATERIALIZED VIEW all_means AS SELECT count(*) AS n, max(mean) AS mean FROM means;
";
    let job = write_job(folder.path(), text);
    let run = |lines: &str| {
        data::write_file(&landing.join(format!("sold/{}.json", lines.len())), lines);
        submit::run_submit(local_args(&job, &landing, &gold)).expect_code(0);
        assert_as_computed_anew(folder.path(), &job, &landing, &gold);
        [file_paths(&gold, "counts"), file_paths(&gold, "means")]
    };
    let line = |id: u32, day: &str| format!("{{\"id\":{id},\"day\":{day}}}\n");
    let mut lines = String::new();
    for day in 1..=4 {
        lines += &line(day, &format!("\"2026-01-0{day}\""));
    }
    let first = run(&lines);
    // A day that the tables have, and a new one.
    let second = run(&(line(10, "\"2026-01-02\"") + &line(11, "\"2026-01-09\"")));
    for (before, after) in first.iter().zip(&second) {
        assert_eq!((before.len(), after.len()), (4, 5));
        assert_eq!(before.intersection(after).count(), 3);
    }
    // Only a new day, and then no day at all.
    let third = run(&line(12, "\"2026-01-08\""));
    for (before, after) in second.iter().zip(&third) {
        assert!(before.is_subset(after));
        assert_eq!(after.len(), 6);
    }
    let fourth = run(&line(1_300, "null"));
    for (before, after) in third.iter().zip(&fourth) {
        assert!(before.is_subset(after));
        assert_eq!(after.len(), 7);
    }
}

#[test]
fn a_view_whose_table_has_no_rows_gets_those_of_its_changed_groups() {
    let folder = tempfile::tempdir().unwrap();
    let (landing, gold) = (folder.path().join("landing"), folder.path().join("gold"));
    let text = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE sold (id BIGINT) USING json LOCATION '${landing}/sold';
CREATE STREAMING TABLE sales AS SELECT * FROM STREAM sold;
CREATE MATERIALIZED VIEW twice REFRESH POLICY INCREMENTAL STRICT AS
SELECT id, count(*) AS n FROM sales GROUP BY id HAVING count(*) = 2;
CREATE MATERIALIZED VIEW pairs REFRESH POLICY INCREMENTAL STRICT PARTITIONED BY (id) AS
SELECT id, count(*) AS n FROM sales GROUP BY id HAVING count(*) = 2;
";
    let job = write_job(folder.path(), text);
    let mut files = 0;
    for (added, expected) in [("1", 0), ("2", 0), ("1", 1), ("1", 0), ("2", 1), ("2", 0)] {
        files += 1;
        let file = landing.join(format!("sold/{files}.json"));
        data::write_file(&file, &format!("{{\"id\":{added}}}\n"));
        let mut args = local_args(&job, &landing, &gold);
        args.insert(0, "--plan".to_owned());
        let planned = submit::run_submit(args).expect_code(0).stdout;
        let incremental = planned.matches("refresh incremental: the groups").count();
        assert_eq!(incremental, if files == 1 { 0 } else { 2 }, "{planned}");
        submit::run_submit(local_args(&job, &landing, &gold)).expect_code(0);
        assert_as_computed_anew(folder.path(), &job, &landing, &gold);
        for view in ["twice", "pairs"] {
            let found = file_paths(&gold, view).len();
            assert_eq!(found, expected, "{view} after file {files}");
        }
    }
}

#[test]
fn files_of_tables_without_changed_groups_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let (landing, gold) = (folder.path().join("landing"), folder.path().join("gold"));
    let text = "
DECLARE VARIABLE landing STRING;
CREATE EXTERNAL TABLE sold (id BIGINT, at TIMESTAMP, price BIGINT) USING json LOCATION '${landing}/sold';
CREATE EXTERNAL TABLE named (id BIGINT, name STRING) USING json LOCATION '${landing}/named';
CREATE STREAMING TABLE sales AS SELECT * FROM STREAM sold;
CREATE STREAMING TABLE names AS SELECT * FROM STREAM named;
CREATE TEMPORARY VIEW dated AS SELECT id, CAST(at AS DATE) AS day, price FROM sales WHERE price > 0;
CREATE MATERIALIZED VIEW days REFRESH POLICY INCREMENTAL STRICT AS
SELECT day, count(DISTINCT price) AS n FROM dated GROUP BY day;
CREATE MATERIALIZED VIEW newest REFRESH POLICY INCREMENTAL STRICT AS
SELECT s.id, n.name, s.price FROM sales AS s JOIN names AS n ON n.id = s.id
QUALIFY row_number() OVER (PARTITION BY s.id ORDER BY price DESC) = 1;
";
    let job = write_job(folder.path(), text);
    let mut files = 0;
    let mut run = |id: i64, day: u32, price: i64| {
        files += 1;
        let line =
            format!("{{\"id\":{id},\"at\":\"2026-01-{day:02}T23:00:00Z\",\"price\":{price}}}\n");
        data::write_file(&landing.join(format!("sold/{files}.json")), &line);
        let line = format!("{{\"id\":{id},\"name\":\"n{id}\"}}\n");
        data::write_file(&landing.join(format!("named/{files}.json")), &line);
        submit::run_submit(local_args(&job, &landing, &gold)).expect_code(0);
        let read = |table: &str, column: &str| {
            super::read_numbers(&gold.join(table), versions(&gold)[table], column)
        };
        [read("days", "n"), read("newest", "price")]
    };
    assert_eq!(run(1, 10, 5), [[1], [5]]);
    let old = [file_paths(&gold, "sales"), file_paths(&gold, "names")];
    assert_eq!(run(2, 20, 6), [[1, 1], [5, 6]]);
    // The rows of other days and ids are not there, and nothing misses them.
    for file in old.iter().flatten() {
        std::fs::remove_file(file).unwrap();
    }
    assert_eq!(run(2, 20, 7), [[1, 2], [5, 7]]);
    assert_eq!(run(3, 1, 8), [vec![1, 1, 2], vec![5, 7, 8]]);
}

#[test]
fn a_view_is_computed_again_when_its_query_or_its_table_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let (landing, gold) = (folder.path().join("landing"), folder.path().join("gold"));
    let text = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
DECLARE VARIABLE least INT DEFAULT 0;
CREATE EXTERNAL TABLE sold (id BIGINT) USING json LOCATION '${landing}/sold';
CREATE STREAMING TABLE sales AS SELECT * FROM STREAM sold;
CREATE TEMPORARY VIEW dated AS SELECT id, current_date() AS day FROM sales;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM sales WHERE id > least;
CREATE MATERIALIZED VIEW days AS SELECT day, count(*) AS n FROM dated GROUP BY day;
CREATE MATERIALIZED VIEW more_days AS SELECT count(*) AS n FROM dated WHERE id > 1;
CREATE MATERIALIZED VIEW of_days AS SELECT n FROM days;
";
    let job = write_job(folder.path(), text);
    let run = |options: &[&str]| {
        let mut args = local_args(&job, &landing, &gold);
        args.extend(options.iter().map(|option| (*option).to_owned()));
        submit::run_submit(args).expect_code(0);
        versions(&gold)
    };
    data::write_file(&landing.join("sold/1.json"), "{\"id\":1}\n{\"id\":2}\n");
    let first = run(&[]);
    let second = run(&[]);
    assert_eq!(second["counted"], first["counted"]);
    // Their rows may be others tomorrow.
    for view in ["days", "more_days", "of_days"] {
        assert_eq!(second[view], first[view] + 1, "{view}");
    }
    let with_parameter = run(&["--least", "1"]);
    assert_eq!(with_parameter["counted"], first["counted"] + 1);
    data::write_file(&landing.join("sold/2.json"), "{\"id\":3}\n");
    let third = run(&["--least", "1"]);
    let fourth = run(&["--least", "1"]);
    assert_eq!(fourth["counted"], third["counted"]);
    // Another job made the table.
    let other = folder.path().join("other.sql");
    let text = "DECLARE VARIABLE landing STRING;\nDECLARE VARIABLE gold STRING;\n\
                CREATE MATERIALIZED VIEW counted AS SELECT CAST(7 AS BIGINT) AS n;";
    data::write_file(&other, text);
    submit::run_submit(local_args(&other, &landing, &gold)).expect_code(0);
    let fifth = run(&["--least", "1"]);
    assert_eq!(fifth["counted"], fourth["counted"] + 2);
    assert_eq!(
        super::read_numbers(&gold.join("counted"), fifth["counted"], "n"),
        [2]
    );
}

#[test]
fn a_cluster_finishes_views_that_follow_from_their_own_rows() {
    let mut cluster = Cluster::builder().executors(1).start();
    let (landing, gold) = (cluster.path("landing"), cluster.path("gold"));
    let job = write_job(&cluster.path("files"), JOB);
    let args = submit::job_args(&job, &landing, &gold);
    let mut lines = Lines {
        random: Random(7),
        files: 0,
        next_id: 1,
    };
    lines.add_refunds(&landing);
    lines.add_sales(&landing);
    cluster.run_submit(&args).expect_code(0);
    for point in ["commit.recorded", "commit.made", "commit.made@4"] {
        lines.add_sales(&landing);
        cluster.restart_scheduler_with(&[("SLUICE_CRASH_POINT", point)]);
        cluster.wait_for_executors(1);
        let attached = cluster.spawn_job(&point.replace('@', "-"), &args);
        cluster.scheduler.wait_for_end();
        cluster.restart_scheduler();
        attached.wait().expect_code(0);
        let folder = cluster.path("files");
        assert_as_computed_anew(&folder, &job, &landing, &gold);
    }
}
