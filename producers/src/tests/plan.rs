//! Tests of plans made from command lines.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{CommandFactory, Parser};

use super::harness;
use crate::cli::Cli;
use crate::plan::{PlanError, ProducePlan};

pub(super) fn plan(args: &[&str]) -> Result<ProducePlan, PlanError> {
    let cli = Cli::try_parse_from(std::iter::once(&"produce-events").chain(args)).unwrap();
    let now: DateTime<Utc> = "2026-11-24T11:22:33.987654Z".parse().unwrap();
    ProducePlan::new(&cli, now, || 77)
}

#[test]
fn the_options_are_sound() {
    Cli::command().debug_assert();
}

#[test]
fn without_bulk_an_event_a_second_is_sent_forever() {
    let plan = plan(&["user-events"]).unwrap();
    assert_eq!(plan.topic, "user_events");
    assert!(plan.bulk.is_none());
    let live = plan.live.as_ref().unwrap();
    assert_eq!((live.count, live.interval), (None, Duration::from_secs(1)));
    assert_eq!(
        (plan.required_events(), plan.total_events(), plan.seed),
        (0, None, 77)
    );
}

#[test]
fn a_bulk_ends_now_and_begins_90_days_ago() {
    let plan = plan(&["transaction-events", "--bulk", "--count", "10000"]).unwrap();
    assert_eq!(plan.topic, "transaction_events");
    assert!(plan.live.is_none());
    let bulk = plan.bulk.as_ref().unwrap();
    assert_eq!(bulk.interval, Duration::ZERO);
    let clock = bulk.clock();
    let start = DateTime::from_timestamp_micros(clock.start_micros).unwrap();
    assert_eq!(start.to_rfc3339(), "2026-08-26T11:22:33+00:00");
    assert_eq!(clock.length_micros, 90 * 86_400_000_000);
    assert_eq!(
        (plan.required_events(), plan.total_events()),
        (10_000, Some(10_000))
    );
    assert_eq!(
        plan.repeat_options(),
        "--seed 77 --users 2500 --bulk --count 10000 --until 2026-11-24T11:22:33Z"
    );
}

#[test]
fn after_a_bulk_live_events_follow_forever() {
    let args = [
        "user-events",
        "--bulk",
        "--count",
        "5",
        "--continue-after",
        "--interval",
        "250ms",
    ];
    let plan = plan(&args).unwrap();
    let live = plan.live.as_ref().unwrap();
    assert_eq!(
        (live.count, live.interval),
        (None, Duration::from_millis(250))
    );
    assert_eq!((plan.required_events(), plan.total_events()), (5, None));
}

#[test]
fn a_rate_holds_for_both_parts() {
    let args = [
        "user-events",
        "--bulk",
        "--count",
        "5",
        "--continue-after",
        "--rate",
        "50",
    ];
    let plan = plan(&args).unwrap();
    let step = Duration::from_millis(20);
    assert_eq!(plan.bulk.unwrap().interval, step);
    assert_eq!(plan.live.unwrap().interval, step);
}

#[test]
fn what_is_printed_makes_the_same_plan() {
    let args = [
        "user-events",
        "--bulk",
        "--count",
        "12",
        "--until",
        "2026-01-31T00:00:00.5Z",
        "--seed",
        "9",
        "--users",
        "3",
        "--duplicate-permille",
        "1",
        "--malformed-permille",
        "2",
        "--late-permille",
        "3",
    ];
    let first = plan(&args).unwrap();
    let again = format!("user-events {}", first.repeat_options());
    let again = plan(&again.split(' ').collect::<Vec<_>>()).unwrap();
    assert_eq!(format!("{first:?}"), format!("{again:?}"));
}

#[test]
fn slips_are_refused_before_anything_happens() {
    for (args, said) in [
        (&["user-events", "--bulk"][..], "--count <N>"),
        (
            &["user-events", "--count", "5", "--continue-after"],
            "--bulk",
        ),
        (
            &["user-events", "--until", "2026-01-01T00:00:00Z"],
            "--bulk",
        ),
        (
            &["user-events", "--rate", "5", "--interval", "1"],
            "cannot be used with",
        ),
        (
            &["user-events", "--interval", "soon"],
            "write seconds, or a duration such as 90s",
        ),
        (&["user-events", "--partitions", "0"], "0 is not in"),
        (&["user-events", "--count", "0"], "0 is not in"),
        (&["orders"], "user-events, transaction-events"),
        (
            &["user-events", "--topic", "a/b"],
            "`a/b` cannot be a topic's name",
        ),
        (
            &[
                "user-events",
                "--late-permille",
                "600",
                "--malformed-permille",
                "600",
            ],
            "make their sum smaller",
        ),
        (
            &["user-events", "--bootstrap-servers", ""],
            "the list of brokers is empty",
        ),
        (
            &["user-events", "--kafka-conf", "enable.idempotence=false"],
            "enable.idempotence must be true",
        ),
        (
            &["user-events", "--kafka-properties", "/nowhere"],
            "cannot read the properties file",
        ),
        (
            &[
                "user-events",
                "--bulk",
                "--count",
                "1",
                "--until",
                "0001-01-01T00:00:00Z",
            ],
            "out of range",
        ),
    ] {
        let ended = harness::run(args);
        assert_eq!(ended.code, 2, "{args:?}: {ended:?}");
        assert!(ended.err.contains(said), "{args:?}: {}", ended.err);
        assert!(ended.err.starts_with("error: "), "{}", ended.err);
        let ended = harness::run(&[args, &["--output", "json"]].concat());
        let json = ended.json();
        assert_eq!(json["exit_code"], 2);
        assert_eq!(json["error"]["kind"], "invalid");
    }
}

#[test]
fn help_is_no_error() {
    let ended = harness::run(&["--help"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    assert!(ended.out.contains("--duplicate-permille"));
}
