//! Kills runs at random moments in a loop, while records arrive, with each kind
//! of broker. `SLUICE_CHAOS_KILLS` sets how many kills with the mock broker; with
//! Apache Kafka it is a tenth of that. `just chaos-landing 500` runs this and
//! shows the output.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::apache::shared_broker;
use crate::checker::assert_exact;
use crate::cluster::Cluster;
use crate::mock::mock_broker;
use crate::parallel;
use crate::process::{ingest_command, print_line, program_command, run_successfully, send_signal};
use crate::records::produce_mixed;

const DEFAULT_KILLS: usize = 20;

/// Kills per topic.
const KILLS: usize = 25;

/// Records that are sent before each run.
const RECORDS: usize = 120;

/// A small random number generator. The seed is printed, so that a run can be
/// repeated.
struct Random(u64);

impl Random {
    fn next_below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn env_number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn asked_kills() -> Option<usize> {
    env_number("SLUICE_CHAOS_KILLS").map(|kills| kills as usize)
}

fn start_ingest(address: &str, topic: &str, landing: &Path, draw: &mut Random) -> Child {
    let roll = format!("{}KiB", 1 + draw.next_below(8));
    let compression = ["none", "zstd", "gzip"][draw.next_below(3) as usize];
    let args = ["--roll-size", &roll, "--compression", compression];
    ingest_command(address, topic, landing, &args)
        .spawn()
        .unwrap()
}

/// One topic, and how often its runs are killed.
struct Case {
    kills: usize,
    seed: u64,
}

/// How a case ended.
struct CaseResult {
    records: usize,
    /// Kills that arrived before the run ended by itself.
    hit: usize,
}

fn run_case(cluster: &dyn Cluster, case: &Case) -> CaseResult {
    let mut draw = Random(case.seed);
    let (address, topic) = (cluster.address(), cluster.new_topic(3));
    let landing = tempfile::tempdir().unwrap();
    // The time of an undisturbed run, and a bit more, so that kills hit any part
    // of a run on any machine. The first of all runs is slower.
    let unharmed = ["first", "second"].map(|tag| {
        produce_mixed(&address, &topic, 3, RECORDS, tag);
        let begun = Instant::now();
        run_successfully(ingest_command(&address, &topic, landing.path(), &[]));
        begun.elapsed().as_millis() as u64
    });
    let longest = unharmed[0].min(unharmed[1]) * 5 / 4;
    let mut hit = 0;
    for round in 0..case.kills {
        produce_mixed(&address, &topic, 3, RECORDS, &format!("round {round}"));
        let mut first = start_ingest(&address, &topic, landing.path(), &mut draw);
        let mut second = (draw.next_below(3) == 0)
            .then(|| start_ingest(&address, &topic, landing.path(), &mut draw));
        std::thread::sleep(Duration::from_millis(draw.next_below(longest)));
        if draw.next_below(4) == 0 {
            send_signal(&first, libc::SIGSTOP);
            std::thread::sleep(Duration::from_millis(draw.next_below(200)));
            send_signal(&first, libc::SIGCONT);
        }
        send_signal(&first, libc::SIGKILL);
        if !first.wait().unwrap().success() {
            hit += 1;
        }
        if let Some(second) = &mut second {
            assert!(second.wait().unwrap().success());
        }
    }
    run_successfully(ingest_command(&address, &topic, landing.path(), &[]));
    let records = assert_exact(&address, &topic, landing.path());
    assert_eq!(records, (2 + case.kills) * RECORDS);
    run_successfully(program_command(&[
        "verify",
        "--landing",
        landing.path().to_str().unwrap(),
    ]));
    CaseResult { records, hit }
}

fn random_kills(cluster: &dyn Cluster, kills: usize) {
    let name = cluster.name();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = env_number("SLUICE_CHAOS_SEED").unwrap_or(now.as_nanos() as u64 | 1);
    print_line(&format!("{name}: {kills} kills, SLUICE_CHAOS_SEED={seed}"));
    let mut draw = Random(seed);
    let cases: Vec<Case> = (0..kills)
        .step_by(KILLS)
        .map(|done| Case {
            kills: KILLS.min(kills - done),
            seed: draw.next_below(u64::MAX) | 1,
        })
        .collect();
    let ended = parallel::run_cases(&cases, |case| run_case(cluster, case));
    let sum = |count: fn(&CaseResult) -> usize| ended.iter().map(count).sum::<usize>();
    print_line(&format!(
        "{name}: {kills} kills, {} of them during a run, {} records: 0 lost, 0 repeated",
        sum(|ended| ended.hit),
        sum(|ended| ended.records)
    ));
}

#[test]
fn random_kills_lose_and_repeat_nothing() {
    random_kills(mock_broker(), asked_kills().unwrap_or(DEFAULT_KILLS));
}

#[test]
fn nor_with_apache_kafka() {
    let Some(kafka) = shared_broker() else { return };
    let tenth = |kills: usize| kills.div_ceil(10);
    random_kills(kafka, asked_kills().map_or(DEFAULT_KILLS, tenth));
}
