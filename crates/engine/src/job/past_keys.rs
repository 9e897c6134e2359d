//! Rows whose keys a table does not have.
//!
//! The rows of a run are reduced to one for each key first. Then the keys that the
//! table has are removed by an anti join. Of the table only the key columns are read, of
//! files whose statistics and Bloom filters do not exclude every key of the run.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{Column, JoinType, NullEquality, Statistics, TableReference};
use datafusion::datasource::TableType;
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::{count, max, min};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt as _;
use sluice_gold::{Snapshot, TableSpec};
use sluice_jobfile::{Dataset, Diagnostic, Flow, codes};

use super::AnalyzeError;
use super::analyze::{Analysis, engine_error};
use super::dataset_table::DatasetTable;
use super::key_bounds::{KeyBounds, has_bounds, is_text, max_name, min_name, present_name};
use crate::parquet::RunKeys;
use crate::sink::key_filters::has_filter;
use crate::staged::{StagedTable, read_staged_rows};

/// With fewer rows in the table its keys are read.
const MIN_PAST_ROWS: u64 = 500_000;
/// The most keys that are looked up; they are held in the memory of the process that plans.
const MAX_KEYS: u64 = 1 << 20;
/// How many files are looked at at the same time.
const CONCURRENT_LOOKUPS: usize = 8;

/// What is wrong with the key of a deduplicated flow of a table with this many flows.
pub(super) fn refuse_keys(
    flow: &Flow,
    flows: usize,
    keys: &[String],
    spec: &TableSpec,
) -> Option<Diagnostic> {
    let error = |message: String, help: &str| {
        Some(
            Diagnostic::error(codes::NOT_INCREMENTAL, message)
                .with_span(flow.span)
                .with_help(help),
        )
    };
    if flows > 1 {
        return error(
            format!(
                "`{}` keeps one row of each key, and `{}` has other flows, whose rows of the same \
                 run it does not see",
                flow.flow, flow.table
            ),
            "unite the streams in one query, and deduplicate that: SELECT … FROM (SELECT … FROM \
             STREAM a UNION ALL SELECT … FROM STREAM b) QUALIFY …",
        );
    }
    for key in keys {
        let Ok(field) = spec.schema.field_with_name(key) else {
            continue;
        };
        if field.data_type().is_nested() {
            return error(
                format!("the key `{key}` is not a simple value"),
                "use columns of the value in PARTITION BY, such as its id",
            );
        }
        if spec.partition_by.contains(key) && is_text(field.data_type()) {
            return error(
                format!(
                    "the key `{key}` is a column of PARTITIONED BY, where an empty text is stored \
                     as NULL, so that it cannot be found again"
                ),
                "partition the table by another column, or use a key that is not text",
            );
        }
    }
    None
}

fn key_name(at: usize) -> String {
    format!("__past_{at}")
}

