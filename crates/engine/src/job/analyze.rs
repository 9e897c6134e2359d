//! Plans the relations of a checked job file as steps.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::catalog::view::ViewTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement as EngineStatement;
use sluice_jobfile::{self as jobfile, Diagnostic, Diagnostics, Job, Relation};
use sluice_storage::{Location, Stores};
use sqlparser::ast::{Query, Statement};

use super::AnalyzeError;
use super::column_pruning::{self, StepDraft, StepDraftKind};
use super::dataset_table::DatasetTable;
use super::plan_diagnostics::diagnose_error;
use super::producers::TableProducers;
use super::sources;
use super::spark_syntax;
use super::staging::{self, RelationNode};
use super::steps::{
    AnalyzedDataset, AnalyzedJob, InputSummary, RelationSummary, Step, StepKind, describe_columns,
};
use super::table_spec::build_table_spec;
use super::type_check::check_types;
use crate::source::NdjsonTable;
use crate::staged::StagedTable;

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
pub async fn analyze_job(job: &Job, options: &AnalyzeOptions) -> Result<AnalyzedJob, AnalyzeError> {
    let gold = options
        .stores
        .parse_location(&options.gold)
        .map_err(|source| AnalyzeError::Store {
            what: "gold folder".to_owned(),
            source,
        })?;
    let mut analysis = Analysis::new(job, options, gold);
    for (index, relation) in job.relations.iter().enumerate() {
        analysis.add_relation(index, relation).await?;
    }
    analysis.into_analyzed_job()
}

/// Planning in progress.
pub(super) struct Analysis<'a> {
    job: &'a Job,
    options: &'a AnalyzeOptions,
    gold: Location,
    context: SessionContext,
    /// By relation: whether it is staged, because several results read it.
    is_staged: Vec<bool>,
    /// By relation: whether any result reads it.
    is_needed: Vec<bool>,
    steps: Vec<StepDraft>,
    pub(super) producers: TableProducers,
    /// Landing sources that are read in place, by name.
    pub(super) ndjson_tables: HashMap<String, Arc<NdjsonTable>>,
    datasets: Vec<AnalyzedDataset>,
    inputs: Vec<InputSummary>,
    relations: Vec<RelationSummary>,
    errors: Vec<Diagnostic>,
    /// Relations that cannot be planned; their readers report no further errors.
    failed_relations: Vec<String>,
}

