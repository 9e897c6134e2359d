//! `ingest-landing replay`: reads a part of a topic again, into a separate folder.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sluice_service::kafka::KafkaSettings;
use sluice_service::signals::StopSignal;
use sluice_storage::StorePath;

use crate::IngestError;
use crate::batch::builder::LineOptions;
use crate::blocking::ask_brokers;
use crate::cli::TopicPosition;
use crate::error::ForTopic as _;
use crate::kafka::{TopicConsumer, TopicMetadata, create_consumer};
use crate::topic::report::TopicReport;
use crate::topic::{BeginAt, IngestOptions, RunLimits, ingest_topic};
use sluice_landing::TopicLanding;

/// Which part of a topic to read again.
#[derive(Debug)]
pub(crate) struct ReplayRequest {
    pub(crate) topic: String,
    pub(crate) from: TopicPosition,
    pub(crate) to: TopicPosition,
    pub(crate) kafka: KafkaSettings,
    pub(crate) line_options: LineOptions,
    pub(crate) timeout: Duration,
}

/// Reads a part of a topic again. The landing folder and its ledger are not
/// touched: the replay has its own ledger, so that it too lands
/// completely or not at all.
pub(crate) async fn replay_topic(
    request: ReplayRequest,
    store_path: StorePath,
    stop: StopSignal,
) -> Result<TopicReport, IngestError> {
    let landing = TopicLanding::open(store_path.clone()).for_topic(&request.topic)?;
    if landing
        .newest_entry()
        .await
        .for_topic(&request.topic)?
        .is_some()
    {
        return Err(IngestError::NotEmpty {
            location: store_path.location.to_string(),
        });
    }
    let (kafka, topic, timeout) = (
        request.kafka.clone(),
        request.topic.clone(),
        request.timeout,
    );
    let (from, to) = (request.from, request.to);
    let topic_copy = topic.clone();
    let (begins, ends) = ask_brokers(&topic, move || {
        let consumer = create_consumer(&kafka, &topic_copy, None, timeout)?;
        let metadata = consumer.fetch_metadata()?;
        let begins = resolve_position(&consumer, &metadata, from)?;
        let ends = resolve_position(&consumer, &metadata, to)?;
        Ok((begins, ends))
    })
    .await?;
    let until: BTreeMap<i32, i64> = ends
        .into_iter()
        .filter(|(partition, end)| begins.get(partition).is_some_and(|begin| begin < end))
        .collect();
    let options = IngestOptions {
        kafka: request.kafka,
        line_options: request.line_options,
        timeout,
        begin_at: BeginAt::Each(begins),
        limits: RunLimits {
            target_offsets: Some(until),
            ..RunLimits::default()
        },
        ..IngestOptions::default()
    };
    let (report, result) = ingest_topic(Arc::new(options), topic, store_path, stop).await;
    result.map(|()| report)
}

/// The offset of each partition at a position, limited to the offsets that the
/// broker has.
fn resolve_position(
    consumer: &TopicConsumer,
    metadata: &TopicMetadata,
    position: TopicPosition,
) -> Result<BTreeMap<i32, i64>, IngestError> {
    if let TopicPosition::Time(time) = position {
        return Ok(consumer.offsets_at_time(metadata, time.timestamp_millis())?);
    }
    let offsets = metadata.partitions.iter().map(|(partition, bounds)| {
        let offset = match position {
            TopicPosition::Earliest => bounds.low,
            TopicPosition::Offset(offset) => offset.clamp(bounds.low, bounds.high),
            TopicPosition::Latest | TopicPosition::Time(_) => bounds.high,
        };
        (*partition, offset)
    });
    Ok(offsets.collect())
}
