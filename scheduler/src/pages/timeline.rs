//! When tasks ran, in a lane for each executor.

use std::collections::BTreeMap;
use std::time::Duration;

use maud::{Markup, html};
use sluice_service::format::{format_count, format_duration};

/// How many spans are drawn; of more, the longest.
const MAX_SPANS: usize = 2_000;
const WIDTH: f64 = 1_000.0;
const BAR: usize = 12;
const HEAD: usize = 18;

/// Something that took time.
pub(super) struct Span {
    /// Where it ran.
    pub(super) lane: String,
    pub(super) class: &'static str,
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    /// What a pointer that rests on it shows.
    pub(super) title: String,
}

/// The spans of one place, with the row of each.
struct Lane<'a> {
    name: &'a str,
    top: usize,
    spans: Vec<(usize, &'a Span)>,
}

/// Spans that ran at the same time are below each other.
pub(super) fn timeline(spans: &[Span]) -> Markup {
    let mut drawn: Vec<&Span> = spans.iter().collect();
    drawn.sort_by_key(|span| std::cmp::Reverse(span.end_ms.saturating_sub(span.start_ms)));
    drawn.truncate(MAX_SPANS);
    drawn.sort_by_key(|span| span.start_ms);
    let begin = drawn.first().map_or(0, |span| span.start_ms);
    let end = drawn.iter().map(|span| span.end_ms).max().unwrap_or(begin);
    let scale = WIDTH / (end - begin).max(1) as f64;
    let mut lanes: BTreeMap<&str, Vec<&Span>> = BTreeMap::new();
    for span in drawn {
        lanes.entry(&span.lane).or_default().push(span);
    }
    let mut height = 0;
    let lanes: Vec<Lane<'_>> = lanes
        .into_iter()
        .map(|(name, spans)| {
            let top = height;
            let rows = place_in_rows(&spans);
            let bars = rows.iter().map(|row| row + 1).max().unwrap_or(0) * BAR;
            height += HEAD + bars + 6;
            let spans = rows.into_iter().zip(spans).collect();
            Lane { name, top, spans }
        })
        .collect();
    let took = format_duration(Duration::from_millis(end - begin));
    html! {
        div.wide #timeline-scroll tabindex="0" role="region" aria-label="Timeline" {
            svg viewBox={ "0 0 " (WIDTH) " " (height) } width=(WIDTH) height=(height) role="img"
                aria-label={ (format_count(spans.len() as u64, "task")) " on " (format_count(lanes.len() as u64, "executor")) " within " (took) } {
                @for lane in &lanes {
                    text.label x="0" y=(lane.top + 13) { (lane.name) }
                    @for (row, span) in &lane.spans {
                        rect class={ "span " (span.class) }
                            x=(format!("{:.1}", (span.start_ms - begin) as f64 * scale))
                            y=(lane.top + HEAD + row * BAR)
                            width=(format!("{:.1}", (span.end_ms.saturating_sub(span.start_ms) as f64 * scale).max(1.5)))
                            height=(BAR - 2) { title { (span.title) } }
                    }
                }
            }
        }
        p.quiet { "From the first task to the last: " (took)
            @if spans.len() > MAX_SPANS { "; the " (MAX_SPANS) " longest of " (spans.len()) " tasks are drawn" } }
    }
}

/// The row of each span, so that none overlaps another in its row. They are in the
/// order of their starts.
fn place_in_rows(spans: &[&Span]) -> Vec<usize> {
    let mut ends: Vec<u64> = Vec::new();
    spans
        .iter()
        .map(|span| {
            let row = ends.iter().position(|end| *end <= span.start_ms);
            let row = row.unwrap_or(ends.len());
            if row == ends.len() {
                ends.push(0);
            }
            ends[row] = span.end_ms.max(span.start_ms + 1);
            row
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_at_the_same_time_are_below_each_other() {
        let span = |start_ms, end_ms| Span {
            lane: String::new(),
            class: "good",
            start_ms,
            end_ms,
            title: String::new(),
        };
        let spans = [
            span(0, 10),
            span(2, 4),
            span(5, 8),
            span(9, 12),
            span(10, 10),
        ];
        let spans: Vec<&Span> = spans.iter().collect();
        assert_eq!(place_in_rows(&spans), [0, 1, 1, 1, 0]);
    }
}
