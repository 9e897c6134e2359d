//! Ingests one topic from Kafka into its landing folder: one batch after
//! another, until the run's limits are reached.

mod options;
mod position;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use sluice_ledger::{Entry, Ledger};
use sluice_service::crash;
use sluice_service::signals::Stop;
use sluice_storage::{Place, StoreErrorKind};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::IngestError;
use crate::batch::{self, Read, Task};
use crate::commit::{Committed, Draft, commit, discard, find_run};
use crate::kafka::{KafkaError, SharedConsumer, connect};
use crate::orphans;
use crate::output::Folder;
use crate::progress::{Meter, watch};
use crate::report::TopicReport;
use crate::start::{Facts, Start};
use crate::window::Bounds;
use sluice_landing::{Batch, Closed, Hole};

pub use options::{BeginAt, IngestOptions, RunBounds};

/// The longest batch, so that a long run commits in steps.
const LONGEST_BATCH: Duration = Duration::from_secs(600);

/// How many batches in a row may be cut short by the broker.
const BREAKS: u32 = 3;

/// How many entries pass between two searches for orphan files.
const COLLECT_EVERY: u64 = 100;

/// How long closing the consumer may take at the end of a run.
const CLOSING: Duration = Duration::from_secs(3);

/// Ingests one topic into its landing folder.
///
/// # Errors
/// What was read before the error is committed where possible.
pub async fn ingest_topic(
    options: Arc<IngestOptions>,
    topic: String,
    place: Place,
    stop: Stop,
) -> (TopicReport, Result<(), IngestError>) {
    let mut report = TopicReport::new(&topic);
    let result = match Run::begin(options, topic, place, stop) {
        Ok(mut run) => {
            let result = run.go(&mut report).await;
            report.ended();
            run.close().await;
            result
        }
        Err(error) => Err(error),
    };
    (report, result)
}

/// The state of a run over one topic.
struct Run {
    options: Arc<IngestOptions>,
    topic: String,
    run_id: String,
    place: Place,
    ledger: Ledger<Batch>,
    consumer: SharedConsumer,
    stop: CancellationToken,
    begun: Instant,
    newest: Option<Entry<Batch>>,
    facts: Option<(Facts, Instant)>,
    /// The partitions that the consumer group assigned to this process.
    given: Option<Vec<i32>>,
    subscribed: bool,
    /// Whether offsets were assigned to the current consumer before.
    used: bool,
    /// The consumer's next offsets, if it can continue without a new assignment.
    standing: Option<BTreeMap<i32, i64>>,
    /// The offsets that the run still has to reach, once they are known.
    until: Option<BTreeMap<i32, i64>>,
    /// Whether the target must be reached regardless of the limits: this run has
    /// read up to there, and another run committed a part of it first.
    owes: bool,
    records: u64,
    bytes: u64,
    breaks: u32,
    /// The entries that a named run has committed.
    run_entries: Vec<u64>,
}

/// What to do after a batch.
enum Then {
    Again,
    End,
}

impl Run {
    fn begin(
        options: Arc<IngestOptions>,
        topic: String,
        place: Place,
        stop: Stop,
    ) -> Result<Self, IngestError> {
        let ledger = sluice_landing::ledger(&place).map_err(|source| IngestError::Store {
            topic: topic.clone(),
            source: Box::new(source),
        })?;
        let group = options.group.as_deref();
        let consumer = Arc::new(connect(&options.kafka, &topic, group, options.timeout)?);
        let run_id = options
            .run_id
            .clone()
            .unwrap_or_else(|| Uuid::now_v7().to_string());
        let until = options.bounds.until.clone();
        Ok(Self {
            options,
            topic,
            run_id,
            place,
            ledger,
            consumer,
            stop: stop.drain,
            begun: Instant::now(),
            newest: None,
            facts: None,
            given: None,
            subscribed: false,
            used: false,
            standing: None,
            until,
            owes: false,
            records: 0,
            bytes: 0,
            breaks: 0,
            run_entries: Vec::new(),
        })
    }

