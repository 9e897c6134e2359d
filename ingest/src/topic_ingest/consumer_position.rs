//! Positions a run's consumer at the start of its next batch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sluice_service::crash;

use super::{BeginAt, TopicIngest};
use crate::IngestError;
use crate::kafka::create_consumer;
use crate::start_offsets::{BatchStart, ResolvedBegin, StartError, find_start_offsets};

/// How long a topic's metadata counts as current.
const METADATA_MAX_AGE: Duration = Duration::from_secs(30);

impl TopicIngest {
    /// Positions the consumer where the ledger ends. `None` when the group has
    /// assigned no partitions before the run's time was up.
    pub(super) async fn position_consumer(&mut self) -> Result<Option<BatchStart>, IngestError> {
        if self.consumer.is_grouped() && !self.join_group().await? {
            return Ok(None);
        }
        let metadata_is_fresh = self
            .metadata
            .as_ref()
            .is_some_and(|(_, at)| at.elapsed() < METADATA_MAX_AGE);
        if let Some(standing) = &self.position
            && metadata_is_fresh
            && self.ledger_matches(standing)
        {
            return Ok(Some(BatchStart {
                offsets: standing.clone(),
                holes: Vec::new(),
            }));
        }
        let mut attempts = 0;
        let mut batch_start = loop {
            match self.find_start().await {
                // A new leader may not know its partition's end yet.
                Err(IngestError::Start(StartError::OffsetsBackwards { .. })) if attempts < 3 => {
                    attempts += 1;
                    tokio::time::sleep(Duration::from_millis(700)).await;
                }
                result => break result?,
            }
        };
        if let Some(given) = &self.assigned {
            batch_start
                .offsets
                .retain(|partition, _| given.contains(partition));
            batch_start
                .holes
                .retain(|hole| given.contains(&hole.partition));
        }
        if self.position.as_ref() != Some(&batch_start.offsets) {
            if self.was_assigned && !self.consumer.is_grouped() {
                self.replace_consumer().await?;
            }
            self.consumer.assign_offsets(&batch_start.offsets)?;
            self.was_assigned = true;
            self.position = None;
        }
        crash::reach_point("landing.2");
        if self.options.limits.until_caught_up && self.target_offsets.is_none() {
            self.target_offsets = Some(self.end_offsets(&batch_start.offsets));
        }
        Ok(Some(batch_start))
    }

    /// Replaces the consumer, so that nothing that the old one has fetched or
    /// cached can enter the next batch.
    async fn replace_consumer(&mut self) -> Result<(), IngestError> {
        let fresh = create_consumer(&self.options.kafka, &self.topic, None, self.options.timeout)?;
        let old = std::mem::replace(&mut self.consumer, Arc::new(fresh));
        // Closing waits for responses of the brokers.
        tokio::task::spawn_blocking(move || drop(old))
            .await
            .map_err(|_| IngestError::Internal {
                topic: self.topic.clone(),
                problem: "a thread that closes a consumer ended early",
            })
    }

    /// Waits until the group has assigned partitions; false when the run's time
    /// is up or it was asked to stop.
    async fn join_group(&mut self) -> Result<bool, IngestError> {
        if !self.subscribed {
            self.consumer.join_group()?;
            self.subscribed = true;
        }
        let stop = self.stop.clone();
        let deadline = self
            .options
            .limits
            .duration
            .filter(|_| !self.options.limits.follow)
            .map(|duration| self.started_at + duration);
        let waits = self.assigned.is_none();
        let given = self
            .with_consumer(move |consumer| {
                let mut given = consumer.take_assignment();
                while given.is_none() && waits {
                    let over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
                    if over || stop.is_cancelled() {
                        break;
                    }
                    if let Some(mut feed) = consumer.open_feed() {
                        feed.poll(Duration::from_millis(100), &mut |_| {});
                    }
                    given = consumer.take_assignment();
                }
                Ok(given)
            })
            .await?;
        if let Some(given) = given {
            tracing::info!(topic = self.topic, partitions = ?given, "the group assigned partitions");
            self.assigned = Some(given);
            self.position = None;
            // Their previous owners may have committed in the meantime.
            self.reload_newest().await?;
        }
        Ok(self.assigned.is_some())
    }

    fn ledger_matches(&self, position: &BTreeMap<i32, i64>) -> bool {
        let next = self.newest.as_ref().map(|entry| &entry.body.next);
        position
            .iter()
            .all(|(partition, offset)| next.and_then(|next| next.get(partition)) == Some(offset))
    }

    async fn find_start(&mut self) -> Result<BatchStart, IngestError> {
        let metadata = self
            .with_consumer(|consumer| Ok(consumer.fetch_metadata()?))
            .await?;
        let begin = match &self.options.begin_at {
            BeginAt::Earliest => ResolvedBegin::Earliest,
            BeginAt::Latest => ResolvedBegin::Latest,
            BeginAt::Offset(offset) => ResolvedBegin::Offset(*offset),
            BeginAt::Each(offsets) => ResolvedBegin::Each(offsets.clone()),
            &BeginAt::Time(millis) if self.newest.is_none() => {
                let metadata_copy = metadata.clone();
                let offsets = self
                    .with_consumer(move |consumer| {
                        Ok(consumer.offsets_at_time(&metadata_copy, millis)?)
                    })
                    .await?;
                ResolvedBegin::Each(offsets)
            }
            BeginAt::Time(_) => ResolvedBegin::Earliest,
        };
        let newest = self.newest.as_ref().map(|entry| &entry.body);
        let accept = self.options.accept_data_loss;
        let found = find_start_offsets(&self.topic, newest, &metadata, &begin, accept)?;
        self.metadata = Some((metadata, Instant::now()));
        Ok(found)
    }

    /// The end offsets of the partitions that are not at their end yet.
    fn end_offsets(&self, offsets: &BTreeMap<i32, i64>) -> BTreeMap<i32, i64> {
        let Some((facts, _)) = &self.metadata else {
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
}
