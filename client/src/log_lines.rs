//! Lines of a job's log, as `--logs` prints them.

use sluice_proto::v1::LogLine;
use sluice_service::console::replace_controls;
use sluice_service::format::format_time;

use crate::color::{TextColor, level_color};
use crate::progress::log_line;

/// A line with its time, such as `2026-11-23 07:07:29 INFO  driver: planned`.
pub(crate) fn format_timed_line(line: &LogLine, color: bool) -> String {
    let time = format_time(line.at_ms);
    let text = log_line(line);
    if !color {
        return format!("{time} {text}");
    }
    let text = replace_controls(&text);
    let level = line.level().name();
    let text = match (level_color(line.level()), text.strip_prefix(level)) {
        (Some(color), Some(rest)) => format!("{}{rest}", color.paint_text(level)),
        _ => text.to_string(),
    };
    format!("{} {text}", TextColor::Dim.paint_text(&time))
}

#[cfg(test)]
mod tests {
    use sluice_proto::v1::LogLevel;

    use super::*;

    fn line(level: LogLevel, message: &str) -> LogLine {
        LogLine {
            at_ms: 1_795_417_649_000,
            level: level.into(),
            target: "driver".into(),
            message: message.into(),
        }
    }

    #[test]
    fn levels_have_colours() {
        for (level, text) in [
            (LogLevel::Error, "\u{1b}[31mERROR\u{1b}[0m driver: x"),
            (LogLevel::Warn, "\u{1b}[33mWARN\u{1b}[0m  driver: x"),
            (LogLevel::Info, "INFO  driver: x"),
            (LogLevel::Debug, "\u{1b}[2mDEBUG\u{1b}[0m driver: x"),
        ] {
            assert_eq!(
                format_timed_line(&line(level, "x"), true),
                format!("\u{1b}[2m2026-11-23 07:07:29\u{1b}[0m {text}")
            );
        }
    }

    #[test]
    fn without_colour_a_line_is_plain() {
        assert_eq!(
            format_timed_line(&line(LogLevel::Error, "x"), false),
            "2026-11-23 07:07:29 ERROR driver: x"
        );
    }

    #[test]
    fn a_message_has_no_colours_of_its_own() {
        let text = format_timed_line(&line(LogLevel::Info, "\u{1b}[8mhidden"), true);
        assert!(text.ends_with("driver: \u{fffd}[8mhidden"), "{text:?}");
    }
}
