//! Plans of any depth as bytes.
//!
//! prost decodes at most 100 messages inside each other, which bounds what peers
//! can do to the stack. Each operator of a plan and each term of an expression
//! takes two or three, so that a stage of fifty operators, or a sum of fifty
//! terms, could be encoded and not decoded. Here a subtree that is too deep is a
//! *fragment*: its bytes are a field of an extension node, whose decoding counts
//! from zero.
//!
//! Ballista encodes a task's plan with DataFusion's converter, which knows no
//! fragments, and asks the codec for the bytes of the stage's root. For a deep
//! stage, the codec's answer holds the whole plan ([`encode_stage`]), and
//! [`TaskPlan`], which executors decode, does not look at the inputs next to it.

use std::cell::Cell;
use std::sync::Arc;

use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::arrow::datatypes::Schema;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{
    AsExecutionPlan, PhysicalExtensionCodec, PhysicalPlanDecodeContext, PhysicalPlanNodeExt,
    PhysicalProtoConverterExtension,
};
use datafusion_proto::protobuf::physical_expr_node::ExprType;
use datafusion_proto::protobuf::physical_plan_node::PhysicalPlanType;
use datafusion_proto::protobuf::{
    PhysicalExprNode, PhysicalExtensionExprNode, PhysicalExtensionNode, PhysicalPlanNode,
};
use prost::Message;

use super::NodeKind;

/// Operators of one fragment below each other; two messages each.
const FRAGMENT_OPERATORS: usize = 12;
/// Terms of one fragment inside each other; two or three messages each.
const FRAGMENT_TERMS: usize = 10;
/// The depth of messages up to which a plan is encoded without fragments.
const MAX_MESSAGES: usize = 80;

/// Conversions recurse: with less than this left, they get another stack.
const STACK_RED_ZONE: usize = 256 * 1024;
const STACK_BYTES: usize = 4 * 1024 * 1024;

/// The first byte of an expression that is a fragment.
const EXPRESSION_FRAGMENT: u8 = 1;

/// Cuts plans into fragments, and puts fragments together.
#[derive(Debug, Default)]
struct FragmentConverter {
    operators: Cell<usize>,
    terms: Cell<usize>,
}

impl PhysicalProtoConverterExtension for FragmentConverter {
    fn proto_to_execution_plan(
        &self,
        proto: &PhysicalPlanNode,
        ctx: &PhysicalPlanDecodeContext<'_>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        with_stack(|| match plan_fragment(proto)? {
            Some(inner) => inner.try_into_physical_plan_with_context(ctx, self),
            None => proto.try_into_physical_plan_with_context(ctx, self),
        })
    }

    fn execution_plan_to_proto(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        codec: &dyn PhysicalExtensionCodec,
    ) -> Result<PhysicalPlanNode> {
        let depth = self.operators.get();
        let terms = self.terms.replace(0);
        self.operators.set(depth + 1);
        let node = with_stack(|| {
            PhysicalPlanNode::try_from_physical_plan_with_converter(Arc::clone(plan), codec, self)
        });
        self.operators.set(depth);
        self.terms.set(terms);
        let node = node?;
        if depth % FRAGMENT_OPERATORS != FRAGMENT_OPERATORS - 1 {
            return Ok(node);
        }
        let mut bytes = vec![NodeKind::Fragment as u8];
        node.encode(&mut bytes).map_err(encoding_error)?;
        Ok(PhysicalPlanNode {
            physical_plan_type: Some(PhysicalPlanType::Extension(PhysicalExtensionNode {
                node: bytes,
                inputs: Vec::new(),
            })),
        })
    }

    fn proto_to_physical_expr(
        &self,
        proto: &PhysicalExprNode,
        input_schema: &Schema,
        ctx: &PhysicalPlanDecodeContext<'_>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        with_stack(|| match expression_fragment(proto)? {
            Some(inner) => self.default_proto_to_physical_expr(&inner, input_schema, ctx),
            None => self.default_proto_to_physical_expr(proto, input_schema, ctx),
        })
    }

    fn physical_expr_to_proto(
        &self,
        expr: &Arc<dyn PhysicalExpr>,
        codec: &dyn PhysicalExtensionCodec,
    ) -> Result<PhysicalExprNode> {
        let depth = self.terms.get();
        self.terms.set(depth + 1);
        let node = with_stack(|| {
            datafusion_proto::physical_plan::to_proto::serialize_physical_expr_with_converter(
                expr, codec, self,
            )
        });
        self.terms.set(depth);
        let node = node?;
        if depth % FRAGMENT_TERMS != FRAGMENT_TERMS - 1 {
            return Ok(node);
        }
        let mut bytes = vec![EXPRESSION_FRAGMENT];
        node.encode(&mut bytes).map_err(encoding_error)?;
        Ok(PhysicalExprNode {
            expr_id: None,
            expr_type: Some(ExprType::Extension(PhysicalExtensionExprNode {
                expr: bytes,
                inputs: Vec::new(),
            })),
        })
    }
}

