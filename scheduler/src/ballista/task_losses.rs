//! How often executors were lost while they ran the same part of a step.
//!
//! Ballista repeats the tasks of a lost executor elsewhere, as often as it takes. A
//! task that ends the process that runs it (it needs more memory than the machine
//! has, say) would end one executor after another. So the loss of an executor counts
//! as an attempt of all tasks that ran there.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// After how many lost executors a step fails.
const MAX_LOSSES: usize = 3;
/// How long the losses of a step that did not succeed are kept: for its next
/// attempt, which starts soon or never.
const KEEP_LOSSES: Duration = Duration::from_secs(3600);

/// A part of a step: the stage and the partition of its input. Tasks get a new
/// number with every attempt; this stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TaskPart {
    pub(crate) stage: usize,
    pub(crate) partition: usize,
}

/// A task that ended every executor that ran it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PoisonTask {
    pub(crate) part: TaskPart,
    /// The addresses of the executors that were lost.
    pub(crate) executors: Vec<String>,
}

/// The losses by step. A step may need several jobs of Ballista.
#[derive(Debug, Default)]
pub(super) struct TaskLosses {
    /// The step of each of Ballista's jobs.
    steps: HashMap<String, String>,
    losses: HashMap<String, StepLosses>,
}

#[derive(Debug)]
struct StepLosses {
    /// The addresses of the lost executors.
    executors: HashMap<TaskPart, Vec<String>>,
    newest: Instant,
}

impl TaskLosses {
    /// A step runs as this job of Ballista from now on.
    pub(super) fn on_step_submitted(&mut self, step: &str, job: &str) {
        self.steps.insert(job.to_owned(), step.to_owned());
    }

    /// A job of Ballista has ended. The losses of its step are kept when it failed,
    /// for the step's next attempt.
    pub(super) fn on_job_ended(&mut self, job: &str, succeeded: bool) {
        if let Some(step) = self.steps.remove(job)
            && succeeded
        {
            self.losses.remove(&step);
        }
    }

    /// The executor at `address` was lost while it ran these tasks, by job.
    pub(super) fn on_executor_lost(
        &mut self,
        address: &str,
        tasks: impl IntoIterator<Item = (String, TaskPart)>,
        now: Instant,
    ) {
        self.losses
            .retain(|_, losses| now.duration_since(losses.newest) < KEEP_LOSSES);
        for (job, part) in tasks.into_iter().collect::<HashSet<_>>() {
            // Without a step, the job has ended.
            let Some(step) = self.steps.get(&job) else {
                continue;
            };
            let losses = self
                .losses
                .entry(step.clone())
                .or_insert_with(|| StepLosses {
                    executors: HashMap::new(),
                    newest: now,
                });
            losses.newest = now;
            let executors = losses.executors.entry(part).or_default();
            executors.push(address.to_owned());
        }
    }

    /// The task for which a job of Ballista must fail.
    pub(super) fn find_poison(&self, job: &str) -> Option<PoisonTask> {
        let losses = self.losses.get(self.steps.get(job)?)?;
        let (part, executors) = losses
            .executors
            .iter()
            .filter(|(_, executors)| executors.len() >= MAX_LOSSES)
            .min_by_key(|(part, _)| **part)?;
        Some(PoisonTask {
            part: *part,
            executors: executors.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: TaskPart = TaskPart {
        stage: 1,
        partition: 4,
    };

    fn lose(losses: &mut TaskLosses, address: &str, job: &str) {
        losses.on_executor_lost(address, [(job.to_owned(), PART)], Instant::now());
    }

    #[test]
    fn the_third_lost_executor_makes_a_task_poison() {
        let mut losses = TaskLosses::default();
        losses.on_step_submitted("job-1/2", "b1");
        losses.on_step_submitted("job-2/0", "b2");
        lose(&mut losses, "h1:1", "b1");
        lose(&mut losses, "h2:1", "b1");
        assert_eq!(losses.find_poison("b1"), None);
        // The step is repeated as another job: what happened counts.
        losses.on_job_ended("b1", false);
        losses.on_step_submitted("job-1/2", "b3");
        lose(&mut losses, "h3:1", "b3");
        let poison = losses.find_poison("b3").unwrap();
        assert_eq!((poison.part, poison.executors.len()), (PART, 3));
        assert_eq!(losses.find_poison("b2"), None);
        losses.on_executor_lost("h", [], Instant::now() + KEEP_LOSSES);
        assert_eq!(losses.find_poison("b3"), None);
    }

    #[test]
    fn losses_of_different_parts_do_not_add_up_and_success_clears_them() {
        let mut losses = TaskLosses::default();
        losses.on_step_submitted("s", "b1");
        for partition in 0..5 {
            let part = TaskPart { partition, ..PART };
            let tasks = [("b1".to_owned(), part), ("b1".to_owned(), part)];
            losses.on_executor_lost("h:1", tasks, Instant::now());
        }
        assert_eq!(losses.find_poison("b1"), None);
        losses.on_job_ended("b1", true);
        losses.on_step_submitted("s", "b2");
        lose(&mut losses, "h:1", "b2");
        lose(&mut losses, "h:1", "b2");
        assert_eq!(losses.find_poison("b2"), None);
        // Jobs that have ended have no step.
        lose(&mut losses, "h:1", "b1");
        assert_eq!(losses.find_poison("b1"), None);
    }
}
