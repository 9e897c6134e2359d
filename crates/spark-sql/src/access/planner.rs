//! Plans access by brackets and dots, by the type of what is accessed.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Column, DFSchema, Result, TableReference, plan_err};
use datafusion::functions::core::expr_ext::FieldAccessor;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, ScalarUDF, lit};

use super::{ARRAY_FIELD, ARRAY_ITEM, MAP_ITEM, functions};
use crate::types::sql_type_name;

/// Plans `x[y]`, `x['name']` and `x.name`; it comes before the engine's planners.
#[derive(Debug)]
pub(crate) struct AccessPlanner;

impl ExprPlanner for AccessPlanner {
    fn plan_field_access(
        &self,
        raw: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        // A column that does not exist is reported by the planner, with its place.
        let Ok(data_type) = raw.expr.get_type(schema) else {
            return Ok(PlannerResult::Original(raw));
        };
        let RawFieldAccessExpr { expr, field_access } = raw;
        let planned = match field_access {
            GetFieldAccess::NamedStructField { name } => match name.try_as_str().flatten() {
                Some(name) => plan_name(expr, &data_type, name)?.0,
                None => return plan_err!("{name} is not the name of a field"),
            },
            GetFieldAccess::ListIndex { key } => plan_index(expr, &data_type, *key)?,
            field_access @ GetFieldAccess::ListRange { .. } => {
                return Ok(PlannerResult::Original(RawFieldAccessExpr {
                    expr,
                    field_access,
                }));
            }
        };
        Ok(PlannerResult::Planned(planned))
    }

    fn plan_compound_identifier(
        &self,
        field: &Field,
        qualifier: Option<&TableReference>,
        nested_names: &[String],
    ) -> Result<PlannerResult<Vec<Expr>>> {
        let mut expr = Expr::Column(Column::from((qualifier, field)));
        let mut data_type = field.data_type().clone();
        for name in nested_names {
            (expr, data_type) = plan_name(expr, &data_type, name)?;
        }
        Ok(PlannerResult::Planned(expr))
    }
}

/// `expr.name` and its type.
fn plan_name(expr: Expr, data_type: &DataType, name: &str) -> Result<(Expr, DataType)> {
    match data_type {
        DataType::Struct(fields) => {
            let field = find_field(fields, name)?;
            let found = field.data_type().clone();
            Ok((expr.field(field.name().clone()), found))
        }
        DataType::Map(..) => Ok((
            call_function(MAP_ITEM, vec![expr, lit(name)])?,
            functions::value_type(data_type)?,
        )),
        DataType::List(element) => match element.data_type() {
            DataType::Struct(fields) => {
                let field = find_field(fields, name)?;
                let found = Field::new_list_field(field.data_type().clone(), true);
                Ok((
                    call_function(ARRAY_FIELD, vec![expr, lit(field.name().clone())])?,
                    DataType::List(Arc::new(found)),
                ))
            }
            other => plan_err!(
                "an array of {} has no field `{name}`; write array[position], which counts from 0",
                sql_type_name(other)
            ),
        },
        DataType::Null => Ok((expr, DataType::Null)),
        other => plan_err!(
            "a value of type {} has no field `{name}`; fields are those of structs, keys those of maps",
            sql_type_name(other)
        ),
    }
}

/// `expr[key]`.
fn plan_index(expr: Expr, data_type: &DataType, key: Expr) -> Result<Expr> {
    match data_type {
        DataType::List(_) | DataType::LargeList(_) => call_function(ARRAY_ITEM, vec![expr, key]),
        DataType::Map(..) => call_function(MAP_ITEM, vec![expr, key]),
        DataType::Struct(_) => plan_err!(
            "the fields of a struct have names that are constants; write value['name'] or value.name"
        ),
        DataType::Null => Ok(expr),
        other => plan_err!(
            "a value of type {} has no elements; brackets are for arrays, maps and structs",
            sql_type_name(other)
        ),
    }
}

fn call_function(name: &str, arguments: Vec<Expr>) -> Result<Expr> {
    let found: Option<Arc<ScalarUDF>> =
        functions::access_functions().find(|function| function.name() == name);
    match found {
        Some(function) => Ok(function.call(arguments)),
        None => plan_err!("there is no function {name}"),
    }
}

/// The field called `name`: exactly, else without regard to case.
fn find_field<'a>(fields: &'a Fields, name: &str) -> Result<&'a Arc<Field>> {
    if let Some(field) = fields.iter().find(|field| field.name() == name) {
        return Ok(field);
    }
    let folded = name.to_lowercase();
    let mut found = fields
        .iter()
        .filter(|field| field.name().to_lowercase() == folded);
    match (found.next(), found.next()) {
        (Some(field), None) => Ok(field),
        (Some(_), Some(_)) => plan_err!(
            "the struct has more than one field `{name}` in upper or lower case; write its exact name in backquotes"
        ),
        (None, _) => plan_err!("Field {name} not found in struct"),
    }
}
