//! Estimates of logical plans, from the tables up.

use datafusion::common::{DFSchema, JoinType, ScalarValue};
use datafusion::logical_expr::logical_plan::{
    Aggregate, Distinct, FetchType, Join, Limit, Projection, Union, Unnest,
};
use datafusion::logical_expr::{Expr, LogicalPlan};

use sluice_spark_sql::group_columns;

use super::{ColumnEstimate, PlanEstimate, TableStatistics, estimate_selectivity};

/// The assumed number of elements of an array.
const ARRAY_LENGTH: f64 = 4.0;
/// The assumed number of rows of a group, where nothing is known of the keys.
const GROUP_ROWS: f64 = 10.0;

/// What is expected of the rows of `plan`.
pub(crate) fn estimate_plan(plan: &LogicalPlan, tables: &TableStatistics) -> PlanEstimate {
    let mut estimate = estimate_node(plan, tables);
    estimate
        .columns
        .resize(plan.schema().fields().len(), ColumnEstimate::default());
    estimate.rows = estimate.rows.map(|rows| rows.max(1.0));
    estimate.base_rows = match (estimate.base_rows, estimate.rows) {
        (Some(base), Some(rows)) => Some(base.max(rows)),
        (None, rows) => rows,
        (base, None) => base,
    };
    estimate
}

fn estimate_node(plan: &LogicalPlan, tables: &TableStatistics) -> PlanEstimate {
    match plan {
        LogicalPlan::TableScan(scan) => tables.estimate_scan(scan),
        LogicalPlan::Filter(filter) => {
            let input = estimate_plan(&filter.input, tables);
            let schema = filter.input.schema();
            let share = estimate_selectivity(&filter.predicate, schema, &input.columns);
            PlanEstimate {
                rows: input.rows.map(|rows| rows * share),
                ..input
            }
        }
        LogicalPlan::Projection(projection) => estimate_projection(projection, tables),
        LogicalPlan::SubqueryAlias(alias) => estimate_plan(&alias.input, tables),
        LogicalPlan::Repartition(node) => estimate_plan(&node.input, tables),
        LogicalPlan::Subquery(node) => estimate_plan(&node.subquery, tables),
        LogicalPlan::Window(node) => estimate_plan(&node.input, tables),
        LogicalPlan::Sort(node) => {
            let input = estimate_plan(&node.input, tables);
            limit_rows(input, node.fetch)
        }
        LogicalPlan::Limit(node) => {
            limit_rows(estimate_plan(&node.input, tables), literal_fetch(node))
        }
        LogicalPlan::Join(join) => estimate_join(join, tables),
        LogicalPlan::Aggregate(aggregate) => estimate_aggregate(aggregate, tables),
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let input = estimate_plan(input, tables);
            let keys: Vec<ColumnEstimate> = input.columns.clone();
            let rows = estimate_groups(&keys, input.rows);
            new_estimate(rows, input.columns)
        }
        LogicalPlan::Distinct(Distinct::On(node)) => {
            let input = estimate_plan(&node.input, tables);
            let keys = expr_columns(&node.on_expr, node.input.schema(), &input.columns);
            new_estimate(estimate_groups(&keys, input.rows), Vec::new())
        }
        LogicalPlan::Union(union) => estimate_union(union, tables),
        LogicalPlan::Unnest(unnest) => estimate_unnest(unnest, tables),
        LogicalPlan::Values(values) => new_estimate(Some(values.values.len() as f64), Vec::new()),
        LogicalPlan::EmptyRelation(_) => new_estimate(Some(1.0), Vec::new()),
        _ => PlanEstimate::default(),
    }
}

fn new_estimate(rows: Option<f64>, columns: Vec<ColumnEstimate>) -> PlanEstimate {
    PlanEstimate {
        rows,
        base_rows: rows,
        columns,
    }
}

fn literal_fetch(limit: &Limit) -> Option<usize> {
    match limit.get_fetch_type() {
        Ok(FetchType::Literal(fetch)) => fetch,
        _ => None,
    }
}

