//! How the columns of a file become the declared ones.
//!
//! As in Spark, names are compared without regard to case, a column that the file
//! does not have is NULL, and types may become wider. Spark fails in the middle of
//! a job where a type does not fit, and DataFusion converts silently (1.7 to 1,
//! text to numbers); here it is an error before anything is read.

use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use sluice_ndjson::JSON_KEY;

/// For each declared column its name in a file; `None` when it is missing there.
pub(super) type FileColumns = Vec<Option<String>>;

/// The columns of a file for `declared`.
///
/// # Errors
/// What does not fit, and what to write instead.
pub(super) fn fit_columns(declared: &Schema, file: &Schema) -> Result<FileColumns, String> {
    declared
        .fields()
        .iter()
        .map(|column| {
            let Some(found) = find_column(column, file)? else {
                return if column.is_nullable() {
                    Ok(None)
                } else {
                    let name = written_name(column);
                    Err(format!(
                        "it has no column {name}, which is declared NOT NULL; leave NOT NULL out"
                    ))
                };
            };
            fit_type(written_name(column), column.data_type(), found.data_type())?;
            Ok(Some(found.name().clone()))
        })
        .collect()
}

/// The column's name as the job file writes it.
fn written_name(column: &Field) -> &str {
    column
        .metadata()
        .get(JSON_KEY)
        .map_or_else(|| column.name().as_str(), String::as_str)
}

fn find_column<'a>(column: &Field, file: &'a Schema) -> Result<Option<&'a Field>, String> {
    let name = written_name(column);
    if let Ok(found) = file.field_with_name(name) {
        return Ok(Some(found));
    }
    let lower = name.to_lowercase();
    let mut similar = file
        .fields()
        .iter()
        .filter(|field| field.name().to_lowercase() == lower);
    match (similar.next(), similar.next()) {
        (None, _) => Ok(None),
        (Some(found), None) => Ok(Some(found)),
        (Some(first), Some(second)) => Err(format!(
            "it has the columns {} and {}, and the declared name {name} is neither; write the one \
             that is meant in backquotes",
            first.name(),
            second.name()
        )),
    }
}

/// Checks that values of the type `file` can be read as `declared`.
fn fit_type(path: &str, declared: &DataType, file: &DataType) -> Result<(), String> {
    match (declared, file) {
        (_, DataType::Dictionary(_, values)) => fit_type(path, declared, values),
        (DataType::Struct(declared), DataType::Struct(file)) => {
            for field in declared {
                let path = format!("{path}.{}", field.name());
                match file.find(field.name()) {
                    Some((_, found)) => fit_type(&path, field.data_type(), found.data_type())?,
                    None => refuse_other_case(&path, field, file.iter().map(AsRef::as_ref))?,
                }
            }
            Ok(())
        }
        (DataType::List(declared), DataType::List(file) | DataType::LargeList(file)) => {
            fit_type(&format!("{path}[]"), declared.data_type(), file.data_type())
        }
        (DataType::Map(declared, _), DataType::Map(file, _)) => {
            let (Some(declared), Some(file)) = (map_value(declared), map_value(file)) else {
                return Ok(());
            };
            fit_type(&format!("{path}.*"), declared.data_type(), file.data_type())
        }
        _ if is_read_as(declared, file) => Ok(()),
        _ => Err(format!(
            "column {path} is {} in the file and {} in the declaration; declare it as it is and \
             write CAST(… AS {}) in the query",
            type_name(file),
            type_name(declared),
            type_name(declared)
        )),
    }
}

/// A field of a struct that the file does not have is NULL, unless the file has it
/// in upper or lower case: DataFusion compares the names of fields exactly.
fn refuse_other_case<'a>(
    path: &str,
    field: &Field,
    mut file: impl Iterator<Item = &'a Field>,
) -> Result<(), String> {
    let lower = field.name().to_lowercase();
    match file.find(|found| found.name().to_lowercase() == lower) {
        Some(found) => Err(format!(
            "field {path} is called {0} in the file; write `{0}` in backquotes in the declaration",
            found.name()
        )),
        None => Ok(()),
    }
}

fn map_value(entries: &Field) -> Option<&Field> {
    match entries.data_type() {
        DataType::Struct(fields) => fields.get(1).map(AsRef::as_ref),
        _ => None,
    }
}

/// Whether a type of a file is read as a declared type without loss. Values that
/// are too large for a narrower integer or decimal fail when they are read.
fn is_read_as(declared: &DataType, file: &DataType) -> bool {
    use DataType as T;
    let text = |t: &T| matches!(t, T::Utf8 | T::LargeUtf8 | T::Utf8View);
    let bytes = |t: &T| {
        matches!(
            t,
            T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_)
        )
    };
    let small_integer = |t: &T| {
        matches!(
            t,
            T::Int8 | T::Int16 | T::Int32 | T::UInt8 | T::UInt16 | T::UInt32
        )
    };
    let decimal = |t: &T| {
        matches!(
            t,
            T::Decimal32(..) | T::Decimal64(..) | T::Decimal128(..) | T::Decimal256(..)
        )
    };
    match (declared, file) {
        (T::Utf8 | T::Binary, file) => text(file) || bytes(file),
        (T::Int8 | T::Int16 | T::Int32 | T::Int64, file) => file.is_integer(),
        (T::Float32, file) => matches!(file, T::Float16 | T::Float32),
        (T::Float64, file) => {
            matches!(file, T::Float16 | T::Float32 | T::Float64) || small_integer(file)
        }
        // A smaller scale would round.
        (T::Decimal128(_, scale), file) if decimal(file) => {
            decimal_scale(file).is_some_and(|found| found <= *scale)
        }
        (T::Decimal128(..), file) => file.is_integer(),
        (T::Timestamp(TimeUnit::Microsecond, None), T::Date32) => true,
        (T::Timestamp(..), T::Timestamp(..)) => true,
        (declared, file) => declared == file,
    }
}

