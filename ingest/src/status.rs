//! `ingest-landing status`: the state of each topic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;
use sluice_ledger::Entry;
use sluice_service::format::{bytes, grouped};
use sluice_service::kafka::KafkaSettings;
use sluice_storage::{Place, Stores};

use crate::IngestError;
use crate::kafka::connect;
use crate::start::Facts;
use crate::watermark::watermark;
use sluice_landing::Landing;
use sluice_landing::{Batch, Closed};

/// The state of a topic.
#[derive(Debug, Clone, Serialize)]
pub struct TopicStatus {
    pub topic: String,
    /// The sequence number of the newest entry.
    pub entry: u64,
    /// When the newest entry was committed.
    pub committed_at: DateTime<Utc>,
    /// Why the newest entry's batch ended.
    pub closed_by: Closed,
    /// Lines and rejects of the newest entry.
    pub last_batch_records: u64,
    /// Lines of all entries.
    pub rows: u64,
    /// Rejects of all entries.
    pub rejects: u64,
    /// Bytes of all files, as stored.
    pub bytes: u64,
    pub files: u64,
    /// Ranges of offsets that are lost, where the loss was accepted.
    pub holes: u64,
    /// Offsets in the holes.
    pub lost_offsets: u64,
    pub partitions: Vec<PartitionStatus>,
    /// Offsets that are not read yet, over all partitions; `None` when the
    /// brokers did not answer.
    pub lag: Option<i64>,
    /// The event time up to which the topic is complete.
    pub watermark: Option<DateTime<Utc>>,
}

/// The state of a partition.
#[derive(Debug, Clone, Serialize)]
pub struct PartitionStatus {
    pub partition: i32,
    /// The next offset to read.
    pub next: i64,
    /// Offsets that are not read yet.
    pub lag: Option<i64>,
}

/// The topics that have a ledger in a landing folder.
///
/// # Errors
/// When the folder cannot be listed.
pub async fn topics(landing: &Place) -> Result<Vec<String>, IngestError> {
    let fail = |source| IngestError::Store {
        topic: "*".to_owned(),
        source: Box::new(source),
    };
    let listed = landing
        .store
        .list_with_delimiter(Some(landing.path()))
        .await
        .map_err(|source| {
            fail(sluice_storage::StoreError::access(
                "list",
                &landing.location,
                source,
            ))
        })?;
    let mut topics = Vec::new();
    for folder in listed.common_prefixes {
        let Some(name) = folder.filename() else {
            continue;
        };
        let location = landing.location.child(name).map_err(fail)?;
        let place = Place {
            store: landing.store.clone(),
            location,
        };
        let newest = Landing::open(place).map_err(fail)?.newest().await;
        let newest = newest.map_err(|source| IngestError::Ledger {
            topic: name.to_owned(),
            source: Box::new(source),
        })?;
        if newest.is_some() {
            topics.push(name.to_owned());
        }
    }
    Ok(topics)
}

/// The states of a landing folder's topics. If the brokers do not answer, the lag
/// is unknown.
///
/// # Errors
/// When a ledger cannot be read, or a requested one does not exist.
pub async fn status(
    stores: &Stores,
    landing: &Place,
    names: &[String],
    kafka: &KafkaSettings,
    lateness: TimeDelta,
    timeout: Duration,
) -> Result<Vec<TopicStatus>, IngestError> {
    let names = if names.is_empty() {
        topics(landing).await?
    } else {
        names.to_vec()
    };
    let mut all = Vec::new();
    for topic in names {
        let (_, newest) = open(stores, landing, &topic).await?;
        let asked = Utc::now();
        let facts = ask(kafka.clone(), topic.clone(), timeout).await;
        all.push(describe(topic, newest, facts.as_ref(), asked, lateness));
    }
    Ok(all)
}

