//! Finds the cheapest order of joins.

use super::cardinality::{Cardinalities, join_cost, tree_cost};
use super::graph::{JoinGraph, JoinTree};
use super::relation_set::RelationSet;

/// Up to this many relations every order is compared (there are 3^n ways to
/// divide the subsets of n relations); beyond, joins are chosen one by one.
const MAX_COMPARED: usize = 12;

/// A new order must be cheaper than the written one by this factor: estimates are
/// not better than that, and the author may know more.
const MIN_GAIN: f64 = 0.9;

/// The cheapest order, if it is clearly cheaper than the `written` one.
pub(super) fn find_better_order(graph: &JoinGraph, written: &JoinTree) -> Option<JoinTree> {
    let mut cardinalities = Cardinalities::new(graph);
    let found = if graph.relations.len() <= MAX_COMPARED {
        compare_all_orders(graph, &mut cardinalities)
    } else {
        choose_greedily(graph, &mut cardinalities)
    }?;
    let written_cost = tree_cost(written, &mut cardinalities);
    let cost = tree_cost(&found, &mut cardinalities);
    (cost < written_cost * MIN_GAIN).then_some(found)
}

/// The last join of the cheapest order of a set of relations.
#[derive(Debug, Clone, Copy)]
struct LastJoin {
    cost: f64,
    /// One of the two sides; empty for a single relation.
    left: RelationSet,
}

/// Dynamic programming over all subsets of the relations.
fn compare_all_orders(
    graph: &JoinGraph,
    cardinalities: &mut Cardinalities<'_>,
) -> Option<JoinTree> {
    let all = graph.all_relations();
    let neighbors = graph.neighbors();
    let mut best: Vec<Option<LastJoin>> = vec![None; 1 << graph.relations.len()];
    for bits in 1..=all.bits() {
        let set = RelationSet::from_bits(bits);
        if !graph.has_needs(set) {
            continue;
        }
        if set.len() == 1 {
            best[index_of(set)] = Some(LastJoin {
                cost: 0.0,
                left: RelationSet::EMPTY,
            });
            continue;
        }
        let mut cheapest: Option<LastJoin> = None;
        for left in set.proper_subsets() {
            let right = set.without(left);
            let Some(left_best) = best[index_of(left)] else {
                continue;
            };
            let right_cost = match (attached_single(graph, right), best[index_of(right)]) {
                (Some(relation), _) if graph.needs_of(relation).is_subset_of(left) => 0.0,
                // Both orders of the sides cost the same.
                (None, Some(right_best)) if left < right && touches(&neighbors, left, right) => {
                    right_best.cost
                }
                _ => continue,
            };
            let below = left_best.cost + right_cost;
            if cheapest.is_some_and(|cheapest| cheapest.cost <= below) {
                continue;
            }
            let cost = below + join_cost(left, right, cardinalities);
            if cheapest.is_none_or(|cheapest| cost < cheapest.cost) {
                cheapest = Some(LastJoin { cost, left });
            }
        }
        best[index_of(set)] = cheapest;
    }
    build_tree(graph, &best, all)
}

fn index_of(set: RelationSet) -> usize {
    usize::try_from(set.bits()).unwrap_or(usize::MAX)
}

fn attached_single(graph: &JoinGraph, set: RelationSet) -> Option<usize> {
    let relation = set.iter().next()?;
    (set.len() == 1 && graph.relations[relation].attachment.is_some()).then_some(relation)
}

fn touches(neighbors: &[RelationSet], left: RelationSet, right: RelationSet) -> bool {
    left.iter()
        .any(|relation| neighbors[relation].intersects(right))
}

fn build_tree(graph: &JoinGraph, best: &[Option<LastJoin>], set: RelationSet) -> Option<JoinTree> {
    if set.len() == 1 {
        return set.iter().next().map(JoinTree::Relation);
    }
    let left = best[index_of(set)]?.left;
    let right = set.without(left);
    let left_tree = Box::new(build_tree(graph, best, left)?);
    Some(match attached_single(graph, right) {
        Some(relation) => JoinTree::Attach(left_tree, relation),
        None => JoinTree::Join(left_tree, Box::new(build_tree(graph, best, right)?)),
    })
}

/// Joins again and again the two parts whose join costs least. An attached
/// relation that removes rows is joined as soon as it can be, another one at the
/// end.
fn choose_greedily(graph: &JoinGraph, cardinalities: &mut Cardinalities<'_>) -> Option<JoinTree> {
    let neighbors = graph.neighbors();
    let mut parts: Vec<JoinTree> = graph
        .inner_relations()
        .iter()
        .map(JoinTree::Relation)
        .collect();
    let mut attached = graph.all_relations().without(graph.inner_relations());
    loop {
        attach_ready(graph, &mut parts, &mut attached, |factor| factor <= 1.0);
        let mut cheapest: Option<(f64, usize, usize)> = None;
        for right in 1..parts.len() {
            for left in 0..right {
                let sides = (parts[left].relations(), parts[right].relations());
                if !touches(&neighbors, sides.0, sides.1) {
                    continue;
                }
                let cost = join_cost(sides.0, sides.1, cardinalities);
                if cheapest.is_none_or(|(least, ..)| cost < least) {
                    cheapest = Some((cost, left, right));
                }
            }
        }
        match cheapest {
            Some((_, left, right)) => {
                let right = parts.swap_remove(right);
                let left_part = parts.swap_remove(left);
                parts.push(JoinTree::Join(Box::new(left_part), Box::new(right)));
            }
            None => {
                let before = attached;
                attach_ready(graph, &mut parts, &mut attached, |_| true);
                if before == attached {
                    break;
                }
            }
        }
    }
    let tree = parts.pop()?;
    (parts.is_empty() && attached.is_empty()).then_some(tree)
}

/// Joins the attached relations that have what they need in one part.
fn attach_ready(
    graph: &JoinGraph,
    parts: &mut [JoinTree],
    attached: &mut RelationSet,
    accept: impl Fn(f64) -> bool,
) {
    for relation in attached.iter() {
        let Some(attachment) = graph.relations[relation].attachment else {
            continue;
        };
        if !accept(attachment.rows_factor) {
            continue;
        }
        for part in parts.iter_mut() {
            if attachment.needs.is_subset_of(part.relations()) {
                let input = std::mem::replace(part, JoinTree::Relation(relation));
                *part = JoinTree::Attach(Box::new(input), relation);
                *attached = attached.without(RelationSet::single(relation));
                break;
            }
        }
    }
}
