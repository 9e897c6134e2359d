//! `ingest-landing status`: the state of each topic.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;
use sluice_ledger::Entry;
use sluice_service::format::{format_bytes, group_thousands};
use sluice_service::kafka::KafkaSettings;
use sluice_storage::{StoreError, StorePath, Stores};

use crate::IngestError;
use crate::batch::start_offsets::{StartError, require_same_topic};
use crate::blocking::ask_brokers;
use crate::commands::watermark::topic_watermark;
use crate::error::{ALL_TOPICS, ForTopic as _};
use crate::kafka::{StopDeadline, TopicMetadata, create_consumer};
use sluice_landing::{CloseReason, LandingEntry, TopicLanding};

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
    /// Why the ledger does not describe the brokers' topic; then lag and watermark
    /// are unknown.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub problem: Option<StartError>,
    /// Rows whose event time is ahead of any clock that could have set it.
    pub events_ahead: u64,
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
    let listed = landing
        .store
        .list_with_delimiter(Some(landing.path()))
        .await
        .map_err(|source| StoreError::access("list", &landing.location, source))
        .for_topic(ALL_TOPICS)?;
    let mut topics = Vec::new();
    for folder in listed.common_prefixes {
        let Some(name) = folder.filename() else {
            continue;
        };
        let store_path = StorePath {
            store: landing.store.clone(),
            location: landing.location.child(name).for_topic(name)?,
        };
        let topic = TopicLanding::open(store_path).for_topic(name)?;
        if topic.newest_entry().await.for_topic(name)?.is_some() {
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
    let location = landing.location.child(topic).for_topic(topic)?;
    let store_path = stores.open(&location).for_topic(topic)?;
    let landing = TopicLanding::open(store_path).for_topic(topic)?;
    match landing.newest_entry().await.for_topic(topic)? {
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
    let answer = ask_brokers(&topic, move || {
        let consumer =
            create_consumer(&kafka, &topic_copy, None, timeout, StopDeadline::default())?;
        Ok(consumer.fetch_metadata()?)
    })
    .await;
    answer
        .inspect_err(|error| tracing::warn!(topic, %error, "the lag is unknown"))
        .ok()
}

fn describe_topic(
    topic: String,
    newest: Entry<LandingEntry>,
    metadata: Option<&TopicMetadata>,
    asked_at: DateTime<Utc>,
    lateness: TimeDelta,
) -> TopicStatus {
    let batch = newest.body;
    let problem = metadata.and_then(|metadata| require_same_topic(&topic, &batch, metadata).err());
    let metadata = metadata.filter(|_| problem.is_none());
    let end = |partition: i32| {
        let bounds = metadata?.partitions.get(&partition)?;
        Some(bounds.end)
    };
    let mut known: BTreeMap<i32, i64> = batch.next.clone();
    if let Some(metadata) = metadata {
        for partition in metadata.partitions.keys() {
            known.entry(*partition).or_insert(0);
        }
    }
    let partitions: Vec<PartitionStatus> = known
        .iter()
        .map(|(partition, next)| PartitionStatus {
            partition: *partition,
            next: *next,
            lag: end(*partition).map(|end| end - next),
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
        newest.created_at,
    )
    .filter(|_| problem.is_none());
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
        problem,
        events_ahead: batch.totals.events_ahead,
    }
}

fn as_text<S: serde::Serializer>(
    problem: &Option<StartError>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match problem {
        Some(problem) => serializer.collect_str(problem),
        None => serializer.serialize_none(),
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
        let problem = self
            .problem
            .as_ref()
            .map(|problem| format!("\n  problem     {problem}"))
            .unwrap_or_default();
        let ahead = match self.events_ahead {
            0 => String::new(),
            ahead => format!(
                "\n  ahead       {} events dated in the future",
                group_thousands(ahead)
            ),
        };
        format!(
            "{}\n  rows        {}\n  rejects     {}\n  stored      {} in {} files\n  last batch  \
             entry {} at {}, {} records, closed by {}\n  next        {}\n  lag         {}\n  \
             complete to {}\n  holes       {holes}{ahead}{problem}",
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
