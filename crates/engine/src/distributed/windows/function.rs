//! A window function that knows all by itself how it is evaluated.

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::function::{
    ExpressionArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs,
};
use datafusion::logical_expr::{
    Documentation, LimitEffect, PartitionEvaluator, ReversedUDWF, Signature, WindowUDF,
    WindowUDFImpl,
};
use datafusion::physical_expr::PhysicalExpr;

/// Functions that DataFusion 55 counts rows for as they come, and with IGNORE NULLS
/// wrongly: `lead` does not count NULLs behind the rows that it has looked at.
const SHIFTS: [&str; 2] = ["lag", "lead"];

/// Evaluates a function for all rows of a partition at once.
#[derive(Debug)]
struct WholePartition(Box<dyn PartitionEvaluator>);

impl PartitionEvaluator for WholePartition {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        self.0.evaluate_all(values, num_rows)
    }

    fn supports_bounded_execution(&self) -> bool {
        false
    }
}

/// Calls another window function with these settings, whatever the expression
/// says that it is part of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ExactWindowFunction {
    inner: Arc<WindowUDF>,
    pub(super) ignores_nulls: bool,
    /// The rows come in the opposite of the order in which the function is
    /// defined.
    pub(super) is_reversed: bool,
}

impl ExactWindowFunction {
    pub(super) fn new(inner: Arc<WindowUDF>, ignores_nulls: bool) -> Self {
        Self {
            inner,
            ignores_nulls,
            is_reversed: false,
        }
    }

    pub(super) fn inner(&self) -> &WindowUDF {
        &self.inner
    }
}

impl WindowUDFImpl for ExactWindowFunction {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn expressions(&self, args: ExpressionArgs) -> Vec<Arc<dyn PhysicalExpr>> {
        self.inner.expressions(args)
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        let evaluator = self
            .inner
            .partition_evaluator_factory(PartitionEvaluatorArgs::new(
                args.input_exprs(),
                args.input_fields(),
                self.is_reversed,
                self.ignores_nulls,
            ))?;
        if self.ignores_nulls && SHIFTS.contains(&self.name()) {
            return Ok(Box::new(WholePartition(evaluator)));
        }
        Ok(evaluator)
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        self.inner.field(args)
    }

    fn sort_options(&self) -> Option<SortOptions> {
        self.inner.sort_options()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn reverse_expr(&self) -> ReversedUDWF {
        match self.inner.reverse_expr() {
            ReversedUDWF::Identical => ReversedUDWF::Identical,
            ReversedUDWF::NotSupported => ReversedUDWF::NotSupported,
            ReversedUDWF::Reversed(inner) => {
                ReversedUDWF::Reversed(Arc::new(WindowUDF::from(Self {
                    inner,
                    ignores_nulls: self.ignores_nulls,
                    is_reversed: !self.is_reversed,
                })))
            }
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn limit_effect(&self, args: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        self.inner.inner().limit_effect(args)
    }
}
