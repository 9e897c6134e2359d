//! What Spark refuses, and was accepted here before; next to what it accepts.

use super::job::{check_job, check_job_errors};

#[tokio::test]
async fn rows_with_maps_are_not_compared() {
    check_job_errors(&[
        ("SELECT DISTINCT props FROM orders", "cannot be compared"),
        (
            "SELECT DISTINCT struct(props) AS s FROM orders",
            "cannot be compared",
        ),
        (
            "SELECT props FROM orders UNION SELECT props FROM orders",
            "cannot be compared",
        ),
        (
            "SELECT props FROM orders INTERSECT SELECT props FROM orders",
            "cannot be compared",
        ),
        (
            "SELECT props FROM orders EXCEPT ALL SELECT props FROM orders",
            "cannot be compared",
        ),
        (
            "SELECT struct(props) AS s, count(*) AS n FROM orders GROUP BY struct(props)",
            "cannot be grouped",
        ),
        (
            "SELECT row_number() OVER (PARTITION BY props ORDER BY order_id) AS a FROM orders",
            "cannot be compared by a map",
        ),
        (
            "SELECT a.order_id FROM orders a JOIN orders b USING (props)",
            "maps cannot be compared",
        ),
        (
            "SELECT collect_set(props) AS a FROM orders",
            "cannot compare maps",
        ),
        ("SELECT max(props) AS a FROM orders", "cannot compare maps"),
        (
            "SELECT max_by(order_id, props) AS a FROM orders",
            "cannot compare maps",
        ),
        (
            "SELECT sort_array(array(map('a', 1))) AS a",
            "cannot compare values",
        ),
    ])
    .await;
    check_job(&[
        (
            "SELECT size(collect_list(props)) AS a, max_by(props, order_id)['b'] AS b FROM orders",
            "2|2",
        ),
        (
            "SELECT array_sort(map_entries(props)) AS e, count(*) AS n FROM orders GROUP BY 1",
            "[{key: a, value: 1}, {key: b, value: 2}]|2",
        ),
        (
            "SELECT props['a'] AS a FROM orders UNION ALL SELECT 0",
            "0\n1\n1",
        ),
    ])
    .await;
}

#[tokio::test]
async fn aliases_of_the_select_list_are_not_used_over_several_rows() {
    check_job_errors(&[
        (
            "SELECT salary AS s, rank() OVER (ORDER BY s) AS r FROM emp",
            "`s` is an alias of the select list, which a window function cannot use",
        ),
        (
            "SELECT id % 2 AS k, count(*) OVER (PARTITION BY upper(k)) AS n FROM emp",
            "a window function cannot use",
        ),
        (
            "SELECT dept AS d, max(upper(d)) AS t FROM emp GROUP BY dept",
            "an aggregate cannot use",
        ),
        (
            "SELECT sum(salary) AS s, sum(s) OVER () AS w FROM emp GROUP BY dept",
            "a window function cannot use",
        ),
    ])
    .await;
    check_job(&[
        (
            "SELECT dept AS d, upper(d) AS u, count(*) AS n, n + 1 AS m FROM emp WHERE id < 3 GROUP BY dept",
            "eng|ENG|2|3",
        ),
        // A column comes before an alias.
        (
            "SELECT id * 10 AS salary, sum(salary) AS t FROM emp WHERE id = 2 GROUP BY id",
            "20|100",
        ),
        (
            "SELECT row_number() OVER (ORDER BY id) AS r, r + 1 AS next FROM emp WHERE id < 3",
            "1|2\n2|3",
        ),
    ])
    .await;
}

#[tokio::test]
async fn texts_are_no_names() {
    check_job_errors(&[
        ("SELECT 1 AS 'a'", "a text cannot be a name"),
        ("SELECT 1 AS \"a\"", "a text cannot be a name"),
        ("SELECT id 'a' FROM emp", "a text cannot be a name"),
        (
            "SELECT DISTINCT ON (dept) dept, id FROM emp",
            "write QUALIFY",
        ),
    ])
    .await;
    check_job(&[("SELECT 1 AS `a b`", "1")]).await;
}

#[tokio::test]
async fn arguments_have_types_that_go_together() {
    check_job_errors(&[
        (
            "SELECT array_append(tags, order_id) AS a FROM orders",
            "array<string> and int",
        ),
        (
            "SELECT array_contains(tags, NULL) AS a FROM orders",
            "a NULL without a type",
        ),
        (
            "SELECT array_union(tags, array(1)) AS a FROM orders",
            "CAST one of them",
        ),
        (
            "SELECT map_contains_key(props, order_id) AS a FROM orders",
            "CAST one of them",
        ),
        (
            "SELECT array_repeat('x', count(*)) AS a FROM orders",
            "argument 2 of `array_repeat` is an INT, not a BIGINT",
        ),
        (
            "SELECT date_sub(DATE'2024-01-01', 1.5D) AS a",
            "argument 2 of `date_sub` is an INT, not a DOUBLE",
        ),
        (
            "SELECT date_add(DATE'2024-01-01', 3000000000) AS a",
            "is an INT",
        ),
    ])
    .await;
    check_job(&[
        (
            "SELECT array_append(array(1L), order_id) AS a FROM orders",
            "[1, 1]\n[1, 2]",
        ),
        (
            "SELECT repeat('x', count(*)) AS a, array('p', 'q')[count(*) - 1] AS b FROM orders",
            "xx|q",
        ),
        (
            "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 2) SELECT repeat('x', n) AS a FROM t",
            "x\nxx",
        ),
    ])
    .await;
}

#[tokio::test]
async fn inner_names_of_with_hide_outer_ones() {
    check_job(&[
        (
            "WITH t AS (SELECT 1 AS a) SELECT * FROM (WITH t AS (SELECT 2 AS a) SELECT t.a FROM t)",
            "2",
        ),
        (
            "WITH t AS (SELECT 1 AS a), u AS (WITH t AS (SELECT a + 1 AS a FROM t) SELECT a FROM t) SELECT u.a AS x, t.a AS y FROM u, t",
            "2|1",
        ),
        (
            "WITH t AS (SELECT 1 AS a) SELECT (WITH t AS (SELECT 5 AS a) SELECT a FROM t) AS x, a FROM t",
            "5|1",
        ),
    ])
    .await;
}
