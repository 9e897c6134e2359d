//! The metrics that `/metrics` shows.

use std::time::Duration;

use ballista_core::JobId;
use ballista_scheduler::metrics::SchedulerMetricsCollector;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};
use sluice_proto::v1::JobState;

use super::executors::{ExecutorInfo, ExecutorState};

/// The scheduler's metrics. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    pub(super) registry: Registry,
    jobs: IntGaugeVec,
    jobs_submitted: IntCounter,
    jobs_ended: IntCounterVec,
    job_seconds: HistogramVec,
    plans_ended: IntCounterVec,
    executors: IntGaugeVec,
    vcores: IntGauge,
    vcores_free: IntGauge,
    tasks_pending: IntGauge,
    resident_bytes: IntGauge,
}

impl Metrics {
    /// All metrics at zero.
    ///
    /// # Errors
    /// When two metrics have the same name.
    pub(super) fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let gauge = |name: &str, help: &str| -> prometheus::Result<IntGauge> {
            let gauge = IntGauge::new(format!("sluice_scheduler_{name}"), help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let gauges = |name: &str, help: &str, label: &str| -> prometheus::Result<IntGaugeVec> {
            let gauges = IntGaugeVec::new(
                Opts::new(format!("sluice_scheduler_{name}"), help),
                &[label],
            )?;
            registry.register(Box::new(gauges.clone()))?;
            Ok(gauges)
        };
        let counters = |name: &str, help: &str, label: &str| -> prometheus::Result<IntCounterVec> {
            let counters = IntCounterVec::new(
                Opts::new(format!("sluice_scheduler_{name}"), help),
                &[label],
            )?;
            registry.register(Box::new(counters.clone()))?;
            Ok(counters)
        };
        let submitted = IntCounter::new(
            "sluice_scheduler_jobs_submitted_total",
            "Jobs accepted since the start.",
        )?;
        registry.register(Box::new(submitted.clone()))?;
        let buckets = vec![
            0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0,
        ];
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "sluice_scheduler_job_duration_seconds",
                "From submission to end, by the state that the job ended in.",
            )
            .buckets(buckets),
            &["state"],
        )?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self {
            jobs: gauges("jobs", "Jobs on record, by state.", "state")?,
            jobs_submitted: submitted,
            jobs_ended: counters(
                "jobs_ended_total",
                "Jobs that ended since the start, by state.",
                "state",
            )?,
            job_seconds: seconds,
            plans_ended: counters(
                "plans_total",
                "Plans that the executors ran, by outcome.",
                "outcome",
            )?,
            executors: gauges("executors", "Registered executors, by state.", "state")?,
            vcores: gauge("vcores", "Tasks that the executors may run at a time.")?,
            vcores_free: gauge("vcores_free", "How many of the vcores are free.")?,
            tasks_pending: gauge("tasks_pending", "Tasks that wait for a free core.")?,
            resident_bytes: gauge(
                "resident_memory_bytes",
                "Memory that the process holds now.",
            )?,
            registry,
        })
    }

    /// Counts a job that was accepted.
    pub fn count_job_submitted(&self) {
        self.jobs_submitted.inc();
    }

    /// Counts a job that ended in `state`, this long after its submission.
    pub fn count_job_ended(&self, state: JobState, took: Duration) {
        self.jobs_ended.with_label_values(&[state.name()]).inc();
        self.job_seconds
            .with_label_values(&[state.name()])
            .observe(took.as_secs_f64());
    }

    /// Updates the gauges.
    pub(super) fn refresh_gauges(&self, counts: &[(JobState, usize)], executors: &[ExecutorInfo]) {
        for state in JobState::ALL {
            let count = counts
                .iter()
                .filter(|(s, _)| *s == state)
                .map(|(_, n)| *n)
                .sum::<usize>();
            self.jobs
                .with_label_values(&[state.name()])
                .set(saturating_i64(count as u64));
        }
        for (state, name) in [
            (ExecutorState::Active, "active"),
            (ExecutorState::Draining, "draining"),
        ] {
            let count = executors.iter().filter(|e| e.state == state).count();
            self.executors
                .with_label_values(&[name])
                .set(saturating_i64(count as u64));
        }
        let active = || {
            executors
                .iter()
                .filter(|e| e.state == ExecutorState::Active)
        };
        self.vcores.set(active().map(|e| i64::from(e.vcores)).sum());
        self.vcores_free
            .set(active().map(|e| i64::from(e.vcores_free)).sum());
        if let Some(bytes) = sluice_service::memory::resident_bytes() {
            self.resident_bytes.set(saturating_i64(bytes));
        }
    }
}

fn saturating_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Ballista counts each plan as a job; one job of ours runs several plans.
impl SchedulerMetricsCollector for Metrics {
    fn record_submitted(&self, _: &JobId, _: u64, _: u64) {}

    fn record_completed(&self, _: &JobId, _: u64, _: u64) {
        self.plans_ended.with_label_values(&["succeeded"]).inc();
    }

    fn record_failed(&self, _: &JobId, _: u64, _: u64) {
        self.plans_ended.with_label_values(&["failed"]).inc();
    }

    fn record_cancelled(&self, _: &JobId) {
        self.plans_ended.with_label_values(&["cancelled"]).inc();
    }

    fn set_pending_tasks_queue_size(&self, value: u64) {
        self.tasks_pending.set(saturating_i64(value));
    }

    fn gather_metrics(&self) -> ballista_core::error::Result<Option<(Vec<u8>, String)>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{Encoder, TextEncoder};

    use super::*;

    fn executor(state: ExecutorState, free: u32) -> ExecutorInfo {
        ExecutorInfo {
            id: "e".to_owned(),
            host: "h".to_owned(),
            grpc_port: 1,
            flight_port: 2,
            state,
            vcores: 4,
            vcores_free: free,
            tasks_given: 0,
            registered_seconds: 0.0,
            last_heartbeat_seconds: 0.0,
            resident_memory_bytes: None,
        }
    }

    #[test]
    fn jobs_executors_and_cores_show() {
        let metrics = Metrics::new().unwrap();
        metrics.count_job_submitted();
        metrics.count_job_ended(JobState::Succeeded, Duration::from_millis(300));
        metrics.record_cancelled(&"j".into());
        let executors = [
            executor(ExecutorState::Active, 3),
            executor(ExecutorState::Draining, 4),
        ];
        metrics.refresh_gauges(&[(JobState::Running, 2)], &executors);
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&metrics.registry.gather(), &mut text)
            .unwrap();
        let text = String::from_utf8(text).unwrap();
        let running = JobState::Running.name();
        let succeeded = JobState::Succeeded.name();
        for line in [
            format!("sluice_scheduler_jobs{{state=\"{running}\"}} 2"),
            format!("sluice_scheduler_jobs{{state=\"{succeeded}\"}} 0"),
            format!("sluice_scheduler_jobs_ended_total{{state=\"{succeeded}\"}} 1"),
            format!("sluice_scheduler_job_duration_seconds_count{{state=\"{succeeded}\"}} 1"),
            "sluice_scheduler_jobs_submitted_total 1".to_owned(),
            "sluice_scheduler_plans_total{outcome=\"cancelled\"} 1".to_owned(),
            "sluice_scheduler_executors{state=\"active\"} 1".to_owned(),
            "sluice_scheduler_executors{state=\"draining\"} 1".to_owned(),
            "sluice_scheduler_vcores 4".to_owned(),
            "sluice_scheduler_vcores_free 3".to_owned(),
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
    }
}
