//! Joins in a subquery: which side has the columns of the domain.

use std::sync::Arc;

use datafusion::common::{Column, JoinType, NullEquality, Result, plan_err};
use datafusion::functions::core::coalesce;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, Join, LogicalPlan, Projection};

use super::domain::{DependentRows, OUTER};
use super::outer_values::lateral_subquery;
use super::push_down::{DependentJoin, project_with};

/// The side whose columns of the domain are those of the join's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeadingSide {
    Left,
    Right,
    /// Each of them has rows that the other one does not have.
    Both,
}

impl DependentJoin<'_> {
    pub(super) fn push_into_join(self, join: &Join) -> Result<DependentRows> {
        if lateral_subquery(&join.right).is_some() {
            return self.push_into_lateral(join);
        }
        let left = self.is_dependent(&join.left)?;
        let right = self.is_dependent(&join.right)?;
        let leading = match join.join_type {
            JoinType::Inner if left || !right => LeadingSide::Left,
            JoinType::Inner => LeadingSide::Right,
            JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => LeadingSide::Left,
            JoinType::Right | JoinType::RightSemi | JoinType::RightAnti => LeadingSide::Right,
            JoinType::Full => LeadingSide::Both,
            JoinType::LeftMark | JoinType::RightMark => {
                return plan_err!("a {} join cannot depend on an outer query", join.join_type);
            }
        };
        // A side that leads has each row for each row of the domain.
        let left = self.push_if(&join.left, left || leading != LeadingSide::Right)?;
        let right = self.push_if(&join.right, right || leading != LeadingSide::Left)?;
        self.join_sides(join, left, right, leading)
    }

    fn join_sides(
        self,
        join: &Join,
        left: DependentRows,
        right: DependentRows,
        leading: LeadingSide,
    ) -> Result<DependentRows> {
        let columns = match leading {
            LeadingSide::Left | LeadingSide::Both => &left.columns,
            LeadingSide::Right => &right.columns,
        };
        let mut keys = Vec::with_capacity(join.on.len());
        for (a, b) in &join.on {
            let (a, b) = (a.clone(), b.clone());
            keys.push((self.replace(a, columns)?, self.replace(b, columns)?));
        }
        let mut conditions = Vec::new();
        if let Some(condition) = &join.filter {
            conditions.push(self.replace(condition.clone(), columns)?);
        }
        if !left.columns.is_empty() && !right.columns.is_empty() {
            if join.null_equality == NullEquality::NullEqualsNull {
                let pairs = left.columns.iter().zip(&right.columns);
                keys.extend(pairs.map(|(a, b)| (Expr::Column(a.clone()), Expr::Column(b.clone()))));
            } else {
                conditions.extend(self.domain.equate_columns(&left.columns, &right.columns)?);
            }
        }
        let joined = Join::try_new(
            Arc::new(left.plan),
            Arc::new(right.plan),
            keys,
            conjunction(conditions),
            join.join_type,
            join.join_constraint,
            join.null_equality,
            join.null_aware,
        )?;
        let plan = LogicalPlan::Join(joined);
        let outputs = join
            .schema
            .columns()
            .into_iter()
            .map(Expr::Column)
            .collect();
        if leading == LeadingSide::Both {
            return self.merge_columns(plan, outputs, &left.columns, &right.columns);
        }
        // The columns of the other side are no part of the result.
        Ok(DependentRows {
            plan: project_with(plan, outputs, columns)?,
            columns: columns.clone(),
        })
    }

    /// `plan`, with columns of the domain if it needs them.
    fn push_if(self, plan: &LogicalPlan, is_needed: bool) -> Result<DependentRows> {
        if is_needed {
            return self.push_into(plan);
        }
        Ok(DependentRows {
            plan: plan.clone(),
            columns: Vec::new(),
        })
    }

    /// The columns of a full join's domain are those of the side that has a row.
    fn merge_columns(
        self,
        plan: LogicalPlan,
        mut outputs: Vec<Expr>,
        left: &[Column],
        right: &[Column],
    ) -> Result<DependentRows> {
        let mut columns = Vec::with_capacity(left.len());
        for (left, right) in left.iter().zip(right) {
            let sides = vec![Expr::Column(left.clone()), Expr::Column(right.clone())];
            let name = self.names.make_name(OUTER);
            outputs.push(coalesce().call(sides).alias(&name));
            columns.push(Column::new_unqualified(name));
        }
        let plan = Projection::try_new(outputs, Arc::new(plan))?;
        Ok(DependentRows {
            plan: LogicalPlan::Projection(plan),
            columns,
        })
    }

    /// The right side refers to the left one only: what referred further outside has
    /// become a join already.
    fn push_into_lateral(self, join: &Join) -> Result<DependentRows> {
        let left = self.push_into(&join.left)?;
        let condition = join.filter.clone();
        let condition = condition
            .map(|condition| self.replace(condition, &left.columns))
            .transpose()?;
        let joined = Join::try_new(
            Arc::new(left.plan),
            Arc::clone(&join.right),
            join.on.clone(),
            condition,
            join.join_type,
            join.join_constraint,
            join.null_equality,
            join.null_aware,
        )?;
        let outputs = join
            .schema
            .columns()
            .into_iter()
            .map(Expr::Column)
            .collect();
        Ok(DependentRows {
            plan: project_with(LogicalPlan::Join(joined), outputs, &left.columns)?,
            columns: left.columns,
        })
    }
}
