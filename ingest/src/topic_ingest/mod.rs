//! Ingests one topic from Kafka into its landing folder: one batch after
//! another, until the run's limits are reached.

mod consumer_position;
mod options;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use sluice_ledger::{Entry, Ledger};
use sluice_service::crash;
use sluice_service::signals::StopSignal;
use sluice_storage::{StoreErrorKind, StorePath};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::IngestError;
use crate::batch_limits::BatchLimits;
use crate::batch_reader::{self, BatchRequest, BatchResult};
use crate::commit::{BatchDraft, CommitOutcome, commit_batch, discard_files, find_run};
use crate::kafka::{KafkaError, SharedConsumer, create_consumer};
use crate::landing_file::TopicFolder;
use crate::orphan_files;
use crate::progress::{ReadCounters, log_progress};
use crate::report::TopicReport;
use crate::start_offsets::{BatchStart, TopicMetadata};
use sluice_landing::{CloseReason, Hole, LandingEntry};

pub use options::{BeginAt, IngestOptions, RunLimits};

/// The longest batch, so that a long run commits in steps.
const MAX_BATCH_DURATION: Duration = Duration::from_secs(600);

/// How many batches in a row may be cut short by the broker.
const MAX_DISCONNECTS: u32 = 3;

/// How many entries pass between two searches for orphan files.
const ORPHAN_SCAN_INTERVAL: u64 = 100;

/// How long closing the consumer may take at the end of a run.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

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
    let result = match TopicIngest::new(options, topic, store_path, stop) {
        Ok(mut run) => {
            let result = run.run_batches(&mut report).await;
            report.record_duration();
            run.close_consumer().await;
            result
        }
        Err(error) => Err(error),
    };
    (report, result)
}

/// The state of a run over one topic.
struct TopicIngest {
    options: Arc<IngestOptions>,
    topic: String,
    run_id: String,
    store_path: StorePath,
    ledger: Ledger<LandingEntry>,
    consumer: SharedConsumer,
    stop: CancellationToken,
    started_at: Instant,
    newest: Option<Entry<LandingEntry>>,
    metadata: Option<(TopicMetadata, Instant)>,
    /// The partitions that the consumer group assigned to this process.
    assigned: Option<Vec<i32>>,
    subscribed: bool,
    /// Whether offsets were assigned to the current consumer before.
    was_assigned: bool,
    /// The consumer's next offsets, if it can continue without a new assignment.
    position: Option<BTreeMap<i32, i64>>,
    /// The offsets that the run still has to reach, once they are known.
    target_offsets: Option<BTreeMap<i32, i64>>,
    /// Whether the target must be reached regardless of the limits: this run has
    /// read up to there, and another run committed a part of it first.
    must_reach_target: bool,
    records_read: u64,
    bytes_read: u64,
    disconnects: u32,
    /// The entries that a named run has committed.
    run_entries: Vec<u64>,
}

/// What to do after a batch.
enum NextAction {
    ReadBatch,
    EndRun,
}

impl TopicIngest {
    fn new(
        options: Arc<IngestOptions>,
        topic: String,
        store_path: StorePath,
        stop: StopSignal,
    ) -> Result<Self, IngestError> {
        let ledger =
            sluice_landing::open_ledger(&store_path).map_err(|source| IngestError::Store {
                topic: topic.clone(),
                source: Box::new(source),
            })?;
        let group = options.group.as_deref();
        let consumer = Arc::new(create_consumer(
            &options.kafka,
            &topic,
            group,
            options.timeout,
        )?);
        let run_id = options
            .run_id
            .clone()
            .unwrap_or_else(|| Uuid::now_v7().to_string());
        let until = options.limits.target_offsets.clone();
        Ok(Self {
            options,
            topic,
            run_id,
            store_path,
            ledger,
            consumer,
            stop: stop.drain,
            started_at: Instant::now(),
            newest: None,
            metadata: None,
            assigned: None,
            subscribed: false,
            was_assigned: false,
            position: None,
            target_offsets: until,
            must_reach_target: false,
            records_read: 0,
            bytes_read: 0,
            disconnects: 0,
            run_entries: Vec::new(),
        })
    }

