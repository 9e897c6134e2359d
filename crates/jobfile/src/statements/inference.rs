//! Sources without declared columns: the options that say how they are found.

use std::collections::BTreeMap;

use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::job::{Format, Inference};
use crate::span::Spanned;
use crate::statements::new_fields::{EVOLUTION_MODE, RESCUED_DATA};
use crate::statements::source_options::parse_boolean;
use crate::statements::{read_files, source};
use crate::values::interpolation;

/// `schemaHints`: columns with types, whatever the files hold.
pub(crate) const HINTS: &str = "schema_hints";
/// Databricks' option for typed columns.
pub(crate) const COLUMN_TYPES: &str = "infer_column_types";
/// Spark's option for typed columns of CSV.
pub(crate) const INFER_SCHEMA: &str = "infer_schema";

/// Whose defaults a source without columns has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defaults {
    /// Spark's: columns of CSV are texts, and nothing is rescued.
    Spark,
    /// Those of Databricks' `read_files`: columns have types, CSV has a header, and
    /// `_rescued_data` has what no column holds.
    Databricks,
}

/// Reads the options of a source without columns.
pub(crate) fn parse_inference(
    format: Format,
    defaults: Defaults,
    options: &BTreeMap<String, Spanned<String>>,
    diagnostics: &mut Diagnostics,
) -> Inference {
    let hints = options.get(HINTS).map(|hints| {
        refuse_variables(hints, diagnostics);
        read_files::parse_schema(hints, diagnostics)
    });
    let hints = match hints {
        Some(Ok(hints)) => hints,
        Some(Err(problem)) => {
            diagnostics.push(*problem);
            Vec::new()
        }
        None => Vec::new(),
    };
    for hint in &hints {
        source::check_column_type(hint, format, diagnostics);
    }
    let given = options.get(COLUMN_TYPES).or(options.get(INFER_SCHEMA));
    let given = given.and_then(|value| {
        refuse_variables(value, diagnostics);
        // `apply_option` reports other values.
        parse_boolean(&value.value).ok()
    });
    let has_types = given.unwrap_or(format != Format::Csv || defaults == Defaults::Databricks);
    let mode = options.get(EVOLUTION_MODE);
    Inference {
        hints,
        has_types,
        adds_columns: mode.is_none_or(|mode| mode.value.eq_ignore_ascii_case("addnewcolumns")),
    }
}

/// What becomes of fields that are no columns, if the options do not say it.
pub(crate) const fn default_new_fields(format: Format, defaults: Defaults) -> Option<&'static str> {
    match (format, defaults) {
        (Format::Parquet, _) | (_, Defaults::Spark) => None,
        (_, Defaults::Databricks) => Some(RESCUED_DATA),
    }
}

/// Reports options of inference on a source with declared columns.
pub(crate) fn refuse_hints(
    options: &BTreeMap<String, Spanned<String>>,
    diagnostics: &mut Diagnostics,
) {
    if let Some(hints) = options.get(HINTS) {
        diagnostics.push(
            Diagnostic::error(
                codes::BAD_OPTION_VALUE,
                "schemaHints is for sources whose columns are not declared",
            )
            .with_span(hints.span)
            .with_help("give the types in the declaration, or leave the columns out"),
        );
    }
}

/// These options decide which columns there are, so they must be known before parameters.
fn refuse_variables(value: &Spanned<String>, diagnostics: &mut Diagnostics) {
    if interpolation::has_variables(&value.value) {
        diagnostics.push(
            Diagnostic::error(
                codes::BAD_OPTION_VALUE,
                "this option decides which columns there are, so it cannot have variables",
            )
            .with_span(value.span),
        );
    }
}
