//! Deduplications of streams: `QUALIFY row_number() OVER (PARTITION BY key ORDER BY …) = 1`
//! in the query of a flow.
//!
//! A row that is added never changes. So the first row of a key stays, and rows of keys
//! that the table has are left out. That takes an order in which earlier rows come
//! first, and a table in which every key can be found that was ever added.

use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::dedup::{DedupMatch, match_dedup};

/// Why a deduplication cannot be one of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DedupProblem {
    /// A later row of a key would replace the one that the table has.
    LastWins,
    /// Rows are left out or repeated after it, so that keys cannot be found.
    RowsChangeLater,
    /// The key is not in the table.
    KeyNotKept,
}

impl DedupProblem {
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::LastWins => {
                "a deduplication in which a later row would replace an earlier one (ORDER BY … \
                 DESC)"
            }
            Self::RowsChangeLater => {
                "a deduplication of a stream whose rows are filtered, joined, united or unnested \
                 afterwards"
            }
            Self::KeyNotKept => "a deduplication whose key is not among the columns of the table",
        }
    }

    pub(super) const fn help(self) -> &'static str {
        match self {
            Self::LastWins => {
                "order ascending to keep the first row of each key; to keep the newest, which is \
                 what AUTO CDC does and is not yet supported, add all rows to the streaming table \
                 and select the newest in a view over it"
            }
            Self::RowsChangeLater => {
                "a key of which no row is added would be new again in the next run: write WHERE \
                 and joins below the deduplication, and unnest in a view over the table"
            }
            Self::KeyNotKept => {
                "the keys of earlier runs are looked up in the table: select each expression of \
                 PARTITION BY as it is"
            }
        }
    }
}

/// Checks what a deduplication of a stream needs.
pub(super) fn check_dedup(found: &DedupMatch<'_>) -> Result<(), DedupProblem> {
    let order = &found.function.params.order_by;
    if order.iter().any(|sort| !sort.asc) {
        return Err(DedupProblem::LastWins);
    }
    let conditions = datafusion::logical_expr::utils::split_conjunction(&found.filter.predicate);
    if conditions.len() > 1 {
        return Err(DedupProblem::RowsChangeLater);
    }
    let mut node = found.filter.input.as_ref();
    loop {
        node = match node {
            LogicalPlan::Projection(node) => node.input.as_ref(),
            LogicalPlan::SubqueryAlias(node) => node.input.as_ref(),
            LogicalPlan::Window(_) => return Ok(()),
            _ => return Err(DedupProblem::RowsChangeLater),
        };
    }
}

/// The names of the columns of a plan that are the key of the deduplication below it,
/// from which only projections separate it.
pub(super) fn find_keys(plan: &LogicalPlan) -> Result<Vec<String>, DedupProblem> {
    let columns = plan
        .schema()
        .iter()
        .map(|(qualifier, field)| Expr::Column((qualifier, field).into()));
    let (keys, columns) = trace_columns(plan, columns.collect())?;
    keys.iter()
        .map(|key| {
            let is_key = |expr: &Expr| !key.is_volatile() && unalias(expr) == unalias(key);
            let index = columns.iter().position(is_key);
            let index = index.ok_or(DedupProblem::KeyNotKept)?;
            Ok(plan.schema().field(index).name().clone())
        })
        .collect()
}

/// The key of the deduplication below a plan, and expressions over that plan as
/// expressions over the rows that are deduplicated.
fn trace_columns(
    plan: &LogicalPlan,
    exprs: Vec<Expr>,
) -> Result<(Vec<Expr>, Vec<Expr>), DedupProblem> {
    if let Some(found) = match_dedup(plan) {
        let mut node = found.filter.input.as_ref();
        let mut exprs = exprs;
        while let Some((input, below)) = step_down(node, &exprs) {
            node = input;
            exprs = below;
        }
        return Ok((found.function.params.partition_by.clone(), exprs));
    }
    match step_down(plan, &exprs) {
        Some((input, below)) => trace_columns(input, below),
        None => Err(DedupProblem::RowsChangeLater),
    }
}

/// The input of a node that computes each row from one row, and the expressions as
/// expressions over it.
fn step_down<'a>(plan: &'a LogicalPlan, exprs: &[Expr]) -> Option<(&'a LogicalPlan, Vec<Expr>)> {
    match plan {
        LogicalPlan::Projection(node) => {
            let below = |column: usize| node.expr.get(column).map(|expr| unalias(expr).clone());
            Some((node.input.as_ref(), replace_columns(plan, exprs, &below)?))
        }
        LogicalPlan::SubqueryAlias(node) => {
            let below = |column: usize| {
                let field = node.input.schema().qualified_field(column);
                Some(Expr::Column(field.into()))
            };
            Some((node.input.as_ref(), replace_columns(plan, exprs, &below)?))
        }
        _ => None,
    }
}

/// The expressions over a plan with each of its columns replaced.
fn replace_columns(
    plan: &LogicalPlan,
    exprs: &[Expr],
    below: &dyn Fn(usize) -> Option<Expr>,
) -> Option<Vec<Expr>> {
    exprs
        .iter()
        .map(|expr| {
            let replaced = expr.clone().transform_up(|expr| {
                let Expr::Column(column) = &expr else {
                    return Ok(Transformed::no(expr));
                };
                let index = plan.schema().index_of_column(column)?;
                Ok(match below(index) {
                    Some(below) => Transformed::yes(below),
                    None => Transformed::no(expr),
                })
            });
            replaced.data().ok()
        })
        .collect()
}

fn unalias(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unalias(&alias.expr),
        other => other,
    }
}
