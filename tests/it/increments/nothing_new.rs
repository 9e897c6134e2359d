//! Runs for which nothing, or not everything, is new.

use serde_json::{Value, json};

use super::{
    JOB, Landing, POINTS, assert_added_once, count_plans, crash_local, local_args, run_local,
    versions, write_job,
};
use crate::submit;

#[test]
fn a_table_without_new_rows_reports_none_and_the_others_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let gold = folder.path().join("gold");
    let mut landing = Landing::new(folder.path().join("landing"));
    let job = write_job(folder.path(), JOB);
    landing.land();
    landing.add_file();
    let mut args = local_args(&job, &landing.folder, &gold);
    args.extend(["--output".to_owned(), "json".to_owned()]);
    let run = || {
        let document = submit::run_submit(args.clone())
            .expect_code(0)
            .json_document();
        let datasets = document["job"]["datasets"].as_array().unwrap().clone();
        let of = |dataset: &Value| (dataset["name"].clone(), dataset["rows"].as_u64().unwrap());
        assert!(
            datasets
                .iter()
                .all(|dataset| dataset["phase"] == "COMMITTED"),
            "{document}"
        );
        datasets.iter().map(of).collect::<Vec<_>>()
    };
    let first = run();
    assert!(first.iter().all(|(_, rows)| *rows > 0), "{first:?}");
    let nothing = [
        (json!("bronze"), 0),
        (json!("items"), 0),
        (json!("totals"), 0),
    ];
    assert_eq!(run(), nothing);
    // Windows of a topic to which nothing is sent bring nothing, and are taken with the
    // next rows.
    let before = versions(&gold);
    for _ in 0..3 {
        landing.land_nothing();
        assert_eq!(run(), nothing);
    }
    assert_eq!(versions(&gold), before);
    assert_eq!(count_plans(&gold), 1);
    landing.land();
    landing.land_nothing();
    assert!(run().iter().all(|(_, rows)| *rows > 0));
    assert_added_once(&landing, &gold);
}

#[test]
fn very_many_windows_without_rows_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let gold = folder.path().join("gold");
    let mut landing = Landing::new(folder.path().join("landing"));
    let job = write_job(folder.path(), JOB);
    landing.land();
    landing.add_file();
    run_local(&job, &landing.folder, &gold).expect_code(0);
    // The next runs need not read these entries again.
    for _ in 0..1_000 {
        landing.land_nothing();
    }
    run_local(&job, &landing.folder, &gold).expect_code(0);
    assert_eq!(count_plans(&gold), 2);
    run_local(&job, &landing.folder, &gold).expect_code(0);
    assert_eq!(count_plans(&gold), 2);
    assert_added_once(&landing, &gold);
}

#[test]
fn a_run_after_one_that_was_finished_has_nothing_to_compute() {
    let folder = tempfile::tempdir().unwrap();
    let gold = folder.path().join("gold");
    let mut landing = Landing::new(folder.path().join("landing"));
    let job = write_job(folder.path(), JOB);
    landing.add_file();
    for point in POINTS {
        landing.land();
        crash_local(point, &job, &landing.folder, &gold);
        run_local(&job, &landing.folder, &gold).expect_code(0);
        assert_added_once(&landing, &gold);
        let before = versions(&gold);
        run_local(&job, &landing.folder, &gold).expect_code(0);
        assert_eq!(versions(&gold), before, "{point}");
        // The view is computed from the rows of the next run alone, or as it was.
        landing.land();
        run_local(&job, &landing.folder, &gold).expect_code(0);
        assert_added_once(&landing, &gold);
    }
}
