//! Adds datasets to a job: materialized views, and what they have in common with
//! streaming tables.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::datasource::{TableProvider, ViewTable, provider_as_source};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use sluice_gold::{Snapshot, TableSpec};
use sluice_jobfile::{self as jobfile, Relation};
use sluice_storage::Location;
use sqlparser::ast::Query;

use super::AnalyzeError;
use super::analyze::{Analysis, engine_error};
use super::column_pruning::{StepDraft, StepDraftKind};
use super::dataset_table::DatasetTable;
use super::shown_names::{column_names, rename_columns};
use super::steps::AnalyzedDataset;
use super::table_columns::{self, QueryColumns};
use super::table_spec::{build_table_spec, sort_keys};

impl Analysis<'_> {
    /// Adds a materialized view.
    pub(super) fn add_dataset(
        &mut self,
        dataset: &jobfile::Dataset,
        query: &Query,
        plan: LogicalPlan,
    ) -> Result<(), AnalyzeError> {
        let failed = |error| engine_error(&dataset.name, error);
        let mut names = self.shown.spell_query(query, plan.schema());
        let mut plan = self.extract_dedups(&dataset.name, plan)?;
        let mut schema: SchemaRef = Arc::clone(plan.schema().inner());
        if !dataset.columns.is_empty() {
            let columns = QueryColumns {
                query,
                span: dataset.span,
                schema: &schema,
                may_lack: false,
            };
            match table_columns::declared_schema(dataset, &columns) {
                Ok(declared) => schema = Arc::new(declared),
                Err(problems) => {
                    self.report_errors(&dataset.name, problems);
                    return Ok(());
                }
            }
            plan = table_columns::project_to(plan, &schema).map_err(failed)?;
            let columns = dataset.columns.iter();
            names = columns.map(|column| column.source_name.clone()).collect();
        }
        let read_as = column_names(&plan);
        let plan = rename_columns(plan, &names).map_err(failed)?;
        let schema = rename_fields(&schema, &names);
        self.shown.add(&dataset.name, names);
        match self.table_spec(dataset, &schema) {
            Some(spec) => self.push_dataset(dataset, spec, Some(plan), None, &read_as),
            None => Ok(()),
        }
    }

    /// Adds the table of a dataset that the run leaves as it is.
    pub(super) fn add_unchanged(
        &mut self,
        dataset: &jobfile::Dataset,
        snapshot: Option<&Snapshot>,
    ) -> Result<(), AnalyzeError> {
        let snapshot = snapshot.ok_or_else(|| AnalyzeError::NoTable {
            table: dataset.name.clone(),
        })?;
        let location = self.dataset_location(dataset)?;
        self.add_summary(
            dataset_kind(dataset),
            &dataset.name,
            &[],
            false,
            &snapshot.schema,
        );
        self.explain_refresh("none", "neither --refresh nor --full-refresh names it");
        let table = DatasetTable::new(
            &dataset.name,
            // No step of this run writes it.
            usize::MAX,
            location.url().clone(),
            Arc::clone(&snapshot.schema),
            snapshot.partition_by.clone(),
        );
        // Queries find columns as if the query of the dataset were planned.
        let names = snapshot.schema.fields().iter().map(|field| {
            let mut declared = dataset.columns.iter();
            let declared = declared.find(|column| column.source_name == *field.name());
            declared.map_or_else(|| field.name().to_lowercase(), |column| column.name.clone())
        });
        let read_as: Vec<String> = names.collect();
        let table = table.keeping(snapshot).without_step();
        self.register_dataset(&dataset.name, table, &read_as)
    }

    /// The folder of a dataset's table.
    pub(super) fn dataset_location(
        &self,
        dataset: &jobfile::Dataset,
    ) -> Result<Location, AnalyzeError> {
        let location = self.gold.child(&dataset.name);
        location.map_err(|source| AnalyzeError::Store {
            what: format!("dataset {}", dataset.name),
            source: Box::new(source),
        })
    }

    /// The table of a dataset; `None` when there are errors.
    pub(super) fn table_spec(
        &mut self,
        dataset: &jobfile::Dataset,
        schema: &SchemaRef,
    ) -> Option<TableSpec> {
        match build_table_spec(dataset, schema) {
            Ok(spec) => Some(spec),
            Err(problems) => {
                self.report_errors(&dataset.name, problems);
                None
            }
        }
    }

    /// Adds a dataset, and the step that computes `plan` for it. `kept`: the snapshot
    /// whose files the table keeps; `read_as`: the names that queries find its columns
    /// by.
    pub(super) fn push_dataset(
        &mut self,
        dataset: &jobfile::Dataset,
        spec: TableSpec,
        plan: Option<LogicalPlan>,
        kept: Option<Arc<Snapshot>>,
        read_as: &[String],
    ) -> Result<(), AnalyzeError> {
        self.add_summary(
            dataset_kind(dataset),
            &dataset.name,
            &self.read_relations(dataset),
            false,
            &spec.schema,
        );
        if !dataset.is_streaming() {
            self.explain_refresh(
                "full",
                "a materialized view is computed from all rows that it reads",
            );
        }
        let location = self.dataset_location(dataset)?;
        let mut table = DatasetTable::new(
            &dataset.name,
            self.datasets.len(),
            location.url().clone(),
            Arc::clone(&spec.schema),
            spec.partition_by.clone(),
        );
        if let Some(snapshot) = kept {
            table = table.keeping(&snapshot);
        }
        match plan {
            Some(plan) => {
                self.producers.insert(&dataset.name, self.steps.len());
                self.steps.push(StepDraft {
                    name: dataset.name.clone(),
                    kind: StepDraftKind::Dataset {
                        dataset: self.datasets.len(),
                    },
                    plan,
                });
            }
            None => table = table.without_step(),
        }
        self.datasets.push(AnalyzedDataset {
            name: dataset.name.clone(),
            location,
            sort_by: sort_keys(dataset, &spec.schema),
            spec,
            target_file_size: dataset
                .target_file_size
                .unwrap_or(self.options.target_file_size),
            is_streaming: dataset.is_streaming(),
            is_deduplicated: false,
            replaced_files: None,
        });
        self.register_dataset(&dataset.name, table, read_as)
    }

    /// Makes the table of a dataset readable under the names that queries use.
    pub(super) fn register_dataset(
        &mut self,
        name: &str,
        table: DatasetTable,
        read_as: &[String],
    ) -> Result<(), AnalyzeError> {
        let table: Arc<dyn TableProvider> = Arc::new(table);
        let fields = table.schema();
        if fields.fields().iter().map(|field| field.name()).eq(read_as) {
            return self.register_table(name, table);
        }
        let renamed = LogicalPlanBuilder::scan(name, provider_as_source(table), None)
            .and_then(LogicalPlanBuilder::build)
            .and_then(|plan| rename_columns(plan, read_as))
            .map_err(|error| engine_error(name, error))?;
        self.register_table(name, Arc::new(ViewTable::new(renamed, None)))
    }

    /// What a dataset reads, with what the flows of a streaming table read.
    fn read_relations(&self, dataset: &jobfile::Dataset) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut add = |name: &String| {
            if !names.contains(name) {
                names.push(name.clone());
            }
        };
        if !dataset.is_streaming() {
            return dataset.depends_on.clone();
        }
        for relation in &self.job.relations {
            if let Relation::Flow(flow) = relation
                && flow.table == dataset.name
            {
                flow.streams
                    .iter()
                    .chain(&flow.depends_on)
                    .for_each(&mut add);
            }
        }
        names
    }
}

const fn dataset_kind(dataset: &jobfile::Dataset) -> &'static str {
    match dataset.is_streaming() {
        true => "streaming table",
        false => "materialized view",
    }
}

/// The schema with its columns under other names.
fn rename_fields(schema: &Schema, names: &[String]) -> SchemaRef {
    let fields = schema.fields().iter().zip(names);
    let fields = fields.map(|(field, name)| field.as_ref().clone().with_name(name));
    Arc::new(Schema::new_with_metadata(
        fields.collect::<Vec<_>>(),
        schema.metadata().clone(),
    ))
}
