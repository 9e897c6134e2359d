use clap::Parser;

use super::*;

fn with(
    line: &str,
    properties: &[(&str, &str)],
    master: Option<&str>,
) -> Result<Invocation, String> {
    let words = std::iter::once("submit-job").chain(line.split_whitespace());
    let properties = properties
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let environment = Environment {
        master: master.map(str::to_owned),
        ..Environment::default()
    };
    resolve_invocation(
        Cli::try_parse_from(words).unwrap(),
        BTreeMap::new(),
        properties,
        &environment,
    )
    .map_err(|error| error.to_string())
}

fn submission(invocation: Invocation) -> (JobSubmission, DeployMode) {
    match invocation.action {
        Action::Run(submission, RunMode::Submit(mode)) => (submission, mode),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_nearer_word_wins() {
    let properties = [
        ("sluice.master", "sluice://file:1"),
        ("a", "file"),
        ("b", "file"),
    ];
    let master =
        |line: &str, properties: &[_], env| with(line, properties, env).unwrap().master.to_string();
    assert_eq!(master("j.sql", &[], None), "local[*]");
    assert_eq!(master("j.sql", &[], Some("")), "local[*]");
    assert_eq!(
        master("j.sql", &[], Some("sluice://env:1")),
        "sluice://env:1"
    );
    assert_eq!(
        master("j.sql", &properties, Some("local")),
        "sluice://file:1"
    );
    let conf = "--conf sluice.master=sluice://conf:1 --conf a=x --conf a=y=z";
    assert_eq!(
        master(&format!("{conf} j.sql"), &properties, None),
        "sluice://conf:1"
    );
    let all = with(
        &format!("{conf} --master sluice://flag:1 j.sql"),
        &properties,
        None,
    );
    let all = all.unwrap();
    assert_eq!(all.master.to_string(), "sluice://flag:1");
    let (submission, mode) = submission(all);
    assert_eq!(mode, DeployMode::Client);
    assert_eq!(submission.conf["a"], "y=z");
    assert_eq!(submission.conf["b"], "file");
    assert!(!submission.conf.contains_key("sluice.master"));
}

#[test]
fn submit_jobs_own_settings_may_come_from_a_file() {
    let properties = [
        ("sluice.master", "sluice://h:1"),
        ("sluice.name", "nightly"),
        ("sluice.deploy_mode", "Cluster"),
        ("sluice.timeout", "1h 30m"),
    ];
    let (from_file, mode) = submission(with("dir/my.job.sql", &properties, None).unwrap());
    assert_eq!(mode, DeployMode::Cluster);
    assert_eq!(from_file.name, "nightly");
    assert_eq!(from_file.timeout, Some(Duration::from_secs(5400)));
    assert!(from_file.conf.is_empty());
    let line = "--deploy-mode client --timeout 5s --name day dir/my.job.sql";
    let (from_line, mode) = submission(with(line, &properties, None).unwrap());
    assert_eq!(mode, DeployMode::Client);
    assert_eq!(from_line.name, "day");
    assert_eq!(from_line.timeout, Some(Duration::from_secs(5)));
    let (plain, _) = submission(with("dir/my.job.sql", &[], None).unwrap());
    assert_eq!((plain.name.as_str(), plain.memory), ("my.job", None));
    let small = with("--memory 64MB j.sql", &[("sluice.memory", "1GB")], None);
    assert_eq!(submission(small.unwrap()).0.memory, Some(64 << 20));
}

#[test]
fn datasets_to_refresh_are_lists() {
    let named = |line: &str| {
        let (job, _) = submission(with(line, &[], None).unwrap());
        (job.refresh, job.full_refresh, job.full_refresh_all)
    };
    let list =
        |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    assert_eq!(named("j.sql"), (vec![], vec![], false));
    assert_eq!(
        named("--refresh a,b --refresh c --full-refresh d j.sql"),
        (list(&["a", "b", "c"]), list(&["d"]), false)
    );
    assert_eq!(named("--full-refresh-all j.sql"), (vec![], vec![], true));
    // An empty list does not stand for all datasets.
    assert_eq!(named("--refresh= j.sql").0, list(&[""]));
}

#[test]
fn a_list_may_be_repeated() {
    let watch = |line: &str| {
        let master = Some("sluice://h:1");
        match with(line, &[], master).unwrap().action {
            Action::Query(JobQuery::List { watch }) => watch,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(watch("--list"), None);
    for (line, millis) in [
        ("--list --watch", 2_000),
        ("--watch --list", 2_000),
        ("--list --watch 5", 5_000),
        ("--list --watch=0.5", 500),
        ("--watch 1m --list", 60_000),
    ] {
        assert_eq!(watch(line), Some(Duration::from_millis(millis)), "{line}");
    }
}

#[test]
fn a_live_view_has_an_interval() {
    for (line, millis) in [("--top", 1_000), ("--top 5", 5_000), ("--top=0.5", 500)] {
        let invocation = with(line, &[], Some("sluice://h:1")).unwrap();
        let interval = Duration::from_millis(millis);
        let query = JobQuery::Top { interval };
        assert_eq!(invocation.action, Action::Query(query), "{line}");
    }
}

#[test]
fn colours_depend_on_the_stream_unless_the_option_says_otherwise() {
    for (option, no_color, on_terminal, elsewhere) in [
        ("", false, true, false),
        ("--color auto", false, true, false),
        ("--color always", false, true, true),
        ("--color never", false, false, false),
        ("", true, false, false),
        ("--color auto", true, false, false),
        ("--color always", true, true, true),
    ] {
        let words = ["submit-job", "j.sql"]
            .into_iter()
            .chain(option.split_whitespace());
        let environment = Environment {
            no_color,
            ..Environment::default()
        };
        let cli = Cli::try_parse_from(words).unwrap();
        let display = DisplayOptions::new(&cli, &environment);
        assert_eq!(
            (display.allows_color(true), display.allows_color(false)),
            (on_terminal, elsewhere),
            "{option}, NO_COLOR {no_color}"
        );
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    for (line, properties, part) in [
        ("", &[][..], "no job file given"),
        ("--plan", &[], "no job file given"),
        ("--follow j.sql", &[], "`--follow` needs `--logs ID`"),
        ("j.sql --watch", &[], "`--watch` needs `--list`"),
        ("--watch 5 --status a", &[], "submit-job --list --watch"),
        (
            "--list --watch --output json",
            &[],
            "`--output json` is one document",
        ),
        ("--list --watch", &[], "`--list` needs a scheduler"),
        ("--top", &[], "`--top` needs a scheduler"),
        (
            "--top --output json",
            &[],
            "`--output json` is one document",
        ),
        ("--conf x j.sql", &[], "setting `x` is not KEY=VALUE"),
        ("--conf =x j.sql", &[], "is not KEY=VALUE"),
        (
            "--master yarn j.sql",
            &[],
            "master `yarn` is not understood",
        ),
        ("--deploy-mode cluster j.sql", &[], "needs a cluster"),
        ("--status a", &[], "`--status` needs a scheduler"),
        ("--master local --kill a", &[], "`--kill` needs a scheduler"),
        ("--list", &[], "`--list` needs a scheduler"),
        ("--logs a --follow", &[], "`--logs` needs a scheduler"),
        ("--name= j.sql", &[], "the name must not be empty"),
        (
            "--submission-id= j.sql",
            &[],
            "the submission id must not be empty",
        ),
        ("--status=", &[], "the id must not be empty"),
        (
            "--master sluice://h:1 --memory 1GB j.sql",
            &[],
            "each executor has an option `--memory`",
        ),
        ("j.sql", &[("sluice.memory", "much")], "sluice.memory"),
        ("j.sql", &[("sluice.timeout", "0s")], "must be above zero"),
        ("j.sql", &[("sluice.timeout", "soon")], "such as 90s"),
        (
            "j.sql",
            &[("sluice.deploy_mode", "here")],
            "allowed are client and cluster",
        ),
    ] {
        let error = with(line, properties, None).unwrap_err();
        assert!(error.contains(part), "{line}: {error}");
    }
}

#[test]
fn clap_refuses_actions_that_exclude_each_other() {
    for line in [
        "--list --status a",
        "--plan --kill a",
        "--full-refresh-all --refresh a j.sql",
        "--full-refresh-all --full-refresh a j.sql",
        "--status a j.sql",
        "--timeout never j.sql",
        "--deploy-mode here j.sql",
        "--output xml j.sql",
        "--list --watch j.sql",
        "--list --watch 0",
        "--list --watch -1",
        "--list --watch=soon",
        "--list --watch 1 2",
        "--list --top",
        "--top j.sql",
        "--top 0",
    ] {
        let words = std::iter::once("submit-job").chain(line.split_whitespace());
        let error = Cli::try_parse_from(words).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}
