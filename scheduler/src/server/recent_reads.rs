//! What was read from stores for pages, each at most every few seconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long what was read is shown without reading it again.
const MAX_AGE: Duration = Duration::from_secs(5);
/// How long a store may take.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// A result of type `T` or an error for people, by location. Cheap to clone.
pub(super) struct RecentReads<T>(Arc<Mutex<ReadsByLocation<T>>>);

type ReadsByLocation<T> = HashMap<String, (Instant, Result<T, String>)>;

impl<T> Clone for RecentReads<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for RecentReads<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> RecentReads<T> {
    /// What was read at `location` within the last seconds, or what `read` gives now.
    pub(super) async fn get_or_read(
        &self,
        location: &str,
        read: impl Future<Output = Result<T, String>>,
    ) -> Result<T, String> {
        if let Some((read_at, found)) = self.0.lock().get(location)
            && read_at.elapsed() < MAX_AGE
        {
            return found.clone();
        }
        let found = tokio::time::timeout(READ_TIMEOUT, read).await;
        let found = found.unwrap_or_else(|_| {
            Err(format!(
                "it did not answer within {} s",
                READ_TIMEOUT.as_secs()
            ))
        });
        let mut known = self.0.lock();
        known.retain(|_, (read_at, _)| read_at.elapsed() < MAX_AGE);
        known.insert(location.to_owned(), (Instant::now(), found.clone()));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_location_is_read_once_in_some_seconds() {
        let reads = RecentReads::default();
        let first = reads.get_or_read("a", async { Ok(1) }).await;
        let again = reads.get_or_read("a", async { Ok(2) }).await;
        let clone = reads.clone();
        let other = clone.get_or_read("b", async { Err("gone".to_owned()) });
        assert_eq!((first, again), (Ok(1), Ok(1)));
        assert_eq!(other.await, Err("gone".to_owned()));
    }
}
