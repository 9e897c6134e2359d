//! The relations of a job as a graph, from sources on the left to datasets on the
//! right.

use std::collections::HashMap;

use maud::{Markup, html};
use sluice_proto::v1::{Job, JobRelation};
use sluice_service::format::{format_count, plain_line};

use super::parts::phase_tone;

const BOX: (usize, usize) = (180, 44);
const GAP: (usize, usize) = (60, 16);
/// How many characters of a name a box has room for.
const MAX_NAME_CHARS: usize = 23;
/// A graph of more relations is not drawn; the tables of the page have them all.
const MAX_RELATIONS: usize = 200;

/// The graph, if the job has one that can be read.
pub(super) fn relation_graph(job: &Job) -> Option<Markup> {
    if job.relations.is_empty() || job.relations.len() > MAX_RELATIONS {
        return None;
    }
    let places = place_relations(&job.relations);
    let columns = places.iter().map(|(column, _)| column + 1).max()?;
    let rows = places.iter().map(|(_, row)| row + 1).max()?;
    let (width, height) = (
        columns * (BOX.0 + GAP.0) - GAP.0 + 4,
        rows * (BOX.1 + GAP.1) - GAP.1 + 4,
    );
    let index: HashMap<&str, usize> = (job.relations.iter().enumerate())
        .map(|(at, relation)| (relation.name.as_str(), at))
        .collect();
    let corner = |at: usize| {
        let (column, row) = places[at];
        (2 + column * (BOX.0 + GAP.0), 2 + row * (BOX.1 + GAP.1))
    };
    Some(html! {
        svg viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height) role="img"
            aria-label=(description(&job.relations)) {
            @for (at, relation) in job.relations.iter().enumerate() {
                @for source in &relation.depends_on {
                    @if let Some(from) = index.get(source.as_str()) {
                        path.edge d=(edge(corner(*from), corner(at))) {}
                    }
                }
            }
            @for (at, relation) in job.relations.iter().enumerate() {
                @let (x, y) = corner(at);
                @let (class, detail) = look_of(job, relation);
                g {
                    title { (relation.name) ": " (detail) }
                    rect class={ "box " (class) } x=(x) y=(y) width=(BOX.0) height=(BOX.1) rx="6" {}
                    text x=(x + 10) y=(y + 18) { (plain_line(&relation.name, MAX_NAME_CHARS)) }
                    text.label x=(x + 10) y=(y + 34) { (detail) }
                }
            }
        }
    })
}

/// The class of a relation's box, and its second line.
fn look_of(job: &Job, relation: &JobRelation) -> (&'static str, String) {
    if let Some(dataset) = job
        .datasets
        .iter()
        .find(|found| found.name == relation.name)
    {
        let phase = dataset.phase();
        let detail = format!("{} · {}", phase.name(), format_count(dataset.rows, "row"));
        return (phase_tone(phase).class(), detail);
    }
    if let Some(input) = job.inputs.iter().find(|found| found.name == relation.name) {
        return ("plain", format_count(input.files, "file"));
    }
    let detail = if relation.shared {
        "view, computed once"
    } else {
        "view"
    };
    ("plain", detail.to_owned())
}

/// Column and row of each relation. A relation is one column to the right of the
/// last one that it reads.
fn place_relations(relations: &[JobRelation]) -> Vec<(usize, usize)> {
    let mut columns: HashMap<&str, usize> = HashMap::new();
    let mut used = Vec::new();
    relations
        .iter()
        .map(|relation| {
            let before = relation
                .depends_on
                .iter()
                .filter_map(|name| columns.get(name.as_str()));
            let column = before.max().map_or(0, |last| last + 1);
            columns.insert(&relation.name, column);
            if used.len() <= column {
                used.resize(column + 1, 0);
            }
            let row = used[column];
            used[column] += 1;
            (column, row)
        })
        .collect()
}

fn edge(from: (usize, usize), to: (usize, usize)) -> String {
    let (x1, y1) = (from.0 + BOX.0, from.1 + BOX.1 / 2);
    let (x2, y2) = (to.0, to.1 + BOX.1 / 2);
    let middle = (x1 + x2) / 2;
    format!("M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}")
}

fn description(relations: &[JobRelation]) -> String {
    let sentences: Vec<String> = relations
        .iter()
        .filter(|relation| !relation.depends_on.is_empty())
        .map(|relation| format!("{} reads {}", relation.name, relation.depends_on.join(", ")))
        .collect();
    sentences.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(name: &str, depends_on: &[&str]) -> JobRelation {
        JobRelation {
            name: name.to_owned(),
            depends_on: depends_on.iter().map(|name| (*name).to_owned()).collect(),
            ..JobRelation::default()
        }
    }

    #[test]
    fn a_relation_is_to_the_right_of_all_that_it_reads() {
        let relations = [
            relation("orders", &[]),
            relation("clean", &["orders"]),
            relation("users", &[]),
            relation("daily", &["clean", "users"]),
            relation("raw", &["orders"]),
        ];
        assert_eq!(
            place_relations(&relations),
            [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1)]
        );
    }
}
