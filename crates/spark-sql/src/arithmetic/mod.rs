//! Arithmetic as Spark has it in ANSI mode: results have Spark's types, and an
//! operation without a result (overflow, division by zero) ends the query.
//!
//! Operators of numbers are planned as functions, which a task finds by their
//! names. Operations of floats that cannot fail stay the engine's own.

mod common_type;
mod dates;
mod decimal_types;
mod decimals;
mod error;
mod function;
mod integers;
mod kernel;
mod operands;
mod operation;
mod planner;

use std::sync::{Arc, LazyLock};

use datafusion::logical_expr::ScalarUDF;

pub(crate) use common_type::{chooses, common_type};
pub(crate) use decimal_types::{DecimalType, MAX_PRECISION};
pub(crate) use decimals::{divide_half_up, divide_to_scale, fits as fits_digits, power_of_ten};
pub(crate) use error::ArithmeticError;
pub(crate) use function::{ArithmeticFunction, OnFailure, type_of};
pub(crate) use operands::NumericOperands;
pub(crate) use operation::Operation;
pub(crate) use planner::ArithmeticPlanner;

/// The checked function of each operation, in the order of [`Operation::ALL`].
static CHECKED: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(|| functions(OnFailure::Fail));

fn functions(on_failure: OnFailure) -> Vec<Arc<ScalarUDF>> {
    Operation::ALL
        .into_iter()
        .map(|operation| Arc::new(ArithmeticFunction::new(operation, on_failure).into()))
        .collect()
}

/// The function of `operation` that fails where there is no result.
pub(crate) fn checked(operation: Operation) -> Arc<ScalarUDF> {
    Arc::clone(&CHECKED[operation as usize])
}

/// All functions of arithmetic.
pub(crate) fn arithmetic_functions() -> impl Iterator<Item = Arc<ScalarUDF>> {
    // Spark has no `try_div` and no `try_pmod`.
    let missing = [Operation::IntegralDivide, Operation::PositiveRemainder];
    let tried = functions(OnFailure::Null)
        .into_iter()
        .filter(move |function| !missing.iter().any(|op| op.try_name() == function.name()));
    CHECKED.iter().map(Arc::clone).chain(tried)
}
