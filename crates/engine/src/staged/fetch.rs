//! Fetches the bytes of a staged part from the executor that holds it.

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::Action as FlightAction;
use arrow_flight::flight_service_client::FlightServiceClient;
use ballista_core::serde::protobuf;
use ballista_core::serde::scheduler::{Action, ByteRange, ShuffleFileKind, ShuffleLayout};
use bytes::BytesMut;
use datafusion::error::{DataFusionError, Result};
use prost::Message;
use sluice_proto::MAX_MESSAGE_BYTES;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use super::part::{Block, StagedPart, lost_part_error};

/// How long connecting to an executor may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an executor may stay silent between two messages, so that a paused
/// executor does not block a task forever.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(20);

/// Receives the blocks of a part, in order.
pub(super) struct RemoteBlocks {
    part: Arc<StagedPart>,
    stream: Streaming<arrow_flight::Result>,
    pending: BytesMut,
}

impl RemoteBlocks {
    /// Requests `blocks`, which must be consecutive in the file.
    pub(super) async fn open(part: &Arc<StagedPart>, blocks: &[Block]) -> Result<Self> {
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
            return Err(DataFusionError::Internal(format!(
                "no blocks of staged part {} were requested",
                part.remote_name()
            )));
        };
        let action = Action::FetchPartition {
            job_id: part.token.clone().into(),
            stage_id: 0,
            partition_id: 0,
            host: part.host.clone(),
            port: part.port,
            file_id: Some(part.file_id),
            layout: ShuffleLayout::Passthrough,
            file_kind: ShuffleFileKind::Data,
            byte_ranges: vec![ByteRange {
                offset: first.offset,
                length: last.offset + last.length - first.offset,
            }],
        };
        let action: protobuf::Action =
            action
                .try_into()
                .map_err(|e: ballista_core::error::BallistaError| {
                    DataFusionError::External(Box::new(e))
                })?;
        let request = FlightAction {
            r#type: "IO_BLOCK_TRANSPORT".to_owned(),
            body: action.encode_to_vec().into(),
        };
        let mut client = connect_to_executor(part)
            .await
            .map_err(|e| remote_part_error(part, &e))?;
        let call = tokio::time::timeout(SILENCE_TIMEOUT, client.do_action(request));
        let stream = match call.await {
            Ok(Ok(response)) => response.into_inner(),
            Ok(Err(status)) => return Err(remote_part_error(part, &status.message())),
            Err(_) => return Err(remote_part_error(part, &"no answer")),
        };
        Ok(Self {
            part: Arc::clone(part),
            stream,
            pending: BytesMut::new(),
        })
    }

    /// The bytes of the next block.
    pub(super) async fn next_block(&mut self, block: Block) -> Result<bytes::Bytes> {
        let length =
            usize::try_from(block.length).map_err(|e| DataFusionError::External(Box::new(e)))?;
        while self.pending.len() < length {
            match tokio::time::timeout(SILENCE_TIMEOUT, self.stream.message()).await {
                Ok(Ok(Some(message))) => self.pending.extend_from_slice(&message.body),
                Ok(Ok(None)) => return Err(remote_part_error(&self.part, &"the file ended early")),
                Ok(Err(status)) => return Err(remote_part_error(&self.part, &status.message())),
                Err(_) => return Err(remote_part_error(&self.part, &"no more data arrived")),
            }
        }
        Ok(self.pending.split_to(length).freeze())
    }
}

async fn connect_to_executor(part: &StagedPart) -> Result<FlightServiceClient<Channel>, String> {
    let host = if part.host.contains(':') {
        format!("[{}]", part.host)
    } else {
        part.host.clone()
    };
    let endpoint = Endpoint::from_shared(format!("http://{host}:{}", part.port))
        .map_err(|e| e.to_string())?
        .connect_timeout(CONNECT_TIMEOUT)
        .initial_stream_window_size(16 * 1024 * 1024)
        .initial_connection_window_size(64 * 1024 * 1024)
        .tcp_nodelay(true);
    let channel = endpoint.connect().await.map_err(|e| e.to_string())?;
    Ok(FlightServiceClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES))
}

fn remote_part_error(part: &StagedPart, reason: &dyn std::fmt::Display) -> DataFusionError {
    lost_part_error(part, &part.remote_name(), reason)
}
