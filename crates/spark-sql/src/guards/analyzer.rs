//! Puts conditions that can fail behind their guards.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, TableReference};
use datafusion::logical_expr::expr::{AggregateFunction, Case, InSubquery, WindowFunction};
use datafusion::logical_expr::utils::{
    conjunction, disjunction, merge_schema, split_conjunction_owned,
};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Filter, Join, JoinType, LogicalPlan, Operator, lit, when,
};
use datafusion::optimizer::AnalyzerRule;

use super::can_fail::can_fail;
use super::functions::{guarded_case, is_guarded, is_risky, mark_risky};
use crate::plan_expressions::rewrite_node;

/// Evaluates conditions that can fail only for rows that pass the conditions
/// before them. Runs last, when all operators and casts are known.
#[derive(Debug)]
pub(crate) struct GuardConditions;

impl AnalyzerRule for GuardConditions {
    fn name(&self) -> &'static str {
        "guard_conditions"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = plan
            .transform_up_with_subqueries(|node| match node {
                LogicalPlan::Filter(filter) => guard_filter(filter),
                LogicalPlan::Join(join) => guard_join(join),
                node => Ok(Transformed::no(node)),
            })?
            .data;
        Ok(plan.transform_up_with_subqueries(guard_expressions)?.data)
    }
}

/// Guards inside the expressions of a node. The conditions of a filter or join are
/// taken one by one: as one expression, none could move or become a join's key.
fn guard_expressions(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let are_conditions = matches!(node, LogicalPlan::Filter(_) | LogicalPlan::Join(_));
    rewrite_node(node, &|expr, schema| {
        if !are_conditions {
            return guard_expression(expr, schema);
        }
        let mut transformed = false;
        let conditions = split_conjunction_owned(expr)
            .into_iter()
            .map(|condition| {
                let guarded = guard_expression(condition, schema)?;
                transformed |= guarded.transformed;
                Ok(guarded.data)
            })
            .collect::<Result<Vec<_>>>()?;
        let expr = conjunction(conditions).unwrap_or(lit(true));
        Ok(Transformed::new(
            expr,
            transformed,
            TreeNodeRecursion::Continue,
        ))
    })
}

/// The conditions of a filter or join, sorted by whether they can fail.
struct Conditions {
    /// Those that cannot, in their order.
    safe: Vec<Expr>,
    risky: Vec<Expr>,
}

impl Conditions {
    fn sort(conditions: Vec<Expr>, schema: &DFSchema) -> Self {
        let (risky, safe) = conditions
            .into_iter()
            .partition(|condition| !is_guarded(condition) && can_fail(condition, schema));
        Self { safe, risky }
    }

    /// The guards of a condition in the same place. Subqueries are not among
    /// them, because they become joins.
    fn guard(&self) -> Option<Expr> {
        let safe = self
            .safe
            .iter()
            .filter(|condition| !has_subquery(condition));
        conjunction(safe.cloned())
    }
}

fn guard_filter(filter: Filter) -> Result<Transformed<LogicalPlan>> {
    let schema = Arc::clone(filter.input.schema());
    let conditions = split_conjunction_owned(filter.predicate.clone());
    if conditions.iter().any(is_risky) {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    }
    let mut conditions = Conditions::sort(conditions, &schema);
    if conditions.risky.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    }
    let reads_joins = reads_join(&filter.input);
    let mut stacked = Vec::new();
    for condition in std::mem::take(&mut conditions.risky) {
        let guard = conditions.guard();
        if let Expr::InSubquery(condition) = condition {
            let condition = guard_in_subquery(condition, guard, &schema)?;
            conditions.safe.push(condition);
        } else if reads_outer_query(&condition) {
            // It becomes part of a join with the outer query.
            conditions.safe.push(guard_in_place(guard, condition));
        } else if reads_joins && let Some(sides) = equated_sides(&condition) {
            // A join's key: without it, the join would become a cross join.
            let key = guard_key(sides, &conditions.safe, &schema)?;
            conditions.safe.push(key);
        } else {
            stacked.push(condition);
        }
    }
    let mut input = filter.input;
    if let Some(safe) = conjunction(conditions.safe) {
        input = Arc::new(LogicalPlan::Filter(Filter::try_new(safe, input)?));
    }
    for condition in stacked {
        let filter = Filter::try_new(mark_risky(condition), input)?;
        input = Arc::new(LogicalPlan::Filter(filter));
    }
    Ok(Transformed::yes(Arc::unwrap_or_clone(input)))
}

