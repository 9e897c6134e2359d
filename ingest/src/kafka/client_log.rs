//! What the client library reports, without repetitions, and the problems of its
//! connections.
//!
//! While brokers do not answer, it reports every failed connection, and so for each
//! broker.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use sluice_service::outage::RepeatedMessages;

use super::connection_problem::ConnectionProblem;
use super::known_problems::KnownProblems;

/// The library's levels are those of syslog: smaller ones are worse.
const CRITICAL: i32 = RDKafkaLogLevel::Critical as i32;
const ERROR: i32 = RDKafkaLogLevel::Error as i32;

/// Logs the library's messages, each once and then at growing intervals.
pub(super) struct ClientLog {
    bootstrap_servers: String,
    repeated: Mutex<RepeatedMessages>,
    problems: Mutex<KnownProblems>,
}

impl ClientLog {
    pub(super) fn new(bootstrap_servers: &str) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.to_owned(),
            repeated: Mutex::default(),
            problems: Mutex::default(),
        }
    }

    pub(super) fn on_log(&self, level: i32, facility: &str, message: &str) {
        let message = without_thread(message);
        match facility {
            // A connection failed. At a lower level than an error it was closed.
            "FAIL" => self.on_failure(message, level <= ERROR),
            // An error that was not read as an event, after the client's name.
            "ERROR" => {
                let reason = message
                    .split_once(": ")
                    .map_or(message, |(_, reason)| reason);
                self.on_error(reason);
            }
            _ if level <= CRITICAL => self.warn(stable_part(message), message),
            _ => tracing::debug!(facility, "{message}"),
        }
    }

    /// An error event, which for a failed connection repeats the log line.
    pub(super) fn on_error(&self, reason: &str) {
        // Says nothing that the brokers' own lines do not say.
        if !reason.ends_with("brokers are down") {
            self.on_failure(reason, true);
        }
    }

    /// The problem that explains best why brokers do not answer.
    pub(super) fn best_explanation(&self) -> Option<ConnectionProblem> {
        let problems = self.problems.lock();
        problems.best_explanation(Instant::now()).cloned()
    }

    /// Whether a question that has waited this long need not wait longer.
    pub(super) fn is_hopeless(&self, waited: Duration) -> bool {
        self.problems.lock().is_hopeless(waited, Instant::now())
    }

    fn on_failure(&self, message: &str, is_error: bool) {
        let problem = ConnectionProblem::from_log_line(message, &self.bootstrap_servers);
        match problem {
            Some(problem) => {
                let is_best = self.problems.lock().on_problem(&problem, Instant::now());
                if is_best {
                    let key = format!("{} {:?}", problem.broker, problem.cause);
                    self.warn(&key, &problem.to_string());
                }
            }
            None if is_error => self.warn(stable_part(message), message),
            None => tracing::debug!("{message}"),
        }
    }

    fn warn(&self, key: &str, message: &str) {
        let note = self.repeated.lock().on_message(key, Instant::now());
        if let Some(note) = note {
            tracing::warn!("{message} ({note})");
        }
    }
}

/// The message without the name of its thread: `[thrd:main]: all brokers are down`.
fn without_thread(message: &str) -> &str {
    message
        .strip_prefix("[thrd:")
        .and_then(|rest| rest.split_once("]: "))
        .map_or(message, |(_, rest)| rest)
}

/// The message without what follows in parentheses: how long it took, and how many
/// were suppressed.
fn stable_part(message: &str) -> &str {
    message.split_once(" (").map_or(message, |(part, _)| part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::connection_problem::ConnectionCause;

    #[test]
    fn one_failure_has_one_key() {
        let first = "127.0.0.1:1/1: Send failed: Broken pipe (after 0ms in state UP)";
        let repeated = "127.0.0.1:1/1: Send failed: Broken pipe (after 1ms in state UP, 30 \
            identical error(s) suppressed)";
        assert_eq!(stable_part(first), stable_part(repeated));
        assert_eq!(stable_part("out of memory"), "out of memory");
    }

    #[test]
    fn every_report_of_a_failure_is_understood() {
        let text = "127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection \
            refused (after 0ms in state CONNECT)";
        let level = ERROR;
        for (facility, message) in [
            ("FAIL", format!("[thrd:127.0.0.1:1/bootstrap]: {text}")),
            (
                "ERROR",
                format!("[thrd:app]: ingest-landing#consumer-1: {text}"),
            ),
        ] {
            let log = ClientLog::new("127.0.0.1:1");
            assert_eq!(log.best_explanation(), None);
            log.on_log(level, facility, &message);
            let best = log.best_explanation().unwrap();
            assert_eq!(best.cause, ConnectionCause::Refused, "{facility}");
            assert_eq!(best.broker, "127.0.0.1:1");
        }
        let log = ClientLog::new("127.0.0.1:1");
        log.on_error(text);
        assert!(log.best_explanation().is_some());
        // Only these lines are about connections.
        let log = ClientLog::new("127.0.0.1:1");
        log.on_log(level, "SSL", text);
        assert_eq!(log.best_explanation(), None);
    }

    #[test]
    fn a_closed_connection_counts_at_any_level() {
        let log = ClientLog::new("a:1");
        let closed = "[thrd:a:1/bootstrap]: a:1/bootstrap: Disconnected: connection closed by \
            peer: receive 0 after POLLIN (after 1ms in state APIVERSION_QUERY)";
        log.on_log(RDKafkaLogLevel::Info as i32, "FAIL", closed);
        let best = log.best_explanation().unwrap();
        assert_eq!(best.cause, ConnectionCause::ClosedInPlaintext);
    }
}
