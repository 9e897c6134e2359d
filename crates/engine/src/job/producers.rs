//! Which steps compute the tables that queries read.

use std::collections::{BTreeSet, HashMap};

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;

/// Tables by name, each with the indices of the steps that compute it.
#[derive(Debug, Default)]
pub(super) struct TableProducers {
    /// The step whose rows the table has comes first.
    steps: HashMap<String, Vec<usize>>,
}

impl TableProducers {
    /// Adds a table that one step computes.
    pub(super) fn insert(&mut self, table: &str, step: usize) {
        self.steps.insert(table.to_owned(), vec![step]);
    }

    /// Adds a table that two steps compute, such as the result of a deduplication: the rows
    /// of one step without the duplicates that another one found among them.
    pub(super) fn insert_with(&mut self, table: &str, rows: usize, other: usize) {
        self.steps.insert(table.to_owned(), vec![rows, other]);
    }

    /// Says where each step is now, by the index that it had.
    pub(super) fn move_steps(&mut self, places: &[usize]) {
        for step in self.steps.values_mut().flatten() {
            if let Some(place) = places.get(*step) {
                *step = *place;
            }
        }
    }

    /// Whether a step computes the table. Landing sources are read in place.
    pub(super) fn contains(&self, table: &str) -> bool {
        self.steps.contains_key(table)
    }

    /// The step whose rows the table has.
    pub(super) fn rows_step(&self, table: &str) -> Option<usize> {
        self.required_steps(table).first().copied()
    }

    /// All steps that must have finished before the table can be read.
    pub(super) fn required_steps(&self, table: &str) -> &[usize] {
        self.steps.get(table).map_or(&[], Vec::as_slice)
    }

    /// The steps that a plan reads, subqueries included, each once, in order.
    pub(super) fn steps_read_by(&self, plan: &LogicalPlan) -> Vec<usize> {
        let mut steps = BTreeSet::new();
        let walked = plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                steps.extend(self.required_steps(scan.table_name.table()));
            }
            Ok(TreeNodeRecursion::Continue)
        });
        debug_assert!(walked.is_ok());
        steps.into_iter().collect()
    }
}
