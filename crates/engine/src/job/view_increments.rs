//! Materialized views that follow from the rows that they have and what is new of the
//! streaming tables that they read.
//!
//! Three kinds of queries do: those whose rows come each from one row of a source, where
//! the rows of new ones are added; those that group such rows by columns of the view,
//! where the groups of new rows are merged with those that the view has; and those whose
//! columns divide their rows into groups, where the groups of new rows are computed
//! again. All others are computed from all rows.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, TableReference};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{
    Aggregate, AggregateUDF, Distinct, Expr, LogicalPlan, LogicalPlanBuilder,
};
use sluice_gold::Snapshot;
use sluice_jobfile::{self as jobfile, Diagnostic, RefreshPolicy, Relation, codes};
use sluice_spark_sql::group_columns;

use super::AnalyzeError;
use super::analyze::{Analysis, engine_error};
use super::datasets::ShapedView;
use super::group_keys::find_group_keys;
use super::increments;
use super::merged_groups::are_merged;
use super::streams::TableInput;

/// What is new of the tables that a materialized view reads, if the table of the view
/// has all that they had before.
#[derive(Debug, Clone)]
pub struct ViewInput {
    /// The rows that the view has.
    pub snapshot: Arc<Snapshot>,
    /// By streaming table; those that are missing have nothing new.
    pub new: HashMap<String, TableInput>,
}

/// How a run changes the rows of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewUpdate {
    /// Those of what is new are added.
    Added,
    /// Its groups are merged with those of what is new, and replace them.
    Merged,
    /// The groups that rows of what is new belong to are computed again.
    Recomputed,
}

impl ViewUpdate {
    /// For display.
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Added => "it gets the rows of what is new",
            Self::Merged => "its groups are merged with those of what is new",
            Self::Recomputed => "the groups that new rows belong to are computed again",
        }
    }
}

/// What a column of a view of groups is, and how its values of two parts of the rows
/// give the value of all.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Role {
    /// The key with this index.
    Key(usize),
    Count,
    /// The function of the values is the function of its values of the parts.
    Same(Arc<AggregateUDF>),
}

/// How the rows of a query follow from what is new of some tables; `None` when they do
/// not.
pub(super) fn find_update(plan: &LogicalPlan, is_new: &dyn Fn(&str) -> bool) -> Option<ViewUpdate> {
    if increments::has_new_rows(plan, is_new) {
        return Some(ViewUpdate::Added);
    }
    let input = find_grouped(plan)?;
    let is_merged = find_roles(plan).is_some() && increments::has_new_rows(input, is_new);
    is_merged.then_some(ViewUpdate::Merged)
}

/// The rows that a query groups, if it does nothing with the groups.
fn find_grouped(plan: &LogicalPlan) -> Option<&LogicalPlan> {
    match plan {
        LogicalPlan::Projection(node) => find_grouped(&node.input),
        LogicalPlan::SubqueryAlias(node) => find_grouped(&node.input),
        LogicalPlan::Aggregate(node) => Some(&node.input),
        LogicalPlan::Distinct(Distinct::All(input)) => Some(input),
        _ => None,
    }
}

/// What each column of a query over groups is; `None` when groups cannot be merged, or
/// not be told from the columns.
pub(super) fn find_roles(plan: &LogicalPlan) -> Option<Vec<Role>> {
    let (roles, keys) = columns_of_groups(plan)?;
    let has_key = |key| roles.contains(&Role::Key(key));
    (0..keys).all(has_key).then_some(roles)
}

/// What each column is, and the number of keys.
fn columns_of_groups(plan: &LogicalPlan) -> Option<(Vec<Role>, usize)> {
    match plan {
        LogicalPlan::SubqueryAlias(node) => columns_of_groups(&node.input),
        LogicalPlan::Projection(node) => {
            let (roles, keys) = columns_of_groups(&node.input)?;
            let of_input = |expr: &Expr| {
                let Expr::Column(column) = unaliased(expr) else {
                    return None;
                };
                let index = node.input.schema().index_of_column(column).ok()?;
                roles.get(index).cloned()
            };
            let roles: Option<Vec<Role>> = node.expr.iter().map(of_input).collect();
            Some((roles?, keys))
        }
        LogicalPlan::Aggregate(node) => {
            let keys = group_columns(node).len();
            let are_keys = keys_of(&node.schema, keys);
            let functions: Option<Vec<Role>> = node.aggr_expr.iter().map(merged_by).collect();
            let roles = (0..keys).map(Role::Key).chain(functions?);
            let has_sets = has_grouping_sets(node);
            (are_keys && !has_sets).then(|| (roles.collect(), keys))
        }
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let keys = input.schema().fields().len();
            keys_of(input.schema(), keys).then(|| ((0..keys).map(Role::Key).collect(), keys))
        }
        _ => None,
    }
}

fn has_grouping_sets(node: &Aggregate) -> bool {
    let mut keys = node.group_expr.iter();
    keys.any(|key| matches!(unaliased(key), Expr::GroupingSet(_)))
}

/// Whether the first columns have types whose stored values are the same keys.
fn keys_of(schema: &DFSchema, keys: usize) -> bool {
    let mut fields = schema.fields().iter().take(keys);
    fields.all(|field| {
        let data_type = field.data_type();
        !data_type.is_nested() && !data_type.is_floating()
    })
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        expr => expr,
    }
}

