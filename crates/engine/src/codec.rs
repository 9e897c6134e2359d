//! Encoding of plans: our plan nodes in addition to Ballista's and
//! DataFusion's.
//!
//! The first byte of an extension node is its kind. Each of our nodes has its
//! own codec file next to the node; this file only chooses between them.

use std::sync::Arc;

use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};

use crate::sink::GoldSinkExec;
use crate::source::NdjsonSource;
use crate::staged::{StageWriterExec, StagedSource};

/// Encodes and decodes every node that a Sluice plan can hold.
#[derive(Debug, Default)]
pub struct SluiceCodec {
    ballista: BallistaPhysicalExtensionCodec,
}

/// The kind of the node that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum NodeKind {
    Ballista = 0,
    NdjsonScan = 1,
    StagedScan = 2,
    StageWriter = 3,
    GoldSink = 4,
}

impl NodeKind {
    fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Ballista,
            Self::NdjsonScan,
            Self::StagedScan,
            Self::StageWriter,
            Self::GoldSink,
        ]
        .into_iter()
        .find(|tag| *tag as u8 == byte)
    }
}

impl SluiceCodec {
    pub fn new() -> Self {
        Self::default()
    }
}

impl PhysicalExtensionCodec for SluiceCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (tag, rest) = buf
            .split_first()
            .ok_or_else(|| unknown_node_error("an empty node"))?;
        match NodeKind::from_byte(*tag)
            .ok_or_else(|| unknown_node_error(&format!("node kind {tag}")))?
        {
            NodeKind::Ballista => self.ballista.try_decode(rest, inputs, ctx, converter),
            NodeKind::NdjsonScan => crate::source::codec::decode_scan(rest),
            NodeKind::StagedScan => crate::staged::codec::decode_scan(rest),
            NodeKind::StageWriter => crate::staged::codec::decode_writer(rest, inputs),
            NodeKind::GoldSink => crate::sink::codec::decode_sink(rest, inputs),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        if let Some(sink) = node.downcast_ref::<GoldSinkExec>() {
            buf.push(NodeKind::GoldSink as u8);
            buf.extend(crate::sink::codec::encode_sink(sink)?);
            return Ok(());
        }
        if let Some(writer) = node.downcast_ref::<StageWriterExec>() {
            buf.push(NodeKind::StageWriter as u8);
            buf.extend(crate::staged::codec::encode_writer(writer)?);
            return Ok(());
        }
        if let Some(config) = file_scan_config(node.as_ref()) {
            if let Some(source) = config.file_source().downcast_ref::<NdjsonSource>() {
                buf.push(NodeKind::NdjsonScan as u8);
                buf.extend(crate::source::codec::encode_scan(config, source)?);
                return Ok(());
            }
            if let Some(source) = config.file_source().downcast_ref::<StagedSource>() {
                buf.push(NodeKind::StagedScan as u8);
                buf.extend(crate::staged::codec::encode_scan(config, source)?);
                return Ok(());
            }
        }
        buf.push(NodeKind::Ballista as u8);
        self.ballista.try_encode(node, buf, converter)
    }
}

/// The node's file scan, if the node is one.
pub(crate) fn file_scan_config(node: &dyn ExecutionPlan) -> Option<&FileScanConfig> {
    let source = node
        .downcast_ref::<DataSourceExec>()?
        .data_source()
        .as_ref();
    (source as &dyn std::any::Any).downcast_ref::<FileScanConfig>()
}

fn unknown_node_error(what: &str) -> DataFusionError {
    DataFusionError::Internal(format!(
        "cannot read a plan that holds {what}; do scheduler and executors run the same version of sluice?"
    ))
}
