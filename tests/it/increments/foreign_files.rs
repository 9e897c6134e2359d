//! Pipeline files as other engines' guides write them run as they are.

use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use super::{read_batches, read_numbers, versions, write_job};
use crate::{data, gold, submit};

/// As the guide of Spark's Declarative Pipelines writes pipelines in SQL.
const SPARK: &str = r#"
CREATE TABLE customers_us_west (id BIGINT, name STRING, state STRING) USING json LOCATION "LANDING/west";
CREATE TABLE customers_us_east USING json LOCATION "LANDING/east";

-- create a streaming table
CREATE STREAMING TABLE customers_us;

-- add the first append flow
CREATE FLOW append_us_west
AS INSERT INTO customers_us BY NAME
SELECT * FROM STREAM(customers_us_west);

-- add the second append flow
CREATE FLOW append_us_east
AS INSERT INTO customers_us BY NAME
SELECT * FROM STREAM(customers_us_east);

CREATE TEMPORARY VIEW with_state AS SELECT * FROM customers_us WHERE state IS NOT NULL;

CREATE MATERIALIZED VIEW west AS SELECT count(*) AS n FROM json.`LANDING/west`;

CREATE MATERIALIZED VIEW customers_per_state
PARTITIONED BY (state)
COMMENT "how many"
AS SELECT state, count(*) AS n, sum(id) AS ids FROM with_state GROUP BY state;
"#;

/// As Databricks' documents write Lakeflow Declarative Pipelines.
const DATABRICKS: &str = r#"
USE SCHEMA sales;

CREATE OR REFRESH STREAMING TABLE raw_customers
COMMENT "Customers as they arrive"
TBLPROPERTIES ("quality" = "bronze", "pipelines.reset.allowed" = "false")
AS SELECT *, _metadata.file_name AS source_file
FROM STREAM read_files(
  "LANDING/west",
  format => "json",
  schema => "id BIGINT, state STRING",
  schemaEvolutionMode => "rescue"
);

CREATE OR REFRESH STREAMING TABLE customers_bronze
SCHEDULE EVERY 1 HOUR
AS SELECT * FROM STREAM read_files("LANDING/west", format => "json", inferColumnTypes => true);

CREATE OR REFRESH STREAMING TABLE customers (
  id BIGINT COMMENT "of the customer",
  state STRING,
  name STRING
)
CLUSTER BY (state, id)
AS SELECT id, state, _rescued_data:name AS name FROM STREAM(raw_customers);

CREATE OR REFRESH MATERIALIZED VIEW customers_per_state (
  state STRING COMMENT "where they live",
  n BIGINT,
  ids BIGINT
)
CLUSTER BY AUTO
REFRESH POLICY INCREMENTAL
AS SELECT state, count(*) AS n, sum(id) AS ids FROM customers GROUP BY ALL;
"#;

fn land_customers(landing: &Path, folder: &str, file: u32, ids: std::ops::Range<i64>) {
    let line = |id: i64| {
        let state = ["CA", "NY"][usize::try_from(id % 2).unwrap()];
        format!("{{\"id\":{id},\"name\":\"n{id}\",\"state\":\"{state}\"}}\n")
    };
    let lines: String = ids.map(line).collect();
    data::write_file(&landing.join(format!("{folder}/{file}.json")), &lines);
}

/// Runs a file on one core; only the folder of its tables is given.
fn run_file(folder: &Path, text: &str, landing: &Path) -> PathBuf {
    let gold = folder.join("gold");
    let job = write_job(folder, &text.replace("LANDING", landing.to_str().unwrap()));
    let args = ["--master", "local[1]", job.to_str().unwrap(), "--gold"];
    let args = args.into_iter().chain(gold.to_str());
    submit::run_submit(args).expect_code(0);
    gold
}

fn newest_numbers(gold: &Path, table: &str, column: &str) -> Vec<i64> {
    read_numbers(&gold.join(table), versions(gold)[table], column)
}

#[test]
fn a_pipeline_of_spark_runs_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let landing = folder.path().join("landing");
    land_customers(&landing, "west", 1, 0..4);
    land_customers(&landing, "east", 1, 10..13);
    let gold = run_file(folder.path(), SPARK, &landing);
    assert_eq!(gold::row_counts(&gold)["customers_us"], 7);
    assert_eq!(newest_numbers(&gold, "customers_per_state", "n"), [3, 4]);
    land_customers(&landing, "east", 2, 20..21);
    let gold = run_file(folder.path(), SPARK, &landing);
    let ids = newest_numbers(&gold, "customers_us", "id");
    assert_eq!(ids, [0, 1, 2, 3, 10, 11, 12, 20]);
    let ids = newest_numbers(&gold, "customers_per_state", "ids");
    assert_eq!(ids, [1 + 3 + 11, 2 + 10 + 12 + 20]);
}

#[test]
fn a_pipeline_of_databricks_runs_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let landing = folder.path().join("landing");
    land_customers(&landing, "west", 1, 0..5);
    let gold = run_file(folder.path(), DATABRICKS, &landing);
    // The rows of each file are ordered by the columns of CLUSTER BY.
    let customers = read_batches(&gold.join("customers"), 0);
    let ids = customers[0].column_by_name("id").unwrap();
    let ids = ids.as_primitive::<Int64Type>();
    assert_eq!(ids.values(), &[0, 2, 4, 1, 3]);
    land_customers(&landing, "west", 2, 10..12);
    let gold = run_file(folder.path(), DATABRICKS, &landing);
    assert_eq!(gold::row_counts(&gold)["customers"], 7);
    let ids = newest_numbers(&gold, "customers_per_state", "ids");
    assert_eq!(ids, [1 + 3 + 11, 2 + 4 + 10]);
    let second = run_file(folder.path(), DATABRICKS, &landing);
    assert_eq!(versions(&second)["customers"], 1);
}
