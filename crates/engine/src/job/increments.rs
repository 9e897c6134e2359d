//! Which queries can be computed over what is new alone: those whose rows come each from
//! one row of a stream, whatever else the stream had before or will have. A deduplication
//! that keeps the first row of each key is one, too, once the keys of the table are
//! compared ([`super::stream_dedup`]).

use std::ops::ControlFlow;

use datafusion::common::JoinType;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;
use sluice_jobfile::{Diagnostic, Relation, Span, codes, stream_of, visit_nodes};
use sqlparser::ast::{
    Expr, GroupByExpr, Ident, ObjectNamePart, Query, Select, Spanned, TableFactor, Visitor,
};

use super::stream_dedup::{self, DedupProblem};
use crate::dedup::match_dedup;

/// What a query does that its rows do not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Aggregate,
    Distinct,
    Window,
    /// A deduplication that is not one over what is new.
    Dedup(DedupProblem),
    Sort,
    Limit,
    TwoStreams,
    OuterJoin(JoinType),
    MixedUnion,
    Subquery,
    Other,
}

impl Refusal {
    /// The reason, with the words of other engines for it.
    fn describe(self) -> String {
        match self {
            Self::Aggregate => "an aggregation over a stream (AGGREGATE_NOT_SUPPORTED)".to_owned(),
            Self::Distinct => "DISTINCT over a stream (DISTINCT_NOT_SUPPORTED)".to_owned(),
            Self::Window => "a window function over a stream (WINDOW_NOT_SUPPORTED)".to_owned(),
            Self::Dedup(problem) => problem.describe().to_owned(),
            Self::Sort => "ORDER BY over a stream".to_owned(),
            Self::Limit => "LIMIT over a stream".to_owned(),
            Self::TwoStreams => "a join of two streams".to_owned(),
            Self::OuterJoin(kind) => {
                let side = match kind {
                    JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => "right",
                    _ => "left",
                };
                format!(
                    "a stream on the {side} of a {} join",
                    kind.to_string().to_lowercase()
                )
            }
            Self::MixedUnion => {
                "a union of a stream and a relation that is read as a whole".to_owned()
            }
            Self::Subquery => "a stream in a subquery of an expression".to_owned(),
            Self::Other => "an operation over a stream that depends on all of its rows".to_owned(),
        }
    }

    const fn help(self) -> &'static str {
        match self {
            Self::Aggregate | Self::Distinct | Self::Window => {
                "write the stream into a streaming table, and compute this in a materialized view \
                 over that table"
            }
            Self::Dedup(problem) => problem.help(),
            Self::Sort | Self::Limit => {
                "leave it out: rows are added as they arrive; the property 'sluice.sort_by' orders \
                 the rows of each file"
            }
            Self::TwoStreams => {
                "write each stream into a streaming table, and join the tables in a materialized \
                 view; or leave STREAM out of one of them"
            }
            Self::OuterJoin(_) => {
                "rows of the other side would appear in every run: put the stream on the side whose \
                 rows are kept, or use an inner join"
            }
            Self::MixedUnion => {
                "rows of the other side would be added by every run: read it with STREAM, or add \
                 it in a flow of its own, INSERT ONCE"
            }
            Self::Subquery => "join the stream, or leave STREAM out of the subquery",
            Self::Other => "compute it in a materialized view",
        }
    }
}

/// The error of a query that cannot be computed over what is new alone. A query without
/// a stream can.
pub(super) fn refuse_plan(relation: &Relation, plan: &LogicalPlan) -> Option<Diagnostic> {
    let refusal = find_stream(plan, &is_stream).err()?;
    Some(refusal_error(relation, refusal))
}

/// The names of the columns of the flow's plan that are the key of its deduplication;
/// `None` when it has none.
///
/// # Errors
/// When the table would not have the key.
pub(super) fn dedup_keys(
    relation: &Relation,
    plan: &LogicalPlan,
) -> Result<Option<Vec<String>>, Box<Diagnostic>> {
    match find_stream(plan, &is_stream) {
        Ok(StreamRows::Deduplicated) => stream_dedup::find_keys(plan)
            .map(Some)
            .map_err(|problem| Box::new(refusal_error(relation, Refusal::Dedup(problem)))),
        _ => Ok(None),
    }
}

