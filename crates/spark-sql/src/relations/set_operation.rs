//! `INTERSECT [ALL]` and `EXCEPT [ALL]`.
//!
//! DataFusion plans the `ALL` forms as a semi or anti join of the rows, which
//! loses how often a row occurs (apache/datafusion#12955). Here every row has its
//! number among the equal rows of its side, and the join is on that number too.
//! Columns are matched by position and brought to a common type.

use datafusion::common::{Column, ExprSchema, JoinType, NullEquality, Result, plan_err};
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::{
    Cast, Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, WindowFunctionDefinition, expr,
};
use sqlparser::ast::{SetOperator, TableFactor};

use super::carrier::SetOperation;
use crate::arithmetic::common_type;

/// The number of a row among its equals.
const NUMBER: &str = "__number";

pub(super) fn plan_set_operation(
    operation: SetOperation,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let mut plan_side = |query| {
        context.plan(TableFactor::Derived {
            lateral: false,
            subquery: Box::new(query),
            alias: None,
            sample: None,
        })
    };
    let left = plan_side(operation.left)?;
    let right = plan_side(operation.right)?;
    combine(operation.operator, operation.all, left, right)
}

fn combine(
    operator: SetOperator,
    all: bool,
    left: LogicalPlan,
    right: LogicalPlan,
) -> Result<LogicalPlan> {
    let (left_count, right_count) = (left.schema().fields().len(), right.schema().fields().len());
    if left_count != right_count {
        return plan_err!(
            "{operator} queries have different number of columns: {left_count} and {right_count}"
        );
    }
    let mut types = Vec::with_capacity(left_count);
    for (mine, theirs) in left.schema().fields().iter().zip(right.schema().fields()) {
        let (mine, theirs) = (mine.data_type(), theirs.data_type());
        let types_of_both = [mine.clone(), theirs.clone()];
        let common = common_type(&types_of_both);
        match common.or_else(|| type_union_resolution(&types_of_both)) {
            Some(common) => types.push(common),
            None => {
                return plan_err!(
                    "{operator} of columns with the types {mine} and {theirs}: CAST one of them"
                );
            }
        }
    }
    let names: Vec<String> = left
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let side = |plan: LogicalPlan, prefix: &str| -> Result<(LogicalPlan, Vec<Column>)> {
        let columns = plan.schema().columns();
        let schema = plan.schema().clone();
        let exprs = columns
            .into_iter()
            .zip(&types)
            .enumerate()
            .map(|(at, (column, common))| {
                let is_common = schema
                    .as_ref()
                    .data_type(&column)
                    .is_ok_and(|own| own == common);
                let expr = Expr::Column(column);
                let expr = if is_common {
                    expr
                } else {
                    Expr::Cast(Cast::new(Box::new(expr), common.clone()))
                };
                expr.alias(format!("{prefix}{at}"))
            });
        let mut plan = LogicalPlanBuilder::from(plan)
            .project(exprs.collect::<Vec<_>>())?
            .build()?;
        let mut columns = plan.schema().columns();
        if all {
            let (numbered, number) = number_rows(plan, &columns, prefix)?;
            plan = numbered;
            columns.push(number);
        }
        Ok((plan, columns))
    };
    let (left, left_columns) = side(left, "__left_")?;
    let (right, right_columns) = side(right, "__right_")?;
    let mut left = LogicalPlanBuilder::from(left);
    if !all {
        left = left.distinct()?;
    }
    let join_type = match operator {
        SetOperator::Intersect => JoinType::LeftSemi,
        _ => JoinType::LeftAnti,
    };
    let result: Vec<Expr> = left_columns
        .iter()
        .zip(names)
        .map(|(column, name)| Expr::Column(column.clone()).alias(name))
        .collect();
    left.join_detailed(
        right,
        join_type,
        (left_columns, right_columns),
        None,
        NullEquality::NullEqualsNull,
    )?
    .project(result)?
    .build()
}

fn number_rows(
    plan: LogicalPlan,
    columns: &[Column],
    prefix: &str,
) -> Result<(LogicalPlan, Column)> {
    let number = Expr::WindowFunction(Box::new(expr::WindowFunction::new(
        WindowFunctionDefinition::WindowUDF(crate::ranks::wide_row_number()),
        Vec::new(),
    )))
    .partition_by(columns.iter().cloned().map(Expr::Column).collect())
    .build()?;
    let name = number.schema_name().to_string();
    let alias = format!("{prefix}{NUMBER}");
    let mut exprs: Vec<Expr> = columns.iter().cloned().map(Expr::Column).collect();
    exprs.push(Expr::Column(Column::from_name(name)).alias(&alias));
    let plan = LogicalPlanBuilder::from(plan)
        .window([number])?
        .project(exprs)?
        .build()?;
    Ok((plan, Column::from_name(alias)))
}
