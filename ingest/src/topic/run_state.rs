//! Decides what a run does next: `(state, event, now) → next`. No clock, no Kafka
//! and no other I/O; `run` executes what is decided here.
//!
//! The state has three parts that change independently: which partitions the
//! process reads ([`Partitions`]), where its consumer stands ([`Position`]), and
//! what the run must reach before it ends ([`Target`]).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sluice_landing::CloseReason;

use super::RunLimits;
use crate::IngestError;
use crate::batch::limits::BatchLimits;
use crate::batch::reader::BatchEnd;
use crate::batch::start_offsets::BatchStart;
use crate::kafka::TopicMetadata;

/// Offsets by partition.
type Offsets = BTreeMap<i32, i64>;

/// The longest batch, so that a long run commits in steps.
const MAX_BATCH_DURATION: Duration = Duration::from_secs(600);

/// How many batches in a row may be cut short by the broker.
const MAX_DISCONNECTS: u32 = 3;

/// How long a topic's metadata counts as current.
const METADATA_MAX_AGE: Duration = Duration::from_secs(30);

/// Which partitions the process reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Partitions {
    /// All of the topic's: there is no consumer group.
    All,
    /// The process has not joined its group yet.
    NotJoined,
    /// The group has to assign some.
    Awaited,
    /// The group assigned these.
    Assigned(Vec<i32>),
}

/// Where the consumer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Position {
    /// It has no offsets yet.
    Unassigned,
    /// It continues at these offsets.
    At(Offsets),
    /// It may have fetched what must not enter the next batch.
    Stale,
}

/// What the run has to reach before it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    /// Nothing: other limits end the run.
    None,
    /// The ends of the partitions, which are not known yet.
    Ends,
    /// These offsets, unless another limit is reached first.
    Until(Offsets),
    /// These offsets, regardless of the other limits: the run has read up to there,
    /// and another run committed a part of it first.
    MustReach(Offsets),
}

impl Target {
    fn of_limits(limits: &RunLimits) -> Self {
        match &limits.target_offsets {
            Some(offsets) => Self::Until(offsets.clone()),
            None if limits.until_caught_up => Self::Ends,
            None => Self::None,
        }
    }

    /// The offsets that are still to be reached, if they are known.
    fn offsets(&self) -> Option<&Offsets> {
        match self {
            Self::None | Self::Ends => None,
            Self::Until(offsets) | Self::MustReach(offsets) => Some(offsets),
        }
    }

    fn has_offsets_left(&self) -> bool {
        self.offsets().is_some_and(|offsets| !offsets.is_empty())
    }

    /// The target when everything up to `next` must be in the ledger at the end of
    /// the run.
    fn extended_to(self, next: &Offsets) -> Self {
        let mut offsets = match self {
            Self::Until(offsets) | Self::MustReach(offsets) => offsets,
            Self::None | Self::Ends => Offsets::new(),
        };
        for (partition, end) in next {
            let target = offsets.entry(*partition).or_insert(*end);
            *target = (*target).max(*end);
        }
        Self::MustReach(offsets)
    }

    /// The target without the offsets that the ledger has reached.
    fn without_reached(self, ledger: &Offsets) -> Self {
        let rest = |mut offsets: Offsets| {
            offsets.retain(|partition, end| ledger.get(partition).is_none_or(|next| next < end));
            offsets
        };
        match self {
            Self::None | Self::Ends => self,
            Self::Until(offsets) => Self::Until(rest(offsets)),
            Self::MustReach(offsets) => match rest(offsets) {
                // Only what is left can overrule the other limits.
                rest if rest.is_empty() => Self::Until(rest),
                rest => Self::MustReach(rest),
            },
        }
    }
}

/// How the consumer gets to the start of the next batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assignment {
    /// It is there already.
    Keep,
    /// By a new assignment.
    Assign,
    /// By a new assignment of a new consumer, so that nothing that the old one has
    /// fetched or cached can enter the batch.
    AssignAnew,
}

/// What to do after a batch.
#[derive(Debug)]
pub(super) enum NextAction {
    ReadBatch,
    /// Read another batch in spite of this error, which a retry may repair.
    Retry(IngestError),
    EndRun,
}

/// The state of a run over one topic.
#[derive(Debug)]
pub(super) struct RunState {
    limits: RunLimits,
    started_at: Instant,
    partitions: Partitions,
    position: Position,
    target: Target,
    /// What the brokers reported of the topic, and when.
    metadata: Option<(TopicMetadata, Instant)>,
    records_read: u64,
    bytes_read: u64,
    /// How many batches in a row the broker has cut short.
    disconnects: u32,
}