fn refusal_error(relation: &Relation, refusal: Refusal) -> Diagnostic {
    let span = relation
        .query()
        .and_then(|query| find_clause(query, refusal))
        .unwrap_or_else(|| relation.span());
    let title = relation.title();
    Diagnostic::error(
        codes::NOT_INCREMENTAL,
        format!(
            "{title} cannot add rows as they arrive: its query has {}",
            refusal.describe()
        ),
    )
    .with_span(span)
    .with_help(refusal.help())
}

/// What the rows of a plan are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StreamRows {
    /// No stream.
    Whole,
    /// Each comes from a row of a stream.
    New,
    /// As before, one for each key.
    Deduplicated,
}

/// Which tables are streams, by name.
type IsStream<'a> = &'a dyn Fn(&str) -> bool;

/// Whether a table is a stream by the name that it has in plans.
fn is_stream(table: &str) -> bool {
    stream_of(table).is_some()
}

/// Whether each row of the plan comes from one row of tables of which `is_new` says that
/// they have new rows, whatever else these have.
pub(super) fn has_new_rows(plan: &LogicalPlan, is_new: IsStream<'_>) -> bool {
    find_stream(plan, is_new) == Ok(StreamRows::New)
}

/// What the rows of a plan are.
fn find_stream(plan: &LogicalPlan, is_stream: IsStream<'_>) -> Result<StreamRows, Refusal> {
    if has_stream_in_subquery(plan, is_stream) {
        return Err(Refusal::Subquery);
    }
    if let Some(rows) = find_dedup(plan, is_stream)? {
        return Ok(rows);
    }
    let inputs = plan
        .inputs()
        .into_iter()
        .map(|input| find_stream(input, is_stream))
        .collect::<Result<Vec<StreamRows>, _>>()?;
    let are_new: Vec<bool> = inputs
        .iter()
        .map(|rows| *rows != StreamRows::Whole)
        .collect();
    let is_deduplicated = inputs.contains(&StreamRows::Deduplicated);
    let rows = match (is_deduplicated, are_new.contains(&true)) {
        (true, _) => StreamRows::Deduplicated,
        (false, true) => StreamRows::New,
        (false, false) => StreamRows::Whole,
    };
    let unless_stream = |refusal| match rows {
        StreamRows::Whole => Ok(rows),
        _ => Err(refusal),
    };
    // What leaves out or repeats rows must come before a deduplication.
    let unless_deduplicated = |rows| match is_deduplicated {
        true => Err(Refusal::Dedup(DedupProblem::RowsChangeLater)),
        false => Ok(rows),
    };
    match plan {
        LogicalPlan::TableScan(scan) => Ok(match is_stream(scan.table_name.table()) {
            true => StreamRows::New,
            false => StreamRows::Whole,
        }),
        LogicalPlan::Projection(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Repartition(_) => Ok(rows),
        LogicalPlan::Filter(_) | LogicalPlan::Unnest(_) => unless_deduplicated(rows),
        LogicalPlan::Union(_) if rows != StreamRows::Whole && are_new.contains(&false) => {
            Err(Refusal::MixedUnion)
        }
        LogicalPlan::Union(_) => unless_deduplicated(rows),
        LogicalPlan::Join(join) => match are_new.as_slice() {
            [true, true] => Err(Refusal::TwoStreams),
            [true, false] => match join.join_type {
                JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => {
                    unless_deduplicated(rows)
                }
                kind => Err(Refusal::OuterJoin(kind)),
            },
            [false, true] => match join.join_type {
                JoinType::Inner | JoinType::Right | JoinType::RightSemi | JoinType::RightAnti => {
                    unless_deduplicated(rows)
                }
                kind => Err(Refusal::OuterJoin(kind)),
            },
            _ => Ok(rows),
        },
        LogicalPlan::Aggregate(_) => unless_stream(Refusal::Aggregate),
        // The rows that it is for are next to it in the plan.
        LogicalPlan::Distinct(_) if sluice_spark_sql::is_outer_domain(plan) => {
            Ok(StreamRows::Whole)
        }
        LogicalPlan::Distinct(_) => unless_stream(Refusal::Distinct),
        LogicalPlan::Window(_) => unless_stream(Refusal::Window),
        LogicalPlan::Sort(_) => unless_stream(Refusal::Sort),
        LogicalPlan::Limit(_) => unless_stream(Refusal::Limit),
        _ => unless_stream(Refusal::Other),
    }
}

/// The rows of a deduplication of a stream; `None` for any other node.
fn find_dedup(plan: &LogicalPlan, is_stream: IsStream<'_>) -> Result<Option<StreamRows>, Refusal> {
    let Some(found) = match_dedup(plan) else {
        return Ok(None);
    };
    match find_stream(&found.window.input, is_stream)? {
        StreamRows::Whole => return Ok(None),
        StreamRows::New => {}
        StreamRows::Deduplicated => return Err(Refusal::Dedup(DedupProblem::RowsChangeLater)),
    }
    stream_dedup::check_dedup(&found).map_err(Refusal::Dedup)?;
    // The nodes between the condition and the window.
    let mut node = found.filter.input.as_ref();
    while !matches!(node, LogicalPlan::Window(_)) {
        if has_stream_in_subquery(node, is_stream) {
            return Err(Refusal::Subquery);
        }
        match node.inputs().as_slice() {
            [input] => node = *input,
            _ => return Err(Refusal::Window),
        }
    }
    if has_stream_in_subquery(node, is_stream) {
        return Err(Refusal::Subquery);
    }
    Ok(Some(StreamRows::Deduplicated))
}

/// Whether a subquery in the expressions of this node reads a stream.
pub(super) fn has_stream_in_subquery(plan: &LogicalPlan, is_stream: IsStream<'_>) -> bool {
    let mut found = false;
    let walked = plan.apply_subqueries(|subquery| {
        subquery.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                found |= is_stream(scan.table_name.table());
            }
            Ok(TreeNodeRecursion::Continue)
        })
    });
    found || walked.is_err()
}

