//! What a subquery reads of its outer query.
//!
//! It is a column, or a field of a struct that is a column: a struct need not be
//! compared as a whole.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::expr::{Exists, InSubquery, ScalarFunction, SetComparison};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Subquery};

/// A value of the outer query that a subquery reads.
#[derive(Debug, Clone)]
pub(super) struct OuterValue {
    /// As the subquery has it.
    pub(super) inner: Expr,
    /// As the outer query has it.
    pub(super) outer: Expr,
    pub(super) data_type: DataType,
    pub(super) is_nullable: bool,
}

/// The schemas of the queries between a subquery and one that is inside of it.
type Scopes = Vec<Arc<DFSchema>>;

impl OuterValue {
    /// A value over the columns of `outer`.
    pub(super) fn new(inner: Expr, outer: &DFSchema) -> Result<Self> {
        let over_outer = inner.clone().transform_up(|expr| {
            Ok(match expr {
                Expr::OuterReferenceColumn(_, column) => Transformed::yes(Expr::Column(column)),
                other => Transformed::no(other),
            })
        })?;
        Ok(Self {
            data_type: over_outer.data.get_type(outer)?,
            is_nullable: over_outer.data.nullable(outer)?,
            outer: over_outer.data,
            inner,
        })
    }
}

/// What `plan` reads of the queries outside of it, each once, in the order of the plan.
pub(super) fn find_outer_values(plan: &LogicalPlan) -> Result<Vec<Expr>> {
    let mut found = Vec::new();
    visit_plan(plan, &mut Scopes::new(), &mut |expr, _| {
        if !found.contains(expr) {
            found.push(expr.clone());
        }
    })?;
    Ok(found)
}

/// Whether a query inside of `plan` reads something from outside of `plan`.
pub(super) fn reads_through(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    visit_plan(plan, &mut Scopes::new(), &mut |_, depth| found |= depth > 0)?;
    Ok(found)
}

/// The column that `expr` is, or is a field of, if it is one of an outer query.
pub(super) fn outer_column(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::OuterReferenceColumn(_, column) => Some(column),
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "get_field" => {
            let (value, names) = args.split_first()?;
            let are_constants = names.iter().all(|name| matches!(name, Expr::Literal(..)));
            outer_column(value).filter(|_| are_constants)
        }
        _ => None,
    }
}

/// The query of a lateral join's right side.
pub(crate) fn lateral_subquery(plan: &LogicalPlan) -> Option<&Subquery> {
    match plan {
        LogicalPlan::Subquery(subquery) => Some(subquery),
        LogicalPlan::SubqueryAlias(alias) => lateral_subquery(&alias.input),
        _ => None,
    }
}

fn visit_plan(
    plan: &LogicalPlan,
    scopes: &mut Scopes,
    visit: &mut dyn FnMut(&Expr, usize),
) -> Result<()> {
    let own = Arc::new(merge_schema(&plan.inputs()));
    plan.apply_expressions(|expr| {
        visit_expr(expr, &own, scopes, visit)?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    if let LogicalPlan::Join(join) = plan
        && lateral_subquery(&join.right).is_some()
    {
        visit_plan(&join.left, scopes, visit)?;
        scopes.push(Arc::clone(join.left.schema()));
        visit_plan(&join.right, scopes, visit)?;
        scopes.pop();
        return Ok(());
    }
    for input in plan.inputs() {
        visit_plan(input, scopes, visit)?;
    }
    Ok(())
}

fn visit_expr(
    expr: &Expr,
    own: &Arc<DFSchema>,
    scopes: &mut Scopes,
    visit: &mut dyn FnMut(&Expr, usize),
) -> Result<()> {
    expr.apply(|expr| {
        if let Some(column) = outer_column(expr) {
            if !is_between(column, scopes) {
                visit(expr, scopes.len());
            }
            return Ok(TreeNodeRecursion::Jump);
        }
        if let Some(subquery) = subquery_of(expr) {
            scopes.push(Arc::clone(own));
            visit_plan(&subquery.subquery, scopes, visit)?;
            scopes.pop();
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// Whether a column is one of the queries between: names are looked up from the
/// inside to the outside.
fn is_between(column: &Column, scopes: &Scopes) -> bool {
    scopes
        .iter()
        .any(|scope| scope.maybe_index_of_column(column).is_some())
}

fn subquery_of(expr: &Expr) -> Option<&Subquery> {
    match expr {
        Expr::ScalarSubquery(subquery)
        | Expr::Exists(Exists { subquery, .. })
        | Expr::InSubquery(InSubquery { subquery, .. })
        | Expr::SetComparison(SetComparison { subquery, .. }) => Some(subquery),
        _ => None,
    }
}

/// An expression of a subquery, with `columns` in the place of `values`.
pub(super) fn replace_outer_values(
    expr: Expr,
    values: &[OuterValue],
    columns: &[Column],
) -> Result<Expr> {
    expr.transform_down(|expr| {
        if outer_column(&expr).is_none() {
            return Ok(Transformed::no(expr));
        }
        let mut pairs = values.iter().zip(columns);
        Ok(match pairs.find(|(value, _)| value.inner == expr) {
            Some((_, column)) => {
                let column = Expr::Column(column.clone());
                Transformed::new(column, true, TreeNodeRecursion::Jump)
            }
            // Of a query further outside.
            None => Transformed::new(expr, false, TreeNodeRecursion::Jump),
        })
    })
    .map(|replaced| replaced.data)
}
