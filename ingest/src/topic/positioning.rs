//! Positions a run's consumer at the start of its next batch. What to do is decided
//! by `RunState`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sluice_service::crash;

use super::BeginAt;
use super::run::TopicIngest;
use super::run_state::{Assignment, Partitions};
use crate::IngestError;
use crate::batch::start_offsets::{BatchStart, ResolvedBegin, StartError, find_start_offsets};
use crate::kafka::{TopicMetadata, create_consumer};

/// How often the start is looked up once more when the topic ends before the ledger.
const BACKWARDS_RETRIES: u32 = 3;

/// How long to wait between these questions.
const BACKWARDS_PAUSE: Duration = Duration::from_millis(700);

/// How long one poll waits for the group's assignment.
const JOIN_POLL_TIMEOUT: Duration = Duration::from_millis(100);

impl TopicIngest {
    /// Positions the consumer where the ledger ends. `None` when the group has
    /// assigned no partitions before the run's time was up.
    pub(super) async fn position_consumer(&mut self) -> Result<Option<BatchStart>, IngestError> {
        if self.consumer.is_grouped() && !self.take_partitions().await? {
            return Ok(None);
        }
        let next = self.ledger.next_offsets();
        if let Some(start) = self.state.start_without_question(&next, Instant::now()) {
            return Ok(Some(start));
        }
        let start = self.find_start_with_retries().await?;
        let start = self.state.own_part(start);
        match self.state.plan_assignment(&start.offsets) {
            Assignment::Keep => {}
            Assignment::Assign => self.assign_offsets(&start)?,
            Assignment::AssignAnew => {
                self.replace_consumer().await?;
                self.assign_offsets(&start)?;
            }
        }
        crash::reach_point("landing.2");
        self.state.on_positioned(&start.offsets);
        Ok(Some(start))
    }

    fn assign_offsets(&mut self, start: &BatchStart) -> Result<(), IngestError> {
        self.consumer.assign_offsets(&start.offsets)?;
        self.state.on_offsets_assigned(&start.offsets);
        Ok(())
    }

    /// Replaces the consumer, so that nothing that the old one has fetched or
    /// cached can enter the next batch.
    async fn replace_consumer(&mut self) -> Result<(), IngestError> {
        let (options, stop) = (&self.options, self.stop_deadline.clone());
        let fresh = create_consumer(&options.kafka, &self.topic, None, options.timeout, stop)?;
        let old = std::mem::replace(&mut self.consumer, Arc::new(fresh));
        // Closing waits for responses of the brokers.
        tokio::task::spawn_blocking(move || drop(old))
            .await
            .map_err(|_| IngestError::Internal {
                topic: self.topic.clone(),
                problem: "a thread that closes a consumer ended early",
            })
    }

    /// Waits until the group has assigned partitions; false when the run's time is
    /// up or it was asked to stop.
    async fn take_partitions(&mut self) -> Result<bool, IngestError> {
        if *self.state.partitions() == Partitions::NotJoined {
            // A group without brokers, or of a topic that does not exist, would
            // assign nothing and report nothing.
            self.with_consumer(|consumer| Ok(consumer.fetch_metadata()?))
                .await?;
            self.consumer.join_group()?;
            self.state.on_group_joined();
        }
        let must_wait = *self.state.partitions() == Partitions::Awaited;
        let assigned = match must_wait {
            true => self.await_assignment().await?,
            false => self.consumer.take_assignment(),
        };
        if let Some(assigned) = assigned {
            tracing::info!(topic = self.topic, partitions = ?assigned, "the group assigned partitions");
            self.state.on_partitions_assigned(assigned);
            // Their previous owners may have committed in the meantime.
            self.ledger.reload().await?;
        }
        Ok(matches!(self.state.partitions(), Partitions::Assigned(_)))
    }

    /// Polls, so that the client library can take part in the group, until the group
    /// has assigned partitions or the run's time is up.
    async fn await_assignment(&self) -> Result<Option<Vec<i32>>, IngestError> {
        let stop = self.stop.clone();
        let deadline = self.state.join_deadline();
        self.with_consumer(move |consumer| {
            loop {
                consumer.read_client_log();
                let assigned = consumer.take_assignment();
                let time_is_up = deadline.is_some_and(|deadline| Instant::now() >= deadline);
                if assigned.is_some() || time_is_up || stop.is_cancelled() {
                    return Ok(assigned);
                }
                if let Some(mut feed) = consumer.open_feed() {
                    feed.poll(JOIN_POLL_TIMEOUT, &mut |_| {});
                }
            }
        })
        .await
    }

    /// Finds the start of the next batch. Retries when the broker's end lies
    /// before the ledger's: a new leader may not know its partition's end yet.
    async fn find_start_with_retries(&mut self) -> Result<BatchStart, IngestError> {
        let mut retries = 0;
        loop {
            match self.find_start().await {
                Err(IngestError::Start(StartError::OffsetsBackwards { .. }))
                    if retries < BACKWARDS_RETRIES =>
                {
                    retries += 1;
                    tokio::time::sleep(BACKWARDS_PAUSE).await;
                }
                result => return result,
            }
        }
    }

    async fn find_start(&mut self) -> Result<BatchStart, IngestError> {
        let metadata = self
            .with_consumer(|consumer| Ok(consumer.fetch_metadata()?))
            .await?;
        let begin = self.resolve_begin(&metadata).await?;
        let newest = self.ledger.newest().map(|entry| &entry.body);
        let accept_loss = self.options.accept_data_loss;
        let start = find_start_offsets(&self.topic, newest, &metadata, &begin, accept_loss)?;
        self.state.on_metadata(metadata, Instant::now());
        Ok(start)
    }

    /// Where a topic without a ledger begins.
    async fn resolve_begin(&self, metadata: &TopicMetadata) -> Result<ResolvedBegin, IngestError> {
        Ok(match &self.options.begin_at {
            BeginAt::Earliest => ResolvedBegin::Earliest,
            BeginAt::Latest => ResolvedBegin::Latest,
            BeginAt::Offset(offset) => ResolvedBegin::Offset(*offset),
            BeginAt::Each(offsets) => ResolvedBegin::Each(offsets.clone()),
            // With a ledger, the time decides nothing.
            BeginAt::Time(_) if self.ledger.newest().is_some() => ResolvedBegin::Earliest,
            &BeginAt::Time(millis) => {
                let metadata = metadata.clone();
                let offsets = self
                    .with_consumer(move |consumer| Ok(consumer.offsets_at_time(&metadata, millis)?))
                    .await?;
                ResolvedBegin::Each(offsets)
            }
        })
    }
}