/// Where a query has what is refused.
fn find_clause(query: &Query, refusal: Refusal) -> Option<Span> {
    let mut finder = ClauseFinder {
        refusal,
        found: None,
    };
    let _ = visit_nodes(query, &mut finder);
    finder.found.and_then(Span::from_sqlparser)
}

/// Finds the first clause of a kind; of streams the last one.
struct ClauseFinder {
    refusal: Refusal,
    found: Option<sqlparser::tokenizer::Span>,
}

impl ClauseFinder {
    fn found(&mut self, span: sqlparser::tokenizer::Span) {
        if self.found.is_none() && Span::from_sqlparser(span).is_some() {
            self.found = Some(span);
        }
    }
}

impl Visitor for ClauseFinder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        match (self.refusal, &query.order_by, &query.limit_clause) {
            (Refusal::Sort, Some(order), _) => self.found(order.span()),
            (Refusal::Limit, _, Some(limit)) => self.found(limit.span()),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let first = select.projection.first();
        match self.refusal {
            Refusal::Aggregate => match &select.group_by {
                GroupByExpr::Expressions(keys, _) if keys.is_empty() => {}
                keys => self.found(keys.span()),
            },
            Refusal::Distinct if select.distinct.is_some() => {
                if let Some(item) = first {
                    self.found(item.span());
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && let Some(name) = function.name.0.first().and_then(ObjectNamePart::as_ident)
        {
            let is_window = function.over.is_some();
            match self.refusal {
                Refusal::Window | Refusal::Dedup(_) if is_window => self.found(name.span),
                // Only where no GROUP BY was found.
                Refusal::Aggregate if !is_window => self.found(name.span),
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let is_about_streams = matches!(
            self.refusal,
            Refusal::TwoStreams | Refusal::OuterJoin(_) | Refusal::MixedUnion | Refusal::Subquery
        );
        if let TableFactor::Table { name, .. } = factor
            && let [ObjectNamePart::Identifier(Ident { value, span, .. })] = name.0.as_slice()
            && is_about_streams
            && stream_of(value).is_some()
        {
            self.found = Some(*span);
        }
        ControlFlow::Continue(())
    }
}
