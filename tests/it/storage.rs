//! Folders that cannot be read or written: exit code 9, a message that names the
//! folder, and unchanged gold.

use crate::data::{self, Landing};
use crate::mount::Mount;
use crate::sandbox::Cluster;
use crate::{gold, submit, wait};

#[test]
fn full_and_read_only_disks_are_clear_errors() {
    let _turn = wait::exclusive_turn();
    let cluster = Cluster::start();
    let (tiny, small) = (cluster.path("tiny"), cluster.path("small"));
    Landing {
        user_events: 300,
        transactions: 100,
        ..Landing::SMALL
    }
    .write(&tiny);
    Landing::SMALL.write(&small);

    let gold = cluster.path("full");
    if let Some(disk) = Mount::mount_memory(&gold, "size=600k") {
        cluster.run_example(&tiny, &gold).expect_code(0);
        let before = gold::files_below(&gold);
        let output = cluster.run_example(&small, &gold).expect_code(9);
        output.expect_stderr(&[
            gold.to_str().unwrap(),
            "could not be written",
            "No space left on device",
            "gold is unchanged",
        ]);
        // A task that was being dispatched may write after the job's end; its
        // files are removed soon.
        wait::wait_until("gold is as it was", wait::DEADLINE, || {
            (gold::files_below(&gold) == before).then_some(())
        });
        // With free space the same job succeeds: no leftovers of the failed one
        // prevent it.
        disk.remount("size=20m");
        cluster.run_example(&small, &gold).expect_code(0);
        gold::wait_for_cleanup(&gold);
        gold::assert_complete(&gold, 1);
        gold::assert_equals_oracle(&small, &gold);

        disk.remount("ro");
        let before = gold::files_below(&gold);
        let output = cluster.run_example(&small, &gold).expect_code(9);
        output.expect_stderr(&[
            gold.to_str().unwrap(),
            "Read-only file system",
            "gold is unchanged",
        ]);
        assert_eq!(gold::files_below(&gold), before, "a read-only disk");
        // In local mode the same happens.
        let local = ["--master".to_owned(), "local[1]".to_owned()];
        let output =
            submit::run_submit(local.into_iter().chain(submit::example_args(&small, &gold)))
                .expect_code(9);
        output.expect_stderr(&["mount the file system writable", "gold is unchanged"]);
        drop(disk);
    }

    // Without a mount: a folder that cannot exist, below a file.
    data::write_file(&cluster.path("file"), "not a folder");
    let gold = cluster.path("file").join("gold");
    cluster
        .run_example(&tiny, &gold)
        .expect_code(9)
        .expect_stderr(&[gold.to_str().unwrap()]);
}

#[test]
fn landing_that_is_not_there_or_empty_is_a_clear_error() {
    let cluster = Cluster::start();
    let landing = cluster.path("landing");
    let gold = cluster.path("gold");
    let missing = landing.join("user_events");
    cluster
        .run_example(&landing, &gold)
        .expect_code(9)
        .expect_stderr(&["not found", missing.to_str().unwrap()]);
    for topic in ["user_events", "transaction_events"] {
        std::fs::create_dir_all(landing.join(topic)).unwrap();
    }
    cluster
        .run_example(&landing, &gold)
        .expect_code(9)
        .expect_stderr(&["no files to read in", landing.to_str().unwrap()]);
    // Files that are still being written are skipped.
    data::write_file(&landing.join("user_events/_partial.json"), "{}\n");
    cluster
        .run_example(&landing, &gold)
        .expect_code(9)
        .expect_stderr(&["no files to read in"]);
    assert_eq!(gold::files_below(&gold).len(), 0);
}
