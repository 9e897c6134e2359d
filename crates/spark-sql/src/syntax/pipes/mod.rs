//! `FROM t |> WHERE … |> SELECT …` as nested SELECTs.
//!
//! Each operator works on the rows of those before it. As long as a SELECT has only FROM
//! and WHERE, operators are added to it, so that `AS`, `JOIN` and `WHERE` keep the
//! names of their relations; otherwise it becomes a subquery of the next one.

mod aggregates;
mod rows;

use std::ops::ControlFlow;

use sluice_jobfile::{Diagnostic, visit_nodes_mut};
use sqlparser::ast::{
    AssignmentTarget, BinaryOperator, ExceptSelectItem, Expr, ExprWithAlias,
    ExprWithAliasAndOrderBy, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, LimitClause,
    Offset, OffsetRows, OrderBy, OrderByKind, PipeOperator, Query, ReplaceSelectElement,
    ReplaceSelectItem, SelectItem, SetExpr, SetOperator, SetQuantifier, Spanned, TableFactor,
    Value, VisitorMut, WildcardAdditionalOptions,
};

use self::aggregates::find_misplaced_aggregate;
use self::rows::{PipedQuery, derived, empty_body, plain_alias, star};
use super::generators::{as_factor, query_of, without_joins};
use super::samples::{SampledRows, sampled_rows};
use super::{FunctionKinds, error_at};

/// Rewrites the pipe operators of all queries in `query`.
pub(super) fn lower_pipes(query: &mut Query, functions: &dyn FunctionKinds) -> Vec<Diagnostic> {
    let mut lowering = PipeLowering {
        functions,
        problems: Vec::new(),
    };
    let _ = visit_nodes_mut(query, &mut lowering);
    lowering.problems
}

struct PipeLowering<'a> {
    functions: &'a dyn FunctionKinds,
    problems: Vec<Diagnostic>,
}

impl VisitorMut for PipeLowering<'_> {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if query.pipe_operators.is_empty() {
            return ControlFlow::Continue(());
        }
        let with = query.with.take();
        let operators = std::mem::take(&mut query.pipe_operators);
        let mut piped = PipedQuery::begin(std::mem::replace(query, query_of(empty_body())));
        for (at, operator) in operators.iter().enumerate() {
            if let Some(place) = find_misplaced_aggregate(operator, self.functions) {
                self.problems.push(
                    error_at("an aggregate in this pipe operator has no groups", place)
                        .with_help("write |> AGGREGATE sum(x) AS total GROUP BY key"),
                );
            }
            if loses_order(operator)
                && piped.order_by.take().is_some()
                && let Some(limit) = reads_order(operators.get(at..).unwrap_or_default())
            {
                self.problems.push(
                    error_at(
                        "this |> LIMIT takes rows whose order is lost before it",
                        limit.span(),
                    )
                    .with_help("write |> ORDER BY … directly before |> LIMIT"),
                );
            }
            self.apply(&mut piped, operator.clone());
        }
        *query = piped.into_query();
        query.with = with;
        ControlFlow::Continue(())
    }
}

/// Whether the rows after `operator` have no order, or one that the subquery which they
/// come from does not give on.
fn loses_order(operator: &PipeOperator) -> bool {
    !matches!(
        operator,
        PipeOperator::Where { .. } | PipeOperator::OrderBy { .. } | PipeOperator::Limit { .. }
    )
}

/// The LIMIT among `operators` that takes the first rows of an order from before them.
fn reads_order(operators: &[PipeOperator]) -> Option<&Expr> {
    let next = operators.iter().find(|operator| {
        matches!(
            operator,
            PipeOperator::OrderBy { .. }
                | PipeOperator::Limit { .. }
                | PipeOperator::Aggregate { .. }
                | PipeOperator::Join(_)
        )
    });
    match next {
        Some(PipeOperator::Limit { expr, .. }) => Some(expr),
        _ => None,
    }
}

