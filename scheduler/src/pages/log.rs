//! The log of a job.
//!
//! A page has the end of the log. What is added while the page is open is sent as
//! lines and appended, so that a long log is neither read nor sent again.

use maud::{Markup, html};
use sluice_proto::v1::{Job, LogLevel, LogLine};
use sluice_service::format::format_time;

use super::layout::Page;
use super::parts::name_of;
use crate::driver::LogPart;

/// How many of the last lines the page of a job has.
pub(crate) const JOB_PAGE_LINES: usize = 200;
/// How many lines the page of a log has.
pub(crate) const LOG_PAGE_LINES: usize = 20_000;

/// The page of a log.
pub(crate) fn log_page(job: &Job, log: &LogPart, root: &str) -> Page {
    Page {
        title: format!("Log of {}", name_of(job)),
        section: "jobs",
        main: html! {
            h1 { "Log of " a href={ (root) "jobs/" (job.job_id) } { (name_of(job)) } }
            section.card #log {
                (log_view(log, LOG_PAGE_LINES))
                @if log.lines.len() >= LOG_PAGE_LINES {
                    p.quiet { "The last " (LOG_PAGE_LINES) " lines; " code { "submit-job --logs " (job.job_id) } " prints all." }
                }
            }
        },
    }
}

/// A log that is followed: the script asks for what comes after `log.end`.
pub(super) fn log_view(log: &LogPart, most: usize) -> Markup {
    html! {
        pre.log #log-lines tabindex="0" role="log" aria-label="Log of the job"
            data-follow=(log.end) data-most=(most) { (log_lines(&log.lines)) }
    }
}

/// Lines of a log, each an element.
pub(crate) fn log_lines(lines: &[LogLine]) -> Markup {
    html! {
        @for line in lines {
            span class={ "entry " (level_class(line.level())) } {
                span.quiet { (format_time(line.at_ms)) } " "
                span.level { (line.level().name()) } " "
                span.target { (line.target) } ": " (line.message) "\n"
            }
        }
    }
}

fn level_class(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "level-error",
        LogLevel::Warn => "level-warn",
        LogLevel::Debug => "level-debug",
        LogLevel::Info | LogLevel::Unspecified => "level-info",
    }
}
