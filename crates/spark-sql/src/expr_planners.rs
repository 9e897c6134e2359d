//! The planners of expressions, in their order.

use std::sync::Arc;

use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::planner::ExprPlanner;

use crate::access::AccessPlanner;

/// The planners that a session begins with: ours that stand in for DataFusion's, and
/// DataFusion's. [`crate::register_functions`] adds those that leave nothing to them.
#[must_use]
pub fn expr_planners() -> Vec<Arc<dyn ExprPlanner>> {
    let mut planners: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(AccessPlanner)];
    planners.extend(SessionStateDefaults::default_expr_planners());
    planners
}
