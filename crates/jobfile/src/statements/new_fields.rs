//! The options `schemaEvolutionMode` and `rescuedDataColumn` of JSON and CSV sources, which
//! are Databricks'.

use std::collections::BTreeMap;

use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::job::types::DataType;
use crate::job::{Column, NewFields};
use crate::span::{Span, Spanned};
use crate::statements::source::CORRUPT_RECORD;
use crate::values::interpolation;

pub(crate) const EVOLUTION_MODE: &str = "schema_evolution_mode";
pub(crate) const RESCUED_COLUMN: &str = "rescued_data_column";

/// The column for what no other column holds, unless the option names another.
pub(crate) const RESCUED_DATA: &str = "_rescued_data";

/// What the options of a source say of fields that are not declared.
///
/// Of a source with declared `columns`, the one that holds such fields is added to them.
/// Without, `default` is the name of that column when the options do not say anything.
pub(crate) fn apply_new_fields(
    options: &BTreeMap<String, Spanned<String>>,
    (columns, default): (Option<&mut Vec<Column>>, Option<&str>),
    diagnostics: &mut Diagnostics,
) -> NewFields {
    let mode = options.get(EVOLUTION_MODE);
    let named = options.get(RESCUED_COLUMN);
    // They decide which columns there are, so they must be known before parameters are.
    let mut values = [mode, named].into_iter().flatten();
    if let Some(value) = values.find(|value| interpolation::has_variables(&value.value)) {
        diagnostics.push(
            Diagnostic::error(
                codes::BAD_OPTION_VALUE,
                "this option decides which columns there are, so it cannot have variables",
            )
            .with_span(value.span),
        );
        return NewFields::Skipped;
    }
    let adds = |mode: &&Spanned<String>| mode.value.eq_ignore_ascii_case("addnewcolumns");
    let adds_columns = columns.is_none() && mode.as_ref().is_none_or(adds);
    let parsed = parse_mode(mode.filter(|_| !adds_columns), named);
    match (parsed, columns) {
        (Ok(NewFields::Rescued(column)), Some(columns)) => {
            let place = named.or(mode);
            if let Some(Err(problem)) = place.map(|value| add_column(&column, value, columns)) {
                diagnostics.push(*problem);
            }
            NewFields::Rescued(column)
        }
        (Ok(NewFields::Skipped), None) if adds_columns => match default {
            Some(column) => NewFields::Rescued(column.to_owned()),
            None => NewFields::Skipped,
        },
        (Ok(other), _) => other,
        (Err(problem), _) => {
            diagnostics.push(*problem);
            NewFields::Skipped
        }
    }
}

fn parse_mode(
    mode: Option<&Spanned<String>>,
    named: Option<&Spanned<String>>,
) -> Result<NewFields, Box<Diagnostic>> {
    let column = named.map(|named| named.value.trim().to_lowercase());
    let Some(mode) = mode else {
        return Ok(column.map_or(NewFields::Skipped, NewFields::Rescued));
    };
    let refused = |label: &str, help: &str| {
        let message = format!("the option `{EVOLUTION_MODE}` cannot be `{}`", mode.value);
        Box::new(
            Diagnostic::error(codes::BAD_OPTION_VALUE, message)
                .with_span(mode.span)
                .with_label(label)
                .with_help(help),
        )
    };
    match mode.value.to_lowercase().as_str() {
        "none" => Ok(column.map_or(NewFields::Skipped, NewFields::Rescued)),
        "rescue" => Ok(NewFields::Rescued(
            column.unwrap_or_else(|| RESCUED_DATA.to_owned()),
        )),
        "failonnewcolumns" if column.is_some() => Err(refused(
            "nothing is left to rescue",
            "leave rescuedDataColumn out, or write `rescue`",
        )),
        "failonnewcolumns" => Ok(NewFields::Refused),
        "addnewcolumns" => Err(refused(
            "columns are declared, and not added by data",
            "leave the columns out, so that they are found in the files; or write `rescue` to keep new fields in `_rescued_data`, or `failOnNewColumns` to notice them; a column that is declared later is added to the tables",
        )),
        "addnewcolumnswithtypewidening" => Err(refused(
            "columns of tables keep their types",
            "write `addNewColumns` and leave the columns out: values that do not fit their type are kept in `_rescued_data`",
        )),
        _ => Err(refused(
            "expected `none`, `rescue` or `failOnNewColumns`",
            "fields that are not declared are skipped by `none`, which is the default",
        )),
    }
}

/// Adds the column, unless it is declared as it must be.
fn add_column(
    name: &str,
    value: &Spanned<String>,
    columns: &mut Vec<Column>,
) -> Result<(), Box<Diagnostic>> {
    let refused = |message: String, help: &str| {
        let problem = Diagnostic::error(codes::BAD_OPTION_VALUE, message);
        Box::new(problem.with_span(value.span).with_help(help))
    };
    if name.is_empty() || name == CORRUPT_RECORD {
        let message = format!("`{name}` cannot hold what no column holds");
        return Err(refused(
            message,
            "name another column, such as `_rescued_data`",
        ));
    }
    let declared = (columns.iter()).find(|column| column.name.to_lowercase() == name);
    match declared {
        Some(column) if column.ty != DataType::String || !column.nullable => Err(refused(
            format!("the column `{name}` must be STRING, without NOT NULL, to hold JSON"),
            "leave it out of the columns: the option adds it",
        )),
        Some(_) => Ok(()),
        None => {
            columns.push(rescued_column(name, value.span));
            Ok(())
        }
    }
}

/// The column for what no other column holds.
pub(crate) fn rescued_column(name: &str, span: Span) -> Column {
    Column {
        name: name.to_owned(),
        source_name: name.to_owned(),
        ty: DataType::String,
        nullable: true,
        span,
        comment: None,
    }
}
