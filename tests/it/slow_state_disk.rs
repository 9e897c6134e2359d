//! A scheduler whose disk does not answer: what it serves from memory continues.

use std::time::Instant;

use crate::data::Landing;
use crate::sandbox::Cluster;
use crate::{gold, wait};

/// How many heartbeats must be received while the disk is held up.
const HEARTBEATS: usize = 5;

#[test]
fn heartbeats_and_health_are_served_while_a_record_cannot_be_written() {
    let _turn = wait::exclusive_turn();
    let folder = tempfile::tempdir().unwrap();
    let held = folder.path().join("held");
    std::fs::write(&held, "").unwrap();
    let hold = format!("hold={}", held.display());
    // The first record of a job is written, the next one not.
    let cluster = Cluster::builder()
        .executors(1)
        .environment(vec![
            ("SLUICE_CRASH_POINT".to_owned(), "record.write@2".to_owned()),
            ("SLUICE_CRASH_ACTION".to_owned(), hold),
        ])
        .start();
    let before = cluster.registered_executors();
    let landing = cluster.path("landing");
    Landing {
        user_events: 300,
        transactions: 100,
        ..Landing::SMALL
    }
    .write(&landing);
    let gold = cluster.path("gold");
    let running = cluster.spawn_example("held", &landing, &gold);
    wait::wait_until("the job is known", wait::DEADLINE, || {
        cluster.find_job("held")
    });
    for number in 0..HEARTBEATS {
        let since = Instant::now();
        wait::wait_until("a heartbeat is received", wait::DEADLINE, || {
            let executors = cluster.registered_executors();
            let age = executors.first()?["last_heartbeat_seconds"].as_f64()?;
            (age < since.elapsed().as_secs_f64()).then_some(())
        });
        for page in ["/healthz", "/readyz", "/metrics", "/api/v1/jobs"] {
            assert_eq!(cluster.get_page(page).0, 200, "{page} {number}");
        }
    }
    // It commits nothing that is not on record, and has lost no executor.
    let job = cluster.find_job("held").unwrap();
    assert_eq!(job["ended_ms"].as_i64().unwrap_or(0), 0, "{job}");
    assert!(gold::read_tables(&gold).is_empty());
    std::fs::remove_file(&held).unwrap();
    running.wait().expect_code(0);
    gold::assert_complete(&gold, 0);
    let after = cluster.registered_executors();
    assert_eq!(before[0]["id"], after[0]["id"]);
}