fn guard_join(mut join: Join) -> Result<Transformed<LogicalPlan>> {
    let Some(filter) = join.filter.take() else {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    };
    let schema = merge_schema(&[&join.left, &join.right]);
    let mut conditions = Conditions::sort(split_conjunction_owned(filter.clone()), &schema);
    if conditions.risky.is_empty() {
        join.filter = Some(filter);
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    }
    let mut stacked = Vec::new();
    for condition in std::mem::take(&mut conditions.risky) {
        if let Some(sides) = equated_sides(&condition) {
            let key = guard_key(sides, &conditions.safe, &schema)?;
            conditions.safe.push(key);
        } else if join.join_type == JoinType::Inner && !has_subquery(&condition) {
            stacked.push(condition);
        } else {
            let guard = conditions.guard();
            conditions.safe.push(guard_in_place(guard, condition));
        }
    }
    join.filter = conjunction(conditions.safe);
    let mut plan = LogicalPlan::Join(join);
    for condition in stacked {
        plan = LogicalPlan::Filter(Filter::try_new(mark_risky(condition), Arc::new(plan))?);
    }
    Ok(Transformed::yes(plan))
}

/// A condition that is true only where `guard` is, and evaluated only there.
fn guard_in_place(guard: Option<Expr>, condition: Expr) -> Expr {
    match guard {
        Some(guard) => guarded_case(vec![(guard, condition)], Some(lit(false))),
        None => condition,
    }
}

/// `value`, where `guard` is true, and NULL elsewhere.
fn guard_value(guard: Option<Expr>, value: Expr, schema: &DFSchema) -> Result<Expr> {
    match guard {
        Some(guard) if !is_case_of(&value, &guard) && can_fail(&value, schema) => {
            when(guard, value).end()
        }
        _ => Ok(value),
    }
}

/// Whether `value` is already behind `guard`: a plan is analyzed more than once.
fn is_case_of(value: &Expr, guard: &Expr) -> bool {
    matches!(value, Expr::Case(case) if case
        .when_then_expr
        .first()
        .is_some_and(|(condition, _)| condition.as_ref() == guard))
}

/// `value IN (subquery)`: a row that the guard excludes has no value to look for.
fn guard_in_subquery(
    condition: InSubquery,
    guard: Option<Expr>,
    schema: &DFSchema,
) -> Result<Expr> {
    Ok(Expr::InSubquery(InSubquery {
        expr: Box::new(guard_value(guard, *condition.expr, schema)?),
        ..condition
    }))
}

/// The sides of an equation of two relations.
fn equated_sides(condition: &Expr) -> Option<(Expr, Expr)> {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Eq,
        right,
    }) = condition
    else {
        return None;
    };
    let (left_of, right_of) = (relations_of(left), relations_of(right));
    let one_each = left_of.len() == 1 && right_of.len() == 1 && left_of != right_of;
    one_each.then(|| (left.as_ref().clone(), right.as_ref().clone()))
}

fn relations_of(expr: &Expr) -> HashSet<Option<TableReference>> {
    expr.column_refs()
        .into_iter()
        .map(|column| column.relation.clone())
        .collect()
}

/// The equation of two relations, each side behind the guards that read only its
/// relation.
fn guard_key((left, right): (Expr, Expr), safe: &[Expr], schema: &DFSchema) -> Result<Expr> {
    let guard_side = |side: Expr| {
        let relations = relations_of(&side);
        let of_side = safe
            .iter()
            .filter(|guard| relations_of(guard) == relations && !has_subquery(guard));
        guard_value(conjunction(of_side.cloned()), side, schema)
    };
    Ok(guard_side(left)?.eq(guard_side(right)?))
}

fn reads_join(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Join(_) => true,
        LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => {
            plan.inputs().into_iter().any(reads_join)
        }
        _ => false,
    }
}

fn reads_outer_query(expr: &Expr) -> bool {
    contains(expr, |expr| matches!(expr, Expr::OuterReferenceColumn(..)))
}

fn has_subquery(expr: &Expr) -> bool {
    contains(expr, |expr| {
        matches!(
            expr,
            Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::ScalarSubquery(_)
                | Expr::SetComparison(_)
        )
    })
}

fn contains(expr: &Expr, is_wanted: impl Fn(&Expr) -> bool) -> bool {
    expr.exists(|expr| Ok(is_wanted(expr))).unwrap_or(true)
}

/// Guards inside an expression: `AND`, `OR`, `CASE` with conditions, and the
/// arguments of an aggregate with `FILTER`.
fn guard_expression(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    expr.transform_down(|expr| {
        if is_guarded(&expr) {
            return Ok(Transformed::new(expr, false, TreeNodeRecursion::Jump));
        }
        let guarded = match expr {
            Expr::BinaryExpr(BinaryExpr {
                op: op @ (Operator::And | Operator::Or),
                ..
            }) => guard_connective(expr, op, schema)?,
            Expr::Case(case) => guard_case(case, schema)?,
            Expr::AggregateFunction(aggregate) => {
                return guard_aggregate(aggregate, schema);
            }
            Expr::WindowFunction(window) => return guard_window(*window, schema),
            other => Transformed::no(other),
        };
        Ok(if guarded.transformed {
            Transformed::new(guarded.data, true, TreeNodeRecursion::Jump)
        } else {
            guarded
        })
    })
}

