//! Where the values of an outer query are read from.
//!
//! They are read twice: once for the subquery, and once with the rows of the outer
//! query. A value that only the second reading has would find no row of the subquery,
//! silently. So what is read for the subquery gives the same values whenever it is
//! read, or more of them: a `LIMIT`, and other parts of the outer query that may give
//! other rows, are left out as long as the values come from below them. Joins are left
//! out for their costs.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, Result};
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::utils::{merge_schema, split_conjunction};
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Distinct, Expr, ExprSchemable, FetchType, Filter, Limit, LogicalPlan,
    Operator, SkipType, WindowFrameUnits, WindowFunctionDefinition,
};

use super::outer_values::{lateral_subquery, outer_column};
use crate::plan_expressions::{compares, group_columns};

/// Aggregates whose results do not depend on the order of the rows, unless they add
/// floats.
const ORDERLESS: &[&str] = &[
    "count",
    "sum",
    "min",
    "max",
    "bool_and",
    "bool_or",
    "first_two",
];

/// Window functions that give rows with the same order the same number.
const PEERS_ALIKE: &[&str] = &["rank", "dense_rank", "percent_rank", "cume_dist"];

/// Rows that have all values of some expressions that an outer query has.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) plan: Arc<LogicalPlan>,
    pub(super) values: Vec<Expr>,
    /// Conditions of what was left out above; they hold for all rows that matter.
    pub(super) conditions: Vec<Expr>,
}

/// What `outer` can be replaced by to read `values` for `subquery`, if it can be read
/// twice.
pub(super) fn find_source(
    outer: Arc<LogicalPlan>,
    values: Vec<Expr>,
    subquery: &LogicalPlan,
) -> Result<Option<Source>> {
    let source = Source {
        plan: outer,
        values,
        conditions: Vec::new(),
    };
    // What fails for a value that no row of the outer query has would fail the query.
    if !only_compares(subquery)? && is_repeatable(&source.plan)? {
        return Ok(Some(source));
    }
    source.narrow()
}

