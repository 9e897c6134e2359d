//! What follows when some commits of a job have failed.

use std::time::Duration;

/// How long the commits of a job are retried. After this the job fails, and its
/// record names the tables that have their new version and those that do not.
const MAX_COMMIT_TIME: Duration = Duration::from_secs(600);

/// How one commit ended that was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommitFailure {
    /// It was not made and cannot be made: the table or the files do not allow it.
    Impossible,
    /// It was not made: the store refused it, as for lack of space.
    Refused,
    /// It was not made: the store failed, or other writers committed first.
    MaySucceedLater,
    /// It may have been made.
    Unknown,
}

/// The state of a job's commits after each of them was tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct CommitRound<'a> {
    /// Whether a table of the job may have its new version.
    pub(super) any_committed: bool,
    /// The commits that failed, at least one.
    pub(super) failures: &'a [CommitFailure],
    /// Since the first attempt.
    pub(super) elapsed: Duration,
    /// Whether the job was asked to end.
    pub(super) is_cancelled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoundVerdict {
    /// Try the failed commits again after a pause.
    Retry,
    /// No table has changed, and the job was asked to end.
    Cancelled,
    /// The job fails.
    Failed,
}

impl CommitRound<'_> {
    pub(super) fn judge(self) -> RoundVerdict {
        let has = |kind| self.failures.contains(&kind);
        let may_have_changed = self.any_committed || has(CommitFailure::Unknown);
        let all_impossible = self
            .failures
            .iter()
            .all(|failure| *failure == CommitFailure::Impossible);
        let must_fail = has(CommitFailure::Impossible) || has(CommitFailure::Refused);
        if self.is_cancelled && !may_have_changed {
            return RoundVerdict::Cancelled;
        }
        // One table that cannot be committed fails the job. When others have
        // changed, everything that may still succeed is tried: a mix of old and
        // new tables is worse than a wait.
        let is_hopeless = all_impossible || (must_fail && !may_have_changed);
        if is_hopeless || self.elapsed >= MAX_COMMIT_TIME {
            return RoundVerdict::Failed;
        }
        RoundVerdict::Retry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGINNING: CommitRound<'_> = CommitRound {
        any_committed: false,
        failures: &[CommitFailure::MaySucceedLater],
        elapsed: Duration::ZERO,
        is_cancelled: false,
    };

    #[test]
    fn a_store_that_fails_is_tried_again_for_some_time() {
        assert_eq!(BEGINNING.judge(), RoundVerdict::Retry);
        let late = CommitRound {
            elapsed: MAX_COMMIT_TIME,
            ..BEGINNING
        };
        assert_eq!(late.judge(), RoundVerdict::Failed);
    }

    #[test]
    fn what_cannot_succeed_fails_at_once() {
        let failures = &[CommitFailure::Refused, CommitFailure::MaySucceedLater];
        let mixed = CommitRound {
            failures,
            ..BEGINNING
        };
        assert_eq!(mixed.judge(), RoundVerdict::Failed);
        // With a table that has changed, the others are brought up to date first.
        let begun = CommitRound {
            any_committed: true,
            ..mixed
        };
        assert_eq!(begun.judge(), RoundVerdict::Retry);
        let hopeless = CommitRound {
            failures: &[CommitFailure::Impossible],
            ..begun
        };
        assert_eq!(hopeless.judge(), RoundVerdict::Failed);
    }

    #[test]
    fn a_job_can_be_cancelled_until_a_table_may_have_changed() {
        let cancelled = CommitRound {
            is_cancelled: true,
            ..BEGINNING
        };
        assert_eq!(cancelled.judge(), RoundVerdict::Cancelled);
        let begun = CommitRound {
            any_committed: true,
            ..cancelled
        };
        assert_eq!(begun.judge(), RoundVerdict::Retry);
        let unknown = CommitRound {
            failures: &[CommitFailure::Unknown],
            ..cancelled
        };
        assert_eq!(unknown.judge(), RoundVerdict::Retry);
    }
}
