//! Orders of graphs, without plans.

use proptest::prelude::*;

use super::super::cardinality::{Cardinalities, tree_cost};
use super::super::enumerate::find_better_order;
use super::super::graph::{
    Attachment, ClassMember, EqualityClass, JoinGraph, JoinTree, PredicateNode, RelationNode,
};
use super::super::relation_set::RelationSet;
use super::{Numbers, any_tree, is_allowed};

fn relation(rows: f64, base_rows: f64) -> RelationNode {
    RelationNode {
        rows,
        base_rows,
        width: 8.0,
        attachment: None,
    }
}

fn attached(rows: f64, needs: RelationSet, rows_factor: f64) -> RelationNode {
    RelationNode {
        attachment: Some(Attachment { needs, rows_factor }),
        ..relation(rows, rows)
    }
}

fn class(members: &[(usize, f64)]) -> EqualityClass {
    EqualityClass {
        members: members
            .iter()
            .map(|(relation, distinct)| ClassMember {
                relation: *relation,
                distinct: Some(*distinct),
            })
            .collect(),
    }
}

fn join(left: JoinTree, right: JoinTree) -> JoinTree {
    JoinTree::Join(Box::new(left), Box::new(right))
}

fn in_sequence(count: usize) -> JoinTree {
    (1..count).fold(JoinTree::Relation(0), |tree, next| {
        join(tree, JoinTree::Relation(next))
    })
}

/// A random connected graph of inner relations and attached ones.
fn any_graph(numbers: &mut Numbers, inner: usize, attached_count: usize) -> JoinGraph {
    let mut graph = JoinGraph::default();
    for at in 0..inner {
        let base_rows = 10f64.powi(i32::try_from(numbers.below(7)).unwrap());
        let rows = base_rows / 10f64.powi(i32::try_from(numbers.below(3)).unwrap());
        graph.relations.push(relation(rows.max(1.0), base_rows));
        if at > 0 {
            let other = numbers.below(at);
            let distinct = |numbers: &mut Numbers| (numbers.below(1000) + 1) as f64;
            let members = [(other, distinct(numbers)), (at, distinct(numbers))];
            graph.classes.push(class(&members));
        }
    }
    for at in 0..attached_count {
        let needs = RelationSet::single(numbers.below(inner + at));
        let factor = [0.01, 0.5, 1.0, 3.0][numbers.below(4)];
        graph.relations.push(attached(100.0, needs, factor));
    }
    for _ in 0..numbers.below(3) {
        let required = RelationSet::single(numbers.below(inner + attached_count))
            .union(RelationSet::single(numbers.below(inner + attached_count)));
        graph.predicates.push(PredicateNode {
            required,
            selectivity: 0.3,
            sides: None,
        });
    }
    graph
}

proptest! {
    #[test]
    fn no_other_order_is_cheaper(seed: u64, inner in 2_usize..7, attached in 0_usize..3) {
        let mut numbers = Numbers::new(seed);
        let mut graph = any_graph(&mut numbers, inner, attached);
        // Without products, which are only considered where nothing else is left.
        graph.predicates.clear();
        let written = any_tree(&graph, &mut numbers);
        let found = find_better_order(&graph, &written);
        let mut cardinalities = Cardinalities::new(&graph);
        let best = tree_cost(found.as_ref().unwrap_or(&written), &mut cardinalities);
        prop_assert!(found.is_none_or(|found| is_allowed(&graph, &found)));
        for _ in 0..50 {
            let other = any_tree(&graph, &mut numbers);
            if has_product(&graph, &other) {
                continue;
            }
            // The written order is kept unless another one is clearly better.
            let cost = tree_cost(&other, &mut cardinalities);
            prop_assert!(best <= cost / 0.9 * 1.0001, "{best} > {cost}: {other:?}");
        }
    }

    #[test]
    fn large_groups_are_ordered_too(seed: u64, inner in 10_usize..25, attached in 0_usize..6) {
        let mut numbers = Numbers::new(seed);
        let graph = any_graph(&mut numbers, inner, attached);
        let written = any_tree(&graph, &mut numbers);
        if let Some(found) = find_better_order(&graph, &written) {
            prop_assert!(is_allowed(&graph, &found), "{found:?}");
        }
    }

    #[test]
    fn rows_do_not_depend_on_the_order(seed: u64) {
        let mut numbers = Numbers::new(seed);
        let graph = any_graph(&mut numbers, 5, 2);
        let all = graph.all_relations();
        let expected = Cardinalities::new(&graph).rows(all);
        let mut cardinalities = Cardinalities::new(&graph);
        tree_cost(&any_tree(&graph, &mut numbers), &mut cardinalities);
        prop_assert_eq!(cardinalities.rows(all), expected);
    }
}

