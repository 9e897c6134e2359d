//! Random jobs: every job ends, and no step runs too early.

use super::*;

fn board(plans: &[(&[usize], bool)]) -> StepStates {
    StepStates::new(
        plans
            .iter()
            .map(|(after, staged)| StepSpec {
                after: after.to_vec(),
                staged: *staged,
            })
            .collect(),
    )
}

#[test]
fn a_step_waits_for_what_it_reads() {
    let mut board = board(&[(&[], true), (&[0], false), (&[0], false)]);
    assert_eq!(board.ready_steps(), [0]);
    assert_eq!(board.start_attempt(0), 1);
    assert!(board.ready_steps().is_empty());
    assert_eq!(board.on_success(0), StepVerdict::Accept);
    assert_eq!(board.ready_steps(), [1, 2]);
}

#[test]
fn a_step_that_failed_too_often_is_given_up() {
    let mut board = board(&[(&[], false)]);
    board.start_attempt(0);
    let own = FailureCause::Own;
    assert_eq!(board.on_failure(0, own, 2), StepVerdict::Retry);
    assert_eq!(board.start_attempt(0), 2);
    assert_eq!(board.on_failure(0, own, 2), StepVerdict::GiveUp);
}

#[test]
fn executors_that_die_by_themselves_end_no_job() {
    let mut board = board(&[(&[], true), (&[0], false)]);
    // An executor is lost in each minute of a long step, and its input with it.
    for lost in 1..100 {
        board.start_attempt(0);
        board.on_success(0);
        assert_eq!(board.start_attempt(1), u32::try_from(lost).unwrap());
        assert_eq!(board.invalidate_step(0), [0]);
        let cause = FailureCause::LostRows { explained: lost };
        assert_eq!(board.on_failure(1, cause, 4), StepVerdict::Retry);
    }
    // Its own failures are counted by themselves, and so are those of its input.
    for step in [0, 1] {
        for failure in 1..4 {
            board.start_attempt(step);
            let verdict = board.on_failure(step, FailureCause::Own, 4);
            assert_eq!(verdict, StepVerdict::Retry, "{step} {failure}");
        }
        board.start_attempt(step);
        board.on_success(step);
    }
    assert!(board.all_done());
}

#[test]
fn rows_that_are_lost_without_a_lost_executor_end_the_job() {
    let mut board = board(&[(&[], true), (&[0], false)]);
    let explained = 2;
    for failure in 1..=6 {
        board.start_attempt(0);
        board.on_success(0);
        board.start_attempt(1);
        board.invalidate_step(0);
        let verdict = board.on_failure(1, FailureCause::LostRows { explained }, 4);
        let expected = match failure {
            6 => StepVerdict::GiveUp,
            _ => StepVerdict::Retry,
        };
        assert_eq!(verdict, expected, "{failure}");
    }
}

#[test]
fn failures_before_a_success_do_not_count_when_its_result_is_lost() {
    let mut board = board(&[(&[], true), (&[0], false)]);
    for _ in 0..10 {
        board.start_attempt(0);
        assert_eq!(
            board.on_failure(0, FailureCause::Own, 2),
            StepVerdict::Retry
        );
        board.start_attempt(0);
        board.on_success(0);
        board.start_attempt(1);
        board.invalidate_step(0);
        // It was reading what was lost.
        assert_eq!(
            board.on_failure(1, FailureCause::Stale, 2),
            StepVerdict::Retry
        );
    }
}

#[test]
fn a_lost_stage_voids_what_was_staged_from_it_but_no_dataset() {
    // rows → repeats; a dataset from both is done, another one runs.
    let mut board = board(&[
        (&[], true),
        (&[0], true),
        (&[0, 1], false),
        (&[0, 1], false),
    ]);
    for step in [0, 1] {
        board.start_attempt(step);
        board.on_success(step);
    }
    board.start_attempt(2);
    board.on_success(2);
    board.start_attempt(3);
    assert_eq!(board.invalidate_step(0), [0, 1]);
    assert_eq!(board.phase(2), StepPhase::Done);
    // The result of the running one does not count.
    assert_eq!(board.phase(3), StepPhase::Running { stale: true });
    assert_eq!(board.on_success(3), StepVerdict::Retry);
    assert_eq!(board.ready_steps(), [0]);
}

#[test]
fn a_stage_is_unread_when_every_reader_is_done() {
    let mut board = board(&[(&[], true), (&[0], false), (&[0], false)]);
    for step in [0, 1] {
        board.start_attempt(step);
        board.on_success(step);
    }
    assert!(!board.has_no_pending_readers(0));
    board.start_attempt(2);
    board.on_success(2);
    assert!(board.has_no_pending_readers(0));
}

/// A small generator, so that every run tries the same jobs.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap_or(0)
    }
}

#[test]
fn random_jobs_end_and_every_result_was_computed_from_results_that_count() {
    for seed in 1..400 {
        let mut random = Random(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
        let count = 1 + random.below(8);
        let plans: Vec<StepSpec> = (0..count)
            .map(|step| StepSpec {
                after: (0..step).filter(|_| random.below(3) == 0).collect(),
                staged: random.below(2) == 0,
            })
            .collect();
        // A dataset's files are not read from executors, so only staged steps
        // are lost.
        let mut board = StepStates::new(plans.clone());
        let mut version = vec![0_u32; count];
        let mut built_from: Vec<Vec<(usize, u32)>> = vec![Vec::new(); count];
        let mut running: Vec<usize> = Vec::new();
        let mut losses = 0;
        for _ in 0..10_000 {
            if board.all_done() {
                break;
            }
            for step in board.ready_steps() {
                board.start_attempt(step);
                built_from[step] = plans[step]
                    .after
                    .iter()
                    .map(|before| (*before, version[*before]))
                    .collect();
                running.push(step);
            }
            assert!(
                !running.is_empty(),
                "seed {seed}: nothing runs and nothing is ready"
            );
            let step = running.swap_remove(random.below(running.len()));
            match random.below(6) {
                0 => {
                    board.on_failure(step, FailureCause::Own, u32::MAX);
                }
                1 if losses < 20 => {
                    let done: Vec<usize> = (0..count)
                        .filter(|s| plans[*s].staged && board.phase(*s) == StepPhase::Done)
                        .collect();
                    if !done.is_empty() {
                        losses += 1;
                        let lost = done[random.below(done.len())];
                        for void in board.invalidate_step(lost) {
                            version[void] += 1;
                        }
                    }
                    board.on_failure(step, FailureCause::Own, u32::MAX);
                }
                _ => {
                    board.on_success(step);
                }
            }
        }
        assert!(board.all_done(), "seed {seed} does not end");
        for step in 0..count {
            for (before, at) in &built_from[step] {
                if plans[step].staged {
                    assert_eq!(
                        version[*before], *at,
                        "seed {seed}: staged step {step} was built from a lost result"
                    );
                }
            }
        }
    }
}
