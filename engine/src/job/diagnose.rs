//! What the engine's planner says, as diagnostics of the job file.

use std::sync::Arc;

use datafusion::common::{Location as EngineLocation, SchemaError, Span as EngineSpan};
use datafusion::error::DataFusionError;
use sluice_jobfile::{Diagnostic, Pos, Relation, Span};

/// One planning error becomes one diagnostic or, where the planner collected
/// several, as many.
pub(super) fn diagnose(relation: &Relation, file: &str, error: &DataFusionError) -> Vec<Diagnostic> {
    if let DataFusionError::Collection(errors) = error {
        return errors.iter().flat_map(|error| diagnose(relation, file, error)).collect();
    }
    let said = error.diagnostic();
    let mut diagnostic = match schema_error(error) {
        Some(problem) => of_schema(problem),
        None => of_text(&said.map_or_else(|| text(error), |d| d.message.clone()), &text(error)),
    };
    let place = said.and_then(|d| d.span).or_else(|| column_span(error));
    diagnostic = match place.and_then(span) {
        Some(span) => diagnostic.at(span),
        None => diagnostic.at(relation.span()),
    };
    diagnostic.file = file.to_owned();
    diagnostic.notes.push(format!("in the query of {} `{}`", relation.kind(), relation.name()));
    if diagnostic.help.is_none() {
        diagnostic.help = said.and_then(|d| d.helps.first()).map(|help| lower(&help.message));
    }
    vec![diagnostic]
}

fn schema_error(error: &DataFusionError) -> Option<&SchemaError> {
    match error {
        DataFusionError::SchemaError(problem, _) => Some(problem),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => schema_error(inner),
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

fn of_schema(problem: &SchemaError) -> Diagnostic {
    match problem {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let names: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
            let diagnostic = Diagnostic::error("E0501", format!("no column `{}` here", field.flat_name()))
                .label("unknown column");
            let help = sluice_jobfile::suggest_or_list(&field.name, "the columns are", names.iter().copied());
            diagnostic.help(help)
        }
        SchemaError::AmbiguousReference { field } => {
            Diagnostic::error("E0502", format!("column `{}` is in more than one of the relations", field.flat_name()))
                .label("ambiguous")
                .help("write the relation's name or alias before it")
        }
        SchemaError::DuplicateQualifiedField { qualifier, name } => {
            Diagnostic::error("E0503", format!("column `{qualifier}.{name}` stands twice in the result"))
                .help("give one of them another name with AS")
        }
        SchemaError::DuplicateUnqualifiedField { name } => {
            Diagnostic::error("E0503", format!("column `{name}` stands twice in the result"))
                .help("give one of them another name with AS")
        }
    }
}

fn of_text(message: &str, whole: &str) -> Diagnostic {
    let code = if whole.contains("Invalid function") || whole.contains("No function matches") {
        "E0504"
    } else if whole.contains("GROUP BY") || whole.contains("aggregate") {
        "E0505"
    } else if ["cannot be coerced", "coercion", "Cannot infer common", "type", "Cannot cast"]
        .iter()
        .any(|sign| whole.contains(sign))
    {
        "E0506"
    } else {
        "E0509"
    };
    Diagnostic::error(code, lower(message))
}

/// The innermost words of an error, without the engine's prefixes.
fn text(error: &DataFusionError) -> String {
    let inner: &DataFusionError = match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => inner,
        DataFusionError::Shared(inner) => Arc::as_ref(inner),
        other => return other.message().to_string(),
    };
    text(inner)
}

fn lower(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    let mut chars = message.chars();
    match (chars.next(), chars.clone().next()) {
        // Not an acronym such as `GROUP BY`.
        (Some(first), Some(second)) if !second.is_uppercase() => first.to_lowercase().chain(chars).collect(),
        _ => message.to_owned(),
    }
}

fn span(span: EngineSpan) -> Option<Span> {
    let position = |location: EngineLocation| {
        Some(Pos {
            line: u32::try_from(location.line).ok().filter(|line| *line > 0)?,
            column: u32::try_from(location.column).ok().filter(|column| *column > 0)?,
        })
    };
    Some(Span { start: position(span.start)?, end: position(span.end)? })
}
