//! What the error codes of the Kafka client mean for a run.

use rdkafka::types::RDKafkaErrorCode;
use sluice_proto::v1::ErrorKind;

/// Whether the broker refuses for good, so that a retry does not help.
pub(crate) fn is_refusal(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::SSL
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
    )
}

/// Whether all further events would fail the same way.
pub(crate) fn fails_every_event(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    is_refusal(code)
        || matches!(
            code,
            Code::Fatal
                // The client retried until the message timeout.
                | Code::MessageTimedOut
                | Code::UnknownTopic
                | Code::UnknownTopicOrPartition
                | Code::UnknownPartition
                | Code::InvalidTopic
                | Code::PolicyViolation
        )
}

/// The kind of error that a code stands for.
pub(crate) fn error_kind(code: RDKafkaErrorCode) -> ErrorKind {
    use RDKafkaErrorCode as Code;
    match code {
        Code::MessageTimedOut
        | Code::OperationTimedOut
        | Code::RequestTimedOut
        | Code::TimedOutQueue
        | Code::BrokerTransportFailure
        | Code::AllBrokersDown
        | Code::Resolve
        | Code::NetworkException => ErrorKind::Unavailable,
        Code::InvalidTopic
        | Code::InvalidPartitions
        | Code::InvalidReplicationFactor
        | Code::InvalidConfig
        | Code::InvalidArgument
        | Code::PolicyViolation => ErrorKind::Invalid,
        code if is_refusal(code) => ErrorKind::Unavailable,
        _ => ErrorKind::Transient,
    }
}

/// The description of a code, without the library's prefixes.
pub(crate) fn describe_code(code: RDKafkaErrorCode) -> String {
    let text = code.to_string();
    let inner = text
        .split_once('(')
        .and_then(|(_, rest)| rest.rsplit_once(')'))
        .map_or(text.as_str(), |(inner, _)| inner);
    let plain = inner
        .strip_prefix("Local: ")
        .or_else(|| inner.strip_prefix("Broker: "))
        .unwrap_or(inner);
    let mut chars = plain.chars();
    match chars.next() {
        Some(first) if chars.clone().next().is_some_and(char::is_lowercase) => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => plain.to_owned(),
    }
}
