//! The encoding of barriers: one byte for the visible size, or nothing.

use std::sync::Arc;

use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;

use super::barrier::{OnePartitionExec, SortBarrierExec, StatisticsBarrierExec, VisibleSize};

impl StatisticsBarrierExec {
    pub(crate) fn encode(&self) -> u8 {
        match self.size() {
            VisibleSize::Unknown => 0,
            VisibleSize::Small => 1,
        }
    }
}

pub(crate) fn decode_statistics_barrier(
    bytes: &[u8],
    inputs: &[Arc<dyn ExecutionPlan>],
) -> Result<Arc<dyn ExecutionPlan>> {
    let size = match bytes {
        [0] => VisibleSize::Unknown,
        [1] => VisibleSize::Small,
        _ => return internal_err!("a statistics barrier has an unknown size"),
    };
    Ok(Arc::new(StatisticsBarrierExec::new(
        only_input(inputs)?,
        size,
    )))
}

pub(crate) fn decode_one_partition(
    inputs: &[Arc<dyn ExecutionPlan>],
) -> Result<Arc<dyn ExecutionPlan>> {
    Ok(Arc::new(OnePartitionExec::new(only_input(inputs)?)))
}

pub(crate) fn decode_sort_barrier(
    inputs: &[Arc<dyn ExecutionPlan>],
) -> Result<Arc<dyn ExecutionPlan>> {
    Ok(Arc::new(SortBarrierExec::new(only_input(inputs)?)))
}

fn only_input(inputs: &[Arc<dyn ExecutionPlan>]) -> Result<Arc<dyn ExecutionPlan>> {
    match inputs {
        [input] => Ok(Arc::clone(input)),
        _ => internal_err!("a barrier has one input, not {}", inputs.len()),
    }
}
