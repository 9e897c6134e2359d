//! What each flow of a run takes: the rest of an unfinished plan, or what is new; and the
//! plan of it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sluice_engine::job::{FlowInput, TableInput, list_rules};
use sluice_jobfile::{Dataset, Flow, Job as CheckedJob, Source};
use sluice_plans::{
    JobFingerprint, NewInput, PlanEntry, PlanError, PlanLedger, PlannedFlow, PlannedView,
    SourceInput, TablePosition, TableRange, TakenInput, find_new_input, open_input,
};
use sluice_service::crash;
use sluice_storage::Listing;

use super::table_streams::{NewRows, TableStreamError, TableStreams};
use super::{Driver, LiveJob};

/// Entries of ledgers that name no file, of a topic to which nothing is sent, are not taken
/// until there are so many: taking them makes a version of the table, and not taking them
/// makes the next run read them again.
const MAX_EMPTY_ENTRIES: u64 = 1_000;

/// The run that takes what is new; a dry run takes nothing.
#[derive(Clone, Copy)]
pub(super) struct RunName<'a> {
    pub(super) job_id: &'a str,
    pub(super) job_name: &'a str,
    pub(super) live: &'a LiveJob,
}

/// A flow with what its table says of it.
pub(super) struct FlowState<'a> {
    pub(super) flow: &'a Flow,
    pub(super) sources: Vec<&'a Source>,
    /// The streaming tables of which it reads streams.
    pub(super) tables: Vec<&'a Dataset>,
    /// The newest plan whose rows are in the table.
    pub(super) number: Option<u64>,
    /// Whether the flow is to begin again.
    pub(super) restarts: bool,
}

impl FlowState<'_> {
    pub(super) fn name(&self) -> (&str, &str) {
        (&self.flow.table, &self.flow.flow)
    }
}

/// What is decided for each flow, by table and name.
pub(super) type FlowInputs = HashMap<(String, String), FlowInput>;

impl Driver {
    /// What an unfinished plan takes, of the flows that have not taken it.
    pub(super) async fn resume_plan(
        &self,
        flows: &[FlowState<'_>],
        number: u64,
        plan: &PlanEntry,
        table_streams: &TableStreams<'_>,
    ) -> Result<FlowInputs, TableStreamError> {
        let mut inputs = FlowInputs::new();
        let is_missing = |table: &str| {
            let mut of_table = flows.iter().filter(|state| state.flow.table == table);
            of_table
                .any(|state| state.number != Some(number) && find_planned(plan, state).is_some())
        };
        for state in flows {
            let planned = find_planned(plan, state).filter(|_| state.number != Some(number));
            let mut opened = HashMap::new();
            for source in &state.sources {
                let mut taken = planned.into_iter().flat_map(|planned| &planned.sources);
                let taken = taken.find(|taken| taken.source == source.name);
                let listing = match self.find_delta_stream(source).await? {
                    Some(stream) => {
                        let range = taken.and_then(|taken| taken.table.as_ref());
                        let input = match range {
                            Some(range) => {
                                stream.table.open_planned(range, (number, false)).await?
                            }
                            None => TableInput::default(),
                        };
                        stream.list(self, &input.files)?
                    }
                    None => self.open_source(source, taken).await?,
                };
                opened.insert(source.name.clone(), listing);
            }
            let mut tables = HashMap::new();
            for table in &state.tables {
                let mut taken = planned.into_iter().flat_map(|planned| &planned.sources);
                let taken = taken.find(|taken| taken.source == table.name);
                let range = taken.and_then(|taken| taken.table.as_ref());
                let input = match range {
                    Some(range) => {
                        let of_plan = (number, is_missing(&table.name));
                        let table = table_streams.table(&table.name)?;
                        table.open_planned(range, of_plan).await?
                    }
                    None => TableInput::default(),
                };
                tables.insert(table.name.clone(), input);
            }
            let input = FlowInput {
                is_run: planned.is_some(),
                sources: opened,
                tables,
            };
            inputs.insert(owned_name(state), input);
        }
        Ok(inputs)
    }

    /// What is new, and the plan of it: of the flows for which there is something.
    pub(super) async fn plan_new(
        &self,
        plans: &PlanLedger,
        flows: &[FlowState<'_>],
        table_streams: &TableStreams<'_>,
    ) -> Result<(FlowInputs, Vec<PlannedFlow>), TableStreamError> {
        let mut inputs = FlowInputs::new();
        // Flows come after those of the tables that they read.
        let mut planned: Vec<PlannedFlow> = Vec::new();
        for state in flows {
            let is_done = state.flow.once && state.number.is_some() && !state.restarts;
            let mut taken = TakenInput::restarted(state.number);
            if !is_done && !state.restarts {
                taken = TakenInput::load(plans, state.name(), state.number).await?;
            }
            let mut found: Vec<NewInput> = Vec::new();
            let mut opened = HashMap::new();
            // With the names of the sources.
            let mut ranges: Vec<(String, TableRange, TablePosition)> = Vec::new();
            for source in &state.sources {
                let listing = match self.find_delta_stream(source).await? {
                    Some(stream) => {
                        let mut new = NewRows::default();
                        if !is_done {
                            new = stream.find_new(&state.flow.table, &taken).await?;
                        }
                        let range = new.range.into_iter();
                        ranges.extend(range.map(|(range, to)| (source.name.clone(), range, to)));
                        stream.list(self, &new.input.files)?
                    }
                    None if is_done => self.open_source(source, None).await?,
                    None => {
                        self.refuse_lost_table(source, (&state.flow.table, &taken))?;
                        let (name, location) = (&source.name, &source.location);
                        let rules = list_rules(source);
                        let new = find_new_input(&self.stores, name, location, &rules, &taken);
                        let new = new.await?;
                        let listing = self.open_source(source, Some(&new.input)).await?;
                        found.push(new);
                        listing
                    }
                };
                opened.insert(source.name.clone(), listing);
            }
            let mut tables = HashMap::new();
            for table in &state.tables {
                let mut new = NewRows::default();
                if !is_done {
                    let adds = planned.iter().any(|planned| planned.table == table.name);
                    let streamed = table_streams.table(&table.name)?;
                    let taken = taken.table(&table.name);
                    new = streamed.find_new(&state.flow.table, taken, adds).await?;
                }
                let range = new.range.into_iter();
                ranges.extend(range.map(|(range, to)| (table.name.clone(), range, to)));
                tables.insert(table.name.clone(), new.input);
            }
            let brings_rows = |new: &NewInput| {
                let listing = opened.get(&new.input.source);
                listing.is_some_and(|listing| !listing.files.is_empty())
                    || new.input.count_entries() >= MAX_EMPTY_ENTRIES
            };
            let has_new = found.iter().any(brings_rows) || !ranges.is_empty();
            // A part of a table is replaced by every run.
            let is_whole = state.flow.once || state.flow.part.is_some();
            let is_run = !is_done && (is_whole || state.restarts || has_new);
            if is_run {
                let folders = found.iter().flat_map(|new| new.folders.clone()).collect();
                let mut sources: Vec<SourceInput> =
                    found.into_iter().map(|new| new.input).collect();
                let of_tables = ranges.iter().map(|(source, range, _)| SourceInput {
                    source: source.clone(),
                    table: Some(range.clone()),
                    ..SourceInput::default()
                });
                sources.extend(of_tables);
                let mut flow = taken.plan_next(state.name(), sources, folders);
                for (_, _, position) in ranges {
                    flow.move_table(position);
                }
                planned.push(flow);
            }
            let input = FlowInput {
                is_run,
                sources: opened,
                tables,
            };
            inputs.insert(owned_name(state), input);
        }
        Ok((inputs, planned))
    }

    async fn open_source(
        &self,
        source: &Source,
        input: Option<&SourceInput>,
    ) -> Result<Listing, PlanError> {
        let nothing = SourceInput::default();
        open_input(&self.stores, &source.location, input.unwrap_or(&nothing)).await
    }
}

pub(super) fn owned_name(state: &FlowState<'_>) -> (String, String) {
    let (table, flow) = state.name();
    (table.to_owned(), flow.to_owned())
}

pub(super) fn find_planned<'a>(
    plan: &'a PlanEntry,
    state: &FlowState<'_>,
) -> Option<&'a PlannedFlow> {
    let (table, flow) = state.name();
    let mut flows = plan.flows.iter();
    flows.find(|planned| planned.table == table && planned.flow == flow)
}

