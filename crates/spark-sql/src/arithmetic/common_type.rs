//! One type for values of which a query takes one: the branches of a `CASE`, the
//! arguments of `coalesce`, the inputs of a `UNION`.
//!
//! Text next to a number becomes a number, and a decimal or a whole number next to a FLOAT
//! a DOUBLE, as in Spark. DataFusion would make text of the number, and a decimal or a
//! FLOAT of the others. A date next to a timestamp becomes one, at midnight in the session's zone, and
//! text next to a time or a boolean becomes one; DataFusion has nanoseconds without zone
//! for the former and text for the latter. The same holds for the values in arrays, maps
//! and structs.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef, Fields, TimeUnit};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result, plan_err};
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Union, cast, lit,
};

use super::decimal_types::DecimalType;
use super::operands::types_of;
use super::planner::int_literal;
use crate::functions::common_type as common_of_all;
use crate::types::sql_type_name;

/// Functions that return one of their arguments.
const CHOOSING: &[&str] = &[
    "coalesce", "greatest", "if", "ifnull", "least", "nvl", "nvl2",
];

pub(crate) fn chooses(function: &str) -> bool {
    CHOOSING.contains(&function)
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn is_decimal(data_type: &DataType) -> bool {
    DecimalType::from_data_type(data_type).is_some()
}

/// The type that values of `types` become, where DataFusion would choose another.
pub(crate) fn common_type(types: &[DataType]) -> Option<DataType> {
    common_number(types)
        .or_else(|| common_time_or_boolean(types))
        .or_else(|| common_collection(types))
}

/// The same of arrays, maps and structs, by what is in them.
fn common_collection(types: &[DataType]) -> Option<DataType> {
    let known: Vec<&DataType> = types.iter().filter(|t| !t.is_null()).collect();
    match known.first()? {
        DataType::List(_) => {
            let elements = known.iter().map(|data_type| match data_type {
                DataType::List(element) => Some(element),
                _ => None,
            });
            common_field(&elements.collect::<Option<Vec<_>>>()?).map(DataType::List)
        }
        DataType::Map(_, is_sorted) => {
            let entries = known.iter().map(|data_type| match data_type {
                DataType::Map(entry, _) => Some(entry),
                _ => None,
            });
            let entry = common_field(&entries.collect::<Option<Vec<_>>>()?)?;
            Some(DataType::Map(entry, *is_sorted))
        }
        DataType::Struct(fields) => {
            let structs = known.iter().map(|data_type| match data_type {
                DataType::Struct(parts) if parts.len() == fields.len() => Some(parts),
                _ => None,
            });
            common_fields(&structs.collect::<Option<Vec<_>>>()?)
        }
        _ => None,
    }
}

/// The field whose type holds those of all fields; `None` where DataFusion's is the same.
fn common_field(fields: &[&FieldRef]) -> Option<FieldRef> {
    let types: Vec<DataType> = fields.iter().map(|f| f.data_type().clone()).collect();
    common_type(&types).and_then(|common| field_of_type(fields, common))
}

fn field_of_type(fields: &[&FieldRef], data_type: DataType) -> Option<FieldRef> {
    let is_nullable = fields.iter().any(|field| field.is_nullable());
    let field = fields.first()?.as_ref().clone();
    let field = field.with_data_type(data_type).with_nullable(is_nullable);
    Some(Arc::new(field))
}

fn common_fields(structs: &[&Fields]) -> Option<DataType> {
    let mut is_other = false;
    let count = structs.first()?.len();
    let fields: Option<Fields> = (0..count)
        .map(|at| {
            let parts: Vec<&FieldRef> = structs.iter().filter_map(|s| s.get(at)).collect();
            if let Some(common) = common_field(&parts) {
                is_other = true;
                return Some(common);
            }
            let types: Vec<DataType> = parts.iter().map(|f| f.data_type().clone()).collect();
            field_of_type(&parts, common_of_all(&types).ok()?)
        })
        .collect();
    fields.filter(|_| is_other).map(DataType::Struct)
}

fn common_time_or_boolean(types: &[DataType]) -> Option<DataType> {
    let known: Vec<&DataType> = types.iter().filter(|t| !t.is_null()).collect();
    let typed: Vec<&DataType> = known.iter().copied().filter(|t| !is_text(t)).collect();
    let (first, rest) = typed.split_first()?;
    let has_text = typed.len() < known.len();
    if rest.iter().all(|other| other == first) {
        let reads_text = is_time(first) || **first == DataType::Boolean;
        return (has_text && reads_text).then(|| (*first).clone());
    }
    if !typed.iter().all(|data_type| is_time(data_type)) {
        return None;
    }
    let zone = typed.iter().find_map(|data_type| match data_type {
        DataType::Timestamp(_, Some(zone)) => Some(Arc::clone(zone)),
        _ => None,
    });
    Some(DataType::Timestamp(TimeUnit::Microsecond, zone))
}

fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Timestamp(..))
}

