use tempfile::TempDir;

use super::*;

const JOB: &str = "\
-- Where the events
-- have landed.
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE run_date DATE DEFAULT DATE '2024-05-31'; -- The day to compute.
DECLARE VARIABLE _top INT DEFAULT NULL;
CREATE EXTERNAL TABLE events (a STRING) STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW copy AS SELECT a, run_date AS d, _top AS t FROM events;
";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("j.sql"), JOB).unwrap();
        std::fs::write(folder.path().join("bad.sql"), "CREATE;").unwrap();
        std::fs::write(folder.path().join("-odd.sql"), JOB).unwrap();
        Self(folder)
    }

    /// Parses; names of job files in the line stand for their paths.
    fn parse(&self, line: &str) -> Result<Arguments, clap::Error> {
        let path = |name: &str| self.0.path().join(name).display().to_string();
        let words: Vec<String> = std::iter::once("submit-job".to_owned())
            .chain(line.split_whitespace().map(|word| match word {
                "j.sql" | "bad.sql" | "no.sql" | "-odd.sql" => path(word),
                word => word.replace('~', ""),
            }))
            .collect();
        parse_arguments(&words)
    }

    fn params(&self, line: &str) -> String {
        let parsed = self
            .parse(line)
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        let params: Vec<String> = parsed
            .params
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        params.join(" ")
    }

    fn error(&self, line: &str) -> String {
        self.parse(line).unwrap_err().to_string()
    }
}

#[test]
fn parameters_follow_the_job_file_and_options_stand_anywhere() {
    let folder = Folder::new();
    for (line, params) in [
        ("j.sql", ""),
        ("--list", ""),
        (
            "j.sql --name G7 --landing data/landing --master local --run-date 2024-01-01",
            "landing=data/landing run_date=2024-01-01",
        ),
        ("--conf a=b -v j.sql --landing=1 --conf=c=d", "landing=1"),
        ("j.sql --LANDING a --Run_Date b", "landing=a run_date=b"),
        ("j.sql --landing a=b --_top -3", "_top=-3 landing=a=b"),
        ("j.sql --landing -v --_TOP=-3", "_top=-3 landing=-v"),
        ("j.sql --landing=--x", "landing=--x"),
        ("j.sql --landing= --run-date ~", "landing= run_date="),
        ("j.sql --name n -- --landing x", "landing=x"),
        (
            "j.sql --run-date d -- --landing -x",
            "landing=-x run_date=d",
        ),
        ("-- j.sql --landing x", "landing=x"),
        ("-- -odd.sql --landing=x", "landing=x"),
    ] {
        assert_eq!(folder.params(line), params, "{line}");
    }
    let parsed = folder
        .parse("--conf a=b -v j.sql --conf=c=d --name n")
        .unwrap();
    assert_eq!(parsed.cli.conf, ["a=b", "c=d"]);
    assert!(parsed.cli.verbose);
    assert_eq!(parsed.cli.name.as_deref(), Some("n"));
}

#[test]
fn slips_are_named() {
    let folder = Folder::new();
    for (line, parts) in [
        ("--masster local j.sql", &["'--masster'", "'--master'"][..]),
        ("--landing x j.sql", &["unexpected argument '--landing'"]),
        (
            "j.sql --lading x",
            &["'--lading'", "similar", "'--landing'"],
        ),
        ("j.sql --nmae x", &["'--nmae'", "similar", "'--name'"]),
        ("j.sql -- --lading x", &["'--lading'", "'--landing'"]),
        ("j.sql -- --name x", &["unexpected argument '--name'"]),
        ("j.sql stray", &["unexpected argument 'stray'"]),
        (
            "j.sql --landing",
            &["value is required for '--landing <STRING>'"],
        ),
        (
            "j.sql --landing --run-date d",
            &["value is required for '--landing <STRING>'"],
        ),
        (
            "j.sql --landing 1 --landing=2",
            &["'--landing <STRING>' cannot be used multiple times"],
        ),
        (
            "j.sql --landing 1 -- --landing 2",
            &["`landing` is given before and after `--`"],
        ),
        ("j.sql --=2", &["unexpected argument"]),
        ("-x j.sql", &["unexpected argument '-x'"]),
    ] {
        let error = folder.error(line);
        for part in parts {
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}

#[test]
fn help_lists_the_parameters_of_the_job() {
    let folder = Folder::new();
    for line in [
        "j.sql --help",
        "--help j.sql",
        "j.sql -h",
        "j.sql --landing x --help",
    ] {
        let help = folder.error(line);
        assert!(help.contains("Parameters of /"), "{help}");
        let text = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "j.sql: --landing <STRING> Where the events have landed. [required]",
            "--run-date <DATE> The day to compute. [default: 2024-05-31]",
            "--_top <INT> [default: NULL]",
            "Exit codes:",
        ] {
            assert!(text.contains(part), "{part}: {help}");
        }
    }
}

#[test]
fn help_says_why_parameters_are_missing() {
    let folder = Folder::new();
    for (line, parts) in [
        (
            "no.sql --help",
            ["no.sql are not listed", "there is no such file"],
        ),
        (
            "bad.sql --x 1 --help",
            ["bad.sql are not listed", "line 1: expected"],
        ),
    ] {
        let help = folder.error(line);
        for part in parts {
            assert!(help.contains(part), "{part}: {help}");
        }
        assert!(help.contains("--deploy-mode"), "{help}");
        assert!(!help.contains("--x"), "{help}");
    }
    assert!(!folder.error("--help").contains("not listed"));
}

#[test]
fn with_an_invalid_job_file_the_options_are_parsed_all_the_same() {
    let folder = Folder::new();
    let parsed = folder
        .parse("bad.sql --Landing x --color always -- --y 1")
        .unwrap();
    assert_eq!(parsed.cli.color, crate::cli::ColorWhen::Always);
    assert!(parsed.job_file.unwrap().parsed.is_err());
}

#[test]
fn no_variable_can_have_the_name_of_an_option() {
    let mut command = Cli::command();
    command.build();
    let mut options: Vec<String> = command
        .get_arguments()
        .filter_map(|argument| argument.get_long().map(variable_name))
        .collect();
    options.sort();
    assert_eq!(options, sluice_jobfile::RESERVED_VARIABLE_NAMES);
}
