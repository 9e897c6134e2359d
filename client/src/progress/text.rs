//! Formats a job's progress as text.

use std::time::Duration;

use sluice_proto::v1::{DatasetPhase, DatasetProgress, JobState, LogLine, Progress};

use sluice_service::format::{format_bytes, format_count, format_duration, group_thousands};

const BAR_CELLS: u32 = 20;

/// The job's progress on one line.
pub(super) fn summary_line(state: JobState, progress: &Progress, elapsed: Duration) -> String {
    let mut parts = Vec::with_capacity(6);
    if progress.datasets_total > 0 {
        parts.push(format!(
            "datasets {}/{}",
            progress.datasets_done, progress.datasets_total
        ));
    }
    if progress.stages_total > 0 {
        parts.push(format!(
            "stages {}/{}",
            progress.stages_done, progress.stages_total
        ));
    }
    if progress.tasks_total > 0 {
        let running = match progress.tasks_running {
            0 => String::new(),
            running => format!(" ({running} running)"),
        };
        parts.push(format!(
            "tasks {}/{}{running}",
            progress.tasks_done, progress.tasks_total
        ));
    }
    if progress.rows_read > 0 || progress.bytes_read > 0 {
        parts.push(volume_text("read", progress.rows_read, progress.bytes_read));
    }
    if progress.rows_written > 0 || progress.bytes_written > 0 {
        parts.push(volume_text(
            "written",
            progress.rows_written,
            progress.bytes_written,
        ));
    }
    parts.push(format_duration(elapsed));
    format!("{}: {}", state_word(state), parts.join(", "))
}

fn volume_text(what: &str, rows: u64, size: u64) -> String {
    match (rows, size) {
        (0, size) => format!("{what} {}", format_bytes(size)),
        (rows, 0) => format!("{what} {}", format_count(rows, "row")),
        (rows, size) => format!(
            "{what} {} ({})",
            format_count(rows, "row"),
            format_bytes(size)
        ),
    }
}

/// The state's name in lower case, such as `running`.
pub(super) fn state_word(state: JobState) -> String {
    state.name().to_lowercase().replace('_', " ")
}

/// One dataset on one line; names are padded to `width` characters.
pub(crate) fn dataset_line(dataset: &DatasetProgress, width: usize) -> String {
    let phase = dataset.phase().name().to_lowercase();
    let tasks = match (dataset.phase(), dataset.tasks_total) {
        (DatasetPhase::Staging | DatasetPhase::Writing | DatasetPhase::Written, total)
            if total > 0 =>
        {
            format!(
                " {} {}/{total}",
                progress_bar(dataset.tasks_done, total, BAR_CELLS),
                dataset.tasks_done
            )
        }
        _ => String::new(),
    };
    let rows = match dataset.rows {
        0 => String::new(),
        rows => format!(" {} rows", group_thousands(rows)),
    };
    format!("  {:width$} {phase:9}{tasks}{rows}", dataset.name)
        .trim_end()
        .to_owned()
}

/// A bar of this many cells between its brackets.
pub(crate) fn progress_bar(done: u32, total: u32, cells: u32) -> String {
    let full = u64::from(cells) * u64::from(done.min(total)) / u64::from(total.max(1));
    let full = usize::try_from(full).unwrap_or(0);
    let rest = cells as usize - full;
    format!("[{}{}]", "#".repeat(full), "-".repeat(rest))
}

/// A line of the driver's log.
pub(crate) fn log_line(line: &LogLine) -> String {
    let target = match line.target.as_str() {
        "" => String::new(),
        target => format!("{target}: "),
    };
    format!("{:5} {target}{}", line.level().name(), line.message)
}
