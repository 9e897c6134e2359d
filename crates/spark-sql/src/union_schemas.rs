//! Unions whose columns may be NULL where those of a branch may.
//!
//! A rule that rewrites a branch may make a column of it one that may be NULL, as the
//! join does that takes the place of a subquery. DataFusion keeps the schema of the
//! union as it was, and an aggregate above it is then refused, because the physical
//! plan is another.

use std::sync::Arc;

use datafusion::arrow::datatypes::Field;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{LogicalPlan, Union};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// Brings the schemas of unions, and of what is above them, up to date.
#[derive(Debug)]
pub(crate) struct UnionSchemas;

impl OptimizerRule for UnionSchemas {
    fn name(&self) -> &'static str {
        "union_schemas"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        update_schemas(plan)
    }
}

fn update_schemas(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let below = plan.map_children(update_schemas)?;
    let plan = if below.transformed {
        below.data.recompute_schema()?
    } else {
        below.data
    };
    let (plan, is_new) = match plan {
        LogicalPlan::Union(union) => match nullable_schema(&union)? {
            Some(schema) => {
                let inputs = union.inputs;
                let schema = Arc::new(schema);
                (LogicalPlan::Union(Union { inputs, schema }), true)
            }
            None => (LogicalPlan::Union(union), false),
        },
        plan => (plan, false),
    };
    Ok(Transformed::new(
        plan,
        below.transformed || is_new,
        TreeNodeRecursion::Continue,
    ))
}

/// The schema of a union; `None` if it is the one that the union has.
fn nullable_schema(union: &Union) -> Result<Option<DFSchema>> {
    let may_be_null = |at: usize| {
        union
            .inputs
            .iter()
            .any(|input| input.schema().field(at).is_nullable())
    };
    let mut is_new = false;
    let fields: Vec<_> = union
        .schema
        .iter()
        .enumerate()
        .map(|(at, (relation, field))| {
            if field.is_nullable() || !may_be_null(at) {
                return (relation.cloned(), Arc::clone(field));
            }
            is_new = true;
            let field = Field::clone(field).with_nullable(true);
            (relation.cloned(), Arc::new(field))
        })
        .collect();
    if !is_new {
        return Ok(None);
    }
    DFSchema::new_with_metadata(fields, union.schema.metadata().clone()).map(Some)
}
