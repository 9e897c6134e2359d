//! Plans over the staged rows.

use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, NullEquality, Result, plan_datafusion_err, plan_err};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::scalar::ScalarValue;

use sluice_spark_sql::wide_row_number;

use super::ROW_ID;
use super::split::{DedupSplit, Numbering};

impl DedupSplit {
    /// The ids of the rows to drop: one column, [`ROW_ID`].
    ///
    /// `staged` is a plan of the staged rows with the schema
    /// [`DedupSplit::staged_schema`]. It is read twice, and only its key and order
    /// columns (all columns where rows are numbered by [`Numbering::Append`]).
    ///
    /// # Errors
    /// When `staged` lacks a column.
    pub(crate) fn duplicate_ids(&self, staged: &LogicalPlan) -> Result<LogicalPlan> {
        // The side that is built (left) is small in both joins: repeated keys
        // here, candidates there. The rows are only probed.
        let repeated = self.repeated_keys(staged)?;
        let rows = self.key_and_order_columns(staged)?;
        let names = |relation: &str| -> Vec<Column> {
            (0..self.keys.len())
                .map(|at| Column::new(Some(relation), key_name(at)))
                .collect()
        };
        let candidates = LogicalPlanBuilder::from(repeated).join_detailed(
            rows,
            JoinType::RightSemi,
            (names("__repeated"), names("__rows")),
            None,
            NullEquality::NullEqualsNull,
        )?;
        let rank = wide_row_number()
            .call(Vec::new())
            .partition_by(names("__rows").into_iter().map(Expr::Column).collect())
            .order_by(self.full_order())
            .build()?
            .alias("__place");
        candidates
            .window([rank])?
            .filter(Expr::Column(Column::from_name("__place")).gt(lit(1_u64)))?
            .project([row_id("__rows").alias(ROW_ID)])?
            .build()
    }

    /// Keys that occur more than once.
    fn repeated_keys(&self, staged: &LogicalPlan) -> Result<LogicalPlan> {
        let keys = self.renamed_keys(staged)?;
        let names: Vec<Expr> = (0..self.keys.len())
            .map(|at| Expr::Column(Column::from_name(key_name(at))))
            .collect();
        LogicalPlanBuilder::from(staged.clone())
            .project(keys)?
            .aggregate(names.clone(), [count(lit(1_i64)).alias("__copies")])?
            .filter(Expr::Column(Column::from_name("__copies")).gt(lit(1_i64)))?
            .project(names)?
            .alias("__repeated")?
            .build()
    }

    /// For each row: its keys, its order columns, and its id.
    fn key_and_order_columns(&self, staged: &LogicalPlan) -> Result<LogicalPlan> {
        let mut exprs = self.renamed_keys(staged)?;
        for (at, key) in self.order.iter().enumerate() {
            exprs.push(staged_column(staged, &key.column)?.alias(order_name(at)));
        }
        for (at, column) in self.tie_columns().into_iter().enumerate() {
            exprs.push(staged_column(staged, &column)?.alias(tie_name(at)));
        }
        exprs.push(staged_column(staged, ROW_ID)?.alias(ROW_ID));
        LogicalPlanBuilder::from(staged.clone())
            .project(exprs)?
            .alias("__rows")?
            .build()
    }

    fn renamed_keys(&self, staged: &LogicalPlan) -> Result<Vec<Expr>> {
        self.keys
            .iter()
            .enumerate()
            .map(|(at, key)| Ok(staged_column(staged, key)?.alias(key_name(at))))
            .collect()
    }

    /// The order of the query, followed by the columns that decide ties.
    fn full_order(&self) -> Vec<Sort> {
        let query_order = self
            .order
            .iter()
            .enumerate()
            .map(|(at, key)| Sort::new(rows_column(order_name(at)), key.asc, key.nulls_first));
        let ties = (0..self.tie_columns().len())
            .map(|at| Sort::new(rows_column(tie_name(at)), true, false));
        let last = Sort::new(row_id("__rows"), true, false);
        query_order.chain(ties).chain([last]).collect()
    }

    /// Columns that decide between rows that are equal in the query's order.
    ///
    /// An id that is a position in the source decides alone. Other ids depend on
    /// how the rows were computed, so the contents of the rows come before them.
    fn tie_columns(&self) -> Vec<String> {
        if self.numbering == Numbering::Source {
            return Vec::new();
        }
        let schema = self.staged_schema();
        schema
            .fields()
            .iter()
            .filter(|field| {
                let name = field.name();
                name != ROW_ID
                    && !self.keys.contains(name)
                    && !self.order.iter().any(|key| &key.column == name)
                    && is_sortable(field.data_type())
            })
            .map(|field| field.name().clone())
            .collect()
    }

