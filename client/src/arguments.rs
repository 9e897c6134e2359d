//! The command line: the options of submit-job, and one option for each variable
//! that the job file declares.
//!
//! The job file is read before the arguments are parsed, because its variables are
//! options for clap like all others: with a help text, a type, and a suggestion
//! when a name is misspelled.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};
use sluice_jobfile::{Variable, option_name};

use crate::cli::{Cli, EXAMPLES};
use crate::job_file::LoadedJobFile;

/// The parsed command line.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) cli: Cli,
    /// The given parameters, by the names of their variables.
    pub(crate) params: BTreeMap<String, String>,
    /// `None` when the arguments name no job file.
    pub(crate) job_file: Option<LoadedJobFile>,
}

/// Parses `words`, which begin with the program's name.
///
/// # Errors
/// Errors of the arguments, and texts to print (help, version). Errors of the job
/// file are in [`LoadedJobFile::parsed`], so that the options still apply to them.
pub(crate) fn parse_arguments(words: &[String]) -> Result<Arguments, clap::Error> {
    let (job_file, parameters) = match find_work(words) {
        Some(Work::JobFile(path)) => {
            let file = LoadedJobFile::load(&path);
            let parameters = parameters_of(&file, words);
            (Some(file), parameters)
        }
        Some(Work::Query) => (None, named_parameters(words)),
        None => (None, Vec::new()),
    };
    let mut command = Cli::command().args(parameters.iter().map(|p| p.argument.clone()));
    if let Some(note) = job_file.as_ref().and_then(missing_parameters_note) {
        command = command.after_help(format!("{note}\n\n{EXAMPLES}"));
    }
    let matches = command.try_get_matches_from_mut(spell_parameters(words, &parameters))?;
    let cli = Cli::from_arg_matches(&matches)?;
    let mut params = given_parameters(&matches, &parameters);

    let usage = command.render_usage().to_string();
    for (name, value) in parse_separated(&cli.separated, &parameters, &usage)? {
        if params.contains_key(&name) {
            let message = format!("the parameter `{name}` is given before and after `--`\n");
            return Err(command.error(ErrorKind::ArgumentConflict, message));
        }
        params.insert(name, value);
    }
    Ok(Arguments {
        cli,
        params,
        job_file,
    })
}

/// The parameters after `--`, where no option can stand.
fn parse_separated(
    words: &[String],
    parameters: &[JobParameter],
    usage: &str,
) -> Result<BTreeMap<String, String>, clap::Error> {
    let matches = Command::new("submit-job")
        .no_binary_name(true)
        .disable_help_flag(true)
        .override_usage(usage.trim_start_matches("Usage: ").to_owned())
        .args(parameters.iter().map(|p| p.argument.clone()))
        .try_get_matches_from(spell_parameters(words, parameters))?;
    Ok(given_parameters(&matches, parameters))
}

/// What parameters belong to.
enum Work {
    JobFile(PathBuf),
    /// A query, which has no parameters but the folder of its tables.
    Query,
}

/// The job file or the query that the arguments name. Parameters follow it, so it is
/// found before the first name that clap does not know.
fn find_work(words: &[String]) -> Option<Work> {
    let flag = |name: &'static str, short| {
        Arg::new(name)
            .long(name)
            .short(short)
            .action(ArgAction::SetTrue)
    };
    let matches = Cli::command()
        .ignore_errors(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args([flag("help", 'h'), flag("version", 'V')])
        .try_get_matches_from(words)
        .ok()?;
    if matches.contains_id("execute") {
        return Some(Work::Query);
    }
    let path: &PathBuf = matches.get_one("job")?;
    Some(Work::JobFile(path.clone()))
}

/// A parameter of the job as an argument for clap.
struct JobParameter {
    /// The variable's name.
    name: String,
    argument: Arg,
}

impl JobParameter {
    /// A parameter without help.
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            argument: Arg::new(format!("parameter {name}"))
                .long(option_name(name))
                .value_name("VALUE"),
        }
    }

    fn declared(variable: &Variable, file_name: &str) -> Self {
        let mut parameter = Self::new(&variable.name);
        parameter.argument = parameter
            .argument
            .value_name(variable.ty.to_string())
            .help_heading(format!("Parameters of {file_name}"))
            .help(parameter_help(variable));
        parameter
    }

    fn option(&self) -> &str {
        self.argument.get_long().unwrap_or(&self.name)
    }
}

