//! Separates the options of submit-job from the parameters of the job. Both look
//! like `--name value`, and options may follow the job file too. So the name of an
//! option is an option everywhere except after a separate `--`. Every other name
//! after the job file is a parameter.

use std::collections::BTreeMap;

use clap::CommandFactory;
use thiserror::Error;

use crate::cli::Cli;

/// Arguments for clap, and parameters for the job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SplitArguments {
    /// Without the program's name.
    pub(crate) options: Vec<String>,
    /// By name as written, without leading dashes.
    pub(crate) params: BTreeMap<String, String>,
}

/// Arguments that are neither options nor parameters.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SplitError {
    #[error("unknown option `--{name}`{}; parameters of the job follow the job file", did_you_mean(.near))]
    UnknownOption { name: String, near: Option<String> },
    #[error(
        "unexpected argument `{argument}` after the job file; write parameters as --NAME VALUE"
    )]
    UnexpectedArgument { argument: String },
    #[error(
        "parameter `--{name}` needs a value; write one that begins with `--` as --{name}=VALUE"
    )]
    MissingValue { name: String },
    #[error("parameter `--{name}` is given twice")]
    RepeatedParameter { name: String },
    #[error("a parameter without a name: `{argument}`; write parameters as --NAME VALUE")]
    MissingName { argument: String },
}

fn did_you_mean(near: &Option<String>) -> String {
    near.as_ref()
        .map(|near| format!(", did you mean `--{near}`"))
        .unwrap_or_default()
}

/// Splits the arguments after the program's name.
pub(crate) fn split_arguments(arguments: &[String]) -> Result<SplitArguments, SplitError> {
    let known = KnownOptions::new();
    let mut split = SplitArguments::default();
    let mut job: Option<String> = None;
    let mut only_params = false;
    let mut rest = arguments.iter().peekable();
    while let Some(argument) = rest.next() {
        if !only_params && argument == "--" {
            only_params = true;
            continue;
        }
        let long = argument.strip_prefix("--");
        if !only_params && let Some(takes_value) = known.takes_value(argument) {
            split.options.push(argument.clone());
            if takes_value && let Some(value) = rest.next() {
                split.options.push(value.clone());
            }
        } else if let Some(long) = long
            && job.is_some()
        {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => match rest.next_if(|next| !next.starts_with("--")) {
                    Some(value) => (long, value.clone()),
                    None => {
                        return Err(SplitError::MissingValue {
                            name: long.to_owned(),
                        });
                    }
                },
            };
            if name.is_empty() {
                return Err(SplitError::MissingName {
                    argument: argument.clone(),
                });
            }
            if split.params.insert(name.to_owned(), value).is_some() {
                return Err(SplitError::RepeatedParameter {
                    name: name.to_owned(),
                });
            }
        } else if let Some(long) = long
            && !only_params
        {
            let name = long.split('=').next().unwrap_or(long);
            return Err(SplitError::UnknownOption {
                name: name.to_owned(),
                near: known.nearest_option(name),
            });
        } else if job.is_some() {
            return Err(SplitError::UnexpectedArgument {
                argument: argument.clone(),
            });
        } else if !only_params && argument.len() > 1 && argument.starts_with('-') {
            // An unknown short option: clap reports it.
            split.options.push(argument.clone());
        } else {
            job = Some(argument.clone());
        }
    }
    if let Some(job) = job {
        split.options.extend(["--".to_owned(), job]);
    }
    Ok(split)
}

/// The name of the option that `name` was probably meant to be.
pub(crate) fn nearest_option(name: &str) -> Option<String> {
    KnownOptions::new().nearest_option(name)
}

/// Whether submit-job has an option of this long name.
pub(crate) fn is_option(name: &str) -> bool {
    KnownOptions::new().long.contains_key(name)
}

struct KnownOptions {
    /// By long name: whether it takes a value.
    long: BTreeMap<String, bool>,
    short: BTreeMap<char, bool>,
}

