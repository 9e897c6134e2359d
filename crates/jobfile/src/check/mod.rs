//! Checks of statements against each other.

pub(crate) mod column_names;
mod flows;
pub(crate) mod references;
mod relation_graph;
mod replaced_parts;
mod streams;
pub(crate) mod substitute;

use self::substitute::VariableName;
use std::collections::BTreeSet;
use std::rc::Rc;

use self::column_names::KnownColumns;
use self::references::Reference;
use self::relation_graph::RelationNode;
use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::job::variable::VariableDeclaration;
use crate::job::{Dataset, GOLD_VARIABLE, Relation};
use crate::span::{Position, Span};
use crate::statements::parse_context::ParseContext;
use crate::syntax::tokens::TokenizedFile;
use crate::values::interpolation;

/// What the check of all statements gives.
#[derive(Default)]
pub(crate) struct CheckedRelations {
    /// Each after those that it reads.
    pub(crate) relations: Vec<Relation>,
    /// The variables that queries name as values.
    pub(crate) value_variables: BTreeSet<String>,
}

/// Checks statements against each other and puts relations in order.
pub(crate) fn check_relations(
    context: &mut ParseContext<'_>,
    tokenized: &TokenizedFile,
    broken: bool,
) -> CheckedRelations {
    if tokenized.statements.is_empty() && !context.diagnostics.has_errors() {
        context.diagnostics.push(
            Diagnostic::error(codes::EMPTY_FILE, "the job file contains no statements").with_help(
                "begin with CREATE EXTERNAL TABLE for the input and CREATE OR REFRESH MATERIALIZED VIEW for the output",
            ),
        );
        return CheckedRelations::default();
    }
    let mut relations = std::mem::take(&mut context.relations);
    let declared = std::mem::take(&mut context.declared_names);
    let nodes = link_references(&mut relations, &declared, &mut context.diagnostics);
    streams::check_streams(&relations, &nodes, &mut context.diagnostics);
    if !broken {
        flows::check_flows(&relations, &declared, &mut context.diagnostics);
    }
    replaced_parts::check_parts(&relations, &mut context.diagnostics);
    if !tokenized.truncated {
        relation_graph::report_unknown_tables(
            &nodes,
            &declared,
            &context.possibly_declared,
            &mut context.diagnostics,
        );
    }
    relation_graph::report_cycles(&nodes, &mut context.diagnostics);
    relation_graph::report_deep_views(&nodes, &relations, &mut context.diagnostics);
    let order = relation_graph::evaluation_order(&nodes);
    let (value_variables, used) = check_variables(context, &mut relations, &order);
    if !broken && !relations.iter().any(|r| matches!(r, Relation::Dataset(_))) {
        context
            .diagnostics
            .push(no_dataset_error(context, &relations));
    }
    if !context.diagnostics.has_errors() {
        let findings = unused_warnings(&relations, &nodes, &context.variables, &used);
        context.diagnostics.extend(findings);
    }
    let mut slots: Vec<Option<Relation>> = relations.into_iter().map(Some).collect();
    let ordered = order.into_iter();
    CheckedRelations {
        relations: ordered
            .filter_map(|i| slots.get_mut(i).and_then(Option::take))
            .collect(),
        value_variables,
    }
}

/// What each relation reads. Also sets `depends_on` of the relations.
fn link_references(
    relations: &mut [Relation],
    declared: &BTreeSet<String>,
    diagnostics: &mut Diagnostics,
) -> Vec<RelationNode> {
    let flows: Vec<(String, String, Span)> = relations
        .iter()
        .filter_map(|relation| match relation {
            Relation::Flow(flow) => Some((flow.table.clone(), flow.name.clone(), flow.table_span)),
            _ => None,
        })
        .collect();
    relations
        .iter_mut()
        .map(|relation| {
            let mut references = relation
                .query()
                .map(|query| references::find_references(query, declared, diagnostics))
                .unwrap_or_default();
            let (mut names, mut streams): (Vec<String>, Vec<String>) = Default::default();
            for reference in &references {
                let list = match reference.is_stream {
                    true => &mut streams,
                    false => &mut names,
                };
                if !list.contains(&reference.name) {
                    list.push(reference.name.clone());
                }
            }
            match relation {
                Relation::Source(_) => {}
                Relation::View(view) => (view.depends_on, view.streams) = (names, streams),
                Relation::Flow(flow) => (flow.depends_on, flow.streams) = (names, streams),
                Relation::Dataset(dataset) if dataset.is_streaming() => {
                    references = flow_references(dataset, &flows);
                    let names = references.iter().map(|reference| reference.name.clone());
                    dataset.depends_on = names.collect();
                }
                Relation::Dataset(dataset) => dataset.depends_on = names,
            }
            RelationNode {
                name: relation.name().to_owned(),
                references,
            }
        })
        .collect()
}

