//! Decides which step runs when, from the states of a job's steps, without any
//! I/O.

/// The state of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepPhase {
    /// It waits for other steps, or to be started.
    Pending,
    /// It runs; it is `stale` when its input was lost meanwhile, so that its
    /// result does not count.
    Running { stale: bool },
    /// Its result is available.
    Done,
}

/// What the decisions need to know about a step.
#[derive(Debug, Clone)]
pub(super) struct StepSpec {
    /// Steps that must be done before this one starts.
    pub(super) after: Vec<usize>,
    /// Whether its result is kept on executors, where it can be lost. Files
    /// written to gold cannot be lost.
    pub(super) staged: bool,
}

/// Why an attempt of a step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureCause {
    /// What the step itself does, as far as is known.
    Own,
    /// Rows were lost that an executor kept, or a connection was.
    LostRows {
        /// How many such failures the executors explain that were lost since the job
        /// began.
        explained: u64,
    },
    /// Its input was lost meanwhile: whatever it did does not count.
    Stale,
}

/// How often a step was started, and how often it failed since it succeeded last: its
/// result may be lost after that, for which it is not to blame.
#[derive(Debug, Clone, Copy, Default)]
struct StepCounts {
    started: u32,
    own_failures: u32,
    lost_rows: u64,
}

/// The states of all steps of a job.
#[derive(Debug, Clone)]
pub(super) struct StepStates {
    specs: Vec<StepSpec>,
    phases: Vec<StepPhase>,
    counts: Vec<StepCounts>,
}

/// What to do after an attempt of a step has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StepVerdict {
    /// Its result counts.
    Accept,
    /// The step is retried.
    Retry,
    /// The step has failed too often.
    GiveUp,
}

impl StepStates {
    pub(super) fn new(specs: Vec<StepSpec>) -> Self {
        let count = specs.len();
        Self {
            specs,
            phases: vec![StepPhase::Pending; count],
            counts: vec![StepCounts::default(); count],
        }
    }

    /// The steps that can start now.
    pub(super) fn ready_steps(&self) -> Vec<usize> {
        let is_ready = |step: &usize| {
            self.phases[*step] == StepPhase::Pending
                && self.specs[*step]
                    .after
                    .iter()
                    .all(|before| self.phases[*before] == StepPhase::Done)
        };
        (0..self.specs.len()).filter(is_ready).collect()
    }

    /// Starts a step and gives the number of the attempt, from 1.
    pub(super) fn start_attempt(&mut self, step: usize) -> u32 {
        self.phases[step] = StepPhase::Running { stale: false };
        self.counts[step].started += 1;
        self.counts[step].started
    }

    /// The step has succeeded.
    pub(super) fn on_success(&mut self, step: usize) -> StepVerdict {
        if self.phases[step] == (StepPhase::Running { stale: true }) {
            self.phases[step] = StepPhase::Pending;
            return StepVerdict::Retry;
        }
        self.phases[step] = StepPhase::Done;
        let counts = &mut self.counts[step];
        (counts.own_failures, counts.lost_rows) = (0, 0);
        StepVerdict::Accept
    }

    /// The step has failed, and another attempt may succeed.
    ///
    /// Executors that die by themselves end no job: what each of them explains does not
    /// count. A task that ends its executors is noticed by the cluster.
    pub(super) fn on_failure(
        &mut self,
        step: usize,
        cause: FailureCause,
        max_attempts: u32,
    ) -> StepVerdict {
        let counts = &mut self.counts[step];
        let is_over = match cause {
            FailureCause::Own => {
                counts.own_failures += 1;
                counts.own_failures >= max_attempts
            }
            FailureCause::LostRows { explained } => {
                counts.lost_rows += 1;
                counts.lost_rows >= u64::from(max_attempts).saturating_add(explained)
            }
            FailureCause::Stale => false,
        };
        if is_over {
            return StepVerdict::GiveUp;
        }
        self.phases[step] = StepPhase::Pending;
        StepVerdict::Retry
    }

    /// The result of a staged step was lost: it and every staged step that was
    /// computed from it must run again, and running attempts that read it do not
    /// count. A written dataset stays: its files do not depend on staged ones.
    /// Gives the steps whose results are no longer valid.
    pub(super) fn invalidate_step(&mut self, lost: usize) -> Vec<usize> {
        let mut invalid = vec![false; self.specs.len()];
        invalid[lost] = true;
        for step in lost + 1..self.specs.len() {
            invalid[step] = self.specs[step].after.iter().any(|before| invalid[*before]);
        }
        let mut reset = Vec::new();
        for step in (0..self.specs.len()).filter(|step| invalid[*step]) {
            match self.phases[step] {
                StepPhase::Done if self.specs[step].staged => {
                    self.phases[step] = StepPhase::Pending;
                    reset.push(step);
                }
                StepPhase::Running { .. } => self.phases[step] = StepPhase::Running { stale: true },
                StepPhase::Done | StepPhase::Pending => {}
            }
        }
        reset
    }

    pub(super) fn all_done(&self) -> bool {
        self.phases.iter().all(|phase| *phase == StepPhase::Done)
    }

    pub(super) fn phase(&self, step: usize) -> StepPhase {
        self.phases[step]
    }

    /// Whether nothing will read a step's result any more.
    pub(super) fn has_no_pending_readers(&self, step: usize) -> bool {
        (0..self.specs.len())
            .filter(|reader| self.specs[*reader].after.contains(&step))
            .all(|reader| self.phases[reader] == StepPhase::Done)
    }
}

#[cfg(test)]
mod tests;