/// How the values of an aggregate are merged.
fn merged_by(expr: &Expr) -> Option<Role> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = unaliased(expr) else {
        return None;
    };
    if params.distinct || !params.order_by.is_empty() || params.null_treatment.is_some() {
        return None;
    }
    match func.name() {
        "count" => Some(Role::Count),
        // Not of floats, whose sums depend on the order of the rows: see `are_merged`.
        "sum" | "min" | "max" => Some(Role::Same(Arc::clone(func))),
        _ => None,
    }
}

/// Why the rows of a view never follow from what is new of its tables; `None` when they
/// can.
fn describe_full(
    plan: &LogicalPlan,
    view: &ShapedView,
    is_new: &dyn Fn(&str) -> bool,
) -> Option<&'static str> {
    let is_updated = match find_update(plan, is_new) {
        Some(ViewUpdate::Merged) => {
            find_roles(&view.plan).is_some_and(|roles| are_merged(&roles, &view.spec))
        }
        update => update.is_some(),
    };
    if is_updated {
        return None;
    }
    match find_group_keys(plan, is_new) {
        Err(problem) => Some(problem.describe()),
        Ok(keys) => {
            let (_, columns) = keys.keep_stored(plan, view);
            let problem = "keys that the table does not keep as they are";
            columns.is_empty().then_some(problem)
        }
    }
}

impl<'a> Analysis<'a> {
    /// A plan over what is new of its tables alone.
    pub(super) fn plan_new_rows(
        &mut self,
        dataset: &jobfile::Dataset,
        plan: &LogicalPlan,
        input: &ViewInput,
    ) -> Result<LogicalPlan, AnalyzeError> {
        let mut plan = plan.clone();
        for (name, new) in &input.new {
            let table = self.find_dataset(name).ok_or_else(|| {
                let problem = format!("`{name}` is no dataset of the job");
                engine_error(&dataset.name, DataFusionError::Internal(problem))
            })?;
            let alias = format!("{name} for {}", dataset.name);
            let (rows, _) = self.new_rows_table(&alias, &dataset.name, table, new)?;
            let rows = provider_as_source(Arc::new(rows));
            let replaced = plan.transform_up_with_subqueries(|node| match &node {
                LogicalPlan::TableScan(scan) if scan.table_name.table() == name => {
                    let new = LogicalPlanBuilder::scan(
                        TableReference::bare(alias.as_str()),
                        Arc::clone(&rows),
                        scan.projection.clone(),
                    )?;
                    let new = new.alias(scan.table_name.clone())?.build()?;
                    Ok(Transformed::yes(new))
                }
                _ => Ok(Transformed::no(node)),
            });
            plan = replaced
                .map_err(|error| engine_error(&dataset.name, error))?
                .data;
        }
        Ok(plan)
    }

    /// The error of a view with `REFRESH POLICY INCREMENTAL STRICT` that is computed from
    /// all rows.
    pub(super) fn refuse_full_refresh(
        &self,
        dataset: &jobfile::Dataset,
        plan: &LogicalPlan,
        (view, is_repeatable): (&ShapedView, bool),
    ) -> Option<Diagnostic> {
        if dataset.refresh_policy != RefreshPolicy::IncrementalStrict {
            return None;
        }
        let is_streaming = |name: &str| {
            let found = self.find_dataset(name);
            found.is_some_and(jobfile::Dataset::is_streaming)
        };
        let problem = if let Some(read) = self.find_other_read(dataset) {
            Some(format!("`{read}`, which is no streaming table of the job"))
        } else if !is_repeatable {
            Some("values that depend on the time of the run or on chance".to_owned())
        } else {
            describe_full(plan, view, &is_streaming).map(str::to_owned)
        };
        problem.map(|problem| {
            Diagnostic::error(
                codes::NOT_INCREMENTAL,
                format!(
                    "materialized view `{}` is to be incremental, and its query has {problem}",
                    dataset.name
                ),
            )
            .with_span(dataset.span)
            .with_help(
                "write REFRESH POLICY INCREMENTAL, which computes it from all rows where it must",
            )
        })
    }

    /// A relation that a view reads, also through temporary views, and that is no
    /// streaming table.
    fn find_other_read(&self, dataset: &jobfile::Dataset) -> Option<&'a str> {
        let job: &'a jobfile::Job = self.job;
        let mut open: Vec<&str> = dataset.depends_on.iter().map(String::as_str).collect();
        while let Some(name) = open.pop() {
            let relation = job
                .relations
                .iter()
                .find(|relation| relation.name() == name)?;
            match relation {
                Relation::View(view) => open.extend(view.depends_on.iter().map(String::as_str)),
                Relation::Dataset(read) if read.is_streaming() => {}
                other => return Some(other.name()),
            }
        }
        None
    }

    fn find_dataset(&self, name: &str) -> Option<&'a jobfile::Dataset> {
        let job: &'a jobfile::Job = self.job;
        job.relations.iter().find_map(|relation| match relation {
            Relation::Dataset(dataset) if dataset.name == name => Some(dataset),
            _ => None,
        })
    }
}

#[cfg(test)]
pub(super) mod tests;
