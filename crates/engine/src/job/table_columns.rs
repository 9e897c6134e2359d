//! The columns of a table, from what its statement declares and what its queries give.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{Column, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Union, cast, lit};
use sluice_gold::COMMENT_KEY;
use sluice_jobfile::{Column as Declared, Dataset, Diagnostic, Span, codes};
use sqlparser::ast::Query;

use super::arrow_types::{arrow_type, sql_type};
use super::spans;

/// A query that gives rows of a table.
pub(super) struct QueryColumns<'a> {
    pub(super) query: &'a Query,
    /// Where the statement names it.
    pub(super) span: Span,
    pub(super) schema: &'a Schema,
    /// Whether columns that it does not have are NULL.
    pub(super) may_lack: bool,
}

impl QueryColumns<'_> {
    /// Where the query names a column.
    fn column_span(&self, index: usize) -> Span {
        let columns = self.schema.fields().len();
        spans::span_of_column(self.query, index, columns).unwrap_or(self.span)
    }
}

/// The columns of a streaming table: those that are declared, or those of all flows. New
/// rows may come from other flows one day, so columns may be NULL unless they are
/// declared otherwise.
///
/// # Errors
/// Everything in which the queries differ from the declaration or from each other.
pub(super) fn streaming_schema(
    dataset: &Dataset,
    queries: &[QueryColumns<'_>],
) -> std::result::Result<Schema, Vec<Diagnostic>> {
    if !dataset.columns.is_empty() {
        let mut problems = Vec::new();
        for query in queries {
            problems.extend(compare_declared(&dataset.columns, query));
        }
        let fields = dataset.columns.iter().map(|column| {
            let field = Field::new(&column.name, arrow_type(&column.ty), column.nullable);
            with_comment(field, column)
        });
        return none_or(problems, || Schema::new(fields.collect::<Vec<_>>()));
    }
    let mut fields: Vec<Field> = Vec::new();
    let mut problems = Vec::new();
    for query in queries {
        for (index, field) in query.schema.fields().iter().enumerate() {
            let known = fields.iter().find(|known| known.name() == field.name());
            let Some(known) = known else {
                fields.push(field.as_ref().clone().with_nullable(true));
                continue;
            };
            let (here, there) = (sql_type(field.data_type()), sql_type(known.data_type()));
            if here != there {
                problems.push(
                    Diagnostic::error(
                        codes::TABLE_COLUMNS,
                        format!(
                            "`{}` is {here} in this flow and {there} in another one of `{}`",
                            field.name(),
                            dataset.name
                        ),
                    )
                    .with_span(query.column_span(index))
                    .with_help(cast_help(field.name(), &there)),
                );
            }
        }
    }
    none_or(problems, || Schema::new(fields))
}

/// The columns of a materialized view that declares them, in the order of the
/// declaration.
///
/// # Errors
/// Everything in which the query differs from the declaration.
pub(super) fn declared_schema(
    dataset: &Dataset,
    query: &QueryColumns<'_>,
) -> std::result::Result<Schema, Vec<Diagnostic>> {
    let problems = compare_declared(&dataset.columns, query);
    none_or(problems, || {
        let fields = dataset.columns.iter().filter_map(|column| {
            let field = query.schema.field_with_name(&column.name).ok()?;
            Some(with_comment(field.clone(), column))
        });
        Schema::new(fields.collect::<Vec<_>>())
    })
}

fn none_or(
    problems: Vec<Diagnostic>,
    schema: impl FnOnce() -> Schema,
) -> std::result::Result<Schema, Vec<Diagnostic>> {
    match problems.is_empty() {
        true => Ok(schema()),
        false => Err(problems),
    }
}

fn with_comment(field: Field, column: &Declared) -> Field {
    match &column.comment {
        Some(comment) => {
            let comment = (COMMENT_KEY.to_owned(), comment.clone());
            field.with_metadata(HashMap::from([comment]))
        }
        None => field,
    }
}

fn cast_help(column: &str, ty: &str) -> String {
    format!("write `CAST(… AS {ty}) AS {column}`")
}

/// How a query differs from the declared columns.
fn compare_declared(declared: &[Declared], query: &QueryColumns<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let problem = |message: String, span: Span| {
        Diagnostic::error(codes::TABLE_COLUMNS, message).with_span(span)
    };
    for column in declared {
        let name = &column.name;
        let Some((index, field)) = query.schema.column_with_name(name) else {
            if !query.may_lack || !column.nullable {
                problems.push(
                    problem(format!("the query has no column `{name}`"), column.span)
                        .with_help("add it to the query, or remove it from the declaration"),
                );
            }
            continue;
        };
        let (given, wanted) = (
            sql_type(field.data_type()),
            sql_type(&arrow_type(&column.ty)),
        );
        if given != wanted {
            problems.push(
                problem(
                    format!("`{name}` is {given} in the query and {wanted} in the declaration"),
                    query.column_span(index),
                )
                .with_help(cast_help(name, &wanted)),
            );
        }
    }
    for (index, field) in query.schema.fields().iter().enumerate() {
        let name = field.name();
        if !declared.iter().any(|column| column.name == *name) {
            problems.push(
                problem(
                    format!("the table does not declare the column `{name}` of the query"),
                    query.column_span(index),
                )
                .with_help("declare it, or remove it from the query"),
            );
        }
    }
    problems
}

/// The plan with the columns of `schema`, found by name; those that it does not have are
/// NULL.
pub(super) fn project_to(plan: LogicalPlan, schema: &Schema) -> Result<LogicalPlan> {
    let columns = schema.fields().iter().map(|field| {
        let found = plan
            .schema()
            .iter()
            .find(|(_, column)| column.name() == field.name());
        let expr = match found {
            Some((qualifier, column)) => {
                let expr = Expr::Column(Column::new(qualifier.cloned(), column.name()));
                represented_as(expr, column.data_type(), field.data_type())
            }
            None => lit(ScalarValue::try_from(field.data_type())?),
        };
        Ok(expr.alias(field.name()))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// Values of one SQL type have one Arrow type in a union.
fn represented_as(expr: Expr, from: &DataType, to: &DataType) -> Expr {
    if from == to {
        return expr;
    }
    cast(expr, to.clone())
}

/// The rows of all plans, which have the same columns; `None` without plans.
pub(super) fn unite(
    plans: impl Iterator<Item = Result<LogicalPlan>>,
) -> Result<Option<LogicalPlan>> {
    let mut plans: Vec<Arc<LogicalPlan>> = plans
        .map(|plan| plan.map(Arc::new))
        .collect::<Result<_>>()?;
    if plans.len() > 1 {
        return Ok(Some(LogicalPlan::Union(Union::try_new_by_name(plans)?)));
    }
    Ok(plans.pop().map(Arc::unwrap_or_clone))
}