impl Analysis<'_> {
    /// The rows of a plan, one for each key, without those whose keys the table has.
    pub(super) fn keep_new_keys(
        &mut self,
        dataset: &Dataset,
        spec: &TableSpec,
        rows: LogicalPlan,
        keys: &[String],
        past: Option<&Snapshot>,
    ) -> Result<LogicalPlan, AnalyzeError> {
        let rows = self.extract_dedups(&dataset.name, rows)?;
        let Some(past) = past.filter(|past| !past.files.is_empty()) else {
            return Ok(rows);
        };
        let failed = |error| engine_error(&dataset.name, error);
        let table = self.table_before(dataset, spec, &past.files)?;
        let mut run_keys = None;
        let mut of_bounds = rows.clone();
        if has_many_rows(&table) && has_filters(&rows, keys).map_err(failed)? {
            let staged = self.stage_keys(dataset, &rows, keys).map_err(failed)?;
            let source = provider_as_source(Arc::clone(&staged) as _);
            let reference = TableReference::bare(staged.name());
            of_bounds = LogicalPlanBuilder::scan(reference, source, None)
                .and_then(LogicalPlanBuilder::build)
                .map_err(failed)?;
            run_keys = Some(staged);
        }
        let bounds = match self.stage_bounds(dataset, &of_bounds, keys) {
            Ok(bounds) => bounds,
            Err(error) => return Err(failed(error)),
        };
        let name = format!("{} past", dataset.name);
        match (&bounds, &run_keys) {
            (Some(bounds), Some(keys)) => {
                self.producers
                    .insert_with(&name, bounds.step(), keys.step());
            }
            (Some(bounds), None) => self.producers.insert(&name, bounds.step()),
            // Keys are looked up after bounds only.
            (None, _) => {}
        }
        let past = PastKeysTable {
            table,
            keys: keys.to_vec(),
            run_keys,
            bounds,
        };
        remove_past_keys(rows, &name, past, keys).map_err(failed)
    }

    /// Adds the step that has the run's keys.
    fn stage_keys(
        &mut self,
        dataset: &Dataset,
        rows: &LogicalPlan,
        keys: &[String],
    ) -> Result<Arc<StagedTable>> {
        let columns: Vec<Expr> = keys
            .iter()
            .map(|key| Expr::Column(Column::from_name(key)))
            .collect();
        let plan = LogicalPlanBuilder::from(rows.clone())
            .project(columns)?
            .build()?;
        let schema: SchemaRef = Arc::clone(plan.schema().inner());
        let name = format!("{} keys", dataset.name);
        Ok(self.push_staged_step(&name, plan, schema, false))
    }

    /// Adds the step that finds the bounds of the run's keys; `None` when files cannot be
    /// compared with any.
    fn stage_bounds(
        &mut self,
        dataset: &Dataset,
        rows: &LogicalPlan,
        keys: &[String],
    ) -> Result<Option<Arc<StagedTable>>> {
        let mut bounds: Vec<Expr> = vec![count(lit(1_i64)).alias("__rows")];
        for (at, key) in keys.iter().enumerate() {
            let column = || Expr::Column(Column::from_name(key));
            let field = rows.schema().field_with_unqualified_name(key)?;
            if has_bounds(field.data_type()) {
                bounds.extend([
                    min(column()).alias(min_name(at)),
                    max(column()).alias(max_name(at)),
                    count(column()).alias(present_name(at)),
                ]);
            }
        }
        if bounds.len() == 1 {
            return Ok(None);
        }
        let plan = LogicalPlanBuilder::from(rows.clone())
            .aggregate(Vec::<Expr>::new(), bounds)?
            .build()?;
        let schema: SchemaRef = Arc::clone(plan.schema().inner());
        let name = format!("{} bounds", dataset.name);
        Ok(Some(self.push_staged_step(&name, plan, schema, false)))
    }
}

/// Whether a table has so many rows that files without the run's keys are worth finding.
fn has_many_rows(table: &DatasetTable) -> bool {
    let rows = table.kept_files().iter().map(|file| file.stats.num_records);
    rows.sum::<u64>() >= MIN_PAST_ROWS
}

/// Whether one of the keys has Bloom filters, in files that were written with them, and
/// bounds.
fn has_filters(rows: &LogicalPlan, keys: &[String]) -> Result<bool> {
    let mut types = Vec::new();
    for key in keys {
        types.push(rows.schema().field_with_unqualified_name(key)?.data_type());
    }
    Ok(types.iter().any(|of| has_filter(of)) && types.iter().any(|of| has_bounds(of)))
}

/// The rows whose keys are not among those of the past.
fn remove_past_keys(
    rows: LogicalPlan,
    name: &str,
    past: PastKeysTable,
    keys: &[String],
) -> Result<LogicalPlan> {
    let renamed = keys.iter().enumerate().map(|(at, key)| {
        Expr::Column(Column::new(Some(TableReference::bare(name)), key)).alias(key_name(at))
    });
    let source = provider_as_source(Arc::new(past));
    let past = LogicalPlanBuilder::scan(TableReference::bare(name), source, None)?
        .project(renamed.collect::<Vec<_>>())?
        .alias("__past")?
        .build()?;
    let of_rows: Vec<Column> = keys.iter().map(Column::from_name).collect();
    let of_past: Vec<Column> = (0..keys.len())
        .map(|at| Column::new(Some("__past"), key_name(at)))
        .collect();
    LogicalPlanBuilder::from(rows)
        .join_detailed(
            past,
            JoinType::LeftAnti,
            (of_rows, of_past),
            None,
            // As with PARTITION BY, NULL is one key.
            NullEquality::NullEqualsNull,
        )?
        .build()
}

