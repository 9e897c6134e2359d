use std::io::Write;
use std::time::Duration;

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
#[command(name = "thing")]
struct Thing {
    /// The file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to.
    #[arg(long, value_name = "HOST:PORT")]
    scheduler: crate::address::HostPort,
    /// How many.
    #[arg(long, default_value_t = 1)]
    vcores: u16,
    /// How long.
    #[arg(long, default_value = "1s", value_parser = crate::value_parsers::parse_duration)]
    heartbeat_interval: Duration,
}

/// No such variable is set anywhere.
const PREFIX: &str = "SLUICE_OPTIONS_TEST_NOWHERE";

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn load_args(prefix: &str, arguments: &[&str]) -> Result<Thing, OptionsError> {
    let arguments = std::iter::once("thing").chain(arguments.iter().copied());
    load_options(prefix, arguments.map(OsString::from))
}

#[test]
fn a_flag_beats_the_file_and_the_file_beats_the_default() {
    let config = file("scheduler = 'file:1'\nvcores = 3\n");
    let path = config.path().to_str().unwrap();
    let thing = load_args(PREFIX, &["--config", path, "--vcores=7"]).unwrap();
    assert_eq!(thing.scheduler.to_string(), "file:1");
    assert_eq!(thing.vcores, 7);
    assert_eq!(thing.heartbeat_interval, Duration::from_secs(1));
    assert_eq!(thing.config.unwrap(), config.path());
}

#[test]
fn the_environment_stands_between_flag_and_file() {
    // `cargo test` always sets CARGO_PKG_NAME and the like, so that this test need
    // not change the environment while other threads run.
    let config = file("vcores = 3");
    let path = config.path().to_str().unwrap();
    #[derive(Debug, Parser)]
    struct Package {
        #[arg(long)]
        config: Option<PathBuf>,
        #[arg(long, default_value = "default")]
        name: String,
        #[arg(long, default_value_t = 1)]
        vcores: u16,
    }
    let args = |more: &[&str]| -> Vec<OsString> {
        ["x", "--config", path]
            .iter()
            .chain(more)
            .map(OsString::from)
            .collect()
    };
    let from_environment: Package = load_options("CARGO_PKG", args(&[])).unwrap();
    assert_eq!(from_environment.name, "sluice-service");
    assert_eq!(from_environment.vcores, 3);
    let config = file("name = 'file'");
    let path = config.path().to_str().unwrap();
    let over_file: Package =
        load_options("CARGO_PKG", ["x", "--config", path].map(OsString::from)).unwrap();
    assert_eq!(over_file.name, "sluice-service");
    assert!(over_file.config.is_some());
    let flag: Package = load_options("CARGO_PKG", args(&["--name", "flag"])).unwrap();
    assert_eq!(flag.name, "flag");
}

#[test]
fn the_file_is_found_by_environment_too() {
    let config = file("scheduler = 'file:1'");
    let thing: Thing = load_options_with(PREFIX, [OsString::from("thing")], |name| {
        assert_eq!(name, "SLUICE_OPTIONS_TEST_NOWHERE_CONFIG");
        Some(config.path().as_os_str().to_owned())
    })
    .unwrap();
    assert_eq!(thing.scheduler.port, 1);
}

#[test]
fn underscores_in_keys_are_fine_and_required_options_may_come_from_the_file() {
    let config = file("scheduler = 'h:1'\nheartbeat_interval = '250ms'");
    let path = format!("--config={}", config.path().display());
    let thing = load_args(PREFIX, &[&path]).unwrap();
    assert_eq!(thing.heartbeat_interval, Duration::from_millis(250));
}

#[test]
fn unknown_keys_are_refused_with_a_suggestion() {
    let config = file("vcore = 3");
    let path = config.path().to_str().unwrap();
    let error = load_args(PREFIX, &["--config", path]).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("unknown key `vcore`; did you mean `vcores`?"),
        "{text}"
    );
    let config = file("zzz = 3");
    let path = config.path().to_str().unwrap();
    let text = load_args(PREFIX, &["--config", path])
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("known keys are scheduler, vcores, heartbeat-interval"),
        "{text}"
    );
}

#[test]
fn the_file_cannot_name_another_file() {
    let config = file("config = 'other.toml'");
    let path = config.path().to_str().unwrap();
    let error = load_args(PREFIX, &["--config", path]).unwrap_err();
    assert!(matches!(error, OptionsError::UnknownKey { .. }));
}

#[test]
fn a_bad_value_in_the_file_names_the_file() {
    let config = file("scheduler = 'h:1'\nvcores = 'many'");
    let path = config.path().to_str().unwrap();
    let error = load_args(PREFIX, &["--config", path, "--vcores", "2"]).unwrap_err();
    let text = one_line(&error);
    assert!(
        text.contains("the value of `vcores` is not valid: invalid value 'many'"),
        "{text}"
    );
    assert!(text.starts_with(path), "{text}");
}

#[test]
fn lists_bad_syntax_and_missing_files_are_distinguished() {
    let list = file("vcores = [1]");
    let path = list.path().to_str().unwrap();
    let error = load_args(PREFIX, &["--config", path]).unwrap_err();
    assert!(matches!(error, OptionsError::NotPlain { .. }));
    let broken = file("vcores = ");
    let path = broken.path().to_str().unwrap();
    let error = load_args(PREFIX, &["--config", path]).unwrap_err();
    assert!(matches!(error, OptionsError::Syntax { .. }));
    let error = load_args(PREFIX, &["--config", "/nowhere/x.toml"]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("check the path given with --config")
    );
    assert_eq!(print_and_exit_code(&error), 2);
}

#[test]
fn missing_and_wrong_flags_stay_claps() {
    assert!(matches!(
        load_args(PREFIX, &[]),
        Err(OptionsError::Arguments(_))
    ));
    let Err(OptionsError::Arguments(help)) = load_args(PREFIX, &["--help"]) else {
        panic!("help is clap's");
    };
    assert_eq!(help.exit_code(), 0);
    let text = help.to_string();
    assert!(
        text.contains("[env: SLUICE_OPTIONS_TEST_NOWHERE_VCORES]"),
        "{text}"
    );
}
