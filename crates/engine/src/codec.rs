//! Encoding of plans: our plan nodes in addition to Ballista's and
//! DataFusion's.
//!
//! The first byte of an extension node is its kind. Each of our nodes has its
//! own codec file next to the node; this file only chooses between them.

mod fragments;

use std::sync::{Arc, OnceLock};

use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{AggregateUDF, WindowUDF};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::work_table::WorkTableExec;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};

pub use fragments::TaskPlan;

use crate::distributed::{
    OnePartitionExec, OneTaskExec, SortBarrierExec, StatisticsBarrierExec, windows,
};
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
    StatisticsBarrier = 5,
    OnePartition = 6,
    /// A plan inside bytes.
    Fragment = 7,
    /// A stage with its input inside bytes.
    DeepStage = 8,
    /// A plan that runs in one task, inside bytes.
    OneTask = 9,
    Recursion = 10,
    WorkTable = 11,
    SortBarrier = 12,
}

impl NodeKind {
    fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Ballista,
            Self::NdjsonScan,
            Self::StagedScan,
            Self::StageWriter,
            Self::GoldSink,
            Self::StatisticsBarrier,
            Self::OnePartition,
            Self::SortBarrier,
            Self::Fragment,
            Self::DeepStage,
            Self::OneTask,
            Self::Recursion,
            Self::WorkTable,
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
            NodeKind::StatisticsBarrier => {
                crate::distributed::decode_statistics_barrier(rest, inputs)
            }
            NodeKind::OnePartition => crate::distributed::decode_one_partition(inputs),
            NodeKind::SortBarrier => crate::distributed::decode_sort_barrier(inputs),
            NodeKind::Fragment => Err(unknown_node_error("a fragment outside of a task's plan")),
            NodeKind::DeepStage => fragments::decode_stage(rest, ctx, self, &self.ballista),
            NodeKind::OneTask => {
                let plan = fragments::decode_plan(rest, ctx, self)?;
                Ok(Arc::new(OneTaskExec::new(plan)))
            }
            NodeKind::Recursion => crate::distributed::decode_recursion(rest, inputs),
            NodeKind::WorkTable => crate::distributed::decode_work_table(rest),
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
        if let Some(barrier) = node.downcast_ref::<StatisticsBarrierExec>() {
            buf.extend([NodeKind::StatisticsBarrier as u8, barrier.encode()]);
            return Ok(());
        }
        if node.is::<OnePartitionExec>() {
            buf.push(NodeKind::OnePartition as u8);
            return Ok(());
        }
        if node.is::<SortBarrierExec>() {
            buf.push(NodeKind::SortBarrier as u8);
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
        if let Some(one_task) = node.downcast_ref::<OneTaskExec>() {
            buf.push(NodeKind::OneTask as u8);
            buf.extend(fragments::encode_plan(one_task.plan(), self)?);
            return Ok(());
        }
        if let Some(recursion) = node.downcast_ref::<RecursiveQueryExec>() {
            buf.push(NodeKind::Recursion as u8);
            buf.extend(crate::distributed::encode_recursion(recursion)?);
            return Ok(());
        }
        if let Some(table) = node.downcast_ref::<WorkTableExec>() {
            buf.push(NodeKind::WorkTable as u8);
            buf.extend(crate::distributed::encode_work_table(table)?);
            return Ok(());
        }
        // The root of a stage is one of these.
        if let [input] = node.children().as_slice()
            && fragments::is_deep(input)?
        {
            let input = Arc::clone(input);
            buf.push(NodeKind::DeepStage as u8);
            buf.extend(fragments::encode_stage(node, &input, self, &self.ballista)?);
            return Ok(());
        }
        buf.push(NodeKind::Ballista as u8);
        self.ballista.try_encode(node, buf, converter)
    }

    fn try_encode_udaf(&self, function: &AggregateUDF, buf: &mut Vec<u8>) -> Result<()> {
        windows::encode_window_aggregate(function, buf)
    }

    fn try_decode_udaf(&self, _: &str, buf: &[u8]) -> Result<Arc<AggregateUDF>> {
        windows::decode_window_aggregate(buf, known_functions()?)
    }

    fn try_encode_udwf(&self, function: &WindowUDF, buf: &mut Vec<u8>) -> Result<()> {
        windows::encode_window_function(function, buf)
    }

    fn try_decode_udwf(&self, _: &str, buf: &[u8]) -> Result<Arc<WindowUDF>> {
        windows::decode_window_function(buf, known_functions()?)
    }
}

/// All functions by name: a codec is not given the session that decodes.
fn known_functions() -> Result<&'static BallistaFunctionRegistry> {
    static FUNCTIONS: OnceLock<BallistaFunctionRegistry> = OnceLock::new();
    match FUNCTIONS.get() {
        Some(functions) => Ok(functions),
        None => {
            let functions = crate::session::function_registry()?;
            Ok(FUNCTIONS.get_or_init(|| functions))
        }
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
