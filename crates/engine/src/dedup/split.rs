//! Cuts a plan at its deduplication.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{Column, Result, TableReference, plan_datafusion_err};
use datafusion::logical_expr::logical_plan::{
    Filter, Projection, SubqueryAlias, TableScan, TableScanBuilder, Window,
};
use datafusion::logical_expr::{Expr, LogicalPlan, TableSource};

use super::ROW_ID;
use super::find::{DedupMatch, innermost_dedup};
use crate::source::POSITION_COLUMN;

/// Where the ids of the staged rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// [`DedupSplit::input`] already has the column [`ROW_ID`]: the row's position
    /// in its source.
    Source,
    /// The reader of the staged rows appends [`ROW_ID`] as the last column, with
    /// any unique numbers.
    Append,
}

/// One column of the order that decides which row stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderKey {
    /// A column of the staged rows.
    pub column: String,
    pub asc: bool,
    pub nulls_first: bool,
}

/// A plan cut at its innermost deduplication.
#[derive(Debug, Clone)]
pub(crate) struct DedupSplit {
    /// The rows to stage: uniquely named columns, including keys and order
    /// expressions; not optimized.
    pub input: LogicalPlan,
    /// Where the ids of the staged rows come from.
    pub numbering: Numbering,
    /// Staged columns that must be unique together.
    pub keys: Vec<String>,
    /// Staged columns whose order decides which row stays; empty when the query
    /// has no order.
    pub order: Vec<OrderKey>,
    /// For each column below the window, the staged column that holds it.
    pub(super) columns: Vec<String>,
    pub(super) window: Window,
    /// The node that is replaced, a filter.
    pub(super) node: LogicalPlan,
    /// The other conjuncts of the filter.
    pub(super) other_predicates: Vec<Expr>,
    pub(super) plan: LogicalPlan,
}

/// Cuts the plan at its innermost deduplication, if it has one.
///
/// `position` returns, for a scan, the same source with the column
/// [`POSITION_COLUMN`], if the source can provide it. The split reads that column
/// where each row is one row of one scan. Plans may be optimized (their input is
/// then already narrowed) or not.
///
/// # Errors
/// When a node cannot be rebuilt, which would be a defect.
pub(crate) fn split_dedup(
    plan: LogicalPlan,
    position: &dyn Fn(&TableScan) -> Option<Arc<dyn TableSource>>,
) -> Result<Option<DedupSplit>> {
    let Some(found) = innermost_dedup(&plan) else {
        return Ok(None);
    };
    let DedupMatch {
        node,
        filter,
        conjunct,
        window,
        function,
    } = found;
    let remaining = datafusion::logical_expr::utils::split_conjunction(&filter.predicate)
        .into_iter()
        .enumerate()
        .filter(|(index, _)| *index != conjunct)
        .map(|(_, predicate)| predicate.clone())
        .collect();

    let mut staged = StagedProjection::from_input(&window.input);
    let keys = function
        .params
        .partition_by
        .iter()
        .enumerate()
        .map(|(at, key)| staged.column_for(key, &format!("__key_{at}")))
        .collect();
    let order = function
        .params
        .order_by
        .iter()
        .enumerate()
        .map(|(at, sort)| OrderKey {
            column: staged.column_for(&sort.expr, &format!("__order_{at}")),
            asc: sort.asc,
            nulls_first: sort.nulls_first,
        })
        .collect();
    let columns = staged.names.clone();
    let (input, numbering) = staged.into_plan(position)?;
    let (window, node) = (window.clone(), node.clone());
    Ok(Some(DedupSplit {
        input,
        numbering,
        keys,
        order,
        columns,
        window,
        node,
        other_predicates: remaining,
        plan,
    }))
}

impl DedupSplit {
    /// The schema of the staged rows, ids included.
    pub(crate) fn staged_schema(&self) -> Schema {
        let schema = self.input.schema().as_arrow();
        let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
        if self.numbering == Numbering::Append {
            fields.push(Arc::new(Field::new(ROW_ID, DataType::UInt64, false)));
        }
        Schema::new_with_metadata(fields, schema.metadata().clone())
    }
}

/// The projection that is staged.
struct StagedProjection<'a> {
    input: &'a LogicalPlan,
    /// Names of the input's columns.
    names: Vec<String>,
    /// Keys and order expressions that are not plain columns.
    extra: Vec<(Expr, String)>,
}

