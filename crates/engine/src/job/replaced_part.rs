//! The part of a table that a flow replaces (`REPLACE WHERE`).
//!
//! The rows of the flow take the place of those for which the condition is true. Which
//! files have such rows is known when the job is planned, from the values of the
//! partition columns and from statistics: the commit is made only on the version that
//! was read. What stays of a file that is removed is written again, by the step that
//! writes the rows of the flow.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, TableReference};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Volatility, lit, when};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use sluice_gold::{ActiveFile, DataFile, Snapshot, TableSpec};
use sluice_jobfile::{Dataset, Diagnostic, Flow, Relation, ReplacedPart, codes};

use super::AnalyzeError;
use super::analyze::{Analysis, engine_error};
use super::dataset_table::{DatasetTable, described_file};
use super::part_files::{find_certain, find_possible};
use super::table_columns;

/// The function that fails for a row that is not in the part.
const CHECK_FUNCTION: &str = "assert_true";

/// Part of the error of a row that is not in the part, which shows its kind.
pub(crate) const OUTSIDE_PART: &str = "is outside of the part";

/// A part whose condition is planned.
#[derive(Debug)]
pub(super) struct PlannedPart {
    /// Over the columns of the table, with the values that the run has for its
    /// variables and for `now()`.
    condition: Expr,
    /// The error of a row of the flow that is not in the part.
    outside: String,
}

/// The files of a table whose rows are replaced.
#[derive(Debug, Default)]
struct PartFiles {
    /// All rows are replaced.
    whole: Vec<ActiveFile>,
    /// Some rows may be replaced.
    mixed: Vec<ActiveFile>,
}

/// A plan whose rows replace a part of a table.
pub(super) struct ReplacedRows {
    /// The rows of the flow, and those that stay of files that are removed.
    pub(super) plan: LogicalPlan,
    /// The paths of the files that are removed.
    pub(super) removed: Vec<String>,
    /// The table with the files that stay.
    pub(super) kept: Option<Arc<Snapshot>>,
}

