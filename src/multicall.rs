//! One program for the images: `sluice`, linked under the name of each program.
//!
//! The engine is most of every program that links it. An image, and a machine
//! with several of them, holds it once this way. `sluice` runs the program whose
//! name it was started by; under any other name its first argument names the
//! program: `sluice submit-job JOB.sql`.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use crate::local_backend;

/// A program: its name, and what runs it. The arguments begin with its name.
struct Program {
    name: &'static str,
    run: fn(Vec<OsString>) -> ExitCode,
}

/// The programs in the order of the data.
const PROGRAMS: [Program; 5] = [
    Program {
        name: "produce-events",
        run: |arguments| ExitCode::from(sluice_producers::run(arguments)),
    },
    Program {
        name: "ingest-landing",
        run: |arguments| ExitCode::from(sluice_ingest::run(arguments)),
    },
    Program {
        name: "submit-job",
        run: |arguments| ExitCode::from(sluice_client::run(arguments, local_backend())),
    },
    Program {
        name: "scheduler",
        run: |arguments| sluice_scheduler::server::run(arguments),
    },
    Program {
        name: "executor",
        run: |arguments| sluice_executor::run(arguments),
    },
];

/// The exit code for wrong arguments; see `docs/exit-codes.md`.
const USAGE_EXIT_CODE: u8 = 2;

/// What a command line asks for.
enum Choice {
    /// The program at this index, with its arguments.
    Run(usize, Vec<OsString>),
    /// The names of the programs.
    List,
    /// No program has this name.
    Unknown(OsString),
}

/// Runs the program that `arguments` name, and returns its exit code.
/// `arguments` begin with the name that this process was started by.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match choose_program(arguments.into_iter().collect()) {
        Choice::Run(index, arguments) => (PROGRAMS[index].run)(arguments),
        Choice::List => print_usage(&mut std::io::stdout(), None),
        Choice::Unknown(name) => print_usage(&mut std::io::stderr(), Some(&name)),
    }
}

fn choose_program(mut arguments: Vec<OsString>) -> Choice {
    let started_as = arguments
        .first()
        .and_then(|path| Path::new(path).file_name());
    if let Some(index) = started_as.and_then(find_program) {
        return Choice::Run(index, arguments);
    }
    if arguments.len() < 2 {
        return Choice::Unknown(OsString::new());
    }
    let name = arguments.remove(1);
    if name == "--help" || name == "-h" || name == "help" {
        return Choice::List;
    }
    match find_program(&name) {
        Some(index) => {
            arguments[0] = name;
            Choice::Run(index, arguments)
        }
        None => Choice::Unknown(name),
    }
}

fn find_program(name: &OsStr) -> Option<usize> {
    PROGRAMS.iter().position(|program| name == program.name)
}

/// Prints which programs there are, and the name that is none of them.
fn print_usage(out: &mut dyn std::io::Write, unknown: Option<&OsStr>) -> ExitCode {
    let names: Vec<&str> = PROGRAMS.iter().map(|program| program.name).collect();
    let mut text = String::new();
    match unknown {
        Some(name) if name.is_empty() => text.push_str("error: which program?\n\n"),
        Some(name) => text.push_str(&format!(
            "error: there is no program `{}`\n\n",
            name.to_string_lossy()
        )),
        None => {}
    }
    text.push_str(&format!(
        "Usage: sluice PROGRAM [ARGUMENTS]...\n\nPrograms: {}\n`sluice PROGRAM --help` describes each; a link to sluice with the name of a program runs it.\n",
        names.join(", ")
    ));
    // Without an output there is no one to report to.
    let _ = out.write_all(text.as_bytes());
    match unknown {
        Some(_) => ExitCode::from(USAGE_EXIT_CODE),
        None => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(arguments: &[&str]) -> Choice {
        choose_program(arguments.iter().map(OsString::from).collect())
    }

    #[track_caller]
    fn assert_runs(arguments: &[&str], name: &str, passed: &[&str]) {
        match choose(arguments) {
            Choice::Run(index, arguments) => {
                assert_eq!(PROGRAMS[index].name, name);
                assert_eq!(arguments[1..], *passed);
            }
            _ => panic!("{arguments:?} runs no program"),
        }
    }

    #[test]
    fn a_link_runs_the_program_of_its_name() {
        assert_runs(
            &["/usr/local/bin/executor", "--help"],
            "executor",
            &["--help"],
        );
        assert_runs(&["submit-job", "scheduler"], "submit-job", &["scheduler"]);
    }

    #[test]
    fn the_first_argument_names_the_program_otherwise() {
        assert_runs(
            &["./sluice", "scheduler", "--bind", "a"],
            "scheduler",
            &["--bind", "a"],
        );
        assert_runs(&["renamed", "ingest-landing"], "ingest-landing", &[]);
    }

    #[test]
    fn unknown_and_missing_names_are_errors_and_help_is_not() {
        assert!(matches!(choose(&["sluice"]), Choice::Unknown(name) if name.is_empty()));
        assert!(matches!(choose(&["sluice", "submit"]), Choice::Unknown(name) if name == "submit"));
        assert!(matches!(choose(&["sluice", "--help"]), Choice::List));
        assert!(matches!(choose(&[]), Choice::Unknown(_)));
    }
}
