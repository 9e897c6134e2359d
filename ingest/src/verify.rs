//! `ingest-landing verify`: reads all files and compares them with the ledger,
//! and on request with the broker.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher as _;
use std::time::Duration;

use futures::StreamExt as _;
use object_store::ObjectStoreExt as _;
use serde::Serialize;
use sluice_ledger::Entry;
use sluice_service::format::{bytes, count, grouped};
use sluice_service::kafka::KafkaSettings;
use sluice_storage::Stores;
use sluice_storage::{Place, StoreError};
use twox_hash::XxHash3_64;

use crate::IngestError;
use crate::compare::{Beside, compare};
use crate::json::Checker;
use crate::kafka::{Consumer, connect};
use crate::output::checksum;
use crate::payload::judge;
use crate::start::Facts;
use crate::status::open;
use crate::tiling::check;
use sluice_landing::Compression;
use sluice_landing::lines;
use sluice_landing::{Batch, Range, StoredFile};

/// The result of verifying a topic.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Verified {
    pub topic: String,
    pub entries: u64,
    /// Files that were read.
    pub files: u64,
    pub rows: u64,
    pub rejects: u64,
    /// Bytes of the files as stored.
    pub bytes: u64,
    /// Records of the brokers that were compared with what landed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<u64>,
    /// Every problem that was found.
    pub problems: Vec<String>,
}

impl Verified {
    /// The report as text for people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{}: {}, {}, {} rows, {} rejects, {}{}: {}",
            self.topic,
            count(self.entries, "entry").replace("entrys", "entries"),
            count(self.files, "file"),
            grouped(self.rows),
            grouped(self.rejects),
            bytes(self.bytes),
            match self.compared {
                Some(compared) =>
                    format!(", {} compared with the brokers", count(compared, "record")),
                None => String::new(),
            },
            match self.problems.len() {
                0 => "no problems".to_owned(),
                problems => count(problems as u64, "problem"),
            },
        );
        for problem in &self.problems {
            text.push_str("\n  ");
            text.push_str(problem);
        }
        text
    }
}

/// Verifies a topic. With `kafka`, also compares it with the brokers.
///
/// # Errors
/// When something cannot be read at all. Problems that are found are in the
/// report and are not an error.
pub async fn verify(
    stores: &Stores,
    landing: &Place,
    topic: &str,
    kafka: Option<(&KafkaSettings, Duration)>,
) -> Result<Verified, IngestError> {
    let (landing, newest) = open(stores, landing, topic).await?;
    let mut verified = Verified {
        topic: topic.to_owned(),
        ..Verified::default()
    };
    let mut before: Option<Batch> = None;
    let mut paths = BTreeSet::new();
    let mut all = Vec::new();
    let mut entries = std::pin::pin!(landing.ledger().range(0..=newest.seq));
    while let Some(entry) = entries.next().await {
        let entry = entry.map_err(|source| IngestError::Ledger {
            topic: topic.to_owned(),
            source: Box::new(source),
        })?;
        verified.entries += 1;
        chain(before.as_ref(), &entry, &mut verified.problems);
        for range in &entry.body.ranges {
            for file in range.files() {
                if !paths.insert(file.path.clone()) {
                    let problem = format!("entry {}: `{}` is named twice", entry.seq, file.path);
                    verified.problems.push(problem);
                }
            }
            files(landing.place(), &entry, range, &mut verified).await?;
        }
        if kafka.is_some() {
            all.extend_from_slice(&entry.body.ranges);
        }
        before = Some(entry.body);
    }
    if let (Some(newest), Some((kafka, timeout))) = (&before, kafka) {
        let (consumer, facts) = ask(kafka.clone(), topic.to_owned(), timeout).await?;
        let known = verified.problems.len();
        broker(newest, &facts, &mut verified.problems);
        // Comparing with the records of another topic would be pointless.
        if verified.problems.len() == known {
            let low = facts.partitions.iter().map(|(at, marks)| (*at, marks.low));
            let beside = Beside::new(consumer, timeout, low.collect());
            let problems = &mut verified.problems;
            let compared = compare(landing.place(), all, beside, problems).await?;
            verified.compared = Some(compared);
        }
    }
    Ok(verified)
}

/// Checks that an entry continues the one before it.
fn chain(before: Option<&Batch>, entry: &Entry<Batch>, problems: &mut Vec<String>) {
    let empty = BTreeMap::new();
    let batch = &entry.body;
    let next = before.map_or(&empty, |before| &before.next);
    if let Err(error) = check(next, &batch.holes, &batch.ranges, &batch.next) {
        problems.push(format!("entry {}: {error}", entry.seq));
    }
    let Some(before) = before else {
        return;
    };
    for (what, ours, theirs) in [
        ("cluster", &batch.cluster_id, &before.cluster_id),
        ("topic", &batch.topic_id, &before.topic_id),
    ] {
        if let (Some(ours), Some(theirs)) = (ours, theirs)
            && ours != theirs
        {
            let problem = format!("entry {}: {what} id {ours} after {theirs}", entry.seq);
            problems.push(problem);
        }
    }
    let rows: u64 = batch.ranges.iter().map(|range| range.rows).sum();
    let rejects: u64 = batch.ranges.iter().map(|range| range.rejects).sum();
    let (was, is) = (before.totals, batch.totals);
    if was.rows + rows != is.rows || was.rejects + rejects != is.rejects {
        problems.push(format!(
            "entry {}: its totals are not the sum of the previous entry's totals and its own rows",
            entry.seq
        ));
    }
}

