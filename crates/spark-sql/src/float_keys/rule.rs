//! Puts the function where a plan compares floats.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{
    AggregateFunction, Case, GroupingSet, InList, InSubquery, ScalarFunction, WindowFunction,
};
use datafusion::logical_expr::{
    Aggregate, Between, BinaryExpr, Distinct, Expr, ExprSchemable, Join, LogicalPlan,
    LogicalPlanBuilder, ScalarUDF, Sort, SortExpr, Subquery, when,
};
use datafusion::optimizer::AnalyzerRule;

use super::function::{float_key, is_float_key, needs_key};
use crate::functions::{interval_micros_udf, is_interval};
use crate::plan_expressions::{compares, rewrite_expressions};

/// The relation of the keys of a subquery.
const KEYS: &str = "__float_keys";

static INTERVAL_MICROS: LazyLock<Arc<ScalarUDF>> = LazyLock::new(interval_micros_udf);

/// Compares and groups floats and intervals as Spark does. Runs after the types of operands are
/// known.
#[derive(Debug)]
pub(crate) struct FloatKeys;

impl AnalyzerRule for FloatKeys {
    fn name(&self) -> &'static str {
        "float_keys"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = rewrite_expressions(plan, &|expr, schema| {
            expr.transform_up(|expr| Ok(Transformed::yes(key_operands(expr, schema)?)))
        })?;
        Ok(plan.transform_up_with_subqueries(key_node)?.data)
    }
}

/// The key of `expr` if it holds floats or intervals, otherwise `expr`.
fn key_of(expr: Expr, schema: &DFSchema) -> Expr {
    match expr.get_type(schema) {
        Ok(data_type) if needs_key(&data_type) => float_key(expr),
        _ => expr,
    }
}

#[allow(clippy::boxed_local, reason = "the nodes of expressions hold boxes")]
fn key_box(expr: Box<Expr>, schema: &DFSchema) -> Box<Expr> {
    Box::new(key_of(*expr, schema))
}

fn key_all(exprs: Vec<Expr>, schema: &DFSchema) -> Vec<Expr> {
    exprs.into_iter().map(|expr| key_of(expr, schema)).collect()
}

fn key_sort(sort: Vec<SortExpr>, schema: &DFSchema) -> Vec<SortExpr> {
    let key = |expr: Expr| match expr.get_type(schema) {
        // The engine has no RANGE frames over intervals, which windows have by default.
        Ok(data_type) if is_interval(&data_type) => INTERVAL_MICROS.call(vec![expr]),
        _ => key_of(expr, schema),
    };
    sort.into_iter()
        .map(|sort| SortExpr {
            expr: key(sort.expr),
            ..sort
        })
        .collect()
}

/// An expression that compares floats, with their keys.
fn key_operands(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    Ok(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) => {
            Expr::BinaryExpr(BinaryExpr {
                left: key_box(left, schema),
                op,
                right: key_box(right, schema),
            })
        }
        Expr::InList(InList {
            expr,
            list,
            negated,
        }) => Expr::InList(InList {
            expr: key_box(expr, schema),
            list: key_all(list, schema),
            negated,
        }),
        Expr::Between(Between {
            expr,
            negated,
            low,
            high,
        }) => Expr::Between(Between {
            expr: key_box(expr, schema),
            negated,
            low: key_box(low, schema),
            high: key_box(high, schema),
        }),
        Expr::Case(Case {
            expr: Some(subject),
            when_then_expr,
            else_expr,
        }) => Expr::Case(Case {
            expr: Some(key_box(subject, schema)),
            when_then_expr: when_then_expr
                .into_iter()
                .map(|(when, then)| (key_box(when, schema), then))
                .collect(),
            else_expr,
        }),
        Expr::InSubquery(in_subquery) => {
            let data_type = in_subquery.expr.get_type(schema);
            if data_type.is_ok_and(|data_type| needs_key(&data_type)) {
                key_in_subquery(in_subquery)?
            } else {
                Expr::InSubquery(in_subquery)
            }
        }
        Expr::ScalarFunction(call) if call.name() == "nullif" => key_nullif(call, schema)?,
        Expr::ScalarFunction(mut call) if matches!(call.name(), "greatest" | "least") => {
            let is_key = |arg: &Expr| {
                let data_type = arg.get_type(schema);
                data_type.is_ok_and(|data_type| matches!(data_type, DataType::Interval(_)))
            };
            if call.args.iter().any(is_key) {
                call.args = key_all(call.args, schema);
            }
            Expr::ScalarFunction(call)
        }
        Expr::AggregateFunction(mut aggregate) if aggregate.params.distinct => {
            aggregate.params.args = key_all(aggregate.params.args, schema);
            Expr::AggregateFunction(aggregate)
        }
        Expr::AggregateFunction(AggregateFunction { func, mut params }) => {
            params.order_by = key_sort(params.order_by, schema);
            Expr::AggregateFunction(AggregateFunction { func, params })
        }
        Expr::WindowFunction(window) => {
            let WindowFunction { fun, mut params } = *window;
            params.partition_by = key_all(params.partition_by, schema);
            params.order_by = key_sort(params.order_by, schema);
            Expr::from(WindowFunction { fun, params })
        }
        other => other,
    })
}

