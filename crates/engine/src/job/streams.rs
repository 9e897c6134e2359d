//! Flows: queries over what is new of their sources.
//!
//! What is new was decided before the job is planned, for each flow on its own. So a
//! stream is a table of its own for each flow, and a view that reads a stream is
//! planned into each flow that reads it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::catalog::view::ViewTable;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use futures::FutureExt as _;
use sluice_gold::{ActiveFile, Snapshot};
use sluice_jobfile::{
    Dataset, Flow, Job, Relation, ReplacedPart, STREAM_PREFIX, View, rename_streams,
};
use sluice_storage::{ListRules, Listing};
use sqlparser::ast::Query;

use super::AnalyzeError;
use super::analyze::{Analysis, engine_error};
use super::changed_files::ReplacedFiles;
use super::dataset_table::DatasetTable;
use super::datasets::field_names;
use super::increments;
use super::past_keys::refuse_keys;
use super::sources;
use super::table_columns::{self, QueryColumns};
use super::view_increments::ViewInput;

/// What the flows of a job take.
#[derive(Debug, Clone, Default)]
pub struct StreamInputs {
    /// By streaming table.
    pub tables: HashMap<String, StreamTable>,
    /// The tables of datasets that are not to be refreshed, by name; `None`: there is no
    /// table yet.
    pub unchanged: HashMap<String, Option<Arc<Snapshot>>>,
    /// The tables of materialized views for which nothing has changed, by name.
    pub up_to_date: HashMap<String, Arc<Snapshot>>,
    /// What is new for materialized views, by name; those that are missing are computed
    /// from all rows.
    pub views: HashMap<String, ViewInput>,
    /// Versions at which sources read Delta tables as a whole, by the URLs of the tables'
    /// folders; of others the newest is read.
    pub published: HashMap<String, Arc<Snapshot>>,
    /// The files of sources that were listed when their columns were found, by name.
    pub listed: HashMap<String, Listing>,
    /// The `now()` of the run; the time of planning when not set.
    pub now: Option<DateTime<Utc>>,
}

/// A streaming table before a run.
#[derive(Debug, Clone, Default)]
pub struct StreamTable {
    /// `None` when the table does not exist yet, or is filled again from the beginning.
    pub snapshot: Option<Arc<Snapshot>>,
    /// Whether it is filled again.
    pub restarts: bool,
    /// By name.
    pub flows: HashMap<String, FlowInput>,
}

/// What one flow takes.
#[derive(Debug, Clone)]
pub struct FlowInput {
    /// Whether it adds anything; otherwise it is checked and not computed.
    pub is_run: bool,
    /// The new files of each source that it reads with STREAM, which may be none.
    pub sources: HashMap<String, Listing>,
    /// What is new of each streaming table that it reads with STREAM.
    pub tables: HashMap<String, TableInput>,
}

/// What a flow takes of a streaming table.
#[derive(Debug, Clone, Default)]
pub struct TableInput {
    /// Files that the table has.
    pub files: Vec<ActiveFile>,
    /// Whether what this run adds to the table is taken, too.
    pub with_added: bool,
}

/// The sources that a flow reads with STREAM, also through views, each once.
pub fn stream_sources<'a>(
    relations: &'a [Relation],
    flow: &Flow,
) -> Vec<&'a sluice_jobfile::Source> {
    stream_order(relations, &flow.streams)
        .into_iter()
        .filter_map(|relation| match relation {
            Relation::Source(source) => Some(source),
            _ => None,
        })
        .collect()
}

/// The streaming tables that a flow reads with STREAM, also through views, each once.
pub fn stream_tables<'a>(relations: &'a [Relation], flow: &Flow) -> Vec<&'a Dataset> {
    stream_order(relations, &flow.streams)
        .into_iter()
        .filter_map(|relation| match relation {
            Relation::Dataset(dataset) => Some(dataset),
            _ => None,
        })
        .collect()
}

/// Which files of a folder belong to a source, by their names.
pub fn list_rules(source: &sluice_jobfile::Source) -> ListRules {
    sources::list_rules(source)
}

