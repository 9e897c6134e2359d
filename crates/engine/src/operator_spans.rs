//! Spans of a plan's operators, from the metrics that they have kept anyway.
//!
//! Every operator notes when it was started and when its last batch was read. Spans
//! made of that after the plan has ended have the times of the operators and cost
//! nothing while rows flow, which wrappers around each stream of batches would.

use std::time::SystemTime;

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{MetricValue, MetricsSet};
use sluice_traces::{Span, TraceContext};

/// Makes a span of each operator of a plan that has ended, with those that it reads
/// from as its parts. `metrics` are those of its operators that have any, in the order
/// of a walk from the root to the leaves.
pub fn record_operators(
    plan: &dyn ExecutionPlan,
    metrics: &[MetricsSet],
    parent: Option<&TraceContext>,
) {
    let Some(parent) = parent.filter(|parent| parent.is_sampled()) else {
        return;
    };
    // With another number of sets it is not known whose they are.
    if sluice_traces::is_exporting() && count_with_metrics(plan) == metrics.len() {
        add_operator(plan, &mut metrics.iter(), parent);
    }
}

/// The metrics of the operators of a plan in this process, as [`record_operators`]
/// takes them.
pub fn collect_metrics(plan: &dyn ExecutionPlan) -> Vec<MetricsSet> {
    let mut metrics: Vec<MetricsSet> = plan.metrics().into_iter().collect();
    for child in plan.children() {
        metrics.extend(collect_metrics(child.as_ref()));
    }
    metrics
}

fn count_with_metrics(plan: &dyn ExecutionPlan) -> usize {
    let children = plan.children().into_iter();
    usize::from(plan.metrics().is_some())
        + children
            .map(|child| count_with_metrics(child.as_ref()))
            .sum::<usize>()
}

fn add_operator<'a>(
    plan: &dyn ExecutionPlan,
    metrics: &mut impl Iterator<Item = &'a MetricsSet>,
    parent: &TraceContext,
) {
    let own = match plan.metrics() {
        Some(_) => metrics.next().and_then(OperatorTimes::find),
        None => None,
    };
    let span = own.map(|own| own.record(plan.name(), parent));
    // Operators that keep no times, such as wrappers, have no span.
    let context = span.as_ref().and_then(Span::context).unwrap_or(parent);
    for child in plan.children() {
        add_operator(child.as_ref(), metrics, context);
    }
}

/// When an operator worked, with what it counted.
struct OperatorTimes<'a> {
    began_at: SystemTime,
    ended_at: SystemTime,
    metrics: &'a MetricsSet,
}

impl<'a> OperatorTimes<'a> {
    /// From its first partition to its last one.
    fn find(metrics: &'a MetricsSet) -> Option<Self> {
        let (mut began_at, mut ended_at) = (None, None);
        for metric in metrics.iter() {
            match metric.value() {
                MetricValue::StartTimestamp(time) => {
                    let time = time.value().map(SystemTime::from);
                    began_at = began_at.into_iter().chain(time).min();
                }
                MetricValue::EndTimestamp(time) => {
                    let time = time.value().map(SystemTime::from);
                    ended_at = ended_at.into_iter().chain(time).max();
                }
                _ => {}
            }
        }
        Some(Self {
            began_at: began_at?,
            ended_at: ended_at?,
            metrics,
        })
    }

    /// Only the operator's name: its expressions hold values of the query.
    fn record(&self, name: &str, parent: &TraceContext) -> Span {
        let mut span = Span::child_at(name.to_owned(), Some(parent), self.began_at);
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        if let Some(rows) = self.metrics.output_rows() {
            span.set_count("sluice.rows", count(rows));
        }
        if let Some(nanoseconds) = self.metrics.elapsed_compute() {
            span.set_count("sluice.compute_us", count(nanoseconds / 1_000));
        }
        if let Some(bytes) = self.metrics.spilled_bytes().filter(|bytes| *bytes > 0) {
            span.set_count("sluice.spilled_bytes", count(bytes));
        }
        if let Some(bytes) = self.metrics.sum_by_name("bytes_scanned") {
            span.set_count("sluice.scanned_bytes", count(bytes.as_usize()));
        }
        span.end_at(self.ended_at.max(self.began_at));
        span
    }
}

#[cfg(test)]
mod tests {
    use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};

    use super::*;

    #[test]
    fn an_operator_worked_from_its_first_partition_to_its_last() {
        let set = ExecutionPlanMetricsSet::new();
        assert!(OperatorTimes::find(&set.clone_inner()).is_none());
        let before = SystemTime::now();
        let first = BaselineMetrics::new(&set, 0);
        let second = BaselineMetrics::new(&set, 1);
        first.done();
        second.record_output(7);
        second.done();
        let metrics = set.clone_inner();
        let times = OperatorTimes::find(&metrics).unwrap();
        let span = times.ended_at.duration_since(times.began_at).unwrap();
        let all = SystemTime::now().duration_since(before).unwrap();
        assert!(span <= all);
    }
}