/// Whether a table has committed what the plan takes.
pub(super) fn is_begun(flows: &[FlowState<'_>], number: u64) -> bool {
    flows.iter().any(|state| state.number == Some(number))
}

/// The newest plan of the same job of which something is missing, if what it follows is
/// still what the tables have.
pub(super) async fn find_unfinished(
    plans: &PlanLedger,
    job: &CheckedJob,
    flows: &[FlowState<'_>],
) -> Result<Option<(u64, PlanEntry)>, PlanError> {
    let found = plans.find_newest(|entry| {
        let plan = &entry.body;
        let number_of = |planned: &PlannedFlow| {
            let name = (planned.table.as_str(), planned.flow.as_str());
            let state = flows.iter().find(|state| state.name() == name);
            state.map(|state| state.number)
        };
        let may_be_resumed = plan.flows.iter().all(|planned| {
            number_of(planned)
                .is_some_and(|number| number == planned.follows || number == Some(entry.seq))
        });
        let is_missing = |planned: &PlannedFlow| number_of(planned) != Some(Some(entry.seq));
        let is_of_scope = |planned: &PlannedFlow| {
            let mut states = flows.iter();
            let name = (planned.table.as_str(), planned.flow.as_str());
            states.any(|state| state.name() == name && state.restarts == planned.restarts)
        };
        may_be_resumed
            && plan.flows.iter().all(is_of_scope)
            && plan.flows.iter().any(is_missing)
            && plan.job.matches(&job.text, &job.variables)
    });
    Ok(found.await?.map(|entry| (entry.seq, entry.body)))
}

pub(super) async fn record_plan(
    plans: &PlanLedger,
    job: &CheckedJob,
    run: RunName<'_>,
    now: DateTime<Utc>,
    (flows, views): (Vec<PlannedFlow>, Vec<PlannedView>),
) -> Result<u64, PlanError> {
    let plan = PlanEntry {
        version: sluice_plans::PLAN_VERSION,
        job_id: run.job_id.to_owned(),
        job_name: run.job_name.to_owned(),
        job: JobFingerprint::new(&job.text, &job.variables),
        now,
        flows,
        views,
    };
    crash::reach_point("plan.before");
    let number = plans.append(&plan).await?;
    crash::reach_point("plan.recorded");
    Ok(number)
}
