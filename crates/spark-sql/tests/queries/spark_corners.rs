//! Corners of functions and clauses that data engineers meet. The values are Spark's.

use super::job::{check_job, check_job_errors};

#[tokio::test]
async fn arrays_and_maps_have_one_type_of_values() {
    check_job(&[
        (
            "SELECT typeof(array(1.0D, 2.50)) AS a, CAST(array(1.0D, 2.50) AS STRING) AS b",
            "array<double>|[1.0, 2.5]",
        ),
        (
            "SELECT typeof(array(1, '2')) AS a, typeof(map('a', 1, 'b', 2.5D)) AS b",
            "array<bigint>|map<string,double>",
        ),
        (
            "SELECT typeof(array(DATE'2024-01-01', TIMESTAMP'2024-01-01 10:00:00')) AS a",
            "array<timestamp>",
        ),
        (
            "SELECT concat(array(1), array('2')) AS a, typeof(map_concat(map('a', 1), map('b', '2'))) AS b",
            "[1, 2]|map<string,bigint>",
        ),
        (
            "SELECT typeof(coalesce(NULL, array(1), array('2'))) AS a, typeof(array(array(1.5), array(2D))) AS b",
            "array<bigint>|array<array<double>>",
        ),
        (
            "SELECT typeof(a) AS t, a FROM (SELECT array(1) AS a UNION ALL SELECT array('2'))",
            "array<bigint>|[1]\narray<bigint>|[2]",
        ),
        (
            "SELECT typeof(if(true, named_struct('x', 1, 'y', 'a'), named_struct('x', '2', 'y', 'b'))) AS a",
            "struct<x:bigint,y:string>",
        ),
    ])
    .await;
    check_job_errors(&[
        ("SELECT array(1, name) AS a FROM emp", "'Ann'"),
        (
            "SELECT concat(array(1), array(name)) AS a FROM emp",
            "'Ann'",
        ),
        (
            "SELECT map_concat(map('a', 1), map('b', name)) AS a FROM emp",
            "'Ann'",
        ),
    ])
    .await;
}

#[tokio::test]
async fn texts_that_do_not_fit() {
    check_job(&[
        (
            "SELECT hex(unhex('F')) AS a, unhex('GG') AS b, elt(2, 'x', NULL) AS c",
            "0F|NULL|NULL",
        ),
        (
            "SELECT regexp_extract_all('xyz', '\\\\d') AS a, regexp_extract('xyz', '\\\\d', 1) AS b",
            "[]|",
        ),
        (
            "SELECT CAST(0.0 AS BOOLEAN) AS a, CAST(-0.5 AS BOOLEAN) AS b",
            "false|true",
        ),
    ])
    .await;
    check_job_errors(&[
        ("SELECT elt(3, 'x', 'y') AS a", "elt has no text 3"),
        ("SELECT elt(0, 'x', 'y') AS a", "elt has no text 0"),
        ("SELECT regexp_extract('abc', '(a)', 2) AS a", "no group 2"),
        ("SELECT 'a' LIKE 'a\\\\' AS a", "the backslash of a pattern"),
        (
            "SELECT 'ab' LIKE 'a\\\\b' AS a",
            "the backslash of a pattern",
        ),
    ])
    .await;
}

#[tokio::test]
async fn constants_that_name_a_time() {
    check_job(&[
        (
            "SELECT DATE'epoch' AS a, CAST(' Epoch ' AS TIMESTAMP) AS b",
            "1970-01-01|1970-01-01T00:00:00Z",
        ),
        (
            "SELECT DATE'today' = current_date() AS a, datediff(DATE'tomorrow', DATE'yesterday') AS b, TIMESTAMP'now' = now() AS c",
            "true|2|true",
        ),
    ])
    .await;
    check_job_errors(&[(
        "SELECT CAST(concat(name, '') AS DATE) AS a FROM emp",
        "'Ann'",
    )])
    .await;
}

#[tokio::test]
async fn sums_of_times_that_may_fail() {
    check_job(&[(
        "SELECT try_add(DATE'2024-01-31', 1) AS a, try_add(TIMESTAMP'2024-01-01 00:00:00', INTERVAL 1 DAY) AS b, try_subtract(DATE'2024-01-31', INTERVAL 1 MONTH) AS c",
        "2024-02-01|2024-01-02T00:00:00Z|2023-12-31",
    )])
    .await;
}

