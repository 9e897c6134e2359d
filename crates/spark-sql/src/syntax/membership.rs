//! `(a, b) IN (SELECT …)`.
//!
//! A row is in a query if a row of it equals in all columns; it is not in it if that is
//! false, and not NULL, for every row.

use sqlparser::ast::{
    BinaryOperator, Expr, Ident, Query, Select, SelectItem, SetExpr, TableAlias,
    TableAliasColumnDef, TableFactor, TableWithJoins, Value,
};

use super::call_function;
use super::generators::query_of;

/// Rewrites a condition of which only "true or not" matters.
pub(super) fn rewrite_condition(expr: &mut Expr, template: &Select) {
    match expr {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And | BinaryOperator::Or,
            right,
        } => {
            rewrite_condition(left, template);
            rewrite_condition(right, template);
        }
        Expr::Nested(inner) => rewrite_condition(inner, template),
        Expr::InSubquery {
            expr: row,
            subquery,
            negated,
        } => {
            let Some(parts) = row_parts(row) else {
                return;
            };
            // NOT IN is true where no row is equal or may be.
            *expr = exists(&parts, subquery, template, *negated, *negated);
        }
        _ => {}
    }
}

/// Rewrites an expression whose value matters: Spark has false where standard SQL has
/// NULL, because it plans both forms as joins that say whether there is such a row.
pub(super) fn rewrite_value(expr: &mut Expr, template: &Select) {
    if let Expr::InSubquery {
        expr: row,
        subquery,
        negated,
    } = expr
        && let Some(parts) = row_parts(row)
    {
        *expr = exists(&parts, subquery, template, *negated, *negated);
    }
}

fn row_parts(row: &Expr) -> Option<Vec<Expr>> {
    match row {
        Expr::Tuple(parts) if parts.len() > 1 => Some(parts.clone()),
        _ => None,
    }
}

/// `[NOT] EXISTS (SELECT 1 FROM (query) WHERE row = parts)`; `or_unknown`: or that is
/// NULL.
fn exists(
    parts: &[Expr],
    query: &Query,
    template: &Select,
    or_unknown: bool,
    negated: bool,
) -> Expr {
    let names: Vec<Ident> = (0..parts.len())
        .map(|at| Ident::new(format!("__row_{at}")))
        .collect();
    let equal = parts
        .iter()
        .zip(&names)
        .map(|(part, name)| Expr::BinaryOp {
            left: Box::new(Expr::Identifier(name.clone())),
            op: BinaryOperator::Eq,
            right: Box::new(Expr::Nested(Box::new(part.clone()))),
        })
        .reduce(|left, right| Expr::BinaryOp {
            left: Box::new(left),
            op: BinaryOperator::And,
            right: Box::new(right),
        });
    let condition = match equal {
        Some(equal) if or_unknown => call_function(
            "coalesce",
            vec![equal, Expr::Value(Value::Boolean(true).into())],
        ),
        Some(equal) => equal,
        None => Expr::Value(Value::Boolean(true).into()),
    };
    let select = Select {
        projection: vec![SelectItem::UnnamedExpr(Expr::Value(
            Value::Number("1".to_owned(), false).into(),
        ))],
        from: vec![TableWithJoins {
            relation: TableFactor::Derived {
                lateral: false,
                subquery: Box::new(query.clone()),
                alias: Some(TableAlias {
                    explicit: true,
                    name: Ident::new("__rows"),
                    columns: names
                        .into_iter()
                        .map(|name| TableAliasColumnDef {
                            name,
                            data_type: None,
                        })
                        .collect(),
                    at: None,
                }),
                sample: None,
            },
            joins: Vec::new(),
        }],
        selection: Some(condition),
        ..template.clone()
    };
    Expr::Exists {
        subquery: Box::new(query_of(SetExpr::Select(Box::new(select)))),
        negated,
    }
}
