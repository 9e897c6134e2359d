//! The groups of a view that new rows belong to, computed again.
//!
//! The keys of the new rows are found first. Then the query is computed over the rows of
//! its tables that have one of these keys, and the result takes the place of the rows of
//! the view that have one. This holds for every query whose columns divide its rows into
//! groups ([`super::group_keys`]), whatever it computes of a group.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, NullEquality, Result, TableReference};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use sluice_gold::{Snapshot, TableSpec};
use sluice_jobfile as jobfile;

use super::AnalyzeError;
use super::analyze::{Analysis, engine_error};
use super::changed_files::{ChangedFilesTable, ReplacedFiles};
use super::datasets::ShapedView;
use super::group_keys::{GroupKeys, is_part};
use super::key_ranges::{GroupRanges, KeyColumn};
use super::table_columns;
use super::view_increments::ViewInput;
use crate::staged::StagedTable;

/// The columns of the staged keys.
fn group_name(at: usize) -> String {
    format!("__group_{at}")
}

impl GroupKeys {
    /// The keys that the table of the view has as they are, and the names of their columns
    /// there.
    pub(super) fn keep_stored(
        mut self,
        plan: &LogicalPlan,
        view: &ShapedView,
    ) -> (Self, Vec<String>) {
        let stored: Vec<Option<String>> = (self.columns.iter())
            .map(|index| find_stored(plan, *index, view))
            .collect();
        let mut is_kept = stored.iter().map(Option::is_some);
        self.columns.retain(|_| is_kept.next().unwrap_or_default());
        for part in &mut self.parts {
            let mut is_kept = stored.iter().map(Option::is_some);
            part.retain(|_| is_kept.next().unwrap_or_default());
        }
        (self, stored.into_iter().flatten().collect())
    }
}

/// The column of the table that has the values of a column of the query as they are.
fn find_stored(plan: &LogicalPlan, index: usize, view: &ShapedView) -> Option<String> {
    let computed = plan.schema().field(index);
    let position = (view.read_as.iter()).position(|name| name == computed.name())?;
    let name = view.names.get(position)?;
    let field = view.spec.schema.field_with_name(name).ok()?;
    // An empty text is stored as NULL in a partition column: two groups would be one.
    let is_number_or_time = matches!(
        field.data_type(),
        DataType::Boolean | DataType::Date32 | DataType::Timestamp(..) | DataType::Decimal128(..)
    ) || field.data_type().is_integer();
    let is_kept = is_number_or_time || !view.spec.partition_by.contains(name);
    (is_kept && field.data_type() == computed.data_type()).then(|| name.clone())
}

impl Analysis<'_> {
    /// Adds the step that finds the keys of the new rows of a view, each once.
    pub(super) fn stage_changed_groups(
        &mut self,
        dataset: &jobfile::Dataset,
        (plan, keys): (&LogicalPlan, &GroupKeys),
        input: &ViewInput,
    ) -> Result<Arc<StagedTable>, AnalyzeError> {
        let failed = |error| engine_error(&dataset.name, error);
        let mut parts = Vec::new();
        plan.apply(|node| {
            if !is_part(node, &|table| input.new.contains_key(table)) {
                return Ok(TreeNodeRecursion::Continue);
            }
            parts.push(node.clone());
            Ok(TreeNodeRecursion::Jump)
        })
        .map_err(failed)?;
        if parts.len() != keys.parts.len() {
            return Err(failed(parts_differ()));
        }
        let mut new = Vec::with_capacity(parts.len());
        for (part, values) in parts.iter().zip(&keys.parts) {
            let rows = self.plan_new_rows(dataset, part, input)?;
            let values = values.iter().enumerate();
            let values = values.map(|(at, value)| value.clone().alias(group_name(at)));
            let rows = LogicalPlanBuilder::from(rows).project(values.collect::<Vec<_>>());
            new.push(rows.and_then(LogicalPlanBuilder::build));
        }
        let groups = table_columns::unite(new.into_iter()).map_err(failed)?;
        let groups = groups.ok_or_else(|| failed(parts_differ()))?;
        let groups = LogicalPlanBuilder::from(groups)
            .distinct()
            .and_then(LogicalPlanBuilder::build)
            .map_err(failed)?;
        let schema: SchemaRef = Arc::clone(groups.schema().inner());
        let name = format!("{} changed groups", dataset.name);
        Ok(self.push_staged_step(&name, groups, schema, false))
    }

    /// The rows of a view whose groups are replaced by `rows`, which are those groups
    /// computed again, and the files of its table that are replaced.
    pub(super) fn replace_groups(
        &mut self,
        dataset: &jobfile::Dataset,
        (spec, columns): (&TableSpec, &[String]),
        rows: LogicalPlan,
        groups: &Arc<StagedTable>,
        snapshot: &Snapshot,
    ) -> Result<(LogicalPlan, ReplacedFiles), AnalyzeError> {
        let failed = |error| engine_error(&dataset.name, error);
        let keys = columns.iter().enumerate().map(|(at, column)| KeyColumn {
            of_table: column.clone(),
            of_groups: group_name(at),
            is_day_of: false,
        });
        let replaced = ReplacedFiles::default();
        let before = ChangedFilesTable::new(
            self.table_before(dataset, spec, &snapshot.files)?,
            GroupRanges::new(keys.collect(), Arc::clone(groups)),
            replaced.clone(),
        );
        let name = format!("{} before", dataset.name);
        self.producers.insert(&name, groups.step());
        let source = provider_as_source(Arc::new(before));
        let kept = LogicalPlanBuilder::scan(TableReference::bare(name), source, None)
            .and_then(LogicalPlanBuilder::build)
            .and_then(|before| {
                let values: Vec<Expr> = columns
                    .iter()
                    .map(|column| Expr::Column(Column::from_name(column)))
                    .collect();
                join_groups(before, &values, (groups, "kept"), JoinType::LeftAnti)
            });
        let parts = [kept, Ok(rows)];
        let parts = parts
            .into_iter()
            .map(|part| table_columns::project_to(part?, &spec.schema));
        let plan = table_columns::unite(parts).map_err(failed)?;
        let plan = plan.ok_or_else(|| failed(parts_differ()))?;
        Ok((plan, replaced))
    }
}

