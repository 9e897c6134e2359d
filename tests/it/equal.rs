//! The example job gives the same gold on a cluster and in local mode.

use std::path::Path;

use crate::data::{self, Compression, Landing};
use crate::sandbox::Cluster;
use crate::submit::{self, Output};
use crate::{gold, wait};

fn run_local(cores: u32, landing: &Path, gold: &Path) -> Output {
    let master = ["--master".to_owned(), format!("local[{cores}]")];
    submit::run_submit(
        master
            .into_iter()
            .chain(submit::example_args(landing, gold)),
    )
}

/// The number of malformed lines of each input.
fn malformed_counts(output: &Output) -> Vec<(String, u64)> {
    let document = output.json_document();
    let inputs = document["job"]["inputs"].as_array().unwrap().iter();
    inputs
        .map(|input| {
            (
                input["name"].as_str().unwrap().to_owned(),
                input["malformed"].as_u64().unwrap(),
            )
        })
        .collect()
}

#[test]
fn local_and_cluster_give_what_the_oracle_says() {
    let _turn = wait::exclusive_turn();
    let cluster = Cluster::start();
    let landing = cluster.path("landing");
    let written = Landing::SMALL.write(&landing);
    let gold_of = |name: &str| cluster.path(&format!("gold-{name}"));

    let mut args = submit::example_args(&landing, &gold_of("cluster"));
    args.extend(["--output".to_owned(), "json".to_owned()]);
    let on_cluster = cluster.run_submit(&args).expect_code(0);
    let broken = malformed_counts(&on_cluster);
    assert_eq!(
        broken,
        [
            (
                "landed_user_events".to_owned(),
                written.user_events.malformed
            ),
            (
                "landed_transactions".to_owned(),
                written.transactions.malformed
            ),
        ],
        "{on_cluster}"
    );
    run_local(1, &landing, &gold_of("local-1")).expect_code(0);
    run_local(2, &landing, &gold_of("local-2")).expect_code(0);
    let rows = gold::row_counts(&gold_of("cluster"));
    assert_eq!(
        rows["user_events"],
        written.user_events.lines - written.user_events.malformed
    );
    for name in ["cluster", "local-1", "local-2"] {
        let gold = gold_of(name);
        gold::assert_complete(&gold, 0);
        assert_eq!(gold::row_counts(&gold), rows, "{name}");
        gold::assert_equals_oracle(&landing, &gold);
    }

    // A second run replaces what readers see, and keeps the files that they may
    // be reading.
    let first = gold::read_tables(&gold_of("cluster"));
    cluster
        .run_example(&landing, &gold_of("cluster"))
        .expect_code(0);
    gold::assert_complete(&gold_of("cluster"), 1);
    let second = gold::read_tables(&gold_of("cluster"));
    for (name, old) in &first {
        let new = &second[name];
        assert_eq!(new.rows, old.rows, "{name}");
        assert!(new.active.is_disjoint(&old.active), "{name}");
        assert!(new.named.is_superset(&old.active), "{name}");
    }
    gold::assert_equals_oracle(&landing, &gold_of("cluster"));

    // The same lines, compressed.
    for (name, compression) in [("gzip", Compression::Gzip), ("zstd", Compression::Zstd)] {
        let landing = cluster.path(&format!("landing-{name}"));
        Landing::SMALL.compressed(compression).write(&landing);
        cluster.run_example(&landing, &gold_of(name)).expect_code(0);
        gold::assert_complete(&gold_of(name), 0);
        assert_eq!(gold::row_counts(&gold_of(name)), rows, "{name}");
        // The oracle reads the uncompressed lines, which are the same.
        gold::assert_equals_oracle(&cluster.path("landing"), &gold_of(name));
    }
}

#[test]
fn the_sample_data_give_what_the_oracle_says() {
    let Some(landing) = data::sample_folder() else {
        return;
    };
    let _turn = wait::exclusive_turn();
    let cluster = Cluster::start();
    let (on_cluster, in_process) = (cluster.path("cluster"), cluster.path("local"));
    cluster.run_example(&landing, &on_cluster).expect_code(0);
    run_local(2, &landing, &in_process).expect_code(0);
    for gold in [&on_cluster, &in_process] {
        gold::assert_complete(gold, 0);
        gold::assert_equals_oracle(&landing, gold);
    }
    assert_eq!(gold::row_counts(&on_cluster), gold::row_counts(&in_process));
}
