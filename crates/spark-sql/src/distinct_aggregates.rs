//! Aggregates next to a distinct one, with the types of a sum.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::single_distinct_to_groupby::SingleDistinctToGroupBy;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// DataFusion's rule, where it keeps the types of the result. It sums twice, and a
/// sum of decimals has ten digits more each time.
#[derive(Debug, Default)]
pub(crate) struct DistinctAggregates {
    inner: SingleDistinctToGroupBy,
}

impl OptimizerRule for DistinctAggregates {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.inner.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        if !matches!(plan, LogicalPlan::Aggregate(_)) {
            return self.inner.rewrite(plan, config);
        }
        let rewritten = self.inner.rewrite(plan.clone(), config)?;
        let types_of = |plan: &LogicalPlan| -> Vec<_> {
            let fields = plan.schema().fields().iter();
            fields.map(|field| field.data_type().clone()).collect()
        };
        Ok(if types_of(&rewritten.data) == types_of(&plan) {
            rewritten
        } else {
            Transformed::no(plan)
        })
    }
}
