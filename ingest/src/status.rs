//! `ingest-landing status`: the state of each topic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;
use sluice_ledger::Entry;
use sluice_service::format::{format_bytes, group_thousands};
use sluice_service::kafka::KafkaSettings;
use sluice_storage::{StorePath, Stores};

use crate::IngestError;
use crate::kafka::create_consumer;
use crate::start_offsets::TopicMetadata;
use crate::watermark::topic_watermark;
use sluice_landing::TopicLanding;
use sluice_landing::{CloseReason, LandingEntry};

/// The state of a topic.
#[derive(Debug, Clone, Serialize)]
pub struct TopicStatus {
    pub topic: String,
    /// The sequence number of the newest entry.
    pub entry: u64,
    /// When the newest entry was committed.
    pub committed_at: DateTime<Utc>,
    /// Why the newest entry's batch ended.
    pub closed_by: CloseReason,
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
pub async fn list_topics(landing: &StorePath) -> Result<Vec<String>, IngestError> {
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
        let store_path = StorePath {
            store: landing.store.clone(),
            location,
        };
        let newest = TopicLanding::open(store_path)
            .map_err(fail)?
            .newest_entry()
            .await;
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
pub async fn topic_statuses(
    stores: &Stores,
    landing: &StorePath,
    names: &[String],
    kafka: &KafkaSettings,
    lateness: TimeDelta,
    timeout: Duration,
) -> Result<Vec<TopicStatus>, IngestError> {
    let names = if names.is_empty() {
        list_topics(landing).await?
    } else {
        names.to_vec()
    };
    let mut statuses = Vec::new();
    for topic in names {
        let (_, newest) = open_topic(stores, landing, &topic).await?;
        let asked_at = Utc::now();
        let metadata = fetch_metadata(kafka.clone(), topic.clone(), timeout).await;
        statuses.push(describe_topic(
            topic,
            newest,
            metadata.as_ref(),
            asked_at,
            lateness,
        ));
    }
    Ok(statuses)
}

/// Opens a topic's landing folder and reads its newest entry.
pub(crate) async fn open_topic(
    stores: &Stores,
    landing: &StorePath,
    topic: &str,
) -> Result<(TopicLanding, Entry<LandingEntry>), IngestError> {
    let store = |source| IngestError::Store {
        topic: topic.to_owned(),
        source: Box::new(source),
    };
    let location = landing.location.child(topic).map_err(store)?;
    let store_path = stores.open(&location).map_err(store)?;
    let landing = TopicLanding::open(store_path).map_err(store)?;
    let newest = landing
        .newest_entry()
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

async fn fetch_metadata(
    kafka: KafkaSettings,
    topic: String,
    timeout: Duration,
) -> Option<TopicMetadata> {
    let topic_copy = topic.clone();
    let facts = tokio::task::spawn_blocking(move || {
        let consumer = Arc::new(create_consumer(&kafka, &topic_copy, None, timeout)?);
        Ok::<_, IngestError>(consumer.fetch_metadata()?)
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

fn describe_topic(
    topic: String,
    newest: Entry<LandingEntry>,
    facts: Option<&TopicMetadata>,
    asked_at: DateTime<Utc>,
    lateness: TimeDelta,
) -> TopicStatus {
    let batch = newest.body;
    let high = |partition: i32| {
        let bounds = facts?.partitions.get(&partition)?;
        Some(bounds.high)
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
        .map(|partition| (partition.partition, asked_at))
        .collect();
    let watermark = topic_watermark(
        known.keys().copied(),
        &batch.progress,
        &caught_up,
        lateness,
        Utc::now(),
    );
    TopicStatus {
        topic,
        entry: newest.seq,
        committed_at: newest.created_at,
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
    pub fn render_text(&self) -> String {
        let number = |lag: Option<i64>| match lag {
            Some(lag) => group_thousands(lag.max(0).unsigned_abs()),
            None => "unknown".to_owned(),
        };
        let holes = match self.holes {
            0 => "none".to_owned(),
            holes => format!(
                "{} with {} offsets",
                group_thousands(holes),
                group_thousands(self.lost_offsets)
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
            group_thousands(self.rows),
            group_thousands(self.rejects),
            format_bytes(self.bytes),
            group_thousands(self.files),
            self.entry,
            format_time(self.committed_at),
            group_thousands(self.last_batch_records),
            self.closed_by.as_str(),
            next.join(", "),
            number(self.lag),
            self.watermark
                .map_or_else(|| "unknown".to_owned(), format_time),
        )
    }
}

pub(crate) fn format_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
