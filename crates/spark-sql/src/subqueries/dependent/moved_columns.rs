//! Names for the columns of correlated conditions that no other column has.
//!
//! The optimizer moves a correlated condition out of its subquery, and with it the
//! columns that the condition reads. There all of them are columns of one relation, and
//! it knows them by their names alone: of `u.x = w.x OR u.y = o.y` it makes
//! `q.x = q.x OR q.y = o.y`, and of `SELECT u.x … WHERE w.x = o.x` a condition on `u.x`.
//! So where two columns of a subquery have one name, its conditions read copies:
//!
//! ```text
//! Projection: u.x, w.x
//!   Filter: __moved_0 = o.x
//!     Projection: u.x, w.x, w.x AS __moved_0
//! ```

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, Projection, Subquery};

use super::domain::FreshNames;
use crate::subqueries::has_subquery;

/// Gives the columns of a subquery's correlated conditions names of their own, where two
/// columns that leave it have the same one.
pub(super) fn name_moved_columns(
    plan: LogicalPlan,
    names: &FreshNames,
) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Subquery(subquery) = plan else {
        return Ok(Transformed::no(plan));
    };
    let mut leaving = LeavingColumns::default();
    leaving.collect_from(&subquery.subquery)?;
    if !leaving.share_names() {
        return Ok(Transformed::no(LogicalPlan::Subquery(subquery)));
    }
    let inner = Arc::unwrap_or_clone(subquery.subquery);
    let renamed = inner.transform_up(|node| copy_read_columns(node, names))?;
    Ok(Transformed::yes(LogicalPlan::Subquery(Subquery {
        subquery: Arc::new(renamed.data),
        ..subquery
    })))
}

/// The columns that the optimizer sees as those of one relation.
#[derive(Default)]
struct LeavingColumns {
    /// Those that correlated conditions read.
    moved: HashSet<Column>,
    /// Those of the operators that conditions are moved through.
    passed: HashSet<Column>,
}

impl LeavingColumns {
    /// Gives whether the plan has correlated conditions.
    fn collect_from(&mut self, plan: &LogicalPlan) -> Result<bool> {
        let mut moves = false;
        for input in plan.inputs() {
            moves |= self.collect_from(input)?;
        }
        if let LogicalPlan::Filter(filter) = plan {
            if has_moved_condition(&filter.predicate)? {
                moves = true;
                self.moved.extend(read_columns(&filter.predicate)?);
            }
        } else if moves {
            self.passed.extend(plan.schema().columns());
        }
        Ok(moves)
    }

    /// Whether a condition reads a column that has the name of another one.
    fn share_names(&self) -> bool {
        let others = || self.moved.iter().chain(&self.passed);
        let is_shared =
            |column: &Column| others().any(|other| other.name == column.name && other != column);
        self.moved.iter().any(is_shared)
    }
}

/// Whether a condition leaves its subquery. One with a subquery of its own is not left to
/// the optimizer.
fn has_moved_condition(predicate: &Expr) -> Result<bool> {
    for condition in split_conjunction(predicate) {
        if condition.contains_outer() && !has_subquery(condition)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The columns of the subquery itself, each once, in order.
fn read_columns(condition: &Expr) -> Result<Vec<Column>> {
    let mut columns = Vec::new();
    condition.apply(|expr| {
        if let Expr::Column(column) = expr
            && !columns.contains(column)
        {
            columns.push(column.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(columns)
}

/// Has a filter with correlated conditions read copies of its columns; all of its
/// conditions, because a later rule makes one of those that guard each other.
fn copy_read_columns(plan: LogicalPlan, names: &FreshNames) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Filter(filter) = plan else {
        return Ok(Transformed::no(plan));
    };
    let schema = Arc::clone(filter.input.schema());
    let read = read_columns(&filter.predicate)?;
    if read.is_empty() || !has_moved_condition(&filter.predicate)? {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    }
    let columns: Vec<Expr> = schema.columns().into_iter().map(Expr::Column).collect();
    let mut with_copies = columns.clone();
    let mut copies: HashMap<Column, Column> = HashMap::new();
    for column in read {
        let mut name = names.make_name("moved");
        // Of a plan that was rewritten before.
        while schema.has_column_with_unqualified_name(&name) {
            name = names.make_name("moved");
        }
        with_copies.push(Expr::Column(column.clone()).alias(&name));
        copies.insert(column, Column::new_unqualified(name));
    }
    let condition = filter.predicate.transform(|expr| {
        Ok(match &expr {
            Expr::Column(column) => match copies.get(column) {
                Some(copy) => Transformed::yes(Expr::Column(copy.clone())),
                None => Transformed::no(expr),
            },
            _ => Transformed::no(expr),
        })
    })?;
    let input = Projection::try_new(with_copies, filter.input)?;
    let filter = Filter::try_new(condition.data, Arc::new(LogicalPlan::Projection(input)))?;
    let plan = Projection::try_new(columns, Arc::new(LogicalPlan::Filter(filter)))?;
    Ok(Transformed::yes(LogicalPlan::Projection(plan)))
}
