//! `abs` and `negative`, which read texts as numbers.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::functions::is_interval;
use crate::types::sql_type_name;

pub(super) fn signs() -> impl Iterator<Item = Arc<ScalarUDF>> {
    SIGNS.iter().map(Arc::clone)
}

static SIGNS: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(|| {
    let base = SessionStateBuilder::new().with_default_features().build();
    let spark = datafusion_spark::all_default_scalar_functions();
    let reading_texts = |name: &str| {
        let inner = base
            .scalar_functions()
            .get(name)
            .or_else(|| spark.iter().find(|function| function.name() == name))?;
        let function = SignFunction {
            inner: Arc::clone(inner),
            signature: Signature::user_defined(Volatility::Immutable),
        };
        Some(Arc::new(ScalarUDF::from(function)))
    };
    ["abs", "negative"]
        .into_iter()
        .filter_map(reading_texts)
        .collect()
});

/// A function of one number, whose type is that of the number.
#[derive(Debug, PartialEq, Eq, Hash)]
struct SignFunction {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl ScalarUDFImpl for SignFunction {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [value] = types else {
            return plan_err!("{} does not take {} arguments", self.name(), types.len());
        };
        match value {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
                Ok(vec![DataType::Float64])
            }
            value if value.is_numeric() || is_interval(value) => Ok(vec![value.clone()]),
            other => plan_err!(
                "{} is not defined for {}; cast the argument to a number",
                self.name(),
                sql_type_name(other)
            ),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let result_type = args.return_field.data_type().clone();
        let result = self.inner.invoke_with_args(args);
        result.map_err(|error| match error {
            // Of the least number, whose opposite its type does not have.
            DataFusionError::ArrowError(source, _) if result_type.is_integer() => {
                let data_type = sql_type_name(&result_type);
                DataFusionError::Execution(format!(
                    "[ARITHMETIC_OVERFLOW] {} of the least {data_type} does not fit {data_type}; \
                     cast to a wider type first ({source})",
                    self.name()
                ))
            }
            error => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_functions_exist_and_read_texts() {
        let names: Vec<&str> = SIGNS.iter().map(|function| function.name()).collect();
        assert_eq!(names, ["abs", "negative"]);
        for function in SIGNS.iter() {
            let read = function.coerce_types(&[DataType::Utf8]).unwrap();
            assert_eq!(read, [DataType::Float64]);
            function.coerce_types(&[DataType::Date32]).unwrap_err();
        }
    }
}
