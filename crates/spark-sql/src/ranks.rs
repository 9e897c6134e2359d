//! Ranks as INT, as in Spark; the engine's are unsigned numbers of 64 bits.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::compute::{CastOptions, SortOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_window::{ntile, rank, row_number};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::window_state::WindowAggState;
use datafusion::logical_expr::{
    LimitEffect, PartitionEvaluator, Signature, WindowUDF, WindowUDFImpl,
};
use datafusion::physical_plan::PhysicalExpr;

/// `row_number`, `rank`, `dense_rank` and `ntile`, and [`wide_row_number`].
pub(crate) fn rank_functions() -> Vec<Arc<WindowUDF>> {
    let functions = [
        row_number::row_number_udwf(),
        rank::rank_udwf(),
        rank::dense_rank_udwf(),
        ntile::ntile_udwf(),
    ];
    let functions = functions.into_iter().map(|inner| {
        Arc::new(WindowUDF::from(Rank {
            name: None,
            data_type: DataType::Int32,
            inner,
        }))
    });
    functions.chain([wide_row_number()]).collect()
}

/// The numbers of rows in 64 bits, for plans that no query writes. The engine's own
/// function has the name of ours, under which a task would find that.
#[must_use]
pub fn wide_row_number() -> Arc<WindowUDF> {
    Arc::new(WindowUDF::from(Rank {
        name: Some("wide_row_number"),
        data_type: DataType::UInt64,
        inner: row_number::row_number_udwf(),
    }))
}

/// A function of the engine whose results have another type or another name.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Rank {
    name: Option<&'static str>,
    data_type: DataType,
    inner: Arc<WindowUDF>,
}

impl WindowUDFImpl for Rank {
    fn name(&self) -> &str {
        self.name.unwrap_or_else(|| self.inner.name())
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs<'_>,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        let inner = self.inner.partition_evaluator_factory(args)?;
        Ok(match self.data_type {
            DataType::Int32 => Box::new(IntEvaluator(inner)),
            _ => inner,
        })
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        let field = Field::new(args.name(), self.data_type.clone(), false);
        Ok(Arc::new(field))
    }

    fn sort_options(&self) -> Option<SortOptions> {
        self.inner.sort_options()
    }

    fn limit_effect(&self, args: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        self.inner.inner().limit_effect(args)
    }
}

#[derive(Debug)]
struct IntEvaluator(Box<dyn PartitionEvaluator>);

/// An error where there are more rows than an INT can count.
fn to_int(ranks: &ArrayRef) -> Result<ArrayRef> {
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    Ok(cast_with_options(ranks, &DataType::Int32, &options)?)
}

impl PartitionEvaluator for IntEvaluator {
    fn memoize(&mut self, state: &mut WindowAggState) -> Result<()> {
        self.0.memoize(state)
    }

    fn get_range(&self, row: usize, rows: usize) -> Result<Range<usize>> {
        self.0.get_range(row, rows)
    }

    fn is_causal(&self) -> bool {
        self.0.is_causal()
    }

    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        to_int(&self.0.evaluate_all(values, rows)?)
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        self.0.evaluate(values, range)?.cast_to(&DataType::Int32)
    }

    fn evaluate_all_with_rank(&self, rows: usize, ranks: &[Range<usize>]) -> Result<ArrayRef> {
        to_int(&self.0.evaluate_all_with_rank(rows, ranks)?)
    }

    fn supports_bounded_execution(&self) -> bool {
        self.0.supports_bounded_execution()
    }

    fn uses_window_frame(&self) -> bool {
        self.0.uses_window_frame()
    }

    fn include_rank(&self) -> bool {
        self.0.include_rank()
    }
}
