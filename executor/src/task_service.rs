//! What the scheduler asks of this executor: to run and cancel tasks, and to remove
//! data.
//!
//! This replaces Ballista's own service, which sends the report of a task once and
//! loses it when the connection fails, and runs all tasks on the same threads.

use std::sync::Arc;

use ballista_core::error::BallistaError;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::serde::protobuf::executor_grpc_server::ExecutorGrpc;
use ballista_core::serde::protobuf::{
    CancelTasksParams, CancelTasksResult, LaunchMultiTaskParams, LaunchMultiTaskResult,
    LaunchTaskParams, LaunchTaskResult, MultiTaskDefinition, RemoveJobDataParams,
    RemoveJobDataResult, StopExecutorParams, StopExecutorResult,
};
use ballista_core::serde::scheduler::TaskDefinition;
use ballista_core::serde::scheduler::from_proto::get_task_definition_vec;
use ballista_core::serde::{BallistaCodec, BallistaLogicalExtensionCodec};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion_proto::protobuf::LogicalPlanNode;
use sluice_engine::codec::{SluiceCodec, TaskPlan};
use sluice_engine::executor_context::ExecutorContext;
use sluice_engine::session;
use sluice_engine::task_trace::accept_traceparent;
use sluice_service::format::error_chain;
use tonic::{Request, Response, Status};

use crate::shuffle::ShuffleData;
use crate::task_runner::TaskRunner;
use crate::tasks::RunningTasks;

/// The longest name of a job or staged relation; it becomes a folder.
const MAX_NAME_BYTES: usize = 128;

/// Decodes tasks.
pub(crate) struct TaskDecoder {
    pub(crate) context: ExecutorContext,
    pub(crate) functions: BallistaFunctionRegistry,
    pub(crate) runtime: Arc<RuntimeEnv>,
}

impl TaskDecoder {
    fn decode_tasks(
        &self,
        tasks: MultiTaskDefinition,
    ) -> Result<Vec<TaskDefinition>, BallistaError> {
        let codec: BallistaCodec<LogicalPlanNode, TaskPlan> = BallistaCodec::new(
            Arc::new(BallistaLogicalExtensionCodec::default()),
            Arc::new(SluiceCodec::new()),
        );
        let runtime = Arc::clone(&self.runtime);
        get_task_definition_vec(
            tasks,
            Arc::new(move |_| Ok(Arc::clone(&runtime))),
            accept_traceparent(self.context.clone().attach_to(session::base_config())),
            self.functions.scalar_functions.clone(),
            self.functions.aggregate_functions.clone(),
            self.functions.window_functions.clone(),
            self.functions.higher_order_functions.clone(),
            codec,
        )
    }
}

/// The service that receives tasks.
pub(crate) struct TaskService {
    pub(crate) decoder: Arc<TaskDecoder>,
    pub(crate) runner: Arc<TaskRunner>,
    pub(crate) tasks: RunningTasks,
    pub(crate) shuffle: ShuffleData,
}

#[tonic::async_trait]
impl ExecutorGrpc for TaskService {
    async fn launch_task(
        &self,
        _: Request<LaunchTaskParams>,
    ) -> Result<Response<LaunchTaskResult>, Status> {
        Err(Status::unimplemented("tasks come in groups"))
    }

    async fn launch_multi_task(
        &self,
        request: Request<LaunchMultiTaskParams>,
    ) -> Result<Response<LaunchMultiTaskResult>, Status> {
        let mut failed_jobs = Vec::new();
        for tasks in request.into_inner().multi_tasks {
            let job = tasks.job_id.clone();
            require_folder_name(&job)?;
            let decoder = Arc::clone(&self.decoder);
            // Large plans take seconds, and heartbeats must not wait for them.
            let decoded = tokio::task::spawn_blocking(move || decoder.decode_tasks(tasks))
                .await
                .map_err(|error| Status::internal(error.to_string()))?;
            match decoded {
                Ok(tasks) => tasks
                    .into_iter()
                    .for_each(|task| self.runner.start_task(task)),
                Err(error) => {
                    tracing::error!(
                        ballista_job = job,
                        "cannot decode a task: {}",
                        error_chain(&error)
                    );
                    failed_jobs.push(job);
                }
            }
        }
        Ok(Response::new(LaunchMultiTaskResult { failed_jobs }))
    }

    async fn stop_executor(
        &self,
        _: Request<StopExecutorParams>,
    ) -> Result<Response<StopExecutorResult>, Status> {
        // The scheduler asks for it when heartbeats are missing for too long. The
        // next one registers this executor again.
        tracing::warn!("the scheduler had given up this executor");
        Ok(Response::new(StopExecutorResult {}))
    }

    async fn cancel_tasks(
        &self,
        request: Request<CancelTasksParams>,
    ) -> Result<Response<CancelTasksResult>, Status> {
        for task in request.into_inner().task_infos {
            let (stage, number) = (task.stage_id as usize, task.task_id as usize);
            self.tasks.cancel_task(&task.job_id, stage, number);
        }
        Ok(Response::new(CancelTasksResult { cancelled: true }))
    }

    async fn remove_job_data(
        &self,
        request: Request<RemoveJobDataParams>,
    ) -> Result<Response<RemoveJobDataResult>, Status> {
        let RemoveJobDataParams {
            job_id,
            remove_stage_ids,
        } = request.into_inner();
        require_folder_name(&job_id)?;
        let shuffle = self.shuffle.clone();
        tokio::task::spawn_blocking(move || shuffle.remove_job(&job_id, &remove_stage_ids))
            .await
            .map_err(|error| Status::internal(error.to_string()))?;
        Ok(Response::new(RemoveJobDataResult {}))
    }
}

/// Refuses names that are not one folder below the shuffle folder.
fn require_folder_name(name: &str) -> Result<(), Status> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_plain) {
        return Ok(());
    }
    Err(Status::invalid_argument(format!("{name:?} is not a job")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_folders_become_folders() {
        for good in ["a", "AbC1-2_3"] {
            assert!(require_folder_name(good).is_ok(), "{good}");
        }
        let long = "a".repeat(MAX_NAME_BYTES + 1);
        for bad in ["", ".", "..", "../a", "/a", "a/b", "a b", &long] {
            assert!(require_folder_name(bad).is_err(), "{bad}");
        }
    }
}