/// Whether a subquery does nothing with values of the outer query that can fail.
fn only_compares(subquery: &LogicalPlan) -> Result<bool> {
    let mut is_safe = true;
    subquery.apply(|node| {
        let schema = merge_schema(&node.inputs());
        node.apply_expressions(|expr| {
            is_safe &= !expr.contains_outer() || compares_outer(expr, &schema);
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(is_safe)
}

fn compares_outer(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::And | Operator::Or,
            right,
        }) => compares_outer(left, schema) && compares_outer(right, schema),
        Expr::Not(expr) => compares_outer(expr, schema),
        Expr::Alias(alias) => compares_outer(&alias.expr, schema),
        expr => is_simple(expr, schema) || is_operand(expr),
    }
}

impl Source {
    fn narrow(self) -> Result<Option<Self>> {
        if let Some(below) = self.descend()? {
            let input = Arc::clone(&below.plan);
            let found = below.narrow()?;
            // A condition is worth its costs where nothing else is left out.
            let stays = matches!(&found, Some(found) if Arc::ptr_eq(&found.plan, &input));
            let is_filter = matches!(self.plan.as_ref(), LogicalPlan::Filter(_));
            let keeps_filter = is_filter && stays && is_repeatable(&self.plan)?;
            return Ok(if keeps_filter { Some(self) } else { found });
        }
        Ok(is_repeatable(&self.plan)?.then_some(self))
    }

    /// The input of the plan's top node that has the values, or more of them.
    fn descend(&self) -> Result<Option<Self>> {
        match self.plan.as_ref() {
            LogicalPlan::SubqueryAlias(alias) => {
                let below = alias.input.schema().columns().into_iter().map(Expr::Column);
                self.replace_columns(&alias.input, &below.collect::<Vec<_>>())
            }
            LogicalPlan::Projection(projection) => {
                self.replace_columns(&projection.input, &projection.expr)
            }
            LogicalPlan::Aggregate(aggregate) if !has_grouping_sets(aggregate) => {
                let groups: Vec<Expr> = group_columns(aggregate).into_iter().cloned().collect();
                self.replace_columns(&aggregate.input, &groups)
            }
            LogicalPlan::Sort(sort) => Ok(Some(self.over(&sort.input))),
            LogicalPlan::Distinct(Distinct::All(input)) => Ok(Some(self.over(input))),
            LogicalPlan::Window(window) => {
                let schema = window.input.schema();
                Ok(self.reads_only(schema).then(|| self.over(&window.input)))
            }
            LogicalPlan::Limit(limit) if self.reads_paths() => Ok(Some(self.over(&limit.input))),
            LogicalPlan::Filter(filter) if self.reads_paths() => {
                let mut below = self.over(&filter.input);
                below.conditions.extend(simple_conditions(filter));
                Ok(Some(below))
            }
            LogicalPlan::Join(join) if self.reads_paths() => {
                let keeps_left = matches!(
                    join.join_type,
                    JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti
                );
                let keeps_right = matches!(
                    join.join_type,
                    JoinType::Inner | JoinType::Right | JoinType::RightSemi | JoinType::RightAnti
                ) && lateral_subquery(&join.right).is_none();
                for (side, is_kept) in [(&join.left, keeps_left), (&join.right, keeps_right)] {
                    if is_kept && self.reads_only(side.schema()) {
                        return Ok(Some(self.over(side)));
                    }
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// The same values of an input with the same columns.
    fn over(&self, input: &Arc<LogicalPlan>) -> Self {
        let schema = input.schema();
        let conditions = self.conditions.iter();
        Self {
            plan: Arc::clone(input),
            values: self.values.clone(),
            conditions: conditions
                .filter(|condition| has_columns_of(condition, schema))
                .cloned()
                .collect(),
        }
    }

    /// The values over an input, where the plan's first columns are `exprs` of it.
    fn replace_columns(&self, input: &Arc<LogicalPlan>, exprs: &[Expr]) -> Result<Option<Self>> {
        let schema = self.plan.schema();
        let mut values = Vec::with_capacity(self.values.len());
        for value in &self.values {
            match replace_columns(value, schema, exprs)? {
                Some(value) => values.push(value),
                None => return Ok(None),
            }
        }
        let mut conditions = Vec::new();
        for condition in &self.conditions {
            // One over a computed value might fail for a row that was left out.
            let replaced = replace_columns(condition, schema, exprs)?;
            conditions.extend(replaced.filter(|replaced| is_simple(replaced, input.schema())));
        }
        Ok(Some(Self {
            plan: Arc::clone(input),
            values,
            conditions,
        }))
    }

    fn reads_only(&self, schema: &DFSchema) -> bool {
        let mut values = self.values.iter();
        values.all(|value| has_columns_of(value, schema))
    }

    /// Whether the values are columns or fields of them, which can be read of any row.
    fn reads_paths(&self) -> bool {
        self.values.iter().all(is_path)
    }
}

fn is_path(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) => true,
        Expr::ScalarFunction(call) if call.name() == "get_field" => {
            call.args.first().is_some_and(is_path)
        }
        _ => false,
    }
}

fn has_columns_of(expr: &Expr, schema: &DFSchema) -> bool {
    let columns = expr.column_refs();
    let mut columns = columns.iter();
    columns.all(|column| schema.maybe_index_of_column(column).is_some())
}

/// `value` over the input of a node whose first columns are `exprs`.
fn replace_columns(value: &Expr, schema: &DFSchema, exprs: &[Expr]) -> Result<Option<Expr>> {
    let mut is_known = true;
    let replaced = value.clone().transform_up(|expr| {
        let Expr::Column(column) = &expr else {
            return Ok(Transformed::no(expr));
        };
        let below = column_expr(column, schema, exprs).filter(is_plain);
        match below {
            Some(below) => Ok(Transformed::yes(below)),
            None => {
                is_known = false;
                Ok(Transformed::no(expr))
            }
        }
    })?;
    Ok(is_known.then_some(replaced.data))
}

fn column_expr(column: &Column, schema: &DFSchema, exprs: &[Expr]) -> Option<Expr> {
    let at = schema.maybe_index_of_column(column)?;
    exprs.get(at).map(|expr| expr.clone().unalias())
}

/// Whether an expression can be evaluated elsewhere.
fn is_plain(expr: &Expr) -> bool {
    let has_other = expr.exists(|expr| {
        Ok(expr.is_volatile_node()
            || matches!(
                expr,
                Expr::ScalarSubquery(_)
                    | Expr::Exists(_)
                    | Expr::InSubquery(_)
                    | Expr::AggregateFunction(_)
                    | Expr::WindowFunction(_)
            ))
    });
    !has_other.unwrap_or(true)
}

fn simple_conditions(filter: &Filter) -> Vec<Expr> {
    split_conjunction(&filter.predicate)
        .into_iter()
        .filter(|condition| is_simple(condition, filter.input.schema()))
        .cloned()
        .collect()
}

/// Whether a condition fails for no row: it compares columns and constants of one
/// type.
pub(super) fn is_simple(condition: &Expr, schema: &DFSchema) -> bool {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => {
            let types = (left.get_type(schema), right.get_type(schema));
            is_operand(left)
                && is_operand(right)
                && matches!(types, (Ok(left), Ok(right)) if is_comparable(&left, &right))
        }
        Expr::IsNull(expr) | Expr::IsNotNull(expr) => is_operand(expr),
        _ => false,
    }
}

fn is_operand(expr: &Expr) -> bool {
    let is_known = matches!(expr, Expr::Column(_) | Expr::Literal(..));
    is_known || outer_column(expr).is_some()
}

fn is_comparable(left: &DataType, right: &DataType) -> bool {
    left == right || (left.is_integer() && right.is_integer())
}

fn has_grouping_sets(aggregate: &Aggregate) -> bool {
    let mut groups = aggregate.group_expr.iter();
    groups.any(|group| matches!(group, Expr::GroupingSet(_)))
}

/// Whether a plan gives the same rows whenever it is read, in any number of tasks.
fn is_repeatable(plan: &LogicalPlan) -> Result<bool> {
    let mut repeats = true;
    plan.apply_with_subqueries(|node| {
        repeats &= node_repeats(node)?;
        Ok(if repeats {
            TreeNodeRecursion::Continue
        } else {
            TreeNodeRecursion::Stop
        })
    })?;
    Ok(repeats)
}

fn node_repeats(node: &LogicalPlan) -> Result<bool> {
    let mut is_stable = true;
    node.apply_expressions(|expr| {
        is_stable &= !expr.is_volatile();
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(is_stable
        && match node {
            LogicalPlan::Limit(limit) => keeps_all_rows(limit)?,
            LogicalPlan::Sort(sort) => sort.fetch.is_none(),
            LogicalPlan::Aggregate(aggregate) => aggregate
                .aggr_expr
                .iter()
                .all(|expr| aggregate_repeats(expr, aggregate.input.schema())),
            LogicalPlan::Window(window) => window
                .window_expr
                .iter()
                .all(|expr| window_repeats(expr, window.input.schema())),
            LogicalPlan::Distinct(Distinct::On(_))
            | LogicalPlan::RecursiveQuery(_)
            | LogicalPlan::Extension(_) => false,
            _ => true,
        })
}

fn keeps_all_rows(limit: &Limit) -> Result<bool> {
    Ok(matches!(
        (limit.get_skip_type()?, limit.get_fetch_type()?),
        (SkipType::Literal(0), FetchType::Literal(None))
    ))
}

fn aggregate_repeats(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::Alias(alias) => aggregate_repeats(&alias.expr, schema),
        Expr::AggregateFunction(AggregateFunction { func, params }) => {
            is_orderless(func.name(), &params.args, schema)
        }
        _ => false,
    }
}

fn window_repeats(expr: &Expr, schema: &DFSchema) -> bool {
    let window = match expr {
        Expr::Alias(alias) => return window_repeats(&alias.expr, schema),
        Expr::WindowFunction(window) => window,
        _ => return false,
    };
    let WindowFunction { fun, params } = window.as_ref();
    match fun {
        WindowFunctionDefinition::WindowUDF(function) => PEERS_ALIKE.contains(&function.name()),
        WindowFunctionDefinition::AggregateUDF(function) => {
            let frame = &params.window_frame;
            let counts_rows = frame.units == WindowFrameUnits::Rows
                && !(frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded());
            !counts_rows && is_orderless(function.name(), &params.args, schema)
        }
    }
}

fn is_orderless(function: &str, args: &[Expr], schema: &DFSchema) -> bool {
    let mut types = args.iter().map(|arg| arg.get_type(schema));
    let adds_floats = function == "sum"
        && !types.all(|data_type| data_type.is_ok_and(|data_type| !data_type.is_floating()));
    ORDERLESS.contains(&function) && !adds_floats
}
