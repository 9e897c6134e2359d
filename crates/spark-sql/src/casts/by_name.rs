//! Casts that are written as functions: `int(x)` is `CAST(x AS INT)`. The syntax writes
//! others as [`NAMED_CAST`].

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast,
};

/// The function of a type's name.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CastByName {
    name: &'static str,
    target: DataType,
    signature: Signature,
}

pub(crate) fn casts_by_name() -> impl Iterator<Item = Arc<ScalarUDF>> {
    [
        ("tinyint", DataType::Int8),
        ("smallint", DataType::Int16),
        ("int", DataType::Int32),
        ("bigint", DataType::Int64),
        ("float", DataType::Float32),
        ("double", DataType::Float64),
        ("decimal", DataType::Decimal128(10, 0)),
        ("boolean", DataType::Boolean),
        ("string", DataType::Utf8),
        ("binary", DataType::Binary),
        ("date", DataType::Date32),
        (
            "timestamp",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ),
    ]
    .into_iter()
    .map(|(name, target)| {
        let signature = Signature::any(1, Volatility::Immutable);
        Arc::new(
            CastByName {
                name,
                target,
                signature,
            }
            .into(),
        )
    })
}

/// A function of a cast and of a text that tells it from other casts of the same value.
/// The planner gives a cast the name of its value.
pub(crate) const NAMED_CAST: &str = "__named_cast";

/// What [`NAMED_CAST`] calls, until the plan is analyzed.
#[derive(Debug, PartialEq, Eq, Hash)]
struct NamedCast {
    signature: Signature,
}

pub(crate) fn named_cast_function() -> Arc<ScalarUDF> {
    let signature = Signature::any(2, Volatility::Immutable);
    Arc::new(NamedCast { signature }.into())
}

impl ScalarUDFImpl for NamedCast {
    fn name(&self) -> &'static str {
        NAMED_CAST
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [cast, _] = take_function_args(self.name(), types)?;
        Ok(cast.clone())
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("{} is planned as a cast", self.name())
    }
}

/// The cast that `expr` stands for.
pub(crate) fn named_cast(expr: &Expr) -> Option<Expr> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = expr else {
        return None;
    };
    if func.inner().downcast_ref::<NamedCast>().is_some() {
        return args.first().cloned();
    }
    let function = func.inner().downcast_ref::<CastByName>()?;
    let [value] = args.as_slice() else {
        return None;
    };
    Some(cast(value.clone(), function.target.clone()))
}

impl ScalarUDFImpl for CastByName {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.target.clone())
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("{} is planned as a cast", self.name)
    }
}
