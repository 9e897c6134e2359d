//! The offsets of a file's lines.
//!
//! Offsets have gaps: control records of transactions, records that compaction
//! removed, and rejected payloads. The offsets of a file's lines are therefore a
//! list of spans of consecutive offsets.

use serde::{Deserialize, Serialize};

/// Lines with consecutive offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffsetSpan {
    /// The offset of the first line.
    pub start: i64,
    /// The number of lines, at least one.
    pub lines: u64,
}

/// The offsets of a file's lines, in the order of the lines.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OffsetSpans(Vec<OffsetSpan>);

impl OffsetSpans {
    /// The offsets of `lines` lines from `start` without a gap.
    pub fn without_gaps(start: i64, lines: u64) -> Self {
        Self(match lines {
            0 => Vec::new(),
            lines => vec![OffsetSpan { start, lines }],
        })
    }

    /// Adds a line. Offsets must be added in increasing order.
    pub fn push_offset(&mut self, offset: i64) {
        match self.0.last_mut() {
            Some(last) if last.start.saturating_add_unsigned(last.lines) == offset => {
                last.lines += 1;
            }
            _ => self.0.push(OffsetSpan {
                start: offset,
                lines: 1,
            }),
        }
    }

    pub fn as_slice(&self) -> &[OffsetSpan] {
        &self.0
    }

    /// The number of lines of all spans.
    pub fn line_count(&self) -> u64 {
        self.0.iter().map(|span| span.lines).sum()
    }

    /// The offset of each line.
    pub fn offsets(&self) -> impl Iterator<Item = i64> + '_ {
        self.0
            .iter()
            .flat_map(|span| span.start..span.start.saturating_add_unsigned(span.lines))
    }

    /// Whether the spans are in increasing order with gaps between them, and lie in
    /// `start..end`.
    pub fn fit_within(&self, start: i64, end: i64) -> bool {
        let mut free = start;
        self.0.iter().enumerate().all(|(at, span)| {
            let sound = span.lines > 0 && (span.start > free || (at == 0 && span.start == free));
            free = span.start.saturating_add_unsigned(span.lines);
            sound && free <= end
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_line_has_the_offset_that_was_pushed(offsets in prop::collection::btree_set(0i64..60, 0..40)) {
            let mut spans = OffsetSpans::default();
            offsets.iter().for_each(|offset| spans.push_offset(*offset));
            let offsets: Vec<i64> = offsets.into_iter().collect();
            prop_assert_eq!(spans.offsets().collect::<Vec<_>>(), offsets.clone());
            prop_assert_eq!(spans.line_count(), offsets.len() as u64);
            if let (Some(first), Some(last)) = (offsets.first(), offsets.last()) {
                prop_assert!(spans.fit_within(*first, last + 1));
                prop_assert!(!spans.fit_within(first + 1, last + 1));
                prop_assert!(!spans.fit_within(*first, *last));
            }
            let text = serde_json::to_string(&spans).unwrap();
            prop_assert_eq!(serde_json::from_str::<OffsetSpans>(&text).unwrap(), spans);
        }
    }

    #[test]
    fn gaps_split_spans() {
        let mut spans = OffsetSpans::default();
        for offset in [5, 6, 9] {
            spans.push_offset(offset);
        }
        assert_eq!(spans.as_slice().len(), 2);
        assert_eq!(
            OffsetSpans::without_gaps(5, 2).as_slice(),
            &spans.as_slice()[..1]
        );
        let unique: BTreeSet<i64> = spans.offsets().collect();
        assert_eq!(unique.len(), 3);
    }
}