impl KnownOptions {
    fn new() -> Self {
        let mut command = Cli::command();
        // Adds --help and --version.
        command.build();
        let mut known = Self {
            long: BTreeMap::new(),
            short: BTreeMap::new(),
        };
        for argument in command.get_arguments() {
            let takes_value = argument.get_action().takes_values();
            if let Some(long) = argument.get_long() {
                known.long.insert(long.to_owned(), takes_value);
            }
            if let Some(short) = argument.get_short() {
                known.short.insert(short, takes_value);
            }
        }
        known
    }

    /// For an option: whether the next argument is its value.
    fn takes_value(&self, argument: &str) -> Option<bool> {
        if let Some(long) = argument.strip_prefix("--") {
            return match long.split_once('=') {
                Some((name, _)) => self.long.get(name).map(|_| false),
                None => self.long.get(long).copied(),
            };
        }
        let mut shorts = argument.strip_prefix('-')?.chars();
        let takes_value = *self.short.get(&shorts.next()?)?;
        Some(takes_value && shorts.next().is_none())
    }

    fn nearest_option(&self, name: &str) -> Option<String> {
        self.long
            .keys()
            .map(|known| (strsim::jaro_winkler(known, name), known))
            .filter(|(likeness, _)| *likeness > 0.85)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, known)| known.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn run(line: &str) -> (String, String) {
        let split = split_arguments(&words(line)).unwrap();
        let params: Vec<String> = split
            .params
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (split.options.join(" "), params.join(" "))
    }

    #[test]
    fn options_stand_anywhere_and_the_rest_after_the_job_are_parameters() {
        for (line, options, params) in [
            ("j.sql", "-- j.sql", ""),
            (
                "jobs/l.sql --name G7 --master sluice://h:1 --landing data/landing --gold data/gold",
                "--name G7 --master sluice://h:1 -- jobs/l.sql",
                "gold=data/gold landing=data/landing",
            ),
            (
                "--conf a=b -v j.sql --x=1 --conf=c=d --y -3 --z a=b",
                "--conf a=b -v --conf=c=d -- j.sql",
                "x=1 y=-3 z=a=b",
            ),
            (
                "j.sql --name n -- --name p --conf=q",
                "--name n -- j.sql",
                "conf=q name=p",
            ),
            ("-- -odd.sql --plan x", "-- -odd.sql", "plan=x"),
            ("--status --list", "--status --list", ""),
            ("--list", "--list", ""),
            ("-x j.sql", "-x -- j.sql", ""),
            ("j.sql --x=--y", "-- j.sql", "x=--y"),
            ("j.sql --help", "--help -- j.sql", ""),
        ] {
            assert_eq!(run(line), (options.to_owned(), params.to_owned()), "{line}");
        }
    }

    #[test]
    fn slips_are_named() {
        for (line, message) in [
            (
                "--masster local j.sql",
                "unknown option `--masster`, did you mean `--master`; parameters of the job follow the job file",
            ),
            (
                "--landing x j.sql",
                "unknown option `--landing`; parameters of the job follow the job file",
            ),
            (
                "j.sql stray",
                "unexpected argument `stray` after the job file; write parameters as --NAME VALUE",
            ),
            (
                "j.sql --a",
                "parameter `--a` needs a value; write one that begins with `--` as --a=VALUE",
            ),
            (
                "j.sql --a --b 1",
                "parameter `--a` needs a value; write one that begins with `--` as --a=VALUE",
            ),
            ("j.sql --a 1 --a=2", "parameter `--a` is given twice"),
            (
                "j.sql --=2",
                "a parameter without a name: `--=2`; write parameters as --NAME VALUE",
            ),
        ] {
            assert_eq!(
                split_arguments(&words(line)).unwrap_err().to_string(),
                message
            );
        }
    }

    #[test]
    fn near_names_of_options_are_found() {
        assert_eq!(nearest_option("nmae").as_deref(), Some("name"));
        assert_eq!(nearest_option("landing"), None);
        assert!(is_option("help") && is_option("conf") && !is_option("job"));
    }
}