fn has_product(graph: &JoinGraph, tree: &JoinTree) -> bool {
    match tree {
        JoinTree::Relation(_) => false,
        JoinTree::Attach(input, _) => has_product(graph, input),
        JoinTree::Join(left, right) => {
            let (left_set, right_set) = (left.relations(), right.relations());
            let is_connected = graph.classes.iter().any(|class| {
                let holds = |set: RelationSet| {
                    let mut members = class.members.iter();
                    members.any(|member| set.contains(member.relation))
                };
                holds(left_set) && holds(right_set)
            });
            !is_connected || has_product(graph, left) || has_product(graph, right)
        }
    }
}

#[test]
fn a_filtered_dimension_is_joined_before_a_large_fact() {
    // sales and stock share items only; the days of both connect them too.
    let graph = JoinGraph {
        relations: vec![
            relation(1_400_000.0, 1_400_000.0),   // sales
            relation(11_700_000.0, 11_700_000.0), // stock
            relation(365.0, 73_000.0),            // days of sales, of one year
            relation(73_000.0, 73_000.0),         // days of stock
        ],
        classes: vec![
            class(&[(0, 18_000.0), (1, 18_000.0)]),
            class(&[(0, 1_800.0), (2, 73_000.0)]),
            class(&[(1, 1_800.0), (3, 73_000.0)]),
            class(&[(2, 10_400.0), (3, 10_400.0)]),
        ],
        predicates: Vec::new(),
    };
    let found = find_better_order(&graph, &in_sequence(4)).unwrap();
    let sales_of_a_year = join(JoinTree::Relation(0), JoinTree::Relation(2));
    let with_days = join(sales_of_a_year, JoinTree::Relation(3));
    let relations = |tree: &JoinTree| tree.relations();
    match found {
        JoinTree::Join(left, right) => {
            let mut sides = [relations(&left), relations(&right)];
            sides.sort();
            let mut expected = [RelationSet::single(1), relations(&with_days)];
            expected.sort();
            assert_eq!(sides, expected);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn columns_of_one_key_are_not_independent() {
    // Each return has one sale: item and order together are the key.
    let graph = JoinGraph {
        relations: vec![
            relation(1_440_000.0, 1_440_000.0),
            relation(144_000.0, 144_000.0),
        ],
        classes: vec![
            class(&[(0, 18_000.0), (1, 18_000.0)]),
            class(&[(0, 160_000.0), (1, 90_000.0)]),
        ],
        predicates: Vec::new(),
    };
    let rows = Cardinalities::new(&graph).rows(graph.all_relations());
    assert!((rows - 144_000.0).abs() < 1.0, "{rows}");
}

#[test]
fn without_distinct_counts_the_smaller_relation_has_the_key() {
    let member = |relation| ClassMember {
        relation,
        distinct: None,
    };
    let graph = JoinGraph {
        relations: vec![relation(1_000_000.0, 1_000_000.0), relation(50.0, 1_000.0)],
        classes: vec![EqualityClass {
            members: vec![member(0), member(1)],
        }],
        predicates: Vec::new(),
    };
    let rows = Cardinalities::new(&graph).rows(graph.all_relations());
    assert!((rows - 50_000.0).abs() < 1.0, "{rows}");
}

#[test]
fn a_semi_join_that_keeps_little_comes_first() {
    let graph = JoinGraph {
        relations: vec![
            relation(6_000_000.0, 6_000_000.0),
            relation(1_500_000.0, 1_500_000.0),
            relation(150_000.0, 150_000.0),
            attached(60.0, RelationSet::single(1), 0.0001),
        ],
        classes: vec![
            class(&[(0, 1_500_000.0), (1, 1_500_000.0)]),
            class(&[(1, 100_000.0), (2, 150_000.0)]),
        ],
        predicates: Vec::new(),
    };
    let written = JoinTree::Attach(Box::new(in_sequence(3)), 3);
    let found = find_better_order(&graph, &written).unwrap();
    let first = JoinTree::Attach(Box::new(JoinTree::Relation(1)), 3);
    assert!(
        format!("{found:?}").contains(&format!("{first:?}")),
        "{found:?}"
    );
}

#[test]
fn a_written_order_that_is_as_good_stays() {
    let graph = JoinGraph {
        relations: vec![
            relation(1_000_000.0, 1_000_000.0),
            relation(10.0, 10.0),
            relation(11.0, 11.0),
        ],
        classes: vec![
            class(&[(0, 10.0), (1, 10.0)]),
            class(&[(0, 11.0), (2, 11.0)]),
        ],
        predicates: Vec::new(),
    };
    assert_eq!(find_better_order(&graph, &in_sequence(3)), None);
}
