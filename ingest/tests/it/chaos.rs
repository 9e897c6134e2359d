//! Kills runs at random moments in a loop, while records arrive, with each kind
//! of broker. `SLUICE_CHAOS_KILLS` sets how many kills with the mock broker; with
//! Apache Kafka it is a tenth of that. `just chaos-landing 500` runs this and
//! shows the output.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::apache::broker;
use crate::checker::assert_exact;
use crate::cluster::Cluster;
use crate::lanes;
use crate::mock::mock;
use crate::process::{command, ingest, signal, succeed, tell};
use crate::records::produce_some;

const DEFAULT_KILLS: usize = 20;

/// Kills per topic.
const KILLS: usize = 25;

/// Records that are sent before each run.
const RECORDS: usize = 120;

/// A small random number generator. The seed is printed, so that a run can be
/// repeated.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn asked_kills() -> Option<usize> {
    number("SLUICE_CHAOS_KILLS").map(|kills| kills as usize)
}

fn start(address: &str, topic: &str, landing: &Path, draw: &mut Draw) -> Child {
    let roll = format!("{}KiB", 1 + draw.below(8));
    let compression = ["none", "zstd", "gzip"][draw.below(3) as usize];
    let args = ["--roll-size", &roll, "--compression", compression];
    ingest(address, topic, landing, &args).spawn().unwrap()
}

/// One topic, and how often its runs are killed.
struct Case {
    kills: usize,
    seed: u64,
}

/// How a case ended.
struct Ended {
    records: usize,
    /// Kills that arrived before the run ended by itself.
    hit: usize,
}

fn try_out(cluster: &dyn Cluster, case: &Case) -> Ended {
    let mut draw = Draw(case.seed);
    let (address, topic) = (cluster.address(), cluster.topic(3));
    let landing = tempfile::tempdir().unwrap();
    // The time of an undisturbed run, and a bit more, so that kills hit any part
    // of a run on any machine. The first of all runs is slower.
    let unharmed = ["first", "second"].map(|tag| {
        produce_some(&address, &topic, 3, RECORDS, tag);
        let begun = Instant::now();
        succeed(ingest(&address, &topic, landing.path(), &[]));
        begun.elapsed().as_millis() as u64
    });
    let longest = unharmed[0].min(unharmed[1]) * 5 / 4;
    let mut hit = 0;
    for round in 0..case.kills {
        produce_some(&address, &topic, 3, RECORDS, &format!("round {round}"));
        let mut first = start(&address, &topic, landing.path(), &mut draw);
        let mut second =
            (draw.below(3) == 0).then(|| start(&address, &topic, landing.path(), &mut draw));
        std::thread::sleep(Duration::from_millis(draw.below(longest)));
        if draw.below(4) == 0 {
            signal(&first, libc::SIGSTOP);
            std::thread::sleep(Duration::from_millis(draw.below(200)));
            signal(&first, libc::SIGCONT);
        }
        signal(&first, libc::SIGKILL);
        if !first.wait().unwrap().success() {
            hit += 1;
        }
        if let Some(second) = &mut second {
            assert!(second.wait().unwrap().success());
        }
    }
    succeed(ingest(&address, &topic, landing.path(), &[]));
    let records = assert_exact(&address, &topic, landing.path());
    assert_eq!(records, (2 + case.kills) * RECORDS);
    succeed(command(&[
        "verify",
        "--output",
        landing.path().to_str().unwrap(),
    ]));
    Ended { records, hit }
}

fn random_kills(cluster: &dyn Cluster, kills: usize) {
    let name = cluster.name();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = number("SLUICE_CHAOS_SEED").unwrap_or(now.as_nanos() as u64 | 1);
    tell(&format!("{name}: {kills} kills, SLUICE_CHAOS_SEED={seed}"));
    let mut draw = Draw(seed);
    let cases: Vec<Case> = (0..kills)
        .step_by(KILLS)
        .map(|done| Case {
            kills: KILLS.min(kills - done),
            seed: draw.below(u64::MAX) | 1,
        })
        .collect();
    let ended = lanes::run(&cases, |case| try_out(cluster, case));
    let sum = |count: fn(&Ended) -> usize| ended.iter().map(count).sum::<usize>();
    tell(&format!(
        "{name}: {kills} kills, {} of them during a run, {} records: 0 lost, 0 repeated",
        sum(|ended| ended.hit),
        sum(|ended| ended.records)
    ));
}

#[test]
fn random_kills_lose_and_repeat_nothing() {
    random_kills(mock(), asked_kills().unwrap_or(DEFAULT_KILLS));
}

#[test]
fn nor_with_apache_kafka() {
    let Some(kafka) = broker() else { return };
    let tenth = |kills: usize| kills.div_ceil(10);
    random_kills(kafka, asked_kills().map_or(DEFAULT_KILLS, tenth));
}