#[tokio::test]
async fn samples_without_chance() {
    check_job(&[
        ("SELECT count(*) AS n FROM emp TABLESAMPLE (3 ROWS)", "3"),
        (
            "SELECT count(emp.id) AS n FROM emp TABLESAMPLE (100 PERCENT) WHERE emp.id > 1",
            "3",
        ),
        (
            "FROM emp |> TABLESAMPLE (2 ROWS) |> AGGREGATE count(*) AS n",
            "2",
        ),
        (
            "FROM emp |> TABLESAMPLE (100 PERCENT) |> AGGREGATE count(*) AS n",
            "4",
        ),
    ])
    .await;
    check_job_errors(&[(
        "SELECT count(*) AS n FROM emp TABLESAMPLE (50 PERCENT)",
        "TABLESAMPLE is not supported",
    )])
    .await;
}

#[tokio::test]
async fn fields_of_columns_of_the_outer_query() {
    check_job(&[
        (
            "SELECT o.order_id FROM orders o WHERE EXISTS (SELECT 1 FROM emp e WHERE e.id = 1 AND o.address.city = 'Rome')",
            "1",
        ),
        (
            "SELECT order_id FROM orders WHERE EXISTS (SELECT 1 FROM emp e WHERE e.id = order_id AND address.geo.lat > 50)",
            "2",
        ),
    ])
    .await;
}

#[tokio::test]
async fn lines_of_csv() {
    check_job(&[
        (
            "SELECT from_csv('1,abc', 'a INT, b STRING').b AS a, from_csv('x', 'a INT, b STRING') IS NULL AS b, from_csv('2;b', 'a INT, b STRING', map('sep', ';')).a AS c, from_csv('26/08/2015', 'd DATE', map('dateFormat', 'dd/MM/yyyy')).d AS e",
            "abc|false|2|2015-08-26",
        ),
        (
            "SELECT to_csv(named_struct('a', 1, 'b', 'x,y', 'c', NULL, 'd', DATE'2015-08-26')) AS a, to_csv(named_struct('t', TIMESTAMP'2015-08-26 10:00:00'), map('timestampFormat', 'dd/MM/yyyy')) AS b",
            "1,\"x,y\",,2015-08-26|26/08/2015",
        ),
    ])
    .await;
    check_job_errors(&[
        (
            "SELECT from_csv('x', 'a INT', map('mode', 'FAILFAST')) AS a",
            "MALFORMED_RECORD_IN_PARSING",
        ),
        (
            "SELECT from_json('{\"a\":\"x\"}', 'a INT', map('mode', 'FAILFAST')) AS a",
            "MALFORMED_RECORD_IN_PARSING",
        ),
    ])
    .await;
}

#[tokio::test]
async fn groups_and_windows() {
    check_job(&[
        (
            "SELECT dept, count(*) AS n FROM emp WHERE id > 99 GROUP BY ROLLUP (dept)",
            "",
        ),
        (
            "SELECT dept, count(*) AS n FROM emp WHERE id < 3 GROUP BY ROLLUP (dept) HAVING count(*) > 1 OR dept IS NULL",
            "NULL|2\neng|2",
        ),
        (
            "SELECT dept FROM emp GROUP BY dept HAVING avg(salary) > (SELECT avg(salary) FROM emp)",
            "eng",
        ),
        (
            "SELECT dept, max(salary) AS salary FROM emp GROUP BY dept HAVING salary > 95",
            "eng|120",
        ),
        (
            "SELECT id, any_value(name) OVER (PARTITION BY dept ORDER BY id) AS a FROM emp WHERE dept = 'eng'",
            "1|Ann\n2|Ann",
        ),
        (
            "SELECT approx_count_distinct(bonus) AS a, approx_count_distinct(salary > 90) AS b, listagg(name, NULL) WITHIN GROUP (ORDER BY name) AS c FROM emp WHERE id < 4",
            "2|2|AnnBobCat",
        ),
        (
            "SELECT typeof(a) AS t FROM (SELECT 1 AS a UNION ALL SELECT 2.5 UNION ALL SELECT 3D)",
            "double\ndouble\ndouble",
        ),
    ])
    .await;
    check_job_errors(&[
        (
            "SELECT rank() OVER (PARTITION BY dept) AS a FROM emp",
            "needs an order",
        ),
        (
            "SELECT e.id FROM dept d RIGHT SEMI JOIN emp e ON d.dept = e.dept",
            "RIGHT SEMI",
        ),
        (
            "SELECT order_id FROM orders ORDER BY props",
            "maps have no order",
        ),
        (
            "SELECT props = props AS a FROM orders",
            "maps cannot be compared",
        ),
        ("SELECT typeof(INTERVAL 1 DAY) AS a", "units of an interval"),
    ])
    .await;
}

