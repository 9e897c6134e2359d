//! Positions a run's consumer at the start of its next batch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sluice_service::crash;

use super::{BeginAt, Run};
use crate::IngestError;
use crate::kafka::connect;
use crate::start::{Begin, Start, StartError, start};

/// How long a topic's metadata counts as current.
const FACTS_AGE: Duration = Duration::from_secs(30);

impl Run {
    /// Positions the consumer where the ledger ends. `None` when the group has
    /// assigned no partitions before the run's time was up.
    pub(super) async fn position(&mut self) -> Result<Option<Start>, IngestError> {
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
                // A new leader may not know its partition's end yet.
                Err(IngestError::Start(StartError::Backwards { .. })) if tries < 3 => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(700)).await;
                }
                result => break result?,
            }
        };
        if let Some(given) = &self.given {
            found
                .offsets
                .retain(|partition, _| given.contains(partition));
            found.holes.retain(|hole| given.contains(&hole.partition));
        }
        if self.standing.as_ref() != Some(&found.offsets) {
            if self.used && !self.consumer.is_grouped() {
                self.reconnect().await?;
            }
            self.consumer.assign(&found.offsets)?;
            self.used = true;
            self.standing = None;
        }
        crash::point("landing.2");
        if self.options.bounds.until_caught_up && self.until.is_none() {
            self.until = Some(self.ends(&found.offsets));
        }
        Ok(Some(found))
    }

    /// Replaces the consumer, so that nothing that the old one has fetched or
    /// cached can enter the next batch.
    async fn reconnect(&mut self) -> Result<(), IngestError> {
        let fresh = connect(&self.options.kafka, &self.topic, None, self.options.timeout)?;
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
            tracing::info!(topic = self.topic, partitions = ?given, "the group assigned partitions");
            self.given = Some(given);
            self.standing = None;
            // Their previous owners may have committed in the meantime.
            self.reload().await?;
        }
        Ok(self.given.is_some())
    }

    fn ledger_is_at(&self, standing: &BTreeMap<i32, i64>) -> bool {
        let next = self.newest.as_ref().map(|entry| &entry.body.next);
        standing
            .iter()
            .all(|(partition, offset)| next.and_then(|next| next.get(partition)) == Some(offset))
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

    /// The end offsets of the partitions that are not at their end yet.
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
}
