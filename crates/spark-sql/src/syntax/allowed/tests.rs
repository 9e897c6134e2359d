use sqlparser::ast::{Query, Statement};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::find_unsupported;

fn parse(sql: &str) -> Query {
    let mut statements =
        Parser::parse_sql(&GenericDialect, sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    match statements.pop() {
        Some(Statement::Query(query)) => *query,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_planner_would_ignore_is_refused() {
    for (sql, message) in [
        ("SELECT g FROM t GROUP BY g WITH TOTALS", "WITH TOTALS"),
        ("SELECT g FROM t TABLESAMPLE (10 PERCENT)", "TABLESAMPLE"),
        (
            "SELECT g FROM (SELECT 1 AS g) t TABLESAMPLE (10 PERCENT)",
            "TABLESAMPLE",
        ),
        ("SELECT g FROM t PREWHERE g > 1", "PREWHERE"),
        ("SELECT g FROM t LIMIT 1 BY g", "LIMIT … BY"),
        ("SELECT g FROM t LIMIT 1, 2", "LIMIT with a comma"),
        (
            "SELECT g FROM t FETCH FIRST 5 PERCENT ROWS WITH TIES",
            "FETCH",
        ),
        ("SELECT g FROM t FOR UPDATE", "lock rows"),
        ("SELECT g FROM t SETTINGS a = 1", "SETTINGS"),
        ("SELECT g FROM t FORMAT JSON", "FORMAT"),
        (
            "SELECT g FROM t ORDER BY g WITH FILL FROM 1 TO 2",
            "WITH FILL",
        ),
        ("SELECT g FROM t ORDER BY g INTERPOLATE", "INTERPOLATE"),
        ("SELECT * ILIKE 'a%' FROM t", "ILIKE"),
        ("SELECT * RENAME (a AS b) FROM t", "RENAME"),
        (
            "SELECT g FROM t START WITH a = 1 CONNECT BY PRIOR a = b",
            "CONNECT BY",
        ),
        ("SELECT g INTO x FROM t", "SELECT INTO"),
        ("SELECT g FROM a GLOBAL JOIN b ON a.x = b.x", "GLOBAL"),
        ("SELECT g FROM a CROSS APPLY b", "APPLY"),
        (
            "SELECT g FROM a ASOF JOIN b MATCH_CONDITION (a.x >= b.x) ON a.y = b.y",
            "ASOF",
        ),
        ("SELECT g FROM UNNEST([1]) WITH OFFSET", "WITH OFFSET"),
        (
            "SELECT sum(v) OVER (ORDER BY v GROUPS 1 PRECEDING) FROM t",
            "GROUPS",
        ),
        ("SELECT string_agg(v ORDER BY v LIMIT 1) FROM t", "LIMIT in"),
        ("SELECT any_value(v HAVING MAX w) FROM t", "HAVING in"),
        ("SELECT group_concat(v SEPARATOR ',') FROM t", "SEPARATOR"),
        ("SELECT quantile(0.5)(v) FROM t", "two lists"),
        (
            "SELECT CAST(v AS DATE FORMAT 'YYYY') FROM t",
            "FORMAT in a cast",
        ),
        ("SELECT CAST(v AS UUID) FROM t", "type UUID"),
        ("SELECT v COLLATE de FROM t", "COLLATE"),
        ("SELECT v AT TIME ZONE 'UTC' FROM t", "AT TIME ZONE"),
        ("SELECT v = ANY(ARRAY[1]) FROM t", "ANY"),
        ("SELECT a ^@ b FROM t", "operator ^@"),
        ("SELECT v SIMILAR TO 'a' FROM t", "SIMILAR TO"),
        ("SELECT a[1:2] FROM t", "slice"),
        ("SELECT count(t.*) FROM t", "t.*"),
        ("SELECT $1 FROM t", "parameter marker"),
        ("SELECT E'a' FROM t", "form of a string"),
        ("SELECT 1 UNION BY NAME SELECT 1", "BY NAME"),
        ("SELECT DISTINCT ON (g) g FROM t", "DISTINCT ON"),
        ("SELECT v AS 'a' FROM t", "a text cannot be a name"),
        ("SELECT v 'a' FROM t", "a text cannot be a name"),
        ("SELECT v FROM t AS 'a'", "a text cannot be a name"),
        (
            "SELECT * FROM t WHERE x IN (SELECT g FROM t TABLESAMPLE (1 PERCENT))",
            "TABLESAMPLE",
        ),
        (
            "SELECT CASE WHEN (SELECT max(v) FROM t LIMIT 1 BY v) > 1 THEN 1 END",
            "LIMIT … BY",
        ),
    ] {
        let problems = find_unsupported(&parse(sql));
        let texts: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
        assert!(
            texts.iter().any(|text| text.contains(message)),
            "{sql}: {texts:?}"
        );
    }
}

#[test]
fn queries_of_spark_pass() {
    for sql in [
        "SELECT g, sum(v) FROM t GROUP BY g WITH ROLLUP",
        "SELECT g, sum(v) FILTER (WHERE v > 1) AS s FROM t GROUP BY GROUPING SETS ((g), ())",
        "SELECT * FROM a LEFT SEMI JOIN b USING (k) NATURAL JOIN c",
        "SELECT a.b.c[1], m['k'], x::INT, CAST(y AS DECIMAL(10, 2)) FROM t",
        "SELECT rank() OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT n FROM r LIMIT 5 OFFSET 1",
        "SELECT * FROM t PIVOT (sum(v) FOR g IN ('a', 'b'))",
        "SELECT * EXCEPT (a) FROM t ORDER BY b NULLS LAST",
        "SELECT CASE WHEN x BETWEEN 1 AND 2 THEN 'a' ELSE NULL END, INTERVAL '1 day', DATE '2024-01-01' FROM t",
    ] {
        let problems = find_unsupported(&parse(sql));
        let texts: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
        assert_eq!(texts, Vec::<&str>::new(), "{sql}");
    }
}

#[test]
fn every_refusal_says_what_to_write() {
    for sql in [
        "SELECT g FROM t GROUP BY g WITH TOTALS",
        "SELECT g FROM t FETCH FIRST 5 ROWS ONLY",
        "SELECT v AT TIME ZONE 'UTC' FROM t",
    ] {
        for problem in find_unsupported(&parse(sql)) {
            assert!(problem.help.is_some(), "{sql}");
            assert!(problem.span.is_some(), "{sql}");
        }
    }
}
