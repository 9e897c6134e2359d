//! Turns the planner's errors into diagnostics of the job file.

use std::sync::Arc;

use datafusion::common::{Location as EngineLocation, SchemaError, Span as EngineSpan};
use datafusion::error::DataFusionError;
use sluice_jobfile::{Diagnostic, Position, Relation, Span, codes};

use super::spans;
use crate::source::METADATA_COLUMN;

/// One planning error becomes one diagnostic, or several where the planner
/// collected several errors.
pub(super) fn diagnose_error(
    relation: &Relation,
    file: &str,
    error: &DataFusionError,
) -> Vec<Diagnostic> {
    if let DataFusionError::Collection(errors) = error {
        return errors
            .iter()
            .flat_map(|error| diagnose_error(relation, file, error))
            .collect();
    }
    let planner_diagnostic = error.diagnostic();
    let mut diagnostic = match schema_error(error) {
        Some(problem) => schema_diagnostic(problem),
        None => text_diagnostic(
            &planner_diagnostic.map_or_else(|| innermost_message(error), |d| d.message.clone()),
            &innermost_message(error),
        ),
    };
    let place = planner_diagnostic
        .and_then(|d| d.span)
        .or_else(|| column_span(error));
    let place = place
        .and_then(job_file_span)
        .or_else(|| spans::span_of_named(relation, &innermost_message(error)));
    diagnostic = diagnostic.with_span(place.unwrap_or_else(|| relation.span()));
    diagnostic.file = file.to_owned();
    // The planner's suggestions are already in our help.
    let notes = planner_diagnostic
        .into_iter()
        .flat_map(|d| &d.notes)
        .filter(|note| !note.message.to_lowercase().starts_with("possible "));
    diagnostic
        .notes
        .extend(notes.map(|note| lower_first_letter(&note.message)));
    diagnostic
        .notes
        .push(format!("in the query of {}", relation.title()));
    if diagnostic.help.is_none() {
        diagnostic.help = planner_diagnostic
            .and_then(|d| d.helps.first())
            .map(|help| lower_first_letter(&help.message));
    }
    vec![diagnostic]
}

fn schema_error(error: &DataFusionError) -> Option<&SchemaError> {
    match error {
        DataFusionError::SchemaError(problem, _) => Some(problem),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            schema_error(inner)
        }
        DataFusionError::Shared(inner) => schema_error(inner),
        _ => None,
    }
}

fn column_span(error: &DataFusionError) -> Option<EngineSpan> {
    match schema_error(error)? {
        SchemaError::FieldNotFound { field, .. } => field.spans.first(),
        _ => None,
    }
}

fn schema_diagnostic(problem: &SchemaError) -> Diagnostic {
    match problem {
        SchemaError::FieldNotFound {
            field,
            valid_fields,
        } => {
            let names: Vec<&str> = valid_fields
                .iter()
                .map(|column| column.name.as_str())
                .collect();
            let diagnostic = Diagnostic::error(
                codes::UNKNOWN_COLUMN,
                format!("no column `{}` here", field.flat_name()),
            )
            .with_label("unknown column");
            // `_metadata.file_name` is taken for a column of a relation.
            let relation = field.relation.as_ref().map(|relation| relation.table());
            let mut named = std::iter::once(field.name.as_str()).chain(relation);
            if named.any(|name| name.eq_ignore_ascii_case(METADATA_COLUMN)) {
                return diagnostic.with_help(
                    "sources have `_metadata`, and views and datasets do not: select its fields \
                     in the query that reads the source, as in SELECT *, _metadata.file_path",
                );
            }
            let help = sluice_jobfile::suggest_or_list(
                &field.name,
                "the columns are",
                names.iter().copied(),
            );
            diagnostic.with_help(help)
        }
        SchemaError::AmbiguousReference { field } => Diagnostic::error(
            codes::AMBIGUOUS_COLUMN,
            format!(
                "column `{}` is in more than one of the relations",
                field.flat_name()
            ),
        )
        .with_label("ambiguous")
        .with_help("write the relation's name or alias before it"),
        SchemaError::DuplicateQualifiedField { qualifier, name } => Diagnostic::error(
            codes::REPEATED_COLUMN,
            format!("column `{qualifier}.{name}` appears twice in the result"),
        )
        .with_help("give one of them another name with AS"),
        SchemaError::DuplicateUnqualifiedField { name } => Diagnostic::error(
            codes::REPEATED_COLUMN,
            format!("column `{name}` appears twice in the result"),
        )
        .with_help("give one of them another name with AS"),
    }
}