impl Analysis<'_> {
    /// Plans the condition of a flow that replaces rows; `None` when it has errors.
    pub(super) async fn plan_part(
        &mut self,
        relation: &Relation,
        (dataset, spec): (&Dataset, &TableSpec),
        (flow, part): (&Flow, &ReplacedPart),
    ) -> Result<Option<PlannedPart>, AnalyzeError> {
        // Only for the names and types of its columns.
        let columns = self.table_before(dataset, spec, &[])?;
        self.register_table(&dataset.name, Arc::new(columns))?;
        let planned = self.plan_query(relation, &part.query).await;
        self.deregister_table(&dataset.name)?;
        let Some(plan) = planned? else {
            self.failed_relations.push(dataset.name.clone());
            return Ok(None);
        };
        let found = find_condition(&plan).and_then(|found| plain_condition(found).ok());
        let condition = match found {
            Some(condition) => match check_condition(&condition, part, &spec.schema) {
                Some(problem) => Err(problem),
                None => Ok(condition),
            },
            None => Err(part_error(
                part,
                "has more than a condition of each row",
                "name columns of the table, constants, variables and now(), and functions of them",
            )),
        };
        let condition = match condition {
            Ok(condition) => condition,
            Err(problem) => {
                self.report_errors(&dataset.name, vec![problem]);
                return Ok(None);
            }
        };
        let failed = |error| engine_error(&dataset.name, error);
        let (session, now) = (&self.options.session, self.options.streams.now);
        let condition = pin_constants(condition, &spec.schema, session, now).map_err(failed)?;
        Ok(Some(PlannedPart {
            condition,
            outside: format!(
                "a row of flow `{}` {OUTSIDE_PART} of table `{}` that the flow replaces: `{}` is \
                 not true for it; add this condition to the WHERE of the flow's query",
                flow.flow, flow.table, part.text
            ),
        }))
    }

    /// The rows of a flow in the place of the part of the table that it replaces.
    pub(super) fn replace_part(
        &mut self,
        dataset: &Dataset,
        spec: &TableSpec,
        (rows, part): (LogicalPlan, &PlannedPart),
        snapshot: Option<&Arc<Snapshot>>,
    ) -> Result<ReplacedRows, AnalyzeError> {
        let failed = |error| engine_error(&dataset.name, error);
        let rows = self.extract_dedups(&dataset.name, rows)?;
        let rows = self.check_rows(rows, spec, part).map_err(failed)?;
        let Some(snapshot) = snapshot else {
            return Ok(ReplacedRows {
                plan: rows,
                removed: Vec::new(),
                kept: None,
            });
        };
        let session = &self.options.session;
        let files = find_files(part, spec, snapshot, session).map_err(failed)?;
        let removed: BTreeSet<String> = files
            .whole
            .iter()
            .chain(&files.mixed)
            .map(|file| file.path.clone())
            .collect();
        let mut kept = Snapshot::clone(snapshot);
        kept.files.retain(|file| !removed.contains(&file.path));
        tracing::debug!(
            table = dataset.name,
            whole = files.whole.len(),
            mixed = files.mixed.len(),
            kept = kept.files.len(),
            "files of a part that is replaced"
        );
        let mut plans = vec![Ok(rows)];
        if !files.mixed.is_empty() {
            let table = self.table_before(dataset, spec, &files.mixed)?;
            plans.push(remaining_rows(dataset, table, spec, part));
        }
        let plan = table_columns::unite(plans.into_iter()).map_err(failed)?;
        let plan =
            plan.ok_or_else(|| failed(DataFusionError::Internal("a part has no rows".to_owned())))?;
        Ok(ReplacedRows {
            plan,
            removed: removed.into_iter().collect(),
            kept: Some(Arc::new(kept)),
        })
    }

    /// The rows of a plan, which fails for a row that is not in the part.
    ///
    /// The check is part of a column: a filter could move to where the rows are that
    /// the query leaves out.
    fn check_rows(
        &self,
        rows: LogicalPlan,
        spec: &TableSpec,
        part: &PlannedPart,
    ) -> Result<LogicalPlan> {
        let rows = table_columns::project_to(rows, &spec.schema)?;
        let function = self.options.session.scalar_functions().get(CHECK_FUNCTION);
        let function = function.ok_or_else(|| {
            DataFusionError::Internal(format!("there is no function {CHECK_FUNCTION}"))
        })?;
        let as_stored = part
            .condition
            .clone()
            .transform_up(|expr| Ok(stored_value(expr, spec)))?
            .data;
        let arguments = vec![as_stored.is_true(), lit(part.outside.clone())];
        let check = Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), arguments));
        let columns = spec.schema.fields().iter().enumerate();
        let columns = columns.map(|(index, field)| {
            let column = Expr::Column(Column::from_name(field.name()));
            Ok(match index {
                0 => when(check.clone().is_null(), column)
                    .end()?
                    .alias(field.name()),
                _ => column,
            })
        });
        let columns = columns.collect::<Result<Vec<Expr>>>()?;
        LogicalPlanBuilder::from(rows).project(columns)?.build()
    }
}

/// What stays of the files of a table: the rows for which the condition is not true.
fn remaining_rows(
    dataset: &Dataset,
    table: DatasetTable,
    spec: &TableSpec,
    part: &PlannedPart,
) -> Result<LogicalPlan> {
    let name = TableReference::bare(format!("{} before", dataset.name));
    let rows = LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(table)), None)?
        .filter(part.condition.clone().is_not_true())?
        .build()?;
    table_columns::project_to(rows, &spec.schema)
}

/// The value of a column after it was written: of a partition column, an empty text is
/// NULL.
fn stored_value(expr: Expr, spec: &TableSpec) -> Transformed<Expr> {
    let Expr::Column(column) = &expr else {
        return Transformed::no(expr);
    };
    let is_text = spec
        .schema
        .field_with_name(&column.name)
        .is_ok_and(|field| {
            matches!(
                field.data_type(),
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
            )
        });
    if !is_text || !spec.partition_by.contains(&column.name) {
        return Transformed::no(expr);
    }
    match when(expr.clone().not_eq(lit("")), expr.clone()).end() {
        Ok(stored) => Transformed::yes(stored),
        Err(_) => Transformed::no(expr),
    }
}

/// The condition of `SELECT * FROM table WHERE condition`; `None` for any other plan.
fn find_condition(plan: &LogicalPlan) -> Option<Expr> {
    match plan {
        LogicalPlan::Projection(node)
            if node.expr.iter().all(|expr| matches!(expr, Expr::Column(_))) =>
        {
            find_condition(&node.input)
        }
        LogicalPlan::SubqueryAlias(node) => find_condition(&node.input),
        LogicalPlan::Filter(node) => {
            let condition = node.predicate.clone();
            match node.input.as_ref() {
                LogicalPlan::TableScan(_) => Some(condition),
                input => Some(find_condition(input)?.and(condition)),
            }
        }
        _ => None,
    }
}