/// `a AND b` and `a OR b` where `b` can fail.
fn guard_connective(expr: Expr, op: Operator, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let mut operands = Vec::new();
    split_connective(&expr, op, &mut operands);
    let can_fail_at: Vec<bool> = operands
        .iter()
        .map(|operand| can_fail(operand, schema))
        .collect();
    if !can_fail_at.iter().skip(1).any(|can_fail| *can_fail) {
        return Ok(Transformed::no(expr));
    }
    let mut operands = operands
        .into_iter()
        .map(|operand| Ok(guard_expression(operand, schema)?.data))
        .collect::<Result<Vec<_>>>()?;
    // From the right: the rest is evaluated where the operands before it leave
    // the result open.
    let Some(mut rest) = operands.pop() else {
        return Ok(Transformed::no(expr));
    };
    let mut rest_can_fail = can_fail_at.last().copied().unwrap_or(true);
    let mut can_fail_at = &can_fail_at[..operands.len()];
    while let Some(operand) = operands.pop() {
        let operand_can_fail = can_fail_at.last().copied().unwrap_or(true);
        can_fail_at = &can_fail_at[..operands.len()];
        if !rest_can_fail {
            rest = connect(operand, op, rest);
            rest_can_fail = operand_can_fail;
            continue;
        }
        // Operands that cannot fail are one guard together.
        let mut guard = vec![operand];
        if !operand_can_fail {
            while can_fail_at.last() == Some(&false)
                && let Some(operand) = operands.pop()
            {
                guard.insert(0, operand);
                can_fail_at = &can_fail_at[..operands.len()];
            }
        }
        let guard = if op == Operator::And {
            conjunction(guard)
        } else {
            disjunction(guard)
        };
        let Some(guard) = guard else { continue };
        let (open, decided) = if op == Operator::And {
            (guard.clone().is_not_false(), lit(false))
        } else {
            (guard.clone().is_not_true(), lit(true))
        };
        rest = guarded_case(vec![(open, connect(guard, op, rest))], Some(decided));
    }
    Ok(Transformed::yes(rest))
}

fn connect(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

fn split_connective(expr: &Expr, connective: Operator, operands: &mut Vec<Expr>) {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if *op == connective => {
            split_connective(left, connective, operands);
            split_connective(right, connective, operands);
        }
        other => operands.push(other.clone()),
    }
}

/// A `CASE` whose values are conditions that can fail.
fn guard_case(case: Case, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let values = case
        .when_then_expr
        .iter()
        .map(|(_, then)| then.as_ref())
        .chain(case.else_expr.as_deref());
    let mut values = values.peekable();
    let is_condition = values.peek().is_some_and(|value| {
        value
            .get_type(schema)
            .is_ok_and(|value| value == DataType::Boolean)
    });
    if !is_condition || !values.any(|value| can_fail(value, schema)) {
        return Ok(Transformed::no(Expr::Case(case)));
    }
    let guard = |expr: Expr| {
        Ok::<_, datafusion::error::DataFusionError>(guard_expression(expr, schema)?.data)
    };
    let subject = case.expr.map(|subject| *subject);
    let mut branches = Vec::with_capacity(case.when_then_expr.len());
    for (condition, value) in case.when_then_expr {
        let condition = match &subject {
            Some(subject) => subject.clone().eq(*condition),
            None => *condition,
        };
        branches.push((guard(condition)?, guard(*value)?));
    }
    let otherwise = case.else_expr.map(|value| guard(*value)).transpose()?;
    Ok(Transformed::yes(guarded_case(branches, otherwise)))
}

/// The arguments of an aggregate are evaluated only for rows that its `FILTER`
/// keeps.
fn guard_aggregate(
    mut aggregate: AggregateFunction,
    schema: &DFSchema,
) -> Result<Transformed<Expr>> {
    let guarded = guard_arguments(
        &mut aggregate.params.args,
        aggregate.params.filter.as_deref(),
        schema,
    )?;
    let expr = Expr::AggregateFunction(aggregate);
    Ok(if guarded {
        Transformed::yes(expr)
    } else {
        Transformed::no(expr)
    })
}

fn guard_window(mut window: WindowFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let guarded = guard_arguments(
        &mut window.params.args,
        window.params.filter.as_deref(),
        schema,
    )?;
    let expr = Expr::from(window);
    Ok(if guarded {
        Transformed::yes(expr)
    } else {
        Transformed::no(expr)
    })
}

fn guard_arguments(args: &mut [Expr], filter: Option<&Expr>, schema: &DFSchema) -> Result<bool> {
    let Some(filter) = filter else {
        return Ok(false);
    };
    let mut guarded = false;
    for arg in args {
        if is_case_of(arg, filter) || is_guarded(arg) || !can_fail(arg, schema) {
            continue;
        }
        let value = std::mem::replace(arg, lit(false));
        *arg = if value.get_type(schema)? == DataType::Boolean {
            guarded_case(vec![(filter.clone(), value)], None)
        } else {
            when(filter.clone(), value).end()?
        };
        guarded = true;
    }
    Ok(guarded)
}