impl<'a> Analysis<'a> {
    fn new(job: &'a Job, options: &'a AnalyzeOptions, gold: Location) -> Self {
        let index: HashMap<&str, usize> = job
            .relations
            .iter()
            .enumerate()
            .map(|(index, relation)| (relation.name(), index))
            .collect();
        let nodes: Vec<RelationNode> = job
            .relations
            .iter()
            .map(|relation| RelationNode {
                is_dataset: matches!(relation, Relation::Dataset(_)),
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
            is_staged: staging::find_staged(&nodes),
            is_needed: staging::find_needed(&nodes),
            steps: Vec::new(),
            producers: TableProducers::default(),
            ndjson_tables: HashMap::new(),
            datasets: Vec::new(),
            inputs: Vec::new(),
            relations: Vec::new(),
            errors: Vec::new(),
            failed_relations: Vec::new(),
        }
    }

    async fn add_relation(
        &mut self,
        index: usize,
        relation: &Relation,
    ) -> Result<(), AnalyzeError> {
        if !self.is_needed[index] {
            // The author was warned; opening it could only fail the job.
            return Ok(());
        }
        if relation
            .depends_on()
            .iter()
            .any(|name| self.failed_relations.contains(name))
        {
            self.failed_relations.push(relation.name().to_owned());
            return Ok(());
        }
        match relation {
            Relation::Source(source) => self.add_source(index, source).await,
            Relation::View(view) => match self.plan_query(relation, &view.query).await? {
                Some(plan) => self.add_view(index, view, plan),
                None => Ok(()),
            },
            Relation::Dataset(dataset) => match self.plan_query(relation, &dataset.query).await? {
                Some(plan) => self.add_dataset(dataset, plan),
                None => Ok(()),
            },
        }
    }

    async fn add_source(
        &mut self,
        index: usize,
        source: &jobfile::Source,
    ) -> Result<(), AnalyzeError> {
        let opened = sources::open_source(source, &self.options.stores).await?;
        self.inputs.push(opened.summary);
        self.add_summary(
            source_kind(),
            &source.name,
            &[],
            self.is_staged[index],
            &opened.table.schema(),
        );
        if let Some(ndjson) = opened.ndjson {
            self.ndjson_tables.insert(source.name.clone(), ndjson);
        }
        if !self.is_staged[index] {
            return self.register_table(&source.name, opened.table);
        }
        let plan =
            LogicalPlanBuilder::scan(source.name.as_str(), provider_as_source(opened.table), None)
                .and_then(LogicalPlanBuilder::build)
                .map_err(|error| engine_error(&source.name, error))?;
        self.stage_relation(&source.name, plan)
    }

    fn add_view(
        &mut self,
        index: usize,
        view: &jobfile::View,
        plan: LogicalPlan,
    ) -> Result<(), AnalyzeError> {
        let plan = self.extract_dedups(&view.name, plan)?;
        // Filtering and renaming rows that are already staged costs less than
        // staging them a second time.
        let staged = self.is_staged[index] && !self.is_cheap_to_recompute(&plan);
        let schema: SchemaRef = Arc::clone(plan.schema().inner());
        self.add_summary("view", &view.name, &view.depends_on, staged, &schema);
        if staged {
            return self.stage_relation(&view.name, plan);
        }
        self.register_table(&view.name, Arc::new(ViewTable::new(plan, None)))
    }

    fn add_dataset(
        &mut self,
        dataset: &jobfile::Dataset,
        plan: LogicalPlan,
    ) -> Result<(), AnalyzeError> {
        let plan = self.extract_dedups(&dataset.name, plan)?;
        let schema: SchemaRef = Arc::clone(plan.schema().inner());
        let spec = match build_table_spec(dataset, &schema) {
            Ok(spec) => spec,
            Err(problems) => {
                self.report_errors(&dataset.name, problems);
                return Ok(());
            }
        };
        self.add_summary(
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
        let table = DatasetTable::new(
            &dataset.name,
            self.datasets.len(),
            location.url().clone(),
            Arc::clone(&spec.schema),
            spec.partition_by.clone(),
        );
        self.producers.insert(&dataset.name, self.steps.len());
        self.steps.push(StepDraft {
            name: dataset.name.clone(),
            kind: StepDraftKind::Dataset {
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
        });
        self.register_table(&dataset.name, Arc::new(table))
    }

    /// Plans a query and checks its types; `None` when there are errors.
    async fn plan_query(
        &mut self,
        relation: &Relation,
        query: &Query,
    ) -> Result<Option<LogicalPlan>, AnalyzeError> {
        let mut query = query.clone();
        let problems = spark_syntax::rewrite_spark_syntax(&mut query);
        if !problems.is_empty() {
            self.report_errors(relation.name(), problems);
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
                    .extend(diagnose_error(relation, &self.job.file_name, &error));
                self.failed_relations.push(relation.name().to_owned());
                Ok(None)
            }
        }
    }

    fn stage_relation(&mut self, name: &str, plan: LogicalPlan) -> Result<(), AnalyzeError> {
        let schema: SchemaRef = Arc::clone(plan.schema().inner());
        let table = self.push_staged_step(name, plan, schema, false);
        self.register_table(name, table)
    }

    /// Adds a stage step and gives the table of its rows. `numbered`: the table
    /// has row ids that the plan does not compute.
    pub(super) fn push_staged_step(
        &mut self,
        name: &str,
        plan: LogicalPlan,
        schema: SchemaRef,
        numbered: bool,
    ) -> Arc<StagedTable> {
        let step = self.steps.len();
        self.producers.insert(name, step);
        self.steps.push(StepDraft {
            name: name.to_owned(),
            kind: StepDraftKind::Staged { numbered },
            plan,
        });
        Arc::new(StagedTable::new(name, schema, step))
    }

    fn register_table(
        &self,
        name: &str,
        table: Arc<dyn TableProvider>,
    ) -> Result<(), AnalyzeError> {
        let reference = datafusion::common::TableReference::bare(name);
        self.context
            .register_table(reference, table)
            .map_err(|error| engine_error(name, error))?;
        Ok(())
    }

    /// Whether a plan only filters and projects staged rows.
    fn is_cheap_to_recompute(&self, plan: &LogicalPlan) -> bool {
        match plan {
            LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => {
                plan.inputs()
                    .iter()
                    .all(|input| self.is_cheap_to_recompute(input))
                    && !has_subquery(plan)
            }
            LogicalPlan::TableScan(scan) => self.producers.contains(scan.table_name.table()),
            _ => false,
        }
    }

    /// Records what is wrong with a relation, so that its readers are left out.
    fn report_errors(&mut self, relation: &str, problems: Vec<Diagnostic>) {
        let file = &self.job.file_name;
        let problems = problems.into_iter();
        self.errors
            .extend(problems.map(|problem| problem.with_file(file.clone())));
        self.failed_relations.push(relation.to_owned());
    }

    fn add_summary(
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
            columns: describe_columns(schema),
        });
    }

    fn into_analyzed_job(self) -> Result<AnalyzedJob, AnalyzeError> {
        if !self.errors.is_empty() {
            return Err(AnalyzeError::Invalid(
                self.errors.into_iter().collect::<Diagnostics>(),
            ));
        }
        let session = self.context.state();
        let drafts = column_pruning::prune_columns(
            self.steps,
            &self.producers,
            &self.ndjson_tables,
            &session,
        )
        .map_err(|(name, error)| engine_error(&name, error))?;
        let steps = drafts
            .into_iter()
            .enumerate()
            .map(|(index, draft)| Step {
                // A staged source scans its files under its own name.
                after: self
                    .producers
                    .steps_read_by(&draft.plan)
                    .into_iter()
                    .filter(|read| *read != index)
                    .collect(),
                name: draft.name,
                kind: match draft.kind {
                    StepDraftKind::Staged { .. } => StepKind::Stage,
                    StepDraftKind::Dataset { dataset } => StepKind::Write { dataset },
                },
                plan: draft.plan,
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

const fn source_kind() -> &'static str {
    "external table"
}

pub(super) fn engine_error(what: &str, source: DataFusionError) -> AnalyzeError {
    AnalyzeError::Engine {
        what: what.to_owned(),
        source,
    }
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
