//! One staged file and its location.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use datafusion::error::DataFusionError;
use serde::{Deserialize, Serialize};

use super::sample::ColumnSample;
use crate::executor_context::ExecutorContext;
use crate::task_failure::{FailureKind, TaskFailure, to_task_error};

/// One file of a staged relation, as the task that wrote it reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedPart {
    /// Names the staged relation of one run; also the folder's name.
    pub token: String,
    /// Distinguishes the parts of a token.
    pub file_id: u64,
    /// The file on the machine that wrote it, absolute.
    pub path: PathBuf,
    /// The executor that serves it; empty for the in-process runner.
    pub host: String,
    /// The port of that executor's Arrow Flight service; 0 for the in-process
    /// runner.
    pub port: u16,
    pub rows: u64,
    pub bytes: u64,
    /// The record batches in file order.
    pub blocks: Vec<Block>,
    /// A sample of each column, for the planner. It is in manifests, and not in
    /// plans.
    #[serde(default, skip_serializing)]
    pub samples: Vec<ColumnSample>,
}

/// The location of one record batch in a staged file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64, u64)", into = "(u64, u64, u64)")]
pub struct Block {
    /// Offset of its IPC message, in bytes.
    pub offset: u64,
    /// Length of the message with its body, in bytes.
    pub length: u64,
    /// The number of rows before it in the file.
    pub first_row: u64,
}

impl From<(u64, u64, u64)> for Block {
    fn from((offset, length, first_row): (u64, u64, u64)) -> Self {
        Self {
            offset,
            length,
            first_row,
        }
    }
}

impl From<Block> for (u64, u64, u64) {
    fn from(block: Block) -> Self {
        (block.offset, block.length, block.first_row)
    }
}

impl StagedPart {
    /// A part that has no rows yet, in the process's work folder.
    pub(crate) fn new(node: &ExecutorContext, token: &str, file_id: u64) -> Self {
        Self {
            token: token.to_owned(),
            file_id,
            path: file_path(&node.work_dir, token, file_id),
            host: node.host.clone(),
            port: node.flight_port,
            rows: 0,
            bytes: 0,
            blocks: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// The part by the executor that serves it, for messages.
    pub(super) fn remote_name(&self) -> String {
        format!(
            "{}/{} at {}:{}",
            self.token, self.file_id, self.host, self.port
        )
    }
}

/// The error for a part that cannot be read from `location`. It names the stage,
/// so that the driver runs the stage step again: a retry of the task alone does
/// not help.
pub(super) fn lost_part_error(
    part: &StagedPart,
    location: &dyn Display,
    reason: &dyn Display,
) -> DataFusionError {
    let kind = FailureKind::StagedLost {
        stage: part.token.clone(),
    };
    let message = format!("staged part {location} cannot be read: {reason}");
    to_task_error(&TaskFailure::new(kind, message))
}

/// The layout of Ballista's `create_shuffle_path` for stage 0, partition 0.
fn file_path(work_dir: &Path, token: &str, file_id: u64) -> PathBuf {
    work_dir
        .join(token)
        .join("0")
        .join("0")
        .join(format!("data-{file_id}.arrow"))
}
