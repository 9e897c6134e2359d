//! Planning that can be stopped.
//!
//! A thread cannot be stopped from outside. A thread that plans is in a
//! [`PlanningScope`], and asks between the rules of the planner whether it should
//! stop. Rules are many and short; what takes long in one of them, the evaluation of
//! constants, asks too (see [`sluice_spark_sql::planning`]).

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{AnalyzerRule, OptimizerConfig, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

pub use sluice_spark_sql::planning::{PlanningScope, check_stop};
pub(crate) use sluice_spark_sql::planning::{Refusal, take_refusal};

type Logical = Arc<dyn OptimizerRule + Send + Sync>;
type Analyzer = Arc<dyn AnalyzerRule + Send + Sync>;
type Physical = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// The rules, with questions between them whether planning should stop.
pub(crate) fn stoppable_analyzer_rules(rules: Vec<Analyzer>) -> Vec<Analyzer> {
    with_question(rules, &(Arc::new(StopQuestion) as Analyzer))
}

/// As [`stoppable_analyzer_rules`].
pub(crate) fn stoppable_optimizer_rules(rules: Vec<Logical>) -> Vec<Logical> {
    with_question(rules, &(Arc::new(StopQuestion) as Logical))
}

/// As [`stoppable_analyzer_rules`].
pub(crate) fn stoppable_physical_rules(rules: Vec<Physical>) -> Vec<Physical> {
    with_question(rules, &(Arc::new(StopQuestion) as Physical))
}

/// How many rules there are between two questions: most take no time.
const RULES_BETWEEN: usize = 4;

fn with_question<R: Clone>(rules: Vec<R>, question: &R) -> Vec<R> {
    rules
        .chunks(RULES_BETWEEN)
        .flat_map(|rules| std::iter::once(question).chain(rules).cloned())
        .collect()
}

/// A rule that changes nothing, and fails when planning should stop.
#[derive(Debug)]
struct StopQuestion;

const NAME: &str = "stop_question";

impl AnalyzerRule for StopQuestion {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        check_stop()?;
        Ok(plan)
    }

    fn name(&self) -> &str {
        NAME
    }
}

impl OptimizerRule for StopQuestion {
    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        check_stop()?;
        Ok(Transformed::no(plan))
    }

    fn name(&self) -> &str {
        NAME
    }
}

impl PhysicalOptimizerRule for StopQuestion {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        check_stop()?;
        Ok(plan)
    }

    fn name(&self) -> &str {
        NAME
    }

    fn schema_check(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::runtime_env::RuntimeEnv;
    use datafusion::prelude::SessionContext;

    use super::*;
    use crate::session::{base_config, build_session_state};

    #[tokio::test]
    async fn planning_stops_between_the_rules() {
        let runtime = Arc::new(RuntimeEnv::default());
        let state = build_session_state(base_config(), runtime).unwrap();
        let context = SessionContext::new_with_state(state.clone());
        let plan = context
            .state()
            .create_logical_plan("SELECT 1 + 1 AS n")
            .await;
        let plan = plan.unwrap();
        state.optimize(&plan).unwrap();
        let _scope = PlanningScope::enter(|| Some("it takes too long".to_owned()));
        let error = state.optimize(&plan).unwrap_err().to_string();
        assert!(error.contains("it takes too long"), "{error}");
    }
}