    /// The plan that replaces the deduplication, with its schema, over the staged
    /// rows without the duplicates.
    ///
    /// # Errors
    /// When `rows` do not have the schema [`DedupSplit::staged_schema`].
    pub(crate) fn deduplicated(&self, rows: &LogicalPlan) -> Result<LogicalPlan> {
        self.restore_columns(rows.clone())
    }

    /// The whole plan, with `deduplicated` in place of the deduplication.
    ///
    /// # Errors
    /// When `deduplicated` has another schema than the node that it replaces.
    pub(crate) fn replace_in_plan(&self, deduplicated: &LogicalPlan) -> Result<LogicalPlan> {
        let finished = self.plan.clone().transform_down(|node| {
            if node == self.node {
                // No node below can be equal to this one.
                Ok(Transformed::new(
                    deduplicated.clone(),
                    true,
                    TreeNodeRecursion::Jump,
                ))
            } else {
                Ok(Transformed::no(node))
            }
        })?;
        if !finished.transformed {
            return plan_err!("the deduplication to replace is not in its plan");
        }
        Ok(finished.data)
    }

    /// Restores names, qualifiers and the row number column, and puts the nodes
    /// between window and filter back on top.
    fn restore_columns(&self, kept: LogicalPlan) -> Result<LogicalPlan> {
        let mut exprs = Vec::with_capacity(self.columns.len() + 1);
        let before = self.window.input.schema();
        for ((qualifier, field), name) in before.iter().zip(&self.columns) {
            let column = staged_column(&kept, name)?;
            exprs.push(column.alias_qualified(qualifier.cloned(), field.name()));
        }
        let numbered = self.window.schema.iter().last();
        let (qualifier, field) =
            numbered.ok_or_else(|| plan_datafusion_err!("a window without columns"))?;
        let first = ScalarValue::new_one(field.data_type())?;
        exprs.push(lit(first).alias_qualified(qualifier.cloned(), field.name()));
        let restored = LogicalPlanBuilder::from(kept).project(exprs)?.build()?;
        check_same_columns(&restored, &self.window)?;

        let LogicalPlan::Filter(filter) = &self.node else {
            return plan_err!("a deduplication that is not a filter");
        };
        let restored_input = reattach_nodes(&filter.input, restored)?;
        match conjunction(self.other_predicates.iter().cloned()) {
            Some(predicate) => LogicalPlanBuilder::from(restored_input)
                .filter(predicate)?
                .build(),
            None => Ok(restored_input),
        }
    }
}

/// Puts the nodes from `plan` down to its window onto `bottom`.
fn reattach_nodes(plan: &LogicalPlan, bottom: LogicalPlan) -> Result<LogicalPlan> {
    if matches!(plan, LogicalPlan::Window(_)) {
        return Ok(bottom);
    }
    match plan.inputs().as_slice() {
        [input] => plan.with_new_exprs(plan.expressions(), vec![reattach_nodes(input, bottom)?]),
        _ => plan_err!("a node with several inputs between window and filter"),
    }
}

fn check_same_columns(
    restored: &LogicalPlan,
    window: &datafusion::logical_expr::logical_plan::Window,
) -> Result<()> {
    let describe = |schema: &datafusion::common::DFSchema| -> Vec<_> {
        schema
            .iter()
            .map(|(qualifier, field)| {
                (
                    qualifier.cloned(),
                    field.name().clone(),
                    field.data_type().clone(),
                    field.is_nullable(),
                )
            })
            .collect()
    };
    let (restored, expected) = (describe(restored.schema()), describe(&window.schema));
    match restored
        .iter()
        .zip(&expected)
        .find(|(got, wanted)| got != wanted)
    {
        Some((got, wanted)) => plan_err!(
            "staged rows must have the requested schema: column '{}' is {} (nullable: {}), not {} (nullable: {})",
            wanted.1,
            got.2,
            got.3,
            wanted.2,
            wanted.3
        ),
        None => Ok(()),
    }
}

fn staged_column(plan: &LogicalPlan, name: &str) -> Result<Expr> {
    let found = plan
        .schema()
        .iter()
        .find(|(_, field)| field.name() == name)
        .map(|field| Expr::Column(Column::from(field)));
    found.ok_or_else(|| plan_datafusion_err!("staged rows have no column '{name}'"))
}

fn is_sortable(data_type: &DataType) -> bool {
    RowConverter::supports_fields(&[SortField::new(data_type.clone())])
}

fn rows_column(name: String) -> Expr {
    Expr::Column(Column::new(Some("__rows"), name))
}

fn row_id(relation: &str) -> Expr {
    Expr::Column(Column::new(Some(relation), ROW_ID))
}

fn key_name(at: usize) -> String {
    format!("__k{at}")
}

fn order_name(at: usize) -> String {
    format!("__o{at}")
}

fn tie_name(at: usize) -> String {
    format!("__t{at}")
}
