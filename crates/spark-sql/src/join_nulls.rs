//! Joins that have NULL as a key like others, and what DataFusion's rules make of them.
//!
//! DataFusion's rule `eliminate_cross_join` joins the relations of adjacent inner joins
//! anew, and all of them as the topmost one compares its keys: next to a join by
//! `IS NOT DISTINCT FROM`, `a = b` matches NULL with NULL, or the other way round. Here
//! such joins are kept apart while the rule runs.
//!
//! Its rule `extract_equijoin_predicate` adds `a = b` from the condition of a join to its
//! keys, also of a join by `IS NOT DISTINCT FROM`, and so matches NULL with NULL.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{NullEquality, Result};
use datafusion::logical_expr::{Expr, Filter, Join, JoinType, LogicalPlan, Projection};
use datafusion::optimizer::eliminate_cross_join::EliminateCrossJoin;
use datafusion::optimizer::extract_equijoin_predicate::ExtractEquijoinPredicate;
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// DataFusion's rule, which does not see joins by `IS NOT DISTINCT FROM`.
#[derive(Debug, Default)]
pub(crate) struct NullKeysApart(EliminateCrossJoin);

impl OptimizerRule for NullKeysApart {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        if !has_null_keys(&plan)? {
            return self.0.rewrite(plan, config);
        }
        let apart = plan.transform_down_with_subqueries(keep_apart)?;
        let mut joined = self.0.rewrite(apart.data, config)?;
        joined.transformed |= apart.transformed;
        Ok(joined)
    }
}

/// DataFusion's rule, which adds no keys to joins by `IS NOT DISTINCT FROM`.
#[derive(Debug, Default)]
pub(crate) struct NullKeysAlone(ExtractEquijoinPredicate);

impl OptimizerRule for NullKeysAlone {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Join(join) if matches_nulls(&join) && !join.on.is_empty() => {
                Ok(Transformed::no(LogicalPlan::Join(join)))
            }
            plan => self.0.rewrite(plan, config),
        }
    }
}

fn has_null_keys(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::Join(join) if matches_nulls(join));
        Ok(match found {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })?;
    Ok(found)
}

fn matches_nulls(join: &Join) -> bool {
    join.null_equality == NullEquality::NullEqualsNull
}

/// Puts a node between a join and what the rule would take apart together with it, when
/// they compare keys in other ways.
fn keep_apart(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match node {
        LogicalPlan::Filter(filter) => {
            let (input, is_apart) = below_projection(filter.input, matches_nulls)?;
            let filter = LogicalPlan::Filter(Filter::try_new(filter.predicate, input)?);
            Ok(Transformed::new(
                filter,
                is_apart,
                TreeNodeRecursion::Continue,
            ))
        }
        LogicalPlan::Join(mut join) if join.join_type == JoinType::Inner => {
            let of_join = matches_nulls(&join);
            let is_other = |side: &Join| of_join || matches_nulls(side);
            let (left, left_is_apart) = below_projection(join.left, is_other)?;
            let (right, right_is_apart) = below_projection(join.right, is_other)?;
            (join.left, join.right) = (left, right);
            let is_apart = left_is_apart || right_is_apart;
            let join = LogicalPlan::Join(join);
            Ok(Transformed::new(
                join,
                is_apart,
                TreeNodeRecursion::Continue,
            ))
        }
        node => Ok(Transformed::no(node)),
    }
}

/// An input below a projection of all its columns, if it is such an inner join, and
/// whether it is.
fn below_projection(
    input: Arc<LogicalPlan>,
    is_kept_apart: impl Fn(&Join) -> bool,
) -> Result<(Arc<LogicalPlan>, bool)> {
    let is_apart = matches!(
        input.as_ref(),
        LogicalPlan::Join(join) if join.join_type == JoinType::Inner && is_kept_apart(join)
    );
    if !is_apart {
        return Ok((input, false));
    }
    let schema = Arc::clone(input.schema());
    let columns = schema.iter().map(Expr::from).collect();
    let projection = Projection::try_new_with_schema(columns, input, schema)?;
    Ok((Arc::new(LogicalPlan::Projection(projection)), true))
}
