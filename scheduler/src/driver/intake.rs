//! What a run of streaming tables takes.
//!
//! Decided before the job is planned, and recorded before anything is computed:
//! docs/adr/0012-increments.md.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, Utc};
use sluice_engine::job::{StreamInputs, StreamTable, stream_sources, stream_tables};
use sluice_gold::{FlowAppend, GoldError, GoldTable, RunLocks, Snapshot, TableLocks, ViewPlan};
use sluice_jobfile::{Dataset, DatasetScope, Job as CheckedJob, Relation};
use sluice_plans::{CutTable, PlanError, PlanLedger, PlannedFlow};
use sluice_proto::v1::{ErrorKind, JobError};
use sluice_service::format::{error_chain, format_count};
use sluice_storage::Location;

use super::flow_plans::{
    FlowInputs, FlowState, RunName, find_unfinished, is_begun, owned_name, record_plan,
};
use super::found_columns::{StreamedColumns, source_key};
use super::job_errors::{gold_error_kind, store_error, store_error_kind};
use super::table_streams::{TableStreamError, TableStreams};
use super::view_plans::{ResumedPlan, ViewDecisions, decide_views};
use super::{CheckedSubmission, Driver};

/// What the flows of a run take.
#[derive(Default)]
pub(super) struct RunIntake {
    pub(super) streams: StreamInputs,
    /// The flows that add rows, by streaming table.
    pub(super) appends: BTreeMap<String, Vec<FlowAppend>>,
    /// The version of each streaming table before the run, if it exists, and of each
    /// materialized view that stays as it is.
    pub(super) versions: BTreeMap<String, CutTable>,
    /// The plan whose input a materialized view has after the run.
    pub(super) view_plans: BTreeMap<String, ViewPlan>,
    /// The streaming tables that are filled again from the beginning.
    pub(super) restarted: BTreeSet<String>,
    /// How many materialized views stay as they are, because nothing that they read has
    /// changed.
    views_up_to_date: usize,
    /// Whether rows of a commit come from rows of those before it.
    pub(super) commits_in_order: bool,
    /// The plan of an earlier run that this one finishes.
    pub(super) resumed: Option<u64>,
    /// The submission with the columns of sources that declare none, if there are such.
    pub(super) completed: Option<Arc<CheckedSubmission>>,
    /// Other runs of this process that write to the streaming tables wait.
    _locks: Option<RunLocks>,
}

