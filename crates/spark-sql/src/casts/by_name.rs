//! Casts that are written as functions: `int(x)` is `CAST(x AS INT)`.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
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

/// The cast that `expr` stands for.
pub(crate) fn named_cast(expr: &Expr) -> Option<Expr> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = expr else {
        return None;
    };
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