    async fn go(&mut self, report: &mut TopicReport) -> Result<(), IngestError> {
        self.reload().await?;
        crash::point("landing.1");
        if let Some(run_id) = &self.options.run_id {
            let found = find_run(&self.ledger, self.newest.as_ref(), run_id, &self.topic).await?;
            if let Some(last) = found {
                let over = !last.body.run_continues;
                let entries = self.of_run(last).await?;
                report.already(&entries, over);
                if over {
                    return Ok(());
                }
                // The earlier run was killed half-way; this one continues it.
                self.run_entries = entries.iter().map(|entry| entry.seq).collect();
            }
        }
        loop {
            let started = match self.position().await {
                Ok(Some(start)) => start,
                Ok(None) => return Ok(()),
                Err(error) if self.waits_for(&error) => {
                    self.wait_out(&error).await;
                    if self.stop.is_cancelled() {
                        return Ok(());
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            match self.batch(started, report).await {
                Ok(Then::Again) => {}
                Ok(Then::End) => return Ok(()),
                Err(error) if self.waits_for(&error) => self.start_over(error).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Closes the consumer, which sends pending offset commits. Gives up after a
    /// short time when no broker answers.
    async fn close(self) {
        let closed = tokio::task::spawn_blocking(move || drop(self.consumer));
        let _ = tokio::time::timeout(CLOSING, closed).await;
    }

    /// All entries of a named run, given its last one.
    async fn of_run(&self, last: Entry<Batch>) -> Result<Vec<Entry<Batch>>, IngestError> {
        let fail = |source| IngestError::Ledger {
            topic: self.topic.clone(),
            source: Box::new(source),
        };
        let mut entries = Vec::new();
        for seq in &last.body.run_entries {
            entries.extend(self.ledger.read(*seq).await.map_err(fail)?);
        }
        entries.push(last);
        Ok(entries)
    }

    async fn reload(&mut self) -> Result<(), IngestError> {
        self.newest = self
            .ledger
            .tail()
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
    async fn start_over(&mut self, mut error: IngestError) -> Result<(), IngestError> {
        self.standing = None;
        loop {
            self.wait_out(&error).await;
            if self.stop.is_cancelled() {
                return Err(error);
            }
            match self.reload().await {
                Ok(()) => return Ok(()),
                Err(again) if self.waits_for(&again) => error = again,
                Err(again) => return Err(again),
            }
        }
    }

    /// Whether a long-running process retries after this error.
    fn waits_for(&self, error: &IngestError) -> bool {
        let transient = match error {
            IngestError::Kafka(KafkaError::Unreachable { .. } | KafkaError::Failed { .. }) => true,
            IngestError::Store { source, .. } => source.kind().is_transient(),
            IngestError::Ledger { source, .. } => source
                .store_kind()
                .is_some_and(StoreErrorKind::is_transient),
            _ => false,
        };
        self.options.bounds.follow && transient
    }

    async fn wait_out(&mut self, error: &IngestError) {
        tracing::warn!(topic = self.topic, %error, "retrying");
        self.facts = None;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Runs a blocking question to the broker on its own thread.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&crate::kafka::Consumer) -> Result<T, IngestError> + Send + 'static,
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
    fn bounds(&self) -> Bounds {
        let run = &self.options.bounds;
        if run.follow {
            return Bounds {
                duration: Some(run.duration.unwrap_or(LONGEST_BATCH).min(LONGEST_BATCH)),
                records: run.records,
                bytes: run.bytes,
                until: None,
            };
        }
        if self.owes {
            return Bounds {
                duration: Some(LONGEST_BATCH),
                until: self.until.clone(),
                ..Bounds::default()
            };
        }
        let left = run
            .duration
            .map(|duration| duration.saturating_sub(self.begun.elapsed()));
        Bounds {
            duration: Some(left.unwrap_or(LONGEST_BATCH).min(LONGEST_BATCH)),
            records: run.records.map(|most| most.saturating_sub(self.records)),
            bytes: run.bytes.map(|most| most.saturating_sub(self.bytes)),
            until: self.until.clone(),
        }
    }

    async fn batch(
        &mut self,
        started: Start,
        report: &mut TopicReport,
    ) -> Result<Then, IngestError> {
        let batch_id = Uuid::now_v7();
        let started_at = Utc::now();
        let task = Task {
            batch_id,
            folder: Folder::new(self.place.clone()),
            lines: self.options.lines.clone(),
            start: started.offsets.clone(),
            bounds: self.bounds(),
        };
        let stop = self.stop.clone();
        let meter = Arc::new(Meter::default());
        let kept = Arc::clone(&meter);
        let reading = self.ask(move |consumer| batch::read(consumer, task, &stop, &kept));
        let read = watch(&self.topic, &meter, reading).await?;
        let (cluster_id, topic_id) = match &self.facts {
            Some((facts, _)) => (facts.cluster_id.clone(), facts.topic_id.clone()),
            None => (None, None),
        };
        let draft = Draft {
            batch_id,
            run_id: self.run_id.clone(),
            named_run: self.options.run_id.is_some(),
            topic: self.topic.clone(),
            cluster_id,
            topic_id,
            started_at,
            closed_by: read.closed,
            event_time_field: self.options.lines.event_time_field.clone(),
            ranges: read.ranges.clone(),
            holes: started.holes.clone(),
            start: begins(&started),
            run_entries: self.run_entries.clone(),
            run_continues: self.options.run_id.is_some()
                && !self.is_over(read.closed, self.leaves(&read.next)),
            caught_up: read.caught_up.clone(),
        };
        let committed = commit(&self.ledger, self.newest.take(), &draft).await?;
        let (dropped, newest) = match committed {
            Committed::Entry { entry, dropped } => {
                report.add(&entry);
                if draft.named_run {
                    self.run_entries = entry.body.run_entries.clone();
                    self.run_entries.push(entry.seq);
                }
                (dropped, Some(entry))
            }
            Committed::Nothing { newest, dropped } => (dropped, newest),
            Committed::SameRun { entry } => {
                let entries = self.of_run(entry).await?;
                report.already(&entries, true);
                discard(&self.place, &draft.ranges).await;
                return Ok(Then::End);
            }
        };
        report.dropped(&dropped);
        discard(&self.place, &dropped).await;
        self.newest = newest;
        self.after_commit().await;
        self.then(read, !dropped.is_empty())
    }

    /// What follows a commit: offsets for lag tools, and the search for orphan
    /// files.
    async fn after_commit(&self) {
        let Some(newest) = &self.newest else {
            return;
        };
        crash::point("landing.7a");
        let ours = match &self.given {
            Some(given) => {
                let mut next = newest.body.next.clone();
                next.retain(|partition, _| given.contains(partition));
                next
            }
            None => newest.body.next.clone(),
        };
        self.consumer.leave_offsets(&ours);
        crash::point("landing.7b");
        if newest.seq % COLLECT_EVERY == COLLECT_EVERY - 1 {
            match orphans::collect(&self.place, &self.ledger, newest, orphans::Depth::Recent).await
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
    fn then(&mut self, read: Read, dropped: bool) -> Result<Then, IngestError> {
        for range in &read.ranges {
            self.records += range.rows + range.rejects;
        }
        self.bytes += read.bytes;
        let next = self.newest.as_ref().map(|entry| &entry.body.next);
        let at = |partition: &i32| next.and_then(|next| next.get(partition)).copied();
        if dropped && self.options.group.is_none() && !self.options.bounds.follow {
            // Everything that this run read must be in the ledger when it ends,
            // whichever run committed it. So continue after the other run's
            // entry and read up to the same offsets.
            self.owes = true;
            let until = self.until.get_or_insert_default();
            for (partition, end) in &read.next {
                let known = until.entry(*partition).or_insert(*end);
                *known = (*known).max(*end);
            }
        }
        if let Some(until) = &mut self.until {
            until.retain(|partition, end| at(partition).is_none_or(|next| next < *end));
        }
        let left = self.until.as_ref().is_some_and(|until| !until.is_empty());
        self.owes &= left;
        let moved = read
            .next
            .iter()
            .any(|(partition, next)| at(partition) != Some(*next));
        self.standing = (!read.ahead && !moved).then(|| read.next.clone());
        if read.closed == Closed::Stopped {
            return Ok(Then::End);
        }
        if read.closed == Closed::Lost {
            self.breaks += 1;
            self.facts = None;
            // The next look at the topic's metadata shows what is wrong, if
            // anything is.
            return match read.trouble {
                Some(error) if self.breaks >= BREAKS => Err(error.into()),
                _ => Ok(Then::Again),
            };
        }
        self.breaks = 0;
        if let Some(error) = read.trouble {
            let error = IngestError::from(error);
            if !self.waits_for(&error) {
                return Err(error);
            }
            tracing::warn!(topic = self.topic, %error, "retrying");
            self.facts = None;
        }
        if read.closed == Closed::Rebalanced {
            self.given = None;
            // Other partitions have other ends.
            if self.options.bounds.until_caught_up {
                self.until = None;
            }
        }
        Ok(if self.is_over(read.closed, left) {
            Then::End
        } else {
            Then::Again
        })
    }

    /// Whether a batch that was closed for this reason was the run's last; `left`
    /// says whether target offsets remain.
    fn is_over(&self, closed: Closed, left: bool) -> bool {
        if self.options.bounds.follow {
            return false;
        }
        match closed {
            Closed::CaughtUp => !left,
            Closed::Records | Closed::Bytes => !self.owes,
            Closed::Duration => {
                let time = self.options.bounds.duration;
                time.is_some_and(|time| self.begun.elapsed() >= time) && !self.owes
            }
            Closed::Rebalanced | Closed::Stopped | Closed::Lost => false,
        }
    }

    /// Whether a batch that read up to `next` ends before the run's target
    /// offsets.
    fn leaves(&self, next: &BTreeMap<i32, i64>) -> bool {
        self.until.as_ref().is_some_and(|until| {
            until
                .iter()
                .any(|(partition, end)| next.get(partition).is_none_or(|next| next < end))
        })
    }
}

/// Where each partition continues the ledger: before its hole, if it has one.
fn begins(started: &Start) -> BTreeMap<i32, i64> {
    let holes = started.holes.iter().map(
        |Hole {
             partition, start, ..
         }| (*partition, *start),
    );
    let mut begins = started.offsets.clone();
    begins.extend(holes);
    begins
}
