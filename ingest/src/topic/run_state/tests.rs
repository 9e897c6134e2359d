use proptest::prelude::*;
use sluice_landing::Hole;

use super::*;
use crate::kafka::{KafkaError, OffsetBounds};

const MINUTE: Duration = Duration::from_secs(60);

fn offsets(pairs: &[(i32, i64)]) -> Offsets {
    pairs.iter().copied().collect()
}

fn state_of(limits: RunLimits) -> RunState {
    RunState::new(limits, false, Instant::now())
}

fn caught_up_limits() -> RunLimits {
    RunLimits {
        until_caught_up: true,
        ..RunLimits::default()
    }
}

/// A topic whose partitions begin at 0 and end at these offsets.
fn topic_ending_at(ends: &[(i32, i64)]) -> TopicMetadata {
    TopicMetadata {
        partitions: ends
            .iter()
            .map(|(partition, high)| {
                (
                    *partition,
                    OffsetBounds {
                        low: 0,
                        high: *high,
                        end: *high,
                    },
                )
            })
            .collect(),
        ..TopicMetadata::default()
    }
}

fn batch(close_reason: CloseReason, next: &[(i32, i64)]) -> BatchEnd {
    BatchEnd {
        close_reason,
        next_offsets: offsets(next),
        records: 0,
        value_bytes: 0,
        needs_reassignment: false,
        kafka_error: None,
    }
}

fn broker_error() -> KafkaError {
    KafkaError::UnknownTopic {
        topic: "t".to_owned(),
        servers: "b:9092".to_owned(),
    }
}

fn transient_error() -> KafkaError {
    KafkaError::Failed {
        action: "read the offsets",
        topic: "t".to_owned(),
        source: rdkafka::error::KafkaError::Canceled,
    }
}

impl RunState {
    /// Commits a batch in a ledger that no other run writes to.
    fn commit_alone(&mut self, batch: BatchEnd) -> Result<NextAction, IngestError> {
        let ledger = batch.next_offsets.clone();
        self.on_batch_committed(batch, &ledger, false, self.started_at)
    }
}

#[track_caller]
fn assert_continues(action: Result<NextAction, IngestError>) {
    assert!(matches!(action, Ok(NextAction::ReadBatch)), "{action:?}");
}

#[track_caller]
fn assert_ends(action: Result<NextAction, IngestError>) {
    assert!(matches!(action, Ok(NextAction::EndRun)), "{action:?}");
}

#[test]
fn a_run_until_caught_up_ends_at_the_ends_that_it_saw_first() {
    let mut state = state_of(caught_up_limits());
    assert_eq!(state.target, Target::Ends);
    assert_eq!(state.next_batch_limits(Instant::now()).target_offsets, None);
    state.on_metadata(topic_ending_at(&[(0, 9), (1, 4)]), Instant::now());
    state.on_positioned(&offsets(&[(0, 2), (1, 4)]));
    // Partition 1 is at its end already.
    assert_eq!(state.target, Target::Until(offsets(&[(0, 9)])));
    state.on_metadata(topic_ending_at(&[(0, 50)]), Instant::now());
    state.on_positioned(&offsets(&[(0, 5)]));
    assert_eq!(state.target, Target::Until(offsets(&[(0, 9)])));
    let limits = state.next_batch_limits(Instant::now());
    assert_eq!(limits.target_offsets, Some(offsets(&[(0, 9)])));
    assert_continues(state.commit_alone(batch(CloseReason::Duration, &[(0, 6), (1, 4)])));
    assert!(state.continues_after(&batch(CloseReason::CaughtUp, &[(0, 8)]), Instant::now()));
    assert!(!state.continues_after(&batch(CloseReason::CaughtUp, &[(0, 9)]), Instant::now()));
    assert_ends(state.commit_alone(batch(CloseReason::CaughtUp, &[(0, 9), (1, 4)])));
}

