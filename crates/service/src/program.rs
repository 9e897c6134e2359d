//! A long-running program from its arguments to its exit code.

use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::descriptors;
use crate::logs::{self, LogOptions};
use crate::options;
use crate::secrets::Secrets;
use crate::shell_help::print_shell_help;
use crate::signals::StopSignal;
use crate::trace_options::{TraceOptions, TraceStart};

/// Deep plans are planned, encoded and decoded recursively. Ballista's own binaries
/// use the same size.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// What differs between long-running programs.
pub trait ServiceProgram {
    /// The program's options.
    type Options: CommandFactory + FromArgMatches;
    /// Why the program fails.
    type Error: Error;

    /// The name of the program's threads.
    const NAME: &'static str;
    /// The prefix of the program's environment variables.
    const ENVIRONMENT_PREFIX: &'static str;

    /// The options for logs.
    fn log_options(options: &Self::Options) -> &LogOptions;

    /// The options for traces.
    fn trace_options(options: &Self::Options) -> &TraceOptions;

    /// Sends panics to the log. Called once, before any other thread starts.
    fn hook_panics() {
        std::panic::set_hook(Box::new(|info| tracing::error!("{info}")));
    }

    /// Runs until `stop` is cancelled, or until it fails.
    fn run(
        options: Self::Options,
        stop: StopSignal,
    ) -> impl Future<Output = Result<(), Self::Error>>;
}

/// Reads the options and runs the program until a signal stops it.
///
/// Returns 0 after an orderly end, 1 after a failure, 2 when the options cannot be
/// used. An error is one line on stderr, without secrets.
pub fn run_program<P: ServiceProgram>(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(code) = print_shell_help(P::Options::command(), &arguments) {
        return ExitCode::from(code);
    }
    let options: P::Options = match options::load_options(P::ENVIRONMENT_PREFIX, arguments) {
        Ok(options) => options,
        Err(error) => return ExitCode::from(options::print_and_exit_code(&error)),
    };
    let secrets = Secrets::from_environment();
    let traces = TraceStart::new(P::NAME, P::trace_options(&options), &secrets);
    let exporting = traces.exporting.as_ref();
    if let Err(error) = logs::init_logging(P::log_options(&options), &secrets, exporting) {
        print_error(&error, &secrets);
        return ExitCode::from(2);
    }
    traces.log();
    P::hook_panics();
    descriptors::raise_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name(P::NAME)
        .thread_stack_size(STACK_BYTES)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            print_error(&error, &secrets);
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(async {
        let stop = StopSignal::on_signals()
            .map_err(|error| format!("cannot listen for signals: {error}"))?;
        P::run(options, stop)
            .await
            .map_err(|error| error.to_string())
    });
    // Tasks that still run must not keep the process alive.
    runtime.shutdown_background();
    if let Some(problem) = sluice_traces::finish_export() {
        tracing::warn!("{problem}");
    }
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            print_error(&message, &secrets);
            ExitCode::FAILURE
        }
    }
}

fn print_error(error: &dyn std::fmt::Display, secrets: &Secrets) {
    use std::io::Write;
    // If stderr is closed, there is nothing left to do.
    let _ = writeln!(
        std::io::stderr(),
        "error: {}",
        secrets.redact(&error.to_string())
    );
}
