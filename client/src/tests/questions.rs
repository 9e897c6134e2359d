//! `--status`, `--list`, `--kill`, `--logs`, `--plan`.

use std::sync::Arc;

use sluice_proto::v1::{ErrorKind, JobState, LogLevel, LogLine};

use super::fake::{Fake, Running, Step, failed, finished, job, state, succeeded};
use super::world::{Ran, World};

fn ask(fake: &Arc<Fake>, line: &str) -> Ran {
    let running = Running::start(fake);
    World::new().run(&format!("--master {} {line}", running.master()))
}

#[test]
fn status_is_0_for_every_known_job_by_either_id() {
    for (job, word) in [
        (succeeded(), "SUCCEEDED"),
        (
            failed(JobState::Failed, ErrorKind::Storage),
            "storage: it broke",
        ),
        (job(JobState::Running), "RUNNING"),
    ] {
        let fake = Fake::with(|state| state.job = Some(job));
        for id in ["job-1", "sub-1"] {
            let ran = ask(&fake, &format!("--status {id}"));
            assert_eq!(ran.code, 0, "{ran:?}");
            assert!(ran.out.contains(word), "{ran:?}");
        }
        let document = ask(&fake, "--status job-1 --output json").json();
        assert_eq!(document["exit_code"], 0);
        assert_eq!(document["job"]["job_id"], "job-1");
    }
}

#[test]
fn an_unknown_id_is_8() {
    let fake = Fake::with(|_| {});
    for option in ["--status", "--kill", "--logs"] {
        let ran = ask(&fake, &format!("{option} job-9"));
        assert_eq!(ran.code, 8, "{ran:?}");
        assert!(ran.err.contains("no job has the id `job-9`"), "{ran:?}");
        let ran = ask(&fake, &format!("{option} job-9 --output json"));
        assert_eq!(ran.json()["exit_code"], 8);
        assert_eq!(ran.json()["error"]["kind"], "not_found");
    }
}

#[test]
fn jobs_are_listed_and_no_jobs_are_no_error() {
    let fake = Fake::with(|state| state.job = Some(succeeded()));
    let ran = ask(&fake, "--list");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("job-1") && ran.out.contains("SUCCEEDED"),
        "{ran:?}"
    );
    let document = ask(&fake, "--list --output json").json();
    assert_eq!(document["jobs"][0]["name"], "copy");
    let empty = Fake::with(|_| {});
    let ran = ask(&empty, "--list");
    assert_eq!((ran.code, ran.out.as_str()), (0, "no jobs yet\n"));
    assert_eq!(
        ask(&empty, "--list --output json").json()["jobs"],
        serde_json::json!([])
    );
}

#[test]
fn kill_waits_for_the_end() {
    let fake = Fake::with(|now| {
        now.job = Some(job(JobState::Running));
        now.watches.push_back(vec![
            state(JobState::Running),
            Step::UntilCancelled,
            finished(failed(JobState::Killed, ErrorKind::Killed)),
        ]);
    });
    let ran = ask(&fake, "--kill sub-1");
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "job job-1 has ended: KILLED\n"),
        "{ran:?}"
    );
    let state = fake.state.lock().unwrap();
    assert_eq!(state.cancels.len(), 1);
    assert_eq!(state.watched[0].id, "job-1");
}

#[test]
fn killing_a_job_that_has_ended_says_so() {
    let fake = Fake::with(|state| state.job = Some(succeeded()));
    let ran = ask(&fake, "--kill job-1");
    assert_eq!(ran.code, 0);
    assert_eq!(ran.out, "job job-1 had already ended: SUCCEEDED\n");
    assert!(fake.state.lock().unwrap().cancels.is_empty());
}

#[test]
fn logs_are_printed_line_by_line_or_as_one_document() {
    let line = |message: &str| LogLine {
        at_ms: 1_795_417_649_000,
        level: LogLevel::Info.into(),
        target: "driver".into(),
        message: message.into(),
    };
    let fake = Fake::with(|state| {
        state.job = Some(succeeded());
        state.logs = vec![line("planned"), line("done")];
    });
    let ran = ask(&fake, "--logs job-1 --follow");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        ran.out,
        "2026-11-23 07:07:29 INFO  driver: planned\n2026-11-23 07:07:29 INFO  driver: done\n"
    );
    let ran = ask(&fake, "--logs job-1 --color always");
    assert!(
        ran.out
            .starts_with("\u{1b}[2m2026-11-23 07:07:29\u{1b}[0m INFO  driver: planned\n"),
        "{ran:?}"
    );
    let document = ask(&fake, "--logs job-1 --output json --color always").json();
    assert_eq!(document["lines"][1]["message"], "done");
}

#[test]
fn a_plan_starts_nothing() {
    let fake = Fake::with(|_| {});
    let ran = ask(&fake, "--plan JOB --landing /l");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("/l/events"), "{ran:?}");
    let document = ask(&fake, "--plan --output json JOB --landing /l").json();
    assert_eq!(document["plan"]["inputs"][0]["files"], 3);
    let state = fake.state.lock().unwrap();
    assert_eq!(state.submitted[0].params["landing"], "/l");
    assert!(state.watched.is_empty());
}
