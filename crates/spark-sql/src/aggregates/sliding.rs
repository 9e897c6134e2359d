//! Aggregates over window frames that slide, without taking values out again.
//!
//! DataFusion subtracts the values that leave a frame. After a NaN, an infinity
//! or a large value, floats never recover from that: the sum stays NaN, or has
//! lost its digits. Here the values of a frame are kept in two stacks: one with
//! the totals of the frame's older part from each value to that part's end, one
//! with its newer part and the total. Each value is moved once, and a total is
//! made only of values that are in the frame.

use std::fmt::Debug;
use std::mem::size_of;

use datafusion::arrow::array::ArrayRef;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::Accumulator;

/// How values of a frame are put together.
pub(super) trait Combine: Debug + Send + Sync + 'static {
    type Total: Clone + Debug + Send + Sync;

    /// The totals of the single rows that count, in order.
    fn read_rows(&self, values: &[ArrayRef]) -> Result<Vec<Self::Total>>;

    /// The total of two neighbouring parts, the older one first.
    fn combine(&self, older: &Self::Total, newer: &Self::Total) -> Self::Total;

    /// The aggregate's value; `None` is the total of no rows.
    fn finish(&self, total: Option<Self::Total>) -> Result<ScalarValue>;
}

/// The state of a frame.
#[derive(Debug)]
pub(super) struct SlidingAccumulator<C: Combine> {
    combine: C,
    /// Totals from a row to the end of the older part; the oldest row is last.
    older: Vec<C::Total>,
    newer: Vec<C::Total>,
    newer_total: Option<C::Total>,
}

impl<C: Combine> SlidingAccumulator<C> {
    pub(super) const fn new(combine: C) -> Self {
        Self {
            combine,
            older: Vec::new(),
            newer: Vec::new(),
            newer_total: None,
        }
    }

    fn push(&mut self, row: C::Total) {
        self.newer_total = Some(match &self.newer_total {
            Some(total) => self.combine.combine(total, &row),
            None => row.clone(),
        });
        self.newer.push(row);
    }

    fn remove_oldest(&mut self) {
        if self.older.is_empty() {
            self.newer_total = None;
            while let Some(row) = self.newer.pop() {
                let total = match self.older.last() {
                    Some(total) => self.combine.combine(&row, total),
                    None => row,
                };
                self.older.push(total);
            }
        }
        self.older.pop();
    }

    fn total(&self) -> Option<C::Total> {
        match (self.older.last(), &self.newer_total) {
            (Some(older), Some(newer)) => Some(self.combine.combine(older, newer)),
            (Some(total), None) | (None, Some(total)) => Some(total.clone()),
            (None, None) => None,
        }
    }
}

impl<C: Combine> Accumulator for SlidingAccumulator<C> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for row in self.combine.read_rows(values)? {
            self.push(row);
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for _ in self.combine.read_rows(values)? {
            self.remove_oldest();
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.combine.finish(self.total())
    }

    fn size(&self) -> usize {
        size_of::<Self>() + (self.older.capacity() + self.newer.capacity()) * size_of::<C::Total>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        internal_err!("an aggregate over a frame has no partial state")
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        internal_err!("an aggregate over a frame has no partial state")
    }
}
