//! The encoding of our own nodes in a plan: an Arrow schema in Arrow's own
//! encoding, then a JSON description.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion_proto::protobuf;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// `[length of the schema, u32 little endian][schema][description]`
pub(crate) fn encode_node<T: Serialize>(schema: &Schema, description: &T) -> Result<Vec<u8>> {
    let schema = protobuf::Schema::try_from(schema)?.encode_to_vec();
    let length = u32::try_from(schema.len()).map_err(external_error)?;
    let mut buf = length.to_le_bytes().to_vec();
    buf.extend(schema);
    serde_json::to_writer(&mut buf, description).map_err(external_error)?;
    Ok(buf)
}

/// The inverse of [`encode_node`].
pub(crate) fn decode_node<T: DeserializeOwned>(buf: &[u8]) -> Result<(SchemaRef, T)> {
    let truncated = || DataFusionError::Internal("a plan node is cut short".to_owned());
    let (length, rest) = buf.split_first_chunk::<4>().ok_or_else(truncated)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(external_error)?;
    let (schema, description) = rest.split_at_checked(length).ok_or_else(truncated)?;
    let schema = protobuf::Schema::decode(schema).map_err(external_error)?;
    let schema = Schema::try_from(&schema)?;
    Ok((
        Arc::new(schema),
        serde_json::from_slice(description).map_err(external_error)?,
    ))
}

fn external_error(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
