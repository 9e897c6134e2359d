//! All executors.

use maud::{Markup, html};
use sluice_service::format::{format_bytes, group_thousands};
use std::time::Duration;

use super::layout::Page;
use super::parts::{Tone, age_text, badge, moment, progress_bar};
use crate::ballista::{ExecutorInfo, ExecutorState, LostExecutor};

pub(crate) fn executors_page(
    executors: &[ExecutorInfo],
    lost: &[LostExecutor],
    now_ms: i64,
) -> Page {
    Page {
        title: "Executors".to_owned(),
        section: "executors",
        main: html! {
            h1 { "Executors" }
            section.card #executors data-live {
                @if executors.is_empty() {
                    p { "No executor is registered. Start one with "
                        code { "executor --scheduler HOST:PORT" } ", where HOST:PORT is the gRPC address of this scheduler." }
                } @else {
                    div.wide { (executor_table(executors)) }
                }
            }
            @if !lost.is_empty() {
                section.card #lost data-live {
                    h2 { "Lost since the scheduler started" }
                    div.wide { (lost_table(lost, now_ms)) }
                }
            }
        },
    }
}

fn executor_table(executors: &[ExecutorInfo]) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "Address" }
                th scope="col" { "State" }
                th scope="col" { "Vcores in use" }
                th.number scope="col" { "Memory" }
                th.number scope="col" { "Tasks given" }
                th.number scope="col" { "Last heartbeat" }
                th.number scope="col" { "Registered" }
                th scope="col" { "Id" }
            } }
            tbody {
                @for executor in executors {
                    tr {
                        th scope="row" { (executor.host) ":" (executor.grpc_port) }
                        td {
                            (state_badge(executor.state))
                            @if let Some(problem) = &executor.problem { " " (problem) }
                        }
                        td { (progress_bar(executor.vcores - executor.vcores_free.min(executor.vcores), executor.vcores, "vcores in use")) }
                        td.number { (executor.resident_memory_bytes.map_or_else(|| "–".to_owned(), format_bytes)) }
                        td.number { (group_thousands(executor.tasks_given)) }
                        td.number { (seconds_text(executor.last_heartbeat_seconds)) " ago" }
                        td.number { (seconds_text(executor.registered_seconds)) " ago" }
                        td { code { (executor.id) } }
                    }
                }
            }
        }
    }
}

fn lost_table(lost: &[LostExecutor], now_ms: i64) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "Address" }
                th scope="col" { "Lost" }
                th scope="col" { "Why" }
                th.number scope="col" { "Vcores" }
                th.number scope="col" { "Tasks it had" }
                th scope="col" { "Id" }
            } }
            tbody { @for executor in lost { tr {
                th scope="row" { (executor.address) }
                td.time { (moment(executor.lost_ms, now_ms)) }
                td { (executor.reason) }
                td.number { (executor.vcores) }
                td.number { (group_thousands(executor.tasks)) }
                td { code { (executor.id) } }
            } } }
        }
    }
}

fn seconds_text(seconds: f64) -> String {
    age_text(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

fn state_badge(state: ExecutorState) -> Markup {
    match state {
        ExecutorState::Active => badge(Tone::Good, "active"),
        ExecutorState::Draining => badge(Tone::Busy, "draining"),
        ExecutorState::Quarantined => badge(Tone::Bad, "quarantined"),
    }
}