/// The condition with the columns by their names alone, and without what marks
/// conditions of a filter, which are marked again where it is used.
fn plain_condition(condition: Expr) -> Result<Expr> {
    let plain = condition.transform_up(|expr| {
        Ok(match expr {
            Expr::Column(column) => Transformed::yes(Expr::Column(Column::from_name(column.name))),
            Expr::ScalarFunction(mut call) if call.func.name() == RISKY && call.args.len() == 1 => {
                match call.args.pop() {
                    Some(marked) => Transformed::yes(marked),
                    None => Transformed::no(Expr::ScalarFunction(call)),
                }
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(plain.data)
}

/// The marker of a condition that can fail.
const RISKY: &str = "__risky";

/// What is wrong with a condition over the columns of a table.
fn check_condition(
    condition: &Expr,
    part: &ReplacedPart,
    schema: &SchemaRef,
) -> Option<Diagnostic> {
    let mut volatile = None;
    // Walking an expression does not fail.
    let _ = condition.apply(|expr| {
        if let Expr::ScalarFunction(call) = expr
            && call.func.signature().volatility == Volatility::Volatile
            && !call.func.name().starts_with("__")
        {
            volatile = Some(call.func.name().to_owned());
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    if let Some(function) = volatile {
        return Some(part_error(
            part,
            &format!("calls {function}(), whose value is another one each time"),
            "which rows are replaced must be the same when a run is repeated; now() is the time \
             at which the run began",
        ));
    }
    let has_name =
        |variable: &&String| (schema.fields().iter()).any(|field| field.name() == *variable);
    if let Some(variable) = part.variables.iter().find(has_name) {
        return Some(
            Diagnostic::error(
                codes::AMBIGUOUS_VARIABLE,
                format!("`{variable}` is both a variable and a column of the table"),
            )
            .with_span(part.span)
            .with_help(format!(
                "write `{variable}` in backquotes for the column, or give the variable another \
                 name"
            )),
        );
    }
    if condition.column_refs().is_empty() {
        return Some(part_error(
            part,
            "names no column of the table",
            "name the rows that are replaced, as in day = DATE '2026-01-01'; for a table whose \
             rows are all replaced write CREATE OR REFRESH MATERIALIZED VIEW",
        ));
    }
    None
}

fn part_error(part: &ReplacedPart, problem: &str, help: &str) -> Diagnostic {
    Diagnostic::error(
        codes::REPLACED_PART,
        format!("the condition of REPLACE WHERE {problem}"),
    )
    .with_span(part.span)
    .with_help(help)
}

/// The condition with the values of its constant parts.
fn pin_constants(
    condition: Expr,
    schema: &SchemaRef,
    session: &SessionState,
    now: Option<DateTime<Utc>>,
) -> Result<Expr> {
    let schema = Arc::new(DFSchema::try_from(Arc::clone(schema))?);
    let context = SimplifyContext::builder()
        .with_schema(schema)
        .with_config_options(Arc::clone(session.config_options()))
        .with_query_execution_start_time(now)
        .build();
    ExprSimplifier::new(context).simplify(condition)
}

/// The files of the table that may have rows of the part.
fn find_files(
    part: &PlannedPart,
    spec: &TableSpec,
    snapshot: &Snapshot,
    session: &SessionState,
) -> Result<PartFiles> {
    let columns = part.condition.column_refs();
    let of_partitions = columns
        .iter()
        .all(|column| spec.partition_by.contains(&column.name));
    let files = &snapshot.files;
    let described = files
        .iter()
        .map(|file| described_file(file, &spec.partition_by).0);
    let described: Vec<DataFile> = described.collect();
    let select = |wanted: Vec<bool>| {
        let selected = files.iter().zip(wanted);
        selected
            .filter(|(_, is_wanted)| *is_wanted)
            .map(|(file, _)| file.clone())
            .collect::<Vec<ActiveFile>>()
    };
    Ok(match of_partitions {
        true => PartFiles {
            whole: select(find_certain(&part.condition, spec, &described, session)?),
            mixed: Vec::new(),
        },
        false => PartFiles {
            whole: Vec::new(),
            mixed: select(find_possible(&part.condition, spec, &described, session)?),
        },
    })
}
