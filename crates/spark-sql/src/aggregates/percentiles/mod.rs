//! Percentiles: exact ones of numbers, and `percentile_approx` with the summary of
//! values that Spark keeps.

mod approximate;
mod constants;
mod exact;
mod summary;

use std::sync::Arc;

use datafusion::logical_expr::AggregateUDF;

use self::approximate::ApproximateFunction;
use self::exact::{ExactFunction, ExactKind};

pub(super) fn percentile_functions() -> Vec<Arc<AggregateUDF>> {
    let exact = [
        ExactKind::Percentile,
        ExactKind::Continuous,
        ExactKind::Discrete,
        ExactKind::Median,
    ];
    exact
        .into_iter()
        .map(|kind| ExactFunction::new(kind).into())
        .chain([ApproximateFunction::new().into()])
        .map(|function: AggregateUDF| Arc::new(function))
        .collect()
}
