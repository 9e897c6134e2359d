//! `--top`: what keys, signals and a lost scheduler lead to.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::{StreamExt, stream};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use sluice_proto::v1::{Executor, JobError, JobState, LogLevel, LogLine};
use sluice_service::console::Console;

use super::fake::{Fake, Running, job};
use super::world::{World, wait_until};
use crate::follower::Interrupts;
use crate::job_client::JobClient;
use crate::limits::ConnectionLimits;
use crate::master::Master;
use crate::top::{DrawnText, Top, draw_top, fetch_snapshot};

/// A live view of a fake scheduler, on a screen in memory.
struct LiveView {
    keys: Option<UnboundedSender<std::io::Result<Event>>>,
    signals: UnboundedSender<&'static str>,
    screen: Arc<Mutex<String>>,
    ended: JoinHandle<Result<u8, JobError>>,
}

impl LiveView {
    fn start(running: &Running) -> Self {
        let Ok(Master::Remote(addresses)) = running.master().parse() else {
            panic!("{}", running.master());
        };
        let (keys, pressed) = unbounded();
        let (signals, received) = unbounded();
        let screen = Arc::new(Mutex::new(String::new()));
        let drawn = Arc::clone(&screen);
        let ended = std::thread::spawn(move || {
            let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let api =
                    Arc::new(JobClient::connect(addresses, ConnectionLimits::default()).await?);
                let console = Console::new(std::io::sink(), std::io::sink(), false);
                let first = fetch_snapshot(&api, &console, None).await?;
                let top = Top {
                    api,
                    console,
                    master: "sluice://h:1".to_owned(),
                    interval: Duration::from_millis(20),
                };
                let mut interrupts: Interrupts = received.chain(stream::pending()).boxed();
                top.run_view(first, pressed, &mut interrupts, |state| {
                    let mut size = DrawnText::default();
                    terminal
                        .draw(|frame| size = draw_top(frame, state, 5_000))
                        .unwrap();
                    *drawn.lock().unwrap() = terminal.backend().to_string();
                    Ok(size)
                })
                .await
            })
        });
        Self {
            keys: Some(keys),
            signals,
            screen,
            ended,
        }
    }

    fn press(&self, code: KeyCode) {
        let key = Event::Key(KeyEvent::new(code, KeyModifiers::NONE));
        let keys = self.keys.as_ref().unwrap();
        keys.unbounded_send(Ok(key)).unwrap();
    }

    fn wait_for(&self, text: &str) {
        wait_until(text, || {
            assert!(
                !self.ended.is_finished(),
                "it has ended before it shows {text}: {}",
                self.screen.lock().unwrap()
            );
            self.screen.lock().unwrap().contains(text)
        });
    }

    fn end(self) -> Result<u8, JobError> {
        self.ended.join().unwrap()
    }
}

fn fake() -> Arc<Fake> {
    Fake::with(|state| {
        state.job = Some(job(JobState::Running));
        state.executors = vec![Executor {
            address: "10.0.0.1:50051".to_owned(),
            vcores: 2,
            ..Executor::default()
        }];
        state.logs = vec![LogLine {
            at_ms: 1_000,
            level: LogLevel::Info.into(),
            target: "driver".to_owned(),
            message: "\u{1b}[2Jplanned".to_owned(),
        }];
    })
}

#[test]
fn keys_lead_to_jobs_logs_and_kills() {
    let fake = fake();
    let running = Running::start(&fake);
    let view = LiveView::start(&running);
    view.wait_for("10.0.0.1:50051");
    view.wait_for("copy");
    view.press(KeyCode::Enter);
    view.wait_for("submission sub-1");
    view.press(KeyCode::Char('l'));
    // What a terminal would obey is replaced.
    view.wait_for("INFO  driver: \u{fffd}[2Jplanned");
    view.wait_for("complete");
    view.press(KeyCode::Char('k'));
    view.wait_for("Kill copy?");
    view.press(KeyCode::Char('y'));
    view.wait_for("copy was asked to end");
    assert_eq!(fake.state.lock().unwrap().cancels.len(), 1);
    view.press(KeyCode::Esc);
    view.wait_for("Enter details");
    fake.state.lock().unwrap().job = Some(job(JobState::Killed));
    view.wait_for("KILLED");
    view.press(KeyCode::Char('q'));
    assert_eq!(view.end().unwrap(), 0);
}

#[test]
fn a_scheduler_that_was_lost_is_shown_again() {
    let fake = fake();
    let running = Running::start(&fake);
    let address = running.address;
    let view = LiveView::start(&running);
    view.wait_for("RUNNING");
    drop(running);
    view.wait_for("retrying: ");
    // Keys work meanwhile.
    view.press(KeyCode::Enter);
    view.wait_for("submission sub-1");
    view.press(KeyCode::Esc);
    view.wait_for("retrying: ");
    fake.state.lock().unwrap().job = Some(job(JobState::Succeeded));
    let _running = Running::start_at(&fake, address);
    view.wait_for("SUCCEEDED");
    assert!(!view.screen.lock().unwrap().contains("retrying"));
    view.press(KeyCode::Char('q'));
    assert_eq!(view.end().unwrap(), 0);
}

#[test]
fn a_signal_and_the_end_of_keys_end_it() {
    let running = Running::start(&fake());
    let view = LiveView::start(&running);
    view.wait_for("RUNNING");
    view.signals.unbounded_send("SIGTERM").unwrap();
    assert_eq!(view.end().unwrap(), 0);
    let mut view = LiveView::start(&running);
    view.wait_for("RUNNING");
    view.keys = None;
    assert_eq!(view.end().unwrap(), 0);
}

#[test]
fn without_a_terminal_it_is_2_with_what_to_use() {
    let ran = World::new().run("--master sluice://h:1 --top");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    assert!(ran.err.contains("standard output is none"), "{ran:?}");
    assert!(ran.err.contains("--list --watch"), "{ran:?}");
}
