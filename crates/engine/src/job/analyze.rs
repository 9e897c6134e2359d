//! Plans the relations of a checked job file as steps.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::catalog::default_table_source::{provider_as_source, source_as_provider};
use datafusion::catalog::view::ViewTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::logical_plan::TableScan;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, TableSource};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement as EngineStatement;
use sluice_gold::TableSpec;
use sluice_jobfile::{self as jobfile, Diagnostic, Diagnostics, Job, Relation};
use sluice_storage::{Location, Stores};
use sqlparser::ast::{Query, Statement};

use super::AnalyzeError;
use super::check::check_types;
use super::dataset::{DatasetSlot, DatasetTable};
use super::diagnose::diagnose;
use super::narrow::{self, Unit, UnitKind};
use super::place;
use super::shared::{self, Node};
use super::sources;
use super::spelling;
use super::steps::{
    AnalyzedDataset, AnalyzedJob, InputSummary, RelationSummary, Step, StepKind, describe,
};
use super::tables::Tables;
use crate::dedup::{self, Numbering};
use crate::source::NdjsonTable;
use crate::staged::{StagedSlot, StagedTable, SurvivorsTable};

/// What planning needs in addition to the job.
#[derive(Debug, Clone)]
pub struct AnalyzeOptions {
    /// The stores of sources and gold tables.
    pub stores: Stores,
    /// The folder of the gold tables.
    pub gold: String,
    /// The target size of a data file, in bytes, where the job does not set one.
    pub target_file_size: u64,
    /// The session in which queries are planned.
    pub session: SessionState,
}

/// Plans every relation of `job`, in order.
///
/// # Errors
/// [`AnalyzeError::Invalid`] with everything that is wrong with the job file;
/// [`AnalyzeError::Store`] when a source or the gold folder cannot be used;
/// [`AnalyzeError::Landing`] when a source's ledger cannot;
/// [`AnalyzeError::Engine`] when the engine fails.
pub async fn analyze(job: &Job, options: &AnalyzeOptions) -> Result<AnalyzedJob, AnalyzeError> {
    let gold = options
        .stores
        .location(&options.gold)
        .map_err(|source| AnalyzeError::Store {
            what: "gold folder".to_owned(),
            source,
        })?;
    let mut analysis = Analysis::new(job, options, gold);
    for (index, relation) in job.relations.iter().enumerate() {
        analysis.relation(index, relation).await?;
    }
    analysis.finish()
}

/// Planning in progress.
struct Analysis<'a> {
    job: &'a Job,
    options: &'a AnalyzeOptions,
    gold: Location,
    context: SessionContext,
    /// By relation: whether it is staged, because several results read it.
    staged: Vec<bool>,
    /// By relation: whether any result reads it.
    wanted: Vec<bool>,
    units: Vec<Unit>,
    tables: Tables,
    /// Landing sources that are read in place, by name.
    open: HashMap<String, Arc<NdjsonTable>>,
    datasets: Vec<AnalyzedDataset>,
    inputs: Vec<InputSummary>,
    relations: Vec<RelationSummary>,
    errors: Vec<Diagnostic>,
    /// Relations that cannot be planned; their readers report no further errors.
    broken: Vec<String>,
}

impl<'a> Analysis<'a> {
    fn new(job: &'a Job, options: &'a AnalyzeOptions, gold: Location) -> Self {
        let index: HashMap<&str, usize> = job
            .relations
            .iter()
            .enumerate()
            .map(|(index, relation)| (relation.name(), index))
            .collect();
        let nodes: Vec<Node> = job
            .relations
            .iter()
            .map(|relation| Node {
                kept: matches!(relation, Relation::Dataset(_)),
                reads: relation
                    .depends_on()
                    .iter()
                    .filter_map(|name| index.get(name.as_str()).copied())
                    .collect(),
            })
            .collect();
        Self {
            job,
            options,
            gold,
            context: SessionContext::new_with_state(options.session.clone()),
            staged: shared::staged(&nodes),
            wanted: shared::wanted(&nodes),
            units: Vec::new(),
            tables: Tables::default(),
            open: HashMap::new(),
            datasets: Vec::new(),
            inputs: Vec::new(),
            relations: Vec::new(),
            errors: Vec::new(),
            broken: Vec::new(),
        }
    }

