//! The groups of a view, from those that its table has and those of what is new.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::common::{Column, Result, ScalarValue, TableReference};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use sluice_gold::{Snapshot, TableSpec};
use sluice_jobfile as jobfile;

use super::AnalyzeError;
use super::analyze::{Analysis, engine_error};
use super::changed_files::{ChangedFilesTable, ReplacedFiles};
use super::key_ranges::{GroupRanges, KeyColumn};
use super::table_columns;
use super::view_increments::Role;

impl Analysis<'_> {
    /// The groups of a view, from those of what is new and those that it has, and the
    /// files that they replace; `None`: all.
    pub(super) fn merge_groups(
        &mut self,
        dataset: &jobfile::Dataset,
        spec: &TableSpec,
        (new, roles): (LogicalPlan, &[Role]),
        snapshot: &Snapshot,
    ) -> Result<(LogicalPlan, Option<ReplacedFiles>), AnalyzeError> {
        let failed = |error| engine_error(&dataset.name, error);
        let before = format!("{} before", dataset.name);
        let table = self.table_before(dataset, spec, &snapshot.files)?;
        let new = table_columns::project_to(new, &spec.schema).map_err(failed)?;
        let keys = key_columns(roles, spec);
        let (had, new, replaced) = match keys.is_empty() || snapshot.files.len() < 2 {
            true => (provider_as_source(Arc::new(table)), new, None),
            // Which files have groups of the run is known when these are computed.
            false => {
                let name = format!("{} new groups", dataset.name);
                let schema: SchemaRef = Arc::clone(new.schema().inner());
                let groups = self.push_staged_step(&name, new, schema, false);
                self.producers.insert(&before, groups.step());
                let source = provider_as_source(Arc::clone(&groups) as _);
                let new = LogicalPlanBuilder::scan(TableReference::bare(name), source, None)
                    .and_then(LogicalPlanBuilder::build)
                    .map_err(failed)?;
                let replaced = ReplacedFiles::default();
                let had =
                    ChangedFilesTable::new(table, GroupRanges::new(keys, groups), replaced.clone());
                (provider_as_source(Arc::new(had)), new, Some(replaced))
            }
        };
        let had = LogicalPlanBuilder::scan(TableReference::bare(before), had, None)
            .and_then(LogicalPlanBuilder::build);
        let parts = [had, Ok(new)];
        let parts = parts
            .into_iter()
            .map(|part| table_columns::project_to(part?, &spec.schema));
        let rows = table_columns::unite(parts).map_err(failed)?;
        let rows = rows
            .ok_or_else(|| failed(DataFusionError::Internal("a view has no groups".to_owned())))?;
        let merged = merge_rows(rows, roles, &spec.schema, &self.options.session);
        Ok((merged.map_err(failed)?, replaced))
    }
}

/// The columns of the table that are keys, which have the same names in new groups.
fn key_columns(roles: &[Role], spec: &TableSpec) -> Vec<KeyColumn> {
    let columns = roles.iter().zip(spec.schema.fields());
    let keys = columns.filter(|(role, _)| matches!(role, Role::Key(_)));
    keys.map(|(_, field)| KeyColumn {
        of_table: field.name().clone(),
        of_groups: field.name().clone(),
        is_day_of: false,
    })
    .collect()
}

/// Whether the columns of a table hold what is needed to merge its groups.
pub(super) fn are_merged(roles: &[Role], spec: &TableSpec) -> bool {
    let fields = spec.schema.fields().iter();
    roles.len() == fields.len()
        && roles.iter().zip(fields).all(|(role, field)| {
            let data_type = field.data_type();
            match role {
                // An empty text is stored as NULL in a partition column: two groups
                // would be one.
                Role::Key(_) => {
                    let is_text = matches!(
                        data_type,
                        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
                    );
                    !is_text || !spec.partition_by.contains(field.name())
                }
                Role::Count => *data_type == DataType::Int64,
                Role::Same(function) if function.name() == "sum" => {
                    matches!(data_type, DataType::Int64 | DataType::Decimal128(..))
                }
                Role::Same(_) => !data_type.is_nested(),
            }
        })
}

/// One row of each group of rows that are groups of parts.
fn merge_rows(
    rows: LogicalPlan,
    roles: &[Role],
    schema: &SchemaRef,
    session: &SessionState,
) -> Result<LogicalPlan> {
    let sum = session.aggregate_functions().get("sum");
    let sum =
        sum.ok_or_else(|| DataFusionError::Internal("there is no function sum".to_owned()))?;
    let mut keys = Vec::new();
    let mut functions = Vec::new();
    let mut columns = Vec::new();
    for (role, field) in roles.iter().zip(schema.fields()) {
        let column = Expr::Column(Column::from_name(field.name()));
        let function = match role {
            Role::Key(_) => {
                keys.push(column.clone());
                columns.push(column);
                continue;
            }
            Role::Count => sum,
            Role::Same(function) => function,
        };
        let merged = AggregateFunction::new_udf(
            Arc::clone(function),
            vec![column],
            false,
            None,
            Vec::new(),
            None,
        );
        functions.push(Expr::AggregateFunction(merged).alias(field.name()));
        let mut value = cast(
            Expr::Column(Column::from_name(field.name())),
            field.data_type().clone(),
        );
        if *role == Role::Count {
            value = coalesce(vec![value, lit(ScalarValue::Int64(Some(0)))]);
        }
        columns.push(value.alias(field.name()));
    }
    LogicalPlanBuilder::from(rows)
        .aggregate(keys, functions)?
        .project(columns)?
        .build()
}
