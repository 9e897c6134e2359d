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
use crate::kafka::{StopDeadline, TopicConsumer, TopicMetadata, create_consumer};
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
    let record_times = record_times(request.from, request.to)?;
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
        let consumer =
            create_consumer(&kafka, &topic_copy, None, timeout, StopDeadline::default())?;
        let metadata = consumer.fetch_metadata()?;
        let begins = find_begins(&consumer, &metadata, from)?;
        Ok((begins, find_ends(&metadata, to)))
    })
    .await?;
    let until: BTreeMap<i32, i64> = ends
        .into_iter()
        .filter(|(partition, end)| begins.get(partition).is_some_and(|begin| begin < end))
        .collect();
    let options = IngestOptions {
        kafka: request.kafka,
        line_options: LineOptions {
            record_times,
            ..request.line_options
        },
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

/// Which records to take by their own time, where a time bounds the part.
///
/// # Errors
/// When the part ends before it begins.
fn record_times(from: TopicPosition, to: TopicPosition) -> Result<Option<(i64, i64)>, IngestError> {
    use TopicPosition::{Earliest, Latest, Offset, Time};
    let backwards = match (from, to) {
        (Offset(from), Offset(to)) => from > to,
        (Time(from), Time(to)) => from >= to,
        (Latest, Earliest) => true,
        _ => false,
    };
    if backwards {
        return Err(IngestError::Invalid {
            problem: "--from lies after --to, so there is nothing to replay; exchange them"
                .to_owned(),
        });
    }
    let millis = |position: TopicPosition| match position {
        Time(time) => Some(time.timestamp_millis()),
        _ => None,
    };
    Ok(match (millis(from), millis(to)) {
        (None, None) => None,
        (from, to) => Some((from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX))),
    })
}

/// The offset of each partition where the part begins. No record before it is of the
/// asked time.
fn find_begins(
    consumer: &TopicConsumer,
    metadata: &TopicMetadata,
    from: TopicPosition,
) -> Result<BTreeMap<i32, i64>, IngestError> {
    match from {
        TopicPosition::Time(time) => {
            Ok(consumer.offsets_at_time(metadata, time.timestamp_millis())?)
        }
        _ => Ok(find_ends(metadata, from)),
    }
}

/// The offset of each partition where the part ends, limited to the offsets that the
/// broker has. Producers set their records' times, so records of any time can follow
/// each other: a part that ends at a time is read to the end of the topic.
fn find_ends(metadata: &TopicMetadata, to: TopicPosition) -> BTreeMap<i32, i64> {
    let offsets = metadata.partitions.iter().map(|(partition, bounds)| {
        let offset = match to {
            TopicPosition::Earliest => bounds.low,
            TopicPosition::Offset(offset) => offset.clamp(bounds.low, bounds.high),
            TopicPosition::Latest | TopicPosition::Time(_) => bounds.high,
        };
        (*partition, offset)
    });
    offsets.collect()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    #[test]
    fn times_bound_the_records_and_a_part_never_ends_before_it_begins() {
        let at = |seconds: i64| {
            TopicPosition::Time(DateTime::<Utc>::from_timestamp(seconds, 0).unwrap())
        };
        let taken = |from, to| record_times(from, to).unwrap();
        assert_eq!(taken(at(5), at(9)), Some((5000, 9000)));
        assert_eq!(taken(at(5), TopicPosition::Latest), Some((5000, i64::MAX)));
        assert_eq!(
            taken(TopicPosition::Offset(7), at(9)),
            Some((i64::MIN, 9000))
        );
        assert_eq!(
            taken(TopicPosition::Offset(7), TopicPosition::Offset(7)),
            None
        );
        assert_eq!(taken(TopicPosition::Earliest, TopicPosition::Latest), None);
        for (from, to) in [
            (at(9), at(5)),
            (at(9), at(9)),
            (TopicPosition::Offset(8), TopicPosition::Offset(7)),
            (TopicPosition::Latest, TopicPosition::Earliest),
        ] {
            let error = record_times(from, to).unwrap_err();
            assert!(error.to_string().contains("lies after --to"), "{error}");
        }
    }
}
