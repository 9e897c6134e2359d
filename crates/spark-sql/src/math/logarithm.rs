//! Logarithms: NULL for zero and for negative numbers.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Logarithm {
    Natural,
    Decimal,
    Binary,
    /// Of the number and one.
    OfOneMore,
    /// To the base of the first argument, or natural with one argument.
    ToBase,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct LogarithmFunction {
    name: &'static str,
    logarithm: Logarithm,
    signature: Signature,
}

pub(super) fn logarithms() -> impl Iterator<Item = Arc<ScalarUDF>> {
    [
        ("ln", Logarithm::Natural),
        ("log10", Logarithm::Decimal),
        ("log2", Logarithm::Binary),
        ("log1p", Logarithm::OfOneMore),
        ("log", Logarithm::ToBase),
    ]
    .into_iter()
    .map(|(name, logarithm)| {
        Arc::new(
            LogarithmFunction {
                name,
                logarithm,
                signature: Signature::user_defined(Volatility::Immutable),
            }
            .into(),
        )
    })
}

impl Logarithm {
    fn of(self, number: f64) -> Option<f64> {
        match self {
            Self::OfOneMore => (number > -1.0 || number.is_nan()).then(|| number.ln_1p()),
            _ if number <= 0.0 => None,
            Self::Natural | Self::ToBase => Some(number.ln()),
            Self::Decimal => Some(number.log10()),
            Self::Binary => Some(number.log2()),
        }
    }
}

impl ScalarUDFImpl for LogarithmFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let takes = match self.logarithm {
            Logarithm::ToBase => 1..=2,
            _ => 1..=1,
        };
        if !takes.contains(&types.len()) {
            return plan_err!("{} does not take {} arguments", self.name, types.len());
        }
        Ok(vec![DataType::Float64; types.len()])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_values = args
            .args
            .iter()
            .all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let doubles: Vec<Float64Array> = arrays
            .iter()
            .map(|array| {
                Ok(cast(array, &DataType::Float64)?
                    .as_primitive::<Float64Type>()
                    .clone())
            })
            .collect::<Result<_>>()?;
        let results: Float64Array = match doubles.as_slice() {
            [numbers] => numbers
                .iter()
                .map(|number| self.logarithm.of(number?))
                .collect(),
            [bases, numbers] => bases
                .iter()
                .zip(numbers)
                .map(|(base, number)| {
                    let base = Logarithm::Natural.of(base?)?;
                    Some(Logarithm::Natural.of(number?)? / base)
                })
                .collect(),
            _ => return internal_err!("{} has {} arguments", self.name, doubles.len()),
        };
        let results: ArrayRef = Arc::new(results);
        if all_values {
            let value = ScalarValue::try_from_array(&results, 0)?;
            return Ok(ColumnarValue::Scalar(value));
        }
        Ok(ColumnarValue::Array(results))
    }
}
