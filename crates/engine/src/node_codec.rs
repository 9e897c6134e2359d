//! The encoding of our own nodes in a plan: an Arrow schema in Arrow's own
//! encoding, then a JSON description.
//!
//! A description with hundreds of thousands of files is large and repeats itself, so
//! long ones are compressed.

use std::io::Read;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion_proto::protobuf;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A description of at least so many bytes is compressed.
const MIN_COMPRESSED_BYTES: usize = 16 * 1024;
const COMPRESSION_LEVEL: i32 = 1;
/// A larger description is refused: no peer of ours sends it.
const MAX_DESCRIPTION_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// How the description is stored, as the byte before it.
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

/// `[length of the schema, u32 little endian][schema][PLAIN or ZSTD][description]`
pub(crate) fn encode_node<T: Serialize>(schema: &Schema, description: &T) -> Result<Vec<u8>> {
    let schema = protobuf::Schema::try_from(schema)?.encode_to_vec();
    let length = u32::try_from(schema.len()).map_err(external_error)?;
    let mut buf = length.to_le_bytes().to_vec();
    buf.extend(schema);
    let description = serde_json::to_vec(description).map_err(external_error)?;
    if description.len() < MIN_COMPRESSED_BYTES {
        buf.push(PLAIN);
        buf.extend(description);
    } else {
        buf.push(ZSTD);
        zstd::stream::copy_encode(description.as_slice(), &mut buf, COMPRESSION_LEVEL)
            .map_err(external_error)?;
    }
    Ok(buf)
}

/// The inverse of [`encode_node`].
pub(crate) fn decode_node<T: DeserializeOwned>(buf: &[u8]) -> Result<(SchemaRef, T)> {
    let truncated = || DataFusionError::Internal("a plan node is cut short".to_owned());
    let (length, rest) = buf.split_first_chunk::<4>().ok_or_else(truncated)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(external_error)?;
    let (schema, rest) = rest.split_at_checked(length).ok_or_else(truncated)?;
    let schema = protobuf::Schema::decode(schema).map_err(external_error)?;
    let schema = Schema::try_from(&schema)?;
    let description = match rest.split_first().ok_or_else(truncated)? {
        (&PLAIN, description) => serde_json::from_slice(description),
        (&ZSTD, compressed) => {
            let mut text = Vec::new();
            let decoder = zstd::stream::Decoder::new(compressed).map_err(external_error)?;
            let mut decoder = decoder.take(MAX_DESCRIPTION_BYTES);
            decoder.read_to_end(&mut text).map_err(external_error)?;
            serde_json::from_slice(&text)
        }
        _ => return Err(truncated()),
    };
    Ok((Arc::new(schema), description.map_err(external_error)?))
}

fn external_error(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field};

    use super::*;

    fn schema() -> Schema {
        Schema::new(vec![Field::new("a", DataType::Int64, true)])
    }

    #[test]
    fn descriptions_of_any_length_are_the_same_after_the_way() {
        for count in [0, 1, 100_000] {
            let files: Vec<String> = (0..count).map(|at| format!("file-{at:08}")).collect();
            let bytes = encode_node(&schema(), &files).unwrap();
            let (decoded, same): (_, Vec<String>) = decode_node(&bytes).unwrap();
            assert_eq!((decoded.as_ref(), &same), (&schema(), &files));
            assert_eq!(encode_node(&schema(), &files).unwrap(), bytes);
            assert!(bytes.len() < 1_000 + count * 5, "{} bytes", bytes.len());
        }
    }

    #[test]
    fn a_damaged_node_is_an_error() {
        let files = vec!["file".to_owned(); 10_000];
        let bytes = encode_node(&schema(), &files).unwrap();
        for length in [0, 3, 10, bytes.len() / 2, bytes.len() - 5] {
            assert!(
                decode_node::<Vec<String>>(&bytes[..length]).is_err(),
                "{length}"
            );
        }
    }
}
