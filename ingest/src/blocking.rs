//! Runs what blocks on its own thread.

use sluice_traces::with_current_context;

use crate::IngestError;

/// Runs a question to the brokers, which blocks, on a thread for such work.
pub(crate) async fn ask_brokers<T: Send + 'static>(
    topic: &str,
    question: impl FnOnce() -> Result<T, IngestError> + Send + 'static,
) -> Result<T, IngestError> {
    match tokio::task::spawn_blocking(with_current_context(question)).await {
        Ok(answer) => answer,
        Err(_) => Err(IngestError::Internal {
            topic: topic.to_owned(),
            problem: "a thread that queries the broker ended early",
        }),
    }
}
