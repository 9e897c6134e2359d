//! The metrics that `/metrics` shows.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ballista_core::serde::protobuf::ShuffleWritePartition;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::metrics::MetricsSet;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::memory::HeldBytes;
use crate::tasks::RunningTasks;

/// How a task ended, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskOutcome {
    Succeeded,
    Failed,
    Cancelled,
}

impl TaskOutcome {
    const ALL: [Self; 3] = [Self::Succeeded, Self::Failed, Self::Cancelled];

    fn label(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The executor's metrics. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics {
    pub(crate) registry: Registry,
    tasks: IntCounterVec,
    task_seconds: Histogram,
    output_rows: IntCounter,
    output_bytes: IntCounter,
    scanned_bytes: IntCounter,
    spilled_bytes: IntCounter,
    spilled_rows: IntCounter,
    memory_failures: IntCounter,
    heartbeats_failed: IntCounter,
    tasks_running: IntGauge,
    memory_used: IntGauge,
    spill_disk: IntGauge,
    resident_bytes: IntGauge,
    allocated_bytes: IntGauge,
    connected: IntGauge,
}

impl Metrics {
    /// Metrics of an executor with these resources.
    ///
    /// # Errors
    /// When two metrics have the same name.
    pub(crate) fn new(vcores: usize, memory: u64, process_memory: u64) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| -> prometheus::Result<IntCounter> {
            let counter = IntCounter::new(format!("sluice_executor_{name}"), help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let gauge = |name: &str, help: &str| -> prometheus::Result<IntGauge> {
            let gauge = IntGauge::new(format!("sluice_executor_{name}"), help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let tasks = IntCounterVec::new(
            Opts::new(
                "sluice_executor_tasks_total",
                "Tasks that ended, by outcome.",
            ),
            &["outcome"],
        )?;
        registry.register(Box::new(tasks.clone()))?;
        for outcome in TaskOutcome::ALL {
            // So that a scrape shows zero instead of no metric.
            tasks.with_label_values(&[outcome.label()]).inc_by(0);
        }
        let buckets = vec![0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0];
        let task_seconds = Histogram::with_opts(
            HistogramOpts::new(
                "sluice_executor_task_duration_seconds",
                "How long tasks ran.",
            )
            .buckets(buckets),
        )?;
        registry.register(Box::new(task_seconds.clone()))?;
        gauge("vcores", "Tasks that may run at a time.")?.set(saturating_i64(vcores as u64));
        gauge(
            "memory_limit_bytes",
            "Memory that operators may hold together.",
        )?
        .set(saturating_i64(memory));
        gauge(
            "process_memory_limit_bytes",
            "Memory that the process may hold.",
        )?
        .set(saturating_i64(process_memory));
        Ok(Self {
            tasks,
            task_seconds,
            output_rows: counter(
                "output_rows_total",
                "Rows that tasks wrote to shuffles and results.",
            )?,
            output_bytes: counter(
                "output_bytes_total",
                "Bytes of shuffle and result files written.",
            )?,
            scanned_bytes: counter("scanned_bytes_total", "Bytes that scans read.")?,
            spilled_bytes: counter(
                "spilled_bytes_total",
                "Bytes that operators spilled to disk.",
            )?,
            spilled_rows: counter("spilled_rows_total", "Rows that operators spilled to disk.")?,
            memory_failures: counter(
                "memory_failures_total",
                "Tasks that failed because the process held too much memory.",
            )?,
            heartbeats_failed: counter(
                "heartbeats_failed_total",
                "Heartbeats that the scheduler did not accept.",
            )?,
            tasks_running: gauge("tasks_running", "Tasks that run now.")?,
            memory_used: gauge("memory_used_bytes", "Memory that operators hold now.")?,
            spill_disk: gauge(
                "spill_disk_bytes",
                "Disk space that spilled data takes now.",
            )?,
            resident_bytes: gauge(
                "resident_memory_bytes",
                "Memory that the process holds now.",
            )?,
            allocated_bytes: gauge(
                "allocated_memory_bytes",
                "Memory that the program has allocated and not freed.",
            )?,
            connected: gauge(
                "scheduler_connected",
                "1 when the last heartbeat was accepted.",
            )?,
            registry,
        })
    }

    /// Counts a task that ended.
    pub(crate) fn count_task(&self, outcome: TaskOutcome, took: Duration) {
        self.tasks.with_label_values(&[outcome.label()]).inc();
        self.task_seconds.observe(took.as_secs_f64());
    }

    /// Counts the rows and bytes that a task wrote.
    pub(crate) fn count_output(&self, partitions: &[ShuffleWritePartition]) {
        self.output_rows
            .inc_by(partitions.iter().map(|p| p.num_rows).sum());
        self.output_bytes
            .inc_by(partitions.iter().map(|p| p.num_bytes).sum());
    }

    /// Counts what the operators of a task read and spilled.
    pub(crate) fn count_operators(&self, metrics: &[MetricsSet]) {
        for set in metrics {
            self.spilled_bytes
                .inc_by(set.spilled_bytes().unwrap_or(0) as u64);
            self.spilled_rows
                .inc_by(set.spilled_rows().unwrap_or(0) as u64);
            let scanned = set
                .sum_by_name("bytes_scanned")
                .map_or(0, |value| value.as_usize());
            self.scanned_bytes.inc_by(scanned as u64);
        }
    }

    /// Counts a task that was stopped to free memory.
    pub(crate) fn count_memory_failure(&self) {
        self.memory_failures.inc();
    }

    /// Records whether a heartbeat was accepted.
    pub(crate) fn record_heartbeat(&self, accepted: bool) {
        self.connected.set(i64::from(accepted));
        if !accepted {
            self.heartbeats_failed.inc();
        }
    }

    /// Updates the gauges.
    pub(crate) fn refresh_gauges(
        &self,
        tasks: &RunningTasks,
        held_bytes: &HeldBytes,
        runtime: &Arc<RuntimeEnv>,
    ) {
        self.tasks_running
            .set(saturating_i64(tasks.running_count() as u64));
        self.memory_used
            .set(saturating_i64(held_bytes.load(Ordering::Relaxed) as u64));
        self.spill_disk
            .set(saturating_i64(runtime.disk_manager.used_disk_space()));
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
    fn every_metric_shows_before_anything_happened() {
        let metrics = Metrics::new(2, 1 << 30, 2 << 30).unwrap();
        metrics.count_task(TaskOutcome::Failed, Duration::from_millis(20));
        metrics.count_output(&[ShuffleWritePartition {
            num_rows: 5,
            num_bytes: 70,
            ..Default::default()
        }]);
        metrics.record_heartbeat(false);
        metrics.refresh_gauges(
            &RunningTasks::default(),
            &HeldBytes::default(),
            &Arc::new(RuntimeEnv::default()),
        );
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&metrics.registry.gather(), &mut text)
            .unwrap();
        let text = String::from_utf8(text).unwrap();
        for line in [
            "sluice_executor_tasks_total{outcome=\"failed\"} 1",
            "sluice_executor_tasks_total{outcome=\"succeeded\"} 0",
            "sluice_executor_tasks_running 0",
            "sluice_executor_output_rows_total 5",
            "sluice_executor_output_bytes_total 70",
            "sluice_executor_vcores 2",
            "sluice_executor_memory_limit_bytes 1073741824",
            "sluice_executor_process_memory_limit_bytes 2147483648",
            "sluice_executor_memory_used_bytes 0",
            "sluice_executor_memory_failures_total 0",
            "sluice_executor_spilled_bytes_total 0",
            "sluice_executor_scheduler_connected 0",
            "sluice_executor_heartbeats_failed_total 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn the_reference_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        let page = std::fs::read_to_string(path).unwrap();
        let metrics = Metrics::new(1, 1, 1).unwrap();
        let table = sluice_service::metric_reference::metrics_table(&metrics.registry);
        let wanted =
            sluice_service::option_reference::replace_section(&page, "executor metrics", &table);
        if std::env::var_os("SLUICE_UPDATE_DOCS").is_some() {
            std::fs::write(path, &wanted).unwrap();
        } else {
            assert!(
                page == wanted,
                "run SLUICE_UPDATE_DOCS=1 cargo test -p sluice-executor"
            );
        }
        assert!(wanted.contains("`sluice_executor_vcores`"));
    }
}
