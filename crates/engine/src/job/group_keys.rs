//! Which columns of a query divide its rows into groups, each of which depends on rows of
//! the same group alone.
//!
//! Of such a query only those groups change that new rows belong to. It has parts whose
//! rows come each from one row of a table with new rows, and above them only what keeps
//! groups apart: aggregates and windows over at least these columns, joins that compare
//! them, and what is done with each row. A key is followed from the columns of the query
//! down to each of these parts, where it is an expression.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::JoinType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::logical_plan::{Join, Union};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Distinct, Expr, LogicalPlan, Operator, Projection, Window,
};

use sluice_spark_sql::group_columns;

use super::increments;

/// Columns that divide the rows of a query into groups.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GroupKeys {
    /// The positions of the columns in the query.
    pub(super) columns: Vec<usize>,
    /// Of each part whose rows come from new ones, in the order of the plan, the values
    /// of these columns.
    pub(super) parts: Vec<Vec<Expr>>,
}

/// Why the rows of a query are not divided into groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Undivided {
    Subquery,
    GroupingSets,
    Limit,
    FullJoin,
    NullAwareJoin,
    /// No column of the query is a key of all of its groups.
    NoKey,
    Other,
}

impl Undivided {
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Subquery => "a streaming table in a subquery of an expression",
            Self::GroupingSets => "groups of several sets of keys",
            Self::Limit => "LIMIT or DISTINCT ON",
            Self::FullJoin => "a full join of streaming tables",
            Self::NullAwareJoin => "NOT IN a streaming table",
            Self::NoKey => {
                "no column that is a key of all its groups, windows and joins, as it is, and not \
                 a floating point number"
            }
            Self::Other => "an operation that depends on all rows",
        }
    }
}

/// Which tables have new rows, by name.
type IsNew<'a> = &'a dyn Fn(&str) -> bool;

/// The columns that divide the rows of a query into groups.
///
/// # Errors
/// When there are none.
pub(super) fn find_group_keys(
    plan: &LogicalPlan,
    is_new: IsNew<'_>,
) -> Result<GroupKeys, Undivided> {
    let traced = trace_keys(plan, is_new)?.ok_or(Undivided::Other)?;
    let mut keys = GroupKeys {
        columns: Vec::new(),
        parts: vec![Vec::new(); traced.parts],
    };
    for (index, values) in traced.columns.into_iter().enumerate() {
        let field = plan.schema().field(index);
        let Some(values) = values.filter(|_| is_key_type(field.data_type())) else {
            continue;
        };
        // The same key under another name says nothing more.
        let is_known = (0..keys.columns.len()).any(|known| {
            let of_parts = keys.parts.iter().zip(&values);
            of_parts
                .into_iter()
                .all(|(part, value)| part.get(known) == Some(value))
        });
        if is_known {
            continue;
        }
        keys.columns.push(index);
        for (part, value) in keys.parts.iter_mut().zip(values) {
            part.push(value);
        }
    }
    match keys.columns.is_empty() {
        true => Err(Undivided::NoKey),
        false => Ok(keys),
    }
}

/// Whether rows of this plan come each from one row of a table with new rows, so that
/// keys are followed down to it.
pub(super) fn is_part(plan: &LogicalPlan, is_new: IsNew<'_>) -> bool {
    increments::has_new_rows(plan, is_new)
}

/// Types whose stored values are the same groups: those of floating point numbers are
/// equal in more than one way.
fn is_key_type(data_type: &DataType) -> bool {
    !data_type.is_nested() && !data_type.is_floating() && *data_type != DataType::Null
}

/// What the columns of a plan are in each of its parts; `None` for one that is no key.
struct TracedKeys {
    columns: Vec<Option<Vec<Expr>>>,
    parts: usize,
}

impl TracedKeys {
    /// The same parts, whose columns are these of before.
    fn select(&self, columns: impl Iterator<Item = Option<usize>>) -> Self {
        let known = |index: usize| self.columns.get(index).cloned().flatten();
        Self {
            columns: columns.map(|index| index.and_then(known)).collect(),
            parts: self.parts,
        }
    }
}