/// The rows that a table had before a run, as far as they may have keys of the run.
#[derive(Debug, Clone)]
pub(super) struct PastKeysTable {
    table: DatasetTable,
    keys: Vec<String>,
    /// The run's keys, when they are to be looked up in filters.
    run_keys: Option<Arc<StagedTable>>,
    /// One row: the bounds of the run's keys. `None`: all files are read.
    bounds: Option<Arc<StagedTable>>,
}

impl PastKeysTable {
    /// The same table with other versions of its bounds and of the run's keys.
    pub(super) fn map_staged(&self, map: impl Fn(&StagedTable) -> StagedTable) -> Self {
        Self {
            run_keys: self.run_keys.as_deref().map(|keys| Arc::new(map(keys))),
            bounds: self.bounds.as_deref().map(|bounds| Arc::new(map(bounds))),
            ..self.clone()
        }
    }

    /// The table with those of its files that may have one of the run's keys, by their Bloom
    /// filters.
    async fn look_up(&self, table: DatasetTable, state: &dyn Session) -> Result<DatasetTable> {
        let few = |keys: &&Arc<StagedTable>| keys.count_rows().is_some_and(|rows| rows <= MAX_KEYS);
        let Some(keys) = self.run_keys.as_ref().filter(few) else {
            return Ok(table);
        };
        let Some(keys) = RunKeys::new(&self.keys, &read_staged_rows(keys).await?)? else {
            return Ok(table);
        };
        let store = state.runtime_env().object_store(table.store()?)?;
        let files = table.kept_files().iter();
        let files = files.map(|file| Ok((file.path.clone(), table.path_of(file)?, file.size)));
        let found: HashSet<String> = futures::stream::iter(files.collect::<Result<Vec<_>>>()?)
            .map(|(name, path, size)| {
                let (keys, store) = (&keys, Arc::clone(&store));
                async move { keys.may_be_in(store, path, size).await.then_some(name) }
            })
            .buffer_unordered(CONCURRENT_LOOKUPS)
            .filter_map(std::future::ready)
            .collect()
            .await;
        Ok(table.with_kept(|file| found.contains(&file.path)))
    }

    /// The bounds of the run's keys, by key; empty when they are not known.
    async fn read_bounds(&self) -> Result<Vec<KeyBounds>> {
        let Some(bounds) = &self.bounds else {
            return Ok(Vec::new());
        };
        let batches = read_staged_rows(bounds).await?;
        let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else {
            return Ok(Vec::new());
        };
        (0..self.keys.len())
            .filter(|at| batch.column_by_name(&min_name(*at)).is_some())
            .map(|at| KeyBounds::read(batch, at, &self.keys))
            .collect()
    }
}

#[async_trait]
impl TableProvider for PastKeysTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// What is read when no file is left out: the share of the key columns.
    fn statistics(&self) -> Option<Statistics> {
        let schema = self.table.schema();
        let bytes: u64 = self.table.kept_files().iter().map(|file| file.size).sum();
        let columns = schema.fields().len().max(1);
        let share = bytes.saturating_mul(self.keys.len() as u64) / columns as u64;
        Some(Statistics {
            total_byte_size: usize::try_from(share).map_or(Precision::Absent, Precision::Inexact),
            ..Statistics::new_unknown(&schema)
        })
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let bounds = self.read_bounds().await?;
        let schema = self.table.schema();
        let table = self.table.with_kept(|file| {
            bounds
                .iter()
                .all(|bounds| bounds.may_be_in(file, schema.as_ref()))
        });
        let table = self.look_up(table, state).await?;
        tracing::debug!(
            files = self.table.kept_files().len(),
            read = table.kept_files().len(),
            "the keys of the table are read"
        );
        table.scan(state, projection, filters, limit).await
    }
}
