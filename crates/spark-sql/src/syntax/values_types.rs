//! One type for each column of `VALUES`.
//!
//! The engine decides the types of `VALUES` while it plans, before any rule of this crate:
//! a decimal next to a DOUBLE would make a decimal, a whole number next to a decimal would
//! count as a BIGINT, and a date next to a timestamp would have nanoseconds. Where the
//! cells of a column say by their form that they differ, they are cast here to the type
//! that Spark gives the column.

use std::ops::ControlFlow;

use sluice_jobfile::visit_nodes_mut;
use sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, Query, SetExpr, TimezoneInfo, TypedString,
    UnaryOperator, Value, ValueWithSpan, Values, VisitorMut,
};

/// Casts the cells of columns whose types differ.
pub(super) fn widen_values(query: &mut Query) {
    let _ = visit_nodes_mut(query, &mut ValuesWidener);
}

struct ValuesWidener;

impl VisitorMut for ValuesWidener {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        widen_body(&mut query.body);
        ControlFlow::Continue(())
    }
}

fn widen_body(body: &mut SetExpr) {
    match body {
        SetExpr::Values(values) => widen_columns(values),
        SetExpr::SetOperation { left, right, .. } => {
            widen_body(left);
            widen_body(right);
        }
        _ => {}
    }
}

/// What the form of a cell says of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CellKind {
    Int,
    BigInt,
    Decimal,
    Float,
    Double,
    Date,
    Timestamp,
    TimestampNtz,
    /// NULL, which has any type.
    Null,
    /// A text, a boolean, or an expression whose type is not known here.
    Other,
}

fn widen_columns(values: &mut Values) {
    let width = values.rows.first().map_or(0, |row| row.content.len());
    for at in 0..width {
        let cells = values.rows.iter().filter_map(|row| row.content.get(at));
        let kinds: Vec<CellKind> = cells.map(cell_kind).collect();
        for (row, kind) in values.rows.iter_mut().zip(&kinds) {
            if let Some(cell) = row.content.get_mut(at)
                && let Some(target) = widened_type(*kind, &kinds)
            {
                cast_cell(cell, target);
            }
        }
    }
}

/// The type that a cell of `kind` is cast to in a column of `kinds`.
fn widened_type(kind: CellKind, kinds: &[CellKind]) -> Option<DataType> {
    let has = |kind: CellKind| kinds.contains(&kind);
    // A whole number next to a FLOAT alone is a FLOAT here, unlike in UNION.
    let is_double = has(CellKind::Double) || (has(CellKind::Float) && has(CellKind::Decimal));
    let has_time = has(CellKind::Timestamp);
    match kind {
        CellKind::Int
        | CellKind::BigInt
        | CellKind::Decimal
        | CellKind::Float
        | CellKind::Other
            if is_double =>
        {
            Some(DataType::Double(ExactNumberInfo::None))
        }
        CellKind::Int if has(CellKind::Decimal) => Some(decimal(10)),
        CellKind::BigInt if has(CellKind::Decimal) => Some(decimal(20)),
        CellKind::Date | CellKind::TimestampNtz | CellKind::Other if has_time => {
            Some(DataType::Timestamp(None, TimezoneInfo::None))
        }
        CellKind::Date if has(CellKind::TimestampNtz) => Some(DataType::TimestampNtz(None)),
        _ => None,
    }
}

const fn decimal(precision: u64) -> DataType {
    DataType::Decimal(ExactNumberInfo::PrecisionAndScale(precision, 0))
}

fn cell_kind(cell: &Expr) -> CellKind {
    match cell {
        Expr::Nested(inner)
        | Expr::UnaryOp {
            op: UnaryOperator::Minus | UnaryOperator::Plus,
            expr: inner,
        } => cell_kind(inner),
        Expr::Value(value) => literal_kind(value),
        Expr::TypedString(TypedString { data_type, .. }) | Expr::Cast { data_type, .. } => {
            type_kind(data_type)
        }
        _ => CellKind::Other,
    }
}

fn literal_kind(value: &ValueWithSpan) -> CellKind {
    match &value.value {
        Value::Null => CellKind::Null,
        Value::Number(digits, false) if digits.parse::<i32>().is_ok() => CellKind::Int,
        Value::Number(digits, false) if digits.parse::<i64>().is_ok() => CellKind::BigInt,
        Value::Number(_, false) => CellKind::Decimal,
        _ => CellKind::Other,
    }
}

fn type_kind(data_type: &DataType) -> CellKind {
    match data_type {
        DataType::TinyInt(_) | DataType::SmallInt(_) | DataType::Int(_) | DataType::Integer(_) => {
            CellKind::Int
        }
        DataType::BigInt(_) => CellKind::BigInt,
        DataType::Decimal(_) | DataType::Dec(_) | DataType::Numeric(_) => CellKind::Decimal,
        DataType::Float(_) | DataType::Real => CellKind::Float,
        DataType::Double(_) => CellKind::Double,
        DataType::Date => CellKind::Date,
        DataType::Timestamp(_, TimezoneInfo::WithoutTimeZone) | DataType::TimestampNtz(_) => {
            CellKind::TimestampNtz
        }
        DataType::Timestamp(..) => CellKind::Timestamp,
        _ => CellKind::Other,
    }
}

fn cast_cell(cell: &mut Expr, data_type: DataType) {
    let inner = std::mem::replace(cell, Expr::Value(Value::Null.into()));
    *cell = Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(inner),
        data_type,
        array: false,
        format: None,
    };
}
