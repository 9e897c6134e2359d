//! Spans of a plan that runs in this process.

use std::any::Any;
use std::sync::Once;

use datafusion::common::runtime::{JoinSetTracer, set_join_set_tracer};
use datafusion::physical_plan::ExecutionPlan;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use sluice_engine::operator_spans::{collect_metrics, record_operators};
use sluice_traces::{TraceContext, in_current_context, with_current_context};

type Output = Box<dyn Any + Send>;

/// Hands on which step calls an object store to what operators start separately. The
/// threads of a local run work for all steps, so they cannot say so themselves.
struct ContextOfSpawner;

impl JoinSetTracer for ContextOfSpawner {
    fn trace_future(&self, work: BoxFuture<'static, Output>) -> BoxFuture<'static, Output> {
        in_current_context(work).boxed()
    }

    fn trace_block(
        &self,
        work: Box<dyn FnOnce() -> Output + Send>,
    ) -> Box<dyn FnOnce() -> Output + Send> {
        Box::new(with_current_context(work))
    }
}

/// Called when a local run starts; does nothing when its spans are not exported.
pub(super) fn follow_spawned_work() {
    static SET: Once = Once::new();
    if sluice_traces::is_exporting() {
        // Set by this function only, so it cannot fail.
        SET.call_once(|| drop(set_join_set_tracer(&ContextOfSpawner)));
    }
}

/// Makes spans of the operators of a plan that has ended.
pub(super) fn record_plan(plan: &dyn ExecutionPlan, step: Option<&TraceContext>) {
    if step.is_some() && sluice_traces::is_exporting() {
        record_operators(plan, &collect_metrics(plan), step);
    }
}
