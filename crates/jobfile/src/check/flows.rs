//! Flows and the streaming tables that get their rows.

use std::collections::BTreeSet;

use sluice_values::suggest_or_list;

use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::job::{Dataset, Flow, Relation};

/// Checks that every flow has a streaming table, every streaming table a flow, and
/// every flow a name of its own in its table.
pub(crate) fn check_flows(
    relations: &[Relation],
    declared: &BTreeSet<String>,
    diagnostics: &mut Diagnostics,
) {
    let tables: Vec<&Dataset> = relations
        .iter()
        .filter_map(|relation| match relation {
            Relation::Dataset(dataset) if dataset.is_streaming() => Some(dataset),
            _ => None,
        })
        .collect();
    let mut flows: Vec<&Flow> = Vec::new();
    for relation in relations {
        let Relation::Flow(flow) = relation else {
            continue;
        };
        if !tables.iter().any(|table| table.name == flow.table) {
            diagnostics.push(no_table_error(flow, &tables, declared));
        }
        let first = flows.iter().find(|other| other.name == flow.name);
        if let Some(first) = first {
            diagnostics.push(
                Diagnostic::error(
                    codes::FLOW_TARGET,
                    format!("the table `{}` has two flows `{}`", flow.table, flow.flow),
                )
                .with_span(flow.span)
                .with_label(format!("first declared on line {}", first.span.start.line))
                .with_help(
                    "rename one of them; what a flow has taken is recorded under its name, and \
                     the query of CREATE STREAMING TABLE is a flow with the name of the table",
                ),
            );
        }
        flows.push(flow);
    }
    for table in tables {
        if !flows.iter().any(|flow| flow.table == table.name) {
            diagnostics.push(
                Diagnostic::error(
                    codes::FLOW_TARGET,
                    format!("nothing writes to the streaming table `{}`", table.name),
                )
                .with_span(table.span)
                .with_help(format!(
                    "add `AS SELECT … FROM STREAM …`, or `CREATE FLOW name AS INSERT INTO {} BY \
                     NAME SELECT … FROM STREAM …`",
                    table.name
                )),
            );
        }
    }
}

fn no_table_error(flow: &Flow, tables: &[&Dataset], declared: &BTreeSet<String>) -> Diagnostic {
    let message = match declared.contains(&flow.table) {
        true => format!("`{}` is not a streaming table", flow.table),
        false => format!("unknown streaming table `{}`", flow.table),
    };
    let help = if tables.is_empty() {
        format!("declare it: `CREATE STREAMING TABLE {};`", flow.table)
    } else {
        let names = tables.iter().map(|table| table.name.as_str());
        suggest_or_list(&flow.table, "the streaming tables are", names)
    };
    Diagnostic::error(codes::FLOW_TARGET, message)
        .with_span(flow.table_span)
        .with_help(help)
}
