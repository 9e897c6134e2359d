//! Flows that replace a part of their table.

use std::ops::ControlFlow;
use std::rc::Rc;

use sqlparser::ast::{Expr, Spanned as _, Visitor};

use crate::check::column_names::{self, KnownColumns};
use crate::check::references::Reference;
use crate::check::substitute::{self, VariableName, VariableUsage};
use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::job::{Flow, Relation};
use crate::span::Span;
use crate::traversal::visit_nodes;

fn flows(relations: &[Relation]) -> impl Iterator<Item = &Flow> {
    relations.iter().filter_map(|relation| match relation {
        Relation::Flow(flow) => Some(flow),
        _ => None,
    })
}

/// Checks that a flow which replaces rows is the only one of its table, and that its
/// condition reads the table alone.
pub(crate) fn check_parts(relations: &[Relation], diagnostics: &mut Diagnostics) {
    for flow in flows(relations) {
        let Some(part) = &flow.part else {
            continue;
        };
        let other =
            flows(relations).find(|other| other.table == flow.table && !std::ptr::eq(*other, flow));
        if let Some(other) = other {
            diagnostics.push(
                Diagnostic::error(
                    codes::FLOW_REPLACES,
                    format!(
                        "the flow `{}` replaces rows of `{}`, which another flow writes to",
                        flow.flow, flow.table
                    ),
                )
                .with_span(flow.span)
                .with_label(format!(
                    "the flow `{}` is on line {}",
                    other.flow, other.span.start.line
                ))
                .with_help(
                    "write the rows of the other flow to a table of its own, and unite both in a \
                     materialized view; rows that one flow adds and the other has read would be \
                     in the table twice",
                ),
            );
        }
        let mut finder = QueryFinder { found: None };
        let _ = visit_nodes(&part.query, &mut finder);
        if let Some((what, span)) = finder.found {
            diagnostics.push(
                Diagnostic::error(
                    codes::FLOW_REPLACES,
                    format!("the condition of REPLACE WHERE has {what}"),
                )
                .with_span(span.unwrap_or(part.span))
                .with_help(
                    "it names columns of the table, constants, variables and now() only: which \
                     rows are replaced must not depend on other rows",
                ),
            );
        }
    }
}

/// Finds a query or a window in a condition.
struct QueryFinder {
    found: Option<(&'static str, Option<Span>)>,
}

impl Visitor for QueryFinder {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let what = match expr {
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => "a subquery",
            Expr::Function(function) if function.over.is_some() => "a window function",
            _ => return ControlFlow::Continue(()),
        };
        self.found = Some((what, Span::from_sqlparser(expr.span())));
        ControlFlow::Break(())
    }
}

/// What is wrong with a stream in the query of `relation`, as far as rows that are
/// replaced are concerned.
pub(crate) fn stream_error(
    relations: &[Relation],
    relation: &Relation,
    reference: &Reference,
) -> Option<Diagnostic> {
    let error = |message: String, help: &str| {
        Some(
            Diagnostic::error(codes::FLOW_REPLACES, message)
                .with_span(reference.span)
                .with_help(help),
        )
    };
    if let Relation::Flow(flow) = relation
        && flow.part.is_some()
    {
        return error(
            format!("the flow `{}` replaces rows, and reads a stream", flow.flow),
            "leave STREAM out: every run computes the rows of the part from all of its sources",
        );
    }
    let replacing =
        flows(relations).find(|flow| flow.table == reference.name && flow.part.is_some())?;
    error(
        format!(
            "`{}` is no stream: the flow `{}` replaces its rows",
            reference.written, replacing.flow
        ),
        "leave STREAM out, in a materialized view or in a flow that replaces rows, too; or read \
         the stream that the rows come from",
    )
}