/// The relations that are read with STREAM, also through views, each after those that
/// it reads.
fn stream_order<'a>(relations: &'a [Relation], streams: &[String]) -> Vec<&'a Relation> {
    let mut wanted: HashSet<&str> = streams.iter().map(String::as_str).collect();
    // Relations come after what they read.
    let mut order: Vec<&Relation> = relations
        .iter()
        .rev()
        .filter(|relation| {
            let is_read = wanted.contains(relation.name());
            if is_read {
                wanted.extend(relation.streams().iter().map(String::as_str));
            }
            is_read
        })
        .collect();
    order.reverse();
    order
}

/// A flow whose query is planned.
#[derive(Debug)]
pub(super) struct PlannedFlow {
    plan: LogicalPlan,
    is_run: bool,
    /// The columns of which only new combinations are added; `None`: all rows are.
    keys: Option<Vec<String>>,
}

fn undecided(table: &str, reader: &str) -> AnalyzeError {
    let message = format!("it is not decided what `{table}` has");
    engine_error(reader, DataFusionError::Internal(message))
}

/// The name of a flow's table for the stream of a relation.
fn stream_table(relation: &str, flow: &Flow) -> String {
    format!("{STREAM_PREFIX}{relation} {} {}", flow.table, flow.flow)
}

impl<'a> Analysis<'a> {
    /// Plans the query of a flow.
    pub(super) async fn add_flow(
        &mut self,
        relation: &Relation,
        flow: &Flow,
    ) -> Result<(), AnalyzeError> {
        let table = self.options.streams.tables.get(&flow.table);
        let input = table.and_then(|table| table.flows.get(&flow.flow));
        let Some(input) = input.cloned() else {
            return Err(engine_error(
                &flow.name,
                DataFusionError::Internal("it is not decided what the flow takes".to_owned()),
            ));
        };
        for stream in stream_order(&self.job.relations, &flow.streams) {
            let planned = match stream {
                Relation::Source(source) => self.add_stream_source(flow, source, &input).await?,
                Relation::View(view) => self.add_stream_view(flow, stream, view).await?,
                Relation::Dataset(dataset) => self.add_stream_table(flow, dataset, &input)?,
                Relation::Flow(_) => false,
            };
            if !planned {
                self.failed_relations.push(flow.name.clone());
                return Ok(());
            }
        }
        let Some(plan) = self.plan_stream(flow, relation, &flow.query).await? else {
            return Ok(());
        };
        if let Some(problem) = increments::refuse_plan(relation, &plan) {
            self.report_errors(&flow.name, vec![problem]);
            return Ok(());
        }
        let keys = match increments::dedup_keys(relation, &plan) {
            Ok(keys) => keys,
            Err(problem) => {
                self.report_errors(&flow.name, vec![*problem]);
                return Ok(());
            }
        };
        let planned = PlannedFlow {
            plan,
            is_run: input.is_run,
            keys,
        };
        self.flows.insert(flow.name.clone(), planned);
        Ok(())
    }

    /// Plans a query that reads streams of this flow.
    async fn plan_stream(
        &mut self,
        flow: &Flow,
        relation: &Relation,
        query: &Query,
    ) -> Result<Option<LogicalPlan>, AnalyzeError> {
        let mut query = query.clone();
        rename_streams(&mut query, |read| stream_table(read, flow));
        self.plan_query(relation, &query).await
    }

    /// The table of what is new of a source; `false` when the source has errors.
    async fn add_stream_source(
        &mut self,
        flow: &Flow,
        source: &sluice_jobfile::Source,
        input: &FlowInput,
    ) -> Result<bool, AnalyzeError> {
        if let Some(problem) = self.options.limits.check_source(source) {
            self.report_errors(&source.name, vec![problem]);
            return Ok(false);
        }
        let Some(listing) = input.sources.get(&source.name).cloned() else {
            return Err(engine_error(
                &flow.name,
                DataFusionError::Internal(format!("it is not decided what `{}` has", source.name)),
            ));
        };
        let opened = sources::open_listing(source, listing, &self.options.session).await?;
        self.add_input(opened.summary.clone());
        let name = stream_table(&source.name, flow);
        self.register_source(source, &name, opened, false)?;
        Ok(true)
    }

