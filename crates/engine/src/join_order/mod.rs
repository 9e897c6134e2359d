//! Orders joins by the sizes of the tables that they read.
//!
//! A tree of joins is taken apart into a *group*: its relations, and the
//! predicates of its joins and of the filters between them ([`flatten`]). What an
//! order depends on is a graph of numbers ([`graph`]); the cheapest order is
//! searched there ([`enumerate`], by the estimates of [`cardinality`]), and a plan
//! is built from it that has the same columns ([`build`]).
//!
//! What may change is which joins come first:
//!
//! - Inner joins are exchanged freely. A predicate is evaluated as soon as all
//!   relations that it names are joined; one that can fail only where the written
//!   plan evaluates it ([`total`]).
//! - The right side of an outer, semi or anti join is an *attached* relation. It
//!   is joined, by the same kind of join, to any rows that hold the relations that
//!   its condition names. A predicate on its columns is a filter after that join.
//! - Everything else (full joins, aggregations, unions, limits, …) is a relation
//!   as it is; joins below it are a group of their own.
//!
//! A group keeps its written order when the size of one of its relations is not
//! known, and when no other order is clearly cheaper.
//!
//! This runs when a step's physical plan is made, because only then the sizes of
//! the relations are known that earlier steps have computed. Nested fields are
//! pruned before. DataFusion has no such rule (apache/datafusion#17719).

mod build;
mod cardinality;
mod enumerate;
mod flatten;
mod graph;
mod relation_set;
mod total;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, JoinType, Result};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::{Optimizer, OptimizerContext};

use self::cardinality::Cardinalities;
use self::flatten::{AttachedJoin, ColumnId, JoinGroup, is_join_tree};
use self::graph::{Attachment, ClassMember, EqualityClass, JoinGraph, PredicateNode, RelationNode};
use self::relation_set::RelationSet;
use crate::estimate::{
    ColumnEstimate, PlanEstimate, TableStatistics, anti_share, estimate_plan, estimate_selectivity,
    row_width,
};

/// With fewer relations there is only one order; the engine chooses the sides.
const MIN_RELATIONS: usize = 3;

/// Whether a plan has joins whose order can be chosen.
pub(crate) fn has_orders(plan: &LogicalPlan) -> bool {
    let mut joins = 0;
    let walked = plan.apply_with_subqueries(|node| {
        joins += usize::from(matches!(node, LogicalPlan::Join(_)));
        Ok(TreeNodeRecursion::Continue)
    });
    walked.is_ok() && joins + 1 >= MIN_RELATIONS
}

/// The plan with the joins of each group in the cheapest order. Its rows and
/// columns are the same.
///
/// # Errors
/// When the columns of the new plan cannot be pruned.
pub(crate) fn order_joins(plan: LogicalPlan, tables: &TableStatistics) -> Result<LogicalPlan> {
    let ordered = order_groups(plan, tables)?;
    if !ordered.transformed {
        return Ok(ordered.data);
    }
    // A group carries all columns of its relations to its top.
    let rules = sluice_spark_sql::optimizer_rules(vec![Arc::new(OptimizeProjections::new())]);
    Optimizer::with_rules(rules).optimize(ordered.data, &OptimizerContext::new(), |_, _| {})
}

/// From the top down: a group ends where its relations begin.
fn order_groups(plan: LogicalPlan, tables: &TableStatistics) -> Result<Transformed<LogicalPlan>> {
    if !is_join_tree(&plan) {
        return plan.map_children(|child| order_groups(child, tables));
    }
    match order_group(&plan, tables) {
        Ok(Some(ordered)) => Ok(Transformed::yes(ordered)),
        Ok(None) => order_relations_in_place(plan, tables),
        Err(error) => {
            // The written order is right too.
            tracing::warn!(%error, "joins are not ordered");
            order_relations_in_place(plan, tables)
        }
    }
}

