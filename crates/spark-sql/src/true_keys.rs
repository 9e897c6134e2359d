//! Which columns of groups determine the others.
//!
//! DataFusion knows of each plan which of its columns determine others. Of groups it says
//! so of columns that determine others in their input, although the groups have further
//! keys: `k`, of which a join repeats each value, does not determine `v` in
//! `GROUP BY k, v`. Rules then leave out keys of groups above, of a DISTINCT or of an
//! ORDER BY. Here only a column with one row for each value is such a key.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Dependency, FunctionalDependence, FunctionalDependencies, Result};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::plan_expressions::group_columns;

/// The rules that leave out columns which others determine.
const READERS: [&str; 4] = [
    "eliminate_duplicated_expr",
    "eliminate_join",
    "optimize_projections",
    "replace_distinct_aggregate",
];

/// Whether a rule leaves out columns which others determine.
pub(crate) fn reads_keys(rule: &str) -> bool {
    READERS.contains(&rule)
}

/// Corrects what plans say of the keys of groups. It runs before each rule that reads it.
#[derive(Debug)]
pub(crate) struct TrueKeys;

impl OptimizerRule for TrueKeys {
    fn name(&self) -> &'static str {
        "true_keys"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        // What changes is no reason for another pass.
        Ok(Transformed::no(correct_keys(plan)?.data))
    }
}

fn correct_keys(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let below = plan
        .map_subqueries(correct_keys)?
        .transform_sibling(|plan| plan.map_children(correct_keys))?;
    let plan = match below.transformed {
        true => below.data.recompute_schema()?,
        false => below.data,
    };
    let (plan, is_new) = match plan {
        LogicalPlan::Aggregate(mut aggregate) => {
            let keys = keys_of_groups(&aggregate)?;
            let is_new = keys != *aggregate.schema.functional_dependencies();
            if is_new {
                let schema = aggregate.schema.as_ref().clone();
                aggregate.schema = Arc::new(schema.with_functional_dependencies(keys)?);
            }
            (LogicalPlan::Aggregate(aggregate), is_new)
        }
        plan => (plan, false),
    };
    let transformed = below.transformed || is_new;
    Ok(Transformed::new(
        plan,
        transformed,
        TreeNodeRecursion::Continue,
    ))
}

/// The groups of an aggregate, and those of them that have one row for each value already
/// in its input, determine all of its columns.
fn keys_of_groups(aggregate: &Aggregate) -> Result<FunctionalDependencies> {
    let groups = group_columns(aggregate);
    let has_sets = matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)]);
    if groups.is_empty() || has_sets {
        return Ok(FunctionalDependencies::empty());
    }
    let input = aggregate.input.schema();
    let all: Vec<usize> = (0..aggregate.schema.fields().len()).collect();
    // For each column of the input the group that it is.
    let group_of = |index: usize| {
        groups.iter().position(|group| {
            matches!(group, Expr::Column(column) if input.maybe_index_of_column(column) == Some(index))
        })
    };
    let mut keys = Vec::new();
    for known in input.functional_dependencies().iter() {
        let sources = known.source_indices.iter().map(|index| group_of(*index));
        let sources: Option<Vec<usize>> = sources.collect();
        if let (Dependency::Single, Some(sources)) = (known.mode, sources) {
            keys.push(
                FunctionalDependence::new(sources, all.clone(), known.nullable)
                    .with_mode(Dependency::Single),
            );
        }
    }
    if keys.is_empty() {
        let sources: Vec<usize> = (0..groups.len()).collect();
        let fields = aggregate.schema.fields().iter();
        let nullable = fields.take(groups.len()).any(|field| field.is_nullable());
        keys.push(FunctionalDependence::new(sources, all, nullable).with_mode(Dependency::Single));
    }
    Ok(FunctionalDependencies::new(keys))
}
