//! The rules that make a planned query mean what Spark means, in their order.

use std::sync::Arc;

use datafusion::optimizer::{Analyzer, AnalyzerRule};

use crate::aggregates::NestedExtremes;
use crate::argument_types::ArgumentTypes;
use crate::arithmetic::NumericOperands;
use crate::casts::SparkCasts;
use crate::float_keys::FloatKeys;
use crate::guards::GuardConditions;
use crate::literals::IntegerLiteralRule;
use crate::map_groups::MapGroups;
use crate::microseconds::MicrosecondTimestamps;
use crate::session_clock::SessionClock;
use crate::subqueries::SubqueryRule;

/// DataFusion's analyzer rules and ours. A plan may be analyzed more than once.
#[must_use]
pub fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> = vec![
        Arc::new(IntegerLiteralRule),
        Arc::new(SubqueryRule),
        Arc::new(MapGroups),
        Arc::new(NumericOperands),
        Arc::new(ArgumentTypes),
        Arc::new(NestedExtremes),
    ];
    rules.extend(Analyzer::new().rules);
    rules.push(Arc::new(MicrosecondTimestamps));
    rules.push(Arc::new(SessionClock));
    rules.push(Arc::new(SparkCasts));
    rules.push(Arc::new(FloatKeys));
    rules.push(Arc::new(GuardConditions));
    rules
}
