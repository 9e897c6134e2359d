//! A runner whose attempts end as a test decides.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::StringArray;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use parking_lot::Mutex;
use sluice_engine::staged::{Block, StageWriterExec, StagedPart};
use sluice_gold::{DataFile, FileStats};
use sluice_proto::v1::ErrorKind;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::runner::{Capacity, RunError, Runner, StepProgress, StepRun};

type StepResult = Result<Vec<RecordBatch>, RunError>;

/// Hands every attempt to the test and waits for the result.
pub(super) struct FakeRunner {
    started: mpsc::UnboundedSender<Attempt>,
    state: Arc<Mutex<RunnerState>>,
}

/// What the runner was asked to do.
#[derive(Debug, Default)]
pub(super) struct RunnerState {
    /// Attempts that run now.
    pub(super) running: Vec<String>,
    /// Attempts that ended because they were cancelled.
    pub(super) cancelled: Vec<String>,
    /// Folders of staged files that were removed, in order.
    pub(super) removed: Vec<String>,
    /// Executors that were lost.
    pub(super) lost_executors: u64,
}

/// An attempt that runs until the test ends it.
pub(super) struct Attempt {
    /// Such as `stage users`.
    pub(super) name: String,
    /// The folder of its staged files; empty for a write step.
    pub(super) token: String,
    pub(super) low_memory: bool,
    reply: oneshot::Sender<StepResult>,
}

impl FakeRunner {
    pub(super) fn new() -> (
        Self,
        mpsc::UnboundedReceiver<Attempt>,
        Arc<Mutex<RunnerState>>,
    ) {
        let (started, attempts) = mpsc::unbounded_channel();
        let state = Arc::new(Mutex::new(RunnerState::default()));
        let runner = Self {
            started,
            state: Arc::clone(&state),
        };
        (runner, attempts, state)
    }
}

#[async_trait]
impl Runner for FakeRunner {
    async fn capacity(&self) -> Capacity {
        Capacity {
            executors: 1,
            vcores: 1,
        }
    }

    fn lost_executors(&self) -> u64 {
        self.state.lock().lost_executors
    }

    fn configure_session(&self, config: SessionConfig) -> SessionConfig {
        config
    }

    async fn run_plan(
        &self,
        run: StepRun,
        _: watch::Sender<StepProgress>,
        cancel: CancellationToken,
    ) -> StepResult {
        let (reply, result) = oneshot::channel();
        let config = run.context.copied_config();
        let attempt = Attempt {
            name: run.name.clone(),
            token: stage_token(run.plan.as_ref()).unwrap_or_default(),
            low_memory: !config.options().optimizer.prefer_hash_join,
            reply,
        };
        self.state.lock().running.push(run.name.clone());
        self.started.send(attempt).unwrap();
        let result = tokio::select! {
            // An attempt that the test drops runs until it is cancelled.
            Ok(result) = result => result,
            () = cancel.cancelled() => {
                self.state.lock().cancelled.push(run.name.clone());
                Err(RunError::Cancelled)
            }
        };
        self.state.lock().running.retain(|name| *name != run.name);
        result
    }

    fn remove_staged(&self, token: &str) {
        self.state.lock().removed.push(token.to_owned());
    }
}

impl Attempt {
    /// Ends it with one part or file, which names the attempt.
    pub(super) fn succeed(self) {
        let line = if self.token.is_empty() {
            data_file(&self.name)
        } else {
            staged_part(&self.token, missing_path(&self.token), 8)
        };
        self.succeed_with(vec![line]);
    }

    /// Ends it with these manifest lines.
    pub(super) fn succeed_with(self, lines: Vec<String>) {
        self.succeed_with_column("manifest", lines);
    }

    /// Ends it with rows whose only column has this name.
    pub(super) fn succeed_with_column(self, name: &str, lines: Vec<String>) {
        let field = Field::new(name, DataType::Utf8, false);
        let schema = Arc::new(Schema::new(vec![field]));
        let batch = RecordBatch::try_new(schema, vec![Arc::new(StringArray::from(lines))]).unwrap();
        self.reply.send(Ok(vec![batch])).unwrap();
    }

    pub(super) fn fail(self, error: RunError) {
        self.reply.send(Err(error)).unwrap();
    }

    /// Fails as a task does that cannot fetch a part.
    pub(super) fn lose_stage(self, token: &str) {
        self.fail(RunError::StagedLost {
            stage: token.to_owned(),
            message: format!("part {token}/0 at host:1 cannot be fetched"),
        });
    }

    pub(super) fn fail_transiently(self) {
        self.fail(RunError::Failed {
            kind: ErrorKind::Transient,
            message: "connection reset".to_owned(),
        });
    }

    pub(super) fn run_out_of_memory(self) {
        self.fail(RunError::OutOfMemory {
            message: "no memory".to_owned(),
        });
    }
}

/// The path of a part that does not exist.
pub(super) fn missing_path(token: &str) -> PathBuf {
    PathBuf::from(format!("/nonexistent/{token}/0/0/data-0.arrow"))
}

/// The manifest line of a part with one row in one block of `bytes` bytes.
pub(super) fn staged_part(token: &str, path: PathBuf, bytes: u64) -> String {
    let part = StagedPart {
        token: token.to_owned(),
        file_id: 0,
        path,
        host: String::new(),
        port: 0,
        rows: 1,
        bytes,
        blocks: vec![Block {
            offset: 0,
            length: bytes,
            first_row: 0,
        }],
        samples: Vec::new(),
    };
    serde_json::to_string(&part).unwrap()
}

/// The manifest line of a file with one row.
fn data_file(path: &str) -> String {
    let file = DataFile {
        path: path.to_owned(),
        size: 1,
        modification_time_ms: 0,
        partition_values: Vec::new(),
        stats: FileStats {
            num_records: 1,
            ..FileStats::default()
        },
    };
    file.to_json().unwrap()
}

fn stage_token(plan: &dyn ExecutionPlan) -> Option<String> {
    if let Some(writer) = plan.downcast_ref::<StageWriterExec>() {
        return Some(writer.token().to_owned());
    }
    plan.children()
        .into_iter()
        .find_map(|child| stage_token(child.as_ref()))
}
