//! Invalid job files and arguments: exit code 2 with the position, before
//! anything runs.

use std::path::Path;

use crate::gold;
use crate::job_files::JobFiles;
use crate::sandbox::Cluster;
use crate::submit;

/// The end of an invalid job file, and what the error must contain: code,
/// position, the line above the caret, and a suggestion.
const INVALID_JOBS: &[(&str, &[&str])] = &[
    // A syntax error in a statement and one in a query.
    (
        "CREATE OR REFRESH MATERIALISED VIEW t AS SELECT 1;\n",
        &["job.sql:6:19", "^^^"],
    ),
    (
        "CREATE OR REFRESH MATERIALIZED VIEW t AS\nSELECT user FORM events;\n",
        &[
            "error[E0105]",
            "job.sql:7:",
            "SELECT user FORM events;",
            "^",
        ],
    ),
    (
        "CREATE OR REFRESH MATERIALIZED VIEW t AS\nSELECT usr, n FROM events;\n",
        &[
            "error[E0501]",
            "job.sql:7:8",
            "SELECT usr, n FROM events;",
            "       ^^^",
            "`user`",
        ],
    ),
    (
        "CREATE OR REFRESH MATERIALIZED VIEW t AS\nSELECT user FROM evnts;\n",
        &[
            "error[E0401]",
            "job.sql:7:18",
            "^^^^^",
            "did you mean `events`?",
        ],
    ),
    (
        "CREATE TEMPORARY VIEW a AS SELECT * FROM b;\nCREATE TEMPORARY VIEW b AS SELECT * FROM a;\n\
         CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT * FROM a;\n",
        &["error[E0402]", "job.sql:7:42", "a → b → a"],
    ),
    (
        "CREATE OR REFRESH STREAMING TABLE t AS SELECT * FROM events;\n",
        &["error[E0414]", "job.sql:6:35", "FROM STREAM source"],
    ),
];

const VALID_VIEW: &str = "CREATE OR REFRESH MATERIALIZED VIEW t AS\nSELECT user, sum(n) AS n FROM events GROUP BY user;\n";

#[test]
fn mistakes_are_shown_with_their_place_and_nothing_runs() {
    let files = JobFiles::new();
    let cluster = Cluster::start();
    let master = cluster.master();
    for (text, parts) in INVALID_JOBS {
        let job = files.write_job(text);
        files
            .submit_job(&master, &job, &[])
            .expect_code(2)
            .expect_stderr(parts);
        files
            .submit_job("local[1]", &job, &[])
            .expect_code(2)
            .expect_stderr(parts);
        // As JSON, for programs.
        let document = files
            .submit_job(&master, &job, &["--output", "json"])
            .expect_code(2)
            .json_document();
        let diagnostic = &document["error"]["diagnostics"][0];
        let diagnostic = if diagnostic.is_null() {
            &document["job"]["error"]["diagnostics"][0]
        } else {
            diagnostic
        };
        assert!(
            diagnostic["span"]["start_line"].as_u64() >= Some(6),
            "{document}"
        );
    }

    let job = files.write_job(VALID_VIEW);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (landing, gold_dir) = (text(&files.path("landing")), text(&files.path("gold")));
    let with = |args: &[&str]| cluster.run_submit(&[&[text(&job).as_str()], args].concat());
    with(&["--gold", &gold_dir])
        .expect_code(2)
        .expect_stderr(&["E0407", "--landing"]);
    with(&["--landing", &landing, "--gold", &gold_dir, "--lading", "x"])
        .expect_code(2)
        .expect_stderr(&[
            "unexpected argument '--lading'",
            "a similar argument exists: '--landing'",
        ]);
    with(&[
        "--landing",
        &landing,
        "--gold",
        &gold_dir,
        "--conf",
        "sluice.max_atempts=2",
    ])
    .expect_code(2)
    .expect_stderr(&["max_atempts"]);
    with(&[
        "--landing",
        &landing,
        "--gold",
        &gold_dir,
        "--timeout",
        "soon",
    ])
    .expect_code(2)
    .expect_stderr(&["90s"]);
    cluster
        .run_submit(&["nowhere.sql"])
        .expect_code(2)
        .expect_stderr(&["nowhere.sql"]);
    cluster.run_submit(&["--list", "--plan"]).expect_code(2);
    cluster
        .run_submit(&["--list", "--watch", "0"])
        .expect_code(2)
        .expect_stderr(&["--watch 5"]);
    cluster
        .run_submit(&["--watch"])
        .expect_code(2)
        .expect_stderr(&["--list --watch"]);
    submit::run_submit(["--master", "yarn", "x.sql"])
        .expect_code(2)
        .expect_stderr(&["yarn", "sluice://"]);
    submit::run_submit(["--list"])
        .expect_code(2)
        .expect_stderr(&["--list"]);

    // No job ran, and nothing was written.
    assert!(gold::files_below(&files.path("gold")).is_empty());
    assert!(!files.path("gold").exists(), "not even the folder");
    with(&["--landing", &landing, "--gold", &gold_dir]).expect_code(0);
    assert_eq!(gold::row_counts(&files.path("gold"))["t"], 2);
}
