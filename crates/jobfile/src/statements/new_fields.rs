//! The options `schemaEvolutionMode` and `rescuedDataColumn` of JSON and CSV sources, which
//! are Databricks'.

use std::collections::BTreeMap;

use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::job::types::DataType;
use crate::job::{Column, NewFields};
use crate::span::Spanned;
use crate::statements::source::CORRUPT_RECORD;
use crate::values::interpolation;

pub(crate) const EVOLUTION_MODE: &str = "schema_evolution_mode";
pub(crate) const RESCUED_COLUMN: &str = "rescued_data_column";

/// The column for what no other column holds, unless the option names another.
const RESCUED_DATA: &str = "_rescued_data";

/// Reads what the options of a source say of fields that are not declared, and adds the
/// column that holds them.
pub(crate) fn apply_new_fields(
    options: &BTreeMap<String, Spanned<String>>,
    columns: &mut Vec<Column>,
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
    match parse_mode(mode, named) {
        Ok(NewFields::Rescued(column)) => {
            let place = named.or(mode);
            if let Some(Err(problem)) = place.map(|value| add_column(&column, value, columns)) {
                diagnostics.push(*problem);
            }
            NewFields::Rescued(column)
        }
        Ok(other) => other,
        Err(problem) => {
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
        "addnewcolumns" | "addnewcolumnswithtypewidening" => Err(refused(
            "columns are declared, and not added by data",
            "write `rescue` to keep new fields in `_rescued_data`, or `failOnNewColumns` to notice them; a column that is declared later is added to the tables",
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
            columns.push(Column {
                name: name.to_owned(),
                source_name: name.to_owned(),
                ty: DataType::String,
                nullable: true,
                span: value.span,
                comment: None,
            });
            Ok(())
        }
    }
}
