//! The actions of submit-job other than running a job, and their JSON output.

use crate::data::Landing;
use crate::sandbox::Cluster;
use crate::submit::{self, Output};
use crate::{gold, wait};

#[test]
fn control_characters_of_names_reach_no_terminal_and_long_names_are_cut() {
    let cluster = Cluster::builder().executors(0).start();
    let (landing, gold) = (cluster.path("landing"), cluster.path("gold"));
    Landing::SMALL.write(&landing);
    let job = cluster.path("we\u{1b}[31mird.sql");
    std::fs::copy(submit::example_job_path(), &job).unwrap();
    let name = format!("red\u{1b}[31m\u{202e}{}", "x".repeat(5_000));
    let more = [
        "--deploy-mode",
        "cluster",
        "--submission-id",
        "odd",
        "--name",
    ];
    let mut args: Vec<String> = more.map(str::to_owned).to_vec();
    args.push(name);
    args.extend(submit::job_args(&job, &landing, &gold));
    let submitted = cluster.run_submit(&args).expect_code(0);
    let outputs = [
        submitted,
        cluster.run_submit(&["--list"]).expect_code(0),
        cluster.run_submit(&["--status", "odd"]).expect_code(0),
        cluster.run_submit(&["--logs", "odd"]).expect_code(0),
    ];
    for output in &outputs {
        for text in [&output.stdout, &output.stderr] {
            let is_odd = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!text.contains(is_odd), "{text:?}");
            assert!(!text.contains(&"x".repeat(1_000)), "{text}");
        }
    }
    assert!(outputs[1].stdout.contains("red"), "{}", outputs[1]);
}

#[test]
fn a_job_can_be_planned_submitted_watched_and_inspected() {
    let _turn = wait::exclusive_turn();
    let cluster = Cluster::start();
    let landing = cluster.path("landing");
    Landing {
        user_events: 2_000,
        transactions: 800,
        ..Landing::SMALL
    }
    .write(&landing);
    let gold = cluster.path("gold");
    let job = submit::example_args(&landing, &gold);
    let submit_job = |args: &[&str]| -> Output {
        let all: Vec<String> = args
            .iter()
            .map(|arg| (*arg).to_owned())
            .chain(job.iter().cloned())
            .collect();
        cluster.run_submit(&all)
    };

    // The plan: every table, every input, nothing written, the same in process.
    let plan = submit_job(&["--plan"]).expect_code(0);
    for part in gold::EXAMPLE_TABLES
        .iter()
        .copied()
        .chain(["landed_transactions", "valid_transactions rows 1"])
    {
        assert!(plan.stdout.contains(part), "{part} is not in\n{plan}");
    }
    let document = submit_job(&["--plan", "--output", "json"])
        .expect_code(0)
        .json_document();
    let writes = document["plan"]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["kind"] == "write")
        .count();
    assert_eq!(writes, 6, "{document}");
    let files: u64 = document["plan"]["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|input| input["files"].as_u64().unwrap())
        .sum();
    assert_eq!(files, 6, "{document}");
    let local = ["--master", "local[2]", "--plan", "--output", "json"].map(str::to_owned);
    let in_process = submit::run_submit(local.iter().chain(&job))
        .expect_code(0)
        .json_document();
    assert_eq!(
        in_process["plan"]["relations"],
        document["plan"]["relations"]
    );
    assert!(!gold.exists(), "a plan writes nothing");

    // Submitted without waiting: it prints the id and nothing else.
    let accepted = submit_job(&[
        "--deploy-mode",
        "cluster",
        "--name",
        "nightly",
        "--submission-id",
        "n1",
    ])
    .expect_code(0);
    let id = accepted.stdout.trim().to_owned();
    assert_eq!(accepted.stdout.lines().count(), 1, "{accepted}");
    cluster
        .run_submit(&["--logs", &id, "--follow"])
        .expect_code(0);
    let status = cluster
        .run_submit(&["--status", &id, "--output", "json"])
        .expect_code(0)
        .json_document();
    let job_record = &status["job"];
    assert_eq!(
        (&job_record["state"], &job_record["name"]),
        (&"SUCCEEDED".into(), &"nightly".into()),
        "{status}"
    );
    assert_eq!(job_record["job_id"], id.as_str());
    let text = cluster
        .run_submit(&["--status", "n1"])
        .expect_code(0)
        .stdout;
    assert!(
        text.contains(&id) && text.contains("SUCCEEDED") && text.contains("daily_revenue"),
        "{text}"
    );
    gold::assert_complete(&gold, 0);

    // Attached: one document or a final table on stdout, and progress on stderr.
    let document = submit_job(&["--output", "json"])
        .expect_code(0)
        .json_document();
    let datasets = document["job"]["datasets"].as_array().unwrap();
    let rows = gold::row_counts(&gold);
    assert_eq!(datasets.len(), 6);
    for dataset in datasets {
        assert_eq!(dataset["version"], 1, "{dataset}");
        assert_eq!(
            dataset["rows"],
            rows[dataset["name"].as_str().unwrap()],
            "{dataset}"
        );
    }
    let table = submit_job(&[]).expect_code(0);
    for name in gold::EXAMPLE_TABLES {
        assert!(table.stdout.contains(name), "{table}");
    }
    assert!(
        table.stdout.contains("succeeded in") && table.stderr.contains("running"),
        "{table}"
    );
    let quiet = submit_job(&["--no-progress", "--output", "json"]).expect_code(0);
    quiet.json_document();

    let list = cluster.run_submit(&["--list"]).expect_code(0).stdout;
    assert!(list.contains("nightly") && list.contains(&id), "{list}");
    let listed = cluster
        .run_submit(&["--list", "--output", "json"])
        .expect_code(0)
        .json_document();
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 4, "{listed}");
    let log = cluster
        .run_submit(&["--logs", &id, "--output", "json"])
        .expect_code(0)
        .json_document();
    let lines = log["lines"].as_array().unwrap();
    let colored = cluster
        .run_submit(&["--logs", &id, "--color", "always"])
        .expect_code(0);
    assert!(colored.stdout.starts_with("\u{1b}[2m"), "{colored}");
    assert!(
        lines.iter().any(|line| line["message"]
            .as_str()
            .unwrap()
            .contains("committed 6 tables")),
        "{log}"
    );

    // What monitoring reads.
    assert_eq!(cluster.get_page("/healthz").0, 200);
    let (status, metrics) = cluster.get_page("/metrics");
    assert!(status == 200 && metrics.contains("# TYPE"), "{metrics}");
    assert_eq!(cluster.get_page("/api/v1/jobs/nobody").0, 404);
}
