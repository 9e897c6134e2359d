//! One topic from Kafka into its landing folder: batch after batch, until the
//! run's bounds are reached.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use sluice_ledger::{Entry, Ledger};
use sluice_process::crash;
use sluice_process::signals::Stop;
use sluice_store::Place;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::IngestError;
use crate::batch::{self, Read, Task};
use crate::commit::{Committed, Draft, commit, discard, find_run};
use crate::entry::{Batch, Closed, Hole};
use crate::gather::LineOptions;
use crate::kafka::{KafkaConf, KafkaError, SharedConsumer, connect};
use crate::orphans;
use crate::output::Folder;
use crate::report::TopicReport;
use crate::start::{Begin, Facts, Start, StartError, start};
use crate::window::Bounds;

/// No batch is longer, so that a long run is committed in installments.
const LONGEST_BATCH: Duration = Duration::from_secs(600);

/// How long what the broker said about a topic is believed.
const FACTS_AGE: Duration = Duration::from_secs(30);

/// Batches in a row that the broker may break off.
const BREAKS: u32 = 3;

/// Orphans are looked for after every so many entries.
const COLLECT_EVERY: u64 = 100;

/// From where to begin a topic that has no ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BeginAt {
    /// The first record there is.
    #[default]
    Earliest,
    /// The end.
    Latest,
    /// This offset of each partition.
    Offset(i64),
    /// The first record of each partition that is not older, in milliseconds
    /// since the Unix epoch.
    Time(i64),
    /// These offsets, by partition.
    Each(BTreeMap<i32, i64>),
}

/// When a run ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunBounds {
    /// After this time.
    pub duration: Option<Duration>,
    /// After this many records of each topic.
    pub records: Option<u64>,
    /// After this many bytes of each topic's values.
    pub bytes: Option<u64>,
    /// When everything is read that was there when it began.
    pub until_caught_up: bool,
    /// Never: each batch is committed when its bounds are reached, and another
    /// is begun.
    pub follow: bool,
    /// Offsets to reach, for a replay.
    pub until: Option<BTreeMap<i32, i64>>,
}

/// What a run is told.
#[derive(Debug, Clone, Default)]
pub struct IngestOptions {
    /// How the brokers are reached.
    pub kafka: KafkaConf,
    /// The consumer group, when several processes share the topic's partitions.
    pub group: Option<String>,
    /// An id from outside: a run with the same id is not run again.
    pub run_id: Option<String>,
    /// Where a new ledger begins.
    pub begin: BeginAt,
    /// Whether deleted records are recorded as holes instead of stopping.
    pub accept_data_loss: bool,
    /// How records become lines.
    pub lines: LineOptions,
    /// When the run ends.
    pub bounds: RunBounds,
    /// How long the brokers may take to answer.
    pub timeout: Duration,
}

/// Ingests one topic into the folder `place`.
///
/// # Errors
/// Whatever was read before the error is committed, where that was possible.
pub async fn ingest_topic(
    options: Arc<IngestOptions>,
    topic: String,
    place: Place,
    stop: Stop,
) -> (TopicReport, Result<(), IngestError>) {
    let mut report = TopicReport::new(&topic);
    let result = match Run::begin(options, topic, place, stop) {
        Ok(mut run) => run.go(&mut report).await,
        Err(error) => Err(error),
    };
    report.ended();
    (report, result)
}

/// The state of a run.
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
    /// Partitions of the group that are ours.
    given: Option<Vec<i32>>,
    subscribed: bool,
    /// Where the consumer stands, when it can go on without being assigned.
    standing: Option<BTreeMap<i32, i64>>,
    /// What is still to be reached, once it is known.
    until: Option<BTreeMap<i32, i64>>,
    records: u64,
    bytes: u64,
    breaks: u32,
}