async fn files(
    place: &Place,
    entry: &Entry<Batch>,
    range: &Range,
    verified: &mut Verified,
) -> Result<(), IngestError> {
    for (file, expected, rejects) in [
        (&range.file, range.rows, false),
        (&range.rejected, range.rejects, true),
    ] {
        let Some(file) = file else {
            continue;
        };
        let bytes = match fetch(place, file).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == sluice_storage::StoreErrorKind::NotFound => {
                let problem = format!("entry {}: `{}` is missing", entry.seq, file.path);
                verified.problems.push(problem);
                continue;
            }
            Err(source) => {
                return Err(IngestError::Store {
                    topic: entry.body.topic.clone(),
                    source: Box::new(source),
                });
            }
        };
        let stored = file.clone();
        let found = tokio::task::spawn_blocking(move || inspect(&stored, &bytes))
            .await
            .unwrap_or_else(|error| Err(error.to_string()));
        match found {
            Ok(lines) if lines == expected => {}
            Ok(lines) => verified.problems.push(format!(
                "entry {}: `{}` has {lines} lines and should have {expected}",
                entry.seq, file.path
            )),
            Err(problem) => verified
                .problems
                .push(format!("entry {}: `{}` {problem}", entry.seq, file.path)),
        }
        verified.files += 1;
        verified.bytes += file.bytes;
        if rejects {
            verified.rejects += expected;
        } else {
            verified.rows += expected;
        }
    }
    Ok(())
}

pub(crate) async fn fetch(place: &Place, file: &StoredFile) -> Result<bytes::Bytes, StoreError> {
    let location = place.location.join(&file.path)?;
    let fail = |source| StoreError::access("read", &location, source);
    let got = place.store.get(location.path()).await.map_err(fail)?;
    got.bytes().await.map_err(fail)
}

/// Checks a file's size, checksum and lines, and returns the number of lines.
fn inspect(file: &StoredFile, bytes: &[u8]) -> Result<u64, String> {
    if bytes.len() as u64 != file.bytes {
        return Err(format!(
            "has {} bytes and should have {}",
            bytes.len(),
            file.bytes
        ));
    }
    let mut hash = XxHash3_64::with_seed(0);
    hash.write(bytes);
    let found = checksum(&hash);
    if found != file.checksum {
        return Err(format!(
            "has the checksum {found} and should have {}",
            file.checksum
        ));
    }
    let compression = Compression::of_name(&file.path).map_or(Compression::None, |(_, c)| c);
    let mut checker = Checker::default();
    let mut count = 0;
    let broken = |error: std::io::Error| format!("cannot be read: {error}");
    for line in lines(compression, bytes).map_err(broken)? {
        let line = line.map_err(broken)?;
        count += 1;
        if let Err(why) = judge(&mut checker, Some(&line), None) {
            return Err(format!("line {count}: {why}"));
        }
    }
    Ok(count)
}

async fn ask(
    kafka: KafkaSettings,
    topic: String,
    timeout: Duration,
) -> Result<(Consumer, Facts), IngestError> {
    let asked = topic.clone();
    tokio::task::spawn_blocking(move || {
        let consumer = connect(&kafka, &asked, None, timeout)?;
        let facts = consumer.facts()?;
        Ok((consumer, facts))
    })
    .await
    .unwrap_or(Err(IngestError::Internal {
        topic,
        problem: "a thread that queries the broker ended early",
    }))
}

/// Checks that the broker's ids and offsets match the ledger.
fn broker(newest: &Batch, facts: &Facts, problems: &mut Vec<String>) {
    for (what, ours, theirs) in [
        ("cluster", &newest.cluster_id, &facts.cluster_id),
        ("topic", &newest.topic_id, &facts.topic_id),
    ] {
        if let (Some(ours), Some(theirs)) = (ours, theirs)
            && ours != theirs
        {
            problems.push(format!(
                "the ledger's {what} id is {ours}, the broker's is {theirs}"
            ));
        }
    }
    for (partition, next) in &newest.next {
        match facts.partitions.get(partition) {
            None => problems.push(format!("the broker has no partition {partition}")),
            Some(marks) if marks.high < *next => problems.push(format!(
                "partition {partition} was read up to {next}, but the broker ends at {}",
                marks.high
            )),
            Some(marks) if marks.low > *next => problems.push(format!(
                "partition {partition} was read up to {next}, but the broker begins at {}",
                marks.low
            )),
            Some(_) => {}
        }
    }
}