/// What the columns of a plan are; `None` when it reads no table with new rows.
fn trace_keys(plan: &LogicalPlan, is_new: IsNew<'_>) -> Result<Option<TracedKeys>, Undivided> {
    if !reads_new(plan, is_new) {
        return Ok(None);
    }
    if is_part(plan, is_new) {
        let columns = plan.schema().columns().into_iter();
        return Ok(Some(TracedKeys {
            columns: columns
                .map(|column| Some(vec![Expr::Column(column)]))
                .collect(),
            parts: 1,
        }));
    }
    if increments::has_stream_in_subquery(plan, is_new) {
        return Err(Undivided::Subquery);
    }
    if sluice_spark_sql::is_outer_domain(plan) {
        return Err(Undivided::Other);
    }
    let input_keys = |input: &LogicalPlan| trace_keys(input, is_new)?.ok_or(Undivided::Other);
    let traced = match plan {
        LogicalPlan::SubqueryAlias(node) => input_keys(&node.input)?,
        LogicalPlan::Filter(node) => input_keys(&node.input)?,
        LogicalPlan::Sort(node) if node.fetch.is_none() => input_keys(&node.input)?,
        LogicalPlan::Distinct(Distinct::All(input)) => input_keys(input)?,
        LogicalPlan::Projection(node) => trace_projection(node, &input_keys(&node.input)?),
        LogicalPlan::Aggregate(node) => {
            let of_part = is_part(&node.input, is_new);
            trace_aggregate(node, &input_keys(&node.input)?, of_part)?
        }
        LogicalPlan::Window(node) => trace_window(node, &input_keys(&node.input)?),
        LogicalPlan::Join(node) => {
            let left = trace_keys(&node.left, is_new)?;
            let right = trace_keys(&node.right, is_new)?;
            trace_join(node, left.as_ref(), right.as_ref())?
        }
        LogicalPlan::Union(node) => trace_union(node, is_new)?,
        LogicalPlan::Limit(_) | LogicalPlan::Sort(_) | LogicalPlan::Distinct(_) => {
            return Err(Undivided::Limit);
        }
        _ => return Err(Undivided::Other),
    };
    Ok(Some(traced))
}

/// Whether a plan reads a table with new rows, subqueries included.
pub(super) fn reads_new(plan: &LogicalPlan, is_new: IsNew<'_>) -> bool {
    let mut found = false;
    let walked = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            found |= is_new(scan.table_name.table());
        }
        Ok(match found {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    });
    found || walked.is_err()
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        expr => expr,
    }
}

/// The position in `plan` of an expression that is a column of it.
fn column_index(expr: &Expr, plan: &LogicalPlan) -> Option<usize> {
    match unaliased(expr) {
        Expr::Column(column) => plan.schema().maybe_index_of_column(column),
        _ => None,
    }
}

fn trace_projection(node: &Projection, input: &TracedKeys) -> TracedKeys {
    let columns = node.expr.iter();
    input.select(columns.map(|expr| column_index(expr, &node.input)))
}

/// Groups with the same values of some of their keys are computed from rows with these
/// values. `of_part`: the keys are computed of rows of a part, so they may be any
/// expressions of these; those of other rows could fail for rows that a filter removes.
fn trace_aggregate(
    node: &Aggregate,
    input: &TracedKeys,
    of_part: bool,
) -> Result<TracedKeys, Undivided> {
    let has_sets = |expr: &Expr| matches!(unaliased(expr), Expr::GroupingSet(_));
    if node.group_expr.iter().any(has_sets) {
        return Err(Undivided::GroupingSets);
    }
    let keys = group_columns(node).into_iter().map(|expr| match of_part {
        true => (!has_subquery(expr)).then(|| vec![unaliased(expr).clone()]),
        false => {
            let index = column_index(expr, &node.input)?;
            input.columns.get(index).cloned().flatten()
        }
    });
    let others = node.aggr_expr.iter().map(|_| None);
    Ok(TracedKeys {
        columns: keys.chain(others).collect(),
        parts: input.parts,
    })
}

fn has_subquery(expr: &Expr) -> bool {
    let found = expr.exists(|part| {
        Ok(matches!(
            part,
            Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
        ))
    });
    found.unwrap_or(true)
}

/// A column is a key of windows that are all divided by it.
fn trace_window(node: &Window, input: &TracedKeys) -> TracedKeys {
    let is_divided = |expr: &Expr, index: usize| match unaliased(expr) {
        Expr::WindowFunction(window) => {
            let mut keys = window.params.partition_by.iter();
            keys.any(|key| column_index(key, &node.input) == Some(index))
        }
        _ => false,
    };
    let columns = (0..node.schema.fields().len()).map(|index| {
        let is_input = index < node.input.schema().fields().len();
        let mut windows = node.window_expr.iter();
        (is_input && windows.all(|expr| is_divided(expr, index))).then_some(index)
    });
    input.select(columns)
}

