//! Why a scheduler cannot start or continue.

use datafusion::error::DataFusionError;
use sluice_service::listen::ListenError;
use sluice_service::owned_folder::FolderError;
use thiserror::Error;

use crate::ballista::BallistaStartError;

/// Why a scheduler cannot start or continue.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The records of past jobs cannot be read or written.
    #[error("{0}")]
    History(String),
    /// The state folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A port is in use, or this process may not bind it.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The session or its stores cannot be set up.
    #[error("cannot set up the engine: {0}")]
    Engine(#[from] DataFusionError),
    #[error(transparent)]
    Ballista(#[from] BallistaStartError),
    /// A metric cannot be set up; this is a bug in this crate.
    #[error("cannot set up metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The gRPC service ended.
    #[error("the gRPC service ended: {0}")]
    Grpc(#[source] tonic::transport::Error),
    /// A part of the server panicked.
    #[error("a part of the server failed: {0}")]
    Join(#[from] tokio::task::JoinError),
}
