//! The loop of a run: position the consumer, read a batch, commit it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use sluice_landing::{LandedRange, LandingEntry};
use sluice_ledger::Entry;
use sluice_service::crash;
use sluice_service::outage::Outage;
use sluice_service::signals::StopSignal;
use sluice_storage::StorePath;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::IngestOptions;
use super::batch_trace::BatchTrace;
use super::ledger::{CommitOutcome, TopicLedger};
use super::orphan_files;
use super::report::TopicReport;
use super::run_state::{NextAction, Partitions, RunState};
use crate::IngestError;
use crate::batch::draft::{BatchDraft, RunIdentity, TopicIdentity};
use crate::batch::landing_file::{TopicFolder, discard_files};
use crate::batch::progress::{ReadCounters, log_progress};
use crate::batch::reader::{BatchRequest, BatchResult, read_batch};
use crate::batch::start_offsets::{BatchStart, require_same_id};
use crate::blocking::ask_brokers;
use crate::kafka::{STOP_TIMEOUT, SharedConsumer, StopDeadline, TopicConsumer, create_consumer};

/// How many entries pass between two searches for orphan files.
const ORPHAN_SCAN_INTERVAL: u64 = 100;

/// How long a run waits before it retries after an error.
const RETRY_PAUSE: Duration = Duration::from_secs(2);

/// How long closing the consumer may take at the end of a run.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// The same when the run was asked to stop.
const STOP_CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// Ingests one topic into its landing folder.
///
/// # Errors
/// What was read before the error is committed where possible.
pub async fn ingest_topic(
    options: Arc<IngestOptions>,
    topic: String,
    store_path: StorePath,
    stop: StopSignal,
) -> (TopicReport, Result<(), IngestError>) {
    let mut report = TopicReport::new(&topic);
    let asked_to_stop = stop.drain.clone();
    let result = match TopicIngest::new(options, topic, store_path, stop) {
        Ok(mut run) => {
            let deadline = run.stop_deadline.clone();
            let batches = run.run_batches(&mut report);
            let result = note_stop(batches, &asked_to_stop, &deadline).await;
            report.record_duration();
            run.close_consumer().await;
            result
        }
        Err(error) => Err(error),
    };
    (report, result)
}

/// Runs all batches. A request to stop is noted as soon as it comes, so that also a
/// question that waits then is cut short.
async fn note_stop<T>(
    batches: impl Future<Output = T>,
    asked_to_stop: &CancellationToken,
    deadline: &StopDeadline,
) -> T {
    let mut batches = std::pin::pin!(batches);
    tokio::select! {
        result = &mut batches => return result,
        () = asked_to_stop.cancelled() => deadline.begin(Instant::now()),
    }
    batches.await
}

/// A run over one topic: its state, and what it works with.
pub(super) struct TopicIngest {
    pub(super) options: Arc<IngestOptions>,
    pub(super) topic: String,
    pub(super) state: RunState,
    pub(super) ledger: TopicLedger,
    pub(super) consumer: SharedConsumer,
    pub(super) stop: CancellationToken,
    pub(super) stop_deadline: StopDeadline,
    run: RunIdentity,
    store_path: StorePath,
    /// Of errors that are retried.
    outage: Outage,
}

impl TopicIngest {
    fn new(
        options: Arc<IngestOptions>,
        topic: String,
        store_path: StorePath,
        stop: StopSignal,
    ) -> Result<Self, IngestError> {
        let ledger = TopicLedger::open(&topic, &store_path)?;
        let group = options.group.as_deref();
        let stop_deadline = StopDeadline::default();
        let deadline = stop_deadline.clone();
        let consumer = create_consumer(&options.kafka, &topic, group, options.timeout, deadline)?;
        let new_id = || Uuid::now_v7().to_string();
        Ok(Self {
            state: RunState::new(options.limits.clone(), group.is_some(), Instant::now()),
            ledger,
            consumer: Arc::new(consumer),
            stop: stop.drain,
            stop_deadline,
            run: RunIdentity {
                id: options.run_id.clone().unwrap_or_else(new_id),
                named: options.run_id.is_some(),
                entries: Vec::new(),
            },
            options,
            topic,
            store_path,
            outage: Outage::default(),
        })
    }

