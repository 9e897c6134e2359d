//! Random kills in a loop, while records come in. `SLUICE_CHAOS_KILLS` says how
//! many; `just chaos-landing 500` runs this with the output shown.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::checker::assert_exact;
use crate::cluster::Cluster as _;
use crate::mock::mock;
use crate::process::{command, ingest, signal, succeed, tell};
use crate::records::produce_some;

const DEFAULT_KILLS: usize = 20;

/// A small generator: the seed is printed, so that a run can be had again.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn start(address: &str, topic: &str, landing: &Path, draw: &mut Draw) -> Child {
    let roll = format!("{}KiB", 1 + draw.below(8));
    let compression = ["none", "zstd", "gzip"][draw.below(3) as usize];
    let args = ["--roll-size", &roll, "--compression", compression];
    ingest(address, topic, landing, &args).spawn().unwrap()
}

#[test]
fn random_kills_lose_and_repeat_nothing() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let kills = number("SLUICE_CHAOS_KILLS").map_or(DEFAULT_KILLS, |kills: u64| kills as usize);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = number("SLUICE_CHAOS_SEED").unwrap_or(now.as_nanos() as u64 | 1);
    tell(&format!("{kills} kills, SLUICE_CHAOS_SEED={seed}"));
    let mut draw = Draw(seed);
    let address = mock().address();
    let (mut done, mut hit, mut records) = (0, 0, 0);
    while done < kills {
        let topic = mock().topic(3);
        let landing = tempfile::tempdir().unwrap();
        for round in 0..25.min(kills - done) {
            produce_some(&address, &topic, 3, 120, &format!("round {round}"));
            let mut first = start(&address, &topic, landing.path(), &mut draw);
            let mut second =
                (draw.below(3) == 0).then(|| start(&address, &topic, landing.path(), &mut draw));
            std::thread::sleep(Duration::from_millis(draw.below(350)));
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
            done += 1;
        }
        succeed(ingest(&address, &topic, landing.path(), &[]));
        records += assert_exact(&address, &topic, landing.path());
        succeed(command(&[
            "verify",
            "--output",
            landing.path().to_str().unwrap(),
        ]));
    }
    tell(&format!(
        "{done} kills, {hit} of them in mid-run, {records} records: 0 lost, 0 repeated"
    ));
}
