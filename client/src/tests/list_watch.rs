//! `--list --watch`.

use std::thread::JoinHandle;

use futures::channel::mpsc::UnboundedSender;

use super::fake::{Fake, Running, succeeded};
use super::world::{Ran, Sink, World, wait_until};

struct Watching {
    signals: UnboundedSender<&'static str>,
    out: Sink,
    err: Sink,
    ran: JoinHandle<Ran>,
}

fn start_watching(running: &Running, out_is_terminal: bool) -> Watching {
    let mut world = World::new();
    world.out_is_terminal = out_is_terminal;
    let signals = world.signals();
    let (out, err) = (world.out.clone(), world.err.clone());
    let line = format!("--master {} --list --watch 0.1", running.master());
    Watching {
        signals,
        out,
        err,
        ran: std::thread::spawn(move || world.run(&line)),
    }
}

impl Watching {
    fn count_lists(&self) -> usize {
        self.out.text().matches("SUCCEEDED").count()
    }

    fn interrupt(self) -> Ran {
        self.signals.unbounded_send("Ctrl-C").unwrap();
        self.ran.join().unwrap()
    }
}

#[test]
fn lists_are_blocks_until_a_signal_ends_them_with_0() {
    let running = Running::start(&Fake::with(|state| state.job = Some(succeeded())));
    let watching = start_watching(&running, false);
    wait_until("there are two lists", || watching.count_lists() >= 2);
    let ran = watching.interrupt();
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(!ran.out.contains('\u{1b}'), "{ran:?}");
    let blocks: Vec<&str> = ran.out.split("\n\n").collect();
    assert!(blocks.len() >= 2, "{ran:?}");
    let head = format!(" UTC, {}, every 100ms\n", running.master());
    for block in blocks {
        assert!(block.contains(&head) && block.contains("job-1"), "{ran:?}");
    }
}

#[test]
fn on_a_terminal_the_list_is_drawn_again_in_colour() {
    let running = Running::start(&Fake::with(|state| state.job = Some(succeeded())));
    let watching = start_watching(&running, true);
    wait_until("there are two lists", || watching.count_lists() >= 2);
    let ran = watching.interrupt();
    assert_eq!(ran.code, 0, "{ran:?}");
    let screens = ran.out.split("\u{1b}[H\u{1b}[2J").skip(1);
    assert!(screens.clone().count() >= 2, "{ran:?}");
    for screen in screens {
        assert!(screen.contains("\u{1b}[32mSUCCEEDED\u{1b}[0m"), "{ran:?}");
    }
}

#[test]
fn a_lost_scheduler_is_one_line_until_it_is_back() {
    let fake = Fake::with(|state| state.job = Some(succeeded()));
    let running = Running::start(&fake);
    let address = running.address;
    let watching = start_watching(&running, false);
    wait_until("there is a list", || watching.count_lists() >= 1);
    drop(running);
    wait_until("the loss is reported", || {
        watching.err.text().contains("; retrying\n")
    });
    let before = watching.count_lists();
    let _running = Running::start_at(&fake, address);
    wait_until("there is a list again", || watching.count_lists() > before);
    let ran = watching.interrupt();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.err.matches("; retrying\n").count(), 1, "{ran:?}");
    assert!(ran.err.ends_with("the scheduler is back\n"), "{ran:?}");
}

#[test]
fn what_cannot_be_repeated_is_2_with_what_to_write() {
    for (line, part) in [
        ("--list --watch 0", "such as --watch 5"),
        ("--list --watch soon", "such as 90s"),
        ("--watch", "write `submit-job --list --watch`"),
        ("--logs job-1 --watch", "write `submit-job --list --watch`"),
        (
            "--list --watch --output json",
            "repeat `submit-job --list --output json`",
        ),
    ] {
        let ran = World::new().run(&format!("--master sluice://h:1 {line}"));
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(part), "{ran:?}");
    }
}