fn limit_rows(input: PlanEstimate, fetch: Option<usize>) -> PlanEstimate {
    let Some(fetch) = fetch else {
        return input;
    };
    let fetch = fetch as f64;
    let rows = input.rows.map_or(fetch, |rows| rows.min(fetch));
    new_estimate(Some(rows), input.columns)
}

fn estimate_projection(projection: &Projection, tables: &TableStatistics) -> PlanEstimate {
    let input = estimate_plan(&projection.input, tables);
    let columns = expr_columns(&projection.expr, projection.input.schema(), &input.columns);
    PlanEstimate { columns, ..input }
}

/// What is known of the values of expressions.
fn expr_columns(
    exprs: &[Expr],
    schema: &DFSchema,
    columns: &[ColumnEstimate],
) -> Vec<ColumnEstimate> {
    exprs
        .iter()
        .map(|expr| expr_column(expr, schema, columns))
        .collect()
}

fn expr_column(expr: &Expr, schema: &DFSchema, columns: &[ColumnEstimate]) -> ColumnEstimate {
    match expr {
        Expr::Alias(alias) => expr_column(&alias.expr, schema, columns),
        Expr::Column(column) => schema
            .maybe_index_of_column(column)
            .and_then(|index| columns.get(index).copied())
            .unwrap_or_default(),
        Expr::Literal(..) => ColumnEstimate {
            distinct: Some(1.0),
            ..ColumnEstimate::default()
        },
        // A function of one column has at most as many values as the column.
        other => {
            let references = other.column_refs();
            let mut references = references.into_iter();
            match (references.next(), references.next()) {
                (Some(column), None) if !other.is_volatile() => ColumnEstimate {
                    distinct: expr_column(&Expr::Column(column.clone()), schema, columns).distinct,
                    ..ColumnEstimate::default()
                },
                _ => ColumnEstimate::default(),
            }
        }
    }
}

/// The number of groups by `keys` of an input of `rows`.
fn estimate_groups(keys: &[ColumnEstimate], rows: Option<f64>) -> Option<f64> {
    if keys.is_empty() {
        return Some(1.0);
    }
    let rows = rows?;
    let mut groups = 1.0;
    let mut is_known = true;
    for key in keys {
        match key.distinct {
            Some(distinct) => groups *= distinct,
            None => is_known = false,
        }
    }
    let groups = if is_known {
        groups
    } else {
        groups.max(rows / GROUP_ROWS)
    };
    Some(groups.min(rows))
}

fn estimate_aggregate(aggregate: &Aggregate, tables: &TableStatistics) -> PlanEstimate {
    let input = estimate_plan(&aggregate.input, tables);
    let schema = aggregate.input.schema();
    let groups: Vec<Expr> = group_columns(aggregate).into_iter().cloned().collect();
    let keys = expr_columns(&groups, schema, &input.columns);
    let rows = estimate_groups(&keys, input.rows);
    // A grouping set is one expression for several columns.
    let columns = if aggregate
        .group_expr
        .iter()
        .any(|expr| matches!(expr, Expr::GroupingSet(_)))
    {
        Vec::new()
    } else {
        keys
    };
    new_estimate(rows, columns)
}

fn estimate_union(union: &Union, tables: &TableStatistics) -> PlanEstimate {
    let inputs: Vec<PlanEstimate> = union
        .inputs
        .iter()
        .map(|input| estimate_plan(input, tables))
        .collect();
    let rows = inputs.iter().map(|input| input.rows).sum::<Option<f64>>();
    let columns = (0..union.schema.fields().len())
        .map(|index| {
            let branches = || inputs.iter().map(|input| input.columns.get(index));
            let distinct = branches()
                .map(|column| column?.distinct)
                .reduce(|left, right| Some(left?.max(right?)));
            let bounds = branches()
                .map(|column| column?.bounds)
                .reduce(|left, right| {
                    let (left, right) = (left?, right?);
                    Some((left.0.min(right.0), left.1.max(right.1)))
                });
            ColumnEstimate {
                distinct: distinct.flatten(),
                bounds: bounds.flatten(),
                null_share: None,
            }
        })
        .collect();
    new_estimate(rows, columns)
}

