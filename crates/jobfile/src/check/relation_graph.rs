//! Dependencies between relations: unknown names, cycles, evaluation order.

use std::collections::{BTreeMap, BTreeSet};

use sluice_values::{did_you_mean, list_names};

use crate::check::references::Reference;
use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::job::Relation;

/// A relation and the relations that its query names.
#[derive(Debug, Clone)]
pub(crate) struct RelationNode {
    pub(crate) name: String,
    pub(crate) references: Vec<Reference>,
}

/// Reports references to relations that the file does not declare. `declared`
/// contains the names of all statements, including those with errors; `unclear`
/// contains names that statements with errors may have declared.
pub(crate) fn report_unknown_tables(
    nodes: &[RelationNode],
    declared: &BTreeSet<String>,
    possibly_declared: &BTreeSet<String>,
    diagnostics: &mut Diagnostics,
) {
    let is_known = |name: &str| nodes.iter().any(|node| node.name == name);
    for reference in nodes.iter().flat_map(|node| &node.references) {
        if declared.contains(&reference.name) || possibly_declared.contains(&reference.name) {
            continue;
        }
        // A flow, which the file declares without a name that queries can read.
        if reference.name.contains(' ') && is_known(&reference.name) {
            continue;
        }
        let names = declared.iter().map(String::as_str);
        let other_case = declared
            .iter()
            .find(|name| name.eq_ignore_ascii_case(&reference.name));
        let help = match other_case {
            Some(name) => format!(
                "quoted names keep their case: write {}",
                if name.chars().any(char::is_uppercase) {
                    format!("\"{name}\"")
                } else {
                    name.clone()
                }
            ),
            None if declared.is_empty() => "declare it with CREATE EXTERNAL TABLE".to_owned(),
            None => did_you_mean(&reference.name, names.clone()).unwrap_or_else(|| {
                if declared.len() <= 8 {
                    format!("the file declares {}", list_names(names))
                } else {
                    "declare it with CREATE EXTERNAL TABLE or CREATE TEMPORARY VIEW".to_owned()
                }
            }),
        };
        diagnostics.push(
            Diagnostic::error(
                codes::UNKNOWN_TABLE,
                format!("unknown table `{}`", reference.written),
            )
            .with_span(reference.span)
            .with_label("not declared in this file")
            .with_help(help),
        );
    }
}

/// Reports each cycle once, at the reference that closes it. Nodes are searched
/// in file order and references in order of appearance, so the result is
/// deterministic.
pub(crate) fn report_cycles(nodes: &[RelationNode], diagnostics: &mut Diagnostics) {
    let index: BTreeMap<&str, usize> = nodes
        .iter()
        .enumerate()
        .map(|(i, node)| (node.name.as_str(), i))
        .collect();
    let mut finished = vec![false; nodes.len()];
    for start in 0..nodes.len() {
        // The path from `start`, each with the number of its next reference.
        // A loop rather than recursion: a file can chain many views.
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some((node, next)) = path.last_mut() {
            let node = *node;
            let Some(reference) = nodes[node].references.get(*next) else {
                finished[node] = true;
                path.pop();
                continue;
            };
            *next += 1;
            let Some(target) = index.get(reference.name.as_str()).copied() else {
                continue;
            };
            if let Some(from) = path.iter().position(|(i, _)| *i == target) {
                diagnostics.push(cycle_error(nodes, &path[from..], reference));
            } else if !finished[target] {
                path.push((target, 0));
            }
        }
    }
}

fn cycle_error(nodes: &[RelationNode], path: &[(usize, usize)], closing: &Reference) -> Diagnostic {
    // A flow is shown by its table.
    let names = path.iter().map(|(i, _)| nodes[*i].name.as_str());
    let mut names: Vec<&str> = names.filter(|name| !name.contains(' ')).collect();
    let is_alone = names.len() == 1;
    names.extend(names.first().copied());
    let message = if is_alone {
        format!(
            "`{}` reads itself",
            names.first().unwrap_or(&closing.name.as_str())
        )
    } else {
        format!(
            "these relations depend on each other: {}",
            names.join(" → ")
        )
    };
    Diagnostic::error(codes::CYCLE, message)
        .with_span(closing.span)
        .with_label("this closes the cycle")
        .with_help("read a source or another relation here")
}

/// How many views may read each other in a chain. Each is planned with all that it
/// reads, so a chain takes the square of its length.
const MAX_VIEW_DEPTH: usize = 100;

/// Reports the first view of each chain that is too long. A dataset ends a chain: it
/// is computed before it is read. `relations` are those of `nodes`.
pub(crate) fn report_deep_views(
    nodes: &[RelationNode],
    relations: &[Relation],
    diagnostics: &mut Diagnostics,
) {
    let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
    for at in evaluation_order(nodes) {
        let (Some(node), Some(Relation::View(view))) = (nodes.get(at), relations.get(at)) else {
            continue;
        };
        let read = node.references.iter();
        let depth = 1 + read
            .filter_map(|reference| depths.get(reference.name.as_str()))
            .max()
            .copied()
            .unwrap_or(0);
        depths.insert(&node.name, depth);
        if depth == MAX_VIEW_DEPTH + 1 {
            diagnostics.push(
                Diagnostic::error(
                    codes::VIEWS_TOO_DEEP,
                    format!(
                        "`{}` is the last of {depth} views that read each other in a chain; at \
                         most {MAX_VIEW_DEPTH} can be planned",
                        view.name
                    ),
                )
                .with_span(view.span)
                .with_help("make one in the middle a dataset: CREATE OR REFRESH MATERIALIZED VIEW"),
            );
        }
    }
}

/// Indexes of the nodes, each after the nodes that it references. Where the
/// references leave a choice, in file order. Nodes of a cycle are left out.
pub(crate) fn evaluation_order(nodes: &[RelationNode]) -> Vec<usize> {
    let index: BTreeMap<&str, usize> = nodes
        .iter()
        .enumerate()
        .map(|(i, node)| (node.name.as_str(), i))
        .collect();
    let mut waits_for = vec![0_usize; nodes.len()];
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (i, node) in nodes.iter().enumerate() {
        let needed: BTreeSet<usize> = node
            .references
            .iter()
            .filter_map(|reference| index.get(reference.name.as_str()).copied())
            .collect();
        waits_for[i] = needed.len();
        for needed in needed {
            readers[needed].push(i);
        }
    }
    let mut free: BTreeSet<usize> = (0..nodes.len()).filter(|i| waits_for[*i] == 0).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(i) = free.pop_first() {
        order.push(i);
        for reader in &readers[i] {
            waits_for[*reader] -= 1;
            if waits_for[*reader] == 0 {
                free.insert(*reader);
            }
        }
    }
    order
}
