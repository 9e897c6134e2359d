//! The text form of a failure.
//!
//! Ballista reports a task's error as the `Debug` text of its error type,
//! formatted once or twice, inside its own sentences. A failure is therefore a
//! token in which `Debug` changes no character:
//!
//! ```text
//! SLUICE_TASK<storage|cannot write …>
//! SLUICE_TASK<SLUICE_STAGED_LOST|job-3-1|staged part …>
//! ```
//!
//! Quotes, backslashes, control characters, `<`, `>`, `%` and everything
//! outside ASCII are percent-encoded; the rest stays readable in logs.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::{FailureKind, STAGED_LOST, TaskFailure};

const TOKEN_START: &str = "SLUICE_TASK<";
const TOKEN_END: char = '>';
const SEPARATOR: char = '|';

/// What `Debug` would escape, and what ends a token.
const MESSAGE_ESCAPES: &AsciiSet = &CONTROLS
    .add(b'"')
    .add(b'\'')
    .add(b'\\')
    .add(b'<')
    .add(b'>')
    .add(b'%');

/// The message is the last field, so only the field before it may hold no
/// separator.
const STAGE_ESCAPES: &AsciiSet = &MESSAGE_ESCAPES.add(b'|');

/// The kinds that are a name and nothing else.
const PLAIN_KINDS: [FailureKind; 7] = [
    FailureKind::Transient,
    FailureKind::Storage,
    FailureKind::ExecutorDisk,
    FailureKind::Memory,
    FailureKind::DataQuality,
    FailureKind::Execution,
    FailureKind::Internal,
];

impl TaskFailure {
    /// The failure as a token.
    pub fn encode(&self) -> String {
        let mut token = String::with_capacity(self.message.len() + 64);
        token.push_str(TOKEN_START);
        token.push_str(self.kind.name());
        token.push(SEPARATOR);
        if let FailureKind::StagedLost { stage } = &self.kind {
            token.extend(utf8_percent_encode(stage, STAGE_ESCAPES));
            token.push(SEPARATOR);
        }
        token.extend(utf8_percent_encode(&self.message, MESSAGE_ESCAPES));
        token.push(TOKEN_END);
        token
    }

    /// The failure whose token is in `text`, with any text around it. With several
    /// tokens, the last one is the root cause, since wrapping adds text in front.
    pub fn find_in_text(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(TOKEN_START)?;
        let (token, _) = rest.split_once(TOKEN_END)?;
        let (name, fields) = token.split_once(SEPARATOR)?;
        if name == STAGED_LOST {
            let (stage, message) = fields.split_once(SEPARATOR)?;
            let stage = percent_decode(stage)?;
            return Some(Self::new(
                FailureKind::StagedLost { stage },
                percent_decode(message)?,
            ));
        }
        let kind = PLAIN_KINDS.into_iter().find(|kind| kind.name() == name)?;
        Some(Self::new(kind, percent_decode(fields)?))
    }
}

/// The text before it was encoded; `None` when it is cut or not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let is_whole = |after_percent: &str| {
        let digits = after_percent.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_whole) {
        return None;
    }
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests;
