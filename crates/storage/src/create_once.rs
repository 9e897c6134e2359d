//! Creates an object once: put-if-absent, and the check of its outcome.
//!
//! Ledger entries and table versions are objects that exactly one writer may
//! create. After any error the writer reads the object back and looks who wrote
//! it: a client that retries by itself gets "already exists" for its own write,
//! and a response may be lost after the write arrived. While the object does not
//! exist, it is sent again, for some seconds.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore as _, PutMode};
use tokio::time::Instant;

use crate::error::{StoreError, StoreErrorKind};
use crate::stores::StorePath;

/// The pauses between the attempts of one write: 4 ms, doubled up to 250 ms, each
/// with a random addition of up to its own length, so that two writers do not
/// wait equally long.
pub const RETRY_PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(4))
    .with_max_delay(Duration::from_millis(250))
    .with_jitter()
    .without_max_times();

/// How often an object is sent. With the pauses, the attempts take some seconds. A
/// store that takes long to fail gets fewer attempts after [`LATE_AFTER`], but
/// still a few: the time may also have passed because the process was suspended.
const MAX_ATTEMPTS: u32 = 12;
const MAX_LATE_ATTEMPTS: u32 = 4;
const LATE_AFTER: Duration = Duration::from_secs(120);

/// How long to wait between the attempts to create an object.
#[derive(Debug, Clone, Copy)]
pub struct CreateRetries {
    pauses: ExponentialBuilder,
}

impl Default for CreateRetries {
    fn default() -> Self {
        Self {
            pauses: RETRY_PAUSES,
        }
    }
}

impl CreateRetries {
    /// Pauses that only let other tasks run, for tests without a clock.
    pub const fn without_pauses() -> Self {
        Self {
            pauses: RETRY_PAUSES.with_min_delay(Duration::ZERO),
        }
    }

    fn start_attempts(self) -> Attempts<impl Iterator<Item = Duration>> {
        Attempts {
            pauses: self.pauses.build(),
            // The monotonic clock: others jump.
            started_at: Instant::now(),
            count: 0,
        }
    }
}

fn is_last_attempt(attempt: u32, elapsed: Duration) -> bool {
    let is_late = elapsed > LATE_AFTER;
    attempt
        >= if is_late {
            MAX_LATE_ATTEMPTS
        } else {
            MAX_ATTEMPTS
        }
}

/// The attempts of one write.
struct Attempts<P> {
    pauses: P,
    started_at: Instant,
    count: u32,
}

impl<P: Iterator<Item = Duration>> Attempts<P> {
    /// Counts an attempt; returns whether it is the last.
    fn begin_attempt(&mut self) -> bool {
        self.count += 1;
        is_last_attempt(self.count, self.started_at.elapsed())
    }

    async fn pause_before_retry(&mut self) {
        match self.pauses.next() {
            Some(pause) if !pause.is_zero() => tokio::time::sleep(pause).await,
            _ => tokio::task::yield_now().await,
        }
    }
}

/// Whose object exists after [`StorePath::create_once`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateOutcome {
    /// Ours was created and is durable.
    Ours,
    /// Another writer's object with these bytes; ours was not created.
    Another(Bytes),
}

/// Why it was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The store refused or failed. Nothing was created and nothing will be.
    #[error(transparent)]
    NotCreated(Box<StoreError>),
    /// The store acknowledged nothing, and reading back did not show whether the
    /// object arrived, or it may still arrive.
    #[error(transparent)]
    OutcomeUnknown(Box<StoreError>),
}

/// What the store has at the object's path.
#[derive(Debug)]
enum StoredObject {
    Ours,
    Another(Bytes),
    Absent,
    /// The read failed.
    Unknown,
}

/// What is known after a write that the store did not confirm.
#[derive(Debug, Clone, Copy)]
struct UnconfirmedWrite<'a> {
    /// The error that the store returned.
    error_kind: StoreErrorKind,
    /// What the store has now.
    stored: &'a StoredObject,
    /// Whether the store is the local file system.
    is_local: bool,
    /// Whether one of the requests may still arrive.
    in_flight: bool,
    /// Whether this was the last attempt.
    last_attempt: bool,
}

