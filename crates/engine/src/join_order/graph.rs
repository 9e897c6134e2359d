//! The relations of a join group and what connects them, without plans: all that
//! an order depends on.

use super::relation_set::RelationSet;

/// A join group.
#[derive(Debug, Clone, Default)]
pub(super) struct JoinGraph {
    pub(super) relations: Vec<RelationNode>,
    pub(super) classes: Vec<EqualityClass>,
    pub(super) predicates: Vec<PredicateNode>,
}

/// A relation of a group.
#[derive(Debug, Clone)]
pub(super) struct RelationNode {
    /// Estimated rows, after the predicates on this relation alone.
    pub(super) rows: f64,
    /// Estimated rows before any filter.
    pub(super) base_rows: f64,
    /// Estimated bytes of a row.
    pub(super) width: f64,
    /// Set for the right side of an outer, semi or anti join.
    pub(super) attachment: Option<Attachment>,
}

/// How a relation is joined that inner joins cannot be exchanged with freely: to
/// rows that hold all of `needs`, whatever else they hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attachment {
    pub(super) needs: RelationSet,
    /// Estimated rows after the join for each row before it.
    pub(super) rows_factor: f64,
}

/// Columns that the inner joins of the group make equal.
#[derive(Debug, Clone)]
pub(super) struct EqualityClass {
    pub(super) members: Vec<ClassMember>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ClassMember {
    pub(super) relation: usize,
    /// Distinct values of the column before any filter, where known.
    pub(super) distinct: Option<f64>,
}

/// A predicate that is not part of an [`EqualityClass`].
#[derive(Debug, Clone)]
pub(super) struct PredicateNode {
    /// It is evaluated on rows that hold all of these relations.
    pub(super) required: RelationSet,
    /// The estimated share of the rows that it keeps.
    pub(super) selectivity: f64,
    /// The relations of both sides of an equality that a hash join can use.
    pub(super) sides: Option<(RelationSet, RelationSet)>,
}

/// An order of joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JoinTree {
    Relation(usize),
    /// An inner join.
    Join(Box<JoinTree>, Box<JoinTree>),
    /// The join of an attached relation to the rows of a tree.
    Attach(Box<JoinTree>, usize),
}

impl JoinTree {
    pub(super) fn relations(&self) -> RelationSet {
        match self {
            Self::Relation(relation) => RelationSet::single(*relation),
            Self::Join(left, right) => left.relations().union(right.relations()),
            Self::Attach(input, relation) => {
                input.relations().union(RelationSet::single(*relation))
            }
        }
    }
}

impl JoinGraph {
    pub(super) fn all_relations(&self) -> RelationSet {
        RelationSet::first(self.relations.len())
    }

    /// The relations that inner joins connect.
    pub(super) fn inner_relations(&self) -> RelationSet {
        self.all_relations()
            .iter()
            .filter(|relation| self.relations[*relation].attachment.is_none())
            .map(RelationSet::single)
            .collect()
    }

    pub(super) fn needs_of(&self, relation: usize) -> RelationSet {
        let attachment = self.relations[relation].attachment;
        attachment.map_or(RelationSet::EMPTY, |attachment| attachment.needs)
    }

    /// Whether every attached relation of `set` has what it needs there.
    pub(super) fn has_needs(&self, set: RelationSet) -> bool {
        set.iter()
            .all(|relation| self.needs_of(relation).is_subset_of(set))
    }

    /// For each relation, those that an inner join may join it with. All inner
    /// relations are connected: where no equality connects them, the smallest
    /// relations of the unconnected parts may be multiplied.
    pub(super) fn neighbors(&self) -> Vec<RelationSet> {
        let mut neighbors = vec![RelationSet::EMPTY; self.relations.len()];
        let inner = self.inner_relations();
        for class in &self.classes {
            let members = class.members.iter();
            let members: Vec<usize> = members.map(|member| member.relation).collect();
            connect_all(&mut neighbors, &members);
        }
        for predicate in &self.predicates {
            if let Some((left, right)) = predicate.sides
                && predicate.required == left.union(right)
                && left.len() == 1
                && right.len() == 1
                && predicate.required.is_subset_of(inner)
            {
                let members: Vec<usize> = predicate.required.iter().collect();
                connect_all(&mut neighbors, &members);
            }
        }
        // Other predicates connect only what would otherwise be multiplied.
        for predicate in &self.predicates {
            let members: Vec<usize> = predicate.required.iter().collect();
            let parts = find_parts(&neighbors, inner);
            if predicate.required.is_subset_of(inner)
                && !parts
                    .iter()
                    .any(|part| predicate.required.is_subset_of(*part))
            {
                connect_all(&mut neighbors, &members);
            }
        }
        let smallest: Vec<usize> = find_parts(&neighbors, inner)
            .into_iter()
            .filter_map(|part| {
                part.iter().min_by(|left, right| {
                    let rows = |relation: &usize| self.relations[*relation].rows;
                    rows(left).total_cmp(&rows(right))
                })
            })
            .collect();
        connect_all(&mut neighbors, &smallest);
        neighbors
    }
}

fn connect_all(neighbors: &mut [RelationSet], members: &[usize]) {
    let all: RelationSet = members.iter().copied().map(RelationSet::single).collect();
    for member in members {
        let others = all.without(RelationSet::single(*member));
        neighbors[*member] = neighbors[*member].union(others);
    }
}

/// The connected parts of `inner`.
fn find_parts(neighbors: &[RelationSet], inner: RelationSet) -> Vec<RelationSet> {
    let mut parts = Vec::new();
    let mut rest = inner;
    while let Some(first) = rest.iter().next() {
        let mut part = RelationSet::single(first);
        loop {
            let grown: RelationSet = part.iter().map(|member| neighbors[member]).collect();
            let grown = grown.union(part);
            if grown == part {
                break;
            }
            part = grown;
        }
        parts.push(part);
        rest = rest.without(part);
    }
    parts
}
