//! How many rows a set of joined relations has. The estimate depends on the set
//! alone, so that it is the same for every order.

use std::collections::HashMap;

use super::graph::{ClassMember, EqualityClass, JoinGraph, JoinTree};
use super::relation_set::RelationSet;

/// Estimates with a memory.
#[derive(Debug)]
pub(super) struct Cardinalities<'a> {
    graph: &'a JoinGraph,
    /// Inner relations from the largest to the smallest, then the attached ones.
    sequence: Vec<usize>,
    known: HashMap<RelationSet, f64>,
}

impl<'a> Cardinalities<'a> {
    pub(super) fn new(graph: &'a JoinGraph) -> Self {
        let mut sequence: Vec<usize> = (0..graph.relations.len()).collect();
        sequence.sort_by(|left, right| {
            let (left, right) = (&graph.relations[*left], &graph.relations[*right]);
            let is_attached = left.attachment.is_some().cmp(&right.attachment.is_some());
            is_attached.then(right.base_rows.total_cmp(&left.base_rows))
        });
        Self {
            graph,
            sequence,
            known: HashMap::new(),
        }
    }

    /// The estimated rows of the join of `set`, at least 1.
    pub(super) fn rows(&mut self, set: RelationSet) -> f64 {
        if let Some(rows) = self.known.get(&set) {
            return *rows;
        }
        let rows = self.estimate_rows(set);
        self.known.insert(set, rows);
        rows
    }

    /// The estimated bytes of the join of `set`.
    pub(super) fn bytes(&mut self, set: RelationSet) -> f64 {
        let width: f64 = set
            .iter()
            .map(|relation| self.graph.relations[relation].width)
            .sum();
        self.rows(set) * width
    }

    fn estimate_rows(&self, set: RelationSet) -> f64 {
        let mut joined = RelationSet::EMPTY;
        let mut rows = 1.0;
        for relation in self.sequence.iter().copied() {
            if !set.contains(relation) {
                continue;
            }
            let node = &self.graph.relations[relation];
            let single = RelationSet::single(relation);
            match node.attachment {
                Some(attachment) => rows *= attachment.rows_factor,
                None => rows *= node.rows * self.equality_selectivity(joined, relation),
            }
            let after = joined.union(single);
            for predicate in &self.graph.predicates {
                // A relation's rows are those after its own predicates.
                if predicate.required.is_subset_of(after)
                    && !predicate.required.is_subset_of(joined)
                    && (predicate.required != single || node.attachment.is_some())
                {
                    rows *= predicate.selectivity;
                }
            }
            joined = after;
        }
        rows.max(1.0)
    }

    /// The share of all pairs of rows of `joined` and `relation` that the
    /// equalities between them keep.
    fn equality_selectivity(&self, joined: RelationSet, relation: usize) -> f64 {
        // The key has at most as many distinct values as its relation has rows,
        // which corrects for columns that depend on each other.
        let (mut joined_keys, mut keys) = (KeyDomain::default(), KeyDomain::default());
        for class in &self.graph.classes {
            let Some((joined_member, member)) = find_pair(class, joined, relation) else {
                continue;
            };
            let base_rows = |member: ClassMember| self.graph.relations[member.relation].base_rows;
            let (left, right) = match (joined_member.distinct, member.distinct) {
                (Some(left), Some(right)) => (left, right),
                (Some(left), None) => (left, 1.0),
                (None, Some(right)) => (1.0, right),
                // Most joins follow a key of the smaller relation.
                (None, None) => {
                    let rows = base_rows(joined_member).min(base_rows(member));
                    (rows, rows)
                }
            };
            joined_keys.add_column(left, joined_member.relation);
            keys.add_column(right, relation);
        }
        let base_rows = |relation: usize| self.graph.relations[relation].base_rows;
        let largest = joined_keys
            .distinct_keys(base_rows)
            .max(keys.distinct_keys(base_rows));
        1.0 / largest.max(1.0)
    }
}

/// The columns of one side of a join.
#[derive(Debug, Default)]
struct KeyDomain {
    product: f64,
    relations: RelationSet,
}

impl KeyDomain {
    fn add_column(&mut self, distinct: f64, relation: usize) {
        let product = if self.relations.is_empty() {
            1.0
        } else {
            self.product
        };
        self.product = product * distinct;
        self.relations = self.relations.union(RelationSet::single(relation));
    }

    fn distinct_keys(&self, base_rows: impl Fn(usize) -> f64) -> f64 {
        let mut relations = self.relations.iter();
        match (relations.next(), relations.next()) {
            (None, _) => 1.0,
            (Some(relation), None) => self.product.min(base_rows(relation)),
            _ => self.product,
        }
    }
}

/// A member of the class among `joined`, the one with the fewest distinct values,
/// and the member of `relation`.
fn find_pair(
    class: &EqualityClass,
    joined: RelationSet,
    relation: usize,
) -> Option<(ClassMember, ClassMember)> {
    let distinct = |member: &&ClassMember| member.distinct.unwrap_or(f64::MAX);
    let smallest = |members: &mut dyn Iterator<Item = &ClassMember>| {
        members
            .min_by(|left, right| distinct(left).total_cmp(&distinct(right)))
            .copied()
    };
    let members = || class.members.iter();
    Some((
        smallest(&mut members().filter(|member| joined.contains(member.relation)))?,
        smallest(&mut members().filter(|member| member.relation == relation))?,
    ))
}

/// The estimated work of an order: rows that come out of each join, and rows that
/// are put into hash tables.
pub(super) fn tree_cost(tree: &JoinTree, cardinalities: &mut Cardinalities<'_>) -> f64 {
    match tree {
        JoinTree::Relation(_) => 0.0,
        JoinTree::Join(left, right) => {
            tree_cost(left, cardinalities)
                + tree_cost(right, cardinalities)
                + join_cost(left.relations(), right.relations(), cardinalities)
        }
        JoinTree::Attach(input, relation) => {
            tree_cost(input, cardinalities)
                + join_cost(
                    input.relations(),
                    RelationSet::single(*relation),
                    cardinalities,
                )
        }
    }
}

/// The part of [`tree_cost`] of one join.
pub(super) fn join_cost(
    left: RelationSet,
    right: RelationSet,
    cardinalities: &mut Cardinalities<'_>,
) -> f64 {
    let built = side_rows(left, cardinalities).min(side_rows(right, cardinalities));
    cardinalities.rows(left.union(right)) + built
}

/// The rows of one side of a join. An attached relation alone has its own rows,
/// not those of a join.
fn side_rows(set: RelationSet, cardinalities: &mut Cardinalities<'_>) -> f64 {
    let mut relations = set.iter();
    match (relations.next(), relations.next()) {
        (Some(relation), None) => cardinalities.graph.relations[relation].rows,
        _ => cardinalities.rows(set),
    }
}