/// What comes after a batch.
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
        let ledger = crate::read::ledger(&place).map_err(|source| IngestError::Store {
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
            standing: None,
            until,
            records: 0,
            bytes: 0,
            breaks: 0,
        })
    }

    async fn go(&mut self, report: &mut TopicReport) -> Result<(), IngestError> {
        self.newest = self
            .ledger
            .tail()
            .await
            .map_err(|source| IngestError::Ledger {
                topic: self.topic.clone(),
                source: Box::new(source),
            })?;
        crash::point("landing.1");
        if let Some(run_id) = &self.options.run_id {
            let found =
                find_run(&self.ledger, self.newest.as_ref(), run_id, &self.topic).await?;
            if let Some(entry) = found {
                report.already(&entry);
                return Ok(());
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
            match self.batch(started, report).await? {
                Then::Again => {}
                Then::End => return Ok(()),
            }
        }
    }

    /// Whether a long-running process sits an error out.
    fn waits_for(&self, error: &IngestError) -> bool {
        let transient = matches!(
            error,
            IngestError::Kafka(KafkaError::Unreachable { .. } | KafkaError::Failed { .. })
        );
        self.options.bounds.follow && transient
    }

    async fn wait_out(&mut self, error: &IngestError) {
        tracing::warn!(topic = self.topic, %error, "trying again");
        self.facts = None;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Asks the broker, from a thread that may block.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&crate::kafka::Consumer) -> Result<T, IngestError> + Send + 'static,
    ) -> Result<T, IngestError> {
        let consumer = Arc::clone(&self.consumer);
        match tokio::task::spawn_blocking(move || question(&consumer)).await {
            Ok(result) => result,
            Err(_) => Err(IngestError::Internal {
                topic: self.topic.clone(),
                problem: "a thread that asks the broker has ended",
            }),
        }
    }

    /// Puts the consumer where the ledger ends. `None` when the group has given
    /// us nothing for as long as the run is to last.
    async fn position(&mut self) -> Result<Option<Start>, IngestError> {
        if self.consumer.is_grouped() && !self.join().await? {
            return Ok(None);
        }
        let fresh = self
            .facts
            .as_ref()
            .is_some_and(|(_, at)| at.elapsed() < FACTS_AGE);
        if let Some(standing) = &self.standing
            && fresh
            && self.ledger_is_at(standing)
        {
            return Ok(Some(Start {
                offsets: standing.clone(),
                holes: Vec::new(),
            }));
        }
        let mut tries = 0;
        let mut found = loop {
            match self.find_start().await {
                // A new leader may not know yet how far its partition goes.
                Err(IngestError::Start(StartError::Backwards { .. })) if tries < 3 => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(700)).await;
                }
                result => break result?,
            }
        };
        if let Some(given) = &self.given {
            found.offsets.retain(|partition, _| given.contains(partition));
            found.holes.retain(|hole| given.contains(&hole.partition));
        }
        if self.standing.as_ref() != Some(&found.offsets) {
            self.consumer.assign(&found.offsets)?;
            self.standing = None;
        }
        crash::point("landing.2");
        if self.options.bounds.until_caught_up && self.until.is_none() {
            self.until = Some(self.ends(&found.offsets));
        }
        Ok(Some(found))
    }

    /// Waits until the group has given us partitions.
    async fn join(&mut self) -> Result<bool, IngestError> {
        if !self.subscribed {
            self.consumer.subscribe()?;
            self.subscribed = true;
        }
        let stop = self.stop.clone();
        let deadline = self
            .options
            .bounds
            .duration
            .filter(|_| !self.options.bounds.follow)
            .map(|duration| self.begun + duration);
        let waits = self.given.is_none();
        let given = self
            .ask(move |consumer| {
                let mut given = consumer.given();
                while given.is_none() && waits {
                    let over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
                    if over || stop.is_cancelled() {
                        break;
                    }
                    if let Some(mut feed) = consumer.feed() {
                        feed.poll(Duration::from_millis(100), &mut |_| {});
                    }
                    given = consumer.given();
                }
                Ok(given)
            })
            .await?;
        if let Some(given) = given {
            tracing::info!(topic = self.topic, partitions = ?given, "the group gave us partitions");
            self.given = Some(given);
            self.standing = None;
            // Others may have committed what was theirs.
            self.newest = self.ledger.tail().await.map_err(|source| IngestError::Ledger {
                topic: self.topic.clone(),
                source: Box::new(source),
            })?;
        }
        Ok(self.given.is_some())
    }

    fn ledger_is_at(&self, standing: &BTreeMap<i32, i64>) -> bool {
        let next = self.newest.as_ref().map(|entry| &entry.body.next);
        standing.iter().all(|(partition, offset)| {
            next.and_then(|next| next.get(partition)) == Some(offset)
        })
    }

    async fn find_start(&mut self) -> Result<Start, IngestError> {
        let facts = self.ask(|consumer| Ok(consumer.facts()?)).await?;
        let begin = match &self.options.begin {
            BeginAt::Earliest => Begin::Earliest,
            BeginAt::Latest => Begin::Latest,
            BeginAt::Offset(offset) => Begin::Offset(*offset),
            BeginAt::Each(offsets) => Begin::At(offsets.clone()),
            &BeginAt::Time(millis) if self.newest.is_none() => {
                let asked = facts.clone();
                let offsets = self
                    .ask(move |consumer| Ok(consumer.offsets_at(&asked, millis)?))
                    .await?;
                Begin::At(offsets)
            }
            BeginAt::Time(_) => Begin::Earliest,
        };
        let newest = self.newest.as_ref().map(|entry| &entry.body);
        let accept = self.options.accept_data_loss;
        let found = start(&self.topic, newest, &facts, &begin, accept)?;
        self.facts = Some((facts, Instant::now()));
        Ok(found)
    }

    /// The offsets behind the last records there are, of partitions that are
    /// not there yet.
    fn ends(&self, offsets: &BTreeMap<i32, i64>) -> BTreeMap<i32, i64> {
        let Some((facts, _)) = &self.facts else {
            return BTreeMap::new();
        };
        offsets
            .iter()
            .filter_map(|(partition, offset)| {
                let high = facts.partitions.get(partition)?.high;
                (high > *offset).then_some((*partition, high))
            })
            .collect()
    }

    /// The bounds of the next batch: what is left of the run's.
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
        if self.must_reach() {
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
        let read = self
            .ask(move |consumer| batch::read(consumer, task, &stop))
            .await?;
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
            caught_up: read.caught_up.clone(),
        };
        let committed = commit(&self.ledger, self.newest.take(), &draft).await?;
        let (dropped, newest) = match committed {
            Committed::Entry { entry, dropped } => {
                report.add(&entry);
                (dropped, Some(entry))
            }
            Committed::Nothing { newest, dropped } => (dropped, newest),
            Committed::SameRun { entry } => {
                report.already(&entry);
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

    /// What is done when the batch is safe.
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
                Ok(removed) => tracing::info!(topic = self.topic, removed, "orphans collected"),
                Err(error) => {
                    tracing::warn!(topic = self.topic, %error, "orphans were not collected");
                }
            }
        }
    }

    /// Decides what comes after a batch.
    fn then(&mut self, read: Read, dropped: bool) -> Result<Then, IngestError> {
        for range in &read.ranges {
            self.records += range.rows + range.rejects;
        }
        self.bytes += read.bytes;
        let next = self.newest.as_ref().map(|entry| &entry.body.next);
        let at = |partition: &i32| next.and_then(|next| next.get(partition)).copied();
        if dropped && self.options.group.is_none() && !self.options.bounds.follow {
            // What this run has read is in the ledger when it ends, by
            // whomever: so read on up to there from where the others are.
            let until = self.until.get_or_insert_default();
            for (partition, end) in &read.next {
                let known = until.entry(*partition).or_insert(*end);
                *known = (*known).max(*end);
            }
        }
        if let Some(until) = &mut self.until {
            until.retain(|partition, end| at(partition).is_none_or(|next| next < *end));
        }
        let moved = read.next.iter().any(|(partition, next)| at(partition) != Some(*next));
        self.standing = (!read.ahead && !moved).then(|| read.next.clone());
        if read.closed == Closed::Stopped {
            return Ok(Then::End);
        }
        if read.closed == Closed::Lost {
            self.breaks += 1;
            self.facts = None;
            // Asking anew tells what is wrong, or that nothing is.
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
            tracing::warn!(topic = self.topic, %error, "trying again");
            self.facts = None;
        }
        if self.options.bounds.follow {
            return Ok(Then::Again);
        }
        let over = match read.closed {
            Closed::Duration => {
                let run = &self.options.bounds;
                let time_is_over = run
                    .duration
                    .is_some_and(|duration| self.begun.elapsed() >= duration);
                time_is_over && !self.must_reach()
            }
            Closed::CaughtUp | Closed::Records | Closed::Bytes => !self.must_reach(),
            Closed::Rebalanced => {
                self.given = None;
                false
            }
            Closed::Stopped | Closed::Lost => true,
        };
        Ok(if over { Then::End } else { Then::Again })
    }

    /// Whether offsets are left that others have taken from us half-way.
    fn must_reach(&self) -> bool {
        !self.options.bounds.until_caught_up
            && self.options.bounds.until.is_none()
            && self.until.as_ref().is_some_and(|until| !until.is_empty())
    }
}

/// Where each partition begins in the ledger's eyes: before its hole.
fn begins(started: &Start) -> BTreeMap<i32, i64> {
    let holes = started
        .holes
        .iter()
        .map(|Hole { partition, start, .. }| (*partition, *start));
    let mut begins = started.offsets.clone();
    begins.extend(holes);
    begins
}