#[test]
fn a_run_that_loses_the_race_must_reach_what_it_had_read() {
    let mut state = state_of(RunLimits {
        max_records: Some(10),
        ..RunLimits::default()
    });
    let mut lost = batch(CloseReason::Records, &[(0, 8), (1, 2)]);
    lost.records = 10;
    // The other run has committed partition 0 up to offset 3 only.
    let ledger = offsets(&[(0, 3), (1, 2)]);
    assert_continues(state.on_batch_committed(lost, &ledger, true, Instant::now()));
    assert_eq!(state.target, Target::MustReach(offsets(&[(0, 8)])));
    assert_eq!(state.position, Position::Stale);
    // The record limit is used up, but does not count.
    let limits = state.next_batch_limits(Instant::now());
    assert_eq!(limits.max_records, None);
    assert_eq!(limits.target_offsets, Some(offsets(&[(0, 8)])));
    assert_continues(state.commit_alone(batch(CloseReason::Duration, &[(0, 5)])));
    assert_ends(state.commit_alone(batch(CloseReason::CaughtUp, &[(0, 8)])));
    assert_eq!(state.target, Target::Until(Offsets::new()));
}

#[test]
fn a_service_or_a_group_does_not_wait_for_what_others_committed() {
    let follow = RunLimits {
        follow: true,
        ..RunLimits::default()
    };
    let grouped = RunState::new(RunLimits::default(), true, Instant::now());
    for mut state in [state_of(follow), grouped] {
        let lost = batch(CloseReason::Duration, &[(0, 8)]);
        let ledger = offsets(&[(0, 3)]);
        assert_continues(state.on_batch_committed(lost, &ledger, true, Instant::now()));
        assert_eq!(state.target, Target::None);
    }
}

#[test]
fn limits_are_what_remains_of_the_run() {
    let begin = Instant::now();
    let limits = RunLimits {
        duration: Some(30 * MINUTE),
        max_records: Some(100),
        max_bytes: Some(1000),
        ..RunLimits::default()
    };
    let mut state = RunState::new(limits, false, begin);
    let mut first = batch(CloseReason::Duration, &[(0, 60)]);
    (first.records, first.value_bytes) = (60, 300);
    let later = begin + 25 * MINUTE;
    let ledger = first.next_offsets.clone();
    assert_continues(state.on_batch_committed(first, &ledger, false, later));
    let limits = state.next_batch_limits(later);
    assert_eq!(limits.duration, Some(5 * MINUTE));
    assert_eq!(
        (limits.max_records, limits.max_bytes),
        (Some(40), Some(700))
    );
    // A batch is never longer than ten minutes.
    let limits = state.next_batch_limits(begin);
    assert_eq!(limits.duration, Some(10 * MINUTE));
    let over = begin + 30 * MINUTE;
    let last = batch(CloseReason::Duration, &[(0, 70)]);
    assert!(!state.continues_after(&last, over) && state.continues_after(&last, later));
    assert_ends(state.on_batch_committed(last, &ledger, false, over));
}

#[test]
fn a_stop_ends_any_run_and_only_a_stop_ends_a_service() {
    let mut state = state_of(RunLimits {
        follow: true,
        max_records: Some(5),
        ..RunLimits::default()
    });
    for close_reason in [
        CloseReason::Records,
        CloseReason::Duration,
        CloseReason::CaughtUp,
    ] {
        assert_continues(state.commit_alone(batch(close_reason, &[(0, 5)])));
        assert_eq!(state.next_batch_limits(Instant::now()).max_records, Some(5));
    }
    assert_ends(state.commit_alone(batch(CloseReason::Stopped, &[(0, 5)])));
}

#[test]
fn the_consumer_is_kept_only_where_it_can_continue() {
    let now = Instant::now();
    let mut state = state_of(caught_up_limits());
    let start = offsets(&[(0, 3)]);
    assert_eq!(state.plan_assignment(&start), Assignment::Assign);
    assert_eq!(state.start_without_question(&start, now), None);
    state.on_metadata(topic_ending_at(&[(0, 9)]), now);
    state.on_offsets_assigned(&start);
    assert_eq!(state.plan_assignment(&start), Assignment::Keep);
    let found = state.start_without_question(&start, now).unwrap();
    assert_eq!(found.offsets, start);
    // Another run has committed, or the brokers' answer is old.
    let elsewhere = offsets(&[(0, 4)]);
    assert_eq!(state.start_without_question(&elsewhere, now), None);
    assert_eq!(state.start_without_question(&start, now + MINUTE), None);
    assert_eq!(state.plan_assignment(&elsewhere), Assignment::AssignAnew);
    state.on_batch_failed();
    assert_eq!(state.plan_assignment(&start), Assignment::AssignAnew);
    // The consumer has delivered more than the batch accepted.
    let mut ahead = batch(CloseReason::CaughtUp, &[(0, 3)]);
    ahead.needs_reassignment = true;
    let _ = state.commit_alone(ahead);
    assert_eq!(state.plan_assignment(&start), Assignment::AssignAnew);
}

