//! Spark's SQL on a DataFusion session: what a query of a job file means.
//!
//! [`rewrite_spark_syntax`] works on the parsed query, before DataFusion plans
//! it: it rewrites Spark's forms to the engine's and reports what would not run
//! or would mean something else. [`register_functions`] gives a session the
//! functions, [`SparkTypePlanner`] the types of SQL; [`analyzer_rules`] and
//! [`optimizer_rules`] give it the rules that make operators, casts, conditions and
//! timestamps mean what they mean in Spark. Nothing here knows of jobs, sources or the
//! cluster.

mod access;
mod aggregates;
mod analyzer;
mod argument_types;
mod arithmetic;
mod casts;
mod distinct_aggregates;
mod expr_planners;
mod float_keys;
mod functions;
mod guards;
mod join_nulls;
mod literals;
mod map_comparisons;
mod map_groups;
mod math;
mod microseconds;
mod optimizer;
mod outer_columns;
mod output_names;
mod plan_expressions;
pub mod planning;
mod ranks;
mod relations;
mod session_clock;
mod subqueries;
mod syntax;
mod true_keys;
mod type_planner;
mod types;
mod union_schemas;

pub use analyzer::analyzer_rules;
pub use expr_planners::expr_planners;
pub use functions::register_functions;
pub use optimizer::optimizer_rules;
pub use output_names::{ShownNames, spell_columns};
pub use plan_expressions::group_columns;
pub use ranks::wide_row_number;
pub use relations::SparkRelationPlanner;
pub use subqueries::is_outer_domain;
pub use syntax::{FunctionKind, FunctionKinds, TableColumns, rewrite_spark_syntax};
pub use type_planner::SparkTypePlanner;
