//! Ingest windows with runs that are killed at random moments, while a reader polls the
//! newest cut all the while. `SLUICE_CHAOS_RUNS` sets how many runs are killed, and
//! `SLUICE_CHAOS_SEED` repeats a test. `just chaos-pipeline 200` shows the output.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{
    Cut, JOB, Landing, assert_added_once, assert_of_one_run, local_args, read_cut, read_numbers,
    write_job,
};
use crate::sandbox::Cluster;
use crate::{gold, submit, wait};

const DEFAULT_KILLS: u64 = 10;

/// How long the reader leaves the processors to the runs after it has read a cut.
const PAUSE_OF_READER: Duration = Duration::from_millis(100);

/// At most so many runs are killed in one window.
const KILLS_OF_WINDOW: u64 = 8;

/// A small random number generator.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next_below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

pub(super) fn env_number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Reads the tables of the newest cut again and again, until it is stopped.
struct Reader {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<ReaderReport>,
}

/// What a reader has seen.
#[derive(Default)]
struct ReaderReport {
    polls: usize,
    cuts: usize,
}

impl Reader {
    /// Starts at the cut 0, which must exist.
    fn start(gold: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut report = ReaderReport { polls: 0, cuts: 1 };
            let mut newest = read_cut(&gold, 0).unwrap();
            while !stopped.load(Ordering::Relaxed) {
                while let Some(next) = read_cut(&gold, report.cuts) {
                    assert_follows(&gold, &newest, &next);
                    report.cuts += 1;
                    newest = next;
                }
                assert_of_one_run(&gold, &newest);
                report.polls += 1;
                std::thread::sleep(PAUSE_OF_READER);
            }
            report
        });
        Self { stop, thread }
    }

    fn stop(self) -> ReaderReport {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Fails unless a cut has what the one before it had, and no line twice.
fn assert_follows(gold: &Path, before: &Cut, after: &Cut) {
    for (table, version) in before {
        assert!(
            after[table] >= *version,
            "{table}: {before:?}, then {after:?}"
        );
    }
    let ids = |cut: &Cut| read_numbers(&gold.join("bronze"), cut["bronze"], "id");
    let (old, new) = (ids(before), ids(after));
    assert!(new.is_sorted_by(|a, b| a < b), "a line twice: {new:?}");
    assert!(
        old.iter().all(|id| new.binary_search(id).is_ok()),
        "lines are lost: {old:?}, then {new:?}"
    );
}

/// Waits until the gold folder has so many files, or the program has ended.
pub(super) fn wait_for_files(gold: &Path, files: usize, program: &mut submit::RunningProgram) {
    wait::wait_until("files are written", wait::DEADLINE, || {
        (gold::files_below(gold).len() >= files || program.has_ended()).then_some(())
    });
}

#[test]
fn random_kills_lose_and_repeat_nothing_and_no_reader_sees_a_mix() {
    let _turn = wait::exclusive_turn();
    let wanted = env_number("SLUICE_CHAOS_RUNS").unwrap_or(DEFAULT_KILLS);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap();
    let seed = env_number("SLUICE_CHAOS_SEED").unwrap_or(now) | 1;
    eprintln!("{wanted} kills, SLUICE_CHAOS_SEED={seed}");
    let mut draw = Random(seed);

    let mut cluster = Cluster::builder().executors(1).start();
    let gold = cluster.path("gold");
    let mut landing = Landing::new(cluster.path("landing"));
    let job = write_job(&cluster.path("files"), JOB);
    let args = submit::job_args(&job, &landing.folder, &gold);
    let mut files_of_run = 0;
    for _ in 0..2 {
        landing.land();
        landing.add_file();
        let before = gold::files_below(&gold).len();
        cluster.run_submit(&args).expect_code(0);
        files_of_run = gold::files_below(&gold).len() - before;
    }

    let reader = Reader::start(gold.clone());
    let (mut hits, mut windows) = (0, 0);
    while hits < wanted {
        windows += 1;
        landing.land();
        landing.add_file();
        for kill in 0..=draw.next_below(KILLS_OF_WINDOW) {
            // Up to the number of files of a whole run: any moment of one can be hit.
            let more = draw.next_below(u64::try_from(files_of_run).unwrap() + 1);
            let files = gold::files_below(&gold).len() + usize::try_from(more).unwrap();
            let what = draw.next_below(8);
            if what < 6 {
                let local = local_args(&job, &landing.folder, &gold);
                let mut run = submit::spawn_submit(local);
                wait_for_files(&gold, files, &mut run);
                hits += u64::from(run.kill());
                continue;
            }
            let mut run = cluster.spawn_job(&format!("window-{windows}-{kill}"), &args);
            wait_for_files(&gold, files, &mut run);
            hits += u64::from(!run.has_ended());
            if what == 6 {
                cluster.kill_executor(0);
                cluster.add_executor();
            } else {
                cluster.restart_scheduler();
            }
            cluster.wait_for_executors(1);
            // How it ended does not matter: the next run must be right after any end.
            run.wait();
        }
        if draw.next_below(2) == 0 {
            landing.land();
        }
        cluster.run_submit(&args).expect_code(0);
    }
    // What landed after a plan was made is taken by the run after it.
    cluster.run_submit(&args).expect_code(0);
    let seen = reader.stop();
    assert_added_once(&landing, &gold);
    let (polls, cuts) = (seen.polls, seen.cuts);
    eprintln!(
        "{hits} kills during a run in {windows} windows; {polls} reads of {cuts} cuts: 0 lost, \
         0 repeated"
    );
}
