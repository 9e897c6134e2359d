//! Cuts every step of a job down to what the steps after it read.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::default_table_source::{provider_as_source, source_as_provider};
use datafusion::common::{Column, Result};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::logical_plan::TableScan;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource};

use super::changed_files::ChangedFilesTable;
use super::dataset_table::DatasetTable;
use super::group_files::GroupFilesTable;
use super::producers::TableProducers;
use crate::prune::{self, Need, RequiredFields};
use crate::source::{CORRUPT_COLUMN, NdjsonTable};
use crate::staged::{DeduplicatedTable, StagedTable};

/// A step before its dependencies are known.
#[derive(Debug)]
pub(super) struct StepDraft {
    pub(super) name: String,
    pub(super) kind: StepDraftKind,
    pub(super) plan: LogicalPlan,
}

#[derive(Debug)]
pub(super) enum StepDraftKind {
    /// Kept for later steps. `numbered`: its readers see a row id that its plan
    /// does not compute.
    Staged { numbered: bool },
    /// A dataset's files.
    Dataset { dataset: usize },
    /// Given to the one who asks.
    Answer,
}

/// Optimizes every step over sources and staged relations that hold only what
/// some later step reads, nested fields included.
///
/// # Errors
/// The name of the step whose plan could not be optimized, and why.
pub(super) fn prune_columns(
    steps: Vec<StepDraft>,
    producers: &TableProducers,
    ndjson_tables: &HashMap<String, Arc<NdjsonTable>>,
    session: &SessionState,
) -> Result<Vec<StepDraft>, (String, DataFusionError)> {
    let optimized = drop_unread_columns(steps, producers, session)?;
    let sources = prune_sources(&optimized, producers, ndjson_tables);
    let plans = rebase_steps(&optimized, &sources).or_else(|error| {
        // Sources that cannot be narrowed are read whole, which is slower but
        // correct.
        tracing::warn!(%error, "cannot narrow the sources; all their nested fields are read");
        rebase_steps(&optimized, &HashMap::new())
    });
    let plans = plans.map_err(|error| ("the job".to_owned(), error))?;
    Ok(optimized
        .into_iter()
        .zip(plans)
        .map(|(step, plan)| StepDraft { plan, ..step })
        .collect())
}

/// From the last step to the first: drops the columns of staged relations that
/// no later step reads, and optimizes the plan.
fn drop_unread_columns(
    steps: Vec<StepDraft>,
    producers: &TableProducers,
    session: &SessionState,
) -> Result<Vec<StepDraft>, (String, DataFusionError)> {
    let mut needs: Vec<Option<RequiredFields>> = steps.iter().map(|_| None).collect();
    let mut trimmed = Vec::with_capacity(steps.len());
    for (index, step) in steps.into_iter().enumerate().rev() {
        let optimize = || match (&step.kind, &needs[index]) {
            (StepDraftKind::Staged { .. }, Some(need)) => {
                session.optimize(&project_needed(&step.plan, need)?)
            }
            _ => session.optimize(&step.plan),
        };
        let plan = optimize().map_err(|error| (step.name.clone(), error))?;
        for (table, need) in
            prune::read_through(&plan, read_output(&step.kind, needs[index].as_ref()))
        {
            for read in producers.required_steps(&table) {
                if let Some(known) = needs.get_mut(*read) {
                    known.get_or_insert_default().merge(&need);
                }
            }
        }
        trimmed.push(StepDraft { plan, ..step });
    }
    trimmed.reverse();
    Ok(trimmed)
}

/// What is read of a step's own columns. A dataset is always written whole,
/// whatever its readers read, and an answer is given whole.
fn read_output<'a>(
    kind: &StepDraftKind,
    need: Option<&'a RequiredFields>,
) -> Option<&'a RequiredFields> {
    match kind {
        StepDraftKind::Staged { .. } => need,
        StepDraftKind::Dataset { .. } | StepDraftKind::Answer => None,
    }
}

/// Only the columns that are read, in their order. When none is read, the plan
/// stays as it is, because a plan needs a column.
fn project_needed(plan: &LogicalPlan, need: &RequiredFields) -> Result<LogicalPlan> {
    let columns: Vec<Expr> = plan
        .schema()
        .iter()
        .filter(|(_, field)| need.need_of(field.name()).is_some())
        .map(|(qualifier, field)| Expr::Column(Column::new(qualifier.cloned(), field.name())))
        .collect();
    if columns.is_empty() || columns.len() == plan.schema().fields().len() {
        return Ok(plan.clone());
    }
    LogicalPlanBuilder::from(plan.clone())
        .project(columns)?
        .build()
}

