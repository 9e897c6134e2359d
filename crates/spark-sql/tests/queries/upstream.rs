//! Faults of DataFusion 55 that this crate works around. When one of these tests
//! fails, the fault is fixed, and the module that it names can go.

use datafusion::prelude::SessionContext;

use super::session::{run, run_in, with_table};

async fn run_plain(query: &str) -> Result<Vec<String>, String> {
    run_in(&with_table(SessionContext::new()), query).await
}

/// `join_nulls.rs`.
#[tokio::test]
async fn joins_beside_null_keys_match_nulls() {
    let query = "SELECT count(*) FROM (VALUES (1, CAST(NULL AS INT))) AS a(x, y) \
         JOIN (VALUES (1, CAST(NULL AS INT))) AS b(x, y) ON a.y = b.y \
         JOIN (VALUES (1), (2)) AS c(x) ON a.x IS NOT DISTINCT FROM c.x";
    assert_eq!(run_plain(query).await, Ok(vec!["1".to_owned()]));
    assert_eq!(run(query).await, Ok(vec!["0".to_owned()]));
}

/// `join_nulls.rs`.
#[tokio::test]
async fn conditions_of_joins_by_null_keys_become_keys() {
    let query = "SELECT count(*) FROM (VALUES (1, CAST(NULL AS INT))) AS a(x, y) \
         JOIN (VALUES (1, CAST(NULL AS INT)), (2, 2)) AS b(x, y) \
         ON a.x IS NOT DISTINCT FROM b.x WHERE a.y = b.y";
    assert_eq!(run_plain(query).await, Ok(vec!["1".to_owned()]));
    assert_eq!(run(query).await, Ok(vec!["0".to_owned()]));
}

/// `true_keys.rs`.
#[tokio::test]
async fn keys_of_groups_are_said_to_determine_too_much() {
    let query = "SELECT k, n FROM (SELECT k, v, count(*) AS n FROM ( \
           SELECT d.k, u.v, u.w FROM (SELECT DISTINCT k FROM (VALUES (1), (1)) AS t(k)) AS d \
           JOIN (VALUES (1, 1), (2, 2)) AS u(v, w) ON d.k < u.v + 5 GROUP BY d.k, u.v, u.w \
         ) AS q GROUP BY k, v)";
    assert_eq!(run_plain(query).await, Ok(vec!["1|2".to_owned()]));
    assert_eq!(run(query).await, Ok(vec!["1|1".to_owned(); 2]));
}

/// `subqueries/scalar.rs`.
#[tokio::test]
async fn subqueries_without_rows_are_said_to_have_a_value() {
    let query = "SELECT coalesce((SELECT 1 FROM (VALUES (1)) AS e(x) WHERE x > 1 LIMIT 1), y) \
         FROM (VALUES (7)) AS t(y)";
    assert_ne!(run_plain(query).await, Ok(vec!["7".to_owned()]));
    assert_eq!(run(query).await, Ok(vec!["7".to_owned()]));
}

/// `aggregates/checked_sum.rs` (apache/datafusion#16406, #3520).
#[tokio::test]
async fn sums_wrap_around() {
    let sum = run_plain("SELECT sum(b) FROM (SELECT b FROM t UNION ALL SELECT b FROM t)").await;
    assert_eq!(sum, Ok(vec!["-2".to_owned()]));
}

/// `arithmetic/integers.rs` (apache/datafusion#17539).
#[tokio::test]
async fn products_wrap_around() {
    let product = run_plain("SELECT i * CAST(2 AS INT) FROM t WHERE i > 9").await;
    assert_eq!(product, Ok(vec!["-2".to_owned()]));
}

/// `aggregates/average.rs` (apache/datafusion#22812).
#[tokio::test]
async fn averages_of_decimals_are_cut_off() {
    let average =
        run_plain("SELECT avg(CAST(x AS DECIMAL(10,2))) FROM (VALUES (1), (1), (0)) v(x)").await;
    assert_eq!(average, Ok(vec!["0.666666".to_owned()]));
}

/// `aggregates/sliding.rs`.
#[tokio::test]
async fn sums_of_frames_do_not_forget_nan() {
    let sums = run_plain(
        "SELECT sum(x) OVER (ORDER BY k ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) \
         FROM (SELECT k, CAST(y AS DOUBLE) AS x FROM (VALUES (1, 'NaN'), (2, '1'), (3, '3')) v(k, y))",
    )
    .await;
    assert_eq!(sums, Ok(vec!["NaN".to_owned(); 3]));
}

