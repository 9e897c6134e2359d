//! `to_timestamp` and its variants with the return type that they declare.
//!
//! DataFusion 55 declares a result in the session's time zone, but for a column
//! of text returns one without a time zone, which the engine then refuses. Our
//! wrappers return the declared type.

use std::sync::Arc;

use datafusion::arrow::array::make_array;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::functions::datetime;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

/// `to_timestamp(value)`, `to_timestamp(text, pattern, …)` and the variants that
/// end in `_seconds`, `_millis`, `_micros` and `_nanos`, for sessions with the
/// options `config`.
pub(crate) fn to_timestamp_udfs(config: &ConfigOptions) -> [Arc<ScalarUDF>; 5] {
    [
        datetime::to_timestamp,
        datetime::to_timestamp_seconds,
        datetime::to_timestamp_millis,
        datetime::to_timestamp_micros,
        datetime::to_timestamp_nanos,
    ]
    .map(|function| Arc::new(DeclaredReturnType(function(config)).into()))
}

/// A function whose result has the type that it declares.
#[derive(Debug, PartialEq, Eq, Hash)]
struct DeclaredReturnType(Arc<ScalarUDF>);

impl ScalarUDFImpl for DeclaredReturnType {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.0.inner().return_type(types)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let updated = self.0.inner().with_updated_config(config)?;
        Some(Self(Arc::new(updated)).into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let promised = args.return_type().clone();
        // `ScalarUDF` itself would refuse the other type in debug builds. Only the
        // type changes: values count from the epoch in UTC either way.
        match self.0.inner().invoke_with_args(args)? {
            ColumnarValue::Array(array) if array.data_type() != &promised => {
                let data = array.to_data().into_builder().data_type(promised).build()?;
                Ok(ColumnarValue::Array(make_array(data)))
            }
            value => Ok(value),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.0.documentation()
    }
}
