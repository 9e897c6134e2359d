//! Tables on standard output.

use std::time::Duration;

use comfy_table::{Cell, CellAlignment, Table, TableComponent, presets};
use sluice_proto::v1::{DatasetResult, InputStats, Job};

use sluice_service::format::{bytes, duration, grouped, time};

/// Numbers are aligned to the right.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    Text(&'static str),
    Number(&'static str),
}

/// A table of these rows, without trailing spaces.
pub(crate) fn table(columns: &[Column], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    // No lines between rows.
    table.remove_style(TableComponent::HorizontalLines);
    table.remove_style(TableComponent::MiddleIntersections);
    let cell = |text: String, column: Option<&Column>| match column {
        Some(Column::Number(_)) => Cell::new(text).set_alignment(CellAlignment::Right),
        _ => Cell::new(text),
    };
    table.set_header(columns.iter().map(|column| {
        let (Column::Text(name) | Column::Number(name)) = column;
        cell((*name).to_owned(), Some(column))
    }));
    for row in rows {
        let cells = row.into_iter().enumerate();
        table.add_row(cells.map(|(at, text)| cell(text, columns.get(at))));
    }
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// The final table. With `phases` each dataset's phase is shown too, for jobs that
/// did not succeed.
pub(crate) fn datasets(datasets: &[DatasetResult], phases: bool) -> String {
    use Column::{Number, Text};
    let mut columns = vec![
        Text("dataset"),
        Number("rows"),
        Number("files"),
        Number("bytes"),
        Number("version"),
        Number("seconds"),
    ];
    if phases {
        columns.push(Text("state"));
    }
    let mut rows: Vec<Vec<String>> = datasets
        .iter()
        .map(|dataset| {
            let mut row = vec![
                dataset.name.clone(),
                grouped(dataset.rows),
                grouped(dataset.files),
                bytes(dataset.bytes),
                dataset.version.map_or_else(|| "-".to_owned(), grouped),
                format!("{:.2}", dataset.seconds),
            ];
            if phases {
                row.push(dataset.phase().name().to_lowercase());
            }
            row
        })
        .collect();
    if datasets.len() > 1 {
        let sum = |of: fn(&DatasetResult) -> u64| datasets.iter().map(of).sum::<u64>();
        rows.push(vec![
            "total".to_owned(),
            grouped(sum(|dataset| dataset.rows)),
            grouped(sum(|dataset| dataset.files)),
            bytes(sum(|dataset| dataset.bytes)),
        ]);
    }
    table(&columns, rows)
}

/// What was read, by source.
pub(crate) fn inputs(inputs: &[InputStats]) -> String {
    use Column::{Number, Text};
    let columns = [
        Text("input"),
        Number("lines"),
        Number("malformed"),
        Number("dropped"),
        Number("files"),
        Number("bytes"),
    ];
    let rows = inputs
        .iter()
        .map(|input| {
            vec![
                input.name.clone(),
                grouped(input.lines),
                grouped(input.malformed),
                grouped(input.dropped),
                grouped(input.files),
                bytes(input.bytes),
            ]
        })
        .collect();
    table(&columns, rows)
}

/// Jobs, one per line. `now_ms` is since the Unix epoch.
pub(crate) fn jobs(jobs: &[Job], now_ms: i64) -> String {
    use Column::{Number, Text};
    let columns = [
        Text("job"),
        Text("name"),
        Text("state"),
        Text("submitted (UTC)"),
        Number("time"),
        Text("user"),
    ];
    let rows = jobs
        .iter()
        .map(|job| {
            vec![
                job.job_id.clone(),
                job.name.clone(),
                job.state().name().to_owned(),
                time(job.submitted_ms),
                duration(Duration::from_millis(job.duration_ms(now_ms))),
                job.user.clone(),
            ]
        })
        .collect();
    table(&columns, rows)
}

#[cfg(test)]
mod tests {
    use sluice_proto::v1::{DatasetPhase, JobState};

    use super::*;

    fn dataset(name: &str, rows: u64, version: Option<u64>) -> DatasetResult {
        DatasetResult {
            name: name.to_owned(),
            phase: DatasetPhase::Committed.into(),
            rows,
            files: 2,
            bytes: rows * 100,
            version,
            seconds: 0.125,
            location: String::new(),
        }
    }

    #[test]
    fn the_closing_table_has_a_total() {
        let table = datasets(
            &[
                dataset("daily", 12, Some(3)),
                dataset("transactions", 34_567, Some(0)),
            ],
            false,
        );
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "─────────────────────────────────────────────────────────────",
                " dataset          rows   files     bytes   version   seconds",
                "═════════════════════════════════════════════════════════════",
                " daily              12       2   1.2 KiB         3      0.12",
                " transactions   34,567       2   3.3 MiB         0      0.12",
                " total          34,579       4   3.3 MiB",
                "─────────────────────────────────────────────────────────────",
            ]
        );
    }

    #[test]
    fn a_job_that_did_not_succeed_shows_phases() {
        let table = datasets(&[dataset("daily", 12, None)], true);
        assert!(table.contains("state"), "{table}");
        assert!(table.contains("committed"), "{table}");
        assert!(!table.contains("total"), "{table}");
    }

    #[test]
    fn lists_show_running_times() {
        let mut job = Job {
            job_id: "j1".into(),
            name: "nightly".into(),
            submitted_ms: 1_795_417_649_000,
            user: "ann".into(),
            ..Job::default()
        };
        job.set_state(JobState::Running);
        let table = jobs(&[job], 1_795_417_651_500);
        assert!(table.contains("2026-11-23 07:07:29"), "{table}");
        assert!(table.contains("2.50 s"), "{table}");
        assert!(table.contains("RUNNING"), "{table}");
    }

    #[test]
    fn inputs_are_counted() {
        let table = inputs(&[InputStats {
            name: "user_events".into(),
            lines: 637,
            malformed: 2,
            dropped: 1,
            files: 3,
            bytes: 1 << 20,
        }]);
        assert!(table.contains("637"), "{table}");
        assert!(table.contains("1.0 MiB"), "{table}");
    }
}
