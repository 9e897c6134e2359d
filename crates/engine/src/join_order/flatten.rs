//! Takes a tree of joins apart into a group of relations and predicates.

use std::collections::HashSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, JoinType, NullEquality, Result, plan_err};
use datafusion::logical_expr::logical_plan::{Filter, Join, Projection};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};

use super::graph::JoinTree;
use super::relation_set::RelationSet;
use super::total::is_total;

/// A column of a group: a relation by its number, and a column of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ColumnId {
    pub(super) relation: usize,
    pub(super) column: usize,
}

impl ColumnId {
    /// The column by which expressions of the group name it.
    pub(super) fn placeholder(self) -> Expr {
        let Self { relation, column } = self;
        Expr::Column(Column::new_unqualified(format!("{relation}:{column}")))
    }

    /// The inverse of [`Self::placeholder`].
    pub(super) fn from_placeholder(column: &Column) -> Option<Self> {
        let (relation, column) = column.name.split_once(':')?;
        Some(Self {
            relation: relation.parse().ok()?,
            column: column.parse().ok()?,
        })
    }
}

/// A group of relations that are joined. Its expressions name columns by
/// [`ColumnId::placeholder`].
#[derive(Debug, Default)]
pub(super) struct JoinGroup {
    pub(super) relations: Vec<GroupRelation>,
    /// Pairs of columns that inner joins make equal.
    pub(super) equalities: Vec<(ColumnId, ColumnId)>,
    pub(super) predicates: Vec<GroupPredicate>,
}

#[derive(Debug)]
pub(super) struct GroupRelation {
    pub(super) plan: LogicalPlan,
    /// Set for the right side of an outer, semi or anti join.
    pub(super) attached: Option<AttachedJoin>,
}

/// The join of an attached relation, which is its right side.
#[derive(Debug)]
pub(super) struct AttachedJoin {
    pub(super) join_type: JoinType,
    /// The relation's side of a pair comes second.
    pub(super) on: Vec<(Expr, Expr)>,
    pub(super) filter: Option<Expr>,
    pub(super) null_equality: NullEquality,
    pub(super) null_aware: bool,
    /// The relations that must be joined before.
    pub(super) needs: RelationSet,
}

#[derive(Debug)]
pub(super) struct GroupPredicate {
    pub(super) expr: Expr,
    /// The relations that must be joined before.
    pub(super) required: RelationSet,
    /// For an equality, the relations of its sides, which are disjoint.
    pub(super) sides: Option<(RelationSet, RelationSet)>,
}

/// A part of a tree of joins that has been taken apart.
pub(super) struct FlatPlan {
    /// The columns of its plan.
    pub(super) columns: Vec<ColumnId>,
    /// Its joins as they are written.
    pub(super) written: JoinTree,
}

/// Whether `plan` is joins, possibly below filters and renamed columns.
pub(super) fn is_join_tree(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Join(join) => is_ordered_join(join),
        LogicalPlan::Filter(filter) => is_stable(&filter.predicate) && is_join_tree(&filter.input),
        LogicalPlan::Projection(projection) => {
            picks_columns(projection) && is_join_tree(&projection.input)
        }
        LogicalPlan::SubqueryAlias(alias) => is_join_tree(&alias.input),
        _ => false,
    }
}

/// Whether the joins of a group may be exchanged with this one.
fn is_ordered_join(join: &Join) -> bool {
    let conditions = join.on.iter().flat_map(|(left, right)| [left, right]);
    conditions.chain(&join.filter).all(is_stable)
        && match join.join_type {
            JoinType::Inner => join.null_equality == NullEquality::NullEqualsNothing,
            JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => true,
            JoinType::Right => !join.null_aware,
            _ => false,
        }
}

/// Whether an expression has the same value wherever it is evaluated.
fn is_stable(expr: &Expr) -> bool {
    !expr.is_volatile()
        && !expr
            .exists(|expr| {
                Ok(matches!(
                    expr,
                    Expr::ScalarSubquery(_)
                        | Expr::InSubquery(_)
                        | Expr::Exists(_)
                        | Expr::SetComparison(_)
                        | Expr::OuterReferenceColumn(..)
                ))
            })
            .unwrap_or(true)
}

fn picks_columns(projection: &Projection) -> bool {
    projection
        .expr
        .iter()
        .all(|expr| picked_column(expr).is_some())
}

/// The column that a projection only picks or renames.
fn picked_column(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) if alias.metadata.is_none() => picked_column(&alias.expr),
        _ => None,
    }
}

