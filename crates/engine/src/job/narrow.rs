//! Cuts every step of a job down to what the steps after it read.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::default_table_source::{provider_as_source, source_as_provider};
use datafusion::common::{Column, Result};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::logical_plan::TableScan;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource};

use super::tables::Tables;
use crate::prune::{self, RequiredFields};
use crate::source::{CORRUPT_COLUMN, NdjsonTable};
use crate::staged::{StagedSlot, StagedTable, SurvivorsTable};

/// A step before its dependencies are known.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) name: String,
    pub(super) kind: UnitKind,
    pub(super) plan: LogicalPlan,
}

#[derive(Debug)]
pub(super) enum UnitKind {
    /// Kept for later steps. `numbered`: its readers see a row id that its plan
    /// does not compute.
    Staged {
        slot: Arc<StagedSlot>,
        numbered: bool,
    },
    /// A dataset's files.
    Dataset { dataset: usize },
}

/// Optimizes every step over sources and staged relations that hold only what
/// some later step reads, nested fields included.
///
/// # Errors
/// The name of the step whose plan could not be optimized, and why.
pub(super) fn narrow(
    units: Vec<Unit>,
    tables: &Tables,
    open: &HashMap<String, Arc<NdjsonTable>>,
    session: &SessionState,
) -> Result<Vec<Unit>, (String, DataFusionError)> {
    let optimized = trim(units, tables, session)?;
    let sources = narrowed_sources(&optimized, tables, open);
    let plans = rebase(&optimized, &sources).or_else(|error| {
        // Sources that cannot be narrowed are read whole, which is slower but
        // correct.
        tracing::warn!(%error, "cannot narrow the sources; all their nested fields are read");
        rebase(&optimized, &HashMap::new())
    });
    let plans = plans.map_err(|error| ("the job".to_owned(), error))?;
    Ok(optimized
        .into_iter()
        .zip(plans)
        .map(|(unit, plan)| Unit { plan, ..unit })
        .collect())
}

/// From the last step to the first: drops the columns of staged relations that
/// no later step reads, and optimizes the plan.
fn trim(
    units: Vec<Unit>,
    tables: &Tables,
    session: &SessionState,
) -> Result<Vec<Unit>, (String, DataFusionError)> {
    let mut needs: Vec<Option<RequiredFields>> = units.iter().map(|_| None).collect();
    let mut trimmed = Vec::with_capacity(units.len());
    for (index, unit) in units.into_iter().enumerate().rev() {
        let optimize = || match (&unit.kind, &needs[index]) {
            (UnitKind::Staged { .. }, Some(need)) => session.optimize(&pick(&unit.plan, need)?),
            _ => session.optimize(&unit.plan),
        };
        let plan = optimize().map_err(|error| (unit.name.clone(), error))?;
        for (table, need) in prune::read_through(&plan, output(&unit.kind, needs[index].as_ref())) {
            for read in tables.behind(&table) {
                if let Some(known) = needs.get_mut(*read) {
                    known.get_or_insert_default().merge(&need);
                }
            }
        }
        trimmed.push(Unit { plan, ..unit });
    }
    trimmed.reverse();
    Ok(trimmed)
}

/// What is read of a step's own columns. A dataset is always written whole,
/// whatever its readers read.
fn output<'a>(kind: &UnitKind, need: Option<&'a RequiredFields>) -> Option<&'a RequiredFields> {
    match kind {
        UnitKind::Staged { .. } => need,
        UnitKind::Dataset { .. } => None,
    }
}

/// Only the columns that are read, in their order. When none is read, the plan
/// stays as it is, because a plan needs a column.
fn pick(plan: &LogicalPlan, need: &RequiredFields) -> Result<LogicalPlan> {
    let columns: Vec<Expr> = plan
        .schema()
        .iter()
        .filter(|(_, field)| need.need(field.name()).is_some())
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
fn rebase(units: &[Unit], sources: &HashMap<String, Arc<NdjsonTable>>) -> Result<Vec<LogicalPlan>> {
    let mut staged: HashMap<String, Arc<StagedTable>> = HashMap::new();
    let mut plans = Vec::with_capacity(units.len());
    for unit in units {
        let plan = prune::rebase(unit.plan.clone(), &|scan| {
            replacement(scan, sources, &staged)
        })?;
        match &unit.kind {
            UnitKind::Staged { slot, numbered } => {
                let schema: SchemaRef = Arc::clone(plan.schema().inner());
                let table = StagedTable::new(&unit.name, schema, Arc::clone(slot));
                let table = if *numbered {
                    table.with_row_id()
                } else {
                    table
                };
                staged.insert(unit.name.clone(), Arc::new(table));
            }
            UnitKind::Dataset { .. } => {
                // The contents of a dataset must not depend on what is read.
                if plan.schema().as_arrow() != unit.plan.schema().as_arrow() {
                    return Err(DataFusionError::Internal(format!(
                        "narrowing changed dataset {}",
                        unit.name
                    )));
                }
            }
        }
        plans.push(plan);
    }
    Ok(plans)
}

/// Landing sources with only the nested fields that some step reads.
fn narrowed_sources(
    units: &[Unit],
    tables: &Tables,
    open: &HashMap<String, Arc<NdjsonTable>>,
) -> HashMap<String, Arc<NdjsonTable>> {
    let mut needs: HashMap<String, RequiredFields> = HashMap::new();
    let mut below: Vec<Option<RequiredFields>> = units.iter().map(|_| None).collect();
    for (at, unit) in units.iter().enumerate().rev() {
        for (table, need) in prune::read_through(&unit.plan, output(&unit.kind, below[at].as_ref()))
        {
            // A staged source is read in place by its own step.
            if let Some(read) = tables.rows(&table).filter(|read| *read < at) {
                below[read].get_or_insert_default().merge(&need);
            } else {
                needs.entry(table).or_default().merge(&need);
            }
        }
    }
    open.iter()
        .filter_map(|(name, table)| {
            let need = needs.get(name)?;
            if need.need(CORRUPT_COLUMN).is_some() {
                // Whether a line is broken depends on every declared field.
                return None;
            }
            let declared = prune::narrow_types(table.declared(), need);
            Some((
                name.clone(),
                Arc::new(table.with_declared(Arc::new(declared))),
            ))
        })
        .collect()
}

fn replacement(
    scan: &TableScan,
    sources: &HashMap<String, Arc<NdjsonTable>>,
    staged: &HashMap<String, Arc<StagedTable>>,
) -> Option<Arc<dyn TableSource>> {
    let name = scan.table_name.table();
    let provider = source_as_provider(&scan.source).ok()?;
    let any = provider.as_ref() as &dyn std::any::Any;
    if let Some(survivors) = any.downcast_ref::<SurvivorsTable>() {
        let rows = staged.get(survivors.rows().name())?;
        return Some(provider_as_source(Arc::new(
            survivors.over(Arc::clone(rows)),
        )));
    }
    if any.downcast_ref::<StagedTable>().is_some() {
        return Some(provider_as_source(Arc::clone(staged.get(name)?) as _));
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
