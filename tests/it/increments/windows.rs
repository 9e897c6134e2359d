//! The streaming example over what a real broker receives: ten ingest windows, in which
//! ingest, the scheduler and executors are killed. After each window the tables have what
//! one full run over landing gives, as DuckDB computes it and as other readers read them.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use sluice_kafka_sandbox::{Broker, Installation};

use super::chaos::{Random, env_number, wait_for_files};
use super::example;
use crate::sandbox::Cluster;
use crate::submit::{Output, RunningProgram};
use crate::{gold, submit, wait};

const WINDOWS: u64 = 10;

/// The topics, by the command that sends their events, with the events of a window.
const TOPICS: [(&str, &str, u32); 2] = [
    ("user-events", "user_events", 600),
    ("transaction-events", "transaction_events", 300),
];

/// A broker, and the landing folder of its topics.
struct Shop {
    broker: Broker,
    landing: PathBuf,
}

impl Shop {
    fn start(kafka: &Installation, landing: PathBuf) -> Self {
        let broker = Broker::start(kafka, &[]).unwrap();
        for (_, topic, _) in TOPICS {
            broker.create_topic(topic, 3).unwrap();
        }
        Self { broker, landing }
    }

    /// Sends new events, also broken ones and some twice.
    fn sell(&self, seed: u64) {
        for (command, _, events) in TOPICS {
            let args = format!(
                "produce-events {command} --bulk --count {events} --seed {seed} --users 200 \
                 --duplicate-permille 40 --malformed-permille 20 --late-permille 20 \
                 --bootstrap-servers {}",
                self.broker.address()
            );
            run(&args.split_whitespace().collect::<Vec<_>>())
                .wait()
                .expect_code(0);
        }
    }

    /// Starts to land what the broker has.
    fn spawn_ingest(&self, more: &[&str]) -> RunningProgram {
        let landing = self.landing.to_str().unwrap();
        let common = ["--landing", landing, "--bootstrap-servers"];
        let args: Vec<&str> = ["ingest-landing"]
            .into_iter()
            .chain(more.iter().copied())
            .chain(common)
            .chain([self.broker.address()])
            .collect();
        run(&args)
    }

    fn spawn_landing(&self) -> RunningProgram {
        let mut args = vec!["--until-caught-up", "--roll-size", "16KiB"];
        for (_, topic, _) in TOPICS {
            args.extend(["--topic", topic]);
        }
        self.spawn_ingest(&args)
    }

    /// Fails unless every record of the broker has landed once.
    fn verify(&self) -> Output {
        self.spawn_ingest(&["verify", "--broker"])
            .wait()
            .expect_code(0)
    }
}

/// Any of the programs, from the one that has all of them.
fn run(args: &[&str]) -> RunningProgram {
    submit::spawn_program(env!("CARGO_BIN_EXE_sluice"), args)
}

/// Lets a program work until a folder has some files more, at most so many, and kills it;
/// whether it had not ended by itself.
fn kill_within(mut program: RunningProgram, folder: &Path, most: u64, draw: &mut Random) -> bool {
    let more = usize::try_from(draw.next_below(most + 1)).unwrap();
    let files = gold::files_below(folder).len() + more;
    wait_for_files(folder, files, &mut program);
    program.kill()
}

#[test]
fn ten_windows_with_kills_of_everything_give_what_one_full_run_gives() {
    let Some(kafka) = Installation::find().unwrap() else {
        return;
    };
    let _turn = wait::exclusive_turn();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = env_number("SLUICE_CHAOS_SEED").unwrap_or(u64::from(now.subsec_nanos())) | 1;
    eprintln!("SLUICE_CHAOS_SEED={seed}");
    let mut draw = Random(seed);

    let mut cluster = Cluster::builder().executors(2).start();
    let shop = Shop::start(&kafka, cluster.path("landing"));
    let gold = cluster.path("gold");
    let args = submit::job_args(&example::job_path(), &shop.landing, &gold);
    let (mut ingests, mut runs) = (0, 0);
    for window in 0..WINDOWS {
        shop.sell(seed + window);
        // A window lands about six files of each topic.
        ingests += u64::from(kill_within(
            shop.spawn_landing(),
            &shop.landing,
            12,
            &mut draw,
        ));
        shop.spawn_landing().wait().expect_code(0);
        // A run writes a file of each of seven tables, and an entry of each log.
        let mut run = cluster.spawn_job(&format!("window-{window}"), &args);
        let more = usize::try_from(draw.next_below(16)).unwrap();
        let files = gold::files_below(&gold).len() + more;
        wait_for_files(&gold, files, &mut run);
        runs += u64::from(!run.has_ended());
        let victim = window % 3;
        if victim != 1 {
            cluster.kill_executor(0);
            cluster.add_executor();
        }
        if victim != 0 {
            cluster.restart_scheduler();
        }
        cluster.wait_for_executors(2);
        // How it ended does not matter: the next run must be right after any end.
        run.wait();
        cluster.run_submit(&args).expect_code(0);
        gold::assert_equals_oracle(&shop.landing, &gold);
    }
    shop.verify();
    eprintln!("{ingests} ingests and {runs} runs were killed: nothing lost, nothing twice");
}
