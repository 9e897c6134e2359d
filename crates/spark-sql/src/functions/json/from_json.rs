//! JSON in text as structs, arrays and maps of a given type, and CSV in text as structs.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int64Array,
    ListArray, MapArray, StringArray, StructArray, TimestampMicrosecondArray, new_null_array,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::super::arguments::Arguments;
use super::super::datetime::calendar::split_micros;
use super::super::datetime::text::{parse_date, parse_timestamp};
use super::super::datetime::zone::Zone;
use super::super::kinds::plain_type;
use super::csv;
use super::fits::{all_convertible, value_fits};
use super::options::{Direction, JsonOptions};
use super::schema::parse_schema;
use super::value::Json;
use crate::arithmetic::DecimalType;
use crate::casts::parse_decimal;

/// The field of a schema that holds a text that does not fit.
const CORRUPT_RECORD: &str = "_corrupt_record";

/// What the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum TextForm {
    Json,
    Csv,
}

impl TextForm {
    const fn function(self) -> &'static str {
        match self {
            Self::Json => "from_json",
            Self::Csv => "from_csv",
        }
    }

    const fn direction(self) -> Direction {
        match self {
            Self::Json => Direction::Read,
            Self::Csv => Direction::ReadCsv,
        }
    }

    fn read(self, text: &str, target: &DataType, options: &JsonOptions) -> Json {
        match (self, target) {
            (Self::Csv, DataType::Struct(fields)) => {
                csv::read_line(text, fields, options.separator)
            }
            _ => read_record(text, target),
        }
    }

    /// The record, with the text itself as `_corrupt_record` where it does not fit.
    fn read_with_corrupt(self, text: &str, target: &DataType, reading: &Reading) -> Json {
        let record = self.read(text, target, &reading.options);
        let DataType::Struct(fields) = target else {
            return record;
        };
        let keeps_text = fields.iter().any(|field| field.name() == CORRUPT_RECORD);
        match record {
            Json::Object(mut values) if keeps_text => {
                values.retain(|(name, _)| name != CORRUPT_RECORD);
                let parts: Fields = fields
                    .iter()
                    .filter(|field| field.name() != CORRUPT_RECORD)
                    .cloned()
                    .collect();
                if !self.fits(text, &DataType::Struct(parts), reading) {
                    values.push((CORRUPT_RECORD.to_owned(), Json::Text(text.to_owned())));
                }
                Json::Object(values)
            }
            record => record,
        }
    }

    /// Whether the text is of the form, and its values have their types.
    fn fits(self, text: &str, target: &DataType, reading: &Reading) -> bool {
        match (self, target) {
            (Self::Csv, DataType::Struct(fields)) => {
                csv::fits(text, fields, reading.options.separator)
            }
            _ => {
                Json::parse_record(text).is_some()
                    && value_fits(&read_record(text, target), target, reading)
            }
        }
    }
}

/// `from_json(text, schema)`, or `from_csv(text, schema)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct FromJson {
    form: TextForm,
    signature: Signature,
}

