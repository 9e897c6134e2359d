//! What has landed in the folders that jobs read.

use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures::TryStreamExt;
use futures::future::join_all;
use serde::Deserialize;
use sluice_landing::{Compression, LandingEntry, TopicLanding, read_lines};
use sluice_ledger::Entry;
use sluice_service::format::error_chain;
use sluice_storage::Stores;

use super::recent_reads::RecentReads;
use crate::pages::{Landed, LandedResult, Reject};

/// How many of the latest entries are shown.
const ENTRIES: u64 = 40;
/// Larger files of rejects are not read for a page, in bytes.
const MAX_REJECTS_BYTES: u64 = 1 << 20;
/// How many rejects are read of a file.
const MAX_REJECTS: usize = 200;
/// How much of a reject's value is kept, in bytes.
const MAX_VALUE_BYTES: usize = 256;

/// Reads ledgers, each at most every few seconds. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct LandingReader(RecentReads<Option<Arc<Landed>>>);

impl LandingReader {
    /// What has landed at each of the locations, in their order.
    pub(super) async fn read_all(
        &self,
        stores: &Stores,
        locations: &[String],
    ) -> Vec<LandedResult> {
        join_all(locations.iter().map(|location| self.read(stores, location))).await
    }

    async fn read(&self, stores: &Stores, location: &str) -> LandedResult {
        let reading = async {
            let landed = read_ledger(stores, location).await?;
            Ok(landed.map(Arc::new))
        };
        self.0.get_or_read(location, reading).await
    }
}

/// The latest entries of the ledger of a folder; none when it has no ledger.
async fn read_ledger(stores: &Stores, location: &str) -> Result<Option<Landed>, String> {
    let text = |error: &dyn std::error::Error| sluice_service::format::error_chain(error);
    let source = stores
        .parse_source(location)
        .map_err(|error| text(&error))?;
    let store_path = stores.open(source.base()).map_err(|error| text(&error))?;
    let topic = TopicLanding::open(store_path).map_err(|error| text(&error))?;
    let Some(newest) = topic.newest_entry().await.map_err(|error| text(&error))? else {
        return Ok(None);
    };
    let first = newest.seq.saturating_sub(ENTRIES - 1);
    let entries = topic.ledger().read_range(first..=newest.seq);
    let mut entries: Vec<_> = entries.try_collect().await.map_err(|error| text(&error))?;
    entries.reverse();
    let rejects = read_rejects(&topic, &entries).await;
    Ok(Some(Landed {
        newest,
        entries,
        rejects,
    }))
}

/// The rejects of the newest file that has any, the first of them.
async fn read_rejects(
    topic: &TopicLanding,
    entries: &[Entry<LandingEntry>],
) -> Result<Vec<Reject>, String> {
    let with_number = |entry: &'_ Entry<LandingEntry>| {
        let seq = entry.seq;
        let ranges = entry.body.ranges.clone().into_iter();
        ranges.filter_map(move |range| Some((seq, range.rejected?)))
    };
    let mut files = entries.iter().flat_map(with_number);
    let Some((seq, file)) = files.find(|(_, file)| file.bytes <= MAX_REJECTS_BYTES) else {
        return Ok(Vec::new());
    };
    let bytes = topic.fetch_file(seq, &file).await;
    let bytes = bytes.map_err(|error| error_chain(&error))?;
    let path = file.path.clone();
    let read = tokio::task::spawn_blocking(move || parse_rejects(&path, &bytes));
    let rejects = read.await.map_err(|error| error_chain(&error))?;
    rejects.map_err(|error| format!("{}: {}", file.path, error_chain(&error)))
}

/// A line of a file of rejects.
#[derive(Deserialize)]
struct RejectLine {
    partition: i32,
    offset: i64,
    reason: String,
    #[serde(default)]
    detail: String,
    value_base64: Option<String>,
}

fn parse_rejects(path: &str, bytes: &[u8]) -> io::Result<Vec<Reject>> {
    let lines = read_lines(Compression::from_path(path), bytes)?;
    lines
        .take(MAX_REJECTS)
        .map(|line| {
            let line: RejectLine = serde_json::from_slice(&line?)?;
            let value = line.value_base64.map(|text| {
                // A value of a record may be anything.
                let bytes = BASE64.decode(text).unwrap_or_default();
                let shown = &bytes[..bytes.len().min(MAX_VALUE_BYTES)];
                String::from_utf8_lossy(shown).into_owned()
            });
            Ok(Reject {
                partition: line.partition,
                offset: line.offset,
                reason: line.reason,
                detail: line.detail,
                value,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_are_read_with_the_begin_of_their_values() {
        let value = BASE64.encode([b"\xff".as_slice(), &[b'x'; 1000]].concat());
        let lines = format!(
            "{{\"partition\":1,\"offset\":7,\"reason\":\"not_utf8\",\"detail\":\"d\",\"value_base64\":\"{value}\"}}\n\
             {{\"partition\":0,\"offset\":9,\"reason\":\"tombstone\",\"value_base64\":null}}\n"
        );
        let rejects = parse_rejects("_rejects/a.json", lines.as_bytes()).unwrap();
        assert_eq!(rejects.len(), 2);
        assert_eq!((rejects[0].partition, rejects[0].offset), (1, 7));
        let value = rejects[0].value.as_deref().unwrap();
        assert!(
            value.starts_with("\u{fffd}xxx") && value.len() < 300,
            "{value}"
        );
        assert_eq!(rejects[1].value, None);
        assert!(parse_rejects("a.json", b"{").is_err());
    }
}