    async fn relation(&mut self, index: usize, relation: &Relation) -> Result<(), AnalyzeError> {
        if !self.wanted[index] {
            // The author was warned; opening it could only fail the job.
            return Ok(());
        }
        if relation
            .depends_on()
            .iter()
            .any(|name| self.broken.contains(name))
        {
            self.broken.push(relation.name().to_owned());
            return Ok(());
        }
        match relation {
            Relation::Source(source) => self.source(index, source).await,
            Relation::View(view) => match self.plan(relation, &view.query).await? {
                Some(plan) => self.view(index, view, plan),
                None => Ok(()),
            },
            Relation::Dataset(dataset) => match self.plan(relation, &dataset.query).await? {
                Some(plan) => self.dataset(dataset, plan),
                None => Ok(()),
            },
        }
    }

    async fn source(&mut self, index: usize, source: &jobfile::Source) -> Result<(), AnalyzeError> {
        let opened = sources::open(source, &self.options.stores).await?;
        self.inputs.push(opened.summary);
        self.describe(
            source_kind(),
            &source.name,
            &[],
            self.staged[index],
            &opened.table.schema(),
        );
        if let Some(ndjson) = opened.ndjson {
            self.open.insert(source.name.clone(), ndjson);
        }
        if !self.staged[index] {
            return self.register(&source.name, opened.table);
        }
        let plan =
            LogicalPlanBuilder::scan(source.name.as_str(), provider_as_source(opened.table), None)
                .and_then(LogicalPlanBuilder::build)
                .map_err(|error| engine(&source.name, error))?;
        self.stage(&source.name, plan)
    }

    fn view(
        &mut self,
        index: usize,
        view: &jobfile::View,
        plan: LogicalPlan,
    ) -> Result<(), AnalyzeError> {
        let plan = self.deduplicate(&view.name, plan)?;
        // Filtering and renaming rows that are already staged costs less than
        // staging them a second time.
        let staged = self.staged[index] && !self.is_light(&plan);
        let schema: SchemaRef = Arc::clone(plan.schema().inner());
        self.describe("view", &view.name, &view.depends_on, staged, &schema);
        if staged {
            return self.stage(&view.name, plan);
        }
        self.register(&view.name, Arc::new(ViewTable::new(plan, None)))
    }

    fn dataset(
        &mut self,
        dataset: &jobfile::Dataset,
        plan: LogicalPlan,
    ) -> Result<(), AnalyzeError> {
        let plan = self.deduplicate(&dataset.name, plan)?;
        let schema: SchemaRef = Arc::clone(plan.schema().inner());
        let Some(spec) = self.table_spec(dataset, &schema) else {
            self.broken.push(dataset.name.clone());
            return Ok(());
        };
        self.describe(
            "materialized view",
            &dataset.name,
            &dataset.depends_on,
            false,
            &spec.schema,
        );
        let location = self
            .gold
            .child(&dataset.name)
            .map_err(|source| AnalyzeError::Store {
                what: format!("dataset {}", dataset.name),
                source,
            })?;
        let slot = Arc::new(DatasetSlot::default());
        let table = DatasetTable::new(
            &dataset.name,
            location.url().clone(),
            Arc::clone(&spec.schema),
            spec.partition_by.clone(),
            Arc::clone(&slot),
        );
        self.tables.insert(&dataset.name, self.units.len());
        self.units.push(Unit {
            name: dataset.name.clone(),
            kind: UnitKind::Dataset {
                dataset: self.datasets.len(),
            },
            plan,
        });
        self.datasets.push(AnalyzedDataset {
            name: dataset.name.clone(),
            location,
            spec,
            sort_by: dataset.sort_by.clone(),
            target_file_size: dataset
                .target_file_size
                .unwrap_or(self.options.target_file_size),
            slot,
        });
        self.register(&dataset.name, Arc::new(table))
    }

    /// Plans a query and checks its types; `None` when there are errors.
    async fn plan(
        &mut self,
        relation: &Relation,
        query: &Query,
    ) -> Result<Option<LogicalPlan>, AnalyzeError> {
        let mut query = query.clone();
        let problems = spelling::respell(&mut query);
        if !problems.is_empty() {
            let file = &self.job.file_name;
            self.errors.extend(
                problems
                    .into_iter()
                    .map(|problem| problem.in_file(file.clone())),
            );
            self.broken.push(relation.name().to_owned());
            return Ok(None);
        }
        let statement = EngineStatement::Statement(Box::new(Statement::Query(Box::new(query))));
        let state = self.context.state();
        let planned = match state.statement_to_plan(statement).await {
            Ok(plan) => check_types(&state, plan),
            Err(error) => Err(error),
        };
        match planned {
            Ok(plan) => Ok(Some(plan)),
            Err(error) => {
                self.errors
                    .extend(diagnose(relation, &self.job.file_name, &error));
                self.broken.push(relation.name().to_owned());
                Ok(None)
            }
        }
    }

