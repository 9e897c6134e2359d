//! Chooses the landing entries whose files are joined next. No I/O.

use chrono::{DateTime, Utc};
use sluice_landing::{Compression, JoinedPart, LandedRange, LandingEntry};
use sluice_ledger::Entry;
use uuid::Uuid;

use super::JoinOptions;

/// The most parts of a joined file, and the most entries: an entry of the ledger of
/// joined files is one object in memory.
const MAX_PARTS: usize = 20_000;

/// A file of more than this part of the target stays as it is.
const LARGE_PART: u64 = 8;

/// Landing entries whose files are joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JoinSpan {
    pub(super) from: u64,
    pub(super) to: u64,
    /// The id of entry `to - 1`.
    pub(super) last_id: Uuid,
    pub(super) compression: Compression,
    pub(super) rows: Vec<JoinedPart>,
    pub(super) rejects: Vec<JoinedPart>,
    bytes: u64,
}

impl JoinSpan {
    fn begin_at(entry: &Entry<LandingEntry>) -> Self {
        Self {
            from: entry.seq,
            to: entry.seq,
            last_id: entry.id,
            compression: compression_of(entry).unwrap_or_default(),
            rows: Vec::new(),
            rejects: Vec::new(),
            bytes: 0,
        }
    }

    fn add_entry(&mut self, entry: &Entry<LandingEntry>) {
        if self.file_count() == 0 {
            self.compression = compression_of(entry).unwrap_or_default();
        }
        let (rows, rejects) = JoinedPart::of_entry(entry);
        self.bytes += rows.iter().map(|part| part.bytes).sum::<u64>();
        self.rows.extend(rows);
        self.rejects.extend(rejects);
        self.to = entry.seq + 1;
        self.last_id = entry.id;
    }

    pub(super) fn file_count(&self) -> usize {
        self.rows.len() + self.rejects.len()
    }

    fn is_full(&self, options: &JoinOptions) -> bool {
        let entries = usize::try_from(self.to - self.from).unwrap_or(usize::MAX);
        self.bytes >= options.target_bytes || self.file_count().max(entries) >= MAX_PARTS
    }
}

/// The compression of an entry's files, which is that of the run that wrote it.
fn compression_of(entry: &Entry<LandingEntry>) -> Option<Compression> {
    let ranges = entry.body.ranges.iter();
    let file = ranges.flat_map(LandedRange::files).next()?;
    Some(Compression::from_path(&file.path))
}

/// Chooses a span from entries, which are given one after the other.
#[derive(Debug)]
pub(super) struct SpanChooser<'a> {
    options: &'a JoinOptions,
    now: DateTime<Utc>,
    span: Option<JoinSpan>,
}

/// Whether more entries are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    More,
    Done,
}

impl<'a> SpanChooser<'a> {
    pub(super) fn new(options: &'a JoinOptions, now: DateTime<Utc>) -> Self {
        Self {
            options,
            now,
            span: None,
        }
    }

    /// Looks at the next entry.
    pub(super) fn add_entry(&mut self, entry: &Entry<LandingEntry>) -> Choice {
        if self.now - entry.created_at < self.options.min_age {
            return Choice::Done;
        }
        let compression = compression_of(entry);
        let limit = self.options.target_bytes / LARGE_PART;
        let mut files = entry.body.ranges.iter().flat_map(LandedRange::files);
        if files.any(|file| file.bytes > limit) {
            return self.end_span();
        }
        let is_other = self.span.as_ref().is_some_and(|span| {
            span.file_count() > 0 && compression.is_some_and(|of| of != span.compression)
        });
        if is_other && self.end_span() == Choice::Done {
            return Choice::Done;
        }
        let span = self.span.get_or_insert_with(|| JoinSpan::begin_at(entry));
        span.add_entry(entry);
        match span.is_full(self.options) {
            true => self.end_span(),
            false => Choice::More,
        }
    }

    /// Keeps the span if it is worth being joined; otherwise the next entry begins
    /// another one.
    fn end_span(&mut self) -> Choice {
        match self.is_worth_joining() {
            true => Choice::Done,
            false => {
                self.span = None;
                Choice::More
            }
        }
    }

    fn is_worth_joining(&self) -> bool {
        let least = self.options.min_files.max(2);
        self.span
            .as_ref()
            .is_some_and(|span| span.file_count() >= least)
    }

    /// The span, if there is one that is worth being joined.
    pub(super) fn into_span(self) -> Option<JoinSpan> {
        let is_worth = self.is_worth_joining();
        self.span.filter(|_| is_worth)
    }
}