/// The number that values of `types` become.
fn common_number(types: &[DataType]) -> Option<DataType> {
    let any = |is_wanted: fn(&DataType) -> bool| types.iter().any(is_wanted);
    let all_fit = types
        .iter()
        .all(|data_type| data_type.is_numeric() || data_type.is_null() || is_text(data_type));
    if !all_fit || !any(DataType::is_numeric) {
        return None;
    }
    let has_fractions = any(DataType::is_floating) || any(is_decimal);
    if any(is_text) {
        return Some(if has_fractions {
            DataType::Float64
        } else {
            DataType::Int64
        });
    }
    // A FLOAT does not hold the digits of whole numbers.
    let is_wider = any(is_decimal) || any(DataType::is_integer);
    (any(DataType::is_floating) && is_wider).then_some(DataType::Float64)
}

/// An error for a text next to a value of another type, which are not compared.
pub(super) fn check_compared(function: &str, types: &[DataType]) -> Result<()> {
    let other = types.iter().find(|t| !is_text(t) && !t.is_null());
    match (types.iter().find(|t| is_text(t)), other) {
        (Some(text), Some(other)) => plan_err!(
            "`{function}` cannot compare values of the types {} and {}; CAST one of them",
            sql_type_name(text),
            sql_type_name(other)
        ),
        _ => Ok(()),
    }
}

/// `expr` as `common`, if it is text, a number that becomes a DOUBLE, or another kind of
/// time or collection.
pub(super) fn as_common(expr: Expr, data_type: &DataType, common: &DataType) -> Expr {
    let is_other =
        (is_time(common) || common.is_nested()) && !data_type.is_null() && data_type != common;
    let is_double = *common == DataType::Float64 && data_type.is_numeric() && data_type != common;
    if is_text(data_type) || is_double || is_other {
        cast(expr, common.clone())
    } else {
        expr
    }
}

pub(super) fn case_of_one_type(mut case: Case, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let values = case.when_then_expr.iter_mut().map(|(_, then)| then);
    for value in values.chain(&mut case.else_expr) {
        let literal = std::mem::replace(value.as_mut(), lit(false));
        **value = int_literal(literal);
    }
    let values: Vec<Expr> = case
        .when_then_expr
        .iter()
        .map(|(_, then)| then.as_ref().clone())
        .chain(case.else_expr.as_deref().cloned())
        .collect();
    let Some(common) = common_type(&types_of(&values, schema)?) else {
        return Ok(Transformed::yes(Expr::Case(case)));
    };
    let convert = |value: Box<Expr>| -> Result<Box<Expr>> {
        let data_type = value.get_type(schema)?;
        Ok(Box::new(as_common(*value, &data_type, &common)))
    };
    let when_then_expr = case
        .when_then_expr
        .into_iter()
        .map(|(when, then)| Ok((when, convert(then)?)))
        .collect::<Result<_>>()?;
    Ok(Transformed::yes(Expr::Case(Case {
        expr: case.expr,
        when_then_expr,
        else_expr: case.else_expr.map(convert).transpose()?,
    })))
}

pub(super) fn union_of_one_type(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Union(Union { inputs, schema }) = plan else {
        return Ok(Transformed::no(plan));
    };
    let commons: Vec<Option<DataType>> = (0..schema.fields().len())
        .map(|at| {
            let types: Vec<DataType> = inputs.iter().flat_map(|i| branch_types(i, at)).collect();
            common_type(&types)
        })
        .collect();
    if commons.iter().all(Option::is_none) {
        return Ok(Transformed::no(LogicalPlan::Union(Union {
            inputs,
            schema,
        })));
    }
    let inputs = inputs
        .into_iter()
        .map(|input| convert_columns(Arc::unwrap_or_clone(input), &commons).map(Arc::new))
        .collect::<Result<Vec<_>>>()?;
    Ok(Transformed::yes(LogicalPlan::Union(
        Union::try_new_with_loose_types(inputs)?,
    )))
}

/// The types of a column in the branches of a union, which may be unions themselves.
fn branch_types(plan: &LogicalPlan, at: usize) -> Vec<DataType> {
    match plan {
        LogicalPlan::Union(union) => union
            .inputs
            .iter()
            .flat_map(|input| branch_types(input, at))
            .collect(),
        plan => match plan.schema().fields().get(at) {
            Some(field) => vec![field.data_type().clone()],
            None => Vec::new(),
        },
    }
}

fn convert_columns(plan: LogicalPlan, commons: &[Option<DataType>]) -> Result<LogicalPlan> {
    let schema = Arc::clone(plan.schema());
    let is_union = matches!(plan, LogicalPlan::Union(_));
    let columns: Vec<Expr> = schema
        .iter()
        .zip(commons)
        .map(|((relation, field), common)| {
            let column = Expr::Column(Column::new(relation.cloned(), field.name()));
            let converted = match common {
                // The type of a union is not known before those of its branches are one.
                Some(common) if is_union => cast(column, common.clone()),
                Some(common) => as_common(column, field.data_type(), common),
                None => return column,
            };
            converted.alias_qualified(relation.cloned(), field.name())
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}