/// Keeps the joins of a group and orders those below its relations.
fn order_relations_in_place(
    plan: LogicalPlan,
    tables: &TableStatistics,
) -> Result<Transformed<LogicalPlan>> {
    plan.map_children(|child| {
        if is_join_tree(&child) {
            order_relations_in_place(child, tables)
        } else {
            order_groups(child, tables)
        }
    })
}

/// The group whose top is `plan`, in a better order; `None` to keep it.
fn order_group(plan: &LogicalPlan, tables: &TableStatistics) -> Result<Option<LogicalPlan>> {
    let mut group = JoinGroup::default();
    let flat = group.flatten_plan(plan)?;
    if group.relations.len() < MIN_RELATIONS {
        return Ok(None);
    }
    let classes = merge_equalities(&group.equalities);
    let Some(graph) = build_graph(&group, &classes, tables) else {
        return Ok(None);
    };
    let Some(tree) = enumerate::find_better_order(&graph, &flat.written) else {
        return Ok(None);
    };
    for relation in &mut group.relations {
        let plan = std::mem::take(&mut relation.plan);
        relation.plan = order_groups(plan, tables)?.data;
    }
    let mut cardinalities = Cardinalities::new(&graph);
    let output = (flat.columns.as_slice(), plan.schema().as_ref());
    let ordered = build::build_plan(&group, &classes, &tree, &mut cardinalities, output)?;
    if !has_same_columns(ordered.schema(), plan.schema()) {
        return datafusion::common::plan_err!(
            "another order of joins has the columns {:?} instead of {:?}",
            ordered.schema(),
            plan.schema()
        );
    }
    Ok(Some(ordered))
}

fn has_same_columns(left: &DFSchema, right: &DFSchema) -> bool {
    left.fields().len() == right.fields().len()
        && left.iter().zip(right.iter()).all(|(left, right)| {
            left.0 == right.0
                && left.1.name() == right.1.name()
                && left.1.data_type() == right.1.data_type()
                && left.1.is_nullable() == right.1.is_nullable()
        })
}

/// The columns that are equal to each other, by the pairs that are.
fn merge_equalities(pairs: &[(ColumnId, ColumnId)]) -> Vec<Vec<ColumnId>> {
    let mut class_of: BTreeMap<ColumnId, usize> = BTreeMap::new();
    for (left, right) in pairs {
        let next = class_of.len();
        let left_class = *class_of.entry(*left).or_insert(next);
        let right_class = *class_of.entry(*right).or_insert(left_class);
        if left_class != right_class {
            for class in class_of.values_mut() {
                if *class == right_class {
                    *class = left_class;
                }
            }
        }
    }
    let mut classes: BTreeMap<usize, Vec<ColumnId>> = BTreeMap::new();
    for (id, class) in class_of {
        classes.entry(class).or_default().push(id);
    }
    classes.into_values().collect()
}

/// The numbers of a group; `None` when the size of a relation is not known.
fn build_graph(
    group: &JoinGroup,
    classes: &[Vec<ColumnId>],
    tables: &TableStatistics,
) -> Option<JoinGraph> {
    let estimates: Vec<PlanEstimate> = group
        .relations
        .iter()
        .map(|relation| estimate_plan(&relation.plan, tables))
        .collect();
    let scope = GroupScope::new(group, &estimates)?;
    let predicates: Vec<PredicateNode> = group
        .predicates
        .iter()
        .map(|predicate| PredicateNode {
            required: predicate.required,
            selectivity: scope.selectivity(&predicate.expr),
            sides: predicate.sides,
        })
        .collect();
    let mut relations = Vec::with_capacity(group.relations.len());
    for (index, (relation, estimate)) in group.relations.iter().zip(&estimates).enumerate() {
        let single = RelationSet::single(index);
        let own_predicates = predicates
            .iter()
            .filter(|predicate| predicate.required == single && relation.attached.is_none())
            .map(|predicate| predicate.selectivity)
            .product::<f64>();
        let rows = estimate.rows?;
        relations.push(RelationNode {
            rows: (rows * own_predicates).max(1.0),
            base_rows: estimate.base_rows.unwrap_or(rows),
            width: row_width(relation.plan.schema().fields()),
            attachment: relation.attached.as_ref().map(|attached| Attachment {
                needs: attached.needs,
                rows_factor: scope.rows_factor(attached, rows),
            }),
        });
    }
    let classes = classes
        .iter()
        .map(|class| EqualityClass {
            members: class
                .iter()
                .map(|id| ClassMember {
                    relation: id.relation,
                    distinct: scope.column(*id).distinct,
                })
                .collect(),
        })
        .collect();
    Some(JoinGraph {
        relations,
        classes,
        predicates,
    })
}

