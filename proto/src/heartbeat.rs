//! What heartbeats and reports of tasks carry in addition to Ballista's messages, as
//! gRPC metadata: the jobs and tasks that an executor has, whether it can keep data,
//! and what the scheduler replies.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

/// In a heartbeat: the jobs whose tasks run on the executor, separated by commas.
/// At most as many as the executor has cores.
const RUNNING_JOBS: &str = "x-sluice-running-jobs";

/// In a heartbeat: the tasks that run on the executor, and those whose end the
/// scheduler has not acknowledged.
const TASKS: &str = "x-sluice-tasks";

/// In heartbeats and reports: why the executor cannot keep data.
const UNHEALTHY: &str = "x-sluice-unhealthy-bin";

/// HTTP/2 implementations accept 16 KiB of headers by default. A longer list of
/// tasks is left out.
const MAX_TASKS_BYTES: usize = 8 * 1024;

const INSTANCE: &str = "x-sluice-scheduler";
const ACTIVE_JOBS: &str = "x-sluice-active-jobs";
const EXECUTOR_TIMEOUT: &str = "x-sluice-executor-timeout-ms";
const ENDED_JOBS: &str = "x-sluice-ended-jobs";

/// Writes into a heartbeat the jobs whose tasks run on the executor, by the names
/// that the scheduler gave them.
pub fn write_running_jobs<'a>(metadata: &mut MetadataMap, jobs: impl IntoIterator<Item = &'a str>) {
    insert_if_valid(metadata, RUNNING_JOBS, join_jobs(jobs).parse());
}

/// The jobs that a heartbeat names as running.
pub fn read_running_jobs(metadata: &MetadataMap) -> impl Iterator<Item = &str> {
    split_jobs(header_text(metadata, RUNNING_JOBS).unwrap_or_default())
}

/// A task, by the numbers that scheduler and executor both use.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskName {
    /// Ballista's job.
    pub job: String,
    pub stage: usize,
    /// Which attempt of the stage it belongs to.
    pub attempt: usize,
    pub task: usize,
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}.{}/{}",
            self.job, self.stage, self.attempt, self.task
        )
    }
}

impl TaskName {
    /// The task that its text names; `None` for any other text.
    fn parse(text: &str) -> Option<Self> {
        let (rest, task) = text.rsplit_once('/')?;
        let (job, stage) = rest.rsplit_once('/')?;
        let (stage, attempt) = stage.split_once('.')?;
        Some(Self {
            job: job.to_owned(),
            stage: stage.parse().ok()?,
            attempt: attempt.parse().ok()?,
            task: task.parse().ok()?,
        })
    }
}

/// Writes into a heartbeat the tasks that the executor has. A list that is too long
/// for a header is left out: the scheduler then concludes nothing from it.
pub fn write_tasks(metadata: &mut MetadataMap, tasks: &HashSet<TaskName>) {
    let names: Vec<String> = tasks.iter().map(ToString::to_string).collect();
    let list = names.join(",");
    if list.len() <= MAX_TASKS_BYTES {
        insert_if_valid(metadata, TASKS, list.parse());
    }
}

/// The tasks that a heartbeat names; `None` when it says nothing about tasks.
pub fn read_tasks(metadata: &MetadataMap) -> Option<HashSet<TaskName>> {
    split_jobs(header_text(metadata, TASKS)?)
        .map(TaskName::parse)
        .collect()
}

/// Writes into a heartbeat or report why the executor cannot keep data, if it cannot.
pub fn write_unhealthy(metadata: &mut MetadataMap, reason: Option<&str>) {
    if let Some(reason) = reason {
        let value = MetadataValue::from_bytes(reason.as_bytes());
        metadata.insert_bin(UNHEALTHY, value);
    }
}

/// Why the executor that sent this cannot keep data.
pub fn read_unhealthy(metadata: &MetadataMap) -> Option<String> {
    let value = metadata.get_bin(UNHEALTHY)?.to_bytes().ok()?;
    Some(String::from_utf8_lossy(&value).into_owned())
}

/// What the scheduler reports in its reply to a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeartbeatReply {
    /// Identifies one run of the scheduler process. Another value means that the
    /// process was restarted and no longer knows which tasks it gave to executors.
    pub instance: Option<String>,
    /// How many jobs are running or waiting. With none, executors can remove all
    /// data that they keep for jobs.
    pub active_jobs: Option<u64>,
    /// The silence after which the scheduler gives the executor's work to others.
    pub executor_timeout: Option<Duration>,
    /// Which of the jobs named in the heartbeat have ended. A cancel does not reach
    /// a task that is still being dispatched; this does.
    pub ended_jobs: Vec<String>,
}

impl HeartbeatReply {
    /// The reply in a response's metadata. Values that are missing or cannot be
    /// read are left out.
    pub fn from_metadata(metadata: &MetadataMap) -> Self {
        let number = |name| header_text(metadata, name).and_then(|text| text.parse::<u64>().ok());
        let ended_jobs = header_text(metadata, ENDED_JOBS).unwrap_or_default();
        Self {
            instance: header_text(metadata, INSTANCE).map(ToOwned::to_owned),
            active_jobs: number(ACTIVE_JOBS),
            executor_timeout: number(EXECUTOR_TIMEOUT).map(Duration::from_millis),
            ended_jobs: split_jobs(ended_jobs).map(ToOwned::to_owned).collect(),
        }
    }

