//! Lists and live views on a terminal.

use crate::data::Landing;
use crate::process::Signal;
use crate::sandbox::Cluster;
use crate::{pty, submit, wait};

/// What clears the screen before a list is drawn again.
const CLEAR_SCREEN: &str = "\u{1b}[H\u{1b}[2J";

#[test]
fn a_live_view_kills_a_job_and_leaves_its_terminal_as_it_was() {
    let _turn = wait::exclusive_turn();
    let mut cluster = Cluster::builder().executors(1).start();
    let (landing, gold) = (cluster.path("landing"), cluster.path("gold"));
    Landing::LARGE.write(&landing);
    let running = cluster.spawn_endless("watched", &landing, &gold);
    cluster.wait_for_tasks("watched");
    let master = cluster.master();
    let start = || pty::spawn_submit(["--master", &master, "--top", "0.2"], 24, 80);

    let mut view = start();
    for word in ["heartbeat", "endless", "RUNNING"] {
        view.wait_for(word);
    }
    assert!(view.is_raw());
    view.press("k");
    view.wait_for("Kill");
    view.press("y");
    assert_eq!(cluster.wait_for_end("watched")["state"], "KILLED");
    running.wait().expect_code(5);
    view.wait_for("KILLED");
    view.press("\r");
    view.wait_for("submission");
    view.press("l");
    view.wait_for("complete");
    // Escape leads back to the list, q out of it.
    view.forget();
    view.press("\u{1b}");
    view.wait_for("details");
    view.press("q");
    view.expect_restored(0);

    let view = start();
    view.wait_for("KILLED");
    view.signal(Signal::Terminate);
    view.expect_restored(0);

    let mut view = start();
    view.wait_for("KILLED");
    cluster.kill_scheduler();
    view.wait_for("retrying");
    view.press("\u{3}");
    view.expect_restored(0);
}

#[test]
fn without_a_terminal_a_live_view_is_refused() {
    submit::run_submit(["--master", "sluice://127.0.0.1:1", "--top"])
        .expect_code(2)
        .expect_stderr(&["standard output is none", "--list --watch"]);
}

#[test]
fn a_list_that_is_drawn_again_fits_a_narrow_terminal() {
    let _turn = wait::exclusive_turn();
    let cluster = Cluster::builder().executors(1).start();
    let (landing, gold) = (cluster.path("landing"), cluster.path("gold"));
    Landing::SMALL.write(&landing);
    for _ in 0..4 {
        cluster.run_example(&landing, &gold).expect_code(0);
    }
    let args = ["--master", &cluster.master(), "--list", "--watch", "0.1"].map(str::to_owned);
    let view = pty::spawn_submit(args, 10, 40);
    let screens = wait::wait_until("three lists", wait::DEADLINE, || {
        let written = view.written();
        let mut screens: Vec<String> = written
            .split(CLEAR_SCREEN)
            .skip(1)
            .map(str::to_owned)
            .collect();
        // The last one may not be complete.
        screens.pop();
        (screens.len() >= 3).then_some(screens)
    });
    for screen in screens {
        let lines: Vec<String> = screen.lines().map(without_colors).collect();
        assert!(lines.len() < 10, "{screen}");
        assert!(lines[0].contains(" UTC"), "{screen}");
        for line in &lines {
            assert!(line.chars().count() <= 40, "{line}");
        }
        assert!(lines.iter().any(|line| line.ends_with('…')), "{screen}");
    }
    view.signal(Signal::Interrupt);
}

fn without_colors(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, text)| text));
    }
    plain.trim_end_matches('\r').to_owned()
}
