//! Runs what blocks on its own thread.

use crate::IngestError;

/// Runs a question to the brokers, which blocks, on a thread for such work.
pub(crate) async fn ask_brokers<T: Send + 'static>(
    topic: &str,
    question: impl FnOnce() -> Result<T, IngestError> + Send + 'static,
) -> Result<T, IngestError> {
    match tokio::task::spawn_blocking(question).await {
        Ok(answer) => answer,
        Err(_) => Err(IngestError::Internal {
            topic: topic.to_owned(),
            problem: "a thread that queries the broker ended early",
        }),
    }
}
