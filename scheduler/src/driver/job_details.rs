//! What the steps of a job did, in detail.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::runner::StageDetails;

/// Stages, tasks and operators of a job's steps, and the text of its job file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobDetails {
    /// In the order in which they can start.
    pub steps: Vec<StepDetails>,
    /// The job file, cut off where it is long. In files only: a job that runs has it
    /// apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// One step of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepDetails {
    /// The name in logs, such as `write daily_revenue`.
    pub name: String,
    /// Empty before the step has begun, and where it ran without a cluster.
    #[serde(with = "shared_stages")]
    #[schema(value_type = Vec<StageDetails>)]
    pub stages: Arc<Vec<StageDetails>>,
}

mod shared_stages {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::runner::StageDetails;

    pub(super) fn serialize<S: Serializer>(
        stages: &Arc<Vec<StageDetails>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        stages.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<Vec<StageDetails>>, D::Error> {
        Vec::deserialize(deserializer).map(Arc::new)
    }
}
