use std::time::Duration;

use super::*;

fn task(task: usize) -> TaskName {
    TaskName {
        job: "j".to_owned(),
        stage: 1,
        attempt: 0,
        task,
    }
}

fn register(tracker: &ExecutorTracker, id: &str, now: Instant) {
    tracker.on_registered(id, format!("{id}:1"), 2, now);
}

/// A task of one core that processes the partition of its number.
fn bind(tracker: &ExecutorTracker, id: &str, task: TaskName) {
    let partitions = vec![task.task];
    tracker.on_task_bound(id, task, AssignedTask::new(1, partitions));
}

#[test]
fn silence_is_recorded_and_reset() {
    let tracker = ExecutorTracker::default();
    let start = Instant::now();
    register(&tracker, "e1", start);
    let later = start + Duration::from_secs(6);
    let limit = later.checked_sub(Duration::from_secs(5)).unwrap();
    assert_eq!(tracker.silent_executors(limit), ["e1"]);
    tracker.on_heartbeat("e1", later);
    assert!(tracker.silent_executors(limit).is_empty());
    register(&tracker, "e2", start);
    tracker.reset_silence(later);
    assert!(tracker.silent_executors(limit).is_empty());
    tracker.on_removing("e1", "silent");
    tracker.on_removed("e1", later, 7);
    assert!(tracker.find_executor("e1").is_none());
    let lost = tracker.lost_executors();
    assert_eq!(
        (lost.len(), lost[0].reason.as_str(), lost[0].lost_ms),
        (1, "silent", 7)
    );
    // Unknown executors get no record.
    bind(&tracker, "e3", task(0));
    assert!(tracker.find_executor("e3").is_none());
}

#[test]
fn cores_that_ballista_forgets_are_found_again() {
    let tracker = ExecutorTracker::default();
    register(&tracker, "e1", Instant::now());
    bind(&tracker, "e1", task(0));
    bind(&tracker, "e1", task(1));
    assert_eq!(tracker.find_executor("e1").unwrap().used_cores(), 2);
    assert!(tracker.leaked_cores().is_empty());
    // The usual case: the end is reported, then the core is returned.
    assert!(tracker.on_task_ended("e1", &task(0)));
    assert!(!tracker.on_task_ended("e1", &task(0)), "reported twice");
    assert!(tracker.leaked_cores().is_empty(), "one check is not enough");
    assert_eq!(tracker.return_cores("e1", 1), 1);
    assert!(tracker.leaked_cores().is_empty());
    // The stage was rolled back: the end is reported, no core is returned.
    assert!(tracker.on_task_ended("e1", &task(1)));
    assert_eq!(tracker.return_cores("e1", 0), 0);
    assert!(tracker.leaked_cores().is_empty());
    assert_eq!(tracker.leaked_cores(), [("e1".to_owned(), 1)]);
    assert_eq!(tracker.return_cores("e1", 1), 1);
    assert!(tracker.leaked_cores().is_empty());
    // Returned twice: the executor does not get more cores than it has.
    assert_eq!(tracker.return_cores("e1", 1), 0);
}

#[test]
fn tasks_of_ended_jobs_are_forgotten() {
    let tracker = ExecutorTracker::default();
    register(&tracker, "e1", Instant::now());
    bind(&tracker, "e1", task(0));
    tracker.retain_jobs(|job| job == "j");
    assert_eq!(tracker.find_executor("e1").unwrap().used_cores(), 1);
    tracker.retain_jobs(|_| false);
    assert_eq!(tracker.find_executor("e1").unwrap().used_cores(), 0);
}

#[test]
fn a_task_that_its_executor_does_not_name_twice_is_lost() {
    let tracker = ExecutorTracker::default();
    register(&tracker, "e1", Instant::now());
    bind(&tracker, "e1", task(0));
    bind(&tracker, "e1", task(1));
    let named = |tasks: &[usize]| tasks.iter().map(|number| task(*number)).collect();
    // It has not arrived yet.
    for _ in 0..3 {
        assert!(tracker.take_lost_tasks("e1", &named(&[])).is_empty());
    }
    tracker.on_tasks_launched("e1", &[task(0), task(1)]);
    assert!(tracker.take_lost_tasks("e1", &named(&[1])).is_empty());
    assert!(tracker.take_lost_tasks("e1", &named(&[0, 1])).is_empty());
    assert!(tracker.take_lost_tasks("e1", &named(&[1])).is_empty());
    assert_eq!(tracker.take_lost_tasks("e1", &named(&[1])), [task(0)]);
    assert!(!tracker.on_task_ended("e1", &task(0)), "it is repeated");
    assert!(tracker.take_lost_tasks("e1", &named(&[1])).is_empty());
}

#[test]
fn an_executor_that_registers_again_keeps_its_tasks() {
    let tracker = ExecutorTracker::default();
    register(&tracker, "e1", Instant::now());
    bind(&tracker, "e1", task(0));
    register(&tracker, "e1", Instant::now());
    assert!(tracker.on_task_ended("e1", &task(0)));
}

#[test]
fn the_loss_of_an_executor_counts_for_the_tasks_that_ran_there() {
    let tracker = ExecutorTracker::default();
    tracker.on_step_submitted("step", "j");
    for executor in ["e1", "e2", "e3"] {
        assert_eq!(tracker.find_poison("j"), None);
        register(&tracker, executor, Instant::now());
        bind(&tracker, executor, task(7));
        tracker.on_removed(executor, Instant::now(), 7);
    }
    let poison = tracker.find_poison("j").unwrap();
    assert_eq!(poison.part.partition, 7);
    assert_eq!(poison.executors, ["e1:1", "e2:1", "e3:1"]);
}

#[test]
fn an_executor_with_a_problem_is_quarantined_until_it_has_none() {
    let tracker = ExecutorTracker::default();
    register(&tracker, "e1", Instant::now());
    let problem = || Some("the disk is full".to_owned());
    assert!(tracker.set_problem("e1", problem()));
    assert!(!tracker.set_problem("e1", problem()), "nothing new");
    assert!(tracker.is_quarantined("e1") && !tracker.is_quarantined("e2"));
    assert_eq!(tracker.common_problem(), problem());
    register(&tracker, "e2", Instant::now());
    assert_eq!(tracker.common_problem(), None);
    assert!(tracker.set_problem("e1", None));
    assert!(!tracker.is_quarantined("e1"));
}
