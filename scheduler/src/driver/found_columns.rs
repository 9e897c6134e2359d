//! The columns of sources that declare none: those that an earlier run found, and those
//! of what is new.
//!
//! They are found before a run is recorded, and recorded with what it takes. So a run that
//! finishes an earlier one has the same, and the columns of a stream stay as they are, to
//! which later files may add: docs/adr/0017-found-columns.md.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use datafusion::arrow::record_batch::RecordBatch;
use sluice_engine::job::{
    AnalyzeError, InferencePlan, StreamInputs, add_columns, columns_from_rows, list_source,
    plan_inference, with_hints,
};
use sluice_jobfile::{
    Column, Diagnostics, Inference, Relation, Source, read_columns, write_columns,
};
use sluice_plans::{PlanEntry, PlanError, PlanLedger};
use sluice_proto::v1::{ErrorKind, JobError, LogLevel};
use sluice_service::format::{format_bytes, format_count};
use sluice_storage::Listing;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::flow_plans::{FlowInputs, FlowState, find_planned};
use super::job_errors::{analysis_error, run_error};
use super::lone_step::LoneStep;
use super::{CheckedSubmission, Driver, LiveJob};
use crate::runner::StepProgress;

/// How often the log says how much was read.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// What a run takes of the sources that declare no columns.
#[derive(Default)]
pub(super) struct StreamedColumns {
    /// The columns that flows found before, as texts, by the names of sources.
    known: BTreeMap<String, Vec<String>>,
    /// What is new of sources, by name.
    new: HashMap<String, Vec<Listing>>,
}

/// The columns of all sources that declare none.
#[derive(Default)]
pub(super) struct FoundColumns {
    /// As texts, by name.
    pub(super) texts: BTreeMap<String, String>,
    /// By name.
    columns: BTreeMap<String, Vec<Column>>,
    /// The files of sources that were listed for it, by name.
    pub(super) listed: HashMap<String, Listing>,
}

/// What a source is called in plans: the number in the name of one without a statement
/// changes when another one is written before it.
pub(super) fn source_key(source: &Source) -> String {
    if !source.name.contains(' ') {
        return source.name.clone();
    }
    let has_types = source.inference.as_ref().is_none_or(|of| of.has_types);
    let texts = if has_types { "" } else { " as texts" };
    format!("{} {}{texts}", source.format.as_str(), source.location)
}

