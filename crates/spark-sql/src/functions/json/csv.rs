//! Lines of CSV in text: what `from_csv` reads, in the words of JSON, and what `to_csv`
//! writes.

use datafusion::arrow::array::{Array, AsArray, StringArray};
use datafusion::arrow::datatypes::{DataType, Fields};
use datafusion::error::{DataFusionError, Result};

use super::super::kinds::{Kind, text_result};
use super::super::udf::SparkFunction;
use super::options::{Direction, JsonOptions};
use super::to_json::write_column;
use super::value::Json;

/// The fields of a line as those of an object. What does not fit its type is NULL.
pub(super) fn read_line(line: &str, fields: &Fields, separator: char) -> Json {
    let values = split_line(line, separator);
    let named = fields.iter().zip(values).map(|(field, value)| {
        let value = match value {
            Some(text) => as_json(text, field.data_type()),
            None => Json::Null,
        };
        (field.name().clone(), value)
    });
    Json::Object(named.collect())
}

/// Whether each value of a line has its type, and there are as many as there are fields.
pub(super) fn fits(line: &str, fields: &Fields, separator: char) -> bool {
    let values = split_line(line, separator);
    values.len() == fields.len()
        && values.into_iter().zip(fields).all(|(value, field)| {
            value.is_none_or(|text| as_json(text, field.data_type()) != Json::Null)
        })
}

fn as_json(text: String, data_type: &DataType) -> Json {
    let number = |fits: bool, text: &str| match fits {
        true => Json::Number(text.to_owned()),
        false => Json::Null,
    };
    use DataType as T;
    match data_type {
        T::Int8 => number(text.parse::<i8>().is_ok(), &text),
        T::Int16 => number(text.parse::<i16>().is_ok(), &text),
        T::Int32 => number(text.parse::<i32>().is_ok(), &text),
        T::Int64 => number(text.parse::<i64>().is_ok(), &text),
        // Spaces around fractions do not count.
        T::Float32 | T::Float64 | T::Decimal128(..) => {
            let text = text.trim();
            number(text.parse::<f64>().is_ok_and(f64::is_finite), text)
        }
        T::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" => Json::Boolean(true),
            "false" => Json::Boolean(false),
            _ => Json::Null,
        },
        _ => Json::Text(text),
    }
}

/// The values of a line; an empty one is NULL.
///
/// A value in quotes ends at quotes that only blanks follow. Where something else follows,
/// the value is the text up to the separator, with its quotes, as in Spark.
fn split_line(line: &str, separator: char) -> Vec<Option<String>> {
    let mut values = Vec::new();
    let mut rest = line;
    loop {
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => read_quoted(quoted, separator),
            None => split_at_separator(rest, separator),
        };
        values.push((!value.is_empty()).then_some(value));
        match after {
            Some(after) => rest = after,
            None => return values,
        }
    }
}

/// The text up to the separator, and what follows it.
fn split_at_separator(text: &str, separator: char) -> (String, Option<&str>) {
    match text.split_once(separator) {
        Some((value, after)) => (value.to_owned(), Some(after)),
        None => (text.to_owned(), None),
    }
}

/// The value of which the first quote has been read, and what follows its separator.
fn read_quoted(text: &str, separator: char) -> (String, Option<&str>) {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let Some(at) = rest.find(['"', '\\']) else {
            // The quotes are not closed.
            value.push_str(rest);
            return (value, None);
        };
        let (before, special) = rest.split_at(at);
        value.push_str(before);
        if let Some(escaped) = special.strip_prefix('\\') {
            let is_escape = escaped.starts_with(['"', '\\']);
            let (taken, after) = escaped.split_at(usize::from(is_escape));
            value.push_str(if is_escape { taken } else { "\\" });
            rest = after;
            continue;
        }
        let after = special.trim_start_matches('"');
        let quotes = special
            .get(..special.len() - after.len())
            .unwrap_or_default();
        let next = after.trim_start_matches(|c: char| c <= ' ' && c != separator);
        let is_closed = next.is_empty() || next.starts_with(separator);
        let kept = if is_closed {
            // The last quote closes the value.
            quotes.get(1..).unwrap_or_default()
        } else {
            value.insert(0, '"');
            quotes
        };
        value.push_str(kept);
        if is_closed {
            return (value, next.strip_prefix(separator));
        }
        let (raw, after) = split_at_separator(after, separator);
        value.push_str(&raw);
        return (value, after);
    }
}

pub(super) static TO_CSV: SparkFunction =
    SparkFunction::new("to_csv", &[Kind::Any, Kind::Text], text_result, |args| {
        let values = args.any(0)?;
        let Some(rows) = values.array().as_struct_opt() else {
            return Err(DataFusionError::Execution(format!(
                "to_csv takes a struct, not a value of type {}; write to_csv(struct(…))",
                values.array().data_type()
            )));
        };
        let options = JsonOptions::read(args, 1, Direction::WriteCsv)?;
        let columns: Vec<StringArray> = rows
            .columns()
            .iter()
            .map(|column| write_column(column, *args.zone(), &options))
            .collect::<Result<_>>()?;
        args.texts(|row| {
            let row = values.position(row);
            if rows.is_null(row) {
                return Ok(None);
            }
            let mut line = String::new();
            for (at, column) in columns.iter().enumerate() {
                if at > 0 {
                    line.push(options.separator);
                }
                if column.is_valid(row) {
                    write_value(column.value(row), options.separator, &mut line);
                }
            }
            Ok(Some(line))
        })
    })
    .with_optional(1)
    .variadic();

/// A value, in quotes where it would not be read back without them.
fn write_value(value: &str, separator: char, line: &mut String) {
    let is_plain = !value.is_empty()
        && !value.contains([separator, '"', '\n', '\r'])
        && value.trim_matches(|c: char| c <= ' ') == value;
    if is_plain {
        line.push_str(value);
        return;
    }
    line.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            line.push('\\');
        }
        line.push(c);
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_at_separators_outside_quotes() {
        for (line, expected) in [
            ("1,abc", vec![Some("1"), Some("abc")]),
            ("1,,\"\"", vec![Some("1"), None, None]),
            ("a,", vec![Some("a"), None]),
            ("\"a\" ,b", vec![Some("a"), Some("b")]),
            (
                "\"a,b\"c,d\",2",
                vec![Some("\"a,b\"c"), Some("d\""), Some("2")],
            ),
            (
                "x,\"a\" \"b\",y",
                vec![Some("x"), Some("\"a\" \"b\""), Some("y")],
            ),
            (
                "\"a \"\"b\"\" c\",2",
                vec![Some("\"a \"\"b\"\" c\""), Some("2")],
            ),
            ("\"a\"\"\",2", vec![Some("a\"\""), Some("2")]),
            ("\"a\\\"x\"y,2", vec![Some("\"a\"x\"y"), Some("2")]),
            ("\"a\\nb\",\"c\\\\d\"", vec![Some("a\\nb"), Some("c\\d")]),
            ("a\\\"b,2", vec![Some("a\\\"b"), Some("2")]),
            ("\"abc,2", vec![Some("abc,2")]),
            (
                "\"a,b\",\"say \\\"hi\\\"\"",
                vec![Some("a,b"), Some("say \"hi\"")],
            ),
            ("", vec![None]),
        ] {
            let expected: Vec<Option<String>> =
                expected.into_iter().map(|v| v.map(str::to_owned)).collect();
            assert_eq!(split_line(line, ','), expected, "{line}");
        }
    }
}
