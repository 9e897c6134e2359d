//! Decides which step runs when, from the states of a job's steps, without any
//! I/O.

/// The state of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
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
pub(super) struct Plan {
    /// Steps that must be done before this one starts.
    pub(super) after: Vec<usize>,
    /// Whether its result is kept on executors, where it can be lost. Files
    /// written to gold cannot be lost.
    pub(super) staged: bool,
}

/// The states of all steps of a job.
#[derive(Debug, Clone)]
pub(super) struct Board {
    plans: Vec<Plan>,
    phases: Vec<Phase>,
    attempts: Vec<u32>,
}

/// What to do after an attempt of a step has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its result counts.
    Keep,
    /// The step is retried.
    Again,
    /// The step has failed too often.
    GiveUp,
}

impl Board {
    pub(super) fn new(plans: Vec<Plan>) -> Self {
        let count = plans.len();
        Self {
            plans,
            phases: vec![Phase::Pending; count],
            attempts: vec![0; count],
        }
    }

    /// The steps that can start now.
    pub(super) fn ready(&self) -> Vec<usize> {
        let can = |step: &usize| {
            self.phases[*step] == Phase::Pending
                && self.plans[*step]
                    .after
                    .iter()
                    .all(|before| self.phases[*before] == Phase::Done)
        };
        (0..self.plans.len()).filter(can).collect()
    }

    /// Starts a step and gives the number of the attempt, from 1.
    pub(super) fn start(&mut self, step: usize) -> u32 {
        self.phases[step] = Phase::Running { stale: false };
        self.attempts[step] += 1;
        self.attempts[step]
    }

    /// The step has succeeded.
    pub(super) fn succeed(&mut self, step: usize) -> Verdict {
        if self.phases[step] == (Phase::Running { stale: true }) {
            self.phases[step] = Phase::Pending;
            return Verdict::Again;
        }
        self.phases[step] = Phase::Done;
        Verdict::Keep
    }

    /// The step has failed, and another attempt may succeed.
    pub(super) fn fail(&mut self, step: usize, max_attempts: u32) -> Verdict {
        if self.attempts[step] >= max_attempts {
            return Verdict::GiveUp;
        }
        self.phases[step] = Phase::Pending;
        Verdict::Again
    }

    /// The result of a staged step was lost: it and every staged step that was
    /// computed from it must run again, and running attempts that read it do not
    /// count. A written dataset stays: its files do not depend on staged ones.
    /// Gives the steps whose results are no longer valid.
    pub(super) fn lose(&mut self, lost: usize) -> Vec<usize> {
        let mut void = vec![false; self.plans.len()];
        void[lost] = true;
        for step in lost + 1..self.plans.len() {
            void[step] = self.plans[step].after.iter().any(|before| void[*before]);
        }
        let mut reset = Vec::new();
        for step in (0..self.plans.len()).filter(|step| void[*step]) {
            match self.phases[step] {
                Phase::Done if self.plans[step].staged => {
                    self.phases[step] = Phase::Pending;
                    reset.push(step);
                }
                Phase::Running { .. } => self.phases[step] = Phase::Running { stale: true },
                Phase::Done | Phase::Pending => {}
            }
        }
        reset
    }

    pub(super) fn done(&self) -> bool {
        self.phases.iter().all(|phase| *phase == Phase::Done)
    }

    pub(super) fn phase(&self, step: usize) -> Phase {
        self.phases[step]
    }

    /// Whether nothing will read a step's result any more.
    pub(super) fn unread(&self, step: usize) -> bool {
        (0..self.plans.len())
            .filter(|reader| self.plans[*reader].after.contains(&step))
            .all(|reader| self.phases[reader] == Phase::Done)
    }
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
