//! Generates the reference page of the metrics of a process.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use prometheus::Registry;
use prometheus::proto::MetricFamily;

/// A Markdown table of every metric of `registry`: name, type, labels with their
/// values, and meaning. A metric with labels is in it with the values that it has been
/// used with.
pub fn metrics_table(registry: &Registry) -> String {
    let mut page = String::from("| name | type | labels | meaning |\n|---|---|---|---|\n");
    for family in registry.gather() {
        let metric_type = format!("{:?}", family.get_field_type()).to_lowercase();
        let labels = format_labels(&family);
        let meaning = family.help().replace('|', "\\|");
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {metric_type} | {labels} | {meaning} |",
            family.name()
        );
    }
    page
}

fn format_labels(family: &MetricFamily) -> String {
    let mut values_by_label: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for metric in family.get_metric() {
        for label in metric.get_label() {
            values_by_label
                .entry(label.name())
                .or_default()
                .insert(label.value());
        }
    }
    let labels: Vec<String> = values_by_label
        .iter()
        .map(|(label, values)| {
            let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            format!("`{label}`: {}", values.join(", "))
        })
        .collect();
    labels.join("; ")
}

#[cfg(test)]
mod tests {
    use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts};

    use super::*;

    #[test]
    fn the_table_says_everything_about_a_metric() {
        let registry = Registry::new();
        let gauge = IntGauge::new("sluice_x_things", "Things | now.").unwrap();
        registry.register(Box::new(gauge)).unwrap();
        let counters = IntCounterVec::new(
            Opts::new("sluice_x_ended_total", "What ended."),
            &["state", "kind"],
        )
        .unwrap();
        registry.register(Box::new(counters.clone())).unwrap();
        counters.with_label_values(&["LOST", "a"]).inc();
        counters.with_label_values(&["DONE", "a"]).inc();
        let times =
            Histogram::with_opts(HistogramOpts::new("sluice_x_seconds", "How long.")).unwrap();
        registry.register(Box::new(times)).unwrap();
        assert_eq!(
            metrics_table(&registry),
            "| name | type | labels | meaning |\n\
             |---|---|---|---|\n\
             | `sluice_x_ended_total` | counter | `kind`: `a`; `state`: `DONE`, `LOST` | What ended. |\n\
             | `sluice_x_seconds` | histogram |  | How long. |\n\
             | `sluice_x_things` | gauge |  | Things \\| now. |\n"
        );
    }
}
