mod orders;
mod plans;
mod rows;

use super::graph::{JoinGraph, JoinTree};
use super::relation_set::RelationSet;

/// Pseudo-random numbers that are the same on every run.
struct Numbers(u64);

impl Numbers {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1_e995)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// Any order that the graph allows, products included.
fn any_tree(graph: &JoinGraph, numbers: &mut Numbers) -> JoinTree {
    let mut parts: Vec<JoinTree> = graph
        .inner_relations()
        .iter()
        .map(JoinTree::Relation)
        .collect();
    let mut attached: Vec<usize> = graph
        .all_relations()
        .without(graph.inner_relations())
        .iter()
        .collect();
    while parts.len() > 1 || !attached.is_empty() {
        if !attached.is_empty() && (parts.len() == 1 || numbers.one_in(2)) {
            let at = numbers.below(attached.len());
            let needs = graph.needs_of(attached[at]);
            let ready = parts
                .iter()
                .position(|part| needs.is_subset_of(part.relations()));
            if let Some(part) = ready {
                let input = parts.swap_remove(part);
                let relation = attached.swap_remove(at);
                parts.push(JoinTree::Attach(Box::new(input), relation));
            }
        } else if parts.len() > 1 {
            let left = parts.swap_remove(numbers.below(parts.len()));
            let right = parts.swap_remove(numbers.below(parts.len()));
            parts.push(JoinTree::Join(Box::new(left), Box::new(right)));
        }
    }
    parts.pop().unwrap()
}

/// Whether a tree holds every relation once, each attached one after what it
/// needs.
fn is_allowed(graph: &JoinGraph, tree: &JoinTree) -> bool {
    fn check(graph: &JoinGraph, tree: &JoinTree) -> Option<RelationSet> {
        match tree {
            JoinTree::Relation(relation) => graph.relations[*relation]
                .attachment
                .is_none()
                .then(|| RelationSet::single(*relation)),
            JoinTree::Join(left, right) => {
                let (left, right) = (check(graph, left)?, check(graph, right)?);
                (!left.intersects(right)).then(|| left.union(right))
            }
            JoinTree::Attach(input, relation) => {
                let input = check(graph, input)?;
                let is_ready = graph.relations[*relation].attachment.is_some()
                    && graph.needs_of(*relation).is_subset_of(input)
                    && !input.contains(*relation);
                is_ready.then(|| input.union(RelationSet::single(*relation)))
            }
        }
    }
    check(graph, tree) == Some(graph.all_relations())
}
