//! `ingest-landing replay`: reads a part of a topic again, into a separate folder.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sluice_service::kafka::KafkaSettings;
use sluice_service::signals::Stop;
use sluice_storage::Place as StorePlace;

use crate::IngestError;
use crate::cli::Place;
use crate::gather::LineOptions;
use crate::ingest::{BeginAt, IngestOptions, RunBounds, ingest_topic};
use crate::kafka::{Consumer, connect};
use crate::report::TopicReport;
use crate::start::Facts;
use sluice_landing::Landing;

/// Which part of a topic to read again.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) topic: String,
    pub(crate) from: Place,
    pub(crate) to: Place,
    pub(crate) kafka: KafkaSettings,
    pub(crate) lines: LineOptions,
    pub(crate) timeout: Duration,
}

/// Reads a part of a topic again. The landing folder and its ledger are not
/// touched: the replay has its own ledger, so that it too lands
/// completely or not at all.
pub(crate) async fn replay(
    request: Request,
    place: StorePlace,
    stop: Stop,
) -> Result<TopicReport, IngestError> {
    let store = |source| IngestError::Store {
        topic: request.topic.clone(),
        source: Box::new(source),
    };
    let landing = Landing::open(place.clone()).map_err(store)?;
    let newest = landing
        .newest()
        .await
        .map_err(|source| IngestError::Ledger {
            topic: request.topic.clone(),
            source: Box::new(source),
        })?;
    if newest.is_some() {
        return Err(IngestError::NotEmpty {
            location: place.location.to_string(),
        });
    }
    let (kafka, topic, timeout) = (
        request.kafka.clone(),
        request.topic.clone(),
        request.timeout,
    );
    let (from, to) = (request.from, request.to);
    let asked = topic.clone();
    let (begins, ends) = tokio::task::spawn_blocking(move || {
        let consumer = connect(&kafka, &asked, None, timeout)?;
        let facts = consumer.facts()?;
        let begins = offsets(&consumer, &facts, from)?;
        let ends = offsets(&consumer, &facts, to)?;
        Ok::<_, IngestError>((begins, ends))
    })
    .await
    .unwrap_or_else(|_| {
        Err(IngestError::Internal {
            topic: topic.clone(),
            problem: "a thread that queries the broker ended early",
        })
    })?;
    let until: BTreeMap<i32, i64> = ends
        .into_iter()
        .filter(|(partition, end)| begins.get(partition).is_some_and(|begin| begin < end))
        .collect();
    let options = IngestOptions {
        kafka: request.kafka,
        lines: request.lines,
        timeout,
        begin: BeginAt::Each(begins),
        bounds: RunBounds {
            until: Some(until),
            ..RunBounds::default()
        },
        ..IngestOptions::default()
    };
    let (report, result) = ingest_topic(Arc::new(options), topic, place, stop).await;
    result.map(|()| report)
}

/// The offset of each partition at a position, limited to the offsets that the
/// broker has.
fn offsets(
    consumer: &Consumer,
    facts: &Facts,
    place: Place,
) -> Result<BTreeMap<i32, i64>, IngestError> {
    if let Place::Time(time) = place {
        return Ok(consumer.offsets_at(facts, time.timestamp_millis())?);
    }
    let offsets = facts.partitions.iter().map(|(partition, marks)| {
        let offset = match place {
            Place::Earliest => marks.low,
            Place::Offset(offset) => offset.clamp(marks.low, marks.high),
            Place::Latest | Place::Time(_) => marks.high,
        };
        (*partition, offset)
    });
    Ok(offsets.collect())
}
