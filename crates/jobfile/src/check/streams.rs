//! What may be read with STREAM, and where.

use std::collections::BTreeMap;

use crate::check::references::Reference;
use crate::check::relation_graph::RelationNode;
use crate::check::replaced_parts;
use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::job::Relation;

/// Checks every reference to a relation for its STREAM. `nodes` are the references of
/// `relations`.
pub(crate) fn check_streams(
    relations: &[Relation],
    nodes: &[RelationNode],
    diagnostics: &mut Diagnostics,
) {
    let by_name: BTreeMap<&str, &Relation> = relations
        .iter()
        .map(|relation| (relation.name(), relation))
        .collect();
    for (relation, node) in relations.iter().zip(nodes) {
        for reference in &node.references {
            let Some(read) = by_name.get(reference.name.as_str()) else {
                continue;
            };
            let problem = if reference.is_stream {
                replaced_parts::stream_error(relations, relation, reference)
                    .or_else(|| stream_error(relation, reference, read))
            } else {
                whole_read_error(relation, reference, read)
            };
            diagnostics.extend(problem);
        }
        if let Relation::Flow(flow) = relation
            && flow.streams.is_empty()
            && !flow.once
            && flow.part.is_none()
        {
            diagnostics.push(
                Diagnostic::error(
                    codes::STREAM_MISUSED,
                    format!("the query of `{}` reads no stream", flow.flow),
                )
                .with_span(flow.span)
                .with_label("each run would add all of its rows again")
                .with_help(
                    "write FROM STREAM source for what is new, or CREATE OR REFRESH MATERIALIZED \
                     VIEW for rows that are replaced by every run, or INSERT ONCE for rows that \
                     are added once; REPLACE WHERE condition replaces a part of the table",
                ),
            );
        }
    }
}

/// What is wrong with `STREAM read` in the query of `relation`.
fn stream_error(relation: &Relation, reference: &Reference, read: &Relation) -> Option<Diagnostic> {
    let written = &reference.written;
    let (message, help) = match (relation, read) {
        (Relation::Dataset(_), _) => (
            "a materialized view reads whole relations, not streams".to_owned(),
            "leave STREAM out: every run replaces its rows; or make it a streaming table: CREATE \
             OR REFRESH STREAMING TABLE"
                .to_owned(),
        ),
        (_, Relation::Source(_)) => return None,
        (_, Relation::View(view)) if !view.streams.is_empty() => return None,
        (_, Relation::View(_)) => (
            format!("the view `{written}` is no stream: its query reads whole relations"),
            "write STREAM in the view's query, before the source of the rows; or leave it out here"
                .to_owned(),
        ),
        (_, Relation::Dataset(dataset)) if dataset.is_streaming() => return None,
        (_, Relation::Dataset(_) | Relation::Flow(_)) => (
            format!("`{written}` is no stream: every run replaces its rows"),
            format!("make `{written}` a streaming table or a view, or leave STREAM out"),
        ),
    };
    Some(
        Diagnostic::error(codes::STREAM_MISUSED, message)
            .with_span(reference.span)
            .with_help(help),
    )
}

/// What is wrong with `read` without STREAM in the query of `relation`.
fn whole_read_error(
    relation: &Relation,
    reference: &Reference,
    read: &Relation,
) -> Option<Diagnostic> {
    let Relation::View(view) = read else {
        return None;
    };
    if view.streams.is_empty() {
        return None;
    }
    let help = match relation {
        Relation::Dataset(_) => {
            "a materialized view reads whole relations: leave STREAM out of the view's query, or \
             read a streaming table that reads it"
                .to_owned()
        }
        _ => format!("write `STREAM {}`", reference.written),
    };
    Some(
        Diagnostic::error(
            codes::STREAM_MISUSED,
            format!("the view `{}` is a stream", reference.written),
        )
        .with_span(reference.span)
        .with_help(help),
    )
}
