//! The functions of the casts: one fails where a value does not fit, one gives
//! NULL there.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options, nullif};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::convert::Conversion;
use super::elements::convert_elements;
use super::error::CastError;
use super::to_text::write_texts;
use crate::arithmetic::OnFailure;
use crate::functions::{Zone, session_zone};
use crate::types::sql_type_name;

/// `value` as the type of the second argument, which is a NULL of that type: a
/// plan that is sent to a task keeps the type of a literal.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct CastFunction {
    on_failure: OnFailure,
    signature: Signature,
}

/// The function that fails, and the one that gives NULL.
pub(crate) fn cast_functions() -> [Arc<ScalarUDF>; 2] {
    [OnFailure::Fail, OnFailure::Null]
        .map(|on_failure| Arc::new(CastFunction::new(on_failure).into()))
}

impl CastFunction {
    fn new(on_failure: OnFailure) -> Self {
        Self {
            on_failure,
            signature: Signature::any(2, Volatility::Immutable),
        }
    }

    /// Whether a value may not fit, which ends the query.
    pub(crate) fn can_fail(&self, from: &DataType, to: &DataType) -> bool {
        self.on_failure == OnFailure::Fail
            && Conversion::choose(from, to).is_some_and(|conversion| conversion.can_fail(from))
    }

    fn convert(&self, array: &ArrayRef, target: &DataType, zone: &Zone) -> Result<ArrayRef> {
        let fails = self.on_failure == OnFailure::Fail;
        let Some(conversion) = Conversion::choose(array.data_type(), target) else {
            let options = CastOptions {
                safe: !fails,
                ..CastOptions::default()
            };
            return Ok(cast_with_options(array, target, &options)?);
        };
        if conversion == Conversion::Elements {
            return convert_elements(array, target, &|values, target| {
                self.convert(values, target, zone)
            });
        }
        let array = &if conversion == Conversion::FloatToDecimal {
            // As in Spark, NaN and the infinities are NULL, and no error.
            finite_values(array)?
        } else {
            Arc::clone(array)
        };
        let converted = conversion.convert(array, target, zone)?;
        if fails && converted.logical_null_count() > array.logical_null_count() {
            return Err(describe_failure(array, &converted, conversion, zone)?.into());
        }
        Ok(converted)
    }
}

/// The values, with NULL for NaN and the infinities.
fn finite_values(array: &ArrayRef) -> Result<ArrayRef> {
    let doubles = cast(array, &DataType::Float64)?;
    let doubles = doubles.as_primitive::<Float64Type>();
    if doubles.values().iter().all(|value| value.is_finite()) {
        return Ok(Arc::clone(array));
    }
    let is_other: BooleanArray = doubles
        .iter()
        .map(|value| value.map(|v| !v.is_finite()))
        .collect();
    Ok(nullif(array, &is_other)?)
}

/// The error for the first value that became NULL.
fn describe_failure(
    array: &ArrayRef,
    converted: &ArrayRef,
    conversion: Conversion,
    zone: &Zone,
) -> Result<CastError> {
    let lost = |row: &usize| array.is_valid(*row) && converted.is_null(*row);
    let row = (0..array.len()).find(lost).unwrap_or(0);
    let value = write_texts(&array.slice(row, 1), zone)?.value(0).to_owned();
    let data_type = sql_type_name(converted.data_type());
    Ok(if conversion == Conversion::ParseText {
        CastError::InvalidText { value, data_type }
    } else {
        CastError::DoesNotFit {
            value,
            source_type: sql_type_name(array.data_type()),
            data_type,
        }
    })
}

impl ScalarUDFImpl for CastFunction {
    fn name(&self) -> &str {
        match self.on_failure {
            OnFailure::Fail => "cast_checked",
            OnFailure::Null => "try_cast_checked",
        }
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [value, Expr::Literal(target, _)] => Ok(format!(
                "CAST({} AS {})",
                value.schema_name(),
                sql_type_name(&target.data_type())
            )),
            _ => plan_err!("a cast has a value and a type"),
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [_, target] = take_function_args(self.name(), types)?;
        Ok(target.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let [value, target] = take_function_args(self.name(), args.arg_fields)?;
        let nullable = self.on_failure == OnFailure::Null || value.is_nullable();
        Ok(Arc::new(Field::new(
            value.name(),
            target.data_type().clone(),
            nullable,
        )))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value, target] = take_function_args(self.name(), args.args)?;
        let target = target.data_type();
        let zone = session_zone(&args.config_options)?;
        match value {
            ColumnarValue::Array(array) => {
                Ok(ColumnarValue::Array(self.convert(&array, &target, &zone)?))
            }
            ColumnarValue::Scalar(scalar) => {
                let converted = self.convert(&scalar.to_array()?, &target, &zone)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                    &converted, 0,
                )?))
            }
        }
    }
}
