//! Which columns divide the rows of a query; `t` and `w` have new rows, `u` has none.

use super::super::view_increments::tests::plan;
use super::*;

/// The names of the keys, and of each part their values.
async fn keys(sql: &str) -> Result<(Vec<String>, Vec<Vec<String>>), Undivided> {
    let plan = plan(sql).await;
    let keys = find_group_keys(&plan, &|table| table == "t" || table == "w")?;
    let names = keys.columns.iter();
    let names = names.map(|index| plan.schema().field(*index).name().clone());
    let values = |part: &Vec<Expr>| part.iter().map(ToString::to_string).collect();
    Ok((names.collect(), keys.parts.iter().map(values).collect()))
}

async fn assert_keys(sql: &str, names: &[&str], parts: &[&[&str]]) {
    let (found, values) = keys(sql)
        .await
        .unwrap_or_else(|why| panic!("{why:?}: {sql}"));
    assert_eq!(found, names, "{sql}");
    assert_eq!(values, parts, "{sql}");
}

#[tokio::test]
async fn groups_have_their_keys() {
    let of_t: &[&[&str]] = &[&["t.k"]];
    for sql in [
        "SELECT k, avg(v) AS v FROM t GROUP BY k",
        "SELECT k, count(DISTINCT v) AS n, count(*) * 2 AS m FROM t GROUP BY k HAVING sum(v) > 3",
        // A key that the view does not have makes groups of groups.
        "SELECT k, count(*) AS n FROM t GROUP BY k, s",
        "SELECT k, d, count(*) AS n FROM t GROUP BY k, d",
        "SELECT k, n FROM (SELECT k, avg(v) AS n FROM t GROUP BY k) AS q WHERE n > 1 ORDER BY n",
        "SELECT k, max(n) AS n FROM (SELECT k, s, sum(d) AS n FROM t GROUP BY k, s) GROUP BY k",
        "SELECT k, v, rank() OVER (PARTITION BY k ORDER BY v) AS r FROM t",
        "SELECT k, s FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY v DESC) = 1",
        "SELECT k, v, sum(v) OVER (PARTITION BY k) AS a, avg(v) OVER (PARTITION BY s, k) AS b FROM t",
    ] {
        assert_keys(sql, &["k"], of_t).await;
    }
    assert_keys(
        "SELECT DISTINCT k, s FROM (SELECT k, s, avg(v) AS v FROM t GROUP BY k, s)",
        &["k", "s"],
        &[&["t.k", "t.s"]],
    )
    .await;
    assert_keys(
        "SELECT k, s, count(*) AS n, avg(v) AS v FROM t GROUP BY s, k",
        &["k", "s"],
        &[&["t.k", "t.s"]],
    )
    .await;
    // An expression that is computed of the rows of the table.
    let (names, parts) = keys("SELECT v + 1 AS x, avg(v) AS v FROM t GROUP BY v + 1")
        .await
        .unwrap();
    assert_eq!((names.len(), parts.len(), parts[0].len()), (1, 1, 1));
}

#[tokio::test]
async fn joins_and_unions_have_the_keys_of_their_parts() {
    assert_keys(
        "SELECT t.k, w.s FROM t JOIN w ON t.k = w.k",
        &["k"],
        &[&["t.k"], &["w.k"]],
    )
    .await;
    assert_keys(
        "SELECT t.k, w.s FROM t LEFT JOIN w ON t.k = w.k AND w.v > 1",
        &["k"],
        &[&["t.k"], &["w.k"]],
    )
    .await;
    assert_keys(
        "SELECT u.k, t.s FROM u LEFT JOIN t ON t.k = u.k",
        &["k"],
        &[&["t.k"]],
    )
    .await;
    assert_keys(
        "SELECT u.k, q.n FROM u JOIN (SELECT k, avg(v) AS n FROM t GROUP BY k) AS q ON q.k = u.k",
        &["k"],
        &[&["t.k"]],
    )
    .await;
    assert_keys(
        "SELECT k, avg(v) AS v FROM t GROUP BY k UNION ALL SELECT k, v FROM u",
        &["k"],
        &[&["t.k"]],
    )
    .await;
}

#[tokio::test]
async fn what_depends_on_other_groups_has_no_keys() {
    for (sql, why) in [
        ("SELECT avg(v) AS v FROM t", Undivided::NoKey),
        ("SELECT avg(v) AS v FROM t GROUP BY k", Undivided::NoKey),
        ("SELECT d, avg(v) AS v FROM t GROUP BY d", Undivided::NoKey),
        ("SELECT a, avg(v) AS v FROM t GROUP BY a", Undivided::NoKey),
        // A key of all groups, but not as it is: the filter could remove what it fails for.
        (
            "SELECT k + 1 AS k, avg(v) AS v FROM t GROUP BY k HAVING k <> 0",
            Undivided::NoKey,
        ),
        (
            "SELECT k, rank() OVER (ORDER BY v) AS r FROM t",
            Undivided::NoKey,
        ),
        (
            "SELECT k, rank() OVER (PARTITION BY k ORDER BY v) AS a,
             rank() OVER (PARTITION BY s ORDER BY v) AS b FROM t",
            Undivided::NoKey,
        ),
        (
            "SELECT k, v FROM t QUALIFY row_number() OVER (PARTITION BY s ORDER BY v) = 1",
            Undivided::NoKey,
        ),
        (
            "SELECT k, s, avg(v) AS v FROM t GROUP BY ROLLUP (k, s)",
            Undivided::GroupingSets,
        ),
        (
            "SELECT k, avg(v) AS v FROM t GROUP BY k ORDER BY v LIMIT 3",
            Undivided::Limit,
        ),
        (
            "SELECT k, avg(v) AS v FROM t GROUP BY k HAVING avg(v) > (SELECT avg(v) FROM t)",
            Undivided::Subquery,
        ),
        (
            "SELECT a.k, b.s FROM t AS a JOIN t AS b ON a.v < b.v",
            Undivided::NoKey,
        ),
        (
            "SELECT a.s, b.s AS o FROM t AS a JOIN t AS b ON a.k = b.k",
            Undivided::NoKey,
        ),
        (
            "SELECT t.k, w.k AS o FROM t FULL JOIN w ON t.k = w.k",
            Undivided::FullJoin,
        ),
        (
            "SELECT u.k, t.k AS o FROM u LEFT JOIN t ON t.v = u.v",
            Undivided::NoKey,
        ),
        (
            "SELECT t.k, w.k AS o FROM t LEFT JOIN w ON t.v = w.v",
            Undivided::NoKey,
        ),
        (
            "SELECT k, avg(v) AS v FROM t GROUP BY k UNION ALL SELECT v, k FROM (SELECT k, v FROM w
             QUALIFY row_number() OVER (PARTITION BY k ORDER BY v) = 1)",
            Undivided::NoKey,
        ),
    ] {
        assert_eq!(keys(sql).await, Err(why), "{sql}");
    }
}
