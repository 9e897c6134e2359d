//! A step's physical plan, made after the steps that it reads from.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::default_table_source::source_as_provider;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::SessionState;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::AnalyzeError;
use super::results::StepResults;
use super::steps::{AnalyzedDataset, AnalyzedJob, Step, StepKind};
use crate::distributed::in_one_task;
use crate::manifest::coalesce_manifest;
use crate::sink::{SinkSpec, SortColumn, plan_sink};
use crate::staged::StageWriterExec;
use crate::{estimate, join_order};

/// How a step is to run.
#[derive(Debug, Clone)]
pub struct PhysicalOptions {
    /// How many tasks can run at the same time.
    pub slots: usize,
    /// Partitions of the step, where the job sets a number; otherwise they
    /// depend on the size of its input.
    pub partitions: Option<usize>,
    /// Part of the names of data files.
    pub job_id: String,
    /// The folder of this attempt's staged files; a plain folder name.
    pub token: String,
    /// Plan for little memory: joins that spill, smaller tasks and batches, and sorts
    /// without a merge in memory. This is slower; it is for a step that ran out of
    /// memory.
    pub low_memory: bool,
}

/// How many tasks a low-memory plan makes of one.
const LOW_MEMORY_SPLIT: usize = 4;
/// How many rows the batches of a low-memory plan have at most: an operator must hold
/// at least one batch, and a merge two.
const LOW_MEMORY_BATCH_ROWS: usize = 1024;
/// Below so many reserved bytes, a low-memory plan sorts all collected rows as one
/// batch. That is slower than to merge sorted batches, and needs no memory for keys.
/// Half of it is rows: columns of text have at most 2 GiB.
const LOW_MEMORY_SORT_BYTES: usize = (1 << 32) - 1;
/// What each sort of a low-memory plan reserves from its start for the merge of its
/// files.
const LOW_MEMORY_MERGE_BYTES: usize = 1024 * 1024;

/// Below this, in bytes of input, a second task costs more than it saves.
const MIN_TASK_BYTES: u64 = 8 * 1024 * 1024;
/// Above this, in bytes of input, a task is divided, so that a retry repeats
/// less and tasks end at about the same time.
const MAX_TASK_BYTES: u64 = 256 * 1024 * 1024;

/// Partitions for an input of `bytes` on `slots`: fewer than slots for little
/// data, then one for each slot, then a multiple of the slots.
pub(super) fn partition_count(bytes: u64, slots: usize) -> usize {
    let slots = slots.max(1) as u64;
    let wanted = if bytes < slots * MIN_TASK_BYTES {
        bytes.div_ceil(MIN_TASK_BYTES).max(1)
    } else {
        slots * bytes.div_ceil(slots * MAX_TASK_BYTES)
    };
    usize::try_from(wanted).unwrap_or(usize::MAX)
}

/// The settings of a low-memory plan.
pub(crate) fn with_low_memory(config: SessionConfig) -> SessionConfig {
    let batch_rows = config.batch_size().min(LOW_MEMORY_BATCH_ROWS);
    config
        .set_bool("datafusion.optimizer.prefer_hash_join", false)
        .with_batch_size(batch_rows)
        .with_sort_in_place_threshold_bytes(LOW_MEMORY_SORT_BYTES)
        .with_sort_spill_reservation_bytes(LOW_MEMORY_MERGE_BYTES)
}

impl AnalyzedJob {
    /// The physical plan of `step`, with the session to run it in. The plan has
    /// one partition; its rows are the manifest of what the step wrote, or the answer.
    ///
    /// The plan reads the `results` of earlier steps as they are now. `configure`
    /// adds what the runner needs to the session.
    ///
    /// # Errors
    /// When the plan cannot be made, or `results` lacks a step that it reads from.
    pub async fn plan_physical(
        &self,
        step: &Step,
        results: &StepResults,
        options: &PhysicalOptions,
        configure: impl FnOnce(SessionConfig) -> SessionConfig,
    ) -> Result<(Arc<SessionContext>, Arc<dyn ExecutionPlan>), AnalyzeError> {
        let failed = |source| AnalyzeError::Engine {
            what: step.name.clone(),
            source,
        };
        let logical = results.fill_tables(&step.plan).map_err(failed)?;
        let mut target = options
            .partitions
            .unwrap_or_else(|| partition_count(self.input_bytes(&logical), options.slots));
        if options.low_memory {
            target = target.saturating_mul(LOW_MEMORY_SPLIT);
        }
        let mut config = self.session.config().clone().with_target_partitions(target);
        if options.low_memory {
            config = with_low_memory(config);
        }
        let config = configure(config);
        let mut state = SessionStateBuilder::new_from_existing(self.session.clone())
            .with_config(config)
            .build();
        // The copy registers functions in any order, and two may share a name: one
        // of ours, and an alias of the function that it replaces.
        crate::session::register_functions(&mut state).map_err(failed)?;
        let logical = self.order_joins(logical, &state).await.map_err(failed)?;
        let plan = state
            .query_planner()
            .create_physical_plan(&logical, &state)
            .await
            .map_err(failed)?;
        let plan = match step.kind {
            StepKind::Stage => {
                let writer: Arc<dyn ExecutionPlan> =
                    Arc::new(StageWriterExec::new(plan, &options.token));
                coalesce_manifest(writer)
            }
            StepKind::Write { dataset } => {
                let updates = |dataset: &AnalyzedDataset| dataset.view_update.is_some();
                let plan = match target == 1 && self.datasets.get(dataset).is_some_and(updates) {
                    true => in_one_task(plan),
                    false => plan,
                };
                self.plan_dataset_sink(plan, dataset, options)
                    .map_err(failed)?
            }
            StepKind::Answer => coalesce_manifest(plan),
        };
        Ok((Arc::new(SessionContext::new_with_state(state)), plan))
    }

