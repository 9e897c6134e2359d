//! `PIVOT` and `UNPIVOT`.

use std::collections::HashSet;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, NullHandling, Result, UnnestOptions, plan_err};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_nested::expr_fn::make_array;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::utils::find_aggregate_exprs;
use datafusion::logical_expr::{
    BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator, lit, when,
};
use sqlparser::ast::{
    self, ExprWithAlias, Ident, NullInclusion, PivotValueSource, TableAlias, TableFactor, Value,
};

/// An aggregate in PIVOT and the name that is given to it.
struct PivotAggregate {
    expr: Expr,
    name: Option<String>,
}

/// One of the values of PIVOT: a name, and the condition for a row to have it.
struct PivotValue {
    name: String,
    condition: Expr,
}

/// Groups by all columns that neither the aggregates nor FOR name; each aggregate
/// is computed for the rows of each value.
pub(super) fn plan_pivot(
    relation: TableFactor,
    context: &mut dyn RelationPlannerContext,
) -> Result<(LogicalPlan, Option<TableAlias>)> {
    let TableFactor::Pivot {
        table,
        aggregate_functions,
        value_column,
        value_source: PivotValueSource::List(values),
        default_on_null: None,
        alias,
    } = relation
    else {
        return plan_err!("this form of PIVOT is not supported: list the values");
    };
    let input = context.plan(*table)?;
    let schema = input.schema().clone();
    let aggregates = aggregate_functions
        .into_iter()
        .map(|ExprWithAlias { expr, alias }| {
            Ok(PivotAggregate {
                expr: context.sql_to_expr(expr, &schema)?,
                name: alias.map(|alias| context.normalize_ident(alias)),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let keys = value_column
        .into_iter()
        .flat_map(flatten)
        .map(|expr| context.sql_to_expr(expr, &schema))
        .collect::<Result<Vec<_>>>()?;
    let values = values
        .into_iter()
        .map(|value| plan_value(value, &keys, &input, context))
        .collect::<Result<Vec<_>>>()?;

    let mut used: HashSet<Column> = HashSet::new();
    let exprs = aggregates.iter().map(|aggregate| &aggregate.expr);
    for expr in exprs.chain(&keys) {
        used.extend(expr.column_refs().into_iter().cloned());
    }
    let group: Vec<Expr> = schema
        .columns()
        .into_iter()
        .filter(|column| !used.contains(column))
        .map(Expr::Column)
        .collect();

    let mut outputs = group.clone();
    let mut computed: Vec<Expr> = Vec::new();
    for value in &values {
        for aggregate in &aggregates {
            let name = match (&aggregate.name, aggregates.len()) {
                (_, 1) => value.name.clone(),
                (Some(name), _) => format!("{}_{name}", value.name),
                (None, _) => format!("{}_{}", value.name, aggregate.expr),
            };
            let filtered = filter_aggregates(&aggregate.expr, &value.condition)?;
            // As in Spark, a value without rows gives NULL, also for count.
            let rows = Expr::AggregateFunction(AggregateFunction::new_udf(
                count_udaf(),
                vec![lit(1_i64)],
                false,
                Some(Box::new(value.condition.clone())),
                Vec::new(),
                None,
            ));
            let present = Expr::BinaryExpr(BinaryExpr::new(
                Box::new(rows),
                Operator::Gt,
                Box::new(lit(0_i64)),
            ));
            let output = when(present, filtered).end()?;
            for found in find_aggregate_exprs([&output]) {
                if !computed.contains(&found) {
                    computed.push(found);
                }
            }
            outputs.push(refer_to_aggregates(output)?.alias(name));
        }
    }
    let plan = LogicalPlanBuilder::from(input)
        .aggregate(group, computed)?
        .project(outputs)?
        .build()?;
    Ok((plan, alias))
}

fn flatten(expr: ast::Expr) -> Vec<ast::Expr> {
    match expr {
        ast::Expr::Tuple(parts) => parts,
        ast::Expr::Nested(inner) => flatten(*inner),
        other => vec![other],
    }
}

fn plan_value(
    value: ExprWithAlias,
    keys: &[Expr],
    input: &LogicalPlan,
    context: &mut dyn RelationPlannerContext,
) -> Result<PivotValue> {
    let ExprWithAlias { expr, alias } = value;
    let parts = flatten(expr);
    if parts.len() != keys.len() {
        return plan_err!(
            "a value of PIVOT has {} parts, and FOR names {} columns",
            parts.len(),
            keys.len()
        );
    }
    let name = match alias {
        Some(alias) => context.normalize_ident(alias),
        None => parts.iter().map(value_name).collect::<Vec<_>>().join("_"),
    };
    let mut condition: Option<Expr> = None;
    for (key, part) in keys.iter().zip(parts) {
        let part = context.sql_to_expr(part, input.schema())?;
        let equal = Expr::BinaryExpr(BinaryExpr::new(
            Box::new(key.clone()),
            Operator::IsNotDistinctFrom,
            Box::new(part),
        ));
        condition = Some(match condition {
            None => equal,
            Some(before) => before.and(equal),
        });
    }
    match condition {
        Some(condition) => Ok(PivotValue { name, condition }),
        None => plan_err!("PIVOT has no column after FOR"),
    }
}

/// The name of the column of a value: the text of a literal.
fn value_name(expr: &ast::Expr) -> String {
    match expr {
        ast::Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => text.clone(),
            Value::Null => "null".to_owned(),
            other => other.to_string(),
        },
        ast::Expr::Cast { expr, .. } => value_name(expr),
        other => other.to_string(),
    }
}

fn filter_aggregates(expr: &Expr, condition: &Expr) -> Result<Expr> {
    expr.clone()
        .transform_up(|expr| match expr {
            Expr::AggregateFunction(mut aggregate) => {
                aggregate.params.filter = Some(Box::new(match aggregate.params.filter.take() {
                    Some(filter) => filter.and(condition.clone()),
                    None => condition.clone(),
                }));
                Ok(Transformed::yes(Expr::AggregateFunction(aggregate)))
            }
            other => Ok(Transformed::no(other)),
        })
        .map(|rewritten| rewritten.data)
}

/// Replaces aggregates by the columns that have their values.
fn refer_to_aggregates(expr: Expr) -> Result<Expr> {
    expr.transform_up(|expr| match expr {
        Expr::AggregateFunction(_) => {
            let name = expr.schema_name().to_string();
            Ok(Transformed::yes(Expr::Column(Column::from_name(name))))
        }
        other => Ok(Transformed::no(other)),
    })
    .map(|rewritten| rewritten.data)
}

/// One row for each of the listed columns, or sets of columns.
pub(super) fn plan_unpivot(
    relation: TableFactor,
    context: &mut dyn RelationPlannerContext,
) -> Result<(LogicalPlan, Option<TableAlias>)> {
    const NAMES: &str = "__unpivot_name";
    let TableFactor::Unpivot {
        table,
        value,
        name,
        columns,
        null_inclusion,
        alias,
    } = relation
    else {
        return plan_err!("not an UNPIVOT");
    };
    let input = context.plan(*table)?;
    let schema = input.schema().clone();
    let value_names = flatten(value)
        .into_iter()
        .map(|expr| match expr {
            ast::Expr::Identifier(name) => Ok(context.normalize_ident(name)),
            other => plan_err!("{other} is not a name for a column of UNPIVOT"),
        })
        .collect::<Result<Vec<_>>>()?;
    let mut sets: Vec<(String, Vec<Expr>)> = Vec::with_capacity(columns.len());
    for ExprWithAlias { expr, alias } in columns {
        let parts = flatten(expr);
        if parts.len() != value_names.len() {
            return plan_err!(
                "UNPIVOT names {} columns for values, and one of its sets has {}",
                value_names.len(),
                parts.len()
            );
        }
        let own = |parts: &[ast::Expr]| -> String {
            let names = parts.iter().map(|part| match part {
                ast::Expr::Identifier(Ident { value, .. }) => value.clone(),
                ast::Expr::CompoundIdentifier(parts) => {
                    parts.last().map(|p| p.value.clone()).unwrap_or_default()
                }
                other => other.to_string(),
            });
            names.collect::<Vec<_>>().join("_")
        };
        let label = alias.map_or_else(|| own(&parts), |alias| alias.value);
        let parts = parts
            .into_iter()
            .map(|part| context.sql_to_expr(part, &schema))
            .collect::<Result<Vec<_>>>()?;
        sets.push((label, parts));
    }
    let used: HashSet<Column> = sets
        .iter()
        .flat_map(|(_, parts)| parts)
        .flat_map(|part| part.column_refs().into_iter().cloned())
        .collect();
    let kept: Vec<Expr> = schema
        .columns()
        .into_iter()
        .filter(|column| !used.contains(column))
        .map(Expr::Column)
        .collect();
    let list_name = |at: usize| format!("__unpivot_{at}");
    let mut lists =
        vec![make_array(sets.iter().map(|(label, _)| lit(label.clone())).collect()).alias(NAMES)];
    for at in 0..value_names.len() {
        let values = sets.iter().filter_map(|(_, parts)| parts.get(at).cloned());
        lists.push(make_array(values.collect()).alias(list_name(at)));
    }
    let mut unnested = vec![Column::from_name(NAMES)];
    unnested.extend((0..value_names.len()).map(|at| Column::from_name(list_name(at))));
    let mut plan = LogicalPlanBuilder::from(input)
        .project(kept.iter().cloned().chain(lists).collect::<Vec<_>>())?
        .unnest_columns_with_options(
            unnested,
            UnnestOptions::new().with_null_handling(NullHandling::Drop),
        )?;
    if !matches!(null_inclusion, Some(NullInclusion::IncludeNulls)) {
        let filled = (0..value_names.len())
            .map(|at| Expr::IsNotNull(Box::new(Expr::Column(Column::from_name(list_name(at))))));
        if let Some(any) = filled.reduce(Expr::or) {
            plan = plan.filter(any)?;
        }
    }
    let mut outputs = kept;
    outputs.push(Expr::Column(Column::from_name(NAMES)).alias(context.normalize_ident(name)));
    for (at, name) in value_names.into_iter().enumerate() {
        outputs.push(Expr::Column(Column::from_name(list_name(at))).alias(name));
    }
    Ok((plan.project(outputs)?.build()?, alias))
}