fn with_stack<T>(convert: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(STACK_RED_ZONE, STACK_BYTES, convert)
}

fn plan_fragment(node: &PhysicalPlanNode) -> Result<Option<PhysicalPlanNode>> {
    let Some(PhysicalPlanType::Extension(extension)) = &node.physical_plan_type else {
        return Ok(None);
    };
    match extension.node.split_first() {
        Some((kind, bytes)) if *kind == NodeKind::Fragment as u8 => PhysicalPlanNode::decode(bytes)
            .map(Some)
            .map_err(decoding_error),
        _ => Ok(None),
    }
}

fn expression_fragment(node: &PhysicalExprNode) -> Result<Option<PhysicalExprNode>> {
    let Some(ExprType::Extension(extension)) = &node.expr_type else {
        return Ok(None);
    };
    match extension.expr.split_first() {
        Some((&EXPRESSION_FRAGMENT, bytes)) => PhysicalExprNode::decode(bytes)
            .map(Some)
            .map_err(decoding_error),
        _ => Ok(None),
    }
}

fn encoding_error(error: prost::EncodeError) -> DataFusionError {
    DataFusionError::Internal(format!("cannot encode a part of a plan: {error}"))
}

fn decoding_error(error: prost::DecodeError) -> DataFusionError {
    DataFusionError::Internal(format!("cannot decode a part of a plan: {error}"))
}

/// Whether a plan may be too deep to be decoded without fragments.
pub(super) fn is_deep(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let mut open = vec![(Arc::clone(plan), 1_usize)];
    while let Some((node, depth)) = open.pop() {
        let mut terms = 0;
        node.apply_expressions(&mut |expr| {
            terms = terms.max(count_nested_terms(expr));
            Ok(TreeNodeRecursion::Continue)
        })?;
        if depth * 2 + terms * 3 > MAX_MESSAGES {
            return Ok(true);
        }
        open.extend(
            node.children()
                .into_iter()
                .map(|child| (Arc::clone(child), depth + 1)),
        );
    }
    Ok(false)
}

/// How many terms are inside each other.
fn count_nested_terms(expr: &Arc<dyn PhysicalExpr>) -> usize {
    let mut deepest = 0;
    let mut open = vec![(expr, 1)];
    while let Some((expr, depth)) = open.pop() {
        deepest = deepest.max(depth);
        open.extend(expr.children().into_iter().map(|child| (child, depth + 1)));
    }
    deepest
}

/// The bytes of a plan of any depth.
pub(super) fn encode_plan(
    plan: &Arc<dyn ExecutionPlan>,
    codec: &dyn PhysicalExtensionCodec,
) -> Result<Vec<u8>> {
    let node = FragmentConverter::default().execution_plan_to_proto(plan, codec)?;
    Ok(node.encode_to_vec())
}

