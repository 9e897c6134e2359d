//! Decides which relations are staged (computed once), from the graph of
//! relations alone.

use std::collections::BTreeSet;

/// A relation, reduced to what the decision depends on.
#[derive(Debug, Clone)]
pub(super) struct RelationNode {
    /// Whether it is a dataset, whose rows are written anyway.
    pub(super) is_dataset: bool,
    /// Whether its rows may be computed once for several readers.
    pub(super) may_stage: bool,
    /// The relations that its query reads, by index; only earlier ones.
    pub(super) reads: Vec<usize>,
}

/// For each relation, whether it is staged: a source or view whose rows reach
/// two or more results is computed once, and its readers scan the staged rows.
///
/// A result is a dataset or a staged relation. A view that only one result reads
/// is planned into that result.
pub(super) fn find_staged(nodes: &[RelationNode]) -> Vec<bool> {
    let mut staged = vec![false; nodes.len()];
    // For each relation, the results that its rows reach without being staged
    // on the way.
    let mut results_reached: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); nodes.len()];
    for reader in (0..nodes.len()).rev() {
        let node = &nodes[reader];
        staged[reader] = node.may_stage && results_reached[reader].len() > 1;
        let results = if node.is_dataset || staged[reader] {
            BTreeSet::from([reader])
        } else {
            results_reached[reader].clone()
        };
        for read in &node.reads {
            results_reached[*read].extend(&results);
        }
    }
    staged
}

/// For each relation, whether any dataset reads it, directly or through others.
pub(super) fn find_needed(nodes: &[RelationNode]) -> Vec<bool> {
    let mut needed: Vec<bool> = nodes.iter().map(|node| node.is_dataset).collect();
    for reader in (0..nodes.len()).rev() {
        if needed[reader] {
            for read in &nodes[reader].reads {
                needed[*read] = true;
            }
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(kept: bool, reads: &[usize]) -> RelationNode {
        RelationNode {
            is_dataset: kept,
            may_stage: !kept,
            reads: reads.to_vec(),
        }
    }

    #[test]
    fn a_source_of_one_dataset_is_not_staged() {
        let nodes = [node(false, &[]), node(false, &[0]), node(true, &[1])];
        assert_eq!(find_staged(&nodes), [false, false, false]);
    }

    #[test]
    fn a_view_of_two_datasets_is_staged_and_its_source_is_not() {
        let nodes = [
            node(false, &[]),
            node(false, &[0]),
            node(true, &[1]),
            node(true, &[1]),
        ];
        assert_eq!(find_staged(&nodes), [false, true, false, false]);
    }

    #[test]
    fn a_source_read_by_a_staged_view_and_a_dataset_is_staged_too() {
        let nodes = [
            node(false, &[]),
            node(false, &[0]),
            node(true, &[1]),
            node(true, &[1]),
            node(true, &[0]),
        ];
        assert_eq!(find_staged(&nodes), [true, true, false, false, false]);
    }

    #[test]
    fn two_views_of_one_dataset_read_their_source_together() {
        let nodes = [
            node(false, &[]),
            node(false, &[0]),
            node(false, &[0]),
            node(true, &[1, 2]),
        ];
        assert_eq!(find_staged(&nodes), [false; 4]);
    }

    #[test]
    fn a_dataset_is_never_staged_however_many_read_it() {
        let nodes = [
            node(false, &[]),
            node(true, &[0]),
            node(true, &[1]),
            node(true, &[1]),
        ];
        assert_eq!(find_staged(&nodes), [false; 4]);
    }

    #[test]
    fn a_stream_is_planned_into_each_reader_and_what_it_reads_is_staged() {
        let stream = RelationNode {
            may_stage: false,
            ..node(false, &[0])
        };
        let nodes = [node(false, &[]), stream, node(true, &[1]), node(true, &[1])];
        assert_eq!(find_staged(&nodes), [true, false, false, false]);
    }

    #[test]
    fn what_no_dataset_reads_is_not_wanted() {
        let nodes = [
            node(false, &[]),
            node(false, &[0]),
            node(false, &[]),
            node(true, &[2]),
        ];
        assert_eq!(find_needed(&nodes), [false, false, true, true]);
    }
}
