//! The objects of a ledger: their names, and single store calls with typed errors.

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use sluice_storage::{CreateError, CreateOutcome, CreateRetries, StoreError, StorePath};

/// Files whose names begin with "_" are not entries. They sort after all entries.
const HINT_FILE: &str = "_hint.json";
const SNAPSHOT_FILE: &str = "_snapshot.json";

/// A ledger's folder and its store.
#[derive(Debug, Clone)]
pub(crate) struct LedgerFolder {
    store_path: StorePath,
}

#[derive(Serialize, Deserialize)]
struct Hint {
    seq: u64,
}

/// The number of the entry in a file with this name.
fn parse_seq(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".json")?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

impl LedgerFolder {
    pub(crate) fn new(store_path: StorePath) -> Self {
        Self { store_path }
    }

    pub(crate) fn store_path(&self) -> &StorePath {
        &self.store_path
    }

    fn entry_path(&self, seq: u64) -> Path {
        self.object_path(&format!("{seq:020}.json"))
    }

    fn object_path(&self, name: &str) -> Path {
        self.store_path.path().clone().join(name)
    }

    /// The location of an entry in the form for messages.
    pub(crate) fn entry_location(&self, seq: u64) -> String {
        self.store_path.location.display_path(&self.entry_path(seq))
    }

    /// Creates an entry unless it exists; see [`StorePath::create_once`].
    pub(crate) async fn create_entry(
        &self,
        seq: u64,
        bytes: Bytes,
        retries: CreateRetries,
        is_ours: impl Fn(&[u8]) -> bool + Send + Sync,
    ) -> Result<CreateOutcome, CreateError> {
        let path = self.entry_path(seq);
        self.store_path
            .create_once(&path, bytes, retries, is_ours)
            .await
    }

    /// The bytes of an entry, `None` when it does not exist.
    pub(crate) async fn read_entry(&self, seq: u64) -> Result<Option<Bytes>, StoreError> {
        self.store_path.read_object(&self.entry_path(seq)).await
    }

    pub(crate) async fn entry_exists(&self, seq: u64) -> Result<bool, StoreError> {
        let path = self.entry_path(seq);
        match self.store_path.store.head(&path).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.store_path.access_error("read", &path, error)),
        }
    }

    /// Lists the entries after `last` and returns their least and greatest number.
    /// S3 starts its listing after `last`; a local folder is read completely.
    pub(crate) async fn seqs_after(
        &self,
        last: Option<u64>,
    ) -> Result<Option<(u64, u64)>, StoreError> {
        let folder = self.store_path.path();
        let store = &self.store_path.store;
        let mut objects = match last {
            Some(last) => store.list_with_offset(Some(folder), &self.entry_path(last)),
            None => store.list(Some(folder)),
        };
        let mut found: Option<(u64, u64)> = None;
        loop {
            let object = match objects.try_next().await {
                Ok(Some(object)) => object,
                Ok(None) => return Ok(found),
                Err(error) => return Err(self.store_path.access_error("list", folder, error)),
            };
            let number = object.location.prefix_match(folder).and_then(|mut parts| {
                match (parts.next(), parts.next()) {
                    (Some(name), None) => parse_seq(name.as_ref()),
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
    pub(crate) async fn read_hint(&self) -> Option<u64> {
        let bytes = match self
            .store_path
            .read_object(&self.object_path(HINT_FILE))
            .await
        {
            Ok(bytes) => bytes?,
            Err(error) => {
                tracing::debug!(ledger = %self.store_path.location, %error, "the hint cannot be read");
                return None;
            }
        };
        match serde_json::from_slice(&bytes) {
            Ok(Hint { seq }) => Some(seq),
            Err(error) => {
                tracing::debug!(ledger = %self.store_path.location, %error, "the hint is not valid");
                None
            }
        }
    }

    /// Writes a hint that entry `seq` exists.
    pub(crate) async fn write_hint(&self, seq: u64) -> Result<(), StoreError> {
        let text = serde_json::to_vec(&Hint { seq }).unwrap_or_default();
        self.put_object(&self.object_path(HINT_FILE), text.into())
            .await
    }

    pub(crate) async fn read_snapshot(&self) -> Result<Option<Bytes>, StoreError> {
        self.store_path
            .read_object(&self.object_path(SNAPSHOT_FILE))
            .await
    }

    pub(crate) async fn write_snapshot(&self, bytes: Bytes) -> Result<(), StoreError> {
        self.put_object(&self.object_path(SNAPSHOT_FILE), bytes)
            .await
    }

    async fn put_object(&self, path: &Path, bytes: Bytes) -> Result<(), StoreError> {
        match self.store_path.store.put(path, bytes.into()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.store_path.access_error("write", path, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_entries_have_numbers() {
        assert_eq!(parse_seq("00000000000000000012.json"), Some(12));
        assert_eq!(parse_seq("18446744073709551615.json"), Some(u64::MAX));
        for name in [
            "99999999999999999999.json",
            "12.json",
            "00000000000000000012.json#7",
            "+0000000000000000012.json",
            HINT_FILE,
            SNAPSHOT_FILE,
        ] {
            assert_eq!(parse_seq(name), None, "{name}");
        }
    }
}
