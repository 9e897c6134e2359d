//! Why requests to the brokers fail.

use rdkafka::error::{KafkaError as Client, RDKafkaErrorCode};
use thiserror::Error;

use super::connection_problem::ConnectionProblem;

/// Why a request to the brokers failed.
#[derive(Debug, Error)]
pub enum KafkaError {
    /// No broker answers, and the client's log says why.
    #[error("no connection to the brokers of `{servers}`: {problem}")]
    NoConnection {
        /// The bootstrap servers.
        servers: String,
        problem: Box<ConnectionProblem>,
    },
    /// No broker answers.
    #[error(
        "no broker of `{servers}` answers: {source}; check --bootstrap-servers and that Kafka runs"
    )]
    Unreachable {
        /// The bootstrap servers.
        servers: String,
        #[source]
        source: Client,
    },
    #[error("there is no topic `{topic}` at `{servers}`; create it, or check its name")]
    UnknownTopic {
        topic: String,
        /// The bootstrap servers.
        servers: String,
    },
    /// This user may not read the topic.
    #[error(
        "reading topic `{topic}` is not allowed: {code}; give this user the right to read and \
         describe the topic"
    )]
    AccessDenied {
        topic: String,
        /// The broker's error code.
        code: RDKafkaErrorCode,
    },
    /// Anything else.
    #[error("cannot {action} of topic `{topic}`: {source}")]
    Failed {
        /// What was attempted, as a verb and its object.
        action: &'static str,
        topic: String,
        #[source]
        source: Client,
    },
}

impl KafkaError {
    pub(super) fn from_client_error(
        action: &'static str,
        topic: &str,
        servers: &str,
        source: Client,
    ) -> Self {
        let topic = topic.to_owned();
        let servers = servers.to_owned();
        use RDKafkaErrorCode as Code;
        match source.rdkafka_error_code() {
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopicId) => {
                Self::UnknownTopic { topic, servers }
            }
            Some(
                code @ (Code::TopicAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::GroupAuthorizationFailed),
            ) => Self::AccessDenied { topic, code },
            Some(
                Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::OperationTimedOut
                | Code::RequestTimedOut
                | Code::Resolve
                | Code::Authentication
                | Code::SaslAuthenticationFailed
                | Code::SSL
                | Code::LeaderNotAvailable
                | Code::NotLeaderForPartition
                | Code::NetworkException
                // The client's own errors for a topic whose brokers it does not
                // know: only a broker can say whether the topic exists.
                | Code::UnknownTopic
                | Code::UnknownPartition
                | Code::BrokerNotAvailable,
            ) => Self::Unreachable { servers, source },
            _ => Self::Failed {
                action,
                topic,
                source,
            },
        }
    }

    /// The same error with the reason why no broker answers, if that is the error and
    /// the reason is known.
    pub(super) fn with_connection_problem(self, problem: Option<ConnectionProblem>) -> Self {
        match (self, problem) {
            (Self::Unreachable { servers, .. }, Some(problem)) => Self::NoConnection {
                servers,
                problem: Box::new(problem),
            },
            (error, _) => error,
        }
    }

    /// Whether no broker answers.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, Self::NoConnection { .. } | Self::Unreachable { .. })
    }
}
