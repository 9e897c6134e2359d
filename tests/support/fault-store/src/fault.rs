//! What can go wrong with one call.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use parking_lot::Mutex;

/// How long something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// As many turns of the other tasks: exact and instant on a runtime of one
    /// thread, so that a schedule is the same on every run.
    Turns(u32),
    /// A time by the clock.
    For(Duration),
}

impl Wait {
    pub(crate) async fn pass(self) {
        match self {
            Self::Turns(turns) => {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
            }
            Self::For(time) => tokio::time::sleep(time).await,
        }
    }
}

/// What happens to one call. Reads know delays and errors: a fault that is
/// about a write's effect lets them through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It arrives, and the answer is lost.
    LostAnswer,
    /// It does not arrive, and the answer is an error that may go away.
    LostRequest,
    /// It arrives twice, as from a client that retries by itself: a create
    /// finds its own object and is answered "already exists" (S3's 412).
    SentTwice,
    /// It does not arrive, and the answer is "already exists" (S3's 409 for
    /// two requests at a time).
    FalseConflict,
    /// Somebody else puts these bytes there first.
    Overtaken(Bytes),
    /// It arrives late.
    Late(Wait),
    /// It arrives at once, and its answer comes late.
    SlowAnswer(Wait),
    /// The caller is told of a timeout, and the request arrives only then:
    /// after whatever others do meanwhile.
    Stray(Wait),
    /// It is refused with this kind of I/O error.
    Refused(io::ErrorKind),
}

impl Fault {
    /// The error that a call without an effect ends with, `None` when the fault
    /// lets it through.
    pub(crate) fn error(&self) -> Option<object_store::Error> {
        match self {
            Self::LostAnswer | Self::LostRequest => Some(failure(io::ErrorKind::ConnectionReset)),
            Self::Stray(_) => Some(failure(io::ErrorKind::TimedOut)),
            Self::Refused(kind) => Some(failure(*kind)),
            Self::SentTwice
            | Self::FalseConflict
            | Self::Overtaken(_)
            | Self::Late(_)
            | Self::SlowAnswer(_) => None,
        }
    }

    pub(crate) async fn before(&self) {
        if let Self::Late(wait) = self {
            wait.pass().await;
        }
    }

    pub(crate) async fn after(&self) {
        if let Self::SlowAnswer(wait) = self {
            wait.pass().await;
        }
    }
}

pub(crate) fn failure(kind: io::ErrorKind) -> object_store::Error {
    object_store::Error::Generic {
        store: "FaultyStore",
        source: Box::new(io::Error::from(kind)),
    }
}

pub(crate) fn exists(path: &Path) -> object_store::Error {
    object_store::Error::AlreadyExists {
        path: path.to_string(),
        source: "409 Conflict, as told".into(),
    }
}

/// Faults to come, one for each call that asks. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Script(Arc<Mutex<VecDeque<Fault>>>);

impl Script {
    /// Replaces what is left by these.
    pub fn set(&self, faults: impl IntoIterator<Item = Fault>) {
        *self.0.lock() = faults.into_iter().collect();
    }

    /// The next fault, `None` when none is left.
    pub fn take(&self) -> Option<Fault> {
        self.0.lock().pop_front()
    }

    /// How many are left.
    pub fn left(&self) -> usize {
        self.0.lock().len()
    }
}
