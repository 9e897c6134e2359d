//! Builds the plan of an order of joins.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, JoinType, NullEquality, Result, plan_datafusion_err};
use datafusion::logical_expr::logical_plan::{Filter, Join, JoinConstraint, Projection};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};

use super::cardinality::Cardinalities;
use super::flatten::{ColumnId, JoinGroup};
use super::graph::JoinTree;
use super::relation_set::RelationSet;

/// The plan of `tree` over the relations of `group`, with the `output` columns
/// under the names of `schema`. `classes` are the columns that are equal.
pub(super) fn build_plan(
    group: &JoinGroup,
    classes: &[Vec<ColumnId>],
    tree: &JoinTree,
    cardinalities: &mut Cardinalities<'_>,
    output: (&[ColumnId], &DFSchema),
) -> Result<LogicalPlan> {
    let mut builder = PlanBuilder {
        group,
        classes,
        names: ColumnNames::new(group),
        cardinalities,
    };
    let joined = builder.build_tree(tree)?;
    builder.restore_columns(joined, output.0, output.1)
}

struct PlanBuilder<'a, 'b> {
    group: &'a JoinGroup,
    classes: &'a [Vec<ColumnId>],
    names: ColumnNames,
    cardinalities: &'a mut Cardinalities<'b>,
}

impl PlanBuilder<'_, '_> {
    fn build_tree(&mut self, tree: &JoinTree) -> Result<LogicalPlan> {
        match tree {
            JoinTree::Relation(relation) => self.build_relation(*relation),
            JoinTree::Join(left, right) => {
                // The left side of a hash join is put into the hash table.
                let (left_set, right_set) = (left.relations(), right.relations());
                let is_swapped =
                    self.cardinalities.bytes(left_set) > self.cardinalities.bytes(right_set);
                let (left, right) = if is_swapped {
                    (right, left)
                } else {
                    (left, right)
                };
                self.build_inner(left, right)
            }
            JoinTree::Attach(input, relation) => self.build_attached(input, *relation),
        }
    }

    /// A relation with the predicates that need no other one.
    fn build_relation(&self, relation: usize) -> Result<LogicalPlan> {
        let plan = self.names.name_columns(self.group, relation)?;
        let mut predicates = self.predicates_at(RelationSet::single(relation), &[]);
        // Columns of one relation that equal the same column are equal.
        for class in self.classes {
            let mut members = class.iter().filter(|id| id.relation == relation);
            if let Some(first) = members.next() {
                for member in members {
                    predicates.push(equals(first.placeholder(), member.placeholder()));
                }
            }
        }
        self.filter_plan(plan, predicates)
    }

    fn build_inner(&mut self, left: &JoinTree, right: &JoinTree) -> Result<LogicalPlan> {
        let (left_set, right_set) = (left.relations(), right.relations());
        let mut on = Vec::new();
        for class in self.classes {
            let member = |set: RelationSet| class.iter().find(|id| set.contains(id.relation));
            if let (Some(left), Some(right)) = (member(left_set), member(right_set)) {
                on.push((left.placeholder(), right.placeholder()));
            }
        }
        let mut filters = Vec::new();
        let joined = left_set.union(right_set);
        for predicate in &self.group.predicates {
            if !is_due(predicate.required, joined, &[left_set, right_set]) {
                continue;
            }
            match (&predicate.expr, predicate.sides) {
                (Expr::BinaryExpr(BinaryExpr { left, right, .. }), Some(sides))
                    if sides.0.is_subset_of(left_set) && sides.1.is_subset_of(right_set) =>
                {
                    on.push((left.as_ref().clone(), right.as_ref().clone()));
                }
                (Expr::BinaryExpr(BinaryExpr { left, right, .. }), Some(sides))
                    if sides.1.is_subset_of(left_set) && sides.0.is_subset_of(right_set) =>
                {
                    on.push((right.as_ref().clone(), left.as_ref().clone()));
                }
                (expr, _) => filters.push(expr.clone()),
            }
        }
        let (left, right) = (self.build_tree(left)?, self.build_tree(right)?);
        let on = on
            .into_iter()
            .map(|(left, right)| Ok((self.names.resolve(left)?, self.names.resolve(right)?)))
            .collect::<Result<_>>()?;
        let filter = conjunction(filters)
            .map(|filter| self.names.resolve(filter))
            .transpose()?;
        let join = Join::try_new(
            Arc::new(left),
            Arc::new(right),
            on,
            filter,
            JoinType::Inner,
            JoinConstraint::On,
            NullEquality::NullEqualsNothing,
            false,
        )?;
        Ok(LogicalPlan::Join(join))
    }

    fn build_attached(&mut self, input: &JoinTree, relation: usize) -> Result<LogicalPlan> {
        let attached = self.group.relations[relation].attached.as_ref();
        let attached =
            attached.ok_or_else(|| plan_datafusion_err!("relation {relation} is not attached"))?;
        let input_set = input.relations();
        let left = self.build_tree(input)?;
        let right = self.names.name_columns(self.group, relation)?;
        let on = attached
            .on
            .iter()
            .map(|(left, right)| {
                Ok((
                    self.names.resolve(left.clone())?,
                    self.names.resolve(right.clone())?,
                ))
            })
            .collect::<Result<_>>()?;
        let filter = attached.filter.clone();
        let join = Join::try_new(
            Arc::new(left),
            Arc::new(right),
            on,
            filter
                .map(|filter| self.names.resolve(filter))
                .transpose()?,
            attached.join_type,
            JoinConstraint::On,
            attached.null_equality,
            attached.null_aware,
        )?;
        // Predicates on an attached relation come after its join, where it may be
        // NULL; they are never part of the join.
        let joined = input_set.union(RelationSet::single(relation));
        let predicates = self.predicates_at(joined, &[input_set]);
        self.filter_plan(LogicalPlan::Join(join), predicates)
    }

