//! What heartbeats carry in addition to Ballista's messages, as gRPC metadata: the
//! jobs that an executor works for, and what the scheduler replies.

use std::time::Duration;

use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

/// In a heartbeat: the jobs whose tasks run on the executor, separated by commas.
/// At most as many as the executor has cores.
const RUNNING_JOBS: &str = "x-sluice-running-jobs";

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
