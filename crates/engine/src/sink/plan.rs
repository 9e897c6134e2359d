//! Plans the sink with the nodes that it needs below and above.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::exec::GoldSinkExec;
use super::spec::SinkSpec;
use crate::distributed::SortBarrierExec;
use crate::manifest::coalesce_manifest;

/// Puts a sink on a dataset's physical plan.
///
/// Rows are sorted within their partition where the table has hive partitions
/// or an order. The result has one partition of manifest rows, even where the
/// sink has several: the single task on top reads the rows of one successful
/// attempt of each sink task. A sink with one task needs no task on top.
///
/// # Errors
/// As [`GoldSinkExec::try_new`].
pub fn plan_sink(input: Arc<dyn ExecutionPlan>, spec: SinkSpec) -> Result<Arc<dyn ExecutionPlan>> {
    let spec = Arc::new(spec);
    let mut sink = GoldSinkExec::try_new(Arc::clone(&input), Arc::clone(&spec))?;
    if let Some(ordering) = sink.ordering()
        && !input
            .equivalence_properties()
            .ordering_satisfy(ordering.clone())?
    {
        let input = Arc::new(SortBarrierExec::new(input));
        let sorted = SortExec::new(ordering.clone(), input).with_preserve_partitioning(true);
        sink = GoldSinkExec::try_new(Arc::new(sorted), spec)?;
    }
    Ok(coalesce_manifest(Arc::new(sink)))
}
