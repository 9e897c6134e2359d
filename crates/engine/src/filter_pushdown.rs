//! Keeps DataFusion's physical filter pushdown away from columns that share a
//! name.
//!
//! The rule of DataFusion 55 finds a filter's columns in an input by their names.
//! Where two columns of an input have one name, as both sides of a join often do,
//! it takes the first or the last of them, and a filter removes rows by another
//! column (apache/datafusion #25259, #21246). So a filter stays above every plan
//! node that has such columns; the logical plan, whose columns have qualifiers,
//! has moved it as far as it may go before.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::internal_err;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

/// Names of the two rules of DataFusion that move filters.
const RULES: [&str; 2] = ["FilterPushdown", "FilterPushdown(Post)"];

/// A rule of DataFusion, in the form in which it is right: those that move
/// filters do so only where each column has a name of its own.
pub(crate) fn with_unique_names(
    rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>,
) -> Arc<dyn PhysicalOptimizerRule + Send + Sync> {
    if RULES.contains(&rule.name()) {
        Arc::new(UniqueNamesRule(rule))
    } else {
        rule
    }
}

#[derive(Debug)]
struct UniqueNamesRule(Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for UniqueNamesRule {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let fenced = plan.transform_up(|node| {
            Ok(if has_shared_names(node.as_ref()) {
                Transformed::yes(Arc::new(FenceExec { input: node }) as _)
            } else {
                Transformed::no(node)
            })
        })?;
        if !fenced.transformed {
            return self.0.optimize(fenced.data, config);
        }
        let optimized = self.0.optimize(fenced.data, config)?;
        optimized
            .transform_up(|node| {
                Ok(match node.downcast_ref::<FenceExec>() {
                    Some(fence) => Transformed::yes(Arc::clone(&fence.input)),
                    None => Transformed::no(node),
                })
            })
            .data()
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

/// Whether a filter that passes this node may meet two columns of one name.
fn has_shared_names(node: &dyn ExecutionPlan) -> bool {
    let inputs = node.children();
    !inputs.is_empty()
        && (shares_names(&node.schema())
            || inputs.iter().any(|input| shares_names(&input.schema())))
}

fn shares_names(schema: &Schema) -> bool {
    let mut names = HashSet::with_capacity(schema.fields().len());
    !schema
        .fields()
        .iter()
        .all(|field| names.insert(field.name()))
}

/// A node that no filter passes. It is in a plan only while a rule runs.
#[derive(Debug)]
struct FenceExec {
    input: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for FenceExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("FenceExec")
    }
}

impl ExecutionPlan for FenceExec {
    fn name(&self) -> &'static str {
        "FenceExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match <[_; 1]>::try_from(children) {
            Ok([input]) => Ok(Arc::new(Self { input })),
            Err(_) => internal_err!("a fence has one input"),
        }
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("a fence does not run")
    }
}

#[cfg(test)]
mod tests;