    /// The table of what is new of a streaming table; `false` when that has errors.
    fn add_stream_table(
        &mut self,
        flow: &Flow,
        dataset: &Dataset,
        input: &FlowInput,
    ) -> Result<bool, AnalyzeError> {
        if self.failed_relations.contains(&dataset.name) {
            return Ok(false);
        }
        let input = input.tables.get(&dataset.name);
        let input = input.ok_or_else(|| undecided(&dataset.name, &flow.name))?;
        let name = stream_table(&dataset.name, flow);
        let (table, read_as) = self.new_rows_table(&name, &flow.name, dataset, input)?;
        self.register_dataset(&name, table, &read_as)?;
        Ok(true)
    }

    /// The table `name` of what is new of a streaming table for the relation `reader`, and
    /// the names that queries find its columns by.
    pub(super) fn new_rows_table(
        &mut self,
        name: &str,
        reader: &str,
        dataset: &Dataset,
        input: &TableInput,
    ) -> Result<(DatasetTable, Vec<String>), AnalyzeError> {
        let of_run = self
            .datasets
            .iter()
            .position(|made| made.name == dataset.name);
        let unchanged = self.options.streams.unchanged.get(&dataset.name);
        let (schema, partition_by) = match (of_run, unchanged) {
            (Some(made), _) => {
                let spec = &self.datasets[made].spec;
                (Arc::clone(&spec.schema), spec.partition_by.clone())
            }
            (None, Some(Some(snapshot))) => {
                (Arc::clone(&snapshot.schema), snapshot.partition_by.clone())
            }
            (None, Some(None)) => {
                return Err(AnalyzeError::NoTable {
                    table: dataset.name.clone(),
                });
            }
            (None, None) => return Err(undecided(&dataset.name, reader)),
        };
        let location = self.dataset_location(dataset)?;
        let mut table = DatasetTable::new(
            name,
            of_run.unwrap_or(usize::MAX),
            location.url().clone(),
            Arc::clone(&schema),
            partition_by,
        )
        .keeping_files(&input.files);
        match self.producers.rows_step(&dataset.name) {
            Some(step) if input.with_added => self.producers.insert(name, step),
            _ => table = table.without_step(),
        }
        let read_as = field_names(&schema);
        Ok((table, read_as))
    }

    async fn add_stream_view(
        &mut self,
        flow: &Flow,
        relation: &Relation,
        view: &View,
    ) -> Result<bool, AnalyzeError> {
        if self.failed_relations.contains(&view.name) {
            // Another flow reads the view, and has reported what is wrong with it.
            return Ok(false);
        }
        let Some(plan) = self.plan_stream(flow, relation, &view.query).await? else {
            return Ok(false);
        };
        if let Some(problem) = increments::refuse_plan(relation, &plan) {
            self.report_errors(&view.name, vec![problem]);
            return Ok(false);
        }
        let table = Arc::new(ViewTable::new(plan, None));
        self.register_table(&stream_table(&view.name, flow), table)?;
        Ok(true)
    }

