//! Tests of error messages and exit codes.

use rdkafka::types::RDKafkaErrorCode as Code;
use sluice_proto::v1::ErrorKind;

use crate::error::ProduceError;
use crate::error_code::{describe_code, error_kind};

#[test]
fn codes_are_described_in_words() {
    for (code, text) in [
        (Code::MessageTimedOut, "message timed out"),
        (Code::TopicAuthorizationFailed, "topic authorization failed"),
        (Code::UnknownTopicOrPartition, "unknown topic or partition"),
        (Code::SSL, "SSL error"),
    ] {
        assert_eq!(describe_code(code), text);
    }
}

#[test]
fn kinds_decide_the_exit_code() {
    for (code, expected) in [
        (Code::MessageTimedOut, ErrorKind::Unavailable),
        (Code::SaslAuthenticationFailed, ErrorKind::Unavailable),
        (Code::InvalidReplicationFactor, ErrorKind::Invalid),
        (Code::MessageSizeTooLarge, ErrorKind::Transient),
    ] {
        assert_eq!(error_kind(code), expected, "{code:?}");
    }
    let failed = ProduceError::Failed {
        failed: 1_200,
        sent: 50_000,
        code: Code::MessageTimedOut,
        fatal: None,
    };
    assert_eq!(
        failed.to_string(),
        "1,200 of 50,000 events failed: message timed out"
    );
    assert_eq!(failed.kind().exit_code(), 4);
}
