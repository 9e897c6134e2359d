//! Plans the relations of a checked job file as steps.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement as EngineStatement;
use futures::FutureExt as _;
use sluice_jobfile::{self as jobfile, Diagnostic, Diagnostics, Job, Relation};
use sluice_storage::{Location, Stores};
use sqlparser::ast::{Query, Statement};

use super::AnalyzeError;
use super::column_pruning::{self, StepDraft, StepDraftKind};
use super::metadata_reads;
use super::plan_diagnostics::diagnose_error;
use super::producers::TableProducers;
use super::query_check::check_query;
use super::query_limits::{QueryLimits, constant_error};
use super::repeatable;
use super::shared_parts::{Sharing, stage_shared_parts};
use super::shown_names::ShownColumns;
use super::source_tables;
use super::sources;
use super::staging::{self, RelationNode};
use super::steps::{
    AnalyzedDataset, AnalyzedJob, InputSummary, RefreshSummary, RelationSummary, Step, StepKind,
    describe_columns,
};
use super::streams::{PlannedFlow, StreamInputs};
use crate::planning::{check_stop, take_refusal};
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
    /// Equal parts of a query that read at least so many bytes are computed once.
    pub min_shared_bytes: u64,
    pub limits: QueryLimits,
    /// What the flows of streaming tables take.
    pub streams: StreamInputs,
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
    let mut analysis = Analysis::new(job, options, gold_location(options)?);
    for (index, relation) in job.relations.iter().enumerate() {
        analysis.add_relation(index, relation).await?;
    }
    analysis.into_analyzed_job()
}

/// The folder of the gold tables.
pub(super) fn gold_location(options: &AnalyzeOptions) -> Result<Location, AnalyzeError> {
    let location = options.stores.parse_location(&options.gold);
    location.map_err(|source| AnalyzeError::Store {
        what: "gold folder".to_owned(),
        source: Box::new(source),
    })
}

/// Planning in progress.
pub(super) struct Analysis<'a> {
    pub(super) job: &'a Job,
    pub(super) options: &'a AnalyzeOptions,
    pub(super) gold: Location,
    context: SessionContext,
    /// By relation: whether it is staged, because several results read it.
    is_staged: Vec<bool>,
    /// By relation: whether any result reads it.
    is_needed: Vec<bool>,
    pub(super) steps: Vec<StepDraft>,
    pub(super) producers: TableProducers,
    /// The schemas of the tables that queries can read, by name.
    schemas: TableSchemas,
    pub(super) shown: ShownColumns,
    /// Sources whose hidden column `_metadata` a query names.
    pub(super) metadata_sources: HashSet<String>,
    /// Tables of sources that have a second one with that column.
    pub(super) metadata_tables: HashSet<String>,
    /// Landing sources that are read in place, by name.
    pub(super) ndjson_tables: HashMap<String, Arc<NdjsonTable>>,
    /// Flows that are planned, by the names of their relations.
    pub(super) flows: HashMap<String, PlannedFlow>,
    pub(super) datasets: Vec<AnalyzedDataset>,
    inputs: Vec<InputSummary>,
    relations: Vec<RelationSummary>,
    errors: Vec<Diagnostic>,
    /// Warnings in addition to those of the check.
    warnings: Vec<Diagnostic>,
    /// Views whose rows may be others when they are computed again from the same input.
    unrepeatable_views: HashSet<String>,
    /// Relations that cannot be planned; their readers report no further errors.
    pub(super) failed_relations: Vec<String>,
}