    /// The plan with its joins in the order that the sizes of its tables suggest.
    async fn order_joins(
        &self,
        plan: LogicalPlan,
        state: &SessionState,
    ) -> datafusion::error::Result<LogicalPlan> {
        let is_wanted = state.config_options().optimizer.join_reordering;
        if !is_wanted || !join_order::has_orders(&plan) {
            return Ok(plan);
        }
        let bytes_of = |name: &str| self.source_bytes(name);
        let tables = estimate::read_table_statistics(&plan, state, &bytes_of).await?;
        join_order::order_joins(plan, &tables)
    }

    /// The bytes of a source's files.
    fn source_bytes(&self, name: &str) -> Option<u64> {
        let input = self.inputs.iter().find(|input| input.name == name)?;
        Some(input.bytes)
    }

    /// Bytes of everything that a plan scans, as far as known.
    fn input_bytes(&self, plan: &LogicalPlan) -> u64 {
        let mut bytes: u64 = 0;
        let walked = plan.apply(|node| {
            if let LogicalPlan::TableScan(scan) = node
                && let Ok(provider) = source_as_provider(&scan.source)
            {
                let known = match provider.statistics() {
                    Some(statistics) => statistics
                        .total_byte_size
                        .get_value()
                        .map(|size| *size as u64),
                    None => self.source_bytes(scan.table_name.table()),
                };
                bytes = bytes.saturating_add(known.unwrap_or(0));
            }
            Ok(TreeNodeRecursion::Continue)
        });
        debug_assert!(walked.is_ok());
        bytes
    }

    fn plan_dataset_sink(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        dataset: usize,
        options: &PhysicalOptions,
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        let dataset = self.datasets.get(dataset).ok_or_else(|| {
            datafusion::error::DataFusionError::Internal(
                "a step writes a dataset that does not exist".to_owned(),
            )
        })?;
        let mut spec = SinkSpec::new(
            dataset.location.url().as_str(),
            &options.job_id,
            &dataset.name,
            with_not_null(&dataset.spec.schema, &dataset.not_null),
        );
        spec.partition_by.clone_from(&dataset.spec.partition_by);
        spec.keys.clone_from(&dataset.keys);
        spec.target_file_bytes = dataset.target_file_size;
        spec.sort_by = dataset
            .sort_by
            .iter()
            .map(|key| SortColumn {
                column: key.column.clone(),
                descending: key.descending,
                nulls_first: key.nulls_first,
            })
            .collect();
        plan_sink(plan, spec)
    }
}

/// The columns of a table, of which the sink refuses NULL in some.
fn with_not_null(schema: &SchemaRef, not_null: &[String]) -> SchemaRef {
    if not_null.is_empty() {
        return Arc::clone(schema);
    }
    let fields = schema.fields().iter().map(|field| {
        let is_nullable = field.is_nullable() && !not_null.contains(field.name());
        Arc::new(field.as_ref().clone().with_nullable(is_nullable))
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn little_data_is_one_task_and_much_fills_rounds() {
        assert_eq!(partition_count(0, 4), 1);
        assert_eq!(partition_count(MIB, 4), 1);
        assert_eq!(partition_count(17 * MIB, 4), 3);
        assert_eq!(partition_count(100 * MIB, 4), 4);
        assert_eq!(partition_count(1024 * MIB, 4), 4);
        assert_eq!(partition_count(1025 * MIB, 4), 8);
        assert_eq!(
            partition_count(u64::MAX / 4, 0),
            usize::try_from(u64::MAX / 4 / (256 * MIB) + 1).unwrap_or(0)
        );
    }
}
