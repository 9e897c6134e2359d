//! One object store per bucket, created when it is first needed.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::client::SpawnedReqwestConnector;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, RetryConfig};
use parking_lot::RwLock;
use sluice_traces::trace_store;
use url::Url;

use crate::durable::DurableLocal;
use crate::error::{LocationError, StoreError};
use crate::location::{Location, SourceLocation, StoreRoot};
use crate::options::StoreOptions;

/// All object stores of a process. Clones are cheap and share their stores.
#[derive(Clone)]
pub struct Stores {
    shared: Arc<SharedStores>,
}

struct SharedStores {
    options: StoreOptions,
    local: Arc<dyn ObjectStore>,
    buckets: RwLock<HashMap<String, Arc<dyn ObjectStore>>>,
}

impl fmt::Debug for Stores {
    /// Without the stores, because the `Debug` of an S3 client shows the key's id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

/// A location with its store. The store is that of the whole file system or
/// bucket, so its calls need `path`.
#[derive(Clone)]
pub struct StorePath {
    /// The store of the whole file system or bucket.
    pub store: Arc<dyn ObjectStore>,
    /// Where it is.
    pub location: Location,
}

impl fmt::Debug for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in {}", self.location, self.store)
    }
}

impl StorePath {
    /// The path in the store.
    pub fn path(&self) -> &Path {
        self.location.path()
    }

    /// Whether it is on the local file system, where no request is in flight
    /// after a call has returned.
    pub fn is_local(&self) -> bool {
        self.location.local_path().is_some()
    }

    /// The bytes of an object of this store, `None` when it does not exist.
    pub async fn read_object(&self, path: &Path) -> Result<Option<Bytes>, StoreError> {
        let result = match self.store.get(path).await {
            Ok(result) => result.bytes().await,
            Err(error) => Err(error),
        };
        match result {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.access_error("read", path, error)),
        }
    }

    /// The error of a call for an object of this store.
    pub fn access_error(
        &self,
        action: &'static str,
        path: &Path,
        error: object_store::Error,
    ) -> StoreError {
        StoreError::access(action, self.location.display_path(path), error)
    }

    /// The full URL, without a slash at its end.
    pub fn url(&self) -> &Url {
        self.location.url()
    }
}

impl Stores {
    /// Stores with these options, in which local writes are durable.
    pub fn new(options: StoreOptions) -> Self {
        Self::with_local(options, trace_store(Arc::new(DurableLocal::new()), "file"))
    }

    /// [`Stores::new`] with another store for local paths, for tests.
    pub fn with_local(options: StoreOptions, local: Arc<dyn ObjectStore>) -> Self {
        Self {
            shared: Arc::new(SharedStores {
                options,
                local,
                buckets: RwLock::default(),
            }),
        }
    }

    /// The store for a URL: of the file system for `file://`, of the bucket for
    /// `s3://`. Cheap after the first call for a bucket; does not open a
    /// connection.
    pub fn resolve_url(&self, url: &Url) -> Result<Arc<dyn ObjectStore>, StoreError> {
        match StoreRoot::from_url(url)? {
            StoreRoot::Local => Ok(Arc::clone(&self.shared.local)),
            StoreRoot::S3 { bucket } => self.bucket_store(&bucket),
        }
    }

    /// Parses a path or URL that names one location.
    pub fn parse_location(&self, text: &str) -> Result<Location, StoreError> {
        Location::parse(text, &self.base_folder(text)?)
    }

    /// Parses a path or URL that may contain wildcards.
    pub fn parse_source(&self, text: &str) -> Result<SourceLocation, StoreError> {
        SourceLocation::parse(text, &self.base_folder(text)?)
    }

    /// A location with its store.
    pub fn open(&self, location: &Location) -> Result<StorePath, StoreError> {
        Ok(StorePath {
            store: self.resolve_url(location.url())?,
            location: location.clone(),
        })
    }

    fn base_folder(&self, text: &str) -> Result<PathBuf, StoreError> {
        if let Some(base) = &self.shared.options.base_dir {
            return Ok(base.clone());
        }
        // Only a relative path needs the current folder, so a deleted current
        // folder does not affect other paths.
        if text.starts_with('/') || text.contains(":/") {
            return Ok(FsPath::new("/").to_path_buf());
        }
        std::env::current_dir().map_err(|error| StoreError::Location {
            text: text.to_owned(),
            source: LocationError::Malformed {
                reason: format!("it is relative, and the current folder is not known: {error}"),
            },
        })
    }

    fn bucket_store(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>, StoreError> {
        if let Some(store) = self.shared.buckets.read().get(bucket) {
            return Ok(Arc::clone(store));
        }
        let mut builder = AmazonS3Builder::new().with_bucket_name(bucket);
        for (key, value) in self.shared.options.s3_settings() {
            builder = builder.with_config(key, value);
        }
        if let Some(runtime) = &self.shared.options.io_runtime {
            builder = builder.with_http_connector(SpawnedReqwestConnector::new(runtime.clone()));
        }
        // Commits are put-if-absent; S3 has had If-None-Match since 2024.
        let store = builder
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_retry(retry_config())
            .build()
            .map_err(|source| StoreError::Setup {
                bucket: bucket.to_owned(),
                source,
            })?;
        let mut buckets = self.shared.buckets.write();
        let store = buckets
            .entry(bucket.to_owned())
            .or_insert_with(|| trace_store(Arc::new(store), "s3"));
        Ok(Arc::clone(store))
    }
}

/// Retries for some seconds: long enough for a short network failure, and short
/// enough that a wrong endpoint is reported before people give up.
fn retry_config() -> RetryConfig {
    RetryConfig {
        max_retries: 6,
        retry_timeout: Duration::from_secs(60),
        ..RetryConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_store_per_bucket_and_one_for_all_files() {
        let stores = Stores::new(StoreOptions::new());
        let resolve = |text: &str| stores.resolve_url(&Url::parse(text).unwrap()).unwrap();
        assert!(Arc::ptr_eq(&resolve("s3://a/x"), &resolve("s3a://a/y")));
        assert!(!Arc::ptr_eq(&resolve("s3://a/x"), &resolve("s3://b/x")));
        assert!(Arc::ptr_eq(&resolve("file:///a"), &resolve("file:///b/c")));
        for text in ["hdfs://a/b", "s3:///b", "file://host/b"] {
            assert!(
                stores.resolve_url(&Url::parse(text).unwrap()).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn no_output_shows_a_secret() {
        let mut options = StoreOptions::new();
        options
            .set("sluice.s3.access_key_id", "AKIAHUNTER")
            .unwrap();
        options
            .set("sluice.s3.secret_access_key", "hunter2")
            .unwrap();
        let stores = Stores::new(options);
        let place = stores
            .open(&stores.parse_location("s3://a/b").unwrap())
            .unwrap();
        let shown = format!("{stores:?} {place:?} {}", place.store).to_lowercase();
        assert!(!shown.contains("hunter"), "{shown}");
    }

    #[test]
    fn relative_paths_start_from_the_base_folder() {
        let mut options = StoreOptions::new();
        options.base_dir = Some("/srv/jobs".into());
        let stores = Stores::new(options);
        assert_eq!(
            stores.parse_location("gold").unwrap().to_string(),
            "/srv/jobs/gold"
        );
        let stores = Stores::new(StoreOptions::new());
        let here = std::env::current_dir().unwrap().join("gold");
        assert_eq!(
            stores.parse_location("gold").unwrap().local_path().unwrap(),
            here
        );
    }
}
