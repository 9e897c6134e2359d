//! The functions of a session.

mod arguments;
mod arrays;
mod assertions;
mod constant_limits;
mod conversion;
mod datetime;
mod hash;
mod higher_order;
mod intervals;
mod json;
mod kinds;
mod maps;
mod number_formats;
mod numeric;
mod reference;
mod regex;
mod strings;
#[cfg(test)]
mod testing;
mod text_builder;
mod type_name;
mod udf;

use std::sync::{Arc, LazyLock};

use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::execution::{FunctionRegistry, SessionState, SessionStateBuilder};
use datafusion::logical_expr::ScalarUDF;

pub(crate) use self::conversion::{local_micros, to_date, to_timestamp};
pub(crate) use self::datetime::clock::clock_functions;
pub(crate) use self::datetime::plus_interval::plus_interval_udf;
pub(crate) use self::datetime::text::{
    format_date, format_interval, format_local_time, parse_date, parse_local_time, parse_timestamp,
};
pub(crate) use self::datetime::zone::{Zone, session_zone};
pub(crate) use self::higher_order::SORT_BY;
pub(crate) use self::intervals::{
    IntervalUnits, interval_micros_udf, interval_multiple_udfs, interval_whole_days_udf,
    is_interval,
};
pub(crate) use self::json::{json_tuple_udf, schema_of_json};
pub(crate) use self::reference::help_for_refused;
use crate::subqueries;

pub(crate) use arguments::Arguments;
pub(crate) use arrays::{access::value_of_key, elements::element_range, types::common_type};
pub(crate) use kinds::{Kind, plain_type};
pub(crate) use udf::{SparkFunction, parameter_kind};

/// Adds to `state`, which has DataFusion's functions, those of the SQL dialect.
///
/// # Errors
/// When a function package cannot be registered.
pub fn register_functions(state: &mut SessionState) -> Result<()> {
    let functions = &*EXTRA_FUNCTIONS;
    for function in &functions.scalar {
        state.register_udf(Arc::clone(function))?;
    }
    for function in &functions.aggregate {
        state.register_udaf(Arc::clone(function))?;
    }
    for function in &functions.window {
        state.register_udwf(Arc::clone(function))?;
    }
    datafusion_functions_json::register_all(state)?;
    for name in OTHER_NAMES
        .iter()
        .copied()
        .chain(reference::unchecked_names())
    {
        state.deregister_udf(name)?;
        state.deregister_udaf(name)?;
        state.deregister_udwf(name)?;
    }
    // Before ours: some of these names are aliases of functions that ours replace.
    for function in constant_limits::limited_functions() {
        state.register_udf(function)?;
    }
    register_own_functions(state)?;
    state.register_expr_planner(Arc::new(crate::arithmetic::ArithmeticPlanner))?;
    state.register_expr_planner(Arc::new(crate::aggregates::AggregatePlanner))
}

/// The functions of this crate, which replace those of the same name.
fn register_own_functions(state: &mut SessionState) -> Result<()> {
    let scalar = [
        subqueries::only_value_udf(),
        crate::float_keys::float_key_function(),
    ];
    let scalar = scalar
        .into_iter()
        .chain(json::from_text_udfs())
        .chain(clock_functions())
        .chain(number_formats::to_number_udfs())
        .chain(SPARK_FUNCTIONS.iter().map(Arc::clone))
        .chain(crate::arithmetic::arithmetic_functions())
        .chain(crate::casts::cast_functions())
        .chain(crate::casts::casts_by_name())
        .chain([crate::casts::named_cast_function()])
        .chain(crate::math::math_functions())
        .chain(crate::guards::guard_functions())
        .chain(crate::access::access_functions())
        .chain([crate::relations::time_windows_function()]);
    for function in scalar {
        state.register_udf(function)?;
    }
    for function in higher_order::functions() {
        state.register_higher_order_function(function)?;
    }
    for function in crate::ranks::rank_functions() {
        state.register_udwf(function)?;
    }
    state.register_udaf(subqueries::first_two_udaf())?;
    for function in crate::aggregates::aggregate_functions() {
        state.register_udaf(function)?;
    }
    Ok(())
}

/// Functions of DataFusion for which Spark has other names, and whose patterns,
/// units and limits are not Spark's.
const OTHER_NAMES: [&str; 5] = [
    "list_repeat",
    "to_timestamp_seconds",
    "to_timestamp_millis",
    "to_timestamp_micros",
    "to_timestamp_nanos",
];

/// The function of this crate with this name, for plans that are made here.
pub(crate) fn own_function(name: &str) -> Result<Arc<ScalarUDF>> {
    let found = SPARK_FUNCTIONS.iter().find(|found| found.name() == name);
    match found {
        Some(function) => Ok(Arc::clone(function)),
        None => internal_err!("there is no function `{name}` in this crate"),
    }
}

/// Our own functions, which replace those of the same name.
static SPARK_FUNCTIONS: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(|| {
    [
        arrays::functions(),
        assertions::FUNCTIONS.iter().collect(),
        datetime::functions(),
        hash::functions(),
        intervals::functions(),
        json::functions(),
        maps::functions(),
        number_formats::functions(),
        regex::functions(),
        strings::functions(),
        numeric::FUNCTIONS.iter().collect(),
        vec![&type_name::TYPEOF],
    ]
    .into_iter()
    .flatten()
    .map(|function| Arc::new(function.to_udf()))
    .collect()
});

/// What is wrong with a pattern that formats dates and timestamps.
pub(crate) fn check_format_pattern(pattern: &str) -> std::result::Result<(), String> {
    datetime::pattern::Pattern::to_format(pattern).map(drop)
}

/// What is wrong with a pattern that parses dates and timestamps.
pub(crate) fn check_parse_pattern(pattern: &str) -> std::result::Result<(), String> {
    datetime::pattern::Pattern::to_parse(pattern).map(drop)
}

/// What is wrong with a regular expression.
pub(crate) fn check_regular_expression(pattern: &str) -> std::result::Result<(), String> {
    regex::check_pattern(pattern)
}

/// Functions in addition to DataFusion's own.
struct ExtraFunctions {
    scalar: Vec<Arc<datafusion::logical_expr::ScalarUDF>>,
    aggregate: Vec<Arc<datafusion::logical_expr::AggregateUDF>>,
    window: Vec<Arc<datafusion::logical_expr::WindowUDF>>,
}

/// The functions of `datafusion-spark` whose names DataFusion does not already
/// have. Where a function under Spark's name does not do what Spark does, it is
/// one of [`SPARK_FUNCTIONS`], which come last.
static EXTRA_FUNCTIONS: LazyLock<ExtraFunctions> = LazyLock::new(|| {
    let base = SessionStateBuilder::new().with_default_features().build();
    let (udfs, udafs, udwfs) = (base.udfs(), base.udafs(), base.udwfs());
    ExtraFunctions {
        scalar: datafusion_spark::all_default_scalar_functions()
            .into_iter()
            .filter(|f| !udfs.contains(f.name()))
            .collect(),
        aggregate: datafusion_spark::all_default_aggregate_functions()
            .into_iter()
            .filter(|f| !udafs.contains(f.name()))
            .collect(),
        window: datafusion_spark::all_default_window_functions()
            .into_iter()
            .filter(|f| !udwfs.contains(f.name()))
            .collect(),
    }
});
