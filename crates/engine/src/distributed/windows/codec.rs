//! The encoding of our window functions: what they call, by name, and how.

use std::sync::Arc;

use datafusion::common::{DataFusionError, Result, internal_datafusion_err};
use datafusion::logical_expr::registry::FunctionRegistry;
use datafusion::logical_expr::{AggregateUDF, WindowUDF};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::aggregate::WindowAggregate;
use super::function::ExactWindowFunction;

#[derive(Serialize, Deserialize)]
struct EncodedAggregate {
    function: String,
    is_filtered: bool,
}

#[derive(Serialize, Deserialize)]
struct EncodedFunction {
    function: String,
    ignores_nulls: bool,
    is_reversed: bool,
}

/// Writes nothing for other aggregates: they are found by their names.
pub(crate) fn encode_window_aggregate(function: &AggregateUDF, buf: &mut Vec<u8>) -> Result<()> {
    match function.inner().downcast_ref::<WindowAggregate>() {
        Some(function) => write_json(
            &EncodedAggregate {
                function: function.inner().name().to_owned(),
                is_filtered: function.is_filtered(),
            },
            buf,
        ),
        None => Ok(()),
    }
}

/// Writes nothing for other functions: they are found by their names.
pub(crate) fn encode_window_function(function: &WindowUDF, buf: &mut Vec<u8>) -> Result<()> {
    match function.inner().downcast_ref::<ExactWindowFunction>() {
        Some(function) => write_json(
            &EncodedFunction {
                function: function.inner().name().to_owned(),
                ignores_nulls: function.ignores_nulls,
                is_reversed: function.is_reversed,
            },
            buf,
        ),
        None => Ok(()),
    }
}

pub(crate) fn decode_window_aggregate(
    bytes: &[u8],
    registry: &dyn FunctionRegistry,
) -> Result<Arc<AggregateUDF>> {
    let encoded: EncodedAggregate = read_json(bytes)?;
    let inner = registry.udaf(&encoded.function)?;
    let function = WindowAggregate::new(inner, encoded.is_filtered);
    Ok(Arc::new(AggregateUDF::from(function)))
}

pub(crate) fn decode_window_function(
    bytes: &[u8],
    registry: &dyn FunctionRegistry,
) -> Result<Arc<WindowUDF>> {
    let encoded: EncodedFunction = read_json(bytes)?;
    let inner = registry.udwf(&encoded.function)?;
    let mut function = ExactWindowFunction::new(inner, encoded.ignores_nulls);
    function.is_reversed = encoded.is_reversed;
    Ok(Arc::new(WindowUDF::from(function)))
}

fn write_json<T: Serialize>(value: &T, buf: &mut Vec<u8>) -> Result<()> {
    serde_json::to_writer(buf, value).map_err(|error| DataFusionError::External(Box::new(error)))
}

fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| internal_datafusion_err!("cannot read a window function: {error}"))
}
