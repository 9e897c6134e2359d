//! Each of these was refused, or wrong. The rows are DuckDB's, or follow from the query
//! where DuckDB refuses it.

use crate::subqueries::tests::run;

async fn check(queries: &[(&str, &[&str])]) {
    for (sql, expected) in queries {
        match run(true, sql).await {
            Ok(rows) => assert_eq!(rows, *expected, "{sql}"),
            Err(error) => panic!("{sql}: {error}"),
        }
    }
}

#[tokio::test]
async fn values_are_correlated_by_any_condition() {
    check(&[
        (
            "SELECT g, (SELECT max(s.id) FROM s WHERE s.g < l.g) AS v FROM l",
            &["1|", "2|1", "3|1"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM s WHERE s.g <> l.g OR s.id IS NULL) AS v FROM l",
            &["1|3", "2|4", "3|4"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM s WHERE s.g > l.g AND l.g > 1) AS v FROM l",
            &["1|0", "2|2", "3|2"],
        ),
        (
            "SELECT g FROM l WHERE g < (SELECT sum(s.g) FROM s WHERE s.id >= l.id)",
            &["1", "2"],
        ),
        (
            "SELECT g, (SELECT max(s.id) FROM s WHERE s.g = l.g + 1) AS v FROM l",
            &["1|", "2|", "3|"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM s WHERE s.id IS NOT DISTINCT FROM l.id) AS v FROM l",
            &["1|1", "2|0", "3|1"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM s WHERE s.id = l.id OR l.id IS NULL) AS v FROM l",
            &["1|1", "2|0", "3|4"],
        ),
        (
            "SELECT v FROM (SELECT (SELECT max(s.id) FROM s WHERE s.g < l.g) AS v FROM l) AS q \
             WHERE v = 1",
            &["1", "1"],
        ),
        (
            "SELECT g, CASE WHEN g > 1 THEN (SELECT max(s.g) FROM s WHERE s.g <> l.g) ELSE 0 END \
             AS v FROM l",
            &["1|0", "2|9", "3|9"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn outer_columns_may_stand_anywhere() {
    check(&[
        (
            "SELECT g, (SELECT l.g + 1) AS v FROM l",
            &["1|2", "2|3", "3|4"],
        ),
        (
            "SELECT g, (SELECT max(s.g + l.g) FROM s WHERE s.g = l.g) AS v FROM l",
            &["1|2", "2|4", "3|"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM s WHERE s.g = l.g HAVING count(*) >= l.id) AS v FROM \
             l",
            &["1|1", "2|", "3|"],
        ),
        (
            "SELECT g, (SELECT max(c) FROM (SELECT count(*) AS c FROM s GROUP BY s.g > l.g) AS q) \
             AS v FROM l",
            &["1|3", "2|2", "3|2"],
        ),
        (
            "SELECT g, (SELECT s.g FROM s ORDER BY abs(s.g - l.g), s.g LIMIT 1) AS v FROM l",
            &["1|1", "2|2", "3|2"],
        ),
        (
            "SELECT sum((SELECT count(*) FROM s WHERE s.g > l.g)) AS v FROM l",
            &["7"],
        ),
        (
            "SELECT (SELECT count(*) FROM s WHERE s.g > l.g) AS v, count(*) AS n FROM l GROUP BY \
             (SELECT count(*) FROM s WHERE s.g > l.g)",
            &["2|2", "3|1"],
        ),
        (
            "SELECT g FROM l ORDER BY (SELECT count(*) FROM s WHERE s.g > l.g)",
            &["1", "2", "3"],
        ),
        (
            "SELECT g, count(*) AS n FROM s GROUP BY g HAVING count(*) > (SELECT count(*) FROM l \
             WHERE l.g > s.g)",
            &["9|2"],
        ),
        (
            "SELECT a.g, b.g FROM l AS a JOIN l AS b ON a.g < b.g AND (SELECT count(*) FROM s \
             WHERE s.g > a.g AND s.g > b.g) = 2",
            &["1|2", "1|3", "2|3"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn aggregates_of_no_rows_have_their_value() {
    check(&[
        (
            "SELECT g, (SELECT count(*) FROM s WHERE s.id > l.id) AS v FROM l",
            &["1|2", "2|2", "3|0"],
        ),
        (
            "SELECT g, (SELECT coalesce(max(s.id), -1) FROM s WHERE s.id > l.id) AS v FROM l",
            &["1|8", "2|8", "3|-1"],
        ),
        (
            "SELECT g, (SELECT count(*) FILTER (WHERE s.id > 1) FROM s WHERE s.g > l.g) AS v FROM \
             l",
            &["1|2", "2|2", "3|2"],
        ),
        (
            "SELECT g, (SELECT count(DISTINCT s.g) FROM s WHERE s.id > l.id) AS v FROM l",
            &["1|1", "2|1", "3|0"],
        ),
        (
            "SELECT g, (SELECT array_agg(s.id) FROM s WHERE s.g = l.g) AS v FROM l",
            &["1|[1]", "2|[]", "3|[]"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM s WHERE s.g > l.g HAVING count(*) > 2) AS v FROM l",
            &["1|3", "2|", "3|"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM (SELECT max(s.id) AS m FROM s WHERE s.g = l.g) AS q) \
             AS v FROM l",
            &["1|1", "2|1", "3|1"],
        ),
        (
            "SELECT g FROM l WHERE NOT EXISTS (SELECT 1 FROM s WHERE s.g = l.g HAVING count(*) = \
             0)",
            &["1", "2"],
        ),
        (
            "SELECT g FROM l WHERE EXISTS (SELECT 1 FROM s WHERE s.g = l.g HAVING count(*) = 0)",
            &["3"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn every_operator_may_stand_above_the_condition() {
    check(&[
        (
            "SELECT g, (SELECT min(s.id) FROM s WHERE s.g >= l.g GROUP BY s.g ORDER BY s.g LIMIT \
             1) AS v FROM l",
            &["1|1", "2|", "3|7"],
        ),
        (
            "SELECT g, (SELECT s.g FROM s WHERE s.g > l.g ORDER BY s.g, s.id LIMIT 1) AS v FROM l",
            &["1|2", "2|9", "3|9"],
        ),
        (
            "SELECT g, (SELECT s.id FROM s WHERE s.g > l.g ORDER BY s.g DESC, s.id DESC NULLS \
             LAST LIMIT 1 OFFSET 1) AS v FROM l",
            &["1|7", "2|7", "3|7"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM (SELECT s.g FROM s WHERE s.g >= l.g UNION SELECT \
             l.id) AS q) AS v FROM l",
            &["1|3", "2|2", "3|2"],
        ),
        (
            "SELECT g, (SELECT max(x) FROM (SELECT s.id AS x FROM s WHERE s.g < l.g UNION ALL \
             SELECT l.g) AS q) AS v FROM l",
            &["1|1", "2|2", "3|3"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM (SELECT s.g FROM s WHERE s.g >= l.g INTERSECT SELECT \
             s.g FROM s WHERE s.id >= l.g) AS q) AS v FROM l",
            &["1|2", "2|1", "3|1"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM (SELECT s.g FROM s EXCEPT SELECT s.g FROM s WHERE \
             s.id >= l.g) AS q) AS v FROM l",
            &["1|1", "2|2", "3|2"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM (SELECT DISTINCT s.g FROM s WHERE s.g > l.g) AS q) \
             AS v FROM l",
            &["1|2", "2|1", "3|1"],
        ),
        (
            "SELECT g, (SELECT max(r) FROM (SELECT row_number() OVER (ORDER BY s.g, s.id) AS r \
             FROM s WHERE s.g > l.g) AS q) AS v FROM l",
            &["1|3", "2|2", "3|2"],
        ),
        (
            "SELECT g FROM l WHERE EXISTS (SELECT 1 FROM (SELECT row_number() OVER (ORDER BY s.g) \
             AS r FROM s WHERE s.g >= l.g) AS q WHERE r = 3)",
            &["1", "2"],
        ),
        (
            "SELECT g, (SELECT max(q.m) FROM (SELECT s.g, max(s.id) AS m FROM s WHERE s.g >= l.g \
             GROUP BY ROLLUP (s.g)) AS q) AS v FROM l",
            &["1|8", "2|8", "3|8"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM (SELECT s.g, count(*) AS c FROM s WHERE s.g >= l.g \
             GROUP BY ROLLUP (s.g)) AS q) AS v FROM l",
            &["1|4", "2|3", "3|2"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn sets_may_be_correlated_by_anything() {
    check(&[
        (
            "SELECT g FROM l WHERE g IN (SELECT count(*) FROM s WHERE s.g > l.g GROUP BY s.g)",
            &["1", "2"],
        ),
        (
            "SELECT g, g IN (SELECT count(*) FROM s WHERE s.g > l.g GROUP BY s.g) AS v FROM l",
            &["1|true", "2|true", "3|false"],
        ),
        (
            "SELECT g FROM l WHERE g NOT IN (SELECT max(s.g) FROM s WHERE s.g <= l.g GROUP BY \
             s.id)",
            &["3"],
        ),
        (
            "SELECT g FROM l WHERE g IN (SELECT s.g FROM s WHERE s.g >= l.g UNION ALL SELECT l.g \
             - 1)",
            &["1", "2"],
        ),
        (
            "SELECT g FROM l WHERE g IN (SELECT s.g FROM s WHERE s.id > l.g OR s.g = l.g ORDER BY \
             s.g DESC LIMIT 3)",
            &["1", "2"],
        ),
        (
            "SELECT g FROM l WHERE g > 2 OR EXISTS (SELECT count(*) FROM s WHERE s.g > l.g GROUP \
             BY s.g HAVING count(*) > l.g)",
            &["1", "3"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn joins_may_depend_on_the_outer_query() {
    check(&[
        (
            "SELECT g FROM l WHERE EXISTS (SELECT 1 FROM s AS a LEFT JOIN s AS b ON a.g = b.g AND \
             b.g = l.g WHERE b.g IS NULL)",
            &["1", "2", "3"],
        ),
        (
            "SELECT g FROM l WHERE EXISTS (SELECT 1 FROM s AS a FULL JOIN s AS b ON a.g = b.g AND \
             b.g = l.g WHERE b.g IS NULL)",
            &["1", "2", "3"],
        ),
        (
            "SELECT g FROM l WHERE EXISTS (SELECT 1 FROM (SELECT g FROM s WHERE s.g = l.g) AS a \
             FULL JOIN s AS b ON a.g = b.g WHERE a.g IS NULL)",
            &["1", "2", "3"],
        ),
        (
            "SELECT g FROM l WHERE EXISTS (SELECT 1 FROM s AS a LEFT ANTI JOIN (SELECT g FROM s \
             WHERE s.g = l.g) AS b ON a.g = b.g)",
            &["1", "2", "3"],
        ),
        (
            "SELECT g FROM l WHERE EXISTS (SELECT 1 FROM s AS a LEFT ANTI JOIN s AS b ON a.g = \
             b.g AND b.g = l.g)",
            &["1", "2", "3"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM s AS a LEFT ANTI JOIN s AS b ON a.g = b.g AND b.g <> \
             l.g) AS v FROM l",
            &["1|1", "2|1", "3|0"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM s AS a LEFT JOIN s AS b ON a.g = b.g AND b.g > l.g \
             AND a.id < b.id) AS v FROM l",
            &["1|4", "2|4", "3|4"],
        ),
        (
            "SELECT g, (SELECT count(b.id) FROM s AS a LEFT JOIN s AS b ON a.g = b.g AND b.g > \
             l.g) AS v FROM l",
            &["1|4", "2|4", "3|4"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM (SELECT g FROM s WHERE s.g <= l.g) AS a FULL JOIN \
             (SELECT g FROM s WHERE s.g >= l.g) AS b ON a.g = b.g) AS v FROM l",
            &["1|4", "2|4", "3|4"],
        ),
        (
            "SELECT g FROM l WHERE EXISTS (SELECT 1 FROM s AS a LEFT JOIN (SELECT g FROM s WHERE \
             s.g = l.g) AS b ON a.g = b.g WHERE b.g IS NULL)",
            &["1", "2", "3"],
        ),
        (
            "SELECT g FROM l WHERE EXISTS (SELECT 1 FROM (SELECT g FROM s WHERE s.g = l.g) AS a \
             RIGHT JOIN s AS b ON a.g = b.g WHERE a.g IS NULL)",
            &["1", "2", "3"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM (SELECT g FROM s WHERE s.g <= l.g) AS a JOIN (SELECT \
             g FROM s WHERE s.g <> l.g) AS b ON a.g = b.g) AS v FROM l",
            &["1|0", "2|1", "3|2"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM s AS a JOIN (SELECT g FROM s WHERE s.g <> l.g) AS b \
             ON a.g = b.g) AS v FROM l",
            &["1|5", "2|5", "3|6"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn subqueries_may_read_queries_further_outside() {
    check(&[
        (
            "SELECT g, (SELECT max(s.id) FROM s WHERE s.g > (SELECT min(x.g) FROM s AS x WHERE \
             x.g >= l.g)) AS v FROM l",
            &["1|8", "2|8", "3|"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM s WHERE s.g > (SELECT min(x.g) FROM s AS x WHERE x.g \
             >= l.g AND x.g <= s.g)) AS v FROM l",
            &["1|3", "2|2", "3|0"],
        ),
        (
            "SELECT g FROM l WHERE EXISTS (SELECT 1 FROM s WHERE s.g >= l.g AND EXISTS (SELECT 1 \
             FROM s AS x WHERE x.g = s.g AND x.id > l.g))",
            &["1", "2", "3"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM s WHERE s.g IN (SELECT x.g FROM s AS x WHERE x.id > \
             l.g)) AS v FROM l",
            &["1|2", "2|2", "3|2"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM s WHERE (SELECT count(*) FROM l AS m WHERE m.g < \
             l.g) = (SELECT count(*) FROM l AS m WHERE m.g < s.g)) AS v FROM l",
            &["1|1", "2|1", "3|0"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn lateral_subqueries_may_be_correlated_by_anything() {
    check(&[
        (
            "SELECT g, v FROM l, LATERAL (SELECT max(s.id) AS v FROM s WHERE s.g < l.g) AS q",
            &["1|", "2|1", "3|1"],
        ),
        (
            "SELECT g, v FROM l LEFT JOIN LATERAL (SELECT s.id AS v FROM s WHERE s.g > l.g ORDER \
             BY s.g, s.id LIMIT 1) AS q ON v > 0",
            &["1|", "2|7", "3|7"],
        ),
        (
            "SELECT g, v FROM l, LATERAL (SELECT DISTINCT s.g AS v FROM s WHERE s.g > l.g) AS q",
            &["1|2", "1|9", "2|9", "3|9"],
        ),
        (
            "SELECT g, v FROM l LEFT JOIN LATERAL (SELECT s.g AS v FROM s WHERE s.g > l.g GROUP \
             BY s.g HAVING count(*) = 1) AS q ON true",
            &["1|2", "2|", "3|"],
        ),
        (
            "SELECT l.g, q.v, r.w FROM l, LATERAL (SELECT count(*) AS v FROM s WHERE s.g > l.g) \
             AS q, LATERAL (SELECT max(s.g) AS w FROM s WHERE s.g < q.v + l.g) AS r",
            &["1|3|2", "2|2|2", "3|2|2"],
        ),
        (
            "SELECT g, (SELECT max(q.v) FROM s, LATERAL (SELECT count(*) AS v FROM s AS x WHERE \
             x.g <> s.g AND x.g <> l.g) AS q) AS v FROM l",
            &["1|3", "2|3", "3|3"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn outer_rows_may_be_of_any_query() {
    check(&[
        (
            "SELECT q.g, (SELECT max(s.g) FROM s WHERE s.g < q.n) AS v FROM (SELECT g, count(*) \
             AS n FROM s GROUP BY g) AS q",
            &["1|", "2|", "9|1"],
        ),
        (
            "SELECT q.g, (SELECT max(s.g) FROM s WHERE s.g < q.g) AS v FROM (SELECT g FROM l \
             ORDER BY g LIMIT 2) AS q",
            &["1|", "2|1"],
        ),
        (
            "SELECT a.g, (SELECT count(*) FROM s WHERE s.g > a.g AND s.g > b.g) AS v FROM l AS a \
             LEFT JOIN l AS b ON a.g = b.id",
            &["1|3", "2|2", "3|0"],
        ),
        (
            "SELECT a.g, (SELECT count(*) FROM s WHERE s.g > b.g OR b.g IS NULL) AS v FROM l AS a \
             LEFT JOIN l AS b ON a.g = b.id",
            &["1|3", "2|2", "3|4"],
        ),
        (
            "SELECT q.g, (SELECT count(*) FROM s WHERE s.g > q.g) AS v FROM (SELECT g FROM l \
             UNION ALL SELECT g FROM s) AS q",
            &["1|3", "1|3", "2|2", "2|2", "3|2", "9|0", "9|0"],
        ),
        (
            "SELECT q.r, (SELECT count(*) FROM s WHERE s.g > q.r) AS v FROM (SELECT rank() OVER \
             (ORDER BY g) AS r FROM s) AS q",
            &["1|3", "2|2", "3|2", "3|2"],
        ),
    ])
    .await;
}

/// Where g is 1, the division would fail.
#[tokio::test]
async fn nothing_fails_for_values_that_no_outer_row_has() {
    check(&[(
        "SELECT a.g, (SELECT count(*) FROM s WHERE s.g > 6 / (a.g - 1)) AS v FROM l AS a \
         JOIN l AS b ON a.g = b.g AND b.g > 1",
        &["2|2", "3|2"],
    )])
    .await;
}

#[tokio::test]
async fn outer_rows_that_may_change_are_read_once() {
    check(&[
        (
            "SELECT q.g, (SELECT count(*) FROM s WHERE s.g > q.b) AS v FROM (SELECT g, lag(g) \
             OVER (ORDER BY g) AS b FROM l) AS q",
            &["1|0", "2|3", "3|2"],
        ),
        (
            "SELECT q.g, (SELECT max(s.id) + q.b FROM s WHERE s.g <> q.b) AS v FROM (SELECT g, \
             lag(g) OVER (ORDER BY g) AS b FROM s) AS q",
            &["1|", "2|9", "9|10", "9|10"],
        ),
        (
            "SELECT q.g, (SELECT s.id FROM s WHERE s.g = q.b + 1 AND s.id IS NOT NULL) AS v FROM \
             (SELECT g, first_value(id) OVER (ORDER BY g) AS b FROM l) AS q",
            &["1|", "2|", "3|"],
        ),
        (
            "SELECT q.g FROM (SELECT g, lag(g) OVER (ORDER BY g) AS b FROM l) AS q WHERE q.g > 2 \
             OR EXISTS (SELECT 1 FROM s WHERE s.g > q.b AND s.id < q.g)",
            &["3"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_cannot_be_computed_is_refused() {
    for (sql, message) in [
        (
            "SELECT (SELECT max(s.id) FROM s WHERE named_struct('a', s.g) = q.x AND s.g > 1) AS v \
             FROM (SELECT named_struct('a', g) AS x FROM l) AS q",
            "compare a field",
        ),
        (
            "SELECT q.g, (SELECT max(x.n) FROM (SELECT count(*) AS n FROM s WHERE s.g <> q.b GROUP BY s.g) \
             AS x) AS v FROM (SELECT g, lag(g) OVER (ORDER BY g) AS b FROM l) AS q",
            "dataset of its own",
        ),
        (
            "SELECT (SELECT max(v.x) FROM (VALUES (l.g), (1)) AS v (x)) AS v FROM l",
            "outer query's FROM",
        ),
        (
            "SELECT g, (SELECT sum(l.g) FROM s) AS v FROM l",
            "columns of the outer query only",
        ),
    ] {
        let error = run(true, sql).await.unwrap_err().to_string();
        assert!(error.contains(message), "{sql}: {error}");
    }
    for sql in [
        "SELECT (SELECT s.id FROM s WHERE s.g > l.g) AS v FROM l",
        "SELECT g FROM l WHERE g = (SELECT s.g FROM s WHERE s.id > l.id OR l.id IS NULL)",
    ] {
        let error = run(true, sql).await.unwrap_err().to_string();
        assert!(error.contains("more than one row"), "{sql}: {error}");
    }
}
