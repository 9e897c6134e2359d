//! How many bytes a plan has on its way to executors.

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use prost::Message;
use sluice_proto::MAX_MESSAGE_BYTES;

use crate::codec::SluiceCodec;

/// The largest plan. A task is sent with its part of the plan only, but one executor
/// may get all tasks.
const MAX_PLAN_BYTES: usize = MAX_MESSAGE_BYTES / 4 * 3;

/// A plan that no executor would accept.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the plan has {bytes} bytes, with the list of the files that it reads; at most {max} can be sent to executors"
)]
pub struct PlanTooLarge {
    pub bytes: usize,
    pub max: usize,
}

/// Checks that a plan can be sent. One that cannot be encoded at all is not refused
/// here.
///
/// # Errors
/// When it is too large.
pub fn check_plan_size(plan: &Arc<dyn ExecutionPlan>) -> Result<(), PlanTooLarge> {
    check_size(plan, MAX_PLAN_BYTES)
}

fn check_size(plan: &Arc<dyn ExecutionPlan>, max: usize) -> Result<(), PlanTooLarge> {
    let encoded = PhysicalPlanNode::try_from_physical_plan(Arc::clone(plan), &SluiceCodec::new());
    match encoded.map(|plan| plan.encoded_len()) {
        Ok(bytes) if bytes > max => Err(PlanTooLarge { bytes, max }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::physical_plan::empty::EmptyExec;

    use super::*;

    #[test]
    fn a_plan_that_is_too_large_is_refused_with_its_size() {
        let fields: Vec<Field> = (0..100)
            .map(|at| Field::new(format!("column_{at}"), DataType::Int64, true))
            .collect();
        let plan: Arc<dyn ExecutionPlan> = Arc::new(EmptyExec::new(Arc::new(Schema::new(fields))));
        check_plan_size(&plan).unwrap();
        let error = check_size(&plan, 1_000).unwrap_err();
        assert!(error.bytes > 1_000, "{error}");
        assert_eq!(error.max, 1_000);
    }
}
