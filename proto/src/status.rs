//! Converts a [`JobError`] into a gRPC status and back. The status carries the
//! encoded error in its details, so that `submit-job` can print diagnostics with
//! their carets. Other clients still see code and message.

use std::error::Error;

use prost::Message;
use tonic::Status;

use crate::v1::{ErrorKind, JobError};

/// Longer details are shortened. They travel base64-encoded in a header, next to a
/// message of up to [`MAX_TEXT_BYTES`] percent-encoded bytes, and together they must
/// stay below [`crate::MAX_HEADER_LIST_BYTES`].
const MAX_DETAILS_BYTES: usize = 24 * 1024;

/// Longer messages and next steps are cut.
const MAX_TEXT_BYTES: usize = 4 * 1024;

impl From<JobError> for Status {
    /// Shortens an error that would not fit into a header: long texts are cut, the
    /// last diagnostics are left out, and the message says so.
    fn from(error: JobError) -> Self {
        let error = fit_into_header(error);
        Self::with_details(
            error.kind().grpc_code(),
            error.message.clone(),
            error.encode_to_vec().into(),
        )
    }
}

impl JobError {
    /// The error that a status stands for: the one in its details, or, for a status
    /// that does not come from a Sluice scheduler, one made from code and message.
    #[must_use]
    pub fn from_status(status: &Status) -> Self {
        if !status.details().is_empty()
            && let Ok(error) = Self::decode(status.details())
            && error.kind() != ErrorKind::Unspecified
        {
            return error;
        }
        // A status with a source was made on this side, for a connection that failed
        // or broke.
        let kind = if status.source().is_some() {
            ErrorKind::Unavailable
        } else {
            ErrorKind::from_grpc_code(status.code())
        };
        let message = match status.message() {
            "" => status.code().description(),
            message => message,
        };
        Self::new(kind, message)
    }
}

fn fit_into_header(mut error: JobError) -> JobError {
    if error.kind() == ErrorKind::Unspecified {
        error.set_kind(ErrorKind::Internal);
    }
    truncate_text(&mut error.message);
    truncate_text(&mut error.next_step);
    let all = error.diagnostics.len();
    while error.encoded_len() > MAX_DETAILS_BYTES && error.diagnostics.pop().is_some() {}
    let left_out = all - error.diagnostics.len();
    if left_out > 0 {
        error
            .message
            .push_str(&format!(" ({left_out} more diagnostics left out)"));
    }
    error
}

fn truncate_text(text: &mut String) {
    if text.len() > MAX_TEXT_BYTES {
        let end = text.floor_char_boundary(MAX_TEXT_BYTES);
        text.truncate(end);
        text.push('…');
    }
}