    async fn run_batches(&mut self, report: &mut TopicReport) -> Result<(), IngestError> {
        self.ledger.reload().await?;
        crash::reach_point("landing.1");
        if self.run.named && self.resume_run(report).await? {
            return Ok(());
        }
        loop {
            if self.stop.is_cancelled() {
                // Everything that was read is committed, or its batch was abandoned.
                return Ok(());
            }
            let stop = self.stop.clone();
            let stopped = async {
                stop.cancelled().await;
                tokio::time::sleep(STOP_TIMEOUT).await;
            };
            let positioned = tokio::select! {
                positioned = self.position_consumer() => positioned,
                // No broker answers, and nothing was read that could be committed.
                () = stopped => return Ok(()),
            };
            let start = match positioned {
                Ok(Some(start)) => start,
                Ok(None) => return Ok(()),
                Err(error) if self.state.should_retry(&error) => {
                    self.wait_before_retry(&error).await;
                    if self.stop.is_cancelled() {
                        return Ok(());
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            match self.run_batch(start, report).await {
                Ok(NextAction::ReadBatch) => self.log_recovery(),
                Ok(NextAction::Retry(error)) => self.log_retry(&error),
                Ok(NextAction::EndRun) => return Ok(()),
                Err(error) if self.state.should_retry(&error) => {
                    self.reload_after_error(error).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Continues an earlier run with the same id that was killed half-way. Returns
    /// whether there was one that is finished.
    async fn resume_run(&mut self, report: &mut TopicReport) -> Result<bool, IngestError> {
        let Some(last) = self.ledger.find_run(&self.run.id).await? else {
            return Ok(false);
        };
        let finished = !last.body.run_continues;
        let entries = self.ledger.entries_of_run(last).await?;
        report.add_earlier_entries(&entries, finished);
        self.run.entries = entries.iter().map(|entry| entry.seq).collect();
        Ok(finished)
    }

    /// Closes the consumer, which sends pending offset commits. Gives up after a
    /// short time when no broker answers.
    async fn close_consumer(self) {
        let most = match self.stop.is_cancelled() {
            true => STOP_CLOSE_TIMEOUT,
            false => CLOSE_TIMEOUT,
        };
        let closed = tokio::task::spawn_blocking(move || drop(self.consumer));
        let _ = tokio::time::timeout(most, closed).await;
    }

    /// Abandons a batch after an error. It may or may not have been committed, so
    /// the ledger is read back as soon as that is possible. Its files are kept,
    /// because an entry may name them.
    async fn reload_after_error(&mut self, mut error: IngestError) -> Result<(), IngestError> {
        self.state.on_batch_failed();
        loop {
            self.wait_before_retry(&error).await;
            if self.stop.is_cancelled() {
                return Err(error);
            }
            match self.ledger.reload().await {
                Ok(()) => return Ok(()),
                Err(next) if self.state.should_retry(&next) => error = next,
                Err(next) => return Err(next),
            }
        }
    }

    fn log_retry(&mut self, error: &IngestError) {
        if let Some(note) = self.outage.on_seen(Instant::now()) {
            tracing::warn!(topic = self.topic, %error, "retrying ({note})");
        }
    }

    fn log_recovery(&mut self) {
        if let Some(note) = self.outage.on_ended(Instant::now()) {
            tracing::info!(topic = self.topic, "the topic is ingested again ({note})");
        }
    }

    async fn wait_before_retry(&mut self, error: &IngestError) {
        self.log_retry(error);
        self.state.forget_metadata();
        tokio::select! {
            () = tokio::time::sleep(RETRY_PAUSE) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Asks the brokers something with this run's consumer.
    pub(super) async fn with_consumer<T: Send + 'static>(
        &self,
        question: impl FnOnce(&TopicConsumer) -> Result<T, IngestError> + Send + 'static,
    ) -> Result<T, IngestError> {
        let consumer = Arc::clone(&self.consumer);
        ask_brokers(&self.topic, move || question(&consumer)).await
    }

    /// Reads a batch, commits it, and decides what follows.
    async fn run_batch(
        &mut self,
        start: BatchStart,
        report: &mut TopicReport,
    ) -> Result<NextAction, IngestError> {
        let mut trace = BatchTrace::begin(&self.topic, &self.run.id);
        let result = self.run_traced_batch(start, report, &mut trace).await;
        trace.end(result.as_ref().err());
        result
    }

    async fn run_traced_batch(
        &mut self,
        start: BatchStart,
        report: &mut TopicReport,
        trace: &mut BatchTrace,
    ) -> Result<NextAction, IngestError> {
        let batch_id = Uuid::now_v7();
        let started_at = Utc::now();
        let batch = trace.read(self.read_batch(batch_id, &start)).await?;
        if let Err(error) = self.confirm_topic(&batch, &start).await {
            discard_files(&self.store_path, &batch.content.ranges).await;
            return Err(error);
        }
        let BatchResult { content, end, .. } = batch;
        let draft = BatchDraft {
            batch_id,
            started_at,
            topic: self.topic_identity(),
            run: self.run.clone(),
            run_continues: self.run.named && self.state.continues_after(&end, Instant::now()),
            start,
            content,
            event_time_field: self.options.line_options.event_time_field.clone(),
        };
        let dropped = match trace.commit(self.ledger.commit(&draft)).await? {
            CommitOutcome::Entry { entry, dropped } => {
                trace.add_entry(&entry);
                report.add_batch(&entry);
                self.run.add_entry(&entry);
                dropped
            }
            CommitOutcome::NothingToCommit { dropped } => dropped,
            CommitOutcome::SameRun { entry } => {
                return self
                    .yield_to_twin(entry, &draft.content.ranges, report)
                    .await;
            }
        };
        report.count_dropped(&dropped);
        discard_files(&self.store_path, &dropped).await;
        self.after_commit().await;
        let (ledger, lost_race) = (self.ledger.next_offsets(), !dropped.is_empty());
        self.state
            .on_batch_committed(end, &ledger, lost_race, Instant::now())
    }

    async fn read_batch(
        &self,
        batch_id: Uuid,
        start: &BatchStart,
    ) -> Result<BatchResult, IngestError> {
        let counters = Arc::new(ReadCounters::default());
        let request = BatchRequest {
            batch_id,
            folder: TopicFolder::new(self.store_path.clone()),
            line_options: self.options.line_options.clone(),
            start_offsets: start.offsets.clone(),
            limits: self.state.next_batch_limits(Instant::now()),
            stop: self.stop.clone(),
            counters: Arc::clone(&counters),
        };
        let reading = self.with_consumer(move |consumer| read_batch(consumer, request));
        log_progress(&self.topic, &counters, reading).await
    }

    /// Checks that what was just read is of the topic that the batch began with. A
    /// topic that is deleted and created again in mid-run keeps its name, and the
    /// consumer continues at the old topic's offsets without an error. The id that
    /// holds after the last record was read held for all records before it.
    ///
    /// When the run is to stop, also while they are asked, the brokers need not answer if
    /// they have reported the id since, or if nothing was read.
    async fn confirm_topic(
        &self,
        batch: &BatchResult,
        start: &BatchStart,
    ) -> Result<(), IngestError> {
        let known = self.state.metadata().and_then(|m| m.topic_id.clone());
        let is_empty = batch.content.ranges.is_empty() && start.holes.is_empty();
        if known.is_none() || (self.stop.is_cancelled() && is_empty) {
            return Ok(());
        }
        tracing::debug!(
            topic = self.topic,
            "asking whether the topic is still the same"
        );
        let most = self.options.timeout;
        let question = move |consumer: &TopicConsumer| Ok(consumer.fetch_topic_id(most)?);
        let answer = self.with_consumer(question).await;
        let is_stopped = self.stop.is_cancelled();
        let now = match answer {
            Err(error) if is_stopped && error.is_transient() && is_empty => {
                tracing::debug!(topic = self.topic, %error, "nothing was read that could be committed");
                return Ok(());
            }
            Err(error) if is_stopped && error.is_transient() && batch.topic_id.is_some() => {
                tracing::info!(topic = self.topic, %error, "what was read is committed without the brokers");
                batch.topic_id.clone()
            }
            answer => answer?,
        };
        require_same_id(&self.topic, known.as_deref(), now.as_deref())?;
        Ok(())
    }

    fn topic_identity(&self) -> TopicIdentity {
        let metadata = self.state.metadata();
        TopicIdentity {
            name: self.topic.clone(),
            cluster_id: metadata.and_then(|metadata| metadata.cluster_id.clone()),
            topic_id: metadata.and_then(|metadata| metadata.topic_id.clone()),
        }
    }

    /// Ends the run because another process has finished the run with the same id.
    async fn yield_to_twin(
        &self,
        last: Entry<LandingEntry>,
        ranges: &[LandedRange],
        report: &mut TopicReport,
    ) -> Result<NextAction, IngestError> {
        let entries = self.ledger.entries_of_run(last).await?;
        report.add_earlier_entries(&entries, true);
        discard_files(&self.store_path, ranges).await;
        Ok(NextAction::EndRun)
    }

    /// What follows a commit: offsets for lag tools, and the search for orphan
    /// files.
    async fn after_commit(&self) {
        let Some(newest) = self.ledger.newest() else {
            return;
        };
        crash::reach_point("landing.7a");
        let mut own_offsets = newest.body.next.clone();
        if let Partitions::Assigned(own) = self.state.partitions() {
            own_offsets.retain(|partition, _| own.contains(partition));
        }
        self.consumer.commit_offsets_for_lag_tools(&own_offsets);
        crash::reach_point("landing.7b");
        let is_due = newest.seq % ORPHAN_SCAN_INTERVAL == ORPHAN_SCAN_INTERVAL - 1;
        if is_due && !self.stop.is_cancelled() {
            self.delete_orphans(newest).await;
        }
    }

    /// Best effort: what remains is found by a later search.
    async fn delete_orphans(&self, newest: &Entry<LandingEntry>) {
        let depth = orphan_files::ScanDepth::Recent;
        let ledger = self.ledger.ledger();
        match orphan_files::delete_orphans(&self.store_path, ledger, newest, depth).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(topic = self.topic, removed, "orphan files deleted"),
            Err(error) => {
                tracing::warn!(topic = self.topic, %error, "orphan files were not deleted");
            }
        }
    }
}