/// A column is a key of a join when rows of one side with this value meet only rows of
/// the other with the same, or when the other side has nothing new.
fn trace_join(
    node: &Join,
    left: Option<&TracedKeys>,
    right: Option<&TracedKeys>,
) -> Result<TracedKeys, Undivided> {
    if node.null_aware && right.is_some() {
        return Err(Undivided::NullAwareJoin);
    }
    let pairs = find_equal_columns(node);
    let key_of = |keys: Option<&TracedKeys>, index: Option<usize>| -> Option<Vec<Expr>> {
        keys?.columns.get(index?).cloned().flatten()
    };
    let of_left = |index: usize| {
        let mut partners = pairs.iter().filter(|(left, _)| *left == index);
        match (left, right) {
            (Some(_), None) => key_of(left, Some(index)),
            (None, _) => partners.find_map(|(_, partner)| key_of(right, Some(*partner))),
            (Some(_), Some(_)) => {
                let mut values = key_of(left, Some(index))?;
                values.extend(partners.find_map(|(_, partner)| key_of(right, Some(*partner)))?);
                Some(values)
            }
        }
    };
    let of_right = |index: usize| {
        let mut partners = pairs.iter().filter(|(_, right)| *right == index);
        match (left, right) {
            (None, Some(_)) => key_of(right, Some(index)),
            (_, None) => partners.find_map(|(partner, _)| key_of(left, Some(*partner))),
            (Some(_), Some(_)) => {
                let mut values = partners.find_map(|(partner, _)| key_of(left, Some(*partner)))?;
                values.extend(key_of(right, Some(index))?);
                Some(values)
            }
        }
    };
    let lefts = || (0..node.left.schema().fields().len()).map(of_left);
    let rights = || (0..node.right.schema().fields().len()).map(of_right);
    let nulls = |plan: &LogicalPlan| vec![None; plan.schema().fields().len()];
    let columns: Vec<Option<Vec<Expr>>> = match node.join_type {
        JoinType::Inner => lefts().chain(rights()).collect(),
        // Columns of the other side are NULL where no row of it is met.
        JoinType::Left => lefts().chain(nulls(&node.right)).collect(),
        JoinType::Right => nulls(&node.left).into_iter().chain(rights()).collect(),
        JoinType::LeftSemi | JoinType::LeftAnti => lefts().collect(),
        JoinType::RightSemi | JoinType::RightAnti => rights().collect(),
        JoinType::Full => return Err(Undivided::FullJoin),
        _ => return Err(Undivided::Other),
    };
    let parts = [left, right].into_iter().flatten();
    Ok(TracedKeys {
        columns,
        parts: parts.map(|keys| keys.parts).sum(),
    })
}

/// The columns of both sides that a join requires to be equal, by their positions.
fn find_equal_columns(node: &Join) -> Vec<(usize, usize)> {
    let equal = |a: &Expr, b: &Expr| {
        let left = column_index(a, &node.left)?;
        let right = column_index(b, &node.right)?;
        let (left_field, right_field) = (
            node.left.schema().field(left),
            node.right.schema().field(right),
        );
        (left_field.data_type() == right_field.data_type()).then_some((left, right))
    };
    let on = node.on.iter().filter_map(|(a, b)| equal(a, b));
    let conditions = node.filter.iter().flat_map(split_conjunction);
    let conditions = conditions.filter_map(|condition| match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if *op == Operator::Eq => {
            equal(left, right).or_else(|| equal(right, left))
        }
        _ => None,
    });
    on.chain(conditions).collect()
}

/// A column is a key of a union when it is one of each input with new rows. Rows of other
/// inputs do not change.
fn trace_union(node: &Union, is_new: IsNew<'_>) -> Result<TracedKeys, Undivided> {
    let inputs = node.inputs.iter().map(|input| trace_keys(input, is_new));
    let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
    let inputs: Vec<TracedKeys> = inputs.into_iter().flatten().collect();
    let columns = (0..node.schema.fields().len()).map(|index| {
        let mut values = Vec::new();
        for input in &inputs {
            values.extend(input.columns.get(index).cloned().flatten()?);
        }
        Some(values)
    });
    Ok(TracedKeys {
        columns: columns.collect(),
        parts: inputs.iter().map(|input| input.parts).sum(),
    })
}

#[cfg(test)]
mod tests;