impl Driver {
    /// Decides what the flows of a job take: the rest of an unfinished plan, or what is
    /// new. With `run`, waits for other runs that write to the same streaming tables,
    /// and records it.
    pub(super) async fn find_intake(
        &self,
        submission: &CheckedSubmission,
        run: Option<RunName<'_>>,
    ) -> Result<RunIntake, JobError> {
        let job = &submission.job;
        let published = self.find_published(job).await;
        let (unchanged, run_datasets): (Vec<&Dataset>, Vec<&Dataset>) = job
            .relations
            .iter()
            .filter_map(|relation| match relation {
                Relation::Dataset(dataset) => Some(dataset),
                _ => None,
            })
            .partition(|dataset| submission.scope.of(&dataset.name) == DatasetScope::Unchanged);
        let datasets: Vec<&Dataset> = run_datasets
            .into_iter()
            .filter(|dataset| dataset.is_streaming())
            .collect();
        if datasets.is_empty() && unchanged.is_empty() {
            let mut intake = RunIntake::default();
            intake.streams.published = published;
            let nothing = StreamedColumns::default();
            self.complete_columns(submission, &mut intake, &nothing, run)
                .await?;
            return Ok(intake);
        }
        let gold = self
            .stores
            .parse_location(&submission.gold)
            .map_err(|error| store_error("gold folder", &error))?;
        let unchanged = self.load_unchanged(&gold, &unchanged).await;
        let unchanged = unchanged.map_err(gold_error)?;
        let opened = datasets
            .iter()
            .map(|dataset| self.gold.open(&gold, &dataset.name));
        let tables: Vec<GoldTable> = opened.collect::<Result<_, _>>().map_err(gold_error)?;
        let mut locks = None;
        if run.is_some() {
            locks = Some(RunLocks::acquire(&tables).await);
            // Commits that an earlier process recorded come first.
            drop(TableLocks::acquire(&tables).await);
        }
        let mut intake = RunIntake {
            _locks: locks,
            ..RunIntake::default()
        };
        intake.streams.unchanged = unchanged;
        intake.streams.published = published;
        let mut flows = Vec::new();
        for (dataset, table) in datasets.iter().zip(&tables) {
            let restarts = submission.scope.of(&dataset.name) == DatasetScope::Restarted;
            let states = self.load_flows(job, dataset, (table, restarts), &mut intake);
            flows.extend(states.await.map_err(gold_error)?);
        }
        let plans = PlanLedger::open(&self.stores, &gold).map_err(plan_error)?;
        let table_streams = self.table_streams(submission, &gold, &intake.streams);
        let unfinished = match flows.is_empty() {
            true => None,
            false => find_unfinished(&plans, job, &flows)
                .await
                .map_err(plan_error)?,
        };
        if let Some((number, plan)) = unfinished {
            let inputs = self
                .resume_plan(&flows, number, &plan, &table_streams)
                .await;
            match inputs {
                Ok(inputs) => {
                    let streamed = StreamedColumns::load(&plans, &flows, &inputs, Some(&plan));
                    let streamed = streamed.await.map_err(plan_error)?;
                    let completed = self
                        .complete_columns(submission, &mut intake, &streamed, run)
                        .await?;
                    let submission = completed.as_deref().unwrap_or(submission);
                    let views = self.load_views(submission, &gold, &plans);
                    let views = views.await.map_err(table_stream_error)?;
                    let adds = changed_tables(&inputs);
                    let resumed = ResumedPlan {
                        number,
                        views: &plan.views,
                    };
                    let decided =
                        decide_views(&views, submission, &table_streams, &adds, Some(resumed));
                    let decided = decided.await.map_err(table_stream_error)?;
                    intake.resumed = Some(number);
                    intake.take_views(decided, Some(number));
                    intake.take(&flows, inputs, number, plan.now);
                    return Ok(intake);
                }
                // Nothing of it was carried out, so it need not be.
                Err(error) if is_input_changed(&error) && !is_begun(&flows, number) => {
                    tracing::info!(plan = number, %error, "the plan is replaced by a new one");
                }
                Err(error) => return Err(table_stream_error(error)),
            }
        }
        let now = Utc::now().trunc_subsecs(6);
        let (inputs, mut planned) = self
            .plan_new(&plans, &flows, &table_streams)
            .await
            .map_err(table_stream_error)?;
        let streamed = StreamedColumns::load(&plans, &flows, &inputs, None);
        let streamed = streamed.await.map_err(plan_error)?;
        let completed = self
            .complete_columns(submission, &mut intake, &streamed, run)
            .await?;
        let submission = completed.as_deref().unwrap_or(submission);
        record_columns(&flows, &mut planned, &submission.columns);
        let views = self.load_views(submission, &gold, &plans);
        let views = views.await.map_err(table_stream_error)?;
        let adds = changed_tables(&inputs);
        let decided = decide_views(&views, submission, &table_streams, &adds, None);
        let mut decided = decided.await.map_err(table_stream_error)?;
        let mut number = None;
        if let Some(run) = run.filter(|_| !planned.is_empty() || decided.are_worth_plan) {
            let planned = (planned, decided.planned.clone());
            let recorded = record_plan(&plans, job, run, now, planned).await;
            number = Some(recorded.map_err(plan_error)?);
        }
        if run.is_some() && number.is_none() {
            decided.updates.clear();
        }
        intake.take_views(decided, number);
        intake.take(&flows, inputs, number.unwrap_or(u64::MAX), now);
        Ok(intake)
    }

    /// Finds the columns of sources that declare none, and gives the submission with them.
    async fn complete_columns(
        &self,
        submission: &CheckedSubmission,
        intake: &mut RunIntake,
        streamed: &StreamedColumns,
        run: Option<RunName<'_>>,
    ) -> Result<Option<Arc<CheckedSubmission>>, JobError> {
        if submission.job.inferred_sources().next().is_none() {
            return Ok(None);
        }
        let live = run.map(|run| run.live);
        let found = self.find_columns(submission, &intake.streams, streamed, live);
        let completed = found.await?.complete(submission);
        let invalid = |found| JobError::invalid_job_file(&found, &submission.job.text);
        let (completed, listed) = completed.map_err(invalid)?;
        intake.streams.listed = listed;
        let completed = Arc::new(completed);
        intake.completed = Some(Arc::clone(&completed));
        Ok(Some(completed))
    }