impl RunState {
    pub(super) fn new(limits: RunLimits, grouped: bool, now: Instant) -> Self {
        Self {
            partitions: if grouped {
                Partitions::NotJoined
            } else {
                Partitions::All
            },
            position: Position::Unassigned,
            target: Target::of_limits(&limits),
            metadata: None,
            records_read: 0,
            bytes_read: 0,
            disconnects: 0,
            started_at: now,
            limits,
        }
    }

    pub(super) fn partitions(&self) -> &Partitions {
        &self.partitions
    }

    pub(super) fn metadata(&self) -> Option<&TopicMetadata> {
        self.metadata.as_ref().map(|(metadata, _)| metadata)
    }

    /// When waiting for the group ends.
    pub(super) fn join_deadline(&self) -> Option<Instant> {
        let duration = self.limits.duration.filter(|_| !self.limits.follow);
        duration.map(|duration| self.started_at + duration)
    }

    /// Whether a long-running process retries after this error.
    pub(super) fn should_retry(&self, error: &IngestError) -> bool {
        self.limits.follow && error.is_transient()
    }

    pub(super) fn on_group_joined(&mut self) {
        self.partitions = Partitions::Awaited;
    }

    pub(super) fn on_partitions_assigned(&mut self, partitions: Vec<i32>) {
        self.partitions = Partitions::Assigned(partitions);
        self.leave_position();
    }

    pub(super) fn on_metadata(&mut self, metadata: TopicMetadata, now: Instant) {
        self.metadata = Some((metadata, now));
    }

    /// The next batch, or the retry of an error, needs the brokers' current answer.
    pub(super) fn forget_metadata(&mut self) {
        self.metadata = None;
    }

    /// A batch was abandoned, after an error that may or may not have committed it.
    pub(super) fn on_batch_failed(&mut self) {
        self.leave_position();
    }

    /// The consumer cannot continue where it stands.
    fn leave_position(&mut self) {
        if self.position != Position::Unassigned {
            self.position = Position::Stale;
        }
    }

    /// The start of the next batch, if it can begin without asking the brokers: the
    /// consumer stands where the ledger ends, and what the brokers reported last is
    /// current.
    pub(super) fn start_without_question(
        &self,
        ledger: &Offsets,
        now: Instant,
    ) -> Option<BatchStart> {
        let (_, fetched_at) = self.metadata.as_ref()?;
        if now.duration_since(*fetched_at) >= METADATA_MAX_AGE {
            return None;
        }
        let Position::At(offsets) = &self.position else {
            return None;
        };
        agrees(offsets, ledger).then(|| BatchStart {
            offsets: offsets.clone(),
            holes: Vec::new(),
        })
    }

    /// The part of a start that belongs to this process.
    pub(super) fn own_part(&self, mut start: BatchStart) -> BatchStart {
        if let Partitions::Assigned(own) = &self.partitions {
            start.offsets.retain(|partition, _| own.contains(partition));
            start.holes.retain(|hole| own.contains(&hole.partition));
        }
        start
    }

    /// Decides how the consumer gets to these offsets.
    pub(super) fn plan_assignment(&self, offsets: &Offsets) -> Assignment {
        match (&self.position, &self.partitions) {
            (Position::At(position), _) if position == offsets => Assignment::Keep,
            (Position::Unassigned, _) => Assignment::Assign,
            (_, Partitions::All) => Assignment::AssignAnew,
            // A group's member keeps its consumer, which is the member.
            _ => Assignment::Assign,
        }
    }

    pub(super) fn on_offsets_assigned(&mut self, offsets: &Offsets) {
        self.position = Position::At(offsets.clone());
    }

    /// A batch begins at these offsets. The first one determines which ends the run
    /// has to reach.
    pub(super) fn on_positioned(&mut self, offsets: &Offsets) {
        if self.target == Target::Ends {
            self.target = Target::Until(self.ends_after(offsets));
        }
    }

    /// The end offsets of the partitions that are not at their end yet.
    fn ends_after(&self, offsets: &Offsets) -> Offsets {
        let Some(metadata) = self.metadata() else {
            return Offsets::new();
        };
        offsets
            .iter()
            .filter_map(|(partition, offset)| {
                let high = metadata.partitions.get(partition)?.high;
                (high > *offset).then_some((*partition, high))
            })
            .collect()
    }

    /// The limits of the next batch: what remains of the run's limits.
    pub(super) fn next_batch_limits(&self, now: Instant) -> BatchLimits {
        let limits = &self.limits;
        let capped = |duration: Option<Duration>| {
            Some(duration.map_or(MAX_BATCH_DURATION, |duration| {
                duration.min(MAX_BATCH_DURATION)
            }))
        };
        if limits.follow {
            return BatchLimits {
                duration: capped(limits.duration),
                max_records: limits.max_records,
                max_bytes: limits.max_bytes,
                target_offsets: None,
            };
        }
        let target_offsets = self.target.offsets().cloned();
        if self.must_reach_target() {
            return BatchLimits {
                duration: capped(None),
                target_offsets,
                ..BatchLimits::default()
            };
        }
        let rest = |limit: Option<u64>, used: u64| limit.map(|limit| limit.saturating_sub(used));
        let elapsed = self.elapsed(now);
        BatchLimits {
            duration: capped(limits.duration.map(|all| all.saturating_sub(elapsed))),
            max_records: rest(limits.max_records, self.records_read),
            max_bytes: rest(limits.max_bytes, self.bytes_read),
            target_offsets,
        }
    }