impl PipeLowering<'_> {
    fn apply(&mut self, piped: &mut PipedQuery, operator: PipeOperator) {
        match operator {
            PipeOperator::Where { expr } => {
                piped.open();
                let expr = Expr::Nested(Box::new(expr));
                piped.select.selection = Some(match piped.select.selection.take() {
                    None => expr,
                    Some(before) => Expr::BinaryOp {
                        left: Box::new(before),
                        op: BinaryOperator::And,
                        right: Box::new(expr),
                    },
                });
            }
            PipeOperator::OrderBy { exprs } => {
                piped.open();
                piped.order_by = Some(OrderBy {
                    kind: OrderByKind::Expressions(exprs),
                    interpolate: None,
                });
            }
            PipeOperator::Limit { expr, offset } => {
                if piped.limit.is_some() {
                    piped.wrap(None);
                }
                piped.limit = Some(LimitClause::LimitOffset {
                    limit: Some(expr),
                    offset: offset.map(|value| Offset {
                        value,
                        rows: OffsetRows::None,
                    }),
                    limit_by: Vec::new(),
                });
            }
            PipeOperator::Select { exprs } => piped.set_projection(exprs),
            PipeOperator::Extend { exprs } => {
                let mut projection = star(WildcardAdditionalOptions::default());
                projection.extend(exprs);
                piped.set_projection(projection);
            }
            PipeOperator::Set { assignments } => {
                // A later assignment sees the values of those before it.
                for assignment in assignments {
                    if let AssignmentTarget::ColumnName(name) = assignment.target
                        && let Some(column) = name.0.last().and_then(|part| part.as_ident())
                    {
                        piped.set_projection(star(replacing(column.clone(), assignment.value)));
                    }
                }
            }
            PipeOperator::Drop { columns } => {
                let mut columns = columns.into_iter();
                let except = columns.next().map(|first_element| ExceptSelectItem {
                    first_element,
                    additional_elements: columns.collect(),
                });
                piped.set_projection(star(WildcardAdditionalOptions {
                    opt_except: except,
                    ..WildcardAdditionalOptions::default()
                }));
            }
            PipeOperator::As { alias } => name_rows(piped, alias),
            PipeOperator::Aggregate {
                full_table_exprs,
                group_by_expr,
            } => self.aggregate(piped, full_table_exprs, group_by_expr),
            PipeOperator::Join(join) => self.join(piped, join),
            PipeOperator::Union {
                set_quantifier,
                queries,
            } => combine(piped, SetOperator::Union, set_quantifier, queries),
            PipeOperator::Intersect {
                set_quantifier,
                queries,
            } => combine(piped, SetOperator::Intersect, set_quantifier, queries),
            PipeOperator::Except {
                set_quantifier,
                queries,
            } => combine(piped, SetOperator::Except, set_quantifier, queries),
            PipeOperator::Pivot {
                aggregate_functions,
                value_column,
                value_source,
                alias,
            } => {
                let rows = take_rows(piped);
                let column = match value_column.as_slice() {
                    [name] => Expr::Identifier(name.clone()),
                    _ => Expr::CompoundIdentifier(value_column),
                };
                piped.select.from = vec![without_joins(TableFactor::Pivot {
                    table: Box::new(rows.into_factor()),
                    aggregate_functions,
                    value_column: vec![column],
                    value_source,
                    default_on_null: None,
                    alias: alias.map(plain_alias),
                })];
            }
            PipeOperator::Unpivot {
                value_column,
                name_column,
                unpivot_columns,
                alias,
            } => {
                let rows = take_rows(piped);
                piped.select.from = vec![without_joins(TableFactor::Unpivot {
                    table: Box::new(rows.into_factor()),
                    value: Expr::Identifier(value_column),
                    name: name_column,
                    columns: unpivot_columns
                        .into_iter()
                        .map(|column| ExprWithAlias {
                            expr: Expr::Identifier(column),
                            alias: None,
                        })
                        .collect(),
                    null_inclusion: None,
                    alias: alias.map(plain_alias),
                })];
            }
            PipeOperator::TableSample { sample } => {
                if let Some(SampledRows::First(expr)) = sampled_rows(&sample) {
                    let limit = PipeOperator::Limit {
                        expr: *expr,
                        offset: None,
                    };
                    self.apply(piped, limit);
                }
            }
            // Refused before.
            PipeOperator::Rename { .. } | PipeOperator::Call { .. } => {}
        }
    }

    fn aggregate(
        &mut self,
        piped: &mut PipedQuery,
        aggregates: Vec<ExprWithAliasAndOrderBy>,
        keys: Vec<ExprWithAliasAndOrderBy>,
    ) {
        piped.open();
        let item = |named: ExprWithAlias| match named.alias {
            Some(alias) => SelectItem::ExprWithAlias {
                expr: named.expr,
                alias,
            },
            None => SelectItem::UnnamedExpr(named.expr),
        };
        let mut group = Vec::with_capacity(keys.len());
        let mut projection = Vec::with_capacity(keys.len() + aggregates.len());
        for key in keys {
            if let Expr::Value(value) = &key.expr.expr
                && matches!(value.value, Value::Number(..))
            {
                self.problems.push(
                    error_at("a number does not name a column in AGGREGATE", value.span)
                        .with_help("write the column's name"),
                );
            }
            group.push(key.expr.expr.clone());
            projection.push(item(key.expr));
        }
        projection.extend(aggregates.into_iter().map(|aggregate| item(aggregate.expr)));
        piped.select.group_by = GroupByExpr::Expressions(group, Vec::new());
        piped.select.projection = projection;
        piped.is_open = false;
    }

    fn join(&mut self, piped: &mut PipedQuery, join: Join) {
        piped.open();
        if piped.select.selection.is_some() && !keeps_left_rows(&join.join_operator) {
            if piped.only_name().is_none() {
                self.problems.push(
                    error_at(
                        "this join comes after |> WHERE over several relations",
                        join.relation.span(),
                    )
                    .with_help("name the rows before it: |> AS name"),
                );
            }
            piped.wrap(None);
        }
        let mut tables = std::mem::take(&mut piped.select.from).into_iter();
        let Some(mut first) = tables.next() else {
            return;
        };
        for table in tables {
            first.joins.push(Join {
                relation: as_factor(table),
                global: false,
                join_operator: JoinOperator::CrossJoin(JoinConstraint::None),
            });
        }
        first.joins.push(join);
        piped.select.from = vec![first];
    }
}