/// `nullif(a, b)` of floats is `CASE WHEN a = b THEN NULL ELSE a END`, as Spark
/// defines it: the function would compare bits.
fn key_nullif(call: ScalarFunction, schema: &DFSchema) -> Result<Expr> {
    let [value, other] = call.args.as_slice() else {
        return Ok(Expr::ScalarFunction(call));
    };
    let data_type = value.get_type(schema)?;
    if !needs_key(&data_type) {
        return Ok(Expr::ScalarFunction(call));
    }
    let are_equal = key_of(value.clone(), schema).eq(key_of(other.clone(), schema));
    let null = Expr::Literal(ScalarValue::try_new_null(&data_type)?, None);
    when(are_equal, null).otherwise(value.clone())
}

fn key_in_subquery(in_subquery: InSubquery) -> Result<Expr> {
    let InSubquery {
        expr,
        subquery,
        negated,
    } = in_subquery;
    if is_float_key(&expr) {
        return Ok(Expr::InSubquery(InSubquery {
            expr,
            subquery,
            negated,
        }));
    }
    let rows = subquery.subquery.as_ref().clone();
    let plan = if subquery.outer_ref_columns.is_empty() {
        // DataFusion's mark join takes a column without relation twice.
        LogicalPlanBuilder::from(project_keys(rows)?)
            .alias(KEYS)?
            .build()?
    } else {
        key_correlated(rows)?
    };
    Ok(Expr::InSubquery(InSubquery {
        expr: Box::new(float_key(*expr)),
        subquery: Subquery {
            subquery: Arc::new(plan),
            ..subquery
        },
        negated,
    }))
}

/// The keys of a correlated subquery, which gets the columns that its condition
/// compares with the outer query when it becomes a join. An alias of the whole would
/// not learn of them, and one of them may have the name of the column whose key this
/// is.
fn key_correlated(rows: LogicalPlan) -> Result<LogicalPlan> {
    let keys: Vec<Expr> = rows
        .schema()
        .columns()
        .into_iter()
        .enumerate()
        .map(|(at, column)| {
            let key = key_of(Expr::Column(column), rows.schema());
            key.alias_qualified(Some(KEYS), format!("{KEYS}_{at}"))
        })
        .collect();
    LogicalPlanBuilder::from(rows).project(keys)?.build()
}