/// From the first step to the last: puts narrowed tables under each plan.
fn rebase_steps(
    steps: &[StepDraft],
    sources: &HashMap<String, Arc<NdjsonTable>>,
) -> Result<Vec<LogicalPlan>> {
    let mut staged: HashMap<String, Arc<StagedTable>> = HashMap::new();
    let mut plans = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let plan = prune::rebase_plan(step.plan.clone(), &|scan| {
            replacement_source(scan, sources, &staged)
        })?;
        match &step.kind {
            StepDraftKind::Staged { numbered } => {
                let schema: SchemaRef = Arc::clone(plan.schema().inner());
                let table = StagedTable::new(&step.name, schema, index);
                let table = if *numbered {
                    table.with_row_id()
                } else {
                    table
                };
                staged.insert(step.name.clone(), Arc::new(table));
            }
            StepDraftKind::Dataset { .. } | StepDraftKind::Answer => {
                // The contents of a dataset must not depend on what is read.
                if !has_same_columns(plan.schema().as_arrow(), step.plan.schema().as_arrow()) {
                    return Err(DataFusionError::Internal(format!(
                        "narrowing changed the columns of {}",
                        step.name
                    )));
                }
            }
        }
        plans.push(plan);
    }
    Ok(plans)
}

/// Whether a plan has the columns of another one. A column that may have been NULL before
/// its plan was optimized need not be any more: `current_date()` becomes a constant.
fn has_same_columns(plan: &Schema, before: &Schema) -> bool {
    let columns = plan.fields().iter().zip(before.fields());
    plan.fields().len() == before.fields().len()
        && columns.into_iter().all(|(column, before)| {
            column.name() == before.name()
                && column.data_type() == before.data_type()
                && (before.is_nullable() || !column.is_nullable())
        })
}

/// Landing sources with only the nested fields that some step reads.
fn prune_sources(
    steps: &[StepDraft],
    producers: &TableProducers,
    ndjson_tables: &HashMap<String, Arc<NdjsonTable>>,
) -> HashMap<String, Arc<NdjsonTable>> {
    let mut needs: HashMap<String, RequiredFields> = HashMap::new();
    let mut needs_by_step: Vec<Option<RequiredFields>> = steps.iter().map(|_| None).collect();
    for (at, step) in steps.iter().enumerate().rev() {
        for (table, need) in prune::read_through(
            &step.plan,
            read_output(&step.kind, needs_by_step[at].as_ref()),
        ) {
            // A staged source is read in place by its own step.
            if let Some(read) = producers.rows_step(&table).filter(|read| *read < at) {
                needs_by_step[read].get_or_insert_default().merge(&need);
            } else {
                needs.entry(table).or_default().merge(&need);
            }
        }
    }
    ndjson_tables
        .iter()
        .filter_map(|(name, table)| {
            let mut need = needs.get(name)?.clone();
            if need.need_of(CORRUPT_COLUMN).is_some() {
                // The reader fills it whole or not at all.
                need.require_column(CORRUPT_COLUMN, Need::All);
            }
            let columns = prune::narrow_types(&table.unnarrowed_columns(), &need);
            Some((
                name.clone(),
                Arc::new(table.with_columns(Arc::new(columns))),
            ))
        })
        .collect()
}

fn replacement_source(
    scan: &TableScan,
    sources: &HashMap<String, Arc<NdjsonTable>>,
    staged: &HashMap<String, Arc<StagedTable>>,
) -> Option<Arc<dyn TableSource>> {
    let name = scan.table_name.table();
    let provider = source_as_provider(&scan.source).ok()?;
    let any = provider.as_ref() as &dyn std::any::Any;
    if let Some(survivors) = any.downcast_ref::<DeduplicatedTable>() {
        let rows = staged.get(survivors.rows().name())?;
        return Some(provider_as_source(Arc::new(
            survivors.with_rows(Arc::clone(rows)),
        )));
    }
    if any.downcast_ref::<StagedTable>().is_some() {
        return Some(provider_as_source(Arc::clone(staged.get(name)?) as _));
    }
    let narrowed = |groups: &StagedTable| {
        let narrowed = staged.get(groups.name());
        narrowed.map_or_else(|| groups.clone(), |table| StagedTable::clone(table))
    };
    if let Some(table) = any.downcast_ref::<GroupFilesTable>() {
        let table = table.map_tables(DatasetTable::clone, narrowed);
        return Some(provider_as_source(Arc::new(table)));
    }
    if let Some(table) = any.downcast_ref::<ChangedFilesTable>() {
        return Some(provider_as_source(Arc::new(table.map_groups(narrowed))));
    }
    let old = any.downcast_ref::<NdjsonTable>()?;
    let new = sources.get(name)?;
    let new = if old.has_position() {
        Arc::new(new.with_position())
    } else {
        Arc::clone(new)
    };
    Some(provider_as_source(new))
}