/// The conclusion from an unconfirmed write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriteVerdict {
    /// Our object exists, whatever the error was.
    Committed,
    /// Another writer's object exists.
    Lost,
    /// Send the object again. It cannot be created twice.
    Retry,
    /// The object does not exist and cannot arrive any more.
    Failed,
    /// The object does not exist or cannot be read, and may still arrive; or it
    /// exists, but may not survive a power cut.
    Unknown,
}

impl UnconfirmedWrite<'_> {
    fn judge(self) -> WriteVerdict {
        // A local write may have failed between naming its file and syncing the
        // folder. The next create finds the name taken, and syncs the folder
        // before it says so.
        let is_durable = !self.is_local || self.error_kind == StoreErrorKind::AlreadyExists;
        match self.stored {
            StoredObject::Another(_) => WriteVerdict::Lost,
            StoredObject::Ours if is_durable => WriteVerdict::Committed,
            StoredObject::Ours | StoredObject::Absent | StoredObject::Unknown
                if !self.last_attempt && !self.error_kind.is_refusal() =>
            {
                WriteVerdict::Retry
            }
            StoredObject::Absent if !self.in_flight => WriteVerdict::Failed,
            StoredObject::Ours | StoredObject::Absent | StoredObject::Unknown => {
                WriteVerdict::Unknown
            }
        }
    }
}

impl StorePath {
    /// Creates the object `path` of this store with these bytes, unless it exists,
    /// and finds out which writer's object exists. `is_ours` recognizes our own
    /// bytes, by an id that no other writer has.
    ///
    /// If the future is dropped, it is not known whether the object was created.
    ///
    /// # Errors
    /// After [`CreateError::NotCreated`] nothing was created.
    pub async fn create_once(
        &self,
        path: &Path,
        bytes: Bytes,
        retries: CreateRetries,
        is_ours: impl Fn(&[u8]) -> bool + Send + Sync,
    ) -> Result<CreateOutcome, CreateError> {
        let is_local = self.is_local();
        let mut attempts = retries.start_attempts();
        let mut in_flight = false;
        loop {
            let last_attempt = attempts.begin_attempt();
            let create = PutMode::Create.into();
            let error = match self
                .store
                .put_opts(path, bytes.clone().into(), create)
                .await
            {
                Ok(_) => return Ok(CreateOutcome::Ours),
                Err(error) => self.access_error("write", path, error),
            };
            let error_kind = error.kind();
            if error_kind != StoreErrorKind::AlreadyExists {
                tracing::warn!(%error, "creating an object failed, reading it back");
            }
            // A refusal is final. After any other error the request may still be
            // on the network.
            in_flight |= !is_local && !error_kind.is_refusal();
            let stored = self.read_back(path, &is_ours).await;
            let verdict = UnconfirmedWrite {
                error_kind,
                stored: &stored,
                is_local,
                in_flight,
                last_attempt,
            }
            .judge();
            match (verdict, stored) {
                (WriteVerdict::Committed, _) => return Ok(CreateOutcome::Ours),
                (WriteVerdict::Lost, StoredObject::Another(bytes)) => {
                    return Ok(CreateOutcome::Another(bytes));
                }
                (WriteVerdict::Retry, _) => attempts.pause_before_retry().await,
                (WriteVerdict::Failed, _) => {
                    return Err(CreateError::NotCreated(Box::new(error)));
                }
                (WriteVerdict::Unknown | WriteVerdict::Lost, _) => {
                    return Err(CreateError::OutcomeUnknown(Box::new(error)));
                }
            }
        }
    }

    async fn read_back(&self, path: &Path, is_ours: impl Fn(&[u8]) -> bool) -> StoredObject {
        match self.read_object(path).await {
            Ok(Some(bytes)) if is_ours(&bytes) => StoredObject::Ours,
            Ok(Some(bytes)) => StoredObject::Another(bytes),
            Ok(None) => StoredObject::Absent,
            Err(error) => {
                tracing::warn!(%error, "reading back failed");
                StoredObject::Unknown
            }
        }
    }
}

#[cfg(test)]
mod tests;