impl JoinGroup {
    /// Takes `plan` apart into this group.
    ///
    /// # Errors
    /// When an expression names a column that is not there, or the group has too
    /// many relations.
    pub(super) fn flatten_plan(&mut self, plan: &LogicalPlan) -> Result<FlatPlan> {
        if !is_join_tree(plan) {
            return self.add_relation(plan.clone(), None);
        }
        match plan {
            LogicalPlan::Join(join) => match join.join_type {
                JoinType::Inner => self.flatten_inner(join),
                _ => self.flatten_attached(join),
            },
            LogicalPlan::Filter(filter) => self.flatten_filter(filter),
            LogicalPlan::Projection(projection) => {
                let input = self.flatten_plan(&projection.input)?;
                let schema = projection.input.schema();
                let columns = projection
                    .expr
                    .iter()
                    .map(|expr| match picked_column(expr) {
                        Some(column) => find_column(column, &[(schema, &input.columns)]),
                        None => plan_err!("a projection that computes"),
                    })
                    .collect::<Result<_>>()?;
                Ok(FlatPlan { columns, ..input })
            }
            LogicalPlan::SubqueryAlias(alias) => self.flatten_plan(&alias.input),
            other => self.add_relation(other.clone(), None),
        }
    }

    fn add_relation(
        &mut self,
        plan: LogicalPlan,
        attached: Option<AttachedJoin>,
    ) -> Result<FlatPlan> {
        let relation = self.relations.len();
        if relation >= RelationSet::CAPACITY {
            return plan_err!("a join of more than {} relations", RelationSet::CAPACITY);
        }
        let columns = (0..plan.schema().fields().len())
            .map(|column| ColumnId { relation, column })
            .collect();
        self.relations.push(GroupRelation { plan, attached });
        Ok(FlatPlan {
            columns,
            written: JoinTree::Relation(relation),
        })
    }

    fn flatten_filter(&mut self, filter: &Filter) -> Result<FlatPlan> {
        let input = self.flatten_plan(&filter.input)?;
        let scope = [(filter.input.schema().as_ref(), input.columns.as_slice())];
        let below = input.written.relations();
        self.add_predicates(&filter.predicate, &scope, below)?;
        Ok(input)
    }

    fn flatten_inner(&mut self, join: &Join) -> Result<FlatPlan> {
        let left = self.flatten_plan(&join.left)?;
        let right = self.flatten_plan(&join.right)?;
        let scope = [
            (join.left.schema().as_ref(), left.columns.as_slice()),
            (join.right.schema().as_ref(), right.columns.as_slice()),
        ];
        let below = left.written.relations().union(right.written.relations());
        for (left_key, right_key) in &join.on {
            // Names in keys are resolved on their own side.
            let expr = Expr::BinaryExpr(BinaryExpr::new(
                Box::new(replace_columns(left_key, &scope[..1])?),
                Operator::Eq,
                Box::new(replace_columns(right_key, &scope[1..])?),
            ));
            let is_total = is_total(left_key, scope[0].0) && is_total(right_key, scope[1].0);
            self.add_predicate(expr, is_total, below);
        }
        if let Some(filter) = &join.filter {
            self.add_predicates(filter, &scope, below)?;
        }
        Ok(FlatPlan {
            columns: [left.columns, right.columns].concat(),
            written: JoinTree::Join(Box::new(left.written), Box::new(right.written)),
        })
    }

    /// An outer, semi or anti join: its right side becomes an attached relation.
    fn flatten_attached(&mut self, join: &Join) -> Result<FlatPlan> {
        let is_right = join.join_type == JoinType::Right;
        let (kept, attached) = if is_right {
            (&join.right, &join.left)
        } else {
            (&join.left, &join.right)
        };
        let input = self.flatten_plan(kept)?;
        let flat = self.add_relation(LogicalPlan::clone(attached), None)?;
        let scope = [
            (kept.schema().as_ref(), input.columns.as_slice()),
            (attached.schema().as_ref(), flat.columns.as_slice()),
        ];
        let mut is_guarded = false;
        let mut on = Vec::with_capacity(join.on.len());
        for (left, right) in &join.on {
            let (kept, attached) = if is_right {
                (right, left)
            } else {
                (left, right)
            };
            is_guarded |= !is_total(kept, scope[0].0) || !is_total(attached, scope[1].0);
            on.push((
                replace_columns(kept, &scope[..1])?,
                replace_columns(attached, &scope[1..])?,
            ));
        }
        let filter = match &join.filter {
            Some(filter) => {
                is_guarded |= !is_total(filter, &join.left.schema().join(join.right.schema())?);
                Some(replace_columns(filter, &scope)?)
            }
            None => None,
        };
        let relation = self.relations.len() - 1;
        let below = input.written.relations();
        let named = on.iter().flat_map(|(left, right)| [left, right]);
        let named = named.chain(&filter).map(relations_of);
        let named = named.collect::<RelationSet>();
        let needs = named.without(RelationSet::single(relation));
        self.relations[relation].attached = Some(AttachedJoin {
            join_type: if is_right {
                JoinType::Left
            } else {
                join.join_type
            },
            on,
            filter,
            null_equality: join.null_equality,
            null_aware: join.null_aware,
            needs: if is_guarded || needs.is_empty() {
                below
            } else {
                needs
            },
        });
        Ok(FlatPlan {
            columns: match join.join_type {
                JoinType::Left => [input.columns, flat.columns].concat(),
                JoinType::Right => [flat.columns, input.columns].concat(),
                _ => input.columns,
            },
            written: JoinTree::Attach(Box::new(input.written), relation),
        })
    }