impl<'a> Analysis<'a> {
    pub(super) fn new(job: &'a Job, options: &'a AnalyzeOptions, gold: Location) -> Self {
        let index: HashMap<&str, usize> = job
            .relations
            .iter()
            .enumerate()
            .map(|(index, relation)| (relation.name(), index))
            .collect();
        let is_unchanged = |relation: &Relation| {
            let streams = &options.streams;
            streams.unchanged.contains_key(relation.name())
                || streams.up_to_date.contains_key(relation.name())
        };
        let nodes: Vec<RelationNode> = job
            .relations
            .iter()
            .map(|relation| RelationNode {
                is_dataset: matches!(relation, Relation::Dataset(_)) && !is_unchanged(relation),
                may_stage: match relation {
                    Relation::Source(_) => true,
                    Relation::View(view) => view.streams.is_empty(),
                    Relation::Flow(_) | Relation::Dataset(_) => false,
                },
                // The stream of a source is no read of the source.
                reads: relation
                    .depends_on()
                    .iter()
                    .chain(relation.streams().iter().filter(|name| {
                        let read = index.get(name.as_str());
                        let read = read.and_then(|read| job.relations.get(*read));
                        matches!(read, Some(Relation::View(_)))
                    }))
                    // A table that stays as it is reads nothing.
                    .filter(|_| !is_unchanged(relation))
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
            schemas: TableSchemas::default(),
            shown: ShownColumns::default(),
            metadata_sources: source_tables::find_metadata_sources(&job.relations),
            metadata_tables: HashSet::new(),
            ndjson_tables: HashMap::new(),
            flows: HashMap::new(),
            datasets: Vec::new(),
            inputs: Vec::new(),
            relations: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            unrepeatable_views: HashSet::new(),
            failed_relations: Vec::new(),
        }
    }

    /// Has each reader of a relation compute it.
    pub(super) fn stage_nothing(&mut self) {
        self.is_staged.fill(false);
    }

    pub(super) async fn add_relation(
        &mut self,
        index: usize,
        relation: &Relation,
    ) -> Result<(), AnalyzeError> {
        check_stop().map_err(|error| engine_error(relation.name(), error))?;
        if let Relation::Dataset(dataset) = relation
            && let Some(table) = self.options.streams.up_to_date.get(&dataset.name)
        {
            return self.add_up_to_date(dataset, table);
        }
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
        if let Relation::Dataset(dataset) = relation
            && let Some(table) = self.options.streams.unchanged.get(&dataset.name)
        {
            return self.add_unchanged(dataset, table.as_deref());
        }
        match relation {
            Relation::Source(source) => self.add_source(index, source).await,
            // Planned by the flows that read it.
            Relation::View(view) if !view.streams.is_empty() => Ok(()),
            Relation::View(view) => match self.plan_query(relation, &view.query).await? {
                Some(plan) => self.add_view(index, view, plan),
                None => Ok(()),
            },
            Relation::Flow(flow) => self.add_flow(relation, flow).await,
            Relation::Dataset(dataset) => match &dataset.query {
                None => self.add_streaming_table(dataset).boxed().await,
                Some(query) => match self.plan_query(relation, query).await? {
                    Some(plan) => self.add_dataset(dataset, query, plan),
                    None => Ok(()),
                },
            },
        }
    }

    async fn add_source(
        &mut self,
        index: usize,
        source: &jobfile::Source,
    ) -> Result<(), AnalyzeError> {
        if let Some(problem) = self.options.limits.check_source(source) {
            self.report_errors(&source.name, vec![problem]);
            return Ok(());
        }
        let opened = sources::open_source(source, self.options).await?;
        self.add_input(opened.summary.clone());
        let file = &self.job.file_name;
        let warnings = opened.warnings.iter().cloned();
        self.warnings
            .extend(warnings.map(|warning| warning.with_file(file.clone())));
        self.add_summary(
            source_kind(),
            &source.name,
            &[],
            self.is_staged[index],
            &opened.table.schema(),
        );
        let names = source
            .columns
            .iter()
            .map(|column| column.source_name.clone());
        self.shown.add(&source.name, names.collect());
        let is_staged = self.is_staged[index];
        self.register_source(source, &source.name, opened, is_staged)
    }

    fn add_view(
        &mut self,
        index: usize,
        view: &jobfile::View,
        plan: LogicalPlan,
    ) -> Result<(), AnalyzeError> {
        let names = self.shown.spell_query(&view.query, plan.schema());
        self.shown.add(&view.name, names);
        if !self.is_repeatable(&view.depends_on, &plan) {
            self.unrepeatable_views.insert(view.name.clone());
        }
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

    /// Whether a query that reads these relations gives the same rows whenever it is
    /// computed from the same input.
    pub(super) fn is_repeatable(&self, reads: &[String], plan: &LogicalPlan) -> bool {
        let reads_others = reads
            .iter()
            .any(|name| self.unrepeatable_views.contains(name));
        !reads_others && repeatable::is_repeatable(plan)
    }

    /// Adds what a source reads. A source that is read as a whole and as streams counts
    /// as one.
    pub(super) fn add_input(&mut self, input: InputSummary) {
        let known = self
            .inputs
            .iter_mut()
            .find(|known| known.name == input.name);
        match known {
            Some(known) => {
                known.files += input.files;
                known.bytes += input.bytes;
            }
            None => self.inputs.push(input),
        }
    }

    /// Plans a query and checks its types; `None` when there are errors.
    pub(super) async fn plan_query(
        &mut self,
        relation: &Relation,
        query: &Query,
    ) -> Result<Option<LogicalPlan>, AnalyzeError> {
        let mut query = query.clone();
        let has_metadata = |table: &str| self.metadata_tables.contains(table);
        let mut problems = metadata_reads::read_metadata(&mut query, &has_metadata);
        problems.extend(sluice_spark_sql::rewrite_spark_syntax(
            &mut query,
            &self.schemas,
            &self.options.session,
        ));
        if !problems.is_empty() {
            self.report_errors(relation.name(), problems);
            return Ok(None);
        }
        let statement = EngineStatement::Statement(Box::new(Statement::Query(Box::new(query))));
        let state = self.context.state();
        let planned = match state.statement_to_plan(statement).await {
            Ok(plan) => {
                if let Some(problem) = self.options.limits.check_query(relation, &plan) {
                    self.report_errors(relation.name(), vec![problem]);
                    return Ok(None);
                }
                check_query(&state, plan).await
            }
            Err(error) => Err(error),
        };
        if let Some(refusal) = take_refusal() {
            self.report_errors(relation.name(), vec![constant_error(relation, refusal)]);
            return Ok(None);
        }
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

    pub(super) fn stage_relation(
        &mut self,
        name: &str,
        plan: LogicalPlan,
    ) -> Result<(), AnalyzeError> {
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

    pub(super) fn register_table(
        &mut self,
        name: &str,
        table: Arc<dyn TableProvider>,
    ) -> Result<(), AnalyzeError> {
        self.schemas.0.insert(name.to_owned(), table.schema());
        let reference = datafusion::common::TableReference::bare(name);
        self.context
            .register_table(reference, table)
            .map_err(|error| engine_error(name, error))?;
        Ok(())
    }

    /// Forgets a table, so that another one can have its name.
    pub(super) fn deregister_table(&mut self, name: &str) -> Result<(), AnalyzeError> {
        self.schemas.0.remove(name);
        let reference = datafusion::common::TableReference::bare(name);
        self.context
            .deregister_table(reference)
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
    pub(super) fn report_errors(&mut self, relation: &str, problems: Vec<Diagnostic>) {
        let file = &self.job.file_name;
        let problems = problems.into_iter();
        self.errors
            .extend(problems.map(|problem| problem.with_file(file.clone())));
        self.failed_relations.push(relation.to_owned());
    }

    pub(super) fn add_summary(
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
            refresh: None,
        });
    }

    /// Says what the run does with the dataset that was added last.
    pub(super) fn explain_refresh(&mut self, kind: &'static str, reason: impl Into<String>) {
        if let Some(relation) = self.relations.last_mut() {
            relation.refresh = Some(RefreshSummary {
                kind,
                reason: reason.into(),
            });
        }
    }

    pub(super) fn into_analyzed_job(mut self) -> Result<AnalyzedJob, AnalyzeError> {
        if !self.errors.is_empty() {
            return Err(AnalyzeError::Invalid(
                self.errors.into_iter().collect::<Diagnostics>(),
            ));
        }
        let mut session = self.context.state();
        if let Some(now) = self.options.streams.now {
            session.execution_props_mut().query_execution_start_time = Some(now);
        }
        let drafts = column_pruning::prune_columns(
            self.steps,
            &self.producers,
            &self.ndjson_tables,
            &session,
        )
        .map_err(|(name, error)| engine_error(&name, error))?;
        let inputs = &self.inputs;
        let sharing = Sharing {
            source_bytes: &|name| {
                let input = inputs.iter().find(|input| input.name == name);
                input.map_or(0, |input| input.bytes)
            },
            min_bytes: self.options.min_shared_bytes,
        };
        let drafts = stage_shared_parts(drafts, &mut self.producers, &sharing)
            .map_err(|error| engine_error("the job", error))?;
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
                    StepDraftKind::Answer => StepKind::Answer,
                },
                plan: draft.plan,
            })
            .collect();
        Ok(AnalyzedJob {
            steps,
            datasets: self.datasets,
            unchanged: self.options.streams.unchanged.keys().cloned().collect(),
            inputs: self.inputs,
            relations: self.relations,
            gold: self.gold,
            warnings: (self.job.warnings.iter().cloned())
                .chain(self.warnings)
                .collect(),
            session,
        })
    }
}

/// The schemas of registered tables, by name.
#[derive(Default)]
struct TableSchemas(HashMap<String, SchemaRef>);

impl sluice_spark_sql::TableColumns for TableSchemas {
    fn columns_of(&self, name: &str) -> Option<Vec<String>> {
        let fields = self.0.get(name)?.fields();
        Some(fields.iter().map(|field| field.name().clone()).collect())
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