    /// Takes deduplications out of a plan: what they read becomes a separate
    /// step, so that row ids are moved and rows are not.
    fn deduplicate(
        &mut self,
        owner: &str,
        mut plan: LogicalPlan,
    ) -> Result<LogicalPlan, AnalyzeError> {
        let failed = |error| engine(owner, error);
        for count in 1.. {
            let open = &self.open;
            let position = |scan: &TableScan| positioned(scan, open);
            let Some(split) = dedup::split(plan.clone(), &position).map_err(failed)? else {
                break;
            };
            // Names of relations hold no spaces, so these names are unique.
            let [rows_name, losers_name, kept_name] = ["rows", "duplicates", "deduplicated"]
                .map(|part| format!("{owner} {part} {count}"));
            let numbered = split.numbering == Numbering::Append;
            let schema: SchemaRef = Arc::new(split.staged_schema());
            let rows = StagedSlot::new();
            let rows_table = Arc::new(StagedTable::new(
                &rows_name,
                Arc::clone(&schema),
                Arc::clone(&rows),
            ));
            let rows_scan = scan(&rows_name, Arc::clone(&rows_table) as _).map_err(failed)?;
            let losers_plan = split.losers(&rows_scan).map_err(failed)?;
            let losers_schema: SchemaRef = Arc::clone(losers_plan.schema().inner());
            let losers = StagedSlot::new();
            let rows_unit = self.push_staged(&rows_name, split.input.clone(), rows, numbered);
            let losers_unit =
                self.push_staged(&losers_name, losers_plan, Arc::clone(&losers), false);
            let losers_table = StagedTable::new(&losers_name, losers_schema, losers);
            let kept = SurvivorsTable::new(rows_table, Arc::new(losers_table));
            self.tables
                .insert_survivors(&kept_name, rows_unit, losers_unit);
            let kept_scan = scan(&kept_name, Arc::new(kept)).map_err(failed)?;
            let survivors = split.survivors_without(&kept_scan, &[]).map_err(failed)?;
            plan = split.finish(&survivors).map_err(failed)?;
        }
        Ok(plan)
    }

    fn stage(&mut self, name: &str, plan: LogicalPlan) -> Result<(), AnalyzeError> {
        let slot = StagedSlot::new();
        let schema: SchemaRef = Arc::clone(plan.schema().inner());
        self.push_staged(name, plan, Arc::clone(&slot), false);
        self.register(name, Arc::new(StagedTable::new(name, schema, slot)))
    }

    fn push_staged(
        &mut self,
        name: &str,
        plan: LogicalPlan,
        slot: Arc<StagedSlot>,
        numbered: bool,
    ) -> usize {
        let unit = self.units.len();
        self.tables.insert(name, unit);
        self.units.push(Unit {
            name: name.to_owned(),
            kind: UnitKind::Staged { slot, numbered },
            plan,
        });
        unit
    }