    fn add_predicates(
        &mut self,
        predicate: &Expr,
        scope: &[(&DFSchema, &[ColumnId])],
        below: RelationSet,
    ) -> Result<()> {
        let joined = match scope {
            [(left, _), (right, _)] => left.join(right)?,
            [(schema, _), ..] => DFSchema::clone(schema),
            [] => DFSchema::empty(),
        };
        for part in split_conjunction(predicate) {
            let expr = replace_columns(part, scope)?;
            self.add_predicate(expr, is_total(part, &joined), below);
        }
        Ok(())
    }

    /// Adds a predicate of inner joins over the relations `below`.
    fn add_predicate(&mut self, expr: Expr, is_total: bool, below: RelationSet) {
        if let Some(pair) = self.as_column_pair(&expr) {
            self.equalities.push(pair);
            return;
        }
        let named = relations_of(&expr);
        let required = if !is_total || named.is_empty() {
            below
        } else {
            named
        };
        let sides = match &expr {
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::Eq,
                right,
            }) => {
                let (left, right) = (relations_of(left), relations_of(right));
                let are_disjoint = !left.intersects(right) && !left.is_empty() && !right.is_empty();
                are_disjoint.then_some((left, right))
            }
            _ => None,
        };
        self.predicates.push(GroupPredicate {
            expr,
            required,
            sides,
        });
    }

    /// An equality of two columns of inner relations, from which others follow.
    fn as_column_pair(&self, expr: &Expr) -> Option<(ColumnId, ColumnId)> {
        let Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Eq,
            right,
        }) = expr
        else {
            return None;
        };
        let column = |expr: &Expr| match expr {
            Expr::Column(column) => ColumnId::from_placeholder(column),
            _ => None,
        };
        let (left, right) = (column(left)?, column(right)?);
        let data_type = self.data_type(left)?;
        // a = b and b = c imply a = c only where equal values are the same.
        let is_exact = !data_type.is_floating() && !data_type.is_nested();
        let is_inner = |id: ColumnId| {
            let relation = self.relations.get(id.relation);
            relation.is_some_and(|relation| relation.attached.is_none())
        };
        (is_exact
            && self.data_type(right)? == data_type
            && left.relation != right.relation
            && is_inner(left)
            && is_inner(right))
        .then_some((left, right))
    }

    fn data_type(&self, id: ColumnId) -> Option<DataType> {
        let schema = self.relations.get(id.relation)?.plan.schema();
        Some(schema.fields().get(id.column)?.data_type().clone())
    }
}

/// The relations that an expression of a group names.
pub(super) fn relations_of(expr: &Expr) -> RelationSet {
    let columns: HashSet<&Column> = expr.column_refs();
    columns
        .into_iter()
        .filter_map(ColumnId::from_placeholder)
        .map(|id| RelationSet::single(id.relation))
        .collect()
}

fn replace_columns(expr: &Expr, scope: &[(&DFSchema, &[ColumnId])]) -> Result<Expr> {
    let replaced = expr.clone().transform(|expr| match expr {
        Expr::Column(column) => Ok(Transformed::yes(find_column(&column, scope)?.placeholder())),
        other => Ok(Transformed::no(other)),
    })?;
    Ok(replaced.data)
}

fn find_column(column: &Column, scope: &[(&DFSchema, &[ColumnId])]) -> Result<ColumnId> {
    let mut found = scope.iter().filter_map(|(schema, columns)| {
        let index = schema.maybe_index_of_column(column)?;
        columns.get(index).copied()
    });
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => plan_err!("no column {column}"),
        _ => plan_err!("column {column} is on both sides"),
    }
}