    /// Adds the reply to a response's metadata.
    pub fn write_to(&self, metadata: &mut MetadataMap) {
        if let Some(instance) = &self.instance {
            insert_if_valid(metadata, INSTANCE, instance.parse());
        }
        if let Some(count) = self.active_jobs {
            metadata.insert(ACTIVE_JOBS, count.into());
        }
        if let Some(timeout) = self.executor_timeout {
            let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
            metadata.insert(EXECUTOR_TIMEOUT, millis.into());
        }
        if !self.ended_jobs.is_empty() {
            let jobs = join_jobs(self.ended_jobs.iter().map(String::as_str));
            insert_if_valid(metadata, ENDED_JOBS, jobs.parse());
        }
    }
}

/// Leaves a value out that a header cannot hold: heartbeats are more important
/// than what they report.
fn insert_if_valid<E>(
    metadata: &mut MetadataMap,
    name: &'static str,
    value: Result<MetadataValue<Ascii>, E>,
) {
    if let Ok(value) = value {
        metadata.insert(name, value);
    }
}

fn header_text<'a>(metadata: &'a MetadataMap, name: &str) -> Option<&'a str> {
    metadata.get(name).and_then(|value| value.to_str().ok())
}

fn join_jobs<'a>(jobs: impl IntoIterator<Item = &'a str>) -> String {
    jobs.into_iter().collect::<Vec<_>>().join(",")
}

fn split_jobs(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').filter(|job| !job.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn jobs_come_back_as_they_went() {
        for jobs in [&[][..], &["a"], &["a", "b-2", "c"]] {
            let mut metadata = MetadataMap::new();
            write_running_jobs(&mut metadata, jobs.iter().copied());
            assert_eq!(read_running_jobs(&metadata).collect::<Vec<_>>(), jobs);
        }
        assert_eq!(read_running_jobs(&MetadataMap::new()).count(), 0);
    }

    #[test]
    fn tasks_come_back_as_they_went_unless_they_are_too_many() {
        let task = |task| TaskName {
            job: "j-1".to_owned(),
            stage: 2,
            attempt: 1,
            task,
        };
        for count in [0, 1, 3] {
            let tasks: HashSet<TaskName> = (0..count).map(task).collect();
            let mut metadata = MetadataMap::new();
            write_tasks(&mut metadata, &tasks);
            assert_eq!(read_tasks(&metadata), Some(tasks));
        }
        let mut metadata = MetadataMap::new();
        write_tasks(&mut metadata, &(0..2_000).map(task).collect());
        assert_eq!(read_tasks(&metadata), None);
        metadata.insert(TASKS, "j/1.0/2,nonsense".parse().unwrap());
        assert_eq!(read_tasks(&metadata), None);
    }

    #[test]
    fn the_reason_why_an_executor_cannot_keep_data_may_hold_any_text() {
        let mut metadata = MetadataMap::new();
        write_unhealthy(&mut metadata, None);
        assert_eq!(read_unhealthy(&metadata), None);
        let reason = "h1: cannot write /Daten/größer: No space left";
        write_unhealthy(&mut metadata, Some(reason));
        assert_eq!(read_unhealthy(&metadata).as_deref(), Some(reason));
    }

    #[test]
    fn answers_are_read_from_headers() {
        let mut headers = MetadataMap::new();
        assert_eq!(
            HeartbeatReply::from_metadata(&headers),
            HeartbeatReply::default()
        );
        headers.insert(INSTANCE, "a-1".parse().unwrap());
        headers.insert(ACTIVE_JOBS, "3".parse().unwrap());
        headers.insert(EXECUTOR_TIMEOUT, "5000".parse().unwrap());
        headers.insert(ENDED_JOBS, "j1,j2".parse().unwrap());
        let read = HeartbeatReply::from_metadata(&headers);
        assert_eq!(read.instance.as_deref(), Some("a-1"));
        assert_eq!(read.active_jobs, Some(3));
        assert_eq!(read.executor_timeout, Some(Duration::from_secs(5)));
        assert_eq!(read.ended_jobs, ["j1", "j2"]);
    }

    #[test]
    fn what_cannot_be_read_or_written_is_left_out() {
        let mut headers = MetadataMap::new();
        headers.insert(ACTIVE_JOBS, "many".parse().unwrap());
        headers.insert(EXECUTOR_TIMEOUT, "-1".parse().unwrap());
        headers.insert(ENDED_JOBS, ",,".parse().unwrap());
        assert_eq!(
            HeartbeatReply::from_metadata(&headers),
            HeartbeatReply::default()
        );
        let mut headers = MetadataMap::new();
        write_running_jobs(&mut headers, ["a\nb"]);
        assert!(headers.is_empty());
    }

    proptest! {
        #[test]
        fn a_reply_is_read_as_it_was_written(
            instance in proptest::option::of("[a-z0-9-]{1,36}"),
            active_jobs in proptest::option::of(any::<u64>()),
            timeout_ms in proptest::option::of(any::<u64>()),
            ended_jobs in proptest::collection::vec("[a-z0-9-]{1,20}", 0..5),
        ) {
            let reply = HeartbeatReply {
                instance,
                active_jobs,
                executor_timeout: timeout_ms.map(Duration::from_millis),
                ended_jobs,
            };
            let mut metadata = MetadataMap::new();
            reply.write_to(&mut metadata);
            prop_assert_eq!(HeartbeatReply::from_metadata(&metadata), reply);
        }
    }
}
