//! Unions whose branches have the same columns after they were sent.
//!
//! The columns of a union have the names of its first branch, and may be NULL if
//! those of any branch may. A union gives its branches such columns by projections
//! when it is made, and decoding makes it anew. But a cast that only says that a
//! column may be NULL is encoded as a plain cast, and so the decoded union would add
//! one more projection. Here a function says it, whose encoding keeps it.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::physical_expr::expressions::CastExpr;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};

static NULLABLE: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| Arc::new(ScalarUDF::from(Nullable::default())));

/// The function that says that a value may be NULL.
pub(crate) fn nullable_udf() -> Arc<ScalarUDF> {
    Arc::clone(&NULLABLE)
}

/// Makes unions that decoding does not change.
#[derive(Debug)]
pub(super) struct UnionsRule;

impl PhysicalOptimizerRule for UnionsRule {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let config = Arc::new(config.clone());
        plan.transform_up(|node| {
            if let Some(union) = node.downcast_ref::<UnionExec>() {
                // The projections first, then what they hold.
                let named = UnionExec::try_new(union.inputs().clone())?;
                let union = UnionExec::try_new(say_nullable(&named, &config)?)?;
                return Ok(Transformed::yes(union));
            }
            if node.is::<InterleaveExec>() {
                let inputs = say_nullable(&node, &config)?;
                // Where a column of the partitioning may be NULL, it stays as it is.
                if let Ok(interleave) = InterleaveExec::try_new(inputs) {
                    return Ok(Transformed::yes(Arc::new(interleave)));
                }
            }
            Ok(Transformed::no(node))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "unions"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The inputs of `union`, with the function in place of casts.
fn say_nullable(
    union: &Arc<dyn ExecutionPlan>,
    config: &Arc<ConfigOptions>,
) -> Result<Vec<Arc<dyn ExecutionPlan>>> {
    union
        .children()
        .into_iter()
        .map(|input| {
            let Some(projection) = input.downcast_ref::<ProjectionExec>() else {
                return Ok(Arc::clone(input));
            };
            let below = projection.input();
            let columns = projection
                .expr()
                .iter()
                .map(|column| {
                    let expr = replace_cast(&column.expr, &below.schema(), config)?;
                    Ok((expr, column.alias.clone()))
                })
                .collect::<Result<Vec<_>>>()?;
            let projection = ProjectionExec::try_new(columns, Arc::clone(below))?;
            Ok(Arc::new(projection) as Arc<dyn ExecutionPlan>)
        })
        .collect()
}

fn replace_cast(
    expr: &Arc<dyn PhysicalExpr>,
    schema: &Schema,
    config: &Arc<ConfigOptions>,
) -> Result<Arc<dyn PhysicalExpr>> {
    let Some(cast) = expr.downcast_ref::<CastExpr>() else {
        return Ok(Arc::clone(expr));
    };
    let value = cast.expr();
    if !cast.nullable(schema)? || value.nullable(schema)? {
        return Ok(Arc::clone(expr));
    }
    let value: Arc<dyn PhysicalExpr> = if value.data_type(schema)? == *cast.cast_type() {
        Arc::clone(value)
    } else {
        Arc::new(CastExpr::new(
            Arc::clone(value),
            cast.cast_type().clone(),
            Some(cast.cast_options().clone()),
        ))
    };
    let function =
        ScalarFunctionExpr::try_new(nullable_udf(), vec![value], schema, Arc::clone(config))?;
    Ok(Arc::new(function))
}

/// `sluice_nullable(x)`: x.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Nullable {
    signature: Signature,
}

impl Default for Nullable {
    fn default() -> Self {
        Self {
            signature: Signature::any(1, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Nullable {
    fn name(&self) -> &'static str {
        "sluice_nullable"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("sluice_nullable has the field of its argument")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        match args.arg_fields {
            [field] => Ok(Arc::new(field.as_ref().clone().with_nullable(true))),
            _ => internal_err!("sluice_nullable has one argument"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match <[ColumnarValue; 1]>::try_from(args.args) {
            Ok([value]) => Ok(value),
            Err(_) => internal_err!("sluice_nullable has one argument"),
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Field;
    use datafusion::physical_expr::expressions::Column;
    use datafusion_proto::physical_plan::DefaultPhysicalExtensionCodec;
    use datafusion_proto::physical_plan::from_proto::parse_physical_expr;
    use datafusion_proto::physical_plan::to_proto::serialize_physical_expr;

    use super::*;

    /// When this fails, DataFusion encodes that a cast's result may be NULL, and
    /// this module can go.
    #[test]
    fn datafusion_still_loses_that_a_cast_may_be_null() {
        let schema = Schema::new(vec![Field::new("a", DataType::Int32, false)]);
        let target = Arc::new(Field::new("a", DataType::Int32, true));
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new("a", 0));
        let cast = CastExpr::new_with_target_field(column, target, None);
        assert!(cast.nullable(&schema).unwrap());
        let codec = DefaultPhysicalExtensionCodec {};
        let sent = serialize_physical_expr(&(Arc::new(cast) as _), &codec).unwrap();
        let context = datafusion::execution::TaskContext::default();
        let received = parse_physical_expr(&sent, &context, &schema, &codec).unwrap();
        assert!(!received.nullable(&schema).unwrap());
    }
}