#[tokio::test]
async fn records_of_json() {
    check_job(&[
        (
            "SELECT from_json('[{\"x\":1}]', 'x INT').x AS a, from_json('{\"a\":1} x', 'a INT').a AS b",
            "NULL|1",
        ),
        (
            "SELECT r.a, r._corrupt_record AS c FROM (SELECT explode(array(from_json('{\"a\":\"x\"}', 'a INT, _corrupt_record STRING'), from_json('{\"a\":1}', 'a INT, _corrupt_record STRING'))) AS r)",
            "NULL|{\"a\":\"x\"}\n1|NULL",
        ),
    ])
    .await;
}

#[tokio::test]
async fn values_that_are_read_as_texts() {
    check_job(&[
        (
            "SELECT 123 LIKE '1%' AS a, DATE'2024-01-01' LIKE '2024%' AS b, 1.5 NOT LIKE '%.5' AS c",
            "true|true|false",
        ),
        (
            "SELECT CAST(array(struct(1)) AS ARRAY<STRUCT<v: STRING>>)[0].v AS a, date_format(TIMESTAMP'2024-01-01 00:00:00', 'VV') AS b",
            "1|UTC",
        ),
    ])
    .await;
}

#[tokio::test]
async fn whole_numbers_next_to_floats_keep_their_digits() {
    check_job(&[
        (
            "SELECT bigint(coalesce(b, f)) AS a, typeof(coalesce(b, f)) AS t, bigint(if(true, b, f)) AS c, bigint(array(b, f)[0]) AS d, bigint(greatest(b, f)) AS e \
             FROM (SELECT 123456789 AS b, 1.5F AS f)",
            "123456789|double|123456789|123456789|123456789",
        ),
        (
            "SELECT bigint(x) AS x FROM (SELECT 123456789 AS x UNION ALL SELECT 1.5F)",
            "1\n123456789",
        ),
        (
            "SELECT typeof(coalesce(1.5F, 2.5F)) AS a, typeof(coalesce(1.5F, 0)) AS b",
            "float|double",
        ),
    ])
    .await;
}

#[tokio::test]
async fn numbers_become_the_int_of_an_argument() {
    check_job(&[
        (
            "SELECT repeat('x', 2L) AS a, substring('hello', 2L, 3L) AS b, left('abc', 2.7) AS c, repeat('x', '2') AS d, slice(array(1, 2, 3), 2L, 1L) AS e",
            "xx|ell|ab|xx|[2]",
        ),
        (
            "SELECT add_months(DATE'2024-01-31', 1L) AS a, make_date(2024L, 1L, 2L) AS b, regexp_extract('ab', '(a)', 1L) AS c, get(array(7), 0L) AS d",
            "2024-02-29|2024-01-02|a|7",
        ),
    ])
    .await;
    check_job_errors(&[
        ("SELECT repeat('x', 3000000000) AS a", "3000000000"),
        (
            "SELECT element_at(array(1, 2), 1L) AS a",
            "argument 2 of `element_at` is an INT, not a BIGINT",
        ),
        (
            "SELECT greatest(1, '2') AS a",
            "`greatest` cannot compare values of the types STRING and INT",
        ),
        (
            "SELECT least(DATE'2024-01-01', '2023-01-01') AS a",
            "CAST one of them",
        ),
        (
            "SELECT count(DISTINCT *) AS n FROM emp",
            "DISTINCT * is not supported",
        ),
    ])
    .await;
}