fn decimal_scale(data_type: &DataType) -> Option<i8> {
    match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => Some(*scale),
        _ => None,
    }
}

/// A type as it is written in job files.
fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::FixedSizeBinary(_) | DataType::BinaryView => "BINARY".to_owned(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("DECIMAL({precision}, {scale})"),
        other => crate::job::sql_type(other),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use super::*;

    fn schema(fields: impl IntoIterator<Item = Field>) -> Schema {
        Schema::new(fields.into_iter().collect::<Vec<_>>())
    }

    fn field(name: &str, data_type: DataType) -> Field {
        Field::new(name, data_type, true)
    }

    /// A column that the job file writes as `written`.
    fn declared(written: &str, data_type: DataType) -> Field {
        let key = HashMap::from([(JSON_KEY.to_owned(), written.to_owned())]);
        field(&written.to_lowercase(), data_type).with_metadata(key)
    }

    #[test]
    fn names_are_found_without_regard_to_case() {
        let file = schema([
            field("userId", DataType::Int32),
            field("Straße", DataType::Utf8),
            field("a", DataType::Int32),
            field("A", DataType::Int32),
        ]);
        let fit = |columns: Vec<Field>| fit_columns(&schema(columns), &file);
        let found = fit(vec![
            declared("USERID", DataType::Int64),
            declared("straße", DataType::Utf8),
            field("a", DataType::Int32),
            declared("missing", DataType::Int32),
        ]);
        let name = |name: &str| Some(name.to_owned());
        assert_eq!(
            found.unwrap(),
            [name("userId"), name("Straße"), name("a"), None]
        );
        let ambiguous = schema([field("x_Y", DataType::Int32), field("X_y", DataType::Int32)]);
        let problem =
            fit_columns(&schema([field("x_y", DataType::Int32)]), &ambiguous).unwrap_err();
        assert!(problem.contains("x_Y and X_y"), "{problem}");
        let problem = fit(vec![Field::new("missing", DataType::Int32, false)]).unwrap_err();
        assert!(problem.contains("no column missing"), "{problem}");
    }

    #[test]
    fn types_become_wider_and_nothing_else() {
        use DataType as T;
        let us = |zone: Option<&str>| T::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        let ns = T::Timestamp(TimeUnit::Nanosecond, None);
        let text_keys = T::Dictionary(Box::new(T::Int32), Box::new(T::Utf8));
        for (declared, file) in [
            (T::Int64, T::Int32),
            (T::Int8, T::Int32),
            (T::Int64, T::UInt64),
            (T::Float64, T::Float32),
            (T::Float64, T::Int32),
            (T::Decimal128(10, 2), T::Decimal128(9, 2)),
            (T::Decimal128(10, 2), T::Decimal256(40, 0)),
            (T::Decimal128(10, 2), T::Int64),
            (T::Utf8, T::LargeUtf8),
            (T::Utf8, T::BinaryView),
            (T::Utf8, text_keys),
            (T::Binary, T::FixedSizeBinary(16)),
            (us(Some("UTC")), ns),
            (us(None), T::Date32),
            (T::Boolean, T::Boolean),
        ] {
            assert_eq!(fit_type("c", &declared, &file), Ok(()), "{declared} {file}");
        }
        for (declared, file) in [
            (T::Int32, T::Utf8),
            (T::Int32, T::Float64),
            (T::Int32, T::Decimal128(5, 0)),
            (T::Float32, T::Float64),
            (T::Float64, T::Int64),
            (T::Decimal128(10, 1), T::Decimal128(9, 2)),
            (T::Utf8, T::Int32),
            (T::Date32, us(None)),
            (T::Date32, T::Utf8),
            (us(Some("UTC")), T::Date32),
            (us(Some("UTC")), T::Int64),
            (T::Boolean, T::Int32),
            (T::Utf8, T::Struct(vec![field("a", T::Utf8)].into())),
        ] {
            let problem = fit_type("c", &declared, &file).unwrap_err();
            assert!(problem.contains("column c is "), "{problem}");
        }
    }

    #[test]
    fn nested_fields_are_checked_too() {
        use DataType as T;
        let list = |fields: Vec<Field>| T::List(Arc::new(field("item", T::Struct(fields.into()))));
        let file = list(vec![field("Sku", T::Utf8), field("qty", T::Utf8)]);
        assert_eq!(
            fit_type("items", &list(vec![field("more", T::Utf8)]), &file),
            Ok(())
        );
        let problem = fit_type("items", &list(vec![field("qty", T::Int32)]), &file).unwrap_err();
        assert!(
            problem.contains("column items[].qty is STRING"),
            "{problem}"
        );
        let problem = fit_type("items", &list(vec![field("sku", T::Utf8)]), &file).unwrap_err();
        assert!(problem.contains("items[].sku is called Sku"), "{problem}");
    }
}
