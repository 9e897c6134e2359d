use sqlparser::ast::Statement;
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::super::{FunctionKind, FunctionKinds, TableColumns};
use super::rewrite_joins;

struct Tables;

impl TableColumns for Tables {
    fn columns_of(&self, name: &str) -> Option<Vec<String>> {
        let columns: &[&str] = match name {
            "a" => &["k", "x"],
            "b" => &["k", "y"],
            "c" => &["k", "x", "z"],
            _ => return None,
        };
        Some(columns.iter().map(|c| (*c).to_owned()).collect())
    }
}

struct Functions;

impl FunctionKinds for Functions {
    fn kind_of(&self, name: &str) -> Option<FunctionKind> {
        (name == "sum").then_some(FunctionKind::Aggregate)
    }
}

/// The query without joins by name, or the first error.
fn rewritten(sql: &str) -> String {
    let mut statements = Parser::parse_sql(&GenericDialect, sql).unwrap();
    let Some(Statement::Query(mut query)) = statements.pop() else {
        panic!("{sql}")
    };
    match rewrite_joins(&mut query, &Tables, &Functions).first() {
        Some(problem) => format!("error: {}", problem.message),
        None => query.to_string(),
    }
}

#[test]
fn keys_stand_for_the_side_that_has_them() {
    for (sql, expected) in [
        (
            "SELECT k, x FROM a JOIN b USING (k) WHERE k = 1",
            "SELECT a.k AS k, x FROM a JOIN b ON a.k = b.k WHERE a.k = 1",
        ),
        (
            "SELECT k FROM a RIGHT JOIN b USING (k)",
            "SELECT b.k AS k FROM a RIGHT JOIN b ON a.k = b.k",
        ),
        (
            "SELECT k + 1 AS n FROM a FULL JOIN b USING (k) GROUP BY k ORDER BY k",
            "SELECT coalesce(a.k, b.k) + 1 AS n FROM a FULL JOIN b ON a.k = b.k \
             GROUP BY coalesce(a.k, b.k) ORDER BY coalesce(a.k, b.k)",
        ),
        (
            "SELECT k, a.k AS ak FROM a FULL JOIN b USING (k) ORDER BY k",
            "SELECT coalesce(a.k, b.k) AS k, a.k AS ak FROM a FULL JOIN b ON a.k = b.k ORDER BY k",
        ),
        (
            "SELECT k FROM a LEFT JOIN b USING (k) LEFT JOIN c USING (k)",
            "SELECT a.k AS k FROM a LEFT JOIN b ON a.k = b.k LEFT JOIN c ON a.k = c.k",
        ),
        (
            "SELECT z FROM a JOIN b USING (k) JOIN c ON k = z",
            "error: column `k` is in more than one of the relations",
        ),
        (
            "SELECT k FROM a WHERE EXISTS (SELECT 1 FROM b WHERE y = k)",
            "SELECT k FROM a WHERE EXISTS (SELECT 1 FROM b WHERE y = k)",
        ),
        (
            "SELECT (SELECT max(y) FROM b WHERE b.k = q.k) AS m FROM a AS q JOIN c USING (k)",
            "SELECT (SELECT max(y) FROM b WHERE b.k = q.k) AS m FROM a AS q JOIN c ON q.k = c.k",
        ),
        (
            "SELECT 1 FROM a JOIN b USING (x)",
            "error: no column `x` on the right side of this join",
        ),
    ] {
        assert_eq!(rewritten(sql), expected, "{sql}");
    }
}

#[test]
fn stars_have_the_keys_once_and_first() {
    for (sql, expected) in [
        (
            "SELECT * FROM a FULL JOIN b USING (k)",
            "SELECT coalesce(a.k, b.k) AS k, a.* EXCEPT (k), b.* EXCEPT (k) FROM a FULL JOIN b ON a.k = b.k",
        ),
        (
            "SELECT * FROM a NATURAL JOIN c",
            "SELECT a.k AS `k`, a.x AS `x`, c.* EXCEPT (`k`, `x`) FROM a JOIN c ON a.`k` = c.`k` AND a.`x` = c.`x`",
        ),
        (
            "SELECT * FROM a NATURAL JOIN (SELECT 1 AS n) q",
            "SELECT * FROM a JOIN (SELECT 1 AS n) q",
        ),
    ] {
        let shown = rewritten(sql)
            .replace("a.`k` AS", "a.k AS")
            .replace("a.`x` AS", "a.x AS");
        assert_eq!(shown, expected, "{sql}");
    }
}
