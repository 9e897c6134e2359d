//! What has changed for materialized views since they were computed last: a view for
//! which nothing has stays as it is, and one for which rows were added may be computed
//! from these and its own.
//!
//! That is known of views whose rows all come from streaming tables of the job, also
//! through other views. The log of such a table names the plan whose input it has, and
//! the plan says up to where each streaming table was read.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use sluice_engine::job::{TableInput, ViewInput};
use sluice_gold::{GoldError, Snapshot};
use sluice_jobfile::{Dataset, DatasetScope, Job as CheckedJob, RefreshPolicy, Relation, RunScope};
use sluice_plans::{JobFingerprint, PlanError, PlanLedger, PlannedView, TablePosition};
use sluice_storage::Location;

use super::query_meaning::describe_meaning;
use super::table_streams::{TableStreamError, TableStreams};
use super::{CheckedSubmission, Driver};

/// The name under which the settings of a job are part of its definition. No variable
/// has it.
const SETTINGS: &str = "settings of the job";

/// What a materialized view reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct ViewReads<'a> {
    /// Streaming tables, also through other materialized views.
    tables: BTreeSet<&'a str>,
    /// Other materialized views.
    views: BTreeSet<&'a str>,
    /// Streaming tables that these read: what is new of them is in rows of a view, and
    /// which rows of it are new is not known.
    through_views: BTreeSet<&'a str>,
}

/// A materialized view whose rows come from streaming tables alone.
pub(super) struct ViewState<'a> {
    dataset: &'a Dataset,
    reads: ViewReads<'a>,
    snapshot: Option<Arc<Snapshot>>,
    /// What the table was computed from, by the plan of this number; `None` when that is
    /// not known, or was another query.
    computed_from: Option<(u64, PlannedView)>,
    /// Whether it is to be computed whatever has changed.
    restarts: bool,
    /// Whether what it is computed from is worth a plan, also when no flow has anything new:
    /// the next run then finds the view up to date. Not when it is computed in every run.
    is_worth_plan: bool,
}

/// What is decided for the views of a run.
#[derive(Default)]
pub(super) struct ViewDecisions {
    /// The tables that stay as they are, by name.
    pub(super) up_to_date: HashMap<String, Arc<Snapshot>>,
    /// What the others are computed from.
    pub(super) planned: Vec<PlannedView>,
    /// Whether that is to be recorded although no flow has anything new.
    pub(super) are_worth_plan: bool,
    /// What is new for those of them of which all else is in the table.
    pub(super) updates: HashMap<String, ViewInput>,
}

impl Driver {
    /// The views of a job whose rows come from streaming tables alone, each after those
    /// that it reads.
    pub(super) async fn load_views<'a>(
        &self,
        submission: &'a CheckedSubmission,
        gold: &Location,
        plans: &PlanLedger,
    ) -> Result<Vec<ViewState<'a>>, TableStreamError> {
        let mut states = Vec::new();
        for (dataset, reads) in find_reads(&submission.job, &submission.scope) {
            let table = self.gold.open(gold, &dataset.name)?;
            let snapshot = table.load_readable().await?;
            let number = match &snapshot {
                Some(snapshot) => table.view_number(snapshot).await?,
                None => None,
            };
            let number = number.and_then(|number| u64::try_from(number).ok());
            let computed_from = match number {
                Some(number) => find_planned(plans, submission, &dataset.name, number).await?,
                None => None,
            };
            let restarts = submission.scope.of(&dataset.name) == DatasetScope::Restarted;
            let is_always_full = dataset.refresh_policy == RefreshPolicy::Full;
            states.push(ViewState {
                dataset,
                reads,
                is_worth_plan: !is_always_full
                    && (restarts || snapshot.is_none() || number.is_some()),
                snapshot,
                computed_from: computed_from
                    .zip(number)
                    .map(|(view, number)| (number, view)),
                restarts: restarts || is_always_full,
            });
        }
        Ok(states)
    }
}

