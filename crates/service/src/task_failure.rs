//! The text form in which a task's failure travels from an executor to the driver.
//!
//! Ballista transports a task's error as the `Debug` text of its error type,
//! formatted once or twice, inside its own sentences. The kind and the message of
//! a failure therefore travel as a token in which `Debug` changes no character:
//!
//! ```text
//! SLUICE_TASK<storage|cannot%20write …>
//! ```
//!
//! Quotes, backslashes, control characters, `<`, `>`, `%` and everything
//! outside ASCII are percent-encoded; the rest stays readable in logs.

use std::fmt;

/// What kind of failure ended a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// A broken connection, a busy or unreachable store: a retry may help. Ballista
    /// has already made a few attempts.
    Transient,
    /// Parts that an earlier step staged on an executor can no longer be fetched;
    /// the driver stages them again.
    StagedLost,
    /// Landing or gold cannot be read or written: no permission, no space, no
    /// such file.
    Storage,
    /// The task needs more memory than it may use, even with spilling.
    Memory,
    /// The data broke a promise of the job: a malformed line under `failfast`, a
    /// null in a column that must not be null.
    DataQuality,
    /// Every other error that the plan itself reports, such as a failed cast.
    Execution,
    /// A panic or a broken invariant: a bug in Sluice or its engine.
    Internal,
}

impl FailureKind {
    const ALL: [Self; 7] = [
        Self::Transient,
        Self::StagedLost,
        Self::Storage,
        Self::Memory,
        Self::DataQuality,
        Self::Execution,
        Self::Internal,
    ];

    /// The kind's name in the token.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::StagedLost => "SLUICE_STAGED_LOST",
            Self::Storage => "storage",
            Self::Memory => "memory",
            Self::DataQuality => "SLUICE_DATA_QUALITY",
            Self::Execution => "execution",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a task failed, as the executor saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFailure {
    pub kind: FailureKind,
    /// What happened, without the engine's wrapping.
    pub message: String,
}

const TOKEN_START: &str = "SLUICE_TASK<";
const TOKEN_END: char = '>';

impl TaskFailure {
    /// A failure of a kind with a message.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The failure as a token.
    pub fn encode(&self) -> String {
        let mut token = String::with_capacity(self.message.len() + 32);
        token.push_str(TOKEN_START);
        token.push_str(self.kind.name());
        token.push('|');
        for byte in self.message.bytes() {
            match byte {
                b' '..=b'~' if !matches!(byte, b'"' | b'\'' | b'\\' | b'<' | b'>' | b'%') => {
                    token.push(char::from(byte));
                }
                _ => {
                    const HEX: &[u8; 16] = b"0123456789ABCDEF";
                    token.push('%');
                    token.push(char::from(HEX[usize::from(byte >> 4)]));
                    token.push(char::from(HEX[usize::from(byte & 15)]));
                }
            }
        }
        token.push(TOKEN_END);
        token
    }

    /// The failure whose token is in `text`, with any text around it. With several
    /// tokens, the last one is the root cause, since wrapping adds text in front.
    pub fn find_in_text(text: &str) -> Option<Self> {
        let start = text.rfind(TOKEN_START)? + TOKEN_START.len();
        let length = text[start..].find(TOKEN_END)?;
        let (kind, message) = text[start..start + length].split_once('|')?;
        let kind = FailureKind::ALL.into_iter().find(|k| k.name() == kind)?;
        Some(Self {
            kind,
            message: percent_decode(message)?,
        })
    }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            _ => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

impl fmt::Display for TaskFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_any_message_survives_debug_twice_over() {
        let message = "cannot write \"a\\b\": \u{7f}\n\t<100 %> schön 日本 \u{200b} '|'";
        for kind in FailureKind::ALL {
            let failure = TaskFailure::new(kind, message);
            let once = format!("Task failed: {:?}", Some(failure.encode()));
            let twice = format!("Stage 1 failed 4 times, reason: {once:?}");
            assert_eq!(TaskFailure::find_in_text(&once).unwrap(), failure);
            assert_eq!(TaskFailure::find_in_text(&twice).unwrap(), failure);
        }
    }

    #[test]
    fn plain_words_stay_readable_and_texts_without_a_token_hold_no_failure() {
        let failure = TaskFailure::new(FailureKind::StagedLost, "part 3 on 10.0.0.1:4 is gone");
        assert_eq!(
            failure.encode(),
            "SLUICE_TASK<SLUICE_STAGED_LOST|part 3 on 10.0.0.1:4 is gone>"
        );
        for text in [
            "",
            "nothing",
            "SLUICE_TASK<",
            "SLUICE_TASK<x|y>",
            "SLUICE_TASK<storage|%4>",
        ] {
            assert_eq!(TaskFailure::find_in_text(text), None, "{text}");
        }
    }
}
