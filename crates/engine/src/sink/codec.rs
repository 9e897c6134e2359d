//! Encoding of the sink node in a plan.
//!
//! Fields are only ever added, with new numbers.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::protobuf;
use prost::Message;

use super::error::SinkError;
use super::exec::GoldSinkExec;
use super::spec::{SinkSpec, SortColumn};

#[derive(Clone, PartialEq, Message)]
struct SinkMessage {
    #[prost(string, tag = "1")]
    table_url: String,
    #[prost(string, tag = "2")]
    job_id: String,
    #[prost(string, tag = "3")]
    dataset: String,
    #[prost(message, optional, tag = "4")]
    schema: Option<protobuf::Schema>,
    #[prost(string, repeated, tag = "5")]
    partition_by: Vec<String>,
    #[prost(message, repeated, tag = "6")]
    sort_by: Vec<SortMessage>,
    #[prost(uint64, tag = "7")]
    target_file_bytes: u64,
    #[prost(uint64, tag = "8")]
    row_group_rows: u64,
    #[prost(uint64, tag = "9")]
    row_group_bytes: u64,
    #[prost(int32, tag = "10")]
    zstd_level: i32,
    #[prost(string, repeated, tag = "11")]
    keys: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct SortMessage {
    #[prost(string, tag = "1")]
    column: String,
    #[prost(bool, tag = "2")]
    descending: bool,
    #[prost(bool, tag = "3")]
    nulls_first: bool,
}

/// The node without its input, as bytes.
///
/// # Errors
/// When the table's schema has a type that cannot be sent.
pub(crate) fn encode_sink(node: &GoldSinkExec) -> Result<Vec<u8>> {
    let spec = node.spec();
    let message = SinkMessage {
        table_url: spec.table_url.clone(),
        job_id: spec.job_id.clone(),
        dataset: spec.dataset.clone(),
        schema: Some(protobuf::Schema::try_from(spec.schema.as_ref())?),
        partition_by: spec.partition_by.clone(),
        sort_by: spec
            .sort_by
            .iter()
            .map(|sort| SortMessage {
                column: sort.column.clone(),
                descending: sort.descending,
                nulls_first: sort.nulls_first,
            })
            .collect(),
        target_file_bytes: spec.target_file_bytes,
        row_group_rows: spec.row_group_rows as u64,
        row_group_bytes: spec.row_group_bytes as u64,
        zstd_level: spec.zstd_level,
        keys: spec.keys.clone(),
    };
    Ok(message.encode_to_vec())
}

/// The node from its bytes, over `inputs` (exactly one).
///
/// # Errors
/// When the bytes are of another version, or do not match the input.
pub(crate) fn decode_sink(
    bytes: &[u8],
    inputs: &[Arc<dyn ExecutionPlan>],
) -> Result<Arc<dyn ExecutionPlan>> {
    let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| SinkError::Decode {
        what: "a gold sink",
        source,
    };
    let [input] = inputs else {
        return Err(unreadable(format!("it has {} inputs", inputs.len()).into()).into());
    };
    let message = SinkMessage::decode(bytes).map_err(|error| unreadable(error.into()))?;
    let schema = message
        .schema
        .ok_or_else(|| unreadable("it has no schema".into()))?;
    let size = |value: u64| usize::try_from(value).map_err(|error| unreadable(error.into()));
    let spec = SinkSpec {
        table_url: message.table_url,
        job_id: message.job_id,
        dataset: message.dataset,
        schema: Arc::new(Schema::try_from(&schema)?),
        partition_by: message.partition_by,
        keys: message.keys,
        sort_by: message
            .sort_by
            .into_iter()
            .map(|sort| SortColumn {
                column: sort.column,
                descending: sort.descending,
                nulls_first: sort.nulls_first,
            })
            .collect(),
        target_file_bytes: message.target_file_bytes,
        row_group_rows: size(message.row_group_rows)?,
        row_group_bytes: size(message.row_group_bytes)?,
        zstd_level: message.zstd_level,
    };
    Ok(Arc::new(GoldSinkExec::try_new(
        Arc::clone(input),
        Arc::new(spec),
    )?))
}
