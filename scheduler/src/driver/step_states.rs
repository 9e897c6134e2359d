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

/// The states of all steps of a job.
#[derive(Debug, Clone)]
pub(super) struct StepStates {
    specs: Vec<StepSpec>,
    phases: Vec<StepPhase>,
    attempts: Vec<u32>,
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
            attempts: vec![0; count],
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
        self.attempts[step] += 1;
        self.attempts[step]
    }

    /// The step has succeeded.
    pub(super) fn on_success(&mut self, step: usize) -> StepVerdict {
        if self.phases[step] == (StepPhase::Running { stale: true }) {
            self.phases[step] = StepPhase::Pending;
            return StepVerdict::Retry;
        }
        self.phases[step] = StepPhase::Done;
        StepVerdict::Accept
    }

    /// The step has failed, and another attempt may succeed.
    pub(super) fn on_failure(&mut self, step: usize, max_attempts: u32) -> StepVerdict {
        if self.attempts[step] >= max_attempts {
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
