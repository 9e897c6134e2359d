use std::collections::{BTreeSet, HashSet};

use datafusion::execution::{FunctionRegistry, SessionStateBuilder};
use sqlparser::dialect::DatabricksDialect;
use sqlparser::parser::Parser;

use super::refused::refused_names;
use super::{CHECKED, NAMES};
use crate::syntax::rewritten_call;

/// Names that are syntax and not calls, or calls that only some clauses have.
const SYNTAX: &[&str] = &[
    "and",
    "between",
    "case",
    "cast",
    "date_part",
    "datepart",
    "explode",
    "explode_outer",
    "extract",
    "grouping_id",
    "in",
    "inline",
    "inline_outer",
    "not",
    "or",
    "posexplode",
    "posexplode_outer",
    "range",
    "schema_of_json",
    "session_window",
    "stack",
    "when",
    "window",
    "window_time",
];

/// Whether a call of `name` is rewritten to another function.
fn is_rewritten(name: &str) -> bool {
    ["", "a", "a, b", "'$', a", "a, b, c"]
        .iter()
        .any(|arguments| {
            let text = format!("{name}({arguments})");
            let parsed = Parser::new(&DatabricksDialect {})
                .try_with_sql(&text)
                .and_then(|mut parser| parser.parse_expr());
            let Ok(expr) = parsed else { return false };
            let before = expr.to_string();
            rewritten_call(expr).is_ok_and(|after| after.to_string() != before)
        })
}

fn registered_names() -> HashSet<String> {
    let mut state = SessionStateBuilder::new().with_default_features().build();
    crate::register_functions(&mut state).unwrap();
    let mut names: HashSet<String> = state.udfs();
    names.extend(state.higher_order_function_names());
    names.extend(state.udafs());
    names.extend(state.udwfs());
    names
}

#[test]
fn every_name_of_spark_is_ours_checked_syntax_or_refused() {
    let registered = registered_names();
    let refused: HashSet<&str> = refused_names().collect();
    let mut faults = BTreeSet::new();
    for name in NAMES.lines() {
        let is_known = registered.contains(name) || SYNTAX.contains(&name) || is_rewritten(name);
        match (refused.contains(name), is_known) {
            (true, _) | (false, true) => {}
            (false, false) => drop(faults.insert(format!("{name} is nothing"))),
        }
        if refused.contains(name) && registered.contains(name) {
            faults.insert(format!("{name} is refused and registered"));
        }
    }
    let names: HashSet<&str> = NAMES.lines().collect();
    for name in refused.iter().chain(CHECKED) {
        if !names.contains(name) {
            faults.insert(format!("{name} is no function of Spark"));
        }
    }
    for name in CHECKED {
        if !registered.contains(*name) {
            faults.insert(format!("{name} is not registered"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
