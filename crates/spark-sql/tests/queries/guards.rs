//! Conditions that keep others from failing.

use super::session::{check, check_errors, run};

#[tokio::test]
async fn conditions_are_evaluated_behind_their_guards() {
    check(&[
        ("SELECT i FROM t WHERE j <> 0 AND i / j > 1", "7"),
        ("SELECT i FROM t WHERE i / j > 1 AND j <> 0", "7"),
        (
            "SELECT i FROM t WHERE s IN ('5', ' 7 ') AND CAST(s AS INT) > 6",
            "-7",
        ),
        (
            "SELECT i FROM t WHERE j = 0 OR i / j > 1",
            "2147483647\n7\nNULL",
        ),
        ("SELECT i FROM t WHERE NOT (j = 0 OR i / j <= 1)", "7"),
        (
            "SELECT i FROM t WHERE j <> 0 AND (i / j > 100 OR i % j = 1)",
            "7",
        ),
        (
            "SELECT j <> 0 AND i / j > 1 FROM t",
            "true\nfalse\nfalse\nfalse",
        ),
        (
            "SELECT j = 0 OR i / j > 1 FROM t",
            "true\ntrue\nfalse\ntrue",
        ),
        ("SELECT NULL AND i / j > 1 FROM t WHERE j = 3", "false"),
        (
            "SELECT CASE WHEN j <> 0 THEN i / j > 1 ELSE NULL END FROM t",
            "true\nNULL\nfalse\nNULL",
        ),
        (
            "SELECT CASE j WHEN 0 THEN -1 ELSE i % j END FROM t",
            "1\n-1\n-1\n-1",
        ),
        (
            "SELECT coalesce(CASE WHEN j = 0 THEN 0.5 END, i / j) FROM t",
            "3.5\n0.5\n-2.3333333333333335\n0.5",
        ),
        (
            "SELECT CASE WHEN j > 99 THEN 1 / 0 ELSE 0 END FROM t WHERE j = 2",
            "0.0",
        ),
        (
            "SELECT CASE WHEN j > 99 THEN CAST('x' AS INT) ELSE 0 END FROM t WHERE j = 2",
            "0",
        ),
    ])
    .await;
}

#[tokio::test]
async fn guards_hold_across_the_parts_of_a_query() {
    check(&[
        ("SELECT i FROM (SELECT * FROM t WHERE j <> 0) WHERE i / j > 1", "7"),
        ("SELECT q FROM (SELECT i / j AS q FROM t WHERE j <> 0) WHERE q > 1", "3.5"),
        ("SELECT n FROM (SELECT CAST(s AS INT) AS n, i FROM t WHERE s <> 'x') WHERE n > 5 AND i < 0", "7"),
        ("SELECT t.i FROM t JOIN (SELECT j AS k FROM t WHERE j > 2) u ON t.j = u.k WHERE 6 / t.j > 1", "-7"),
        ("SELECT i FROM t WHERE j IN (SELECT 2) AND i / j > 1", "7"),
        ("SELECT i FROM t WHERE EXISTS (SELECT 1 FROM t u WHERE u.j = t.j AND u.j <> 0 AND t.i / u.j > 1)", "7"),
        ("SELECT a.i, b.i FROM t a LEFT JOIN t b ON a.j = b.j AND b.j <> 0 AND a.i / b.j > 1", "7|7\n2147483647|NULL\n-7|NULL\nNULL|NULL"),
        ("SELECT a.i FROM t a, t b WHERE b.s <> 'x' AND a.i = CAST(b.s AS INT) + 2", "7"),
        ("SELECT sum(i / j) FILTER (WHERE j <> 0) FROM t", "1.1666666666666665"),
        ("SELECT s, sum(i) / max(j) FROM t GROUP BY s HAVING max(j) > 0 AND sum(i) / max(j) > 1", "5|3.5"),
        ("SELECT s FROM t GROUP BY s HAVING s <> 'x' AND CAST(s AS INT) > 6", " 7 "),
        ("SELECT i FROM (SELECT i, j, row_number() OVER (ORDER BY j DESC) AS r FROM t) WHERE r <= 2 AND i / j > 1", "7"),
        ("SELECT x FROM (SELECT s AS x FROM t WHERE s <> 'x' UNION ALL SELECT '8') WHERE CAST(x AS INT) > 6", " 7 \n8"),
        ("SELECT i FROM t WHERE CAST(CASE WHEN s <> 'x' THEN s END AS INT) > 6", "-7"),
    ])
    .await;
}

/// Otherwise the join of two tables in `FROM` would be a cross join.
#[tokio::test]
async fn equations_of_tables_stay_keys_of_joins() {
    let plan = run(
        "EXPLAIN SELECT a.i FROM t a, t b WHERE a.s = b.s AND a.j = b.j + 1 AND a.i = CAST(b.s AS INT)",
    )
    .await
    .unwrap()
    .join("\n");
    assert!(
        plan.contains("a.j = ") || plan.contains("HashJoinExec"),
        "{plan}"
    );
    assert!(
        !plan.contains("CrossJoin") && !plan.contains("NestedLoop"),
        "{plan}"
    );
}

#[tokio::test]
async fn without_a_guard_the_query_fails() {
    check_errors(&[
        ("SELECT i FROM t WHERE i / j > 1", "[DIVIDE_BY_ZERO]"),
        (
            "SELECT i FROM t WHERE CAST(s AS INT) > 6",
            "[CAST_INVALID_INPUT]",
        ),
        ("SELECT i / j > 1 AND j <> 0 FROM t", "[DIVIDE_BY_ZERO]"),
        (
            "SELECT a.i FROM t a JOIN t b ON a.j = b.j AND a.i / b.j > 1",
            "[DIVIDE_BY_ZERO]",
        ),
    ])
    .await;
}
