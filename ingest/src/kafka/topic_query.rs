//! What all questions about a topic share: the client, how long the brokers may take,
//! and the client's log, which is read meanwhile.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError as Client;
use rdkafka::types::RDKafkaErrorCode;

use super::client_log::ClientLog;
use super::error::KafkaError;
use super::group_context::GroupContext;
use super::log_queue::LogQueue;
use super::stop_deadline::StopDeadline;

/// How long the first attempt of a question may take; each further one twice as long, so
/// that slow brokers can answer, too.
const FIRST_ATTEMPT: Duration = Duration::from_millis(500);

/// The pause after an attempt that failed before its time.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Questions about one topic.
#[derive(Clone, Copy)]
pub(super) struct TopicQuery<'a> {
    pub(super) client: &'a BaseConsumer<GroupContext>,
    pub(super) log_queue: Option<&'a LogQueue>,
    pub(super) topic: &'a str,
    pub(super) servers: &'a str,
    /// How long the brokers may take to answer one question.
    pub(super) timeout: Duration,
    /// The same after a request to stop.
    pub(super) after_stop: Duration,
    pub(super) stop: &'a StopDeadline,
}

impl TopicQuery<'_> {
    fn client_log(&self) -> &ClientLog {
        &self.client.context().client_log
    }

    /// How long a question may still take that began at this moment.
    pub(super) fn time_left(&self, begun: Instant) -> Duration {
        let deadline = begun + self.timeout;
        let deadline = self.stop.shorten(begun, deadline, self.after_stop);
        deadline.saturating_duration_since(Instant::now())
    }

    /// Reads what the client has logged since the last call.
    pub(super) fn read_client_log(&self) {
        let log = self.client_log();
        if let Some(queue) = self.log_queue {
            queue.read_lines(&mut |level, facility, line| log.on_log(level, facility, line));
        }
    }

    /// The error for a question that failed, with the reason if no broker answered.
    pub(super) fn error(&self, action: &'static str, source: Client) -> KafkaError {
        self.read_client_log();
        let error = KafkaError::from_client_error(action, self.topic, self.servers, source);
        error.with_connection_problem(self.client_log().best_explanation())
    }

    /// Asks any broker, repeatedly until the time is up. Gives up earlier when none can
    /// be connected to and waiting will not change that.
    pub(super) fn ask_any_broker<T>(
        &self,
        action: &'static str,
        mut ask: impl FnMut(&BaseConsumer<GroupContext>, Duration) -> Result<T, Client>,
    ) -> Result<T, KafkaError> {
        let started_at = Instant::now();
        let mut attempt = FIRST_ATTEMPT;
        loop {
            let left = self.time_left(started_at);
            let attempted_at = Instant::now();
            let error = match ask(self.client, attempt.min(left)) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            self.read_client_log();
            let waited = started_at.elapsed();
            let is_over = match error.rdkafka_error_code() {
                // No broker is connected.
                Some(RDKafkaErrorCode::BrokerTransportFailure) => {
                    self.client_log().is_hopeless(waited)
                }
                Some(RDKafkaErrorCode::OperationTimedOut) => false,
                _ => true,
            };
            let left = self.time_left(started_at);
            if is_over || left.is_zero() {
                return Err(self.error(action, error));
            }
            if attempted_at.elapsed() < attempt {
                std::thread::sleep(RETRY_PAUSE.min(left));
            }
            attempt = attempt.saturating_mul(2);
        }
    }
}
