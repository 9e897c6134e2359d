//! Tables on standard output.

use std::time::Duration;

use comfy_table::{Cell, CellAlignment, Table, TableComponent, presets};
use sluice_proto::json::is_number;
use sluice_proto::v1::{DatasetResult, InputStats, Job, QueryAnswer, QueryValue};

use sluice_service::console::replace_controls;
use sluice_service::format::{format_bytes, format_duration, format_time, group_thousands};

use crate::color::{COLOR_END, TextColor, state_color};

/// Characters that stand for colours in cells, until all cells have their width: a
/// terminal gives them none. No other text of a table has them, because
/// `replace_controls` replaces them.
const COLOR_MARKS: [(TextColor, char); 3] = [
    (TextColor::Red, '\u{2066}'),
    (TextColor::Yellow, '\u{2067}'),
    (TextColor::Green, '\u{2068}'),
];
/// Stands for the end of a colour.
const COLOR_END_MARK: char = '\u{2069}';

/// Numbers are aligned to the right.
#[derive(Clone, Copy)]
pub(crate) enum TableColumn<'a> {
    Text(&'a str),
    Number(&'a str),
}

/// A table of these rows, without trailing spaces.
pub(crate) fn format_table(columns: &[TableColumn<'_>], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    // No lines between rows.
    table.remove_style(TableComponent::HorizontalLines);
    table.remove_style(TableComponent::MiddleIntersections);
    let cell = |text: String, column: Option<&TableColumn>| match column {
        Some(TableColumn::Number(_)) => Cell::new(text).set_alignment(CellAlignment::Right),
        _ => Cell::new(text),
    };
    table.set_header(columns.iter().map(|column| {
        let (TableColumn::Text(name) | TableColumn::Number(name)) = column;
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

/// The rows of a query.
pub(crate) fn answer_table(answer: &QueryAnswer) -> String {
    let columns: Vec<TableColumn<'_>> = answer
        .columns
        .iter()
        .map(|column| match is_number(&column.r#type) {
            true => TableColumn::Number(&column.name),
            false => TableColumn::Text(&column.name),
        })
        .collect();
    let show = |value: &QueryValue| match &value.text {
        Some(text) => replace_controls(text).into_owned(),
        None => "NULL".to_owned(),
    };
    let rows = answer.rows.iter();
    format_table(
        &columns,
        rows.map(|row| row.values.iter().map(show).collect())
            .collect(),
    )
}

/// The final table. With `phases` each dataset's phase is shown too, for jobs that
/// did not succeed.
pub(crate) fn datasets_table(datasets: &[DatasetResult], phases: bool) -> String {
    use TableColumn::{Number, Text};
    // Of a table that keeps rows, those that were written are not all.
    let keeps_rows = datasets
        .iter()
        .any(|dataset| dataset.table_rows.is_some_and(|rows| rows != dataset.rows));
    let mut columns = vec![Text("dataset"), Number("rows")];
    if keeps_rows {
        columns.push(Number("table rows"));
    }
    columns.extend([
        Number("files"),
        Number("bytes"),
        Number("version"),
        Number("seconds"),
    ]);
    if phases {
        columns.push(Text("state"));
    }
    let mut rows: Vec<Vec<String>> = datasets
        .iter()
        .map(|dataset| {
            let or_dash =
                |count: Option<u64>| count.map_or_else(|| "-".to_owned(), group_thousands);
            let mut row = vec![dataset.name.clone(), group_thousands(dataset.rows)];
            if keeps_rows {
                row.push(or_dash(dataset.table_rows));
            }
            row.extend([
                group_thousands(dataset.files),
                format_bytes(dataset.bytes),
                or_dash(dataset.version),
                format!("{:.2}", dataset.seconds),
            ]);
            if phases {
                row.push(dataset.phase().name().to_lowercase());
            }
            row
        })
        .collect();
    if datasets.len() > 1 {
        let sum = |of: fn(&DatasetResult) -> u64| datasets.iter().map(of).sum::<u64>();
        let mut row = vec![
            "total".to_owned(),
            group_thousands(sum(|dataset| dataset.rows)),
        ];
        if keeps_rows {
            row.push(String::new());
        }
        row.extend([
            group_thousands(sum(|dataset| dataset.files)),
            format_bytes(sum(|dataset| dataset.bytes)),
        ]);
        rows.push(row);
    }
    format_table(&columns, rows)
}

/// What was read, by source.
pub(crate) fn inputs_table(inputs: &[InputStats]) -> String {
    use TableColumn::{Number, Text};
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
                group_thousands(input.lines),
                group_thousands(input.malformed),
                group_thousands(input.dropped),
                group_thousands(input.files),
                format_bytes(input.bytes),
            ]
        })
        .collect();
    format_table(&columns, rows)
}

fn mark_color(color: TextColor, text: &str) -> String {
    COLOR_MARKS
        .iter()
        .find(|(marked, _)| *marked == color)
        .map_or_else(
            || text.to_owned(),
            |(_, mark)| format!("{mark}{text}{COLOR_END_MARK}"),
        )
}

/// A finished table with colours in place of their marks.
fn paint_marks(table: &str) -> String {
    let mut painted = table.replace(COLOR_END_MARK, COLOR_END);
    for (color, mark) in COLOR_MARKS {
        painted = painted.replace(mark, color.start_code());
    }
    painted
}

/// Jobs, one per line. `now_ms` is since the Unix epoch. With `color` the states of
/// jobs that have ended are coloured.
pub(crate) fn jobs_table(jobs: &[Job], now_ms: i64, color: bool) -> String {
    use TableColumn::{Number, Text};
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
            let state = job.state().name();
            vec![
                replace_controls(&job.job_id).into_owned(),
                replace_controls(&job.name).into_owned(),
                match state_color(job.state()) {
                    Some(state_color) if color => mark_color(state_color, state),
                    _ => state.to_owned(),
                },
                format_time(job.submitted_ms),
                format_duration(Duration::from_millis(job.duration_ms(now_ms))),
                replace_controls(&job.user).into_owned(),
            ]
        })
        .collect();
    paint_marks(&format_table(&columns, rows))
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
            table_rows: None,
        }
    }

    #[test]
    fn the_closing_table_has_a_total() {
        let table = datasets_table(
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
    fn tables_that_keep_rows_show_how_many_they_have() {
        let with_rows = |name: &str, rows: u64, table_rows: u64| DatasetResult {
            table_rows: Some(table_rows),
            ..dataset(name, rows, Some(3))
        };
        let table = datasets_table(&[with_rows("daily", 12, 12)], false);
        assert!(!table.contains("table rows"), "{table}");
        let streaming = [with_rows("daily", 12, 12), with_rows("events", 5, 1_005)];
        let table = datasets_table(&streaming, false);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines[1..6],
            [
                " dataset   rows   table rows   files     bytes   version   seconds",
                "═══════════════════════════════════════════════════════════════════",
                " daily       12           12       2   1.2 KiB         3      0.12",
                " events       5        1,005       2     500 B         3      0.12",
                " total       17                    4   1.7 KiB",
            ]
        );
    }

    #[test]
    fn a_job_that_did_not_succeed_shows_phases() {
        let table = datasets_table(&[dataset("daily", 12, None)], true);
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
        let table = jobs_table(&[job], 1_795_417_651_500, false);
        assert!(table.contains("2026-11-23 07:07:29"), "{table}");
        assert!(table.contains("2.50 s"), "{table}");
        assert!(table.contains("RUNNING"), "{table}");
    }

    #[test]
    fn colours_of_states_move_no_column() {
        let job = |id: &str, name: &str, state: JobState| {
            let mut job = Job {
                job_id: id.to_owned(),
                name: name.to_owned(),
                submitted_ms: 1_795_417_649_000,
                ended_ms: 1_795_417_650_000,
                user: "ann".to_owned(),
                ..Job::default()
            };
            job.set_state(state);
            job
        };
        let jobs = [
            job("j1", "nightly", JobState::Succeeded),
            job("j2", "FAILED", JobState::Failed),
            job("j3", "\u{1b}[31mloud\u{2066}", JobState::TimedOut),
            job("j4", "wait", JobState::Running),
        ];
        let plain = jobs_table(&jobs, 0, false);
        let colored = jobs_table(&jobs, 0, true);
        assert!(!plain.contains('\u{1b}'), "{plain:?}");
        for part in [
            " FAILED ",
            " \u{1b}[31mFAILED\u{1b}[0m ",
            " \u{1b}[32mSUCCEEDED\u{1b}[0m ",
            " \u{fffd}[31mloud\u{fffd} ",
            " \u{1b}[33mTIMED_OUT\u{1b}[0m ",
            " RUNNING ",
        ] {
            assert!(colored.contains(part), "{part:?}: {colored:?}");
        }
        let mut without = colored.replace(COLOR_END, "");
        for (color, _) in COLOR_MARKS {
            without = without.replace(color.start_code(), "");
        }
        assert_eq!(without, plain);
    }

    #[test]
    fn inputs_are_counted() {
        let table = inputs_table(&[InputStats {
            name: "user_events".into(),
            lines: 637,
            malformed: 2,
            dropped: 1,
            files: 3,
            bytes: 1 << 20,
            ..InputStats::default()
        }]);
        assert!(table.contains("637"), "{table}");
        assert!(table.contains("1.0 MiB"), "{table}");
    }
}
