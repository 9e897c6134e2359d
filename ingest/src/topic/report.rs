//! The report of a run, for people and for programs.

use std::time::{Duration, Instant};

use serde::Serialize;
use sluice_ledger::Entry;
use sluice_service::format::{format_bytes, format_count, format_duration, group_thousands};

use sluice_landing::{LandedRange, LandingEntry};

/// What a run did with one topic.
#[derive(Debug, Clone, Serialize)]
pub struct TopicReport {
    pub topic: String,
    /// Whether an earlier run with the same id did the work; then the report
    /// describes that run.
    pub already_run: bool,
    /// The sequence numbers of the committed entries.
    pub entries: Vec<u64>,
    pub rows: u64,
    pub rejects: u64,
    pub files: u64,
    /// Bytes of the files, as stored.
    pub bytes: u64,
    /// Lost offsets, where the loss was accepted.
    pub lost_offsets: u64,
    /// Rows whose event time is ahead of any clock that could have set it.
    pub events_ahead: u64,
    /// Records that this run read but another run committed.
    pub left_to_others: u64,
    pub seconds: f64,
    #[serde(skip)]
    started_at: Instant,
}

impl TopicReport {
    pub(crate) fn new(topic: &str) -> Self {
        Self {
            topic: topic.to_owned(),
            already_run: false,
            entries: Vec::new(),
            rows: 0,
            rejects: 0,
            files: 0,
            bytes: 0,
            lost_offsets: 0,
            events_ahead: 0,
            left_to_others: 0,
            seconds: 0.0,
            started_at: Instant::now(),
        }
    }

    /// Adds a committed batch, and logs it.
    pub(crate) fn add_batch(&mut self, entry: &Entry<LandingEntry>) {
        self.count_entry(entry);
        let batch = &entry.body;
        tracing::info!(
            topic = batch.topic,
            entry = entry.seq,
            closed_by = batch.closed_by.as_str(),
            rows = batch.ranges.iter().map(|range| range.rows).sum::<u64>(),
            rejects = batch.ranges.iter().map(|range| range.rejects).sum::<u64>(),
            "batch committed"
        );
    }

    /// Adds the entries of an earlier run with the same id, which is finished
    /// (`over`) or is continued.
    pub(crate) fn add_earlier_entries(&mut self, entries: &[Entry<LandingEntry>], finished: bool) {
        self.already_run = finished;
        let known = std::mem::take(&mut self.entries);
        for entry in entries.iter().filter(|entry| !known.contains(&entry.seq)) {
            self.count_entry(entry);
        }
        self.entries.extend(known);
        self.entries.sort_unstable();
    }

    fn count_entry(&mut self, entry: &Entry<LandingEntry>) {
        self.entries.push(entry.seq);
        for range in &entry.body.ranges {
            self.rows += range.rows;
            self.rejects += range.rejects;
            self.events_ahead += range.events_ahead;
            for file in range.files() {
                self.files += 1;
                self.bytes += file.bytes;
            }
        }
        for hole in &entry.body.holes {
            self.lost_offsets += hole.end.saturating_sub(hole.start).unsigned_abs();
        }
    }

    /// Counts ranges that another run committed first.
    pub(crate) fn count_dropped(&mut self, ranges: &[LandedRange]) {
        self.left_to_others += ranges
            .iter()
            .map(|range| range.rows + range.rejects)
            .sum::<u64>();
    }

    pub(crate) fn record_duration(&mut self) {
        self.seconds = self.started_at.elapsed().as_secs_f64();
    }

    /// The report as one line for people.
    pub fn summary_line(&self) -> String {
        let mut line = format!(
            "{}: {} rows, {} rejects, {} in {}",
            self.topic,
            group_thousands(self.rows),
            group_thousands(self.rejects),
            format_bytes(self.bytes),
            format_count(self.files, "file"),
        );
        if self.lost_offsets > 0 {
            line.push_str(&format!(
                ", {} offsets lost",
                group_thousands(self.lost_offsets)
            ));
        }
        if self.events_ahead > 0 {
            line.push_str(&format!(
                ", {} events dated in the future",
                group_thousands(self.events_ahead)
            ));
        }
        if self.left_to_others > 0 {
            let left = group_thousands(self.left_to_others);
            line.push_str(&format!(", {left} records committed by another run"));
        }
        match self.entries.as_slice() {
            [] => line.push_str("; nothing to commit"),
            [one] => line.push_str(&format!("; entry {one}")),
            [first, .., last] => line.push_str(&format!("; entries {first} to {last}")),
        }
        if self.already_run {
            line.push_str(", already committed by a run with this id");
        }
        let rate = self.rows as f64 / self.seconds.max(0.001);
        line.push_str(&format!(
            " ({}, {} rows/s)",
            format_duration(Duration::from_secs_f64(self.seconds)),
            group_thousands(rate as u64)
        ));
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_was_done() {
        let mut report = TopicReport::new("t");
        report.seconds = 2.0;
        assert_eq!(
            report.summary_line(),
            "t: 0 rows, 0 rejects, 0 B in 0 files; nothing to commit (2.00 s, 0 rows/s)"
        );
        report.rows = 1_234_567;
        report.files = 1;
        report.entries = vec![3, 4, 5];
        report.left_to_others = 7;
        assert_eq!(
            report.summary_line(),
            "t: 1,234,567 rows, 0 rejects, 0 B in 1 file, 7 records committed by another run; \
             entries 3 to 5 (2.00 s, 617,283 rows/s)"
        );
    }
}
