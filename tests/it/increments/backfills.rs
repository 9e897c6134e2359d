//! Backfills beside regular runs of the same job: both give what one after the other would,
//! and neither waits for ever.

use std::path::Path;

use super::local_args;
use super::replaced_parts::{BEFORE, FIRST, JOB, Oracle, days};
use crate::sandbox::Cluster;
use crate::submit;

const ROUNDS: u32 = 4;

/// Lands what each round brings: late rows of days that were computed long ago, and rows of
/// a new day.
fn land_round(oracle: &mut Oracle, landing: &Path, new_day: u32) {
    let rows = [1, 2, 3, new_day, new_day].map(|day| (Some(day), Some(i64::from(day % 7))));
    oracle.land(landing, &rows);
}

#[test]
fn one_scheduler_runs_a_backfill_and_a_regular_run_one_after_the_other() {
    let cluster = Cluster::builder().executors(2).start();
    let (landing, gold) = (cluster.path("landing"), cluster.path("gold"));
    let job = super::write_job(&cluster.path("files"), &format!("{BEFORE}{JOB}"));
    let args = |first, last| {
        let mut args = submit::job_args(&job, &landing, &gold);
        args.extend(days(first, last));
        args
    };
    let mut oracle = Oracle::default();
    oracle.land(&landing, &FIRST);
    cluster.run_submit(&args(1, 4)).expect_code(0);
    oracle.run(1, 4);
    for day in 5..5 + ROUNDS {
        land_round(&mut oracle, &landing, day);
        let regular = cluster.spawn_job(&format!("regular-{day}"), &args(day, day));
        let backfill = cluster.spawn_job(&format!("backfill-{day}"), &args(1, 3));
        regular.wait().expect_code(0);
        backfill.wait().expect_code(0);
        oracle.run(1, 3);
        oracle.run(day, day);
        oracle.assert_equal(&gold, &format!("day {day}"));
    }
}

#[test]
fn a_backfill_in_another_process_meets_regular_runs_and_is_submitted_again() {
    let cluster = Cluster::builder().executors(1).start();
    let (landing, gold) = (cluster.path("landing"), cluster.path("gold"));
    let job = super::write_job(&cluster.path("files"), &format!("{BEFORE}{JOB}"));
    let regular_args = |day| {
        let mut args = submit::job_args(&job, &landing, &gold);
        args.extend(days(day, day));
        args
    };
    let backfill_args = || {
        let mut args = local_args(&job, &landing, &gold);
        args.extend(days(1, 3));
        args
    };
    let mut oracle = Oracle::default();
    oracle.land(&landing, &FIRST);
    cluster.run_submit(&regular_args(4)).expect_code(0);
    oracle.run(4, 4);
    let mut met = 0;
    for day in 5..5 + ROUNDS {
        land_round(&mut oracle, &landing, day);
        let regular = cluster.spawn_submit(&regular_args(day));
        let backfill = submit::spawn_submit(backfill_args());
        let runs = [regular.wait(), backfill.wait()];
        // The one that is second at a table changes nothing in it, and says what to do.
        let again: Vec<bool> = runs.iter().map(|run| run.code != 0).collect();
        for run in runs.into_iter().filter(|run| run.code != 0) {
            run.expect_code(1).expect_stderr(&["submit again"]);
        }
        met += again.iter().filter(|is_again| **is_again).count();
        if again[0] {
            cluster.run_submit(&regular_args(day)).expect_code(0);
        }
        if again[1] {
            submit::run_submit(backfill_args()).expect_code(0);
        }
        oracle.run(1, 3);
        oracle.run(day, day);
        oracle.assert_equal(&gold, &format!("day {day}"));
    }
    eprintln!("{met} of {} runs were submitted again", 2 * ROUNDS);
}
