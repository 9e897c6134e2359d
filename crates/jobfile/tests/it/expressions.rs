//! How expressions are read: precedence and literals.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use sluice_jobfile::{Diagnostics, parse_job_file, visit_nodes_mut};
use sqlparser::ast::{Expr, Query, VisitorMut};

fn parse(select: &str) -> Result<Query, Diagnostics> {
    let text = format!(
        "CREATE EXTERNAL TABLE s (a INT) STORED AS JSON LOCATION 'x';
         CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT {select} FROM s;"
    );
    let job = parse_job_file("job.sql", &text)?.bind_parameters(&BTreeMap::new())?;
    Ok(job.relations[1].query().unwrap().clone())
}

/// The query with parentheses around every operation, and no others.
fn shape(select: &str) -> String {
    struct Regroup;
    impl VisitorMut for Regroup {
        type Break = ();
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if let Expr::Nested(inner) = expr {
                *expr = (**inner).clone();
            } else if !matches!(expr, Expr::Identifier(_) | Expr::Value(_)) {
                *expr = Expr::Nested(Box::new(expr.clone()));
            }
            ControlFlow::Continue(())
        }
    }
    let mut query = parse(select).unwrap();
    let _ = visit_nodes_mut(&mut query, &mut Regroup);
    query.to_string()
}

#[test]
fn operators_bind_as_in_spark() {
    for (plain, grouped) in [
        ("d->'a'->>'b' = 'x'", "((d->'a')->>'b') = 'x'"),
        ("'x' = d->>'b'", "'x' = (d->>'b')"),
        ("d->>'a' IS NULL", "(d->>'a') IS NULL"),
        (
            "d->>'a' || '-' || d->>'b'",
            "((d->>'a') || '-') || (d->>'b')",
        ),
        ("d->>'a' + 1 * d->>'b'", "(d->>'a') + (1 * (d->>'b'))"),
        ("-d->>'a'", "-(d->>'a')"),
        ("d->>'a'::INT", "(d->>'a')::INT"),
        ("NOT d->>'a' = 'x'", "NOT ((d->>'a') = 'x')"),
        (
            "d->>'a' = 'x' AND d->'b'->>0 > 'y'",
            "((d->>'a') = 'x') AND (((d->'b')->>0) > 'y')",
        ),
        (
            "d->>'a' IN ('x') OR d->>'b' LIKE 'y%'",
            "((d->>'a') IN ('x')) OR ((d->>'b') LIKE 'y%')",
        ),
        (
            "d->>'a' BETWEEN 'b' AND 'c'",
            "(d->>'a') BETWEEN 'b' AND 'c'",
        ),
        ("1 + 2 || 'a'", "(1 + 2) || 'a'"),
        ("a & b << 1 | c ^ d", "(a & (b << 1)) | (c ^ d)"),
        ("1 << 2 + 3", "1 << (2 + 3)"),
        ("!a = b", "!(a = b)"),
        ("a DIV 2 + 1", "(a DIV 2) + 1"),
        ("a = b IS NULL", "(a = b) IS NULL"),
        (
            "a LIKE ANY ('x', 'y') AND b",
            "((a LIKE 'x') OR (a LIKE 'y')) AND b",
        ),
        (
            "a NOT ILIKE ALL ('x', 'y')",
            "(a NOT ILIKE 'x') AND (a NOT ILIKE 'y')",
        ),
    ] {
        assert_eq!(shape(plain), shape(grouped), "{plain}");
    }
}

#[test]
fn lambdas_are_not_json_operators() {
    for (select, lambda) in [
        ("transform(a, x -> x + 1)", true),
        ("transform(a, x -> 0)", true),
        ("aggregate(a, 'z', (s, x) -> 'y', s -> 'k')", true),
        ("filter(f(a, b), x -> 'y')", true),
        ("coalesce(a, x -> 'y')", false),
        ("transform(f(a, x -> 'y'), b)", false),
    ] {
        let text = format!("{:?}", parse(select).unwrap());
        assert_eq!(text.contains("Lambda("), lambda, "{select}");
        assert_eq!(text.contains("op: Arrow"), !lambda, "{select}");
    }
}

#[test]
fn literals_are_those_of_spark() {
    for (written, read) in [
        (r#""it's""#, "'it''s'"),
        (r"'it\'s'", "'it''s'"),
        (r"r'\d+\'", r"'\d+\'"),
        (r#"R"a\n""#, r"'a\n'"),
        ("'a' 'b' \"c\"", "'abc'"),
        ("2.5D", "CAST('2.5' AS DOUBLE)"),
        ("-2s", "CAST('-2' AS SMALLINT)"),
        ("1e3F", "CAST('1e3' AS FLOAT)"),
        ("12.50BD", "CAST('12.50' AS DECIMAL(4,2))"),
        ("-128Y", "CAST('-128' AS TINYINT)"),
        ("INTERVAL 1 YEAR 2 MONTHS", "INTERVAL '1 YEAR 2 MONTH'"),
        ("INTERVAL '1-2' YEAR TO MONTH", "INTERVAL '1 YEAR 2 MONTH'"),
        (
            "INTERVAL -'1 02:03:04.5' DAY TO SECOND",
            "INTERVAL '-1 DAY -02 HOUR -03 MINUTE -04.5 SECOND'",
        ),
        ("INTERVAL '1 day'", "INTERVAL '1 day'"),
        ("X'1F'", "X'1F'"),
    ] {
        let query = parse(written).unwrap();
        assert_eq!(
            query.to_string(),
            format!("SELECT {read} FROM s"),
            "{written}"
        );
    }
}

#[test]
fn a_number_is_not_followed_by_its_alias_without_a_space() {
    let error = parse("1x").unwrap_err().render_snippets("", false);
    assert!(
        error.contains("`1x` is neither a number nor a name"),
        "{error}"
    );
}
