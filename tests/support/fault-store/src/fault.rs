//! What can go wrong with one call.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use parking_lot::Mutex;

/// The length of a delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// A number of turns of the other tasks. On a runtime of one thread this is
    /// exact and takes no time, so that a schedule is the same on every run.
    Turns(u32),
    /// A time by the clock.
    For(Duration),
}

impl Delay {
    pub async fn wait_out(self) {
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

/// What happens to one call. Reads can only be delayed or fail: faults that change
/// the effect of a write have no effect on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The request arrives, and the response is lost.
    LostAnswer,
    /// The request does not arrive, and the response is a transient error.
    LostRequest,
    /// The request arrives twice, as from a client that retries by itself: a create
    /// finds its own object and gets "already exists" (S3's 412).
    SentTwice,
    /// The request does not arrive, and the response is "already exists" (S3's 409
    /// for two requests at the same time).
    FalseConflict,
    /// Another writer puts these bytes there first.
    OtherWriterFirst(Bytes),
    /// The request arrives late.
    DelayedRequest(Delay),
    /// The request arrives at once, and its response arrives late.
    DelayedAnswer(Delay),
    /// The caller gets a timeout, and the request arrives only after that: other
    /// calls may come in between.
    ArrivesAfterTimeout(Delay),
    /// The request is refused with this kind of I/O error.
    Refused(io::ErrorKind),
}

impl Fault {
    /// The error with which a call fails at once, `None` when the fault does not
    /// prevent the call.
    pub(crate) fn call_error(&self) -> Option<object_store::Error> {
        match self {
            Self::LostAnswer | Self::LostRequest => {
                Some(io_failure(io::ErrorKind::ConnectionReset))
            }
            Self::ArrivesAfterTimeout(_) => Some(io_failure(io::ErrorKind::TimedOut)),
            Self::Refused(kind) => Some(io_failure(*kind)),
            Self::SentTwice
            | Self::FalseConflict
            | Self::OtherWriterFirst(_)
            | Self::DelayedRequest(_)
            | Self::DelayedAnswer(_) => None,
        }
    }

    pub(crate) async fn delay_request(&self) {
        if let Self::DelayedRequest(wait) = self {
            wait.wait_out().await;
        }
    }

    pub(crate) async fn delay_answer(&self) {
        if let Self::DelayedAnswer(wait) = self {
            wait.wait_out().await;
        }
    }
}

pub(crate) fn io_failure(kind: io::ErrorKind) -> object_store::Error {
    object_store::Error::Generic {
        store: "FaultyStore",
        source: Box::new(io::Error::from(kind)),
    }
}

pub(crate) fn conflict_error(path: &Path) -> object_store::Error {
    object_store::Error::AlreadyExists {
        path: path.to_string(),
        source: "409 Conflict, injected".into(),
    }
}

/// A queue of faults, one for each matching call. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct FaultScript(Arc<Mutex<VecDeque<Fault>>>);

impl FaultScript {
    /// Replaces the remaining faults by these.
    pub fn set_faults(&self, faults: impl IntoIterator<Item = Fault>) {
        *self.0.lock() = faults.into_iter().collect();
    }

    /// The next fault, `None` when none is left.
    pub fn take_next(&self) -> Option<Fault> {
        self.0.lock().pop_front()
    }

    /// The number of remaining faults.
    pub fn faults_left(&self) -> usize {
        self.0.lock().len()
    }
}
