//! The example with streaming tables: after each of several ingest windows the same rows
//! as of one full run.

use std::path::{Path, PathBuf};

use super::{crash_local, local_args, run_local, versions};
use crate::data::Landing;
use crate::sandbox::Cluster;
use crate::{gold, submit};

const WINDOWS: u32 = 5;

pub(super) fn job_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/landing_to_gold_streaming.sql")
}

/// Moves the files of one window from where all of them were written.
fn land_window(all: &Path, landing: &Path, window: usize) {
    for topic in ["user_events", "transaction_events"] {
        let mut files: Vec<PathBuf> = std::fs::read_dir(all.join(topic))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        // One of those that are left: their number goes down with each window.
        let file = files.remove(window % files.len());
        let target = landing.join(topic).join(file.file_name().unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::rename(file, target).unwrap();
    }
}

#[test]
fn each_window_gives_what_one_run_over_everything_gives() {
    let cluster = Cluster::builder().executors(2).start();
    let (all, landing) = (cluster.path("all"), cluster.path("landing"));
    let (gold, oracle) = (cluster.path("gold"), cluster.path("gold-full"));
    let sizes = Landing {
        user_events: 4_000,
        transactions: 1_500,
        files: WINDOWS,
        ..Landing::SMALL
    };
    sizes.write(&all);
    let job = job_path();
    let args = submit::job_args(&job, &landing, &gold);
    for window in 0..WINDOWS {
        land_window(&all, &landing, usize::try_from(window).unwrap());
        match window {
            0 | 1 => drop(cluster.run_submit(&args).expect_code(0)),
            _ => {
                let point = ["plan.recorded", "commit.made@3", "publish.before"];
                let point = point[usize::try_from(window).unwrap() % point.len()];
                crash_local(point, &job, &landing, &gold);
                run_local(&job, &landing, &gold).expect_code(0);
            }
        }
        let mut rows = gold::row_counts(&gold);
        rows.remove("transaction_messages").unwrap();
        let mut full = local_args(&submit::example_job_path(), &landing, &oracle);
        full.extend(["--name".to_owned(), "full".to_owned()]);
        submit::run_submit(full).expect_code(0);
        assert_eq!(rows, gold::row_counts(&oracle), "window {window}");
        gold::assert_equals_oracle(&landing, &gold);
    }
    // Nothing is new: no table gets a version.
    let before = versions(&gold);
    cluster.run_submit(&args).expect_code(0);
    assert_eq!(versions(&gold), before);
    // Everything again gives the same.
    let mut again = args.clone();
    again.push("--full-refresh-all".to_owned());
    cluster.run_submit(&again).expect_code(0);
    gold::assert_equals_oracle(&landing, &gold);
}