/// The rows of `plan` with the keys of its float columns, under the same names.
fn project_keys(plan: LogicalPlan) -> Result<LogicalPlan> {
    let schema = Arc::clone(plan.schema());
    let columns: Vec<Expr> = schema
        .iter()
        .map(|(relation, field)| {
            let column = Expr::Column(Column::new(relation.cloned(), field.name()));
            if needs_key(field.data_type()) {
                float_key(column).alias_qualified(relation.cloned(), field.name())
            } else {
                column
            }
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// A node that uses floats as keys, with their keys.
fn key_node(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    Ok(match node {
        LogicalPlan::Aggregate(aggregate) if groups_by_floats(&aggregate) => {
            Transformed::yes(key_groups(aggregate)?)
        }
        LogicalPlan::Distinct(Distinct::All(input)) if has_float_columns(&input) => {
            if is_keyed_projection(&input) {
                return Ok(Transformed::no(LogicalPlan::Distinct(Distinct::All(input))));
            }
            let keys = project_keys(Arc::unwrap_or_clone(input))?;
            Transformed::yes(LogicalPlan::Distinct(Distinct::All(Arc::new(keys))))
        }
        LogicalPlan::Distinct(Distinct::On(mut distinct)) => {
            let schema = Arc::clone(distinct.input.schema());
            distinct.on_expr = key_all(distinct.on_expr, &schema);
            distinct.sort_expr = distinct.sort_expr.map(|sort| key_sort(sort, &schema));
            Transformed::yes(LogicalPlan::Distinct(Distinct::On(distinct)))
        }
        LogicalPlan::Join(mut join) => {
            let Join {
                left, right, on, ..
            } = &mut join;
            let (left, right) = (Arc::clone(left.schema()), Arc::clone(right.schema()));
            *on = std::mem::take(on)
                .into_iter()
                .map(|(l, r)| (key_of(l, &left), key_of(r, &right)))
                .collect();
            Transformed::yes(LogicalPlan::Join(join))
        }
        LogicalPlan::Sort(Sort { expr, input, fetch }) => {
            let schema = Arc::clone(input.schema());
            Transformed::yes(LogicalPlan::Sort(Sort {
                expr: key_sort(expr, &schema),
                input,
                fetch,
            }))
        }
        node => Transformed::no(node),
    })
}

fn has_float_columns(plan: &LogicalPlan) -> bool {
    plan.schema()
        .fields()
        .iter()
        .any(|field| needs_key(field.data_type()))
}

/// Whether the plan is what [`project_keys`] makes: a plan is analyzed more than
/// once.
fn is_keyed_projection(plan: &LogicalPlan) -> bool {
    let LogicalPlan::Projection(projection) = plan else {
        return false;
    };
    let schema = projection.input.schema();
    projection.expr.iter().all(|expr| {
        let unaliased = match expr {
            Expr::Alias(alias) => alias.expr.as_ref(),
            expr => expr,
        };
        is_float_key(unaliased)
            || unaliased
                .get_type(schema)
                .is_ok_and(|data_type| !needs_key(&data_type))
    })
}

fn groups_by_floats(aggregate: &Aggregate) -> bool {
    let schema = aggregate.input.schema();
    aggregate.group_expr.iter().any(|expr| {
        expr.exists(|expr| {
            Ok(expr
                .get_type(schema)
                .is_ok_and(|data_type| needs_key(&data_type)))
        })
        .unwrap_or(false)
    })
}

fn key_groups(aggregate: Aggregate) -> Result<LogicalPlan> {
    let Aggregate {
        input,
        group_expr,
        aggr_expr,
        ..
    } = aggregate;
    let schema = Arc::clone(input.schema());
    // A group's column keeps its name.
    let key_group = |expr: Expr| {
        let (relation, name) = expr.qualified_name();
        let unaliased = expr.clone().unalias();
        let key = key_of(unaliased.clone(), &schema);
        if key == unaliased {
            expr
        } else {
            key.alias_qualified(relation, name)
        }
    };
    let key_list = |list: Vec<Expr>| -> Vec<Expr> { list.into_iter().map(key_group).collect() };
    let key_lists = |lists: Vec<Vec<Expr>>| lists.into_iter().map(key_list).collect();
    let group_expr = group_expr
        .into_iter()
        .map(|expr| match expr {
            Expr::GroupingSet(GroupingSet::Rollup(list)) => {
                Expr::GroupingSet(GroupingSet::Rollup(key_list(list)))
            }
            Expr::GroupingSet(GroupingSet::Cube(list)) => {
                Expr::GroupingSet(GroupingSet::Cube(key_list(list)))
            }
            Expr::GroupingSet(GroupingSet::GroupingSets(lists)) => {
                Expr::GroupingSet(GroupingSet::GroupingSets(key_lists(lists)))
            }
            expr => key_group(expr),
        })
        .collect();
    Aggregate::try_new(input, group_expr, aggr_expr).map(LogicalPlan::Aggregate)
}
