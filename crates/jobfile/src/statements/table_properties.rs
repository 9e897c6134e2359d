//! `TBLPROPERTIES (…)` of datasets.

use std::collections::BTreeMap;

use sluice_values::suggest_or_list;

use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::job::{Dataset, OWN_PROPERTIES, SortKey};
use crate::span::{Span, Spanned};
use crate::statements::key_values::CheckPhase;
use crate::values::size::parse_target_file_size;

const DATASET_PROPERTIES: &[&str] = &["sluice.sort_by", "sluice.target_file_size"];

/// Keys contain no variables, so they are checked while parsing. This engine's
/// keys are stored in lower case, those of the table as written, because Delta
/// is case-sensitive.
pub(crate) fn check_property_keys(
    properties: &[(Spanned<String>, Spanned<String>)],
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, Spanned<String>> {
    let mut map = BTreeMap::new();
    for (key, value) in properties {
        let name = key.value.to_lowercase();
        let help = match name.as_str() {
            known if DATASET_PROPERTIES.contains(&known) => None,
            "delta.targetfilesize" => Some("use `sluice.target_file_size`".to_owned()),
            own if own.starts_with(OWN_PROPERTIES) => Some(suggest_or_list(
                own,
                "the properties of sluice are",
                DATASET_PROPERTIES.iter().copied(),
            )),
            _ => {
                map.insert(key.value.clone(), value.clone());
                continue;
            }
        };
        if let Some(help) = help {
            diagnostics.push(
                Diagnostic::error(
                    codes::UNKNOWN_PROPERTY,
                    format!("unknown table property `{}`", key.value),
                )
                .with_span(key.span)
                .with_help(help),
            );
            continue;
        }
        map.insert(name, value.clone());
    }
    map
}

/// Sets the dataset's fields from its properties. Properties whose values
/// contain variables are skipped until the variables are bound.
pub(crate) fn apply_properties(
    dataset: &mut Dataset,
    phase: CheckPhase,
    diagnostics: &mut Diagnostics,
) {
    for (key, value) in &dataset.properties {
        if phase.must_defer(&value.value) {
            continue;
        }
        let problem = match key.as_str() {
            "sluice.target_file_size" => parse_target_file_size(&value.value)
                .map(|size| dataset.target_file_size = Some(size))
                .err()
                .map(str::to_owned),
            "sluice.sort_by" => parse_sort_keys(&value.value, value.span)
                .map(|keys| dataset.sort_by = keys)
                .err(),
            _ => None,
        };
        if let Some(expected) = problem {
            diagnostics.push(
                Diagnostic::error(
                    codes::BAD_PROPERTY_VALUE,
                    format!("the property `{key}` cannot be `{}`", value.value),
                )
                .with_span(value.span)
                .with_label(format!("expected {expected}")),
            );
        }
    }
}

/// `a, b DESC, "C" ASC NULLS LAST`.
fn parse_sort_keys(text: &str, span: Span) -> Result<Vec<SortKey>, String> {
    let expected = || "columns such as `user_id, timestamp DESC`".to_owned();
    let mut keys: Vec<SortKey> = Vec::new();
    for item in text.split(',') {
        let item = item.trim();
        let (column, rest) = match item.strip_prefix(['"', '`']) {
            Some(quoted) => {
                let quote = if item.starts_with('"') { '"' } else { '`' };
                let (name, rest) = quoted.split_once(quote).ok_or_else(expected)?;
                (name.to_owned(), rest)
            }
            None => {
                let end = item.find(char::is_whitespace).unwrap_or(item.len());
                let (name, rest) = item.split_at(end);
                if !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
                    return Err(expected());
                }
                (name.to_lowercase(), rest)
            }
        };
        if column.is_empty() {
            return Err(expected());
        }
        let words: Vec<String> = rest.split_whitespace().map(str::to_uppercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (descending, nulls) = match words.as_slice() {
            ["DESC", nulls @ ..] => (true, nulls),
            ["ASC", nulls @ ..] => (false, nulls),
            nulls => (false, nulls),
        };
        let nulls_first = match nulls {
            [] => !descending,
            ["NULLS", "FIRST"] => true,
            ["NULLS", "LAST"] => false,
            _ => return Err(expected()),
        };
        if keys.iter().any(|key| key.column == column) {
            return Err(format!("`{column}` only once"));
        }
        keys.push(SortKey {
            column,
            descending,
            nulls_first,
            span,
        });
    }
    Ok(keys)
}
