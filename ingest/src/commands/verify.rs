//! `ingest-landing verify`: reads all files and compares them with the ledger,
//! and on request with the broker.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher as _;
use std::time::Duration;

use futures::StreamExt as _;
use serde::Serialize;
use sluice_ledger::Entry;
use sluice_service::format::{format_bytes, format_count, group_thousands};
use sluice_service::kafka::KafkaSettings;
use sluice_storage::{StorePath, Stores};
use twox_hash::XxHash3_64;

use super::broker_compare::{BrokerReader, compare_with_brokers};
use super::status::open_topic;
use crate::IngestError;
use crate::batch::continuity::check_continuity;
use crate::batch::landing_file::format_checksum;
use crate::batch::validate::validate_payload;
use crate::blocking::ask_brokers;
use crate::error::ForTopic as _;
use crate::joining::check::find_record_problem;
use crate::kafka::{StopDeadline, TopicConsumer, TopicMetadata, create_consumer};
use sluice_landing::{
    Compression, LandedFilesError, LandedRange, LandingEntry, StoredFile, TopicLanding, read_lines,
};

/// The result of verifying a topic.
#[derive(Debug, Clone, Default, Serialize)]
pub struct VerifyReport {
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

impl VerifyReport {
    /// The report as text for people.
    pub fn render_text(&self) -> String {
        let mut text = format!(
            "{}: {}, {}, {} rows, {} rejects, {}{}: {}",
            self.topic,
            format_count(self.entries, "entry").replace("entrys", "entries"),
            format_count(self.files, "file"),
            group_thousands(self.rows),
            group_thousands(self.rejects),
            format_bytes(self.bytes),
            match self.compared {
                Some(compared) => format!(
                    ", {} compared with the brokers",
                    format_count(compared, "record")
                ),
                None => String::new(),
            },
            match self.problems.len() {
                0 => "no problems".to_owned(),
                problems => format_count(problems as u64, "problem"),
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
pub async fn verify_topic(
    stores: &Stores,
    landing: &StorePath,
    topic: &str,
    kafka: Option<(&KafkaSettings, Duration)>,
) -> Result<VerifyReport, IngestError> {
    let (landing, newest) = open_topic(stores, landing, topic).await?;
    let mut report = VerifyReport {
        topic: topic.to_owned(),
        ..VerifyReport::default()
    };
    let mut before: Option<LandingEntry> = None;
    let mut paths = BTreeSet::new();
    let mut all_ranges = Vec::new();
    let mut entries = std::pin::pin!(landing.ledger().read_range(0..=newest.seq));
    while let Some(entry) = entries.next().await {
        let entry = entry.for_topic(topic)?;
        report.entries += 1;
        check_entry(before.as_ref(), &entry, &mut report.problems);
        for range in &entry.body.ranges {
            for file in range.files() {
                if !paths.insert(file.path.clone()) {
                    let problem = format!("entry {}: `{}` is named twice", entry.seq, file.path);
                    report.problems.push(problem);
                }
            }
            check_files(&landing, &entry, range, &mut report).await?;
        }
        if kafka.is_some() {
            let ranges = entry.body.ranges.iter().cloned();
            all_ranges.extend(ranges.map(|range| (entry.seq, range)));
        }
        before = Some(entry.body);
    }
    check_joined(&landing, topic, &mut report).await?;
    if let (Some(newest), Some((kafka, timeout))) = (&before, kafka) {
        let (consumer, metadata) =
            connect_with_metadata(kafka.clone(), topic.to_owned(), timeout).await?;
        let problem_count = report.problems.len();
        check_broker(newest, &metadata, &mut report.problems);
        // Comparing with the records of another topic would be pointless.
        if report.problems.len() == problem_count {
            let low = metadata
                .partitions
                .iter()
                .map(|(at, marks)| (*at, marks.low));
            let broker_reader = BrokerReader::new(consumer, timeout, low.collect());
            let problems = &mut report.problems;
            let compared =
                compare_with_brokers(&landing, all_ranges, broker_reader, problems).await?;
            report.compared = Some(compared);
        }
    }
    Ok(report)
}

/// Checks that an entry continues the one before it.
fn check_entry(
    before: Option<&LandingEntry>,
    entry: &Entry<LandingEntry>,
    problems: &mut Vec<String>,
) {
    let empty = BTreeMap::new();
    let batch = &entry.body;
    let next = before.map_or(&empty, |before| &before.next);
    if let Err(error) = check_continuity(next, &batch.holes, &batch.ranges, &batch.next) {
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

/// Checks that the ledger of joined files says what has landed. Their bytes were
/// compared file by file.
async fn check_joined(
    landing: &TopicLanding,
    topic: &str,
    report: &mut VerifyReport,
) -> Result<(), IngestError> {
    let joined = landing.joined();
    let Some(tail) = joined.newest_entry().await.for_topic(topic)? else {
        return Ok(());
    };
    let mut next = 0;
    let mut entries = std::pin::pin!(joined.ledger().read_range(0..=tail.seq));
    while let Some(entry) = entries.next().await {
        let entry = entry.for_topic(topic)?;
        let problem = match entry.body.from < next {
            true => Some(format!("it begins before landing entry {next}")),
            false => find_record_problem(landing, topic, &entry).await?,
        };
        if let Some(problem) = problem {
            let number = entry.seq;
            let problem = format!("entry {number} of the joined files: {problem}");
            report.problems.push(problem);
        }
        next = entry.body.to;
    }
    Ok(())
}

async fn check_files(
    landing: &TopicLanding,
    entry: &Entry<LandingEntry>,
    range: &LandedRange,
    report: &mut VerifyReport,
) -> Result<(), IngestError> {
    for (file, expected, rejects) in [
        (&range.file, range.rows, false),
        (&range.rejected, range.rejects, true),
    ] {
        let Some(file) = file else {
            continue;
        };
        let bytes = match landing.fetch_file(entry.seq, file).await {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => {
                let problem = format!("entry {}: `{}` is missing", entry.seq, file.path);
                report.problems.push(problem);
                continue;
            }
            Err(
                error @ (LandedFilesError::Joined { .. } | LandedFilesError::JoinedSize { .. }),
            ) => {
                let problem = format!("entry {}: `{}`: {error}", entry.seq, file.path);
                report.problems.push(problem);
                continue;
            }
            Err(error) => return Err(error).for_topic(&entry.body.topic),
        };
        let stored = file.clone();
        let found = tokio::task::spawn_blocking(move || check_file(&stored, &bytes))
            .await
            .unwrap_or_else(|error| Err(error.to_string()));
        match found {
            Ok(lines) if lines == expected => {}
            Ok(lines) => report.problems.push(format!(
                "entry {}: `{}` has {lines} lines and should have {expected}",
                entry.seq, file.path
            )),
            Err(problem) => report
                .problems
                .push(format!("entry {}: `{}` {problem}", entry.seq, file.path)),
        }
        report.files += 1;
        report.bytes += file.bytes;
        if rejects {
            report.rejects += expected;
        } else {
            report.rows += expected;
        }
    }
    Ok(())
}

/// Checks a file's size, checksum and lines, and returns the number of lines.
fn check_file(file: &StoredFile, bytes: &[u8]) -> Result<u64, String> {
    if bytes.len() as u64 != file.bytes {
        return Err(format!(
            "has {} bytes and should have {}",
            bytes.len(),
            file.bytes
        ));
    }
    let mut hash = XxHash3_64::with_seed(0);
    hash.write(bytes);
    let found = format_checksum(&hash);
    if found != file.checksum {
        return Err(format!(
            "has the checksum {found} and should have {}",
            file.checksum
        ));
    }
    let compression = Compression::from_path(&file.path);
    let mut count = 0;
    let broken = |error: std::io::Error| format!("cannot be read: {error}");
    for line in read_lines(compression, bytes).map_err(broken)? {
        let line = line.map_err(broken)?;
        count += 1;
        if let Err(why) = validate_payload(Some(&line), None) {
            return Err(format!("line {count}: {why}"));
        }
    }
    Ok(count)
}

async fn connect_with_metadata(
    kafka: KafkaSettings,
    topic: String,
    timeout: Duration,
) -> Result<(TopicConsumer, TopicMetadata), IngestError> {
    let topic_copy = topic.clone();
    ask_brokers(&topic, move || {
        let consumer =
            create_consumer(&kafka, &topic_copy, None, timeout, StopDeadline::default())?;
        let metadata = consumer.fetch_metadata()?;
        Ok((consumer, metadata))
    })
    .await
}

/// Checks that the broker's ids and offsets match the ledger.
fn check_broker(newest: &LandingEntry, metadata: &TopicMetadata, problems: &mut Vec<String>) {
    for (what, ours, theirs) in [
        ("cluster", &newest.cluster_id, &metadata.cluster_id),
        ("topic", &newest.topic_id, &metadata.topic_id),
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
        match metadata.partitions.get(partition) {
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
