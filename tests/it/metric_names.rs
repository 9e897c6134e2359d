//! The names of metrics: the convention, and who uses them. That docs/metrics.md has
//! the metrics of the programs is a test of `scheduler` and `executor`.

use std::collections::{BTreeMap, BTreeSet};

use crate::repository::{list_files, relative_path, root};

/// Name and type of each metric in docs/metrics.md.
fn documented_metrics() -> BTreeMap<String, String> {
    let page = std::fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    page.lines()
        .filter_map(|line| line.strip_prefix("| `sluice_"))
        .filter_map(|line| line.split_once("` | "))
        .map(|(name, rest)| {
            let metric_type = rest.split(' ').next().unwrap_or_default();
            (format!("sluice_{name}"), metric_type.to_owned())
        })
        .collect()
}

/// The metrics of our programs that a text names.
fn named_metrics(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| {
            ["sluice_scheduler_", "sluice_executor_"]
                .iter()
                .any(|prefix| word.starts_with(*prefix) && word.len() > prefix.len())
        })
        .collect()
}

/// The metric that a sample belongs to.
fn metric_of_sample(sample: &str) -> &str {
    ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|suffix| sample.strip_suffix(*suffix))
        .unwrap_or(sample)
}

#[test]
fn only_counters_end_in_total() {
    let metrics = documented_metrics();
    assert!(metrics.len() > 20, "{metrics:?}");
    for (name, metric_type) in metrics {
        assert_eq!(
            name.ends_with("_total"),
            metric_type == "counter",
            "{name} is a {metric_type}"
        );
    }
}

#[test]
fn the_dashboard_and_the_documents_name_metrics_that_exist() {
    let metrics = documented_metrics();
    for path in [
        "deploy/docker/grafana/dashboards/sluice.json",
        "docs/configuration.md",
        "docs/docker.md",
        "docs/failures.md",
        "docs/kubernetes.md",
    ] {
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        let unknown: Vec<&str> = named_metrics(&text)
            .into_iter()
            .filter(|name| {
                !metrics.contains_key(*name) && !metrics.contains_key(metric_of_sample(name))
            })
            .collect();
        assert!(unknown.is_empty(), "{path} names {unknown:?}");
    }
}

#[test]
fn the_page_of_metrics_has_every_program_that_has_some() {
    let with_metrics: BTreeSet<String> = list_files("Cargo.toml")
        .iter()
        .filter(|path| {
            std::fs::read_to_string(path)
                .unwrap()
                .contains("\nprometheus.workspace")
        })
        .map(|path| relative_path(path))
        .collect();
    let known = [
        "crates/service/Cargo.toml",
        "executor/Cargo.toml",
        "scheduler/Cargo.toml",
    ];
    assert_eq!(
        with_metrics,
        BTreeSet::from(known.map(str::to_owned)),
        "add a section to docs/metrics.md, and a test that writes it"
    );
}