fn estimate_unnest(unnest: &Unnest, tables: &TableStatistics) -> PlanEstimate {
    let input = estimate_plan(&unnest.input, tables);
    let columns = unnest
        .dependency_indices
        .iter()
        .map(|index| {
            let is_kept = !unnest.list_type_columns.iter().any(|(at, _)| at == index)
                && !unnest.struct_type_columns.contains(index);
            let column = input.columns.get(*index).copied().filter(|_| is_kept);
            column.unwrap_or_default()
        })
        .collect();
    let factor = if unnest.list_type_columns.is_empty() {
        1.0
    } else {
        ARRAY_LENGTH
    };
    new_estimate(input.rows.map(|rows| rows * factor), columns)
}

fn estimate_join(join: &Join, tables: &TableStatistics) -> PlanEstimate {
    let left = estimate_plan(&join.left, tables);
    let right = estimate_plan(&join.right, tables);
    let matches = estimate_matches(join, &left, &right);
    let pairs = left.rows.zip(right.rows);
    let rows = match join.join_type {
        JoinType::Inner => pairs.map(|(left, right)| left * right * matches),
        JoinType::Left => pairs.map(|(left, right)| left * (right * matches).max(1.0)),
        JoinType::Right => pairs.map(|(left, right)| right * (left * matches).max(1.0)),
        JoinType::Full => pairs.map(|(left, right)| (left * right * matches).max(left + right)),
        JoinType::LeftSemi => pairs.map(|(left, right)| left * (right * matches).min(1.0)),
        JoinType::RightSemi => pairs.map(|(left, right)| right * (left * matches).min(1.0)),
        JoinType::LeftAnti => pairs.map(|(left, right)| left * anti_share(right * matches)),
        JoinType::RightAnti => pairs.map(|(left, right)| right * anti_share(left * matches)),
        JoinType::LeftMark => left.rows,
        JoinType::RightMark => right.rows,
    };
    let columns = match join.join_type {
        JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => left.columns,
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => right.columns,
        _ => left.columns.into_iter().chain(right.columns).collect(),
    };
    new_estimate(rows, columns)
}

/// The share of rows that an anti join keeps when each has this many matches on
/// average.
pub(crate) fn anti_share(matches: f64) -> f64 {
    (1.0 - matches.min(1.0)).max(0.1)
}

/// The share of all pairs of rows that fulfil the condition of a join.
pub(crate) fn estimate_matches(join: &Join, left: &PlanEstimate, right: &PlanEstimate) -> f64 {
    let base_rows = |side: &PlanEstimate| side.base_rows.unwrap_or(f64::MAX);
    let (mut left_keys, mut right_keys) = (1.0, 1.0);
    for (left_key, right_key) in &join.on {
        let left_key = expr_column(left_key, join.left.schema(), &left.columns).distinct;
        let right_key = expr_column(right_key, join.right.schema(), &right.columns).distinct;
        let (left_key, right_key) = match (left_key, right_key) {
            (None, None) => {
                let rows = base_rows(left).min(base_rows(right));
                (rows, rows)
            }
            (left_key, right_key) => (left_key.unwrap_or(1.0), right_key.unwrap_or(1.0)),
        };
        left_keys *= left_key;
        right_keys *= right_key;
    }
    let keys = f64::max(
        left_keys.min(base_rows(left)),
        right_keys.min(base_rows(right)),
    );
    let filter = match &join.filter {
        Some(Expr::Literal(ScalarValue::Boolean(Some(true)), _)) | None => 1.0,
        Some(filter) => {
            let columns: Vec<ColumnEstimate> =
                left.columns.iter().chain(&right.columns).copied().collect();
            match join.left.schema().join(join.right.schema()) {
                Ok(schema) => estimate_selectivity(filter, &schema, &columns),
                Err(_) => 1.0,
            }
        }
    };
    filter / keys.max(1.0)
}