/// The columns of all relations of a group, by their placeholders.
struct GroupScope {
    schema: DFSchema,
    columns: Vec<ColumnEstimate>,
    /// The index of each relation's first column.
    starts: Vec<usize>,
    base_rows: Vec<f64>,
}

impl GroupScope {
    fn new(group: &JoinGroup, estimates: &[PlanEstimate]) -> Option<Self> {
        let mut fields = Vec::new();
        let mut starts = Vec::new();
        for (relation, node) in group.relations.iter().enumerate() {
            starts.push(fields.len());
            for (column, field) in node.plan.schema().fields().iter().enumerate() {
                let Expr::Column(name) = (ColumnId { relation, column }).placeholder() else {
                    return None;
                };
                let field = field.as_ref().clone().with_name(name.name);
                fields.push((None, Arc::new(field)));
            }
        }
        let columns = estimates
            .iter()
            .flat_map(|estimate| estimate.columns.iter().copied())
            .collect();
        let base_rows = estimates
            .iter()
            .map(|estimate| estimate.base_rows.or(estimate.rows))
            .collect::<Option<_>>()?;
        let schema = DFSchema::new_with_metadata(fields, std::collections::HashMap::new()).ok()?;
        Some(Self {
            schema,
            columns,
            starts,
            base_rows,
        })
    }

    fn column(&self, id: ColumnId) -> ColumnEstimate {
        let start = self.starts.get(id.relation).copied().unwrap_or(usize::MAX);
        let index = start.saturating_add(id.column);
        self.columns.get(index).copied().unwrap_or_default()
    }

    fn selectivity(&self, expr: &Expr) -> f64 {
        estimate_selectivity(expr, &self.schema, &self.columns)
    }

    /// Rows after an attached join for each row before it, where the attached
    /// relation has `rows`.
    fn rows_factor(&self, attached: &AttachedJoin, rows: f64) -> f64 {
        let mut keys = (1.0, 1.0);
        let mut bases = (f64::MAX, f64::MAX);
        let mut selectivity = 1.0;
        for (left, right) in &attached.on {
            let (left, right) = (single_column(left), single_column(right));
            let (Some(left), Some(right)) = (left, right) else {
                selectivity *= 0.1;
                continue;
            };
            let base = |id: ColumnId| self.base_rows.get(id.relation).copied();
            bases.0 = base(left).unwrap_or(f64::MAX);
            bases.1 = base(right).unwrap_or(f64::MAX);
            let fewest = bases.0.min(bases.1);
            match (self.column(left).distinct, self.column(right).distinct) {
                (None, None) => keys = (keys.0 * fewest, keys.1 * fewest),
                (left, right) => {
                    keys.0 *= left.unwrap_or(1.0);
                    keys.1 *= right.unwrap_or(1.0);
                }
            }
        }
        if let Some(filter) = &attached.filter {
            selectivity *= self.selectivity(filter);
        }
        let distinct = f64::max(keys.0.min(bases.0), keys.1.min(bases.1)).max(1.0);
        let matches = rows * selectivity / distinct;
        match attached.join_type {
            JoinType::LeftSemi => matches.min(1.0),
            JoinType::LeftAnti => anti_share(matches),
            _ => matches.max(1.0),
        }
    }
}

fn single_column(expr: &Expr) -> Option<ColumnId> {
    let mut columns = expr.column_refs().into_iter();
    match (columns.next(), columns.next()) {
        (Some(column), None) => ColumnId::from_placeholder(column),
        _ => None,
    }
}