impl FromJson {
    pub(super) fn new(form: TextForm) -> Self {
        Self {
            form,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for FromJson {
    fn name(&self) -> &str {
        self.form.function()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let plain: Vec<DataType> = types.iter().map(plain_type).collect();
        match plain.as_slice() {
            [
                DataType::Utf8 | DataType::Null,
                DataType::Utf8,
                options @ ..,
            ] if options.len() % 2 == 0 && options.iter().all(|o| *o == DataType::Utf8) => {
                Ok(plain)
            }
            _ => Err(DataFusionError::Plan(format!(
                "{name} takes text, a schema and options: {name}(text, 'a INT, b DATE', \
                 map('dateFormat', 'dd/MM/yyyy'))",
                name = self.name()
            ))),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Plan(format!(
            "the schema of {} must be a text constant",
            self.name()
        )))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let schema = match args.scalar_arguments.get(1) {
            Some(Some(
                ScalarValue::Utf8(Some(schema))
                | ScalarValue::Utf8View(Some(schema))
                | ScalarValue::LargeUtf8(Some(schema)),
            )) => schema,
            _ => {
                return Err(DataFusionError::Plan(format!(
                    "the schema of {} must be a text constant, such as 'a INT, b STRING'",
                    self.name()
                )));
            }
        };
        let target = parse_schema(schema).ok_or_else(|| {
            DataFusionError::Plan(format!(
                "'{schema}' is not a schema of {}; write fields such as 'a INT, b \
                 ARRAY<STRING>', or a type such as 'MAP<STRING, INT>'",
                self.name()
            ))
        })?;
        let holds_nested = |fields: &Fields| fields.iter().any(|f| f.data_type().is_nested());
        match &target {
            DataType::Struct(fields) if !holds_nested(fields) => {}
            _ if self.form == TextForm::Json => {}
            _ => {
                return Err(DataFusionError::Plan(format!(
                    "'{schema}' is not a schema of from_csv; write fields such as 'a INT, b STRING'"
                )));
            }
        }
        Ok(Arc::new(Field::new(self.name(), target, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::new(self.form.function(), &args)?;
        let texts = arguments.text(0)?;
        let target = arguments.result_type();
        let reading = Reading {
            zone: *arguments.zone(),
            options: JsonOptions::read(&arguments, 2, self.form.direction())?,
        };
        let options = &reading.options;
        let values: Vec<Option<Json>> = (0..arguments.rows())
            .map(|row| match texts.get(row) {
                Some(text) if options.fail_fast && !self.form.fits(text, target, &reading) => {
                    Err(malformed(text))
                }
                text => Ok(text.map(|text| self.form.read_with_corrupt(text, target, &reading))),
            })
            .collect::<Result<_>>()?;
        let values: Vec<Option<&Json>> = values.iter().map(Option::as_ref).collect();
        let result = build_column(&values, target, &reading)?;
        if arguments.is_constant() {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &result, 0,
            )?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

fn malformed(text: &str) -> DataFusionError {
    DataFusionError::Execution(format!(
        "[MALFORMED_RECORD_IN_PARSING] '{text}' does not fit the schema; leave the option mode \
         out where such text is to give NULL"
    ))
}

/// A malformed text is a struct whose fields are NULL, and NULL for other types.
fn read_record(text: &str, target: &DataType) -> Json {
    // What follows the first value is not read.
    let parsed = Json::parse_record(text).unwrap_or(Json::Null);
    match (target, parsed) {
        (DataType::Struct(_), Json::Object(fields)) => Json::Object(fields),
        (DataType::Struct(_), _) if text.trim().is_empty() => Json::Null,
        (DataType::Struct(_), _) => Json::Object(Vec::new()),
        // An object for an array is its only element.
        (DataType::List(element), Json::Object(fields))
            if matches!(element.data_type(), DataType::Struct(_)) =>
        {
            Json::Array(vec![Json::Object(fields)])
        }
        (_, parsed) => parsed,
    }
}

/// How texts become times.
pub(super) struct Reading {
    zone: Zone,
    options: JsonOptions,
}

impl Reading {
    pub(super) fn date(&self, text: &str) -> Option<i32> {
        match &self.options.date_format {
            None => parse_date(text),
            Some(pattern) => {
                let local = self.zone.to_local(pattern.parse(text, self.zone)?)?;
                i32::try_from(split_micros(local).0).ok()
            }
        }
    }

    pub(super) fn timestamp(&self, text: &str) -> Option<i64> {
        match &self.options.timestamp_format {
            None => parse_timestamp(text, self.zone),
            Some(pattern) => pattern.parse(text, self.zone),
        }
    }
}

/// A float that is no number, in quotes.
pub(super) fn special_float(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" | "+Infinity" | "+INF" => Some(f64::INFINITY),
        "-Infinity" | "-INF" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// The unscaled value of a number, or of one in a text, where commas are left out.
pub(super) fn decimal_value(value: &Json, target: &DataType) -> Option<i128> {
    let target = DecimalType::from_data_type(target)?;
    match value {
        Json::Number(number) => parse_decimal(number, target),
        Json::Text(text) => parse_decimal(&text.replace(',', ""), target),
        _ => None,
    }
}

/// Values that do not fit the type are NULL.
fn build_column(
    values: &[Option<&Json>],
    target: &DataType,
    reading: &Reading,
) -> Result<ArrayRef> {
    let whole = || -> Int64Array {
        values
            .iter()
            .map(|value| match value {
                Some(Json::Number(number)) => number.parse().ok(),
                _ => None,
            })
            .collect()
    };
    let float = |value: &Option<&Json>| match value {
        Some(Json::Number(number)) => number.parse::<f64>().ok(),
        Some(Json::Text(text)) => special_float(text),
        _ => None,
    };
    Ok(match target {
        // A cast gives NULL where the number is too large.
        DataType::Int8 | DataType::Int16 | DataType::Int32 => cast(&whole(), target)?,
        DataType::Int64 => Arc::new(whole()),
        DataType::Float64 => Arc::new(values.iter().map(float).collect::<Float64Array>()),
        DataType::Float32 => Arc::new(
            values
                .iter()
                .map(|value| float(value).map(|v| v as f32))
                .collect::<Float32Array>(),
        ),
        DataType::Boolean => Arc::new(
            values
                .iter()
                .map(|value| match value {
                    Some(Json::Boolean(value)) => Some(*value),
                    _ => None,
                })
                .collect::<BooleanArray>(),
        ),
        DataType::Decimal128(precision, scale) => {
            let decimals: Decimal128Array = values
                .iter()
                .map(|value| decimal_value((*value)?, target))
                .collect();
            Arc::new(decimals.with_precision_and_scale(*precision, *scale)?)
        }
        DataType::Utf8 => Arc::new(
            values
                .iter()
                .map(|value| match value {
                    None | Some(Json::Null) => None,
                    Some(Json::Text(text)) => Some(text.clone()),
                    Some(other) => Some(other.to_text()),
                })
                .collect::<StringArray>(),
        ),
        DataType::Date32 => Arc::new(
            values
                .iter()
                .map(|value| match value {
                    Some(Json::Text(text)) => reading.date(text),
                    _ => None,
                })
                .collect::<Date32Array>(),
        ),
        DataType::Timestamp(_, given) => {
            let micros: TimestampMicrosecondArray = values
                .iter()
                .map(|value| match value {
                    Some(Json::Text(text)) => reading.timestamp(text),
                    Some(Json::Number(number)) => {
                        number.parse::<i64>().ok()?.checked_mul(1_000_000)
                    }
                    _ => None,
                })
                .collect();
            Arc::new(micros.with_timezone_opt(given.clone()))
        }
        DataType::Struct(fields) => build_struct(values, fields, reading)?,
        DataType::List(element) => {
            let mut offsets = vec![0];
            let mut inner = Vec::new();
            let mut valid = Vec::with_capacity(values.len());
            for value in values {
                let elements = match value {
                    Some(Json::Array(elements))
                        if all_convertible(elements.iter(), element.data_type(), reading) =>
                    {
                        Some(elements)
                    }
                    _ => None,
                };
                inner.extend(elements.into_iter().flatten().map(Some));
                valid.push(elements.is_some());
                offsets.push(offset(inner.len())?);
            }
            Arc::new(ListArray::try_new(
                Arc::clone(element),
                OffsetBuffer::new(offsets.into()),
                build_column(&inner, element.data_type(), reading)?,
                Some(NullBuffer::from(valid)),
            )?)
        }
        DataType::Map(entries, sorted) => build_map(values, entries, *sorted, reading)?,
        other => new_null_array(other, values.len()),
    })
}

fn offset(length: usize) -> Result<i32> {
    i32::try_from(length).map_err(|_| {
        DataFusionError::ResourcesExhausted("the arrays of from_json are too long".to_owned())
    })
}

fn build_struct(values: &[Option<&Json>], fields: &Fields, reading: &Reading) -> Result<ArrayRef> {
    let columns: Result<Vec<ArrayRef>> = fields
        .iter()
        .map(|field| {
            let of_field: Vec<Option<&Json>> = values
                .iter()
                .map(|value| match value {
                    // The last of two fields of one name counts.
                    Some(Json::Object(given)) => given
                        .iter()
                        .rev()
                        .find(|(name, _)| name == field.name())
                        .map(|(_, value)| value),
                    _ => None,
                })
                .collect();
            build_column(&of_field, field.data_type(), reading)
        })
        .collect();
    let valid: Vec<bool> = values
        .iter()
        .map(|value| matches!(value, Some(Json::Object(_))))
        .collect();
    Ok(Arc::new(StructArray::try_new(
        fields.clone(),
        columns?,
        Some(NullBuffer::from(valid)),
    )?))
}

fn build_map(
    values: &[Option<&Json>],
    entries: &FieldRef,
    sorted: bool,
    reading: &Reading,
) -> Result<ArrayRef> {
    let DataType::Struct(fields) = entries.data_type() else {
        return Err(DataFusionError::Internal(
            "a map without entries".to_owned(),
        ));
    };
    let value_type = fields
        .get(1)
        .map_or(DataType::Null, |f| f.data_type().clone());
    let mut offsets = vec![0];
    let mut keys: Vec<&str> = Vec::new();
    let mut inner = Vec::new();
    let mut valid = Vec::with_capacity(values.len());
    for value in values {
        let given = match value {
            Some(Json::Object(given))
                if all_convertible(given.iter().map(|(_, v)| v), &value_type, reading) =>
            {
                Some(given)
            }
            _ => None,
        };
        for (name, value) in given.into_iter().flatten() {
            keys.push(name);
            inner.push(Some(value));
        }
        valid.push(given.is_some());
        offsets.push(offset(inner.len())?);
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(keys)),
        build_column(&inner, &value_type, reading)?,
    ];
    Ok(Arc::new(MapArray::try_new(
        Arc::clone(entries),
        OffsetBuffer::new(offsets.into()),
        StructArray::try_new(fields.clone(), columns, None)?,
        Some(NullBuffer::from(valid)),
        sorted,
    )?))
}