impl StreamedColumns {
    /// What flows take, and which columns they found before: of a plan that is finished
    /// those that it has.
    ///
    /// # Errors
    /// When a plan cannot be read.
    pub(super) async fn load(
        plans: &PlanLedger,
        flows: &[FlowState<'_>],
        inputs: &FlowInputs,
        resumed: Option<&PlanEntry>,
    ) -> Result<Self, PlanError> {
        let mut streamed = Self::default();
        for state in flows {
            let is_inferred = |source: &&&Source| source.inference.is_some();
            let sources: Vec<&Source> = state.sources.iter().filter(is_inferred).copied().collect();
            if sources.is_empty() {
                continue;
            }
            let of_plan = resumed.and_then(|plan| find_planned(plan, state));
            let mut columns = of_plan.map(|planned| planned.columns.clone());
            if let (None, false, Some(number)) = (&columns, state.restarts, state.number) {
                let entry = plans.read(number).await?;
                let planned = entry.and_then(|entry| find_planned(&entry.body, state).cloned());
                columns = planned.map(|planned| planned.columns);
            }
            for source in sources {
                let recorded = columns.as_ref();
                let recorded = recorded.and_then(|columns| columns.get(&source_key(source)));
                if let Some(text) = recorded {
                    let known = streamed.known.entry(source.name.clone()).or_default();
                    known.push(text.clone());
                }
                let listing = inputs
                    .get(&super::flow_plans::owned_name(state))
                    .filter(|input| input.is_run && of_plan.is_none())
                    .and_then(|input| input.sources.get(&source.name));
                if let Some(listing) = listing {
                    let new = streamed.new.entry(source.name.clone()).or_default();
                    new.push(listing.clone());
                }
            }
        }
        Ok(streamed)
    }

    /// The columns that flows found before; `None` when none of them took anything.
    fn known_columns(&self, source: &Source) -> Result<Option<Vec<Column>>, JobError> {
        let Some(texts) = self.known.get(&source.name) else {
            return Ok(None);
        };
        let mut all = Vec::new();
        for text in texts {
            let columns = read_columns(text, source.span).map_err(|problem| {
                let message = format!(
                    "the recorded columns of {} cannot be read: {problem}",
                    source.location
                );
                JobError::new(ErrorKind::Storage, message)
            })?;
            all = add_columns(&all, columns);
        }
        Ok(Some(all))
    }
}

impl FoundColumns {
    /// The submission with these columns.
    ///
    /// # Errors
    /// When a column has the name of a variable, or of another column.
    pub(super) fn complete(
        self,
        submission: &CheckedSubmission,
    ) -> Result<(CheckedSubmission, HashMap<String, Listing>), Diagnostics> {
        let job = submission.job.with_columns(self.columns)?;
        let submission = CheckedSubmission {
            job,
            gold: submission.gold.clone(),
            settings: submission.settings.clone(),
            scope: submission.scope.clone(),
            columns: self.texts,
        };
        Ok((submission, self.listed))
    }
}

impl Driver {
    /// Finds the columns of all sources of a job that declare none.
    pub(super) async fn find_columns(
        &self,
        submission: &CheckedSubmission,
        streams: &StreamInputs,
        streamed: &StreamedColumns,
        live: Option<&LiveJob>,
    ) -> Result<FoundColumns, JobError> {
        let mut found = FoundColumns::default();
        let relations = &submission.job.relations;
        let read_whole: HashSet<&String> =
            relations.iter().flat_map(Relation::depends_on).collect();
        let read_as_stream: HashSet<&String> =
            relations.iter().flat_map(Relation::streams).collect();
        for (source, inference) in submission.job.inferred_sources() {
            let is_whole = read_whole.contains(&source.name);
            if !is_whole && !read_as_stream.contains(&source.name) {
                continue;
            }
            let known = streamed.known_columns(source)?;
            let is_looked_for = known.is_none() || inference.adds_columns;
            let mut files = Vec::new();
            if let (true, Some(new)) = (is_looked_for, streamed.new.get(&source.name)) {
                files.extend(new.iter().cloned());
            }
            if is_whole {
                let listing = self.list_whole(submission, streams, source).await?;
                if is_looked_for {
                    files.push(listing.clone());
                }
                found.listed.insert(source.name.clone(), listing);
            }
            let mut columns = known.unwrap_or_default();
            if let Some(files) = unite_listings(files) {
                let of_source = (source, inference, columns.as_slice());
                columns = self
                    .read_columns(submission, streams, of_source, (files, live))
                    .await?;
            }
            found
                .texts
                .insert(source.name.clone(), write_columns(&columns));
            let columns = with_hints(source, columns);
            found.columns.insert(source.name.clone(), columns);
        }
        Ok(found)
    }

    async fn list_whole(
        &self,
        submission: &CheckedSubmission,
        streams: &StreamInputs,
        source: &Source,
    ) -> Result<Listing, JobError> {
        let options = self.analyze_options(&submission.gold, &submission.settings, streams.clone());
        let listed = match options {
            Ok(options) => list_source(source, &options).await,
            Err(error) => Err(error),
        };
        listed.map_err(|error| analysis_error(&error, &submission.job.text))
    }

