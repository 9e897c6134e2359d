//! `to_timestamp` as it should be.
//!
//! DataFusion 55 promises the session's time zone and gives a column of text
//! without one, which the engine then refuses. Ours gives what it promises.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::functions::datetime::to_timestamp::ToTimestampFunc;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

/// `to_timestamp(value)` and `to_timestamp(text, pattern, …)` for sessions with
/// the options `config`.
pub(crate) fn to_timestamp_udf(config: &ConfigOptions) -> Arc<ScalarUDF> {
    Arc::new(ToTimestamp::new(config).into())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToTimestamp(ToTimestampFunc);

impl ToTimestamp {
    fn new(config: &ConfigOptions) -> Self {
        Self(ToTimestampFunc::new_with_config(config))
    }
}

impl ScalarUDFImpl for ToTimestamp {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.0.return_type(types)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        Some(Self::new(config).into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let promised = args.return_type().clone();
        // Only the type changes: values count from the epoch in UTC either way.
        match self.0.invoke_with_args(args)? {
            ColumnarValue::Array(array) if array.data_type() != &promised => {
                let data = array.to_data().into_builder().data_type(promised).build()?;
                Ok(ColumnarValue::Array(datafusion::arrow::array::make_array(
                    data,
                )))
            }
            value => Ok(value),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.0.documentation()
    }
}
