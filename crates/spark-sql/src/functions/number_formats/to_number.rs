//! `to_number(text, format)` and `try_to_number(text, format)`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Decimal128Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::super::arguments::Arguments;
use super::super::kinds::plain_type;
use super::parse_pattern;
use super::pattern::NumberPattern;

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToNumber {
    name: &'static str,
    /// Whether text in another format gives NULL.
    safe: bool,
    signature: Signature,
}

pub(super) fn udfs() -> [Arc<ScalarUDF>; 2] {
    [("to_number", false), ("try_to_number", true)].map(|(name, safe)| {
        Arc::new(
            ToNumber {
                name,
                safe,
                signature: Signature::user_defined(Volatility::Immutable),
            }
            .into(),
        )
    })
}

impl ToNumber {
    fn format_of(&self, constant: Option<&ScalarValue>) -> Result<NumberPattern> {
        match constant.and_then(ScalarValue::try_as_str) {
            Some(Some(format)) => parse_pattern(format),
            _ => Err(DataFusionError::Plan(format!(
                "the format of {} must be a text constant, such as '999.00'",
                self.name
            ))),
        }
    }
}

impl ScalarUDFImpl for ToNumber {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let plain: Vec<DataType> = types.iter().map(plain_type).collect();
        match plain.as_slice() {
            [DataType::Utf8 | DataType::Null, DataType::Utf8] => Ok(plain),
            _ => Err(DataFusionError::Plan(format!(
                "write {}(text, '999.00')",
                self.name
            ))),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        self.format_of(None).map(|_| DataType::Null)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let constant = args.scalar_arguments.get(1).copied().flatten();
        let (precision, scale) = self.format_of(constant)?.decimal_type();
        let data_type = DataType::Decimal128(precision, scale.cast_signed());
        Ok(Arc::new(Field::new(self.name, data_type, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::new(self.name, &args)?;
        let (texts, formats) = (arguments.text(0)?, arguments.text(1)?);
        let DataType::Decimal128(precision, scale) = *arguments.result_type() else {
            return Err(DataFusionError::Internal("no decimal".to_owned()));
        };
        let Some(format) = formats.get(0) else {
            return Err(DataFusionError::Internal("no format".to_owned()));
        };
        let pattern = parse_pattern(format)?;
        let numbers = (0..arguments.rows()).map(|row| match texts.get(row) {
            None => Ok(None),
            Some(text) => match pattern.read(text) {
                None if !self.safe => Err(DataFusionError::Execution(format!(
                    "'{text}' does not have the format '{format}'; use try_to_number where such \
                     text is to give NULL"
                ))),
                number => Ok(number),
            },
        });
        let numbers: Decimal128Array = numbers.collect::<Result<_>>()?;
        let numbers: ArrayRef = Arc::new(numbers.with_precision_and_scale(precision, scale)?);
        if arguments.is_constant() {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &numbers, 0,
            )?));
        }
        Ok(ColumnarValue::Array(numbers))
    }
}