/// The variable that a name on the command line stands for, if there is one.
fn variable_name(option: &str) -> String {
    option.to_lowercase().replace('-', "_")
}

fn parameter_help(variable: &Variable) -> String {
    let comment = variable.comment.as_deref().unwrap_or_default();
    let mut words: Vec<&str> = comment.split_whitespace().collect();
    let default = match &variable.default {
        Some(default) => format!("[default: {default}]"),
        None => "[required]".to_owned(),
    };
    words.push(&default);
    words.join(" ")
}

/// The parameters that the job file declares. If it has errors, those that the
/// arguments name: the errors of the file are reported, and not those that follow
/// from them.
fn parameters_of(file: &LoadedJobFile, words: &[String]) -> Vec<JobParameter> {
    match &file.parsed {
        Ok(parsed) => parsed
            .variables()
            .iter()
            .map(|variable| JobParameter::declared(variable, &file.file_name))
            .collect(),
        Err(_) => named_parameters(words),
    }
}

fn named_parameters(words: &[String]) -> Vec<JobParameter> {
    let mut command = Cli::command();
    // Adds --help and --version.
    command.build();
    let is_option = |name: &str| command.get_arguments().any(|a| a.get_long() == Some(name));
    let mut parameters: Vec<JobParameter> = Vec::new();
    for word in words {
        let Some((name, _)) = split_option(word) else {
            continue;
        };
        let variable = variable_name(name);
        if !is_option(name) && !parameters.iter().any(|p| p.name == variable) {
            let mut parameter = JobParameter::new(&variable);
            parameter.argument = parameter.argument.hide(true);
            parameters.push(parameter);
        }
    }
    parameters
}

/// Name and value of `--name` or `--name=value`.
fn split_option(word: &str) -> Option<(&str, Option<&str>)> {
    let long = word.strip_prefix("--")?;
    let (name, value) = match long.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (long, None),
    };
    (!name.is_empty() && !name.starts_with('-')).then_some((name, value))
}

/// Spells parameters as clap knows them. In their names case does not matter, and
/// `-` and `_` are the same; their values may begin with one `-`.
fn spell_parameters(words: &[String], parameters: &[JobParameter]) -> Vec<String> {
    let mut spelled = Vec::with_capacity(words.len());
    let mut rest = words.iter().peekable();
    while let Some(word) = rest.next() {
        let parameter = split_option(word).and_then(|(name, value)| {
            let variable = variable_name(name);
            let parameter = parameters.iter().find(|p| p.name == variable)?;
            Some((parameter.option(), value))
        });
        let Some((option, attached)) = parameter else {
            spelled.push(word.clone());
            continue;
        };
        let value = attached.or_else(|| {
            rest.next_if(|next| !next.starts_with("--"))
                .map(String::as_str)
        });
        spelled.push(match value {
            Some(value) => format!("--{option}={value}"),
            None => format!("--{option}"),
        });
    }
    spelled
}

fn given_parameters(matches: &ArgMatches, parameters: &[JobParameter]) -> BTreeMap<String, String> {
    parameters
        .iter()
        .filter_map(|parameter| {
            let value: &String = matches.get_one(parameter.argument.get_id().as_str())?;
            Some((parameter.name.clone(), value.clone()))
        })
        .collect()
}

/// For `--help`: why the help does not list the parameters.
fn missing_parameters_note(file: &LoadedJobFile) -> Option<String> {
    let error = file.parsed.as_ref().err()?;
    let reason = match error.diagnostics.first() {
        Some(first) => {
            let line = first.span.map_or(1, |span| span.start_line);
            format!("line {line}: {}", first.message)
        }
        None => error.message.clone(),
    };
    Some(format!(
        "The parameters of {} are not listed: {reason}",
        file.file_name
    ))
}

#[cfg(test)]
mod tests;
