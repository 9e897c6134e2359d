//! The arguments of a call as columns of Spark's types.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array,
    ListArray, MapArray, StringArray, StructArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::conversion;
use super::datetime::zone::{Zone, session_zone};
use super::kinds::plain_type;
use crate::casts::write_texts;
use crate::planning;

/// The arguments of one call over one batch.
pub(crate) struct Arguments<'a> {
    name: &'static str,
    columns: Vec<(ArrayRef, bool)>,
    rows: usize,
    result: &'a DataType,
    zone: Zone,
}

/// A column of values; a constant has one value for all rows.
pub(crate) struct Column<A> {
    array: A,
    constant: bool,
}

/// Access to the values of an array, without copying them.
pub(crate) trait Values {
    type Value<'a>
    where
        Self: 'a;

    fn value_at(&self, at: usize) -> Option<Self::Value<'_>>;
}

macro_rules! values {
    ($array:ty, $value:ty) => {
        impl Values for $array {
            type Value<'a> = $value;

            fn value_at(&self, at: usize) -> Option<Self::Value<'_>> {
                self.is_valid(at).then(|| self.value(at))
            }
        }
    };
}

values!(StringArray, &'a str);
values!(BinaryArray, &'a [u8]);
values!(BooleanArray, bool);
values!(Int32Array, i32);
values!(Int64Array, i64);
values!(Float64Array, f64);
values!(ListArray, ArrayRef);
values!(MapArray, StructArray);

impl<A: Values> Column<A> {
    /// The value of a row; `None` for NULL.
    pub(crate) fn get(&self, row: usize) -> Option<A::Value<'_>> {
        self.array.value_at(if self.constant { 0 } else { row })
    }
}

impl<A> Column<A> {
    /// The array and the position in it of a row.
    pub(crate) fn position(&self, row: usize) -> usize {
        if self.constant { 0 } else { row }
    }

    pub(crate) fn array(&self) -> &A {
        &self.array
    }
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(name: &'static str, args: &'a ScalarFunctionArgs) -> Result<Self> {
        let mut columns = Vec::with_capacity(args.args.len());
        for argument in &args.args {
            let (array, constant) = match argument {
                ColumnarValue::Array(array) => (Arc::clone(array), false),
                ColumnarValue::Scalar(value) => (value.to_array()?, true),
            };
            let plain = plain_type(array.data_type());
            let array = if plain == *array.data_type() {
                array
            } else {
                cast(&array, &plain)?
            };
            columns.push((array, constant));
        }
        let constant = columns.iter().all(|(_, constant)| *constant);
        Ok(Self {
            name,
            rows: if constant { 1 } else { args.number_rows },
            columns,
            result: args.return_field.data_type(),
            zone: session_zone(&args.config_options)?,
        })
    }

    /// An error when a thread that plans calls the function with large constants.
    pub(crate) fn check_constant_bytes(&self) -> Result<()> {
        if !planning::is_planning() {
            return Ok(());
        }
        let bytes = self
            .columns
            .iter()
            .map(|(array, _)| array.get_array_memory_size());
        planning::check_constant_bytes(self.name, bytes.sum())
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The number of values that the result has.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The number of arguments.
    pub(crate) fn count(&self) -> usize {
        self.columns.len()
    }

    pub(crate) fn is_constant(&self) -> bool {
        self.columns.iter().all(|(_, constant)| *constant)
    }

    /// The type that the result must have.
    pub(crate) fn result_type(&self) -> &DataType {
        self.result
    }

    /// The session's time zone.
    pub(crate) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The argument as it was given.
    pub(crate) fn any(&self, at: usize) -> Result<Column<ArrayRef>> {
        let (array, constant) = self.columns.get(at).ok_or_else(|| self.missing(at))?;
        Ok(Column {
            array: Arc::clone(array),
            constant: *constant,
        })
    }

    pub(crate) fn data_type(&self, at: usize) -> Result<&DataType> {
        let (array, _) = self.columns.get(at).ok_or_else(|| self.missing(at))?;
        Ok(array.data_type())
    }

    pub(crate) fn text(&self, at: usize) -> Result<Column<StringArray>> {
        self.converted(at, |array| write_texts(array, &self.zone))
    }

    pub(crate) fn int(&self, at: usize) -> Result<Column<Int32Array>> {
        self.converted(at, conversion::to_int)
    }

    pub(crate) fn long(&self, at: usize) -> Result<Column<Int64Array>> {
        self.converted(at, conversion::to_long)
    }

    pub(crate) fn double(&self, at: usize) -> Result<Column<Float64Array>> {
        self.converted(at, conversion::to_double)
    }

    pub(crate) fn boolean(&self, at: usize) -> Result<Column<BooleanArray>> {
        self.converted(at, conversion::to_boolean)
    }

    /// Days since 1970-01-01.
    pub(crate) fn date(&self, at: usize) -> Result<Column<Int32Array>> {
        self.converted(at, |array| {
            let dates = conversion::to_date(array, &self.zone)?;
            Ok(dates.reinterpret_cast::<datafusion::arrow::datatypes::Int32Type>())
        })
    }

    /// Microseconds since 1970-01-01 00:00:00 UTC.
    pub(crate) fn timestamp(&self, at: usize) -> Result<Column<Int64Array>> {
        self.converted(at, |array| {
            let times = conversion::to_timestamp(array, &self.zone)?;
            Ok(times.reinterpret_cast::<datafusion::arrow::datatypes::Int64Type>())
        })
    }

    pub(crate) fn binary(&self, at: usize) -> Result<Column<BinaryArray>> {
        self.converted(at, |array| {
            Ok(cast(array, &DataType::Binary)?.as_binary::<i32>().clone())
        })
    }

    pub(crate) fn list(&self, at: usize) -> Result<Column<ListArray>> {
        self.converted(at, |array| match array.data_type() {
            DataType::List(_) => Ok(array.as_list::<i32>().clone()),
            _ => Ok(cast(array, &super::kinds::array_type(DataType::Null))?
                .as_list::<i32>()
                .clone()),
        })
    }

    pub(crate) fn map(&self, at: usize) -> Result<Column<MapArray>> {
        self.converted(at, |array| match array.as_map_opt() {
            Some(map) => Ok(map.clone()),
            None => Err(DataFusionError::Execution(format!(
                "argument {} of `{}` must be a map",
                at + 1,
                self.name
            ))),
        })
    }

    fn converted<A>(
        &self,
        at: usize,
        convert: impl Fn(&ArrayRef) -> Result<A>,
    ) -> Result<Column<A>> {
        let column = self.any(at)?;
        Ok(Column {
            array: convert(&column.array)?,
            constant: column.constant,
        })
    }

    /// The array of a result that is a date.
    pub(crate) fn dates(
        &self,
        value: impl FnMut(usize) -> Result<Option<i32>>,
    ) -> Result<ArrayRef> {
        let days = (0..self.rows).map(value).collect::<Result<Int32Array>>()?;
        Ok(Arc::new(days.reinterpret_cast::<Date32Type>()))
    }

    /// The array of a result that is a timestamp.
    pub(crate) fn timestamps(
        &self,
        value: impl FnMut(usize) -> Result<Option<i64>>,
    ) -> Result<ArrayRef> {
        let micros = (0..self.rows).map(value).collect::<Result<Int64Array>>()?;
        let times = micros.reinterpret_cast::<TimestampMicrosecondType>();
        Ok(match self.result {
            DataType::Timestamp(_, Some(zone)) => Arc::new(times.with_timezone(Arc::clone(zone))),
            _ => Arc::new(times),
        })
    }

    pub(crate) fn texts<T: AsRef<str>>(
        &self,
        mut value: impl FnMut(usize) -> Result<Option<T>>,
    ) -> Result<ArrayRef> {
        let mut texts = super::text_builder::TextBuilder::new(self.name, self.rows);
        for row in 0..self.rows {
            match value(row)? {
                Some(text) => texts.append(text.as_ref())?,
                None => texts.append_null(),
            }
        }
        Ok(texts.finish())
    }

    pub(crate) fn binaries<T: AsRef<[u8]>>(
        &self,
        mut value: impl FnMut(usize) -> Result<Option<T>>,
    ) -> Result<ArrayRef> {
        let values = (0..self.rows).map(&mut value);
        Ok(Arc::new(values.collect::<Result<BinaryArray>>()?))
    }

    pub(crate) fn ints(&self, value: impl FnMut(usize) -> Result<Option<i32>>) -> Result<ArrayRef> {
        Ok(Arc::new(
            (0..self.rows).map(value).collect::<Result<Int32Array>>()?,
        ))
    }

    pub(crate) fn longs(
        &self,
        value: impl FnMut(usize) -> Result<Option<i64>>,
    ) -> Result<ArrayRef> {
        Ok(Arc::new(
            (0..self.rows).map(value).collect::<Result<Int64Array>>()?,
        ))
    }

    pub(crate) fn doubles(
        &self,
        value: impl FnMut(usize) -> Result<Option<f64>>,
    ) -> Result<ArrayRef> {
        Ok(Arc::new(
            (0..self.rows)
                .map(value)
                .collect::<Result<Float64Array>>()?,
        ))
    }

    pub(crate) fn booleans(
        &self,
        value: impl FnMut(usize) -> Result<Option<bool>>,
    ) -> Result<ArrayRef> {
        Ok(Arc::new(
            (0..self.rows)
                .map(value)
                .collect::<Result<BooleanArray>>()?,
        ))
    }

    fn missing(&self, at: usize) -> DataFusionError {
        DataFusionError::Execution(format!("`{}` has no argument {}", self.name, at + 1))
    }
}