    /// The columns of these files, and those that are known.
    async fn read_columns(
        &self,
        submission: &CheckedSubmission,
        streams: &StreamInputs,
        (source, inference, known): (&Source, &Inference, &[Column]),
        (files, live): (Listing, Option<&LiveJob>),
    ) -> Result<Vec<Column>, JobError> {
        let failed = |error: &AnalyzeError| analysis_error(error, &submission.job.text);
        let name = format!("columns of {}", source.location);
        let log = |message: String| {
            if let Some(live) = live {
                live.write_log(LogLevel::Info, "driver", message);
            }
        };
        let bytes = files.total_bytes();
        log(format!(
            "{name}: reading {}, {}",
            format_count(files.files.len() as u64, "file"),
            format_bytes(bytes)
        ));
        let options = self.analyze_options(&submission.gold, &submission.settings, streams.clone());
        let options = options.map_err(|error| failed(&error))?;
        let slots = self.count_slots(&name).await?;
        let planning = {
            let (driver, options, settings) =
                (self.clone(), options.clone(), submission.settings.clone());
            let (source, files, name) = (source.clone(), files.clone(), name.clone());
            async move {
                Ok(match plan_inference(&source, files, &options).await? {
                    InferencePlan::Found(columns) => Planned::Found(columns),
                    InferencePlan::Step(job) => {
                        let sizes = (slots, &settings);
                        Planned::Step(driver.plan_lone_step(&name, &job, sizes).await?)
                    }
                })
            }
        };
        let planned = self.planner.run(&name, planning).await?;
        let columns = match planned.map_err(|error| failed(&error))? {
            Planned::Found(columns) => add_columns(known, columns),
            Planned::Step(step) => {
                let rows = self
                    .run_with_attempts(&name, &step, submission, (bytes, &log))
                    .await?;
                columns_from_rows(source, (known, &files), &rows, &options)
                    .map_err(|error| failed(&error))?
            }
        };
        let hints = inference.hints.len() as u64;
        let count = format_count(columns.len() as u64, "column");
        let new = format_count((columns.len() - known.len()) as u64, "new one");
        log(match (known.len(), hints) {
            (0, 0) => format!("{name}: {count}"),
            (0, _) => format!("{name}: {count}, and {}", format_count(hints, "hint")),
            _ => format!("{name}: {count}, {new}"),
        });
        Ok(columns)
    }

    async fn run_with_attempts(
        &self,
        name: &str,
        step: &LoneStep,
        submission: &CheckedSubmission,
        (bytes, log): (u64, &impl Fn(String)),
    ) -> Result<Vec<RecordBatch>, JobError> {
        let settings = &submission.settings;
        let mut attempt = 1;
        loop {
            let (progress, watched) = watch::channel(StepProgress::default());
            let cancel = CancellationToken::new();
            let running = self.run_lone_step(name, (step, settings), progress, &cancel);
            let mut running = std::pin::pin!(running);
            let mut ticks =
                tokio::time::interval_at(tokio::time::Instant::now() + LOG_EVERY, LOG_EVERY);
            let result = loop {
                tokio::select! {
                    result = &mut running => break result,
                    _ = ticks.tick() => {
                        let read: u64 =
                            watched.borrow().sources.values().map(|source| source.bytes).sum();
                        log(format!("{name}: {} of {} read", format_bytes(read), format_bytes(bytes)));
                    }
                }
            };
            match result {
                Ok(rows) => return Ok(rows),
                Err(error) if error.is_retryable() && attempt < settings.max_attempts => {
                    log(format!(
                        "{name}: attempt {attempt} failed and is retried: {error}"
                    ));
                    attempt += 1;
                }
                Err(error) => return Err(run_error(name, &error)),
            }
        }
    }
}

enum Planned {
    Found(Vec<Column>),
    Step(LoneStep),
}

/// All files of these lists of one source, each once; `None` when there are none.
fn unite_listings(listings: Vec<Listing>) -> Option<Listing> {
    let mut listings = listings.into_iter();
    let mut all = listings.next()?;
    for listing in listings {
        all.files.extend(listing.files);
    }
    all.files.sort_by(|a, b| a.path.cmp(&b.path));
    all.files.dedup_by(|a, b| a.path == b.path);
    (!all.files.is_empty()).then_some(all)
}