#[tokio::test]
async fn maps_are_grouped_by_their_entries() {
    check_job(&[
        (
            "SELECT CAST(m AS STRING) AS m, count(*) AS n FROM VALUES (map('a', 1, 'b', 2)), (map('b', 2, 'a', 1)), (map('a', 2)), (NULL) AS t(m) GROUP BY m",
            "NULL|1\n{a -> 1, b -> 2}|2\n{a -> 2}|1",
        ),
        (
            "SELECT orders.props['b'] AS b, order_id % 1 AS k, sum(order_id) AS s FROM orders GROUP BY orders.props, order_id % 1 HAVING size(props) = 2",
            "2|0|3",
        ),
    ])
    .await;
}

#[tokio::test]
async fn several_generators_combine_their_rows() {
    check_job(&[
        (
            "SELECT explode(array(1, 2)) AS a, explode(array('x', 'y')) AS b, id FROM wide WHERE id = 1",
            "1|x|1\n1|y|1\n2|x|1\n2|y|1",
        ),
        (
            "SELECT order_id, posexplode(tags) AS (p, t), explode_outer(CAST(array() AS ARRAY<INT>)) AS e FROM orders WHERE order_id = 1",
            "1|0|x|NULL\n1|1|y|NULL",
        ),
        (
            "SELECT id, explode(array(1)) AS a, explode(CAST(array() AS ARRAY<INT>)) AS b FROM wide",
            "",
        ),
    ])
    .await;
    check_job_errors(&[(
        "SELECT explode(collect_list(id)) AS a, explode(array(1, 2)) AS b FROM emp",
        "over groups can hold one function that makes rows",
    )])
    .await;
}

#[tokio::test]
async fn intervals_are_added_up() {
    let times = "(SELECT TIMESTAMP'2024-01-01' AS a, TIMESTAMP'2024-01-02 00:00:20' AS b, DATE'2024-01-31' AS d UNION ALL \
                 SELECT TIMESTAMP'2024-01-01', TIMESTAMP'2024-01-01', DATE'2024-01-02' UNION ALL \
                 SELECT TIMESTAMP'2024-01-01', TIMESTAMP'2024-01-01', NULL)";
    check_job(&[
        (
            &format!("SELECT CAST(sum(b - a) AS STRING) AS s, CAST(avg(b - a) AS STRING) AS m, CAST(max(b - a) AS STRING) AS g FROM {times}"),
            "INTERVAL '1 00:00:20' DAY TO SECOND|INTERVAL '0 08:00:06.666667' DAY TO SECOND|INTERVAL '1 00:00:20' DAY TO SECOND",
        ),
        (
            &format!("SELECT CAST(sum(d - DATE'2024-01-01') AS STRING) AS s, CAST(avg(d - DATE'2024-01-01') AS STRING) AS m, extract(DAY FROM sum(b - a)) AS e FROM {times}"),
            "INTERVAL '31' DAY|INTERVAL '15 12:00:00' DAY TO SECOND|1",
        ),
        (
            &format!("SELECT sum(b - a) IS NULL AS s, count(*) AS n FROM {times} WHERE d > DATE'2030-01-01'"),
            "true|0",
        ),
    ])
    .await;
}

#[tokio::test]
async fn fields_may_be_called_like_functions_without_brackets() {
    check_job(&[
        (
            "SELECT j.user.age + 1 AS a, j.user.name AS n, k.current_date AS d FROM (SELECT from_json('{\"user\": {\"age\": 3, \"name\": \"x\"}}', 'user STRUCT<age: INT, name: STRING>') AS j, named_struct('current_date', 5) AS k)",
            "4|x|5",
        ),
        (
            "SELECT q.j.user AS u FROM (SELECT named_struct('user', 7) AS j) q",
            "7",
        ),
    ])
    .await;
}

#[tokio::test]
async fn defaults_of_rows_and_modes() {
    check_job(&[
        (
            "SELECT id, lag(salary, 1, id) OVER (ORDER BY id) AS a, lead(dept, 1, name) OVER (ORDER BY id) AS b FROM emp",
            "1|1|eng\n2|120|ops\n3|100|NULL\n4|80|Dan",
        ),
        (
            "SELECT mode() WITHIN GROUP (ORDER BY x) AS m, -'5' AS n FROM VALUES (2), (1), (2), (1), (3) AS t(x)",
            "1|-5.0",
        ),
    ])
    .await;
}
