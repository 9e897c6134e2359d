//! Runs `ingest-landing` as a process.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::wait::wait_until;

/// Prints a line, even where the output of passing tests is hidden.
pub(crate) fn print_line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A command that is ready to start, without environment variables that could
/// change its behavior.
pub(crate) fn program_command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ingest-landing"));
    command
        .args(args)
        .env_remove("SLUICE_CRASH_POINT")
        .env_remove("SLUICE_CRASH_ACTION")
        .env_remove("KAFKA_BOOTSTRAP_SERVERS")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The command that ingests a topic until it is caught up. Its brokers may be as slow as
/// a busy machine makes them.
pub(crate) fn ingest_command(address: &str, topic: &str, folder: &Path, more: &[&str]) -> Command {
    let mut args = vec![
        "--bootstrap-servers",
        address,
        "--topic",
        topic,
        "--landing",
        folder.to_str().unwrap(),
        "--until-caught-up",
        "--log-level",
        "warn",
        "--timeout",
        "2m",
    ];
    args.extend(more);
    program_command(&args)
}

/// Runs a command to its end.
pub(crate) fn run_command(mut command: Command) -> Output {
    command.output().unwrap()
}

/// Runs a command, which must succeed, and returns its standard output.
pub(crate) fn run_successfully(command: Command) -> String {
    let shown = format!("{command:?}");
    let output = run_command(command);
    assert!(
        output.status.success(),
        "{shown}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command, which must end with this code, and returns its standard error.
pub(crate) fn run_failing(command: Command, code: i32) -> String {
    let shown = format!("{command:?}");
    let output = run_command(command);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{shown}: {said}");
    said
}

/// Sends a signal to a child process.
pub(crate) fn send_signal(child: &Child, signal: i32) {
    let id = i32::try_from(child.id()).unwrap();
    // SAFETY: there are no pointers; the process is a child that was not waited
    // for yet.
    unsafe {
        libc::kill(id, signal);
    }
}

/// Waits until a process is stopped (true) or has ended (false).
pub(crate) fn wait_until_stopped(child: &mut Child) -> bool {
    let stat = format!("/proc/{}/stat", child.id());
    let mut ended = false;
    wait_until("the process stops or ends", || {
        ended = child.try_wait().unwrap().is_some();
        let text = std::fs::read_to_string(&stat).unwrap_or_default();
        let state = text.rsplit_once(") ").map(|(_, rest)| rest);
        ended || state.is_some_and(|state| state.starts_with('T'))
    });
    !ended
}