    /// Adds a streaming table: the rows of its flows, united by name.
    pub(super) async fn add_streaming_table(
        &mut self,
        dataset: &Dataset,
    ) -> Result<(), AnalyzeError> {
        let mut flows: Vec<(&Flow, PlannedFlow)> = Vec::new();
        for relation in &self.job.relations {
            if let Relation::Flow(flow) = relation
                && flow.table == dataset.name
                && let Some(planned) = self.flows.remove(&flow.name)
            {
                flows.push((flow, planned));
            }
        }
        let queries: Vec<QueryColumns<'_>> = flows
            .iter()
            .map(|(flow, planned)| QueryColumns {
                query: &flow.query,
                span: flow.span,
                schema: planned.plan.schema().as_arrow(),
                may_lack: flow.flow != flow.table,
            })
            .collect();
        let schema = match table_columns::streaming_schema(dataset, &queries) {
            Ok(schema) => Arc::new(schema),
            Err(problems) => {
                self.report_errors(&dataset.name, problems);
                return Ok(());
            }
        };
        let Some(mut spec) = self.table_spec(dataset, &schema) else {
            return Ok(());
        };
        let keyed = flows
            .iter()
            .find_map(|(flow, planned)| Some((*flow, planned.keys.clone()?)));
        if let Some((flow, keys)) = &keyed
            && let Some(problem) = refuse_keys(flow, flows.len(), keys, &spec)
        {
            self.report_errors(&dataset.name, vec![problem]);
            return Ok(());
        }
        let table = self.options.streams.tables.get(&dataset.name);
        let snapshot = table.and_then(|table| table.snapshot.clone());
        if let Some(snapshot) = &snapshot {
            spec.schema = sluice_gold::append_schema(snapshot, &spec).map_err(|source| {
                AnalyzeError::Gold {
                    what: format!("streaming table {}", dataset.name),
                    source: Box::new(source),
                }
            })?;
        }
        let part = match self.find_part(dataset) {
            Some((relation, flow, part)) => {
                let planned = self.plan_part(relation, (dataset, &spec), (flow, part));
                // In a box: the compiler does not see otherwise that it may change threads.
                match planned.boxed().await? {
                    Some(planned) => Some((part, planned)),
                    None => return Ok(()),
                }
            }
            None => None,
        };
        let failed = |error| engine_error(&dataset.name, error);
        let plans = flows
            .into_iter()
            .filter(|(_, planned)| planned.is_run)
            .map(|(_, planned)| table_columns::project_to(planned.plan, &spec.schema));
        let mut plan = table_columns::unite(plans).map_err(failed)?;
        if let Some((_, keys)) = &keyed
            && let Some(rows) = plan.take()
        {
            plan = Some(self.keep_new_keys(dataset, &spec, rows, keys, snapshot.as_deref())?);
        }
        let mut kept = snapshot;
        let mut replaced_files = None;
        if let Some((_, part)) = &part
            && let Some(rows) = plan.take()
        {
            let replaced = self.replace_part(dataset, &spec, (rows, part), kept.as_ref())?;
            plan = Some(replaced.plan);
            replaced_files = Some(ReplacedFiles::known(replaced.removed));
            kept = replaced.kept;
        }
        let names = field_names(&spec.schema);
        self.shown.add(&dataset.name, names.clone());
        let restarts = table.is_some_and(|table| table.restarts);
        let has_new = plan.is_some();
        let kept = kept.map(|snapshot| (snapshot, None));
        self.push_dataset(dataset, spec, plan, kept, &names)?;
        match (restarts, has_new, &part) {
            (true, ..) => self.explain_refresh("full", "it is filled again from the beginning"),
            (false, true, Some((part, _))) => {
                let reason = format!("its rows are replaced where {}", part.text);
                self.explain_refresh("incremental", reason);
            }
            (false, true, None) => {
                self.explain_refresh("incremental", "it gets the rows that are new");
            }
            (false, false, _) => {
                self.explain_refresh("incremental", "nothing is new for its flows");
            }
        }
        if let Some(added) = self.datasets.last_mut() {
            added.keys = keyed.map(|(_, keys)| keys).unwrap_or_default();
            added.replaced_files = replaced_files;
        }
        Ok(())
    }

    /// The flow of a table that replaces a part of it.
    fn find_part(&self, dataset: &Dataset) -> Option<(&'a Relation, &'a Flow, &'a ReplacedPart)> {
        let job: &'a Job = self.job;
        job.relations.iter().find_map(|relation| match relation {
            Relation::Flow(flow) if flow.table == dataset.name => {
                Some((relation, flow, flow.part.as_deref()?))
            }
            _ => None,
        })
    }
}
