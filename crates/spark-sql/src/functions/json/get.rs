//! Values of JSON by path, and its names.

use std::sync::Arc;

use datafusion::arrow::array::{ListBuilder, StringBuilder};
use datafusion::error::DataFusionError;

use super::super::kinds::{Kind, int_result, text_array_result, text_result};
use super::super::udf::SparkFunction;
use super::path::{Step, find_values, parse_path};
use super::value::Json;

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new(
        "get_json_object",
        &[Kind::Text, Kind::Text],
        text_result,
        |args| {
            let (texts, paths) = (args.text(0)?, args.text(1)?);
            let mut last: Option<(String, Option<Vec<Step>>)> = None;
            args.texts(|row| {
                let (Some(text), Some(path)) = (texts.get(row), paths.get(row)) else {
                    return Ok(None);
                };
                let steps = match &last {
                    Some((known, steps)) if known == path => steps,
                    _ => &last.insert((path.to_owned(), parse_path(path))).1,
                };
                let Some(steps) = steps else {
                    return Ok(None);
                };
                let wildcard = steps
                    .iter()
                    .any(|s| matches!(s, Step::Elements | Step::Fields));
                if steps.iter().any(|step| matches!(step, Step::Fields)) {
                    return Err(DataFusionError::Execution(format!(
                        "get_json_object does not have `.*` in a path ('{path}'); use \
                         from_json with a MAP"
                    )));
                }
                let Some(value) = Json::parse_first(text) else {
                    return Ok(None);
                };
                let found = find_values(&value, steps);
                Ok(match found.as_slice() {
                    [] => None,
                    [Json::Null] => None,
                    // A single text is unquoted, unless it is one of a wildcard's.
                    [Json::Text(text)] if !wildcard => Some(text.clone()),
                    [one] => Some(one.to_text()),
                    several => {
                        Some(Json::Array(several.iter().map(|v| (*v).clone()).collect()).to_text())
                    }
                })
            })
        },
    ),
    SparkFunction::new("json_array_length", &[Kind::Text], int_result, |args| {
        let texts = args.text(0)?;
        args.ints(|row| {
            Ok(texts
                .get(row)
                .and_then(|text| match Json::parse_first(text)? {
                    Json::Array(values) => i32::try_from(values.len()).ok(),
                    _ => None,
                }))
        })
    }),
    SparkFunction::new(
        "json_object_keys",
        &[Kind::Text],
        text_array_result,
        |args| {
            let texts = args.text(0)?;
            let mut lists = ListBuilder::new(StringBuilder::new());
            for row in 0..args.rows() {
                match texts.get(row).and_then(Json::parse_first) {
                    Some(Json::Object(fields)) => {
                        for (name, _) in fields {
                            lists.values().append_value(name);
                        }
                        lists.append(true);
                    }
                    _ => lists.append_null(),
                }
            }
            Ok(Arc::new(lists.finish()))
        },
    ),
];
