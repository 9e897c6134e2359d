//! The specification of a dataset's table, and what is wrong with it.

use datafusion::arrow::datatypes::SchemaRef;
use sluice_gold::TableSpec;
use sluice_jobfile::{self as jobfile, Diagnostic, codes};

use super::spans;

/// The table of a dataset whose query has this schema.
///
/// # Errors
/// Everything that is wrong with its clauses and columns.
pub(super) fn build_table_spec(
    dataset: &jobfile::Dataset,
    schema: &SchemaRef,
) -> Result<TableSpec, Vec<Diagnostic>> {
    let partition_by: Vec<String> = dataset
        .partition_by
        .iter()
        .map(|name| column_named(schema, &name.value).unwrap_or_else(|| name.value.clone()))
        .collect();
    let partitions = dataset.partition_by.iter();
    let partitions = partitions.map(|name| ("PARTITIONED BY", name.value.as_str(), name.span));
    let sorts = dataset.sort_by.iter();
    let sort_clause = match dataset.properties.contains_key("sluice.sort_by") {
        true => "`sluice.sort_by`",
        false => "CLUSTER BY",
    };
    let sorts = sorts.map(|key| (sort_clause, key.column.as_str(), key.span));
    let mut problems: Vec<Diagnostic> = partitions
        .chain(sorts)
        .filter_map(|(clause, column, span)| unknown_column(schema, clause, column, span))
        .collect();
    for (key, value) in dataset.table_properties() {
        let property = [(key, value.value.as_str())];
        if let Err(error) = sluice_gold::check_properties(&dataset.name, property) {
            problems.push(
                Diagnostic::error(codes::DELTA_PROPERTY, error.to_string()).with_span(value.span),
            );
        }
    }
    if problems.is_empty()
        && let Err(found) = sluice_gold::check_schema(schema, &partition_by)
    {
        problems.extend(found.into_iter().map(|problem| {
            let top = |field: &str| {
                problem.column == field || problem.column.starts_with(&format!("{field}."))
            };
            let fields = schema.fields();
            let span = fields
                .iter()
                .rposition(|field| top(field.name()))
                .and_then(|index| {
                    spans::span_of_column(dataset.query.as_ref()?, index, fields.len())
                })
                .unwrap_or(dataset.span);
            Diagnostic::error(
                codes::UNSTORABLE_COLUMN,
                format!(
                    "column `{}` cannot be stored: {}",
                    problem.column, problem.reason
                ),
            )
            .with_span(span)
            .with_help(problem.suggestion)
        }));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(TableSpec {
        name: dataset.name.clone(),
        schema: sluice_gold::delta_schema(schema),
        partition_by,
        properties: dataset
            .table_properties()
            .map(|(key, value)| (key.to_owned(), value.value.clone()))
            .collect(),
        comment: dataset.comment.clone(),
    })
}

/// The keys by which a dataset's files are sorted, with the names of its columns.
pub(super) fn sort_keys(dataset: &jobfile::Dataset, schema: &SchemaRef) -> Vec<jobfile::SortKey> {
    let mut keys = dataset.sort_by.clone();
    for key in &mut keys {
        if let Some(name) = column_named(schema, &key.column) {
            key.column = name;
        }
    }
    keys
}

/// The column that a clause names, in any spelling.
fn column_named(schema: &SchemaRef, name: &str) -> Option<String> {
    let names = || schema.fields().iter().map(|field| field.name());
    names()
        .find(|field| *field == name)
        .or_else(|| names().find(|field| field.to_lowercase() == name.to_lowercase()))
        .cloned()
}

/// The error for a clause that names a column which the query does not return.
fn unknown_column(
    schema: &SchemaRef,
    clause: &str,
    column: &str,
    span: jobfile::Span,
) -> Option<Diagnostic> {
    if column_named(schema, column).is_some() {
        return None;
    }
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let help = jobfile::suggest_or_list(column, "its columns are", names.collect::<Vec<_>>());
    let message = format!("{clause} names `{column}`, which the query does not return");
    Some(
        Diagnostic::error(codes::LAYOUT_COLUMN, message)
            .with_span(span)
            .with_help(help),
    )
}
