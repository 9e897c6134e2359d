//! The objects of a ledger: their names, and single store calls with typed errors.

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutMode};
use serde::{Deserialize, Serialize};
use sluice_storage::{Place, StoreError};

/// Files whose names begin with "_" are not entries. They sort after all entries.
const HINT: &str = "_hint.json";
const SNAPSHOT: &str = "_snapshot.json";

/// A ledger's folder and its store.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    place: Place,
}

#[derive(Serialize, Deserialize)]
struct Hint {
    seq: u64,
}

/// The number of the entry in a file with this name.
fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".json")?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

impl Folder {
    pub(crate) fn new(place: Place) -> Self {
        Self { place }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Whether a failed call has no further effect. On a local file system no
    /// request is in flight after a call has returned.
    pub(crate) fn is_local(&self) -> bool {
        self.place.location.local_path().is_some()
    }

    fn entry_path(&self, seq: u64) -> Path {
        self.named(&format!("{seq:020}.json"))
    }

    fn named(&self, name: &str) -> Path {
        self.place.path().clone().join(name)
    }

    /// The location of an entry in the form for messages.
    pub(crate) fn entry_location(&self, seq: u64) -> String {
        self.place.location.display_of(&self.entry_path(seq))
    }

    fn error(&self, action: &'static str, path: &Path, error: object_store::Error) -> StoreError {
        StoreError::access(action, self.place.location.display_of(path), error)
    }

    /// Creates an entry; fails if it exists.
    pub(crate) async fn create(&self, seq: u64, bytes: Bytes) -> Result<(), StoreError> {
        let path = self.entry_path(seq);
        let mode = PutMode::Create.into();
        match self.place.store.put_opts(&path, bytes.into(), mode).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.error("write", &path, error)),
        }
    }

    /// The bytes of an entry, `None` when it does not exist.
    pub(crate) async fn entry(&self, seq: u64) -> Result<Option<Bytes>, StoreError> {
        self.get(&self.entry_path(seq)).await
    }

    async fn get(&self, path: &Path) -> Result<Option<Bytes>, StoreError> {
        let result = match self.place.store.get(path).await {
            Ok(result) => result.bytes().await,
            Err(error) => Err(error),
        };
        match result {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.error("read", path, error)),
        }
    }

    pub(crate) async fn exists(&self, seq: u64) -> Result<bool, StoreError> {
        let path = self.entry_path(seq);
        match self.place.store.head(&path).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.error("read", &path, error)),
        }
    }

    /// Lists the entries after `last` and returns their least and greatest number.
    /// S3 starts its listing after `last`; a local folder is read completely.
    pub(crate) async fn beyond(&self, last: Option<u64>) -> Result<Option<(u64, u64)>, StoreError> {
        let folder = self.place.path();
        let store = &self.place.store;
        let mut objects = match last {
            Some(last) => store.list_with_offset(Some(folder), &self.entry_path(last)),
            None => store.list(Some(folder)),
        };
        let mut found: Option<(u64, u64)> = None;
        loop {
            let object = match objects.try_next().await {
                Ok(Some(object)) => object,
                Ok(None) => return Ok(found),
                Err(error) => return Err(self.error("list", folder, error)),
            };
            let number = object.location.prefix_match(folder).and_then(|mut parts| {
                match (parts.next(), parts.next()) {
                    (Some(name), None) => number_of(name.as_ref()),
                    _ => None,
                }
            });
            if let Some(number) = number.filter(|number| last.is_none_or(|last| *number > last)) {
                let (least, greatest) = found.unwrap_or((number, number));
                found = Some((least.min(number), greatest.max(number)));
            }
        }
    }

    /// The entry at which to start the search for the tail. The hint may be stale,
    /// missing or invalid, so it is only a starting point, and failures to read it
    /// are ignored.
    pub(crate) async fn hint(&self) -> Option<u64> {
        let bytes = match self.get(&self.named(HINT)).await {
            Ok(bytes) => bytes?,
            Err(error) => {
                tracing::debug!(ledger = %self.place.location, %error, "the hint cannot be read");
                return None;
            }
        };
        match serde_json::from_slice(&bytes) {
            Ok(Hint { seq }) => Some(seq),
            Err(error) => {
                tracing::debug!(ledger = %self.place.location, %error, "the hint is not valid");
                None
            }
        }
    }

    /// Writes a hint that entry `seq` exists.
    pub(crate) async fn leave_hint(&self, seq: u64) -> Result<(), StoreError> {
        let text = serde_json::to_vec(&Hint { seq }).unwrap_or_default();
        self.put(&self.named(HINT), text.into()).await
    }

    pub(crate) async fn snapshot(&self) -> Result<Option<Bytes>, StoreError> {
        self.get(&self.named(SNAPSHOT)).await
    }

    pub(crate) async fn put_snapshot(&self, bytes: Bytes) -> Result<(), StoreError> {
        self.put(&self.named(SNAPSHOT), bytes).await
    }

    async fn put(&self, path: &Path, bytes: Bytes) -> Result<(), StoreError> {
        match self.place.store.put(path, bytes.into()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.error("write", path, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_entries_have_numbers() {
        assert_eq!(number_of("00000000000000000012.json"), Some(12));
        assert_eq!(number_of("18446744073709551615.json"), Some(u64::MAX));
        for name in [
            "99999999999999999999.json",
            "12.json",
            "00000000000000000012.json#7",
            "+0000000000000000012.json",
            HINT,
            SNAPSHOT,
        ] {
            assert_eq!(number_of(name), None, "{name}");
        }
    }
}