/// Opens a topic's landing folder and reads its newest entry.
pub(crate) async fn open(
    stores: &Stores,
    landing: &Place,
    topic: &str,
) -> Result<(Landing, Entry<Batch>), IngestError> {
    let store = |source| IngestError::Store {
        topic: topic.to_owned(),
        source: Box::new(source),
    };
    let location = landing.location.child(topic).map_err(store)?;
    let place = stores.open(&location).map_err(store)?;
    let landing = Landing::open(place).map_err(store)?;
    let newest = landing
        .newest()
        .await
        .map_err(|source| IngestError::Ledger {
            topic: topic.to_owned(),
            source: Box::new(source),
        })?;
    match newest {
        Some(newest) => Ok((landing, newest)),
        None => Err(IngestError::NoLedger {
            location: location.to_string(),
        }),
    }
}

async fn ask(kafka: KafkaSettings, topic: String, timeout: Duration) -> Option<Facts> {
    let asked = topic.clone();
    let facts = tokio::task::spawn_blocking(move || {
        let consumer = Arc::new(connect(&kafka, &asked, None, timeout)?);
        Ok::<_, IngestError>(consumer.facts()?)
    })
    .await;
    match facts {
        Ok(Ok(facts)) => Some(facts),
        Ok(Err(error)) => {
            tracing::warn!(topic, %error, "the lag is unknown");
            None
        }
        Err(_) => None,
    }
}

fn describe(
    topic: String,
    newest: Entry<Batch>,
    facts: Option<&Facts>,
    asked: DateTime<Utc>,
    lateness: TimeDelta,
) -> TopicStatus {
    let batch = newest.body;
    let high = |partition: i32| {
        let marks = facts?.partitions.get(&partition)?;
        Some(marks.high)
    };
    let mut known: BTreeMap<i32, i64> = batch.next.clone();
    if let Some(facts) = facts {
        for partition in facts.partitions.keys() {
            known.entry(*partition).or_insert(0);
        }
    }
    let partitions: Vec<PartitionStatus> = known
        .iter()
        .map(|(partition, next)| PartitionStatus {
            partition: *partition,
            next: *next,
            lag: high(*partition).map(|high| high - next),
        })
        .collect();
    let caught_up: BTreeMap<i32, DateTime<Utc>> = partitions
        .iter()
        .filter(|partition| partition.lag == Some(0))
        .map(|partition| (partition.partition, asked))
        .collect();
    let watermark = watermark(
        known.keys().copied(),
        &batch.progress,
        &caught_up,
        lateness,
        Utc::now(),
    );
    TopicStatus {
        topic,
        entry: newest.seq,
        committed_at: newest.at,
        closed_by: batch.closed_by,
        last_batch_records: batch
            .ranges
            .iter()
            .map(|range| range.rows + range.rejects)
            .sum(),
        rows: batch.totals.rows,
        rejects: batch.totals.rejects,
        bytes: batch.totals.bytes,
        files: batch.totals.files,
        holes: batch.totals.holes,
        lost_offsets: batch.totals.lost_offsets,
        lag: partitions.iter().map(|partition| partition.lag).sum(),
        partitions,
        watermark,
    }
}

impl TopicStatus {
    /// The state as text for people.
    pub fn text(&self) -> String {
        let number = |lag: Option<i64>| match lag {
            Some(lag) => grouped(lag.max(0).unsigned_abs()),
            None => "unknown".to_owned(),
        };
        let holes = match self.holes {
            0 => "none".to_owned(),
            holes => format!(
                "{} with {} offsets",
                grouped(holes),
                grouped(self.lost_offsets)
            ),
        };
        let next: Vec<String> = self
            .partitions
            .iter()
            .map(|p| format!("{}: {} (lag {})", p.partition, p.next, number(p.lag)))
            .collect();
        format!(
            "{}\n  rows        {}\n  rejects     {}\n  stored      {} in {} files\n  last batch  \
             entry {} at {}, {} records, closed by {}\n  next        {}\n  lag         {}\n  \
             complete to {}\n  holes       {holes}",
            self.topic,
            grouped(self.rows),
            grouped(self.rejects),
            bytes(self.bytes),
            grouped(self.files),
            self.entry,
            time(self.committed_at),
            grouped(self.last_batch_records),
            self.closed_by.word(),
            next.join(", "),
            number(self.lag),
            self.watermark.map_or_else(|| "unknown".to_owned(), time),
        )
    }
}

pub(crate) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
