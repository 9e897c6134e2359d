//! Options from four layers: flag, environment, file, default. The first layer
//! that has a value wins.
//!
//! Each option is declared once, as a clap argument with a long flag. Its
//! environment variable and its key in the file follow from the flag. Values of
//! every layer go through the same parser, so that a process cannot accept a value
//! in a file that it refuses on the command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory, FromArgMatches};
use sluice_values::did_you_mean;
use thiserror::Error;

/// The flag that names the file; every process has it.
pub const CONFIG_FLAG: &str = "config";

/// Why options cannot be used.
#[derive(Debug, Error)]
pub enum OptionsError {
    /// Clap's error about flags, the environment or a value; also its help and
    /// version texts, which are not errors.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}: {source}; check the path given with --config", path = path.display())]
    Read {
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// The file is not valid TOML.
    #[error("{path} is not valid TOML: {message}", path = path.display())]
    Syntax {
        path: PathBuf,
        /// The parser's message, with line and column.
        message: String,
    },
    /// A key that no option has.
    #[error("{path}: unknown key `{key}`{hint}", path = path.display())]
    UnknownKey {
        path: PathBuf,
        key: String,
        /// `; did you mean …` or the list of keys.
        hint: String,
    },
    /// A table or a list in place of a plain value.
    #[error("{path}: the value of `{key}` must be a string, a number or true/false", path = path.display())]
    NotPlain { path: PathBuf, key: String },
    /// A value in the file that its option does not accept.
    #[error("{path}: the value of `{key}` is not valid: {source}", path = path.display())]
    Value {
        path: PathBuf,
        key: String,
        /// Clap's error.
        #[source]
        source: clap::Error,
    },
}

/// Reads `T` from `arguments` (the program's name first), the environment
/// (`PREFIX_FLAG_NAME`) and the file that `--config` names.
///
/// # Errors
/// See [`OptionsError`]. A request for help or version is returned as
/// [`OptionsError::Arguments`] too; [`print_and_exit_code`] prints it.
pub fn load_options<T>(
    prefix: &str,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<T, OptionsError>
where
    T: CommandFactory + FromArgMatches,
{
    load_options_with(prefix, arguments, |name| std::env::var_os(name))
}

/// [`load_options`] with a replaceable lookup of `PREFIX_CONFIG`, for tests.
fn load_options_with<T>(
    prefix: &str,
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<T, OptionsError>
where
    T: CommandFactory + FromArgMatches,
{
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut command = with_environment(T::command(), prefix);
    let file = flag_value(&arguments, CONFIG_FLAG)
        .or_else(|| environment(&environment_name(prefix, CONFIG_FLAG)))
        .map(PathBuf::from);
    if let Some(path) = file {
        for (key, value) in file_values(&path, &command)? {
            check_value(&command, &path, &key, &value)?;
            command = command.mut_arg(key.argument, |argument| {
                argument.default_value(value).required(false)
            });
        }
    }
    let matches = command.try_get_matches_from_mut(arguments)?;
    Ok(T::from_arg_matches(&matches)?)
}

/// Prints an error (or help, or the version) as clap would, and returns the exit
/// code of the process: 0 for help and version, 2 for everything else.
pub fn print_and_exit_code(error: &OptionsError) -> u8 {
    match error {
        OptionsError::Arguments(error) => {
            // If the terminal is closed, there is nothing left to do.
            let _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or(2)
        }
        other => {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "error: {}", one_line(other));
            2
        }
    }
}

/// The error with its cause, without clap's usage lines.
fn one_line(error: &OptionsError) -> String {
    match error {
        OptionsError::Value { path, key, source } => {
            let text = source.to_string();
            let first = text.lines().next().unwrap_or_default();
            let first = first.strip_prefix("error: ").unwrap_or(first);
            format!(
                "{}: the value of `{key}` is not valid: {first}",
                path.display()
            )
        }
        other => other.to_string(),
    }
}

/// The environment variable of a flag: `SLUICE_EXECUTOR` and `work-dir` make
/// `SLUICE_EXECUTOR_WORK_DIR`.
pub fn environment_name(prefix: &str, flag: &str) -> String {
    format!("{prefix}_{}", flag.replace('-', "_").to_uppercase())
}

/// Gives every flag its environment variable. Values from there are never
/// shown in the help text.
pub fn with_environment(command: Command, prefix: &str) -> Command {
    command.mut_args(|argument| match argument.get_long() {
        Some(flag) if !matches!(flag, "help" | "version") => {
            let name = environment_name(prefix, flag);
            argument.env(name).hide_env_values(true)
        }
        _ => argument,
    })
}

/// A key of the file with the option that it belongs to.
struct FileKey {
    /// The key as written in the file.
    written: String,
    /// The id of the argument.
    argument: String,
}

fn file_values(path: &Path, command: &Command) -> Result<Vec<(FileKey, String)>, OptionsError> {
    let text = std::fs::read_to_string(path).map_err(|source| OptionsError::Read {
        path: path.to_owned(),
        source,
    })?;
    let table: toml::Table =
        text.parse()
            .map_err(|error: toml::de::Error| OptionsError::Syntax {
                path: path.to_owned(),
                message: error.to_string().trim_end().to_owned(),
            })?;
    table
        .into_iter()
        .map(|(written, value)| {
            let flag = argument_id(command, &written).ok_or_else(|| OptionsError::UnknownKey {
                path: path.to_owned(),
                key: written.clone(),
                hint: key_hint(command, &written),
            })?;
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Float(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                _ => {
                    return Err(OptionsError::NotPlain {
                        path: path.to_owned(),
                        key: written,
                    });
                }
            };
            Ok((
                FileKey {
                    written,
                    argument: flag,
                },
                value,
            ))
        })
        .collect()
}

/// Runs one value of the file through its argument's parser, so that an invalid
/// value is reported with the file's name instead of a flag that was not given.
fn check_value(
    command: &Command,
    path: &Path,
    key: &FileKey,
    value: &str,
) -> Result<(), OptionsError> {
    let Some(argument) = command
        .get_arguments()
        .find(|a| a.get_id() == key.argument.as_str())
    else {
        return Ok(());
    };
    let flag = argument.get_long().unwrap_or_default();
    let argument = argument.clone().required(false).env(None);
    Command::new(command.get_name().to_owned())
        .arg(argument)
        .try_get_matches_from([OsString::from("config"), format!("--{flag}={value}").into()])
        .map(drop)
        .map_err(|source| OptionsError::Value {
            path: path.to_owned(),
            key: key.written.clone(),
            source,
        })
}

/// The flags that a file may set, with their argument ids: all but `--config`.
fn file_keys(command: &Command) -> impl Iterator<Item = (&str, &str)> {
    command.get_arguments().filter_map(|argument| {
        let flag = argument.get_long()?;
        (!matches!(flag, CONFIG_FLAG | "help" | "version"))
            .then(|| (flag, argument.get_id().as_str()))
    })
}

fn argument_id(command: &Command, key: &str) -> Option<String> {
    let key = key.replace('_', "-");
    file_keys(command)
        .find(|(flag, _)| *flag == key)
        .map(|(_, id)| id.to_owned())
}

fn key_hint(command: &Command, key: &str) -> String {
    let key = key.replace('_', "-");
    let flags: Vec<&str> = file_keys(command).map(|(flag, _)| flag).collect();
    match did_you_mean(&key, flags.iter().copied()) {
        Some(question) => format!("; {question}"),
        None => format!("; known keys are {}", flags.join(", ")),
    }
}

/// The value of `--flag` among the arguments, before anything is parsed.
fn flag_value(arguments: &[OsString], flag: &str) -> Option<OsString> {
    let long = format!("--{flag}");
    let joined = format!("--{flag}=");
    let mut rest = arguments.iter().skip(1).take_while(|a| *a != "--");
    while let Some(argument) = rest.next() {
        if *argument == *long {
            return rest.next().cloned();
        }
        if let Some(value) = argument.to_str().and_then(|a| a.strip_prefix(&joined)) {
            return Some(value.into());
        }
    }
    None
}

#[cfg(test)]
mod tests;