    fn register(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<(), AnalyzeError> {
        let reference = datafusion::common::TableReference::bare(name);
        self.context
            .register_table(reference, table)
            .map_err(|error| engine(name, error))?;
        Ok(())
    }

    /// Whether a plan only filters and projects staged rows.
    fn is_light(&self, plan: &LogicalPlan) -> bool {
        match plan {
            LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => {
                plan.inputs().iter().all(|input| self.is_light(input)) && !has_subquery(plan)
            }
            LogicalPlan::TableScan(scan) => self.tables.contains(scan.table_name.table()),
            _ => false,
        }
    }

    fn table_spec(&mut self, dataset: &jobfile::Dataset, schema: &SchemaRef) -> Option<TableSpec> {
        let partition_by: Vec<String> = dataset
            .partition_by
            .iter()
            .map(|name| name.value.clone())
            .collect();
        let partitions = dataset.partition_by.iter();
        let partitions = partitions.map(|name| ("PARTITIONED BY", name.value.as_str(), name.span));
        let sorts = dataset.sort_by.iter();
        let sorts = sorts.map(|key| ("`sluice.sort_by`", key.column.as_str(), key.span));
        let mut problems: Vec<Diagnostic> = partitions
            .chain(sorts)
            .filter_map(|(clause, column, span)| unknown_column(schema, clause, column, span))
            .collect();
        for (key, value) in dataset.table_properties() {
            let property = [(key, value.value.as_str())];
            if let Err(error) = sluice_gold::check_properties(&dataset.name, property) {
                problems.push(Diagnostic::error("E0512", error.to_string()).at(value.span));
            }
        }
        if problems.is_empty()
            && let Err(found) = sluice_gold::check_schema(schema, &partition_by)
        {
            problems.extend(found.into_iter().map(|problem| {
                let top = |field: &str| {
                    problem.column == field || problem.column.starts_with(&format!("{field}."))
                };
                let fields = schema.fields();
                let span = fields
                    .iter()
                    .rposition(|field| top(field.name()))
                    .and_then(|index| place::of_column(&dataset.query, index, fields.len()))
                    .unwrap_or(dataset.span);
                Diagnostic::error(
                    "E0511",
                    format!(
                        "column `{}` cannot be stored: {}",
                        problem.column, problem.reason
                    ),
                )
                .at(span)
                .help(problem.suggestion)
            }));
        }
        if !problems.is_empty() {
            let file = &self.job.file_name;
            self.errors.extend(
                problems
                    .into_iter()
                    .map(|problem| problem.in_file(file.clone())),
            );
            return None;
        }
        Some(TableSpec {
            name: dataset.name.clone(),
            schema: sluice_gold::delta_schema(schema),
            partition_by,
            properties: dataset
                .table_properties()
                .map(|(key, value)| (key.to_owned(), value.value.clone()))
                .collect(),
            comment: dataset.comment.clone(),
        })
    }

    fn describe(
        &mut self,
        kind: &'static str,
        name: &str,
        depends_on: &[String],
        shared: bool,
        schema: &SchemaRef,
    ) {
        self.relations.push(RelationSummary {
            name: name.to_owned(),
            kind,
            depends_on: depends_on.to_vec(),
            shared,
            columns: describe(schema),
        });
    }

    fn finish(self) -> Result<AnalyzedJob, AnalyzeError> {
        if !self.errors.is_empty() {
            return Err(AnalyzeError::Invalid(
                self.errors.into_iter().collect::<Diagnostics>(),
            ));
        }
        let session = self.context.state();
        let units = narrow::narrow(self.units, &self.tables, &self.open, &session)
            .map_err(|(name, error)| engine(&name, error))?;
        let steps = units
            .into_iter()
            .enumerate()
            .map(|(index, unit)| Step {
                // A staged source scans its files under its own name.
                after: self
                    .tables
                    .read_by(&unit.plan)
                    .into_iter()
                    .filter(|read| *read != index)
                    .collect(),
                name: unit.name,
                kind: match unit.kind {
                    UnitKind::Staged { slot, .. } => StepKind::Stage { slot },
                    UnitKind::Dataset { dataset } => StepKind::Write { dataset },
                },
                plan: unit.plan,
            })
            .collect();
        Ok(AnalyzedJob {
            steps,
            datasets: self.datasets,
            inputs: self.inputs,
            relations: self.relations,
            gold: self.gold,
            warnings: self.job.warnings.clone(),
            session,
        })
    }
}

/// The error for a clause that names a column which the query does not return.
fn unknown_column(
    schema: &SchemaRef,
    clause: &str,
    column: &str,
    span: jobfile::Span,
) -> Option<Diagnostic> {
    if schema.field_with_name(column).is_ok() {
        return None;
    }
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let help = jobfile::suggest_or_list(column, "its columns are", names.collect::<Vec<_>>());
    let message = format!("{clause} names `{column}`, which the query does not return");
    Some(Diagnostic::error("E0510", message).at(span).help(help))
}

const fn source_kind() -> &'static str {
    "external table"
}

fn engine(what: &str, source: DataFusionError) -> AnalyzeError {
    AnalyzeError::Engine {
        what: what.to_owned(),
        source,
    }
}

fn scan(name: &str, table: Arc<dyn TableProvider>) -> Result<LogicalPlan, DataFusionError> {
    let reference = datafusion::common::TableReference::bare(name);
    LogicalPlanBuilder::scan(reference, provider_as_source(table), None)?.build()
}

/// The same source with the position of each row, for a scan of a landing
/// source.
fn positioned(
    scan: &TableScan,
    open: &HashMap<String, Arc<NdjsonTable>>,
) -> Option<Arc<dyn TableSource>> {
    let table = open.get(scan.table_name.table())?;
    // A staged source has the same name but no positions.
    let provider = source_as_provider(&scan.source).ok()?;
    (provider.as_ref() as &dyn std::any::Any).downcast_ref::<NdjsonTable>()?;
    Some(provider_as_source(Arc::new(table.with_position())))
}

fn has_subquery(plan: &LogicalPlan) -> bool {
    use datafusion::common::tree_node::TreeNodeRecursion;
    let mut found = false;
    let walked = plan.apply_subqueries(|_| {
        found = true;
        Ok(TreeNodeRecursion::Stop)
    });
    found || walked.is_err()
}
