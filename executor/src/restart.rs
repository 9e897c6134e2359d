//! Replaces this process with a new one of the same program.
//!
//! A computation that does not give its thread back ends only with the process. The
//! system replaces the process in place: it keeps its number, arguments and output,
//! and needs no supervisor, while all its threads, connections and locks end.

use std::io;
use std::path::PathBuf;
use std::process::Command;

/// Replaces this process; returns only when that fails.
#[cfg(unix)]
pub(crate) fn replace_process() -> io::Error {
    use std::os::unix::process::CommandExt;

    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    match program_path() {
        // One program has several names, so the name is an argument, too.
        Ok(program) => Command::new(program).arg0(name).args(arguments).exec(),
        Err(error) => error,
    }
}

#[cfg(not(unix))]
pub(crate) fn replace_process() -> io::Error {
    io::ErrorKind::Unsupported.into()
}

/// The program of this process. Where its file was replaced or deleted since, Linux
/// still has it under another path.
#[cfg(unix)]
fn program_path() -> io::Result<PathBuf> {
    const ON_LINUX: &str = "/proc/self/exe";
    match std::env::current_exe() {
        Ok(path) if path.exists() => Ok(path),
        Ok(_) => Ok(PathBuf::from(ON_LINUX)),
        Err(error) => Err(error),
    }
}