    /// Whether the run continues after this batch, as far as that can be known
    /// before the commit.
    pub(super) fn continues_after(&self, batch: &BatchEnd, now: Instant) -> bool {
        let ends_short = self.target.offsets().is_some_and(|target| {
            target
                .iter()
                .any(|(partition, end)| batch.next_offsets.get(partition).is_none_or(|n| n < end))
        });
        !self.is_finished(batch.close_reason, ends_short, now)
    }

    /// Decides what follows a batch. `ledger` is where the ledger ends now;
    /// `lost_race` says that another run had committed a part of the batch first.
    pub(super) fn on_batch_committed(
        &mut self,
        batch: BatchEnd,
        ledger: &Offsets,
        lost_race: bool,
        now: Instant,
    ) -> Result<NextAction, IngestError> {
        self.records_read += batch.records;
        self.bytes_read += batch.value_bytes;
        if lost_race && self.partitions == Partitions::All && !self.limits.follow {
            // Everything that this run read must be in the ledger when it ends,
            // whichever run committed it. So continue after the other run's entry
            // and read up to the same offsets.
            self.change_target(|target| target.extended_to(&batch.next_offsets));
        }
        self.change_target(|target| target.without_reached(ledger));
        let can_continue = !batch.needs_reassignment && agrees(&batch.next_offsets, ledger);
        self.position = match can_continue {
            true => Position::At(batch.next_offsets),
            false => Position::Stale,
        };
        let error = batch.kafka_error.map(IngestError::from);
        match batch.close_reason {
            CloseReason::Stopped => return Ok(NextAction::EndRun),
            CloseReason::Lost => return self.after_disconnect(error),
            _ => self.disconnects = 0,
        }
        if batch.close_reason == CloseReason::Rebalanced {
            self.on_partitions_revoked();
        }
        match error {
            Some(error) if self.should_retry(&error) => {
                self.forget_metadata();
                return Ok(NextAction::Retry(error));
            }
            Some(error) => return Err(error),
            None => {}
        }
        let target_left = self.target.has_offsets_left();
        Ok(
            match self.is_finished(batch.close_reason, target_left, now) {
                true => NextAction::EndRun,
                false => NextAction::ReadBatch,
            },
        )
    }

    fn after_disconnect(&mut self, error: Option<IngestError>) -> Result<NextAction, IngestError> {
        self.disconnects += 1;
        self.forget_metadata();
        // The next look at the topic's metadata shows what is wrong, if anything is.
        match error {
            Some(error) if self.disconnects >= MAX_DISCONNECTS => Err(error),
            _ => Ok(NextAction::ReadBatch),
        }
    }

    fn on_partitions_revoked(&mut self) {
        self.partitions = Partitions::Awaited;
        // Other partitions have other ends.
        if self.limits.until_caught_up {
            self.target = Target::Ends;
        }
    }

    /// Whether a batch that was closed for this reason was the run's last.
    fn is_finished(&self, close_reason: CloseReason, target_left: bool, now: Instant) -> bool {
        if self.limits.follow {
            return false;
        }
        match close_reason {
            CloseReason::CaughtUp => !target_left,
            CloseReason::Records | CloseReason::Bytes => !self.must_reach_target(),
            CloseReason::Duration => {
                let limit = self.limits.duration;
                let time_is_up = limit.is_some_and(|limit| self.elapsed(now) >= limit);
                time_is_up && !self.must_reach_target()
            }
            // The last one is never the reason of a batch.
            CloseReason::Rebalanced
            | CloseReason::Stopped
            | CloseReason::Lost
            | CloseReason::Joining => false,
        }
    }

    fn must_reach_target(&self) -> bool {
        matches!(self.target, Target::MustReach(_))
    }

    fn change_target(&mut self, change: impl FnOnce(Target) -> Target) {
        let target = std::mem::replace(&mut self.target, Target::None);
        self.target = change(target);
    }

    fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started_at)
    }
}

/// Whether the ledger ends at all of these offsets.
fn agrees(offsets: &Offsets, ledger: &Offsets) -> bool {
    offsets
        .iter()
        .all(|(partition, offset)| ledger.get(partition) == Some(offset))
}

#[cfg(test)]
mod tests;
