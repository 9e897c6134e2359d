//! Decides from the command line what to send, before anything is sent.

use std::time::Duration;

use chrono::{DateTime, Datelike, SubsecRound, TimeDelta, Utc};
use sluice_sample_events::{Defects, EventClock};
use thiserror::Error;

use crate::cli::{Cli, EventKind};

/// Over how many days a bulk load spreads: three months.
pub(crate) const BULK_DAYS: i64 = 90;
/// The longest name that Kafka allows for a topic.
const LONGEST_TOPIC: usize = 249;

/// What a run sends.
#[derive(Debug, Clone)]
pub(crate) struct ProducePlan {
    pub(crate) kind: EventKind,
    pub(crate) topic: String,
    /// For a topic that does not exist yet.
    pub(crate) partitions: i32,
    pub(crate) seed: u64,
    pub(crate) users: u32,
    pub(crate) defects: Defects,
    pub(crate) bulk: Option<BulkPhase>,
    pub(crate) live: Option<LivePhase>,
}

/// Events sent at once, as if they had happened over [`BULK_DAYS`].
#[derive(Debug, Clone)]
pub(crate) struct BulkPhase {
    pub(crate) count: u64,
    /// The end of the period; no timestamp is later.
    pub(crate) until: DateTime<Utc>,
    /// Zero means as fast as the broker accepts them.
    pub(crate) interval: Duration,
}

/// Events sent as they happen.
#[derive(Debug, Clone)]
pub(crate) struct LivePhase {
    /// `None` means without an end.
    pub(crate) count: Option<u64>,
    pub(crate) interval: Duration,
}

/// Options that cannot be used together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum PlanError {
    #[error(
        "--duplicate-permille, --malformed-permille and --late-permille are parts of 1,000 events; \
         make their sum smaller"
    )]
    Shares,
    #[error("`{topic}` cannot be a topic's name: use up to 249 letters, digits, `.`, `_` and `-`")]
    Topic { topic: String },
    #[error("no broker given; write --bootstrap-servers HOST:PORT")]
    NoBroker,
    #[error("--until {until} is out of range; dates go from year 1 to 9999")]
    Until { until: DateTime<Utc> },
}

impl ProducePlan {
    /// What the command line asks for, at the time `now`. `seed` makes a seed when
    /// the command line has none.
    pub(crate) fn new(
        cli: &Cli,
        now: DateTime<Utc>,
        seed: impl FnOnce() -> u64,
    ) -> Result<Self, PlanError> {
        let defects = Defects {
            duplicates: cli.duplicate_permille,
            malformed: cli.malformed_permille,
            late: cli.late_permille,
            incomplete: 0,
        };
        if !defects.fits_into_1000() {
            return Err(PlanError::Shares);
        }
        let topic = match &cli.topic {
            Some(topic) => topic.clone(),
            None => cli.events.default_topic().to_owned(),
        };
        if !is_topic_name(&topic) {
            return Err(PlanError::Topic { topic });
        }
        let rate_step = cli.rate.map(|rate| Duration::from_secs(1) / rate);
        let bulk = match cli.count {
            Some(count) if cli.bulk => Some(BulkPhase {
                count,
                until: bulk_end(cli.until, now)?,
                interval: rate_step.unwrap_or(Duration::ZERO),
            }),
            _ => None,
        };
        let live = (bulk.is_none() || cli.continue_after).then(|| LivePhase {
            count: if bulk.is_none() { cli.count } else { None },
            interval: rate_step.unwrap_or(cli.interval),
        });
        Ok(Self {
            kind: cli.events,
            topic,
            partitions: cli.partitions,
            seed: cli.seed.unwrap_or_else(seed),
            users: cli.users,
            defects,
            bulk,
            live,
        })
    }

    /// How many events a run must send to succeed; 0 for a run without an end.
    pub(crate) fn required_events(&self) -> u64 {
        let live = self.live.as_ref().and_then(|live| live.count);
        self.bulk
            .as_ref()
            .map(|bulk| bulk.count)
            .or(live)
            .unwrap_or(0)
    }

    /// How many events there will be, or `None` for a run without an end.
    pub(crate) fn total_events(&self) -> Option<u64> {
        match &self.live {
            Some(live) => live.count,
            None => self.bulk.as_ref().map(|bulk| bulk.count),
        }
    }

    /// The options with which a run sends the same events.
    pub(crate) fn repeat_options(&self) -> String {
        let Defects {
            duplicates,
            malformed,
            late,
            ..
        } = self.defects;
        let mut text = format!("--seed {} --users {}", self.seed, self.users);
        if let Some(bulk) = &self.bulk {
            text.push_str(&format!(
                " --bulk --count {} --until {}",
                bulk.count,
                format_rfc3339(bulk.until)
            ));
        }
        for (option, share) in [
            ("duplicate", duplicates),
            ("malformed", malformed),
            ("late", late),
        ] {
            if share > 0 {
                text.push_str(&format!(" --{option}-permille {share}"));
            }
        }
        text
    }
}

impl BulkPhase {
    /// When its events happen.
    pub(crate) fn clock(&self) -> EventClock {
        let days = TimeDelta::days(BULK_DAYS);
        EventClock {
            start_micros: (self.until - days).timestamp_micros(),
            length_micros: days.num_microseconds().unwrap_or(i64::MAX),
            events: self.count,
        }
    }
}

/// A time in the form that `--until` takes.
pub(crate) fn format_rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

/// The end of a bulk load: the one on the command line, or else now in whole seconds, which are short
/// to type for a repetition.
fn bulk_end(
    requested: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, PlanError> {
    let until = requested.unwrap_or_else(|| now.trunc_subsecs(0));
    // Four days earlier than the period, for late events.
    let earliest = until.checked_sub_signed(TimeDelta::days(BULK_DAYS + 4));
    if earliest.is_some_and(|earliest| earliest.year() >= 1) && until.year() <= 9_999 {
        Ok(until)
    } else {
        Err(PlanError::Until { until })
    }
}

fn is_topic_name(name: &str) -> bool {
    (1..=LONGEST_TOPIC).contains(&name.len())
        && name != "."
        && name != ".."
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