fn parts_differ() -> DataFusionError {
    DataFusionError::Internal("the groups of a view have no keys in a part of its query".to_owned())
}

impl Analysis<'_> {
    /// The rows of a query in these groups. Each of its parts is reduced to rows with
    /// their keys. So are its rows, for which other tables may have others.
    pub(super) fn keep_groups(
        &mut self,
        plan: &LogicalPlan,
        keys: &GroupKeys,
        input: &ViewInput,
        groups: &Arc<StagedTable>,
    ) -> Result<LogicalPlan> {
        let mut values = keys.parts.iter().enumerate();
        let kept = plan.clone().transform_down(|node| {
            if !is_part(&node, &|table| input.new.contains_key(table)) {
                return Ok(Transformed::no(node));
            }
            let (at, values) = values.next().ok_or_else(parts_differ)?;
            let named = values.iter().enumerate();
            let named: Vec<(String, Expr)> = named
                .map(|(at, value)| (group_name(at), value.clone()))
                .collect();
            let tables = format!("{} part {at}", groups.name());
            let node = self.skip_files_without_groups(node, &named, groups, &tables)?;
            let name = format!("part {at}");
            let kept = join_groups(node, values, (groups, &name), JoinType::LeftSemi)?;
            Ok(Transformed::new(kept, true, TreeNodeRecursion::Jump))
        })?;
        let columns = kept.data.schema().columns();
        let values = keys.columns.iter().map(|index| {
            let column = columns.get(*index).cloned().ok_or_else(parts_differ)?;
            Ok(Expr::Column(column))
        });
        let values = values.collect::<Result<Vec<Expr>>>()?;
        join_groups(kept.data, &values, (groups, "view"), JoinType::LeftSemi)
    }
}

/// The rows of a plan for which these values are, or are not, the keys of a group. NULL
/// is a key like others. `name` distinguishes several such joins of a plan.
fn join_groups(
    plan: LogicalPlan,
    values: &[Expr],
    (groups, name): (&Arc<StagedTable>, &str),
    join_type: JoinType,
) -> Result<LogicalPlan> {
    let columns = plan.schema().columns().into_iter().map(Expr::Column);
    let columns: Vec<Expr> = columns.collect();
    let value_name = |at: usize| format!("__key_{at}");
    let values_of_rows = values.iter().enumerate();
    let values_of_rows = values_of_rows.map(|(at, value)| value.clone().alias(value_name(at)));
    let with_values: Vec<Expr> = columns.iter().cloned().chain(values_of_rows).collect();

    let table = TableReference::bare(groups.name());
    let alias = TableReference::bare(format!("groups of {name}"));
    let key_name = |at: usize| format!("__of_group_{at}");
    let renamed = (0..values.len()).map(|at| {
        Expr::Column(Column::new(Some(table.clone()), group_name(at))).alias(key_name(at))
    });
    let source = provider_as_source(Arc::clone(groups) as _);
    let keys = LogicalPlanBuilder::scan(table.clone(), source, None)?
        .project(renamed.collect::<Vec<_>>())?
        .alias(alias.clone())?
        .build()?;
    let of_rows: Vec<Column> = (0..values.len())
        .map(|at| Column::from_name(value_name(at)))
        .collect();
    let of_groups: Vec<Column> = (0..values.len())
        .map(|at| Column::new(Some(alias.clone()), key_name(at)))
        .collect();
    LogicalPlanBuilder::from(plan)
        .project(with_values)?
        .join_detailed(
            keys,
            join_type,
            (of_rows, of_groups),
            None,
            NullEquality::NullEqualsNull,
        )?
        .project(columns)?
        .build()
}
