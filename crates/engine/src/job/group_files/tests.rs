//! From which columns of which tables the keys of groups come.

use super::super::view_increments::tests::plan;
use super::*;

/// Where the first column of a query comes from.
async fn find_origin(sql: &str) -> Option<String> {
    let plan = plan(sql).await;
    let first = plan.schema().columns().into_iter().next()?;
    let (scan, column, is_day_of) = find_column(&plan, &Expr::Column(first))?;
    let day = if is_day_of { "day of " } else { "" };
    Some(format!("{day}{}.{column}", scan.table_name.table()))
}

#[tokio::test]
async fn columns_are_followed_to_their_tables() {
    for (sql, expected) in [
        ("SELECT k FROM t", "t.k"),
        (
            "SELECT q.x FROM (SELECT s, k AS x FROM t WHERE v > 0) AS q ORDER BY x",
            "t.k",
        ),
        ("SELECT CAST(at AS DATE) AS day FROM t", "day of t.at"),
        (
            "SELECT day FROM (SELECT to_date(at) AS day FROM t) AS q",
            "day of t.at",
        ),
        ("SELECT u.k FROM t JOIN u ON t.k = u.k", "u.k"),
        ("SELECT t.k FROM t LEFT JOIN u ON t.k = u.k", "t.k"),
        ("SELECT k FROM t WHERE k IN (SELECT k FROM u)", "t.k"),
    ] {
        assert_eq!(find_origin(sql).await.as_deref(), Some(expected), "{sql}");
    }
}

#[tokio::test]
async fn other_values_have_no_column() {
    for sql in [
        "SELECT k + 1 FROM t",
        "SELECT CAST(CAST(v AS TIMESTAMP) AS DATE) FROM t",
        "SELECT CAST(k AS STRING) FROM t",
        "SELECT CAST(s AS DATE) FROM t",
        "SELECT to_date(at, 'yyyy') FROM t",
        // Rows of `t` that meet none of `u` would have NULL.
        "SELECT u.k FROM t LEFT JOIN u ON t.k = u.k",
        "SELECT t.k FROM t FULL JOIN u ON t.k = u.k",
        "SELECT k FROM t UNION ALL SELECT k FROM u",
        "SELECT k FROM t LIMIT 3",
        "SELECT k FROM t GROUP BY k",
    ] {
        assert_eq!(find_origin(sql).await, None, "{sql}");
    }
}

#[tokio::test]
async fn a_table_that_is_read_twice_is_read_whole() {
    let is_once = async |sql: &str| {
        let plan = plan(sql).await;
        let first = plan.schema().columns().into_iter().next().unwrap();
        let (scan, ..) = find_column(&plan, &Expr::Column(first)).unwrap();
        is_read_once(&plan, scan)
    };
    assert!(is_once("SELECT t.k FROM t JOIN u ON t.k = u.k").await);
    assert!(!is_once("SELECT a.k FROM t AS a JOIN t AS b ON a.k = b.k").await);
    assert!(!is_once("SELECT k FROM t WHERE k IN (SELECT v FROM t)").await);
}