    /// The tables that the run leaves as they are, at their newest versions.
    async fn load_unchanged(
        &self,
        gold: &Location,
        datasets: &[&Dataset],
    ) -> Result<HashMap<String, Option<Arc<Snapshot>>>, GoldError> {
        let mut tables = HashMap::new();
        for dataset in datasets {
            let table = self.gold.open(gold, &dataset.name)?;
            tables.insert(dataset.name.clone(), table.load_readable().await?);
        }
        Ok(tables)
    }

    /// The snapshot of a streaming table and the state of its flows.
    async fn load_flows<'a>(
        &self,
        job: &'a CheckedJob,
        dataset: &Dataset,
        (table, restarts): (&GoldTable, bool),
        intake: &mut RunIntake,
    ) -> Result<Vec<FlowState<'a>>, GoldError> {
        table.check_target(true).await?;
        let snapshot = table.load_readable().await?;
        let mut states = Vec::new();
        for relation in &job.relations {
            let Relation::Flow(flow) = relation else {
                continue;
            };
            if flow.table != dataset.name {
                continue;
            }
            let number = match &snapshot {
                Some(snapshot) => table.flow_number(snapshot, &flow.flow).await?,
                None => None,
            };
            states.push(FlowState {
                flow,
                sources: stream_sources(&job.relations, flow),
                tables: stream_tables(&job.relations, flow),
                number: number.and_then(|number| u64::try_from(number).ok()),
                restarts,
            });
        }
        if let Some(snapshot) = &snapshot {
            let version = CutTable {
                version: snapshot.version,
                table_id: snapshot.table_id.clone(),
            };
            intake.versions.insert(dataset.name.clone(), version);
        }
        let table = StreamTable {
            snapshot,
            restarts: false,
            flows: HashMap::new(),
        };
        intake.streams.tables.insert(dataset.name.clone(), table);
        Ok(states)
    }

    /// The streaming tables of a job as they are before the run.
    fn table_streams<'a>(
        &'a self,
        submission: &CheckedSubmission,
        gold: &'a Location,
        streams: &StreamInputs,
    ) -> TableStreams<'a> {
        let run = streams.tables.iter();
        let run = run.map(|(name, table)| (name.clone(), table.snapshot.clone()));
        let unchanged = streams.unchanged.iter();
        let unchanged = unchanged.map(|(name, table)| (name.clone(), table.clone()));
        let is_restarted = |name: &&String| submission.scope.of(name) == DatasetScope::Restarted;
        TableStreams {
            driver: self,
            gold,
            restarted: streams
                .tables
                .keys()
                .filter(is_restarted)
                .cloned()
                .collect(),
            snapshots: run.chain(unchanged).collect(),
        }
    }
}

