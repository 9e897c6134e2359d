//! Leaves out warnings and errors that libraries log although nothing is wrong.
//!
//! An error in a log raises alarms, so cancelling a job must not log one. The
//! engine logs these messages whenever a job is cancelled.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// How the messages begin, and what else they contain.
const EXPECTED: &[(&str, &str)] = &[
    // A task of a cancelled job reports its end after the job was removed.
    ("Fail to find job ", ""),
    // Two clean-ups of one job ran at once, and one found nothing left. Every
    // other failure of a clean-up is logged.
    (
        "Failed to call remove_job_data ",
        "No such file or directory",
    ),
    ("Failed to call remove_job_data ", "is not a directory"),
    // A task of a cancelled job has ended.
    ("Task has been aborted!", ""),
];

/// Formats log events without the expected messages.
#[derive(Debug)]
pub(crate) struct WithoutExpected<F> {
    inner: F,
    is_filtering: bool,
}

impl<F> WithoutExpected<F> {
    /// Expected messages are left out at the plain levels info, warn and error. At
    /// any other level everything is logged.
    pub(crate) fn new(inner: F, level: &str) -> Self {
        let is_filtering = ["info", "warn", "error"]
            .iter()
            .any(|plain| level.eq_ignore_ascii_case(plain));
        Self {
            inner,
            is_filtering,
        }
    }
}

impl<S, N, F> FormatEvent<S, N> for WithoutExpected<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if self.is_filtering && *event.metadata().level() <= Level::WARN {
            let mut found = ExpectedMessage(false);
            event.record(&mut found);
            if found.0 {
                return Ok(());
            }
        }
        self.inner.format_event(context, writer, event)
    }
}

/// Whether the message is one of [`EXPECTED`].
struct ExpectedMessage(bool);

impl Visit for ExpectedMessage {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0 = EXPECTED
                .iter()
                .any(|(begin, holds)| value.starts_with(begin) && value.contains(holds));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, events: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .map_event_format(|lines| WithoutExpected::new(lines, level))
            .finish();
        tracing::subscriber::with_default(subscriber, events);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_a_cancel_makes_the_engine_say_is_left_out() {
        let say = || {
            let job = 7;
            tracing::error!("Fail to find job {job} in the active cache");
            tracing::warn!("Task has been aborted!");
            tracing::warn!("Failed to call remove_job_data due to No such file or directory");
            tracing::warn!("Failed to call remove_job_data due to Permission denied");
            tracing::error!("Fail to prepare task definition of {job}");
            tracing::warn!(message = "there is no space left", job);
        };
        let info = logged("INFO", say);
        assert_eq!(info.lines().count(), 3, "{info}");
        assert!(info.contains("task definition of 7") && info.contains("no space"));
        assert!(info.contains("Permission denied"));
        for level in ["debug", "info,ballista_scheduler=warn"] {
            assert_eq!(logged(level, say).lines().count(), 6, "{level}");
        }
    }
}
