//! The names of columns as job files spell them.
//!
//! Queries find names in any spelling, and plans have them in lower case. Tables of
//! the gold zone have them as they are written.

use std::collections::HashMap;

use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use sluice_spark_sql::{ShownNames, spell_columns};
use sqlparser::ast::Query;

/// The spellings of the columns of relations, by the names of the relations.
#[derive(Debug, Default)]
pub(super) struct ShownColumns(HashMap<String, Vec<String>>);

impl ShownNames for ShownColumns {
    fn shown_names(&self, relation: &str) -> Option<&[String]> {
        self.0.get(relation).map(Vec::as_slice)
    }
}

impl ShownColumns {
    pub(super) fn add(&mut self, relation: &str, names: Vec<String>) {
        self.0.insert(relation.to_owned(), names);
    }

    /// The names of the columns of a planned query as it spells them.
    pub(super) fn spell_query(&self, query: &Query, schema: &DFSchema) -> Vec<String> {
        let columns: Vec<&str> = schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        spell_columns(query, &columns, self)
    }
}

/// The names of a plan's columns.
pub(super) fn column_names(plan: &LogicalPlan) -> Vec<String> {
    let fields = plan.schema().fields().iter();
    fields.map(|field| field.name().clone()).collect()
}

/// The plan with its columns under other names; the plan itself when it has them.
pub(super) fn rename_columns(plan: LogicalPlan, names: &[String]) -> Result<LogicalPlan> {
    let fields = plan.schema().fields().iter();
    if fields.map(|field| field.name()).eq(names) {
        return Ok(plan);
    }
    let columns: Vec<Expr> = plan
        .schema()
        .columns()
        .into_iter()
        .zip(names)
        .map(|(column, name)| named_column(column, name))
        .collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

fn named_column(column: Column, name: &str) -> Expr {
    let same = column.name == name;
    let column = Expr::Column(column);
    if same { column } else { column.alias(name) }
}