/// `guards` (apache/datafusion#8927, #25136).
#[tokio::test]
async fn guards_do_not_hold() {
    for query in [
        "SELECT i FROM t WHERE j <> 0 AND i / j > 1",
        "SELECT i FROM (SELECT * FROM t WHERE j <> 0) WHERE i / j > 1",
        "SELECT CASE WHEN j <> 0 THEN i / j > 1 ELSE false END FROM t",
        "SELECT j, sum(i / j) FILTER (WHERE j <> 0) FROM t GROUP BY j",
    ] {
        assert!(run_plain(query).await.is_err(), "{query}");
    }
}

/// `float_keys`.
#[tokio::test]
async fn zeros_are_two_keys() {
    let mut faults = Vec::new();
    for (query, right) in [
        ("SELECT count(*) FROM (SELECT d FROM t GROUP BY d)", "2"),
        ("SELECT count(*) FROM t WHERE d > 1", "2"),
        ("SELECT count(*) FROM t a JOIN t b ON a.d = b.d", "8"),
        (
            "SELECT count(*) FROM (SELECT d, row_number() OVER (PARTITION BY d ORDER BY i) AS n FROM t) WHERE n = 1",
            "2",
        ),
        (
            "SELECT max(r) FROM (SELECT rank() OVER (ORDER BY d) AS r FROM t)",
            "3",
        ),
    ] {
        if run_plain(query).await != Ok(vec![right.to_owned()]) {
            faults.push(query);
        }
    }
    assert_eq!(faults.len(), 5, "still wrong: {faults:?}");
}

/// `aggregates/percentile.rs`.
#[tokio::test]
async fn percentiles_of_decimals_are_decimals() {
    let median = run_plain("SELECT arrow_typeof(median(m)) FROM t").await;
    assert_eq!(median, Ok(vec!["Decimal128(10, 2)".to_owned()]));
}

/// `distinct_aggregates.rs`: next to a distinct aggregate, a sum is summed twice,
/// and its type grows twice.
#[tokio::test]
async fn types_of_sums_grow_twice() {
    let data_type = run_plain(
        "SELECT arrow_typeof(a) FROM (SELECT sum(m) AS a, count(DISTINCT j) AS b FROM t)",
    )
    .await;
    assert_eq!(data_type, Ok(vec!["Decimal128(30, 2)".to_owned()]));
}

/// `datafusion.optimizer.enable_leaf_expression_pushdown` in the engine's session
/// (apache/datafusion#25446, #25448).
#[tokio::test]
async fn fields_of_structs_do_not_know_renamed_columns() {
    let session = SessionContext::new();
    let table = "CREATE TABLE r(a INT, b INT, s STRUCT<x INT>) AS VALUES (1, 10, {x: 5})";
    session.sql(table).await.unwrap();
    let query = "SELECT b, a, s['x'] FROM (SELECT r.a AS b, r.b AS a, s FROM r) WHERE a > 0";
    assert!(run_in(&session, query).await.is_err());
}

/// `union_schemas.rs`.
#[tokio::test]
async fn unions_keep_columns_that_cannot_be_null() {
    let query = "SELECT c, count(*) FROM \
                 (SELECT (SELECT count(*) FROM t AS u WHERE u.i = t.j) > 0 AS c FROM t \
                  UNION ALL SELECT false) GROUP BY c";
    assert!(run_plain(query).await.is_err());
}

/// `guards/push_down.rs`: the row of an aggregate without keys stays, although the
/// condition above it is false.
#[tokio::test]
async fn conditions_without_columns_move_below_aggregates() {
    let rows = run_plain("SELECT n FROM (SELECT 3 AS x, count(*) AS n FROM t) WHERE x = 1").await;
    assert_eq!(rows, Ok(vec!["0".to_owned()]));
}

/// `engine::distributed::windows`: the second value that is not NULL is 3 in the first row.
#[tokio::test]
async fn lead_does_not_count_nulls_behind_what_it_has_seen() {
    let rows = run_plain(
        "SELECT lead(v, 2) IGNORE NULLS OVER (ORDER BY k) FROM \
         (VALUES (1, 1), (2, NULL), (3, 2), (4, NULL), (5, 3)) v(k, v)",
    )
    .await;
    let right = ["3", "3", "", "", ""].map(str::to_owned).to_vec();
    assert_ne!(rows, Ok(right));
}

/// `subqueries/dependent/moved_columns.rs`: no row has `u.x = w.x` or `o.x = u.y`.
#[tokio::test]
async fn moved_conditions_confuse_columns_of_one_name() {
    let rows = run_plain(
        "SELECT o.k FROM (VALUES (1, 9)) o(k, x) WHERE EXISTS \
         (SELECT 1 FROM (VALUES (1, 1, 5)) u(k, x, y) \
          JOIN (VALUES (1, 3, 5)) w(k, x, y) ON u.k = w.k WHERE u.x = w.x OR o.x = u.y)",
    )
    .await;
    assert_eq!(rows, Ok(vec!["1".to_owned()]));
}