/// What the plan of this number says of a view, if it was of the same definition.
async fn find_planned(
    plans: &PlanLedger,
    submission: &CheckedSubmission,
    table: &str,
    number: u64,
) -> Result<Option<PlannedView>, PlanError> {
    let entry = plans.read(number).await?;
    let views = entry.map(|entry| entry.body.views).unwrap_or_default();
    Ok(find_view(&views, submission, table).cloned())
}

/// The view of a table among those of a plan, if its definition is that of the submission.
fn find_view<'a>(
    views: &'a [PlannedView],
    submission: &CheckedSubmission,
    table: &str,
) -> Option<&'a PlannedView> {
    let meaning = describe_meaning();
    let mut views = views
        .iter()
        .filter(|view| view.table == table && view.engine == meaning);
    views.find(|view| {
        let job = &submission.job;
        view.definition.matches(&job.text, &parameters(submission))
    })
}

/// The plan of an earlier run that this one finishes.
#[derive(Clone, Copy)]
pub(super) struct ResumedPlan<'a> {
    pub(super) number: u64,
    pub(super) views: &'a [PlannedView],
}

/// Decides which views stay as they are. `adds`: the streaming tables to which the run
/// adds rows. In a run that finishes a plan, what a view is computed from is recorded only
/// when it is what the plan says: nothing else has been added to the tables.
pub(super) async fn decide_views(
    states: &[ViewState<'_>],
    submission: &CheckedSubmission,
    table_streams: &TableStreams<'_>,
    adds: &HashSet<&str>,
    resumed: Option<ResumedPlan<'_>>,
) -> Result<ViewDecisions, TableStreamError> {
    let mut decisions = ViewDecisions::default();
    for state in states {
        let name = &state.dataset.name;
        let reads = &state.reads;
        let mut is_recorded = true;
        let mut is_computed = false;
        if let Some(plan) = resumed {
            is_recorded = has_input_of(plan, state, submission, table_streams).await?;
            let computed_from = state.computed_from.as_ref();
            is_computed =
                is_recorded && computed_from.is_some_and(|(number, _)| *number == plan.number);
        }
        let reads_current_views = reads
            .views
            .iter()
            .all(|view| decisions.up_to_date.contains_key(*view));
        if let (Some(snapshot), false) = (&state.snapshot, state.restarts) {
            let snapshot = Arc::clone(snapshot);
            if is_computed {
                decisions.up_to_date.insert(name.clone(), snapshot);
                continue;
            }
            if reads_current_views
                && let Some(new) = find_changes(state, table_streams, adds).await?
            {
                if new.is_empty() {
                    decisions.up_to_date.insert(name.clone(), snapshot);
                    continue;
                }
                let is_known = |table: &String| !reads.through_views.contains(table.as_str());
                if is_recorded && new.keys().all(is_known) {
                    let input = ViewInput { snapshot, new };
                    decisions.updates.insert(name.clone(), input);
                }
            }
        }
        if !is_recorded {
            continue;
        }
        let tables = reads.tables.iter().map(|table| {
            let streamed = table_streams.table(table)?;
            Ok(streamed.position(adds.contains(table)))
        });
        let tables: Vec<TablePosition> = tables.collect::<Result<_, GoldError>>()?;
        // A run that reads a table which is missing fails.
        let are_there = tables
            .iter()
            .all(|table| table.table_id.is_some() || table.own);
        decisions.are_worth_plan |= state.is_worth_plan && are_there;
        decisions.planned.push(PlannedView {
            table: name.clone(),
            definition: JobFingerprint::new(&submission.job.text, &parameters(submission)),
            engine: describe_meaning(),
            tables,
        });
    }
    Ok(decisions)
}

/// Whether a view of which a plan says what it is computed from would be computed from just
/// that, when the rest of the plan is carried out.
async fn has_input_of(
    plan: ResumedPlan<'_>,
    state: &ViewState<'_>,
    submission: &CheckedSubmission,
    table_streams: &TableStreams<'_>,
) -> Result<bool, TableStreamError> {
    let planned = find_view(plan.views, submission, &state.dataset.name);
    let Some(view) = planned.map(|view| (plan.number, view)) else {
        return Ok(false);
    };
    // The rows that the plan adds are none of what is new to it.
    let new = find_new_rows(state, &view, table_streams, &HashSet::new()).await?;
    Ok(new.is_some_and(|new| new.is_empty()))
}

/// What each streaming table has, or will have, in addition to what the view was computed
/// from; `None` when it is not known, or a table has changed in another way.
async fn find_changes(
    state: &ViewState<'_>,
    table_streams: &TableStreams<'_>,
    adds: &HashSet<&str>,
) -> Result<Option<HashMap<String, TableInput>>, TableStreamError> {
    match &state.computed_from {
        Some((number, view)) => find_new_rows(state, &(*number, view), table_streams, adds).await,
        None => Ok(None),
    }
}

/// The same in addition to what a plan says that a view is computed from.
async fn find_new_rows(
    state: &ViewState<'_>,
    (number, view): &(u64, &PlannedView),
    table_streams: &TableStreams<'_>,
    adds: &HashSet<&str>,
) -> Result<Option<HashMap<String, TableInput>>, TableStreamError> {
    let mut changes = HashMap::new();
    for table in &state.reads.tables {
        let Some(taken) = view.position(table, *number) else {
            return Ok(None);
        };
        let streamed = table_streams.table(table)?;
        let reader = &state.dataset.name;
        match streamed
            .find_new(reader, Some(&taken), adds.contains(table))
            .await
        {
            Ok(new) if new.range.is_none() => {}
            Ok(new) => {
                changes.insert((*table).to_owned(), new.input);
            }
            // Rows were removed, or it is another table.
            Err(
                TableStreamError::Restarted { .. }
                | TableStreamError::OtherTable { .. }
                | TableStreamError::Gold(GoldError::NotAppended { .. }),
            ) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(changes))
}

/// The parameters and the settings of a job, and the columns that its files have.
fn parameters(submission: &CheckedSubmission) -> BTreeMap<String, Option<String>> {
    let mut parameters = submission.job.variables.clone();
    let settings = submission.settings.engine_settings();
    parameters.insert(SETTINGS.to_owned(), Some(format!("{settings:?}")));
    let columns = submission.columns.iter();
    parameters
        .extend(columns.map(|(source, text)| (format!("columns of {source}"), Some(text.clone()))));
    parameters
}

/// What each materialized view that the run may compute reads, if all of it comes from
/// streaming tables.
fn find_reads<'a>(job: &'a CheckedJob, scope: &RunScope) -> Vec<(&'a Dataset, ViewReads<'a>)> {
    // What the readers of a relation read.
    let mut known: HashMap<&str, ViewReads<'_>> = HashMap::new();
    let mut views = Vec::new();
    for relation in &job.relations {
        let united = || {
            let mut all = ViewReads::default();
            for name in relation.depends_on() {
                let reads = known.get(name.as_str())?;
                all.tables.extend(&reads.tables);
                all.views.extend(&reads.views);
                all.through_views.extend(&reads.through_views);
            }
            Some(all)
        };
        match relation {
            Relation::Source(_) | Relation::Flow(_) => {}
            Relation::View(view) => {
                if let (true, Some(reads)) = (view.streams.is_empty(), united()) {
                    known.insert(&view.name, reads);
                }
            }
            Relation::Dataset(dataset) if dataset.is_streaming() => {
                let reads = ViewReads {
                    tables: BTreeSet::from([dataset.name.as_str()]),
                    ..ViewReads::default()
                };
                known.insert(&dataset.name, reads);
            }
            Relation::Dataset(dataset) => {
                let is_run = scope.of(&dataset.name) != DatasetScope::Unchanged;
                let Some(reads) = united().filter(|_| is_run) else {
                    continue;
                };
                if reads.tables.is_empty() {
                    continue;
                }
                let of_readers = ViewReads {
                    tables: reads.tables.clone(),
                    views: BTreeSet::from([dataset.name.as_str()]),
                    through_views: reads.tables.clone(),
                };
                known.insert(&dataset.name, of_readers);
                views.push((dataset, reads));
            }
        }
    }
    views
}

#[cfg(test)]
mod tests;
