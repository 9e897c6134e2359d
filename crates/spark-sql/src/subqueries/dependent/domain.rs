//! The domain of a subquery: the different values that the outer query has for what
//! the subquery reads of it.

use std::cell::Cell;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, JoinConstraint, NullEquality, Result, ScalarValue, plan_err};
use datafusion::functions::core::coalesce;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Distinct, Expr, Filter, Join, JoinType, LogicalPlan, Projection, lit,
};

use super::outer_values::OuterValue;
use super::source::find_source;
use crate::types::sql_type_name;

/// What the names of the domain's columns are made of.
pub(super) const OUTER: &str = "outer";

/// Names that no other column of a plan has.
#[derive(Debug, Default)]
pub(super) struct FreshNames {
    next: Cell<usize>,
}

impl FreshNames {
    pub(super) fn make_name(&self, what: &str) -> String {
        let at = self.next.get();
        self.next.set(at + 1);
        format!("__{what}_{at}")
    }
}

#[derive(Debug)]
pub(super) struct Domain<'a> {
    pub(super) values: Vec<OuterValue>,
    /// Each combination of the values once.
    rows: Arc<LogicalPlan>,
    names: &'a FreshNames,
}

/// A plan with columns that say for which values of the outer query its rows are.
#[derive(Debug, Clone)]
pub(super) struct DependentRows {
    pub(super) plan: LogicalPlan,
    /// A column for each value of the domain.
    pub(super) columns: Vec<Column>,
}

impl<'a> Domain<'a> {
    /// The domain of the values that `subquery` reads of `outer`, if they can be read
    /// twice.
    pub(super) fn new(
        outer: &LogicalPlan,
        subquery: &LogicalPlan,
        values: Vec<OuterValue>,
        names: &'a FreshNames,
    ) -> Result<Option<Self>> {
        for value in &values {
            if value.data_type.is_nested() {
                return plan_err!(
                    "this correlated subquery compares a whole {} of the outer query; compare a field or \
                     an element of it, which is computed in a subquery in FROM",
                    sql_type_name(&value.data_type)
                );
            }
        }
        let outer_values: Vec<Expr> = values.iter().map(|value| value.outer.clone()).collect();
        let Some(source) = find_source(Arc::new(outer.clone()), outer_values, subquery)? else {
            return Ok(None);
        };
        let mut plan = source.plan;
        if let Some(condition) = conjunction(source.conditions) {
            plan = Arc::new(LogicalPlan::Filter(Filter::try_new(condition, plan)?));
        }
        let columns = source
            .values
            .into_iter()
            .map(|value| value.alias(names.make_name(OUTER)))
            .collect();
        let rows = LogicalPlan::Projection(Projection::try_new(columns, plan)?);
        Ok(Some(Self {
            values,
            rows: Arc::new(LogicalPlan::Distinct(Distinct::All(Arc::new(rows)))),
            names,
        }))
    }

    /// The rows of the domain, under new names.
    pub(super) fn read_rows(&self) -> Result<DependentRows> {
        let (columns, exprs) = self.rename_columns(&self.rows.schema().columns());
        let plan = Projection::try_new(exprs, Arc::clone(&self.rows))?;
        Ok(DependentRows {
            plan: LogicalPlan::Projection(plan),
            columns,
        })
    }

    /// New names for columns of the domain, and the expressions that give them.
    pub(super) fn rename_columns(&self, columns: &[Column]) -> (Vec<Column>, Vec<Expr>) {
        let named = columns.iter().map(|column| {
            let name = self.names.make_name(OUTER);
            let expr = Expr::Column(column.clone()).alias(&name);
            (Column::new_unqualified(name), expr)
        });
        named.unzip()
    }

    /// The combination of each row of the domain with each row of `plan`.
    pub(super) fn combine_with(&self, plan: &LogicalPlan) -> Result<DependentRows> {
        let rows = self.read_rows()?;
        if let LogicalPlan::EmptyRelation(empty) = plan
            && empty.produce_one_row
            && empty.schema.fields().is_empty()
        {
            return Ok(rows);
        }
        let plan = join_plans(rows.plan, plan.clone(), JoinType::Inner, None)?;
        Ok(DependentRows {
            plan,
            columns: rows.columns,
        })
    }

    /// The condition that two plans have rows for the same values.
    pub(super) fn equate_columns(&self, left: &[Column], right: &[Column]) -> Result<Vec<Expr>> {
        let mut conditions = Vec::new();
        for ((value, left), right) in self.values.iter().zip(left).zip(right) {
            let (left, right) = (Expr::Column(left.clone()), Expr::Column(right.clone()));
            let pairs = equal_pairs(value, left, right)?;
            conditions.extend(pairs.into_iter().map(|(left, right)| left.eq(right)));
        }
        Ok(conditions)
    }

    /// The keys that join the outer query with rows for its values.
    pub(super) fn join_keys(&self, columns: &[Column]) -> Result<Vec<(Expr, Expr)>> {
        let mut keys = Vec::new();
        for (value, column) in self.values.iter().zip(columns) {
            let column = Expr::Column(column.clone());
            keys.extend(equal_pairs(value, value.outer.clone(), column)?);
        }
        Ok(keys)
    }
}

/// Pairs that are equal when both sides have the same value, also when it is NULL.
///
/// They are equal in the sense of `=`. A join in which NULL equals NULL would be
/// shorter; but the optimizer adds conditions of a query to the keys of such a join,
/// and does not see that NULL equals NULL then for them too.
fn equal_pairs(value: &OuterValue, left: Expr, right: Expr) -> Result<Vec<(Expr, Expr)>> {
    if value.data_type == DataType::Null {
        return Ok(Vec::new());
    }
    if !value.is_nullable {
        return Ok(vec![(left, right)]);
    }
    let constant = lit(ScalarValue::new_default(&value.data_type)?);
    let fill = |expr: &Expr| coalesce().call(vec![expr.clone(), constant.clone()]);
    let filled = (fill(&left), fill(&right));
    Ok(vec![
        filled,
        (Expr::IsNull(Box::new(left)), Expr::IsNull(Box::new(right))),
    ])
}

/// Whether `plan` is a domain: the different values that rows of another part of the
/// plan have. It decides nothing about which rows there are.
pub(in crate::subqueries) fn is_domain(plan: &LogicalPlan) -> bool {
    let LogicalPlan::Distinct(Distinct::All(input)) = plan else {
        return false;
    };
    let LogicalPlan::Projection(projection) = input.as_ref() else {
        return false;
    };
    let prefix = format!("__{OUTER}_");
    let mut fields = projection.schema.fields().iter();
    fields.all(|field| field.name().starts_with(&prefix))
}

/// A join without keys.
pub(super) fn join_plans(
    left: LogicalPlan,
    right: LogicalPlan,
    join_type: JoinType,
    condition: Option<Expr>,
) -> Result<LogicalPlan> {
    join_by_keys(left, right, join_type, Vec::new(), condition)
}

/// A join in which NULL equals nothing.
pub(super) fn join_by_keys(
    left: LogicalPlan,
    right: LogicalPlan,
    join_type: JoinType,
    keys: Vec<(Expr, Expr)>,
    condition: Option<Expr>,
) -> Result<LogicalPlan> {
    let join = Join::try_new(
        Arc::new(left),
        Arc::new(right),
        keys,
        condition,
        join_type,
        JoinConstraint::On,
        NullEquality::NullEqualsNothing,
        false,
    )?;
    Ok(LogicalPlan::Join(join))
}
