//! A run of a job next to the last one that succeeded before it.

use std::time::Duration;

use maud::{Markup, html};
use sluice_proto::v1::Job;
use sluice_service::format::{format_bytes, group_thousands};

use super::parts::{Tone, badge, duration_text, job_link, run_time};

/// A change of less than this, in percent, is not mentioned.
const SMALL_CHANGE: f64 = 1.0;
/// A change of more than this, in percent, is marked.
const LARGE_CHANGE: f64 = 50.0;

/// One row of the comparison.
struct Change {
    what: String,
    then: String,
    now: String,
    /// In percent of what was; nothing where nothing was.
    percent: Option<f64>,
}

impl Change {
    fn of_counts(what: String, then: Option<u64>, now: u64) -> Self {
        Self {
            what,
            then: then.map_or_else(|| "–".to_owned(), group_thousands),
            now: group_thousands(now),
            percent: then.and_then(|then| percent_change(then as f64, now as f64)),
        }
    }
}

fn percent_change(then: f64, now: f64) -> Option<f64> {
    (then > 0.0).then(|| (now - then) / then * 100.0)
}

/// What differs from the run `before`.
pub(super) fn comparison(job: &Job, before: &Job, root: &str, now_ms: i64) -> Markup {
    let changes = changes_of(job, before, now_ms);
    let params = changed_params(job, before);
    html! {
        div.wide { table {
            caption.quiet { "Beside " (job_link(root, before)) ", the last run that succeeded" }
            thead { tr {
                th scope="col" { "Figure" }
                th.number scope="col" { "Then" }
                th.number scope="col" { "Now" }
                th.number scope="col" { "Change" }
            } }
            tbody { @for change in &changes { tr {
                th scope="row" { (change.what) }
                td.number { (change.then) }
                td.number { (change.now) }
                td.number { (percent_text(change.percent)) }
            } } }
        } }
        @if !params.is_empty() {
            p { "Other parameters: " @for (at, name) in params.iter().enumerate() { @if at > 0 { ", " } code { (name) } } }
        }
    }
}

fn changes_of(job: &Job, before: &Job, now_ms: i64) -> Vec<Change> {
    let (then, now) = (run_time(before, before.ended_ms), run_time(job, now_ms));
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    let mut changes = vec![Change {
        what: "Duration".to_owned(),
        then: duration_text(then),
        now: duration_text(now),
        percent: seconds(then)
            .zip(seconds(now))
            .and_then(|(then, now)| percent_change(then, now)),
    }];
    for input in &job.inputs {
        let then = before.inputs.iter().find(|found| found.name == input.name);
        let name = &input.name;
        let lines = then.map(|then| then.lines);
        changes.push(Change::of_counts(
            format!("Lines of {name}"),
            lines,
            input.lines,
        ));
        let malformed = then.map(|then| then.malformed);
        if input.malformed > 0 || malformed.is_some_and(|count| count > 0) {
            let what = format!("Malformed lines of {name}");
            changes.push(Change::of_counts(what, malformed, input.malformed));
        }
    }
    for dataset in &job.datasets {
        let then = before
            .datasets
            .iter()
            .find(|found| found.name == dataset.name);
        let what = format!("Rows of {}", dataset.name);
        let rows = then.map(|then| then.rows);
        changes.push(Change::of_counts(what, rows, dataset.rows));
        changes.push(Change {
            what: format!("Size of {}", dataset.name),
            then: then.map_or_else(|| "–".to_owned(), |then| format_bytes(then.bytes)),
            now: format_bytes(dataset.bytes),
            percent: then.and_then(|then| percent_change(then.bytes as f64, dataset.bytes as f64)),
        });
    }
    changes
}

/// Names of the parameters that are not the same in both.
fn changed_params<'a>(job: &'a Job, before: &'a Job) -> Vec<&'a str> {
    let names = job.params.keys().chain(before.params.keys());
    let mut changed: Vec<&str> = names
        .filter(|name| job.params.get(*name) != before.params.get(*name))
        .map(String::as_str)
        .collect();
    changed.sort_unstable();
    changed.dedup();
    changed
}

fn percent_text(percent: Option<f64>) -> Markup {
    match percent {
        None => html! { "–" },
        Some(percent) if percent.abs() < SMALL_CHANGE => html! { "same" },
        Some(percent) if percent.abs() > LARGE_CHANGE => {
            badge(Tone::Warn, &format!("{percent:+.0} %"))
        }
        Some(percent) => html! { (format!("{percent:+.0} %")) },
    }
}

#[cfg(test)]
mod tests {
    use sluice_proto::v1::{DatasetResult, InputStats};

    use super::*;

    #[test]
    fn what_changed_is_said_in_percent() {
        let run = |rows: u64, lines: u64, day: &str| Job {
            params: [("day".to_owned(), day.to_owned())].into(),
            datasets: vec![DatasetResult {
                name: "daily".to_owned(),
                rows,
                ..DatasetResult::default()
            }],
            inputs: vec![InputStats {
                name: "orders".to_owned(),
                lines,
                ..InputStats::default()
            }],
            ..Job::default()
        };
        let (before, job) = (run(100, 0, "1"), run(10, 5, "2"));
        let changes = changes_of(&job, &before, 0);
        let seen: Vec<_> = changes
            .iter()
            .map(|change| (change.what.as_str(), change.percent))
            .collect();
        let expected = [
            ("Duration", None),
            ("Lines of orders", None),
            ("Rows of daily", Some(-90.0)),
            ("Size of daily", None),
        ];
        assert_eq!(seen, expected);
        assert_eq!(changed_params(&job, &before), ["day"]);
        assert!(percent_text(Some(-90.0)).into_string().contains("-90 %"));
        assert_eq!(percent_text(Some(0.4)).into_string(), "same");
    }
}