/// Records the columns of sources that declare none with the flows that read them.
fn record_columns(
    flows: &[FlowState<'_>],
    planned: &mut [PlannedFlow],
    columns: &BTreeMap<String, String>,
) {
    for flow in planned {
        let name = (flow.table.as_str(), flow.flow.as_str());
        let Some(state) = flows.iter().find(|state| state.name() == name) else {
            continue;
        };
        let sources = state.sources.iter();
        flow.columns = sources
            .filter_map(|source| Some((source_key(source), columns.get(&source.name)?.clone())))
            .collect();
    }
}

/// The tables to which the flows of a run add rows.
fn changed_tables(inputs: &FlowInputs) -> HashSet<&str> {
    let run = inputs.iter().filter(|(_, input)| input.is_run);
    run.map(|((table, _), _)| table.as_str()).collect()
}

impl RunIntake {
    /// Adds what is decided for the materialized views; `number` is that of the plan that
    /// says what they are computed from. A dry run has none.
    fn take_views(&mut self, decided: ViewDecisions, number: Option<u64>) {
        for (name, snapshot) in decided.up_to_date {
            let version = CutTable {
                version: snapshot.version,
                table_id: snapshot.table_id.clone(),
            };
            self.versions.insert(name.clone(), version);
            self.streams.up_to_date.insert(name, snapshot);
            self.views_up_to_date += 1;
        }
        if let Some(number) = number.and_then(|number| i64::try_from(number).ok()) {
            for view in decided.planned {
                let update = decided.updates.get(&view.table);
                // Its rows follow from those that are committed before.
                self.commits_in_order |= update.is_some();
                let plan = ViewPlan {
                    number,
                    based_on: update.map(|input| input.snapshot.version),
                    adds: false,
                    removes: None,
                };
                self.view_plans.insert(view.table, plan);
            }
        }
        self.streams.views = decided.updates;
    }

    /// Adds what is decided for each flow; `number` is that of the plan.
    fn take(
        &mut self,
        flows: &[FlowState<'_>],
        mut inputs: FlowInputs,
        number: u64,
        now: DateTime<Utc>,
    ) {
        self.streams.now = Some(now);
        for state in flows {
            let Some(input) = inputs.remove(&owned_name(state)) else {
                continue;
            };
            if input.is_run {
                let appends = self.appends.entry(state.flow.table.clone()).or_default();
                appends.push(FlowAppend {
                    flow: state.flow.flow.clone(),
                    follows: state.number.and_then(|number| i64::try_from(number).ok()),
                    number: i64::try_from(number).unwrap_or(i64::MAX),
                    makes_version: None,
                });
            }
            self.commits_in_order |= input.tables.values().any(|table| table.with_added);
            if let Some(table) = self.streams.tables.get_mut(&state.flow.table) {
                if input.is_run && state.restarts {
                    // For the rows of this run, the table has none.
                    table.snapshot = None;
                    table.restarts = true;
                    self.restarted.insert(state.flow.table.clone());
                }
                table.flows.insert(state.flow.flow.clone(), input);
            }
        }
    }

    /// One line for the job's log; `None` without streaming tables.
    pub(super) fn summary(&self) -> Option<String> {
        if self.streams.tables.is_empty() {
            return None;
        }
        if let Some(number) = self.resumed {
            return Some(format!(
                "finishing plan {number} of an earlier run; what is new since then is taken by the \
                 next run"
            ));
        }
        let flows: usize = self.appends.values().map(Vec::len).sum();
        if let (false, Some(append)) = (
            self.restarted.is_empty(),
            self.appends.values().flatten().next(),
        ) {
            let names: Vec<&str> = self.restarted.iter().map(String::as_str).collect();
            return Some(format!(
                "plan {}: {flows} flows; filled again from the beginning: {}",
                append.number,
                names.join(", ")
            ));
        }
        let summary = match self.appends.values().flatten().next() {
            Some(append) => format!("plan {}: {flows} flows have something new", append.number),
            None => "nothing is new for any flow".to_owned(),
        };
        let views = self.views_up_to_date as u64;
        Some(match views {
            0 => summary,
            _ => {
                let views = format_count(views, "materialized view");
                format!("{summary}; {views} up to date")
            }
        })
    }
}

fn gold_error(error: GoldError) -> JobError {
    JobError::new(gold_error_kind(&error), error_chain(&error))
        .with_next_step("nothing was computed; gold is unchanged")
}

/// Whether what an unfinished plan takes is no longer there as it was.
fn is_input_changed(error: &TableStreamError) -> bool {
    match error {
        TableStreamError::Plan(error) => error.is_input_changed(),
        TableStreamError::Gold(error) => matches!(error, GoldError::NotAppended { .. }),
        _ => false,
    }
}

fn table_stream_error(error: TableStreamError) -> JobError {
    match error {
        TableStreamError::Gold(error) => gold_error(error),
        TableStreamError::Plan(error) => plan_error(error),
        TableStreamError::Store(error) => store_error("a source that is read as a stream", &error),
        error => JobError::new(ErrorKind::Invalid, error.to_string())
            .with_next_step("nothing was computed; gold is unchanged"),
    }
}

fn plan_error(error: PlanError) -> JobError {
    let kind = match &error {
        PlanError::DeltaTable { .. } | PlanError::PatternInLanding { .. } => ErrorKind::Invalid,
        error => store_error_kind(error.store_kind()),
    };
    JobError::new(kind, error_chain(&error))
        .with_next_step("nothing was computed; gold is unchanged")
}