/// Whether a condition on the left side's rows means the same before and after a join.
fn keeps_left_rows(operator: &JoinOperator) -> bool {
    !matches!(
        operator,
        JoinOperator::Right(_)
            | JoinOperator::RightOuter(_)
            | JoinOperator::RightSemi(_)
            | JoinOperator::RightAnti(_)
            | JoinOperator::FullOuter(_)
    )
}

/// `* REPLACE (value AS column)`.
fn replacing(column: Ident, value: Expr) -> WildcardAdditionalOptions {
    WildcardAdditionalOptions {
        opt_replace: Some(ReplaceSelectItem {
            items: vec![Box::new(ReplaceSelectElement {
                expr: value,
                column_name: column,
                as_keyword: true,
            })],
        }),
        ..WildcardAdditionalOptions::default()
    }
}

fn name_rows(piped: &mut PipedQuery, name: Ident) {
    let plain = piped.is_open && piped.select.selection.is_none() && piped.limit.is_none();
    if plain
        && let [table] = piped.select.from.as_mut_slice()
        && table.joins.is_empty()
        && let TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } =
            &mut table.relation
        && alias.as_ref().is_none_or(|alias| alias.columns.is_empty())
    {
        *alias = Some(plain_alias(name));
        return;
    }
    piped.wrap(Some(name));
}

fn take_rows(piped: &mut PipedQuery) -> PipedQuery {
    std::mem::replace(piped, PipedQuery::reading(Vec::new()))
}

fn combine(
    piped: &mut PipedQuery,
    op: SetOperator,
    set_quantifier: SetQuantifier,
    queries: Vec<Query>,
) {
    let mut body = SetExpr::Query(Box::new(take_rows(piped).into_query()));
    for query in queries {
        body = SetExpr::SetOperation {
            op,
            set_quantifier,
            left: Box::new(body),
            right: Box::new(SetExpr::Query(Box::new(query))),
        };
    }
    piped.select.from = vec![without_joins(derived(query_of(body), None))];
}
