//! Aggregates as Spark has them.

mod average;
mod boolean;
mod checked_sum;
mod collect;
mod constant_arguments;
mod counts;
mod extreme_by;
mod histogram;
mod interval_totals;
mod mode;
mod moments;
mod nested_extremes;
mod numeric_arguments;
mod percentiles;
mod planner;
mod shape;
mod sliding;
mod sum;
mod top_values;

use std::sync::Arc;

use datafusion::logical_expr::AggregateUDF;

pub(crate) use self::nested_extremes::NestedExtremes;
pub(crate) use self::planner::AggregatePlanner;

use self::boolean::{BooleanFunction, Quantifier};
use self::collect::CollectFunction;
use self::extreme_by::{Extreme, ExtremeByFunction};
use self::shape::{Shape, ShapeFunction};

/// The aggregates that replace DataFusion's or that it lacks.
pub(crate) fn aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    let mut functions: Vec<AggregateUDF> = vec![
        sum::SumFunction::new().into(),
        average::AverageFunction::new().into(),
        ExtremeByFunction::new(Extreme::Greatest).into(),
        ExtremeByFunction::new(Extreme::Least).into(),
        BooleanFunction::new(Quantifier::All).into(),
        BooleanFunction::new(Quantifier::Any).into(),
        mode::ModeFunction::new(mode::Preferred::Least).into(),
        mode::ModeFunction::new(mode::Preferred::Greatest).into(),
        histogram::HistogramFunction::new().into(),
        ShapeFunction::new(Shape::Skewness).into(),
        ShapeFunction::new(Shape::Kurtosis).into(),
        CollectFunction::new("array_agg", false).into(),
        CollectFunction::new("collect_list", false).into(),
        CollectFunction::new("collect_set", true).into(),
    ];
    functions.extend([
        first_value_function(),
        with_aliases(
            &datafusion::functions_aggregate::first_last::last_value_udaf(),
            &["last"],
        ),
    ]);
    let mut functions: Vec<Arc<AggregateUDF>> = functions.into_iter().map(Arc::new).collect();
    functions.extend(counts::count_functions());
    functions.extend(moments::moment_functions());
    functions.extend(percentiles::percentile_functions());
    functions
}

/// `first_value`, as tasks have it.
pub(crate) fn first_value_function() -> AggregateUDF {
    with_aliases(
        &datafusion::functions_aggregate::first_last::first_value_udaf(),
        &["first", "any_value"],
    )
}

fn with_aliases(function: &AggregateUDF, aliases: &[&'static str]) -> AggregateUDF {
    function.clone().with_aliases(aliases.iter().copied())
}