fn text_diagnostic(message: &str, whole: &str) -> Diagnostic {
    if let Some(name) = text_between(whole, "Invalid function '", "'") {
        let help = spark_replacement(name).unwrap_or_else(|| {
            // The engine always names the nearest function, even when it is not
            // similar.
            let near = text_between(whole, "Did you mean '", "'").unwrap_or_default();
            sluice_jobfile::did_you_mean(name, [near]).unwrap_or_else(|| {
                "the functions are Spark's; docs/sql.md lists them by what they do".to_owned()
            })
        });
        return Diagnostic::error(codes::UNKNOWN_FUNCTION, format!("no function `{name}`"))
            .with_label("unknown function")
            .with_help(help);
    }
    if let Some(call) = text_between(
        whole,
        "No function matches the given name and argument types '",
        "'. You",
    ) {
        let diagnostic = Diagnostic::error(
            codes::UNKNOWN_FUNCTION,
            format!("no function takes these types: `{call}`"),
        )
        .with_help("CAST the arguments to the types of one of these");
        return whole
            .split_once("Candidate functions:")
            .map(|(_, candidates)| {
                candidates
                    .lines()
                    .map(str::trim)
                    .filter(|line| !line.is_empty())
                    .take(8)
            })
            .into_iter()
            .flatten()
            .fold(diagnostic, |diagnostic, candidate| {
                diagnostic.with_note(candidate.replace('\t', ""))
            });
    }
    if let Some(field) = text_between(whole, "Field ", " not found in struct") {
        return Diagnostic::error(
            codes::UNKNOWN_COLUMN,
            format!("no field `{field}` in this struct"),
        )
        .with_label("unknown field");
    }
    if whole.contains("require unique expression names") {
        let name = text_between(whole, "expression \"", "\"").unwrap_or_default();
        return Diagnostic::error(
            codes::REPEATED_COLUMN,
            format!("column `{name}` appears twice in the result"),
        )
        .with_help("give one of them another name with AS");
    }
    let code =
        if whole.contains("GROUP BY") || whole.contains("aggregate") || whole.contains("Aggregate")
        {
            codes::AGGREGATE_MISUSED
        } else if [
            "cannot be coerced",
            "coercion",
            "coerce",
            "Cannot infer common",
            " type",
            "Cannot cast",
        ]
        .iter()
        .any(|sign| whole.contains(sign))
        {
            codes::TYPE_MISMATCH
        } else {
            codes::NOT_PLANNED
        };
    let diagnostic = Diagnostic::error(code, lower_first_letter(message));
    if message == whole {
        diagnostic
    } else {
        diagnostic.with_note(lower_first_letter(whole))
    }
}

fn text_between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

/// What to write instead of functions that there are not.
fn spark_replacement(name: &str) -> Option<String> {
    const KNOWN: &[(&str, &str)] = &[
        (
            "to_timestamp_seconds",
            "timestamp_seconds(n) or to_timestamp(text)",
        ),
        (
            "to_timestamp_millis",
            "timestamp_millis(n) or to_timestamp(text)",
        ),
        (
            "to_timestamp_micros",
            "timestamp_micros(n) or to_timestamp(text)",
        ),
        (
            "to_timestamp_nanos",
            "timestamp_micros(n / 1000) or to_timestamp(text)",
        ),
        (
            "schema_of_json",
            "the schema as text: from_json(text, 'a INT, b STRING')",
        ),
        (
            "monotonically_increasing_id",
            "row_number() OVER (ORDER BY …)",
        ),
    ];
    let (_, instead) = KNOWN
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(format!("write {instead}"))
}

/// The innermost text of an error, without the engine's prefixes.
fn innermost_message(error: &DataFusionError) -> String {
    let inner: &DataFusionError = match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => inner,
        DataFusionError::Shared(inner) => Arc::as_ref(inner),
        other => return other.message().to_string(),
    };
    innermost_message(inner)
}

fn lower_first_letter(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    let mut chars = message.chars();
    match (chars.next(), chars.clone().next()) {
        // Not all capitals, such as `GROUP BY`.
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => message.to_owned(),
    }
}

fn job_file_span(span: EngineSpan) -> Option<Span> {
    let position = |location: EngineLocation| {
        Some(Position {
            line: u32::try_from(location.line).ok().filter(|line| *line > 0)?,
            column: u32::try_from(location.column)
                .ok()
                .filter(|column| *column > 0)?,
        })
    };
    Some(Span {
        start: position(span.start)?,
        end: position(span.end)?,
    })
}