impl<'a> StagedProjection<'a> {
    fn from_input(input: &'a LogicalPlan) -> Self {
        // Columns of a join may share a name; in the staged rows they may not.
        let mut taken = HashSet::new();
        let names = input
            .schema()
            .fields()
            .iter()
            .enumerate()
            .map(|(at, field)| {
                let mut name = field.name().clone();
                while name.starts_with("__") || !taken.insert(name.clone()) {
                    name = format!("c{at}_{}", name.trim_start_matches('_'));
                }
                name
            })
            .collect();
        Self {
            input,
            names,
            extra: Vec::new(),
        }
    }

    /// The staged column that holds `expr`.
    fn column_for(&mut self, expr: &Expr, name: &str) -> String {
        if let Expr::Column(column) = expr
            && let Some(index) = self.input.schema().maybe_index_of_column(column)
            && let Some(known) = self.names.get(index)
        {
            return known.clone();
        }
        if let Some((_, known)) = self.extra.iter().find(|(known, _)| known == expr) {
            return known.clone();
        }
        self.extra.push((expr.clone(), name.to_owned()));
        name.to_owned()
    }

    fn into_plan(
        self,
        position: &dyn Fn(&TableScan) -> Option<Arc<dyn TableSource>>,
    ) -> Result<(LogicalPlan, Numbering)> {
        let columns = self
            .input
            .schema()
            .iter()
            .zip(&self.names)
            .map(|(field, name)| Expr::Column(Column::from(field)).alias(name));
        let extra = self
            .extra
            .iter()
            .map(|(expr, name)| expr.clone().alias(name));
        let mut exprs: Vec<Expr> = columns.chain(extra).collect();
        let (input, numbering) = match carry_position(self.input, position)? {
            Some((input, column)) => {
                exprs.push(Expr::Column(column).alias(ROW_ID));
                (input, Numbering::Source)
            }
            None => (self.input.clone(), Numbering::Append),
        };
        let staged = Projection::try_new(exprs, Arc::new(input))?;
        Ok((LogicalPlan::Projection(staged), numbering))
    }
}

/// The plan with the position of its rows in their source as an additional
/// column, if each of its rows is one row of one scan.
fn carry_position(
    plan: &LogicalPlan,
    position: &dyn Fn(&TableScan) -> Option<Arc<dyn TableSource>>,
) -> Result<Option<(LogicalPlan, Column)>> {
    match plan {
        LogicalPlan::TableScan(scan) if scan.fetch.is_none() => match position(scan) {
            Some(source) => positioned_scan(scan, source).map(Some),
            None => Ok(None),
        },
        LogicalPlan::Filter(node) => {
            let Some((input, column)) = carry_position(&node.input, position)? else {
                return Ok(None);
            };
            let filter = Filter::try_new(node.predicate.clone(), Arc::new(input))?;
            Ok(Some((LogicalPlan::Filter(filter), column)))
        }
        LogicalPlan::Projection(node) => {
            let Some((input, column)) = carry_position(&node.input, position)? else {
                return Ok(None);
            };
            let mut exprs = node.expr.clone();
            exprs.push(Expr::Column(column.clone()));
            let projection = Projection::try_new(exprs, Arc::new(input))?;
            Ok(Some((LogicalPlan::Projection(projection), column)))
        }
        LogicalPlan::SubqueryAlias(node) => {
            let Some((input, column)) = carry_position(&node.input, position)? else {
                return Ok(None);
            };
            let alias = SubqueryAlias::try_new(Arc::new(input), node.alias.clone())?;
            let column = Column::new(Some(node.alias.clone()), column.name);
            Ok(Some((LogicalPlan::SubqueryAlias(alias), column)))
        }
        _ => Ok(None),
    }
}

fn positioned_scan(
    scan: &TableScan,
    source: Arc<dyn TableSource>,
) -> Result<(LogicalPlan, Column)> {
    let schema = source.schema();
    let index_of = |name: &str| {
        schema.index_of(name).map_err(|_| {
            plan_datafusion_err!("source '{}' has no column '{name}'", scan.table_name)
        })
    };
    let mut projection = scan
        .projected_schema
        .fields()
        .iter()
        .map(|field| index_of(field.name()))
        .collect::<Result<Vec<_>>>()?;
    projection.push(index_of(POSITION_COLUMN)?);
    let table: TableReference = scan.table_name.clone();
    let scan = TableScanBuilder::new(table.clone(), source)
        .with_projection(Some(projection))
        .with_filters(scan.filters.clone())
        .with_statistics_requests(scan.statistics_requests.clone())
        .build()?;
    Ok((
        LogicalPlan::TableScan(scan),
        Column::new(Some(table), POSITION_COLUMN),
    ))
}