    /// The predicates that can be evaluated on `joined` and on none of its parts.
    fn predicates_at(&self, joined: RelationSet, parts: &[RelationSet]) -> Vec<Expr> {
        self.group
            .predicates
            .iter()
            .filter(|predicate| is_due(predicate.required, joined, parts))
            .map(|predicate| predicate.expr.clone())
            .collect()
    }

    fn filter_plan(&self, plan: LogicalPlan, predicates: Vec<Expr>) -> Result<LogicalPlan> {
        match conjunction(predicates) {
            Some(predicate) => {
                let predicate = self.names.resolve(predicate)?;
                Ok(LogicalPlan::Filter(Filter::try_new(
                    predicate,
                    Arc::new(plan),
                )?))
            }
            None => Ok(plan),
        }
    }

    fn restore_columns(
        &self,
        plan: LogicalPlan,
        columns: &[ColumnId],
        schema: &DFSchema,
    ) -> Result<LogicalPlan> {
        let exprs = columns
            .iter()
            .zip(schema.iter())
            .map(|(id, (qualifier, field))| {
                let column = self.names.column(*id)?;
                let is_same = column.relation.as_ref() == qualifier && column.name == *field.name();
                let expr = Expr::Column(column);
                Ok(if is_same {
                    expr
                } else {
                    expr.alias_qualified(qualifier.cloned(), field.name())
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(LogicalPlan::Projection(Projection::try_new(
            exprs,
            Arc::new(plan),
        )?))
    }
}

fn is_due(required: RelationSet, joined: RelationSet, parts: &[RelationSet]) -> bool {
    required.is_subset_of(joined) && !parts.iter().any(|part| required.is_subset_of(*part))
}

fn equals(left: Expr, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(
        Box::new(left),
        Operator::Eq,
        Box::new(right),
    ))
}

/// The names of the columns of a group in its plan: those of the relations, or
/// new ones where relations have the same.
struct ColumnNames {
    /// By relation, whether its columns get new names.
    is_renamed: Vec<bool>,
    columns: HashMap<ColumnId, Column>,
}

impl ColumnNames {
    fn new(group: &JoinGroup) -> Self {
        let mut taken: HashMap<String, Vec<Option<String>>> = HashMap::new();
        let mut is_renamed = Vec::with_capacity(group.relations.len());
        let mut columns = HashMap::new();
        for (relation, node) in group.relations.iter().enumerate() {
            let schema = node.plan.schema();
            let table = |qualifier: Option<&datafusion::common::TableReference>| {
                qualifier.map(|table| table.table().to_owned())
            };
            let is_ambiguous = schema.iter().any(|(qualifier, field)| {
                let qualifier = table(qualifier);
                taken.get(field.name()).is_some_and(|others| {
                    others
                        .iter()
                        .any(|other| *other == qualifier || other.is_none() || qualifier.is_none())
                })
            });
            for (column, (qualifier, field)) in schema.iter().enumerate() {
                let name = if is_ambiguous {
                    Column::new_unqualified(format!("__r{relation}_{column}"))
                } else {
                    let others = taken.entry(field.name().clone()).or_default();
                    others.push(table(qualifier));
                    Column::from((qualifier, field))
                };
                columns.insert(ColumnId { relation, column }, name);
            }
            is_renamed.push(is_ambiguous);
        }
        Self {
            is_renamed,
            columns,
        }
    }

    fn column(&self, id: ColumnId) -> Result<Column> {
        let column = self.columns.get(&id).cloned();
        column.ok_or_else(|| plan_datafusion_err!("no column {id:?} in a group of joins"))
    }

    /// The plan of a relation with the names of its columns here.
    fn name_columns(&self, group: &JoinGroup, relation: usize) -> Result<LogicalPlan> {
        let plan = &group.relations[relation].plan;
        if !self.is_renamed[relation] {
            return Ok(plan.clone());
        }
        let exprs = plan
            .schema()
            .iter()
            .enumerate()
            .map(|(column, field)| {
                let name = self.column(ColumnId { relation, column })?.name;
                Ok(Expr::Column(Column::from(field)).alias(name))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(LogicalPlan::Projection(Projection::try_new(
            exprs,
            Arc::new(plan.clone()),
        )?))
    }

    /// An expression of the group with names instead of placeholders.
    fn resolve(&self, expr: Expr) -> Result<Expr> {
        let resolved = expr.transform(|expr| match &expr {
            Expr::Column(column) => match ColumnId::from_placeholder(column) {
                Some(id) => Ok(Transformed::yes(Expr::Column(self.column(id)?))),
                None => Ok(Transformed::no(expr)),
            },
            _ => Ok(Transformed::no(expr)),
        })?;
        Ok(resolved.data)
    }
}