/// The variables in the condition of the flow at `index`, which are kept with it;
/// `None` when it has none. The columns of the table are those that it declares and
/// those of the flow's query.
pub(crate) fn find_part_usage(
    relations: &mut [Relation],
    index: usize,
    variables: &[VariableName<'_>],
    known: &KnownColumns,
    diagnostics: &mut Diagnostics,
) -> Option<VariableUsage> {
    let Some(Relation::Flow(flow)) = relations.get(index) else {
        return None;
    };
    let part = flow.part.as_ref()?;
    let mut columns = column_names::output_columns(&flow.query, known);
    let table = relations.iter().find_map(|relation| match relation {
        Relation::Dataset(dataset) if dataset.name == flow.table => Some(dataset),
        _ => None,
    });
    let declared = table.into_iter().flat_map(|table| &table.columns);
    columns.extend(declared.map(|column| column.name.to_lowercase()));
    let known = KnownColumns::from([(flow.table.clone(), Rc::new(columns))]);
    let usage = substitute::find_usage(&part.query, variables, &known, diagnostics);
    if let Some(Relation::Flow(flow)) = relations.get_mut(index)
        && let Some(part) = &mut flow.part
    {
        part.variables = usage.names.iter().cloned().collect();
    }
    Some(usage)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::{Relation, ReplacedPart, parse_job_file};

    const BEFORE: &str = "DECLARE VARIABLE first_day DATE;\n\
        CREATE EXTERNAL TABLE events (day DATE, kind STRING) STORED AS JSON LOCATION 'e';\n";

    /// The condition of the only flow that has one.
    fn part(statements: &str) -> ReplacedPart {
        let file = parse_job_file("job.sql", &format!("{BEFORE}{statements}"));
        let params = BTreeMap::from([("first_day".to_owned(), "2026-01-01".to_owned())]);
        let job = file.unwrap().bind_parameters(&params).unwrap();
        let mut parts = job
            .relations
            .into_iter()
            .filter_map(|relation| match relation {
                Relation::Flow(flow) => flow.part.map(|part| *part),
                _ => None,
            });
        parts.next().unwrap()
    }

    #[test]
    fn every_spelling_has_the_same_condition() {
        let query = "SELECT day, kind FROM events";
        let flow = |head: &str| format!("CREATE STREAMING TABLE t;\n{head} {query}");
        for text in [
            flow("CREATE FLOW f AS INSERT INTO t REPLACE WHERE day >= first_day BY NAME"),
            flow("CREATE FLOW f AS INSERT INTO t BY NAME REPLACE WHERE day >= first_day"),
            flow("CREATE FLOW f AS INSERT INTO t REPLACE WHERE day -- from\n >= first_day"),
            format!("CREATE STREAMING TABLE t FLOW REPLACE WHERE day >= first_day BY NAME {query}"),
            format!(
                "CREATE STREAMING TABLE t FLOW INSERT BY NAME REPLACE WHERE day >= first_day {query}"
            ),
        ] {
            let part = part(&text);
            assert_eq!(part.variables, ["first_day"], "{text}");
            assert!(part.text.starts_with("day "), "{}", part.text);
            let query = part.query.to_string();
            let expected = "SELECT * FROM `t` WHERE day >= ";
            assert!(query.starts_with(expected), "{query}");
            assert!(query.contains("2026-01-01"), "{query}");
        }
    }

    #[test]
    fn a_condition_ends_at_its_query_and_not_at_words_inside_it() {
        for (condition, rest) in [
            ("kind IS DISTINCT FROM 'a'", "BY NAME FROM events"),
            (
                "(kind = 'BY NAME' OR day IS NULL)",
                "BY NAME (SELECT * FROM events)",
            ),
            (
                "kind IN ('a', 'b')",
                "WITH e AS (SELECT * FROM events) SELECT * FROM e",
            ),
            (
                "day BETWEEN first_day AND first_day",
                "BY NAME SELECT * FROM events",
            ),
        ] {
            let text =
                format!("CREATE STREAMING TABLE t FLOW REPLACE WHERE {condition} BY NAME {rest}");
            let text = text.replace("BY NAME BY NAME", "BY NAME");
            assert_eq!(part(&text).text, condition);
        }
    }
}
