//! Functions that mark conditions; they return their argument.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int8Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int8Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Marker {
    /// A filter's condition that can fail.
    Risky,
    /// A condition whose parts are evaluated only where needed: the value of a
    /// `CASE`, as a boolean.
    Guarded,
    /// A boolean as a number. A `CASE` with booleans would be simplified to `AND`
    /// and `OR`, which evaluate everything.
    GuardedValue,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct MarkerFunction {
    marker: Marker,
    signature: Signature,
}

static RISKY: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| function(Marker::Risky));
static GUARDED: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| function(Marker::Guarded));
static GUARDED_VALUE: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| function(Marker::GuardedValue));

fn function(marker: Marker) -> Arc<ScalarUDF> {
    let (argument, volatility) = match marker {
        Marker::Risky => (DataType::Boolean, Volatility::Volatile),
        Marker::Guarded => (DataType::Int8, Volatility::Volatile),
        Marker::GuardedValue => (DataType::Boolean, Volatility::Immutable),
    };
    Arc::new(
        MarkerFunction {
            marker,
            signature: Signature::exact(vec![argument], volatility),
        }
        .into(),
    )
}

pub(crate) fn guard_functions() -> [Arc<ScalarUDF>; 3] {
    [&*RISKY, &*GUARDED, &*GUARDED_VALUE].map(Arc::clone)
}

/// `condition`, marked as one that can fail.
pub(super) fn mark_risky(condition: Expr) -> Expr {
    RISKY.call(vec![condition])
}

pub(super) fn is_risky(condition: &Expr) -> bool {
    is_call(condition, Marker::Risky)
}

/// Whether the parts of `condition` are evaluated only where needed.
pub(super) fn is_guarded(condition: &Expr) -> bool {
    is_call(condition, Marker::Guarded)
}

fn is_call(expr: &Expr, marker: Marker) -> bool {
    match expr {
        Expr::ScalarFunction(ScalarFunction { func, .. }) => func
            .inner()
            .downcast_ref::<MarkerFunction>()
            .is_some_and(|function| function.marker == marker),
        _ => false,
    }
}

/// A condition with the value of the first branch whose `WHEN` is true.
pub(super) fn guarded_case(branches: Vec<(Expr, Expr)>, otherwise: Option<Expr>) -> Expr {
    let when_then_expr = branches
        .into_iter()
        .map(|(when, then)| (Box::new(when), Box::new(guarded_value(then))))
        .collect();
    let case = Case {
        expr: None,
        when_then_expr,
        else_expr: otherwise.map(|value| Box::new(guarded_value(value))),
    };
    GUARDED.call(vec![Expr::Case(case)])
}

/// The number of a boolean.
pub(super) fn guarded_value(condition: Expr) -> Expr {
    match condition {
        Expr::Literal(ScalarValue::Boolean(value), _) => lit_number(value),
        condition => GUARDED_VALUE.call(vec![condition]),
    }
}

fn lit_number(value: Option<bool>) -> Expr {
    Expr::Literal(ScalarValue::Int8(value.map(i8::from)), None)
}

impl ScalarUDFImpl for MarkerFunction {
    fn name(&self) -> &str {
        match self.marker {
            Marker::Risky => "__risky",
            Marker::Guarded => "__guarded",
            Marker::GuardedValue => "__guarded_value",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(match self.marker {
            Marker::Risky | Marker::Guarded => DataType::Boolean,
            Marker::GuardedValue => DataType::Int8,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = take_function_args(self.name(), args.args)?;
        match (self.marker, value) {
            (Marker::Risky, value) => Ok(value),
            (Marker::Guarded, ColumnarValue::Array(array)) => {
                Ok(ColumnarValue::Array(numbers_to_booleans(&array)))
            }
            (Marker::GuardedValue, ColumnarValue::Array(array)) => {
                Ok(ColumnarValue::Array(cast(&array, &DataType::Int8)?))
            }
            (Marker::Guarded, ColumnarValue::Scalar(number)) => {
                Ok(ColumnarValue::Scalar(ScalarValue::Boolean(match number {
                    ScalarValue::Int8(number) => number.map(|number| number != 0),
                    _ => None,
                })))
            }
            (Marker::GuardedValue, ColumnarValue::Scalar(value)) => {
                Ok(ColumnarValue::Scalar(value.cast_to(&DataType::Int8)?))
            }
        }
    }
}

fn numbers_to_booleans(array: &ArrayRef) -> ArrayRef {
    let numbers: &Int8Array = array.as_primitive::<Int8Type>();
    let values = numbers.values().iter().map(|number| *number != 0).collect();
    Arc::new(BooleanArray::new(values, numbers.nulls().cloned()))
}