#[test]
fn a_member_reads_the_partitions_that_its_group_assigned() {
    let mut state = RunState::new(caught_up_limits(), true, Instant::now());
    assert_eq!(*state.partitions(), Partitions::NotJoined);
    state.on_group_joined();
    state.on_partitions_assigned(vec![1]);
    let start = state.own_part(BatchStart {
        offsets: offsets(&[(0, 3), (1, 4)]),
        holes: vec![Hole {
            partition: 0,
            start: 1,
            end: 3,
        }],
    });
    assert_eq!((start.offsets.len(), start.holes.len()), (1, 0));
    state.on_metadata(topic_ending_at(&[(0, 9), (1, 9)]), Instant::now());
    state.on_offsets_assigned(&start.offsets);
    state.on_positioned(&start.offsets);
    assert_eq!(state.target, Target::Until(offsets(&[(1, 9)])));
    // Other partitions have other ends, and the member keeps its consumer.
    assert_continues(state.commit_alone(batch(CloseReason::Rebalanced, &[(1, 6)])));
    assert_eq!(*state.partitions(), Partitions::Awaited);
    assert_eq!(state.target, Target::Ends);
    state.on_partitions_assigned(vec![0]);
    let start = offsets(&[(0, 3)]);
    assert_eq!(state.plan_assignment(&start), Assignment::Assign);
}

#[test]
fn a_third_disconnect_in_a_row_is_an_error() {
    let mut state = state_of(caught_up_limits());
    let lost = || BatchEnd {
        kafka_error: Some(broker_error()),
        ..batch(CloseReason::Lost, &[(0, 5)])
    };
    for _ in 0..2 {
        state.on_metadata(topic_ending_at(&[(0, 9)]), Instant::now());
        assert_continues(state.commit_alone(lost()));
        assert_eq!(state.metadata(), None);
    }
    // A batch that ends well in between resets the count.
    assert_continues(state.commit_alone(batch(CloseReason::Duration, &[(0, 6)])));
    for _ in 0..2 {
        assert_continues(state.commit_alone(lost()));
    }
    let error = state.commit_alone(lost()).unwrap_err();
    assert!(matches!(error, IngestError::Kafka(_)), "{error}");
}

#[test]
fn an_error_of_the_brokers_ends_a_run_and_is_retried_by_a_service() {
    let failed = |kafka_error| BatchEnd {
        kafka_error: Some(kafka_error),
        ..batch(CloseReason::Duration, &[(0, 5)])
    };
    let mut state = state_of(caught_up_limits());
    assert!(state.commit_alone(failed(transient_error())).is_err());
    let mut state = state_of(RunLimits {
        follow: true,
        ..RunLimits::default()
    });
    let action = state.commit_alone(failed(transient_error()));
    assert!(matches!(action, Ok(NextAction::Retry(_))), "{action:?}");
    assert!(state.commit_alone(failed(broker_error())).is_err());
}

proptest! {
    /// Whichever run commits first, a run that ends by itself has everything that it read
    /// in the ledger.
    #[test]
    fn a_run_ends_only_when_what_it_read_has_landed(
        batches in prop::collection::vec((1..9i64, 0..9i64, 0..4usize), 1..30),
    ) {
        let mut state = state_of(RunLimits { max_records: Some(20), ..RunLimits::default() });
        let (mut ledger, mut read_to) = (0, 0);
        for (length, taken_by_other, reason) in batches {
            let next = ledger + length;
            read_to = read_to.max(next);
            // Another run commits first, and this run's range no longer continues.
            let lost_race = taken_by_other > 0;
            ledger = if lost_race { ledger + taken_by_other } else { next };
            let reasons = [CloseReason::Records, CloseReason::Bytes, CloseReason::CaughtUp, CloseReason::Duration];
            let end = BatchEnd { records: length.unsigned_abs(), ..batch(reasons[reason], &[(0, next)]) };
            let action = state.on_batch_committed(end, &offsets(&[(0, ledger)]), lost_race, Instant::now());
            if matches!(action, Ok(NextAction::EndRun)) {
                prop_assert!(ledger >= read_to, "ends at {} after reading to {}", ledger, read_to);
                break;
            }
            match state.target {
                Target::MustReach(ref left) => prop_assert!(left.values().all(|end| *end > ledger)),
                _ => prop_assert!(ledger >= read_to),
            }
        }
    }
}
