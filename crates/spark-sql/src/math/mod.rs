//! Mathematical functions whose types or special values are not DataFusion's.

mod logarithm;
mod round;
mod signs;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

pub(crate) fn math_functions() -> impl Iterator<Item = Arc<ScalarUDF>> {
    logarithm::logarithms()
        .chain(round::rounding_functions())
        .chain(signs::signs())
}