/// A streaming table is computed after its flows.
fn flow_references(dataset: &Dataset, flows: &[(String, String, Span)]) -> Vec<Reference> {
    let flows = flows.iter().filter(|(table, ..)| *table == dataset.name);
    flows
        .map(|(table, flow, span)| Reference {
            name: flow.clone(),
            written: table.clone(),
            span: *span,
            is_stream: false,
        })
        .collect()
}

/// Checks every use of a variable. Returns the names of those that queries name as
/// values, and of all that are used.
fn check_variables(
    context: &mut ParseContext<'_>,
    relations: &mut [Relation],
    order: &[usize],
) -> (BTreeSet<String>, BTreeSet<String>) {
    let declared: Vec<(String, bool)> = context
        .variables
        .iter()
        .map(|declared| &declared.variable)
        .map(|variable| (variable.name.clone(), variable.ty.has_parts()))
        .collect();
    let variables: Vec<VariableName<'_>> = declared
        .iter()
        .map(|(name, has_parts)| VariableName {
            name,
            has_parts: *has_parts,
        })
        .collect();
    let names: Vec<&str> = declared.iter().map(|(name, _)| name.as_str()).collect();
    let mut used = BTreeSet::new();
    let mut strings = std::mem::take(&mut context.placeholder_strings);
    let mut known = KnownColumns::new();
    let in_use = !variables.is_empty();
    // Relations of a cycle come last: the columns they read are unknown.
    let ordered: BTreeSet<usize> = order.iter().copied().collect();
    let in_cycles = (0..relations.len()).filter(|i| !ordered.contains(i));
    for i in order.iter().copied().chain(in_cycles) {
        if let Some(usage) = replaced_parts::find_part_usage(
            relations,
            i,
            &variables,
            &known,
            &mut context.diagnostics,
        ) {
            used.extend(usage.names);
            strings.extend(usage.strings);
        }
        let relation = &relations[i];
        if let Some(query) = relation.query() {
            let usage = substitute::find_usage(query, &variables, &known, &mut context.diagnostics);
            used.extend(usage.names);
            strings.extend(usage.strings);
        }
        if !in_use {
            continue;
        }
        let columns = column_names::relation_columns(relation, &known);
        known.insert(relation.name().to_owned(), Rc::new(columns));
    }
    let values = used.clone();
    for string in &strings {
        // In a default only the variables above it are visible, elsewhere all.
        let above = context
            .variables
            .iter()
            .position(|v| v.default.as_ref().is_some_and(|d| d.span == string.span));
        let visible = &names[..above.unwrap_or(names.len())];
        let findings = interpolation::check_placeholders(string, context.source, visible);
        context.diagnostics.extend(findings);
        used.extend(interpolation::variable_names(&string.value));
    }
    (values, used)
}

fn no_dataset_error(context: &ParseContext<'_>, relations: &[Relation]) -> Diagnostic {
    let end = context.source.end_position();
    let span = relations
        .last()
        .map_or(Span::empty_at(Position::new(1, 1).min(end)), Relation::span);
    Diagnostic::error(
        codes::NO_DATASET,
        "the job has nothing to do: no dataset is written",
    )
    .with_span(span)
    .with_label("the last relation of the file")
    .with_help("add `CREATE OR REFRESH MATERIALIZED VIEW name AS SELECT …`")
}

fn unused_warnings(
    relations: &[Relation],
    nodes: &[RelationNode],
    variables: &[VariableDeclaration],
    used: &BTreeSet<String>,
) -> Vec<Diagnostic> {
    let read: BTreeSet<&str> = nodes
        .iter()
        .flat_map(|node| &node.references)
        .map(|reference| reference.name.as_str())
        .collect();
    let of_relations = relations.iter().filter_map(|relation| {
        let code = match relation {
            Relation::Source(_) => codes::UNUSED_SOURCE,
            Relation::View(_) => codes::UNUSED_VIEW,
            Relation::Flow(_) | Relation::Dataset(_) => return None,
        };
        let (kind, name) = (relation.kind(), relation.name());
        (!read.contains(name)).then(|| {
            Diagnostic::warning(code, format!("no query reads the {kind} `{name}`"))
                .with_span(relation.span())
                .with_help("it is not computed; remove it, or read it in a dataset")
        })
    });
    let of_variables = variables
        .iter()
        .filter(|variable| {
            let name = &variable.variable.name;
            name != GOLD_VARIABLE && !used.contains(name)
        })
        .map(|variable| {
            let name = &variable.variable.name;
            Diagnostic::warning(
                codes::UNUSED_VARIABLE,
                format!("nothing uses the variable `{name}`"),
            )
            .with_span(variable.variable.span)
            .with_help(format!(
                "use `{name}` in a query or `${{{name}}}` in a string, or remove it"
            ))
        });
    of_relations.chain(of_variables).collect()
}
