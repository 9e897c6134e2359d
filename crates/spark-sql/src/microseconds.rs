//! Keeps timestamps in microseconds.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, LogicalPlan, TryCast};
use datafusion::optimizer::AnalyzerRule;

/// Makes every timestamp of a plan one in microseconds.
///
/// Where a timestamp meets a date or text, DataFusion casts both to nanoseconds,
/// which have no year 1 and no year 9999 (datafusion #6653). Spark has no other
/// unit than microseconds. Runs after the types of operands are known.
#[derive(Debug)]
pub(crate) struct MicrosecondTimestamps;

impl AnalyzerRule for MicrosecondTimestamps {
    fn name(&self) -> &'static str {
        "microsecond_timestamps"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = plan.transform_up_with_subqueries(rewrite_node)?;
        Ok(plan.data)
    }
}

fn rewrite_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let mut schema = merge_schema(&plan.inputs());
    if let LogicalPlan::TableScan(scan) = &plan {
        schema.merge(&scan.projected_schema);
    }
    let names = NamePreserver::new(&plan);
    let plan = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let rewritten = expr.transform_up(|expr| rewrite_expr(expr, &schema))?;
        Ok(rewritten.update_data(|expr| name.restore(expr)))
    })?;
    // The types of the inputs may have changed as well.
    plan.map_data(LogicalPlan::recompute_schema)
}

/// The type in microseconds of a timestamp in nanoseconds.
fn in_microseconds(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
        }
        _ => None,
    }
}

fn rewrite_expr(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Cast(Cast { expr, field }) => match in_microseconds(field.data_type()) {
            None => Ok(Transformed::no(Expr::Cast(Cast { expr, field }))),
            Some(target) => cast_unless(*expr, target, schema, |expr, target| {
                Expr::Cast(Cast::new(expr, target))
            }),
        },
        Expr::TryCast(TryCast { expr, field }) => match in_microseconds(field.data_type()) {
            None => Ok(Transformed::no(Expr::TryCast(TryCast { expr, field }))),
            Some(target) => cast_unless(*expr, target, schema, |expr, target| {
                Expr::TryCast(TryCast::new(expr, target))
            }),
        },
        Expr::Literal(ScalarValue::TimestampNanosecond(value, zone), metadata) => {
            let micros = value.map(|nanos| nanos.div_euclid(1000));
            let value = ScalarValue::TimestampMicrosecond(micros, zone);
            Ok(Transformed::yes(Expr::Literal(value, metadata)))
        }
        Expr::ScalarFunction(_) => {
            let expr_type = expr.get_type(schema)?;
            Ok(match in_microseconds(&expr_type) {
                None => Transformed::no(expr),
                Some(target) => Transformed::yes(Expr::Cast(Cast::new(Box::new(expr), target))),
            })
        }
        other => Ok(Transformed::no(other)),
    }
}

/// The value itself where it has the type already.
fn cast_unless(
    expr: Expr,
    target: DataType,
    schema: &DFSchema,
    cast: impl Fn(Box<Expr>, DataType) -> Expr,
) -> Result<Transformed<Expr>> {
    Ok(Transformed::yes(if expr.get_type(schema)? == target {
        expr
    } else {
        cast(Box::new(expr), target)
    }))
}