/// The inverse of [`encode_plan`].
pub(super) fn decode_plan(
    bytes: &[u8],
    context: &TaskContext,
    codec: &dyn PhysicalExtensionCodec,
) -> Result<Arc<dyn ExecutionPlan>> {
    let node = PhysicalPlanNode::decode(bytes).map_err(decoding_error)?;
    let context = PhysicalPlanDecodeContext::new(context, codec);
    FragmentConverter::default().proto_to_execution_plan(&node, &context)
}

/// A deep stage: the root, which Ballista's codec encodes, and its input.
#[derive(Clone, PartialEq, Message)]
struct StageMessage {
    #[prost(bytes = "vec", tag = "1")]
    root: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    input: Vec<u8>,
}

/// The bytes of a stage whose root is a node of Ballista.
pub(super) fn encode_stage(
    root: Arc<dyn ExecutionPlan>,
    input: &Arc<dyn ExecutionPlan>,
    codec: &dyn PhysicalExtensionCodec,
    ballista: &BallistaPhysicalExtensionCodec,
) -> Result<Vec<u8>> {
    let converter = FragmentConverter::default();
    let mut message = StageMessage {
        input: encode_plan(input, codec)?,
        ..StageMessage::default()
    };
    ballista.try_encode(root, &mut message.root, &converter)?;
    Ok(message.encode_to_vec())
}

/// The inverse of [`encode_stage`].
pub(super) fn decode_stage(
    bytes: &[u8],
    context: &TaskContext,
    codec: &dyn PhysicalExtensionCodec,
    ballista: &BallistaPhysicalExtensionCodec,
) -> Result<Arc<dyn ExecutionPlan>> {
    let message = StageMessage::decode(bytes).map_err(decoding_error)?;
    let converter = FragmentConverter::default();
    let input = decode_plan(&message.input, context, codec)?;
    ballista.try_decode(&message.root, &[input], context, &converter)
}

/// The part of a [`PhysicalPlanNode`] that a deep stage is decoded from. The
/// numbers of the fields are those of datafusion.proto.
#[derive(Clone, PartialEq, Message)]
struct RootMessage {
    #[prost(message, optional, tag = "18")]
    extension: Option<RootExtension>,
}

#[derive(Clone, PartialEq, Message)]
struct RootExtension {
    #[prost(bytes = "vec", tag = "1")]
    node: Vec<u8>,
}

/// A task's plan, of any depth.
#[derive(Debug, Clone)]
pub struct TaskPlan(PhysicalPlanNode);

impl AsExecutionPlan for TaskPlan {
    fn try_decode(buf: &[u8]) -> Result<Self> {
        let root = RootMessage::decode(buf).map_err(decoding_error)?;
        let node = root.extension.unwrap_or_default().node;
        if node.first() != Some(&(NodeKind::DeepStage as u8)) {
            return PhysicalPlanNode::try_decode(buf).map(Self);
        }
        Ok(Self(PhysicalPlanNode {
            physical_plan_type: Some(PhysicalPlanType::Extension(PhysicalExtensionNode {
                node,
                inputs: Vec::new(),
            })),
        }))
    }

    fn try_encode<B: bytes::BufMut>(&self, buf: &mut B) -> Result<()> {
        self.0.try_encode(buf)
    }

    fn try_into_physical_plan(
        &self,
        context: &TaskContext,
        codec: &dyn PhysicalExtensionCodec,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let decode_context = PhysicalPlanDecodeContext::new(context, codec);
        FragmentConverter::default().proto_to_execution_plan(&self.0, &decode_context)
    }

    fn try_from_physical_plan(
        plan: Arc<dyn ExecutionPlan>,
        codec: &dyn PhysicalExtensionCodec,
    ) -> Result<Self> {
        FragmentConverter::default()
            .execution_plan_to_proto(&plan, codec)
            .map(Self)
    }
}

#[cfg(test)]
mod tests;
