//! Adds datasets to a job: materialized views, and what they have in common with
//! streaming tables.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::datasource::{TableProvider, ViewTable, provider_as_source};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use sluice_gold::{ActiveFile, Snapshot, TableSpec};
use sluice_jobfile::{self as jobfile, RefreshPolicy, Relation};
use sluice_storage::Location;
use sqlparser::ast::Query;

use super::AnalyzeError;
use super::analyze::{Analysis, engine_error};
use super::changed_files::ReplacedFiles;
use super::column_pruning::{StepDraft, StepDraftKind};
use super::dataset_table::DatasetTable;
use super::shown_names::{column_names, rename_columns};
use super::steps::AnalyzedDataset;
use super::table_columns::{self, QueryColumns};
use super::table_spec::{build_table_spec, sort_keys};
use super::view_updates::UpdateOutcome;

/// A view as its table has it.
pub(super) struct ShapedView {
    pub(super) spec: TableSpec,
    pub(super) plan: LogicalPlan,
    /// The names of its columns as they are shown.
    pub(super) names: Vec<String>,
    /// The names that queries find them by.
    pub(super) read_as: Vec<String>,
}

impl Analysis<'_> {
    /// Adds a materialized view.
    pub(super) fn add_dataset(
        &mut self,
        dataset: &jobfile::Dataset,
        query: &Query,
        plan: LogicalPlan,
    ) -> Result<(), AnalyzeError> {
        let is_repeatable = self.is_repeatable(&dataset.depends_on, &plan);
        let query_plan = match dataset.refresh_policy {
            RefreshPolicy::IncrementalStrict => Some(plan.clone()),
            RefreshPolicy::Auto | RefreshPolicy::Full => None,
        };
        let full_because = match is_repeatable {
            true => match self.add_updated(dataset, query, &plan)? {
                UpdateOutcome::Added => return Ok(()),
                UpdateOutcome::Full(reason) => reason,
            },
            false => None,
        };
        let plan = self.extract_dedups(&dataset.name, plan)?;
        let Some(view) = self.shape_view(dataset, query, plan)? else {
            return Ok(());
        };
        if let Some(query) = query_plan
            && let Some(problem) = self.refuse_full_refresh(dataset, &query, (&view, is_repeatable))
        {
            self.report_errors(&dataset.name, vec![problem]);
            return Ok(());
        }
        self.shown.add(&dataset.name, view.names);
        self.push_dataset(dataset, view.spec, Some(view.plan), None, &view.read_as)?;
        if let Some(reason) = full_because {
            self.explain_refresh("full", format!("it is computed from all rows: {reason}"));
        }
        if let Some(added) = self.datasets.last_mut() {
            added.is_repeatable = is_repeatable;
        }
        Ok(())
    }

    /// The rows of a view as its table has them; `None` when there are errors.
    pub(super) fn shape_view(
        &mut self,
        dataset: &jobfile::Dataset,
        query: &Query,
        mut plan: LogicalPlan,
    ) -> Result<Option<ShapedView>, AnalyzeError> {
        let failed = |error| engine_error(&dataset.name, error);
        let mut names = self.shown.spell_query(query, plan.schema());
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
                    return Ok(None);
                }
            }
            plan = table_columns::project_to(plan, &schema).map_err(failed)?;
            let columns = dataset.columns.iter();
            names = columns.map(|column| column.source_name.clone()).collect();
        }
        let read_as = column_names(&plan);
        let plan = rename_columns(plan, &names).map_err(failed)?;
        let schema = rename_fields(&schema, &names);
        let spec = self.table_spec(dataset, &schema);
        Ok(spec.map(|spec| ShapedView {
            spec,
            plan,
            names,
            read_as,
        }))
    }

    /// The table of a dataset as it is before the run, with these files.
    pub(super) fn table_before(
        &self,
        dataset: &jobfile::Dataset,
        spec: &TableSpec,
        files: &[ActiveFile],
    ) -> Result<DatasetTable, AnalyzeError> {
        let table = DatasetTable::new(
            &dataset.name,
            self.datasets.len(),
            self.dataset_location(dataset)?.url().clone(),
            Arc::clone(&spec.schema),
            spec.partition_by.clone(),
        );
        Ok(table.keeping_files(files).without_step())
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
        let table = table.keeping(snapshot).without_step();
        self.shown.add(&dataset.name, field_names(&snapshot.schema));
        self.register_dataset(&dataset.name, table, &names_in_queries(dataset, snapshot))
    }

    /// Adds a materialized view for which nothing has changed.
    pub(super) fn add_up_to_date(
        &mut self,
        dataset: &jobfile::Dataset,
        snapshot: &Arc<Snapshot>,
    ) -> Result<(), AnalyzeError> {
        let spec = TableSpec {
            name: dataset.name.clone(),
            schema: Arc::clone(&snapshot.schema),
            partition_by: snapshot.partition_by.clone(),
            properties: snapshot.properties.clone(),
            comment: snapshot.description.clone(),
        };
        let read_as = names_in_queries(dataset, snapshot);
        let kept = Some((Arc::clone(snapshot), None));
        self.shown.add(&dataset.name, field_names(&snapshot.schema));
        self.push_dataset(dataset, spec, None, kept, &read_as)?;
        self.explain_refresh(
            "none",
            "nothing that it reads has changed since it was computed",
        );
        if let Some(added) = self.datasets.last_mut() {
            added.is_up_to_date = true;
        }
        Ok(())
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
    /// whose files the table keeps, and those of them that it does not; `read_as`: the
    /// names that queries find its columns by.
    pub(super) fn push_dataset(
        &mut self,
        dataset: &jobfile::Dataset,
        spec: TableSpec,
        plan: Option<LogicalPlan>,
        kept: Option<(Arc<Snapshot>, Option<ReplacedFiles>)>,
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
        if let Some((snapshot, replaced)) = kept {
            table = table.keeping(&snapshot).replacing(replaced);
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
            not_null: not_null_columns(dataset, &spec.schema),
            sort_by: sort_keys(dataset, &spec.schema),
            spec,
            target_file_size: dataset
                .target_file_size
                .unwrap_or(self.options.target_file_size),
            is_streaming: dataset.is_streaming(),
            keys: Vec::new(),
            is_repeatable: false,
            view_update: None,
            is_up_to_date: false,
            replaced_files: None,
            kept_files: table.shared_files(),
            are_rows_known: table.are_rows_known(),
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

/// The names that queries find the columns of a table by, as if the query of the dataset
/// were planned.
fn names_in_queries(dataset: &jobfile::Dataset, snapshot: &Snapshot) -> Vec<String> {
    if dataset.is_streaming() {
        return field_names(&snapshot.schema);
    }
    let names = snapshot.schema.fields().iter().map(|field| {
        let mut declared = dataset.columns.iter();
        let declared = declared.find(|column| column.source_name == *field.name());
        declared.map_or_else(|| field.name().to_lowercase(), |column| column.name.clone())
    });
    names.collect()
}

const fn dataset_kind(dataset: &jobfile::Dataset) -> &'static str {
    match dataset.is_streaming() {
        true => "streaming table",
        false => "materialized view",
    }
}

/// The names of a table's columns.
pub(super) fn field_names(schema: &Schema) -> Vec<String> {
    let fields = schema.fields().iter();
    fields.map(|field| field.name().clone()).collect()
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

/// The columns of a table that its statement declares NOT NULL.
fn not_null_columns(dataset: &jobfile::Dataset, schema: &SchemaRef) -> Vec<String> {
    let declared = dataset.columns.iter().filter(|column| !column.nullable);
    declared
        .filter_map(|column| {
            let is_named = |name: &str| name == column.source_name || name == column.name;
            let field = schema
                .fields()
                .iter()
                .find(|field| is_named(field.name()))?;
            Some(field.name().clone())
        })
        .collect()
}
