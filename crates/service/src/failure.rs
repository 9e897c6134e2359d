//! How the failure of a task travels from an executor to the driver.
//!
//! Ballista carries a task's error as the `Debug` text of its error type, once
//! or twice over, inside sentences of its own. What we want to know again at
//! the other end (the kind, the message as written) therefore travels as a
//! token in which no character is changed by `Debug`:
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
    /// A broken connection, a busy or unreachable store: running the task
    /// again may help. Ballista has tried a few times already.
    Transient,
    /// Parts that an earlier job staged on an executor cannot be fetched any
    /// more; the driver stages them again.
    StagedLost,
    /// Landing or gold cannot be read or written: no permission, no space, no
    /// such file.
    Storage,
    /// More memory is needed than the task may have, spilling included.
    Memory,
    /// The data broke a promise of the job: a broken line under `failfast`, a
    /// null where none may be.
    DataQuality,
    /// Everything else that the plan itself reports, such as a cast that
    /// fails.
    Execution,
    /// A panic or a broken invariant: a fault in Sluice or its engine.
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

/// Why a task ended, as the executor saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFailure {
    /// What kind it is.
    pub kind: FailureKind,
    /// What happened, without the engine's wrapping.
    pub message: String,
}

const OPEN: &str = "SLUICE_TASK<";
const CLOSE: char = '>';

impl TaskFailure {
    /// A failure of a kind with a message.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The token that travels.
    pub fn encode(&self) -> String {
        let mut token = String::with_capacity(self.message.len() + 32);
        token.push_str(OPEN);
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
        token.push(CLOSE);
        token
    }

    /// The failure in a text that holds a token, whatever stands around it.
    /// With several, the last one is the root: wrapping adds in front.
    pub fn find(text: &str) -> Option<Self> {
        let start = text.rfind(OPEN)? + OPEN.len();
        let length = text[start..].find(CLOSE)?;
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_any_message_survives_debug_twice_over() {
        let message = "cannot write \"a\\b\": \u{7f}\n\t<100 %> schön 日本 \u{200b} '|'";
        for kind in FailureKind::ALL {
            let failure = TaskFailure::new(kind, message);
            let once = format!("Task failed: {:?}", Some(failure.encode()));
            let twice = format!("Stage 1 failed 4 times, reason: {once:?}");
            assert_eq!(TaskFailure::find(&once).unwrap(), failure);
            assert_eq!(TaskFailure::find(&twice).unwrap(), failure);
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
            assert_eq!(TaskFailure::find(text), None, "{text}");
        }
    }
}