    async fn run_batches(&mut self, report: &mut TopicReport) -> Result<(), IngestError> {
        self.reload_newest().await?;
        crash::reach_point("landing.1");
        if let Some(run_id) = &self.options.run_id {
            let found = find_run(&self.ledger, self.newest.as_ref(), run_id, &self.topic).await?;
            if let Some(last) = found {
                let finished = !last.body.run_continues;
                let entries = self.entries_of_run(last).await?;
                report.add_earlier_entries(&entries, finished);
                if finished {
                    return Ok(());
                }
                // The earlier run was killed half-way; this one continues it.
                self.run_entries = entries.iter().map(|entry| entry.seq).collect();
            }
        }
        loop {
            let batch_start = match self.position_consumer().await {
                Ok(Some(start)) => start,
                Ok(None) => return Ok(()),
                Err(error) if self.should_retry(&error) => {
                    self.wait_before_retry(&error).await;
                    if self.stop.is_cancelled() {
                        return Ok(());
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            match self.run_batch(batch_start, report).await {
                Ok(NextAction::ReadBatch) => {}
                Ok(NextAction::EndRun) => return Ok(()),
                Err(error) if self.should_retry(&error) => self.reload_after_error(error).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Closes the consumer, which sends pending offset commits. Gives up after a
    /// short time when no broker answers.
    async fn close_consumer(self) {
        let closed = tokio::task::spawn_blocking(move || drop(self.consumer));
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closed).await;
    }

    /// All entries of a named run, given its last one.
    async fn entries_of_run(
        &self,
        last: Entry<LandingEntry>,
    ) -> Result<Vec<Entry<LandingEntry>>, IngestError> {
        let fail = |source| IngestError::Ledger {
            topic: self.topic.clone(),
            source: Box::new(source),
        };
        let mut entries = Vec::new();
        for seq in &last.body.run_entries {
            entries.extend(self.ledger.read_entry(*seq).await.map_err(fail)?);
        }
        entries.push(last);
        Ok(entries)
    }

    async fn reload_newest(&mut self) -> Result<(), IngestError> {
        self.newest = self
            .ledger
            .read_tail()
            .await
            .map_err(|source| IngestError::Ledger {
                topic: self.topic.clone(),
                source: Box::new(source),
            })?;
        Ok(())
    }

    /// Abandons a batch after an error. It may or may not have been committed, so
    /// the ledger is read back as soon as that is possible. Its files are kept,
    /// because an entry may name them.
    async fn reload_after_error(&mut self, mut error: IngestError) -> Result<(), IngestError> {
        self.position = None;
        loop {
            self.wait_before_retry(&error).await;
            if self.stop.is_cancelled() {
                return Err(error);
            }
            match self.reload_newest().await {
                Ok(()) => return Ok(()),
                Err(again) if self.should_retry(&again) => error = again,
                Err(again) => return Err(again),
            }
        }
    }

    /// Whether a long-running process retries after this error.
    fn should_retry(&self, error: &IngestError) -> bool {
        let transient = match error {
            IngestError::Kafka(KafkaError::Unreachable { .. } | KafkaError::Failed { .. }) => true,
            IngestError::Store { source, .. } => source.kind().is_transient(),
            IngestError::Ledger { source, .. } => source
                .store_kind()
                .is_some_and(StoreErrorKind::is_transient),
            _ => false,
        };
        self.options.limits.follow && transient
    }

    async fn wait_before_retry(&mut self, error: &IngestError) {
        tracing::warn!(topic = self.topic, %error, "retrying");
        self.metadata = None;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Runs a blocking question to the broker on its own thread.
    async fn with_consumer<T: Send + 'static>(
        &self,
        question: impl FnOnce(&crate::kafka::TopicConsumer) -> Result<T, IngestError> + Send + 'static,
    ) -> Result<T, IngestError> {
        let consumer = Arc::clone(&self.consumer);
        match tokio::task::spawn_blocking(move || question(&consumer)).await {
            Ok(result) => result,
            Err(_) => Err(IngestError::Internal {
                topic: self.topic.clone(),
                problem: "a thread that queries the broker ended early",
            }),
        }
    }

    /// The limits of the next batch: what remains of the run's limits.
    fn next_batch_limits(&self) -> BatchLimits {
        let run_limits = &self.options.limits;
        if run_limits.follow {
            return BatchLimits {
                duration: Some(
                    run_limits
                        .duration
                        .unwrap_or(MAX_BATCH_DURATION)
                        .min(MAX_BATCH_DURATION),
                ),
                max_records: run_limits.max_records,
                max_bytes: run_limits.max_bytes,
                target_offsets: None,
            };
        }
        if self.must_reach_target {
            return BatchLimits {
                duration: Some(MAX_BATCH_DURATION),
                target_offsets: self.target_offsets.clone(),
                ..BatchLimits::default()
            };
        }
        let time_left = run_limits
            .duration
            .map(|duration| duration.saturating_sub(self.started_at.elapsed()));
        BatchLimits {
            duration: Some(
                time_left
                    .unwrap_or(MAX_BATCH_DURATION)
                    .min(MAX_BATCH_DURATION),
            ),
            max_records: run_limits
                .max_records
                .map(|most| most.saturating_sub(self.records_read)),
            max_bytes: run_limits
                .max_bytes
                .map(|most| most.saturating_sub(self.bytes_read)),
            target_offsets: self.target_offsets.clone(),
        }
    }

    async fn run_batch(
        &mut self,
        batch_start: BatchStart,
        report: &mut TopicReport,
    ) -> Result<NextAction, IngestError> {
        let batch_id = Uuid::now_v7();
        let started_at = Utc::now();
        let request = BatchRequest {
            batch_id,
            folder: TopicFolder::new(self.store_path.clone()),
            line_options: self.options.line_options.clone(),
            start_offsets: batch_start.offsets.clone(),
            limits: self.next_batch_limits(),
        };
        let stop = self.stop.clone();
        let meter = Arc::new(ReadCounters::default());
        let reader_counters = Arc::clone(&meter);
        let reading = self.with_consumer(move |consumer| {
            batch_reader::read_batch(consumer, request, &stop, &reader_counters)
        });
        let result = log_progress(&self.topic, &meter, reading).await?;
        let (cluster_id, topic_id) = match &self.metadata {
            Some((facts, _)) => (facts.cluster_id.clone(), facts.topic_id.clone()),
            None => (None, None),
        };
        let draft = BatchDraft {
            batch_id,
            run_id: self.run_id.clone(),
            named_run: self.options.run_id.is_some(),
            topic: self.topic.clone(),
            cluster_id,
            topic_id,
            started_at,
            closed_by: result.close_reason,
            event_time_field: self.options.line_options.event_time_field.clone(),
            ranges: result.ranges.clone(),
            holes: batch_start.holes.clone(),
            start_offsets: ledger_start_offsets(&batch_start),
            run_entries: self.run_entries.clone(),
            run_continues: self.options.run_id.is_some()
                && !self.is_finished(
                    result.close_reason,
                    self.ends_short_of_target(&result.next_offsets),
                ),
            caught_up: result.caught_up.clone(),
        };
        let committed = commit_batch(&self.ledger, self.newest.take(), &draft).await?;
        let (dropped, newest) = match committed {
            CommitOutcome::Entry { entry, dropped } => {
                report.add_batch(&entry);
                if draft.named_run {
                    self.run_entries = entry.body.run_entries.clone();
                    self.run_entries.push(entry.seq);
                }
                (dropped, Some(entry))
            }
            CommitOutcome::NothingToCommit { newest, dropped } => (dropped, newest),
            CommitOutcome::SameRun { entry } => {
                let entries = self.entries_of_run(entry).await?;
                report.add_earlier_entries(&entries, true);
                discard_files(&self.store_path, &draft.ranges).await;
                return Ok(NextAction::EndRun);
            }
        };
        report.count_dropped(&dropped);
        discard_files(&self.store_path, &dropped).await;
        self.newest = newest;
        self.after_commit().await;
        self.next_action(result, !dropped.is_empty())
    }

    /// What follows a commit: offsets for lag tools, and the search for orphan
    /// files.
    async fn after_commit(&self) {
        let Some(newest) = &self.newest else {
            return;
        };
        crash::reach_point("landing.7a");
        let our_offsets = match &self.assigned {
            Some(given) => {
                let mut next = newest.body.next.clone();
                next.retain(|partition, _| given.contains(partition));
                next
            }
            None => newest.body.next.clone(),
        };
        self.consumer.commit_offsets_for_lag_tools(&our_offsets);
        crash::reach_point("landing.7b");
        if newest.seq % ORPHAN_SCAN_INTERVAL == ORPHAN_SCAN_INTERVAL - 1 {
            match orphan_files::delete_orphans(
                &self.store_path,
                &self.ledger,
                newest,
                orphan_files::ScanDepth::Recent,
            )
            .await
            {
                Ok(0) => {}
                Ok(removed) => tracing::info!(topic = self.topic, removed, "orphan files deleted"),
                Err(error) => {
                    tracing::warn!(topic = self.topic, %error, "orphan files were not deleted");
                }
            }
        }
    }

    /// Updates the state after a batch and decides what to do next.
    fn next_action(
        &mut self,
        result: BatchResult,
        dropped: bool,
    ) -> Result<NextAction, IngestError> {
        for range in &result.ranges {
            self.records_read += range.rows + range.rejects;
        }
        self.bytes_read += result.value_bytes;
        let next = self.newest.as_ref().map(|entry| &entry.body.next);
        let ledger_offset = |partition: &i32| next.and_then(|next| next.get(partition)).copied();
        if dropped && self.options.group.is_none() && !self.options.limits.follow {
            // Everything that this run read must be in the ledger when it ends,
            // whichever run committed it. So continue after the other run's
            // entry and read up to the same offsets.
            self.must_reach_target = true;
            let until = self.target_offsets.get_or_insert_default();
            for (partition, end) in &result.next_offsets {
                let target = until.entry(*partition).or_insert(*end);
                *target = (*target).max(*end);
            }
        }
        if let Some(until) = &mut self.target_offsets {
            until.retain(|partition, end| ledger_offset(partition).is_none_or(|next| next < *end));
        }
        let target_left = self
            .target_offsets
            .as_ref()
            .is_some_and(|until| !until.is_empty());
        self.must_reach_target &= target_left;
        let ledger_differs = result
            .next_offsets
            .iter()
            .any(|(partition, next)| ledger_offset(partition) != Some(*next));
        self.position =
            (!result.needs_reassignment && !ledger_differs).then(|| result.next_offsets.clone());
        if result.close_reason == CloseReason::Stopped {
            return Ok(NextAction::EndRun);
        }
        if result.close_reason == CloseReason::Lost {
            self.disconnects += 1;
            self.metadata = None;
            // The next look at the topic's metadata shows what is wrong, if
            // anything is.
            return match result.kafka_error {
                Some(error) if self.disconnects >= MAX_DISCONNECTS => Err(error.into()),
                _ => Ok(NextAction::ReadBatch),
            };
        }
        self.disconnects = 0;
        if let Some(error) = result.kafka_error {
            let error = IngestError::from(error);
            if !self.should_retry(&error) {
                return Err(error);
            }
            tracing::warn!(topic = self.topic, %error, "retrying");
            self.metadata = None;
        }
        if result.close_reason == CloseReason::Rebalanced {
            self.assigned = None;
            // Other partitions have other ends.
            if self.options.limits.until_caught_up {
                self.target_offsets = None;
            }
        }
        Ok(if self.is_finished(result.close_reason, target_left) {
            NextAction::EndRun
        } else {
            NextAction::ReadBatch
        })
    }

    /// Whether a batch that was closed for this reason was the run's last; `left`
    /// says whether target offsets remain.
    fn is_finished(&self, close_reason: CloseReason, target_left: bool) -> bool {
        if self.options.limits.follow {
            return false;
        }
        match close_reason {
            CloseReason::CaughtUp => !target_left,
            CloseReason::Records | CloseReason::Bytes => !self.must_reach_target,
            CloseReason::Duration => {
                let time = self.options.limits.duration;
                time.is_some_and(|time| self.started_at.elapsed() >= time)
                    && !self.must_reach_target
            }
            CloseReason::Rebalanced | CloseReason::Stopped | CloseReason::Lost => false,
        }
    }

    /// Whether a batch that read up to `next` ends before the run's target
    /// offsets.
    fn ends_short_of_target(&self, next: &BTreeMap<i32, i64>) -> bool {
        self.target_offsets.as_ref().is_some_and(|until| {
            until
                .iter()
                .any(|(partition, end)| next.get(partition).is_none_or(|next| next < end))
        })
    }
}

/// Where each partition continues the ledger: before its hole, if it has one.
fn ledger_start_offsets(batch_start: &BatchStart) -> BTreeMap<i32, i64> {
    let holes = batch_start.holes.iter().map(
        |Hole {
             partition, start, ..
         }| (*partition, *start),
    );
    let mut offsets = batch_start.offsets.clone();
    offsets.extend(holes);
    offsets
}
