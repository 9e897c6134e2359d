//! The metrics that `/metrics` shows.

use std::time::Duration;

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};
use sluice_proto::v1::JobState;

/// How a plan that the executors ran has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlanOutcome {
    Succeeded,
    Failed,
    Cancelled,
}

impl PlanOutcome {
    const ALL: [Self; 3] = [Self::Succeeded, Self::Failed, Self::Cancelled];

    const fn label(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The executors as the gauges show them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ExecutorCounts {
    pub(crate) active: u64,
    pub(crate) draining: u64,
    /// Those that get no tasks because they cannot keep data.
    pub(crate) quarantined: u64,
    /// Vcores of the active executors.
    pub(crate) vcores: u64,
    /// How many of these vcores are free.
    pub(crate) vcores_free: u64,
}

/// The scheduler's metrics. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    pub(crate) registry: Registry,
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
    allocated_bytes: IntGauge,
}

impl Metrics {
    /// All metrics at zero.
    ///
    /// # Errors
    /// When two metrics have the same name.
    pub(crate) fn new() -> prometheus::Result<Self> {
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
        let metrics = Self {
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
            allocated_bytes: gauge(
                "allocated_memory_bytes",
                "Memory that the program has allocated and not freed.",
            )?,
            registry,
        };
        metrics.begin_at_zero();
        Ok(metrics)
    }

    /// Lets a scrape show zero for what has not happened yet, instead of no metric.
    fn begin_at_zero(&self) {
        for state in JobState::ALL {
            if state.is_final() {
                self.jobs_ended.with_label_values(&[state.name()]);
                self.job_seconds.with_label_values(&[state.name()]);
            }
        }
        for outcome in PlanOutcome::ALL {
            self.plans_ended.with_label_values(&[outcome.label()]);
        }
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

    /// Counts a plan that has ended.
    pub(crate) fn count_plan_ended(&self, outcome: PlanOutcome) {
        self.plans_ended.with_label_values(&[outcome.label()]).inc();
    }

    /// Sets how many tasks wait for a free core.
    pub(crate) fn set_pending_tasks(&self, count: u64) {
        self.tasks_pending.set(saturating_i64(count));
    }

    /// Updates the gauges.
    pub(crate) fn refresh_gauges(&self, jobs: &[(JobState, u64)], executors: &ExecutorCounts) {
        for state in JobState::ALL {
            let counts = jobs.iter().filter(|(counted, _)| *counted == state);
            self.jobs
                .with_label_values(&[state.name()])
                .set(saturating_i64(counts.map(|(_, count)| count).sum()));
        }
        for (state, count) in [
            ("active", executors.active),
            ("draining", executors.draining),
            ("quarantined", executors.quarantined),
        ] {
            self.executors
                .with_label_values(&[state])
                .set(saturating_i64(count));
        }
        self.vcores.set(saturating_i64(executors.vcores));
        self.vcores_free.set(saturating_i64(executors.vcores_free));
        if let Some(bytes) = sluice_service::memory::resident_bytes() {
            self.resident_bytes.set(saturating_i64(bytes));
        }
        let allocated = sluice_service::task_memory::allocated_bytes();
        self.allocated_bytes.set(saturating_i64(allocated));
    }
}

fn saturating_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use prometheus::{Encoder, TextEncoder};

    use super::*;

    #[test]
    fn jobs_executors_and_cores_show() {
        let metrics = Metrics::new().unwrap();
        metrics.count_job_submitted();
        metrics.count_job_ended(JobState::Succeeded, Duration::from_millis(300));
        metrics.count_plan_ended(PlanOutcome::Cancelled);
        let executors = ExecutorCounts {
            active: 1,
            draining: 1,
            quarantined: 3,
            vcores: 4,
            vcores_free: 3,
        };
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
            "sluice_scheduler_jobs_ended_total{state=\"FAILED\"} 0".to_owned(),
            "sluice_scheduler_job_duration_seconds_count{state=\"KILLED\"} 0".to_owned(),
            "sluice_scheduler_plans_total{outcome=\"failed\"} 0".to_owned(),
            "sluice_scheduler_jobs_submitted_total 1".to_owned(),
            "sluice_scheduler_plans_total{outcome=\"cancelled\"} 1".to_owned(),
            "sluice_scheduler_executors{state=\"active\"} 1".to_owned(),
            "sluice_scheduler_executors{state=\"draining\"} 1".to_owned(),
            "sluice_scheduler_executors{state=\"quarantined\"} 3".to_owned(),
            "sluice_scheduler_vcores 4".to_owned(),
            "sluice_scheduler_vcores_free 3".to_owned(),
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn the_reference_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        let page = std::fs::read_to_string(path).unwrap();
        let metrics = Metrics::new().unwrap();
        metrics.refresh_gauges(&[], &ExecutorCounts::default());
        let table = sluice_service::metric_reference::metrics_table(&metrics.registry);
        let wanted =
            sluice_service::option_reference::replace_section(&page, "scheduler metrics", &table);
        if std::env::var_os("SLUICE_UPDATE_DOCS").is_some() {
            std::fs::write(path, &wanted).unwrap();
        } else {
            assert!(
                page == wanted,
                "run SLUICE_UPDATE_DOCS=1 cargo test -p sluice-scheduler"
            );
        }
        assert!(wanted.contains("`sluice_scheduler_vcores`"));
    }
}
