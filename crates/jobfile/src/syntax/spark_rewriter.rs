//! Syntax of Spark that sqlparser parses and DataFusion cannot plan.

use std::ops::ControlFlow;

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, DataType, Expr, TableFactor, TimezoneInfo, VisitorMut,
};

use super::identifier_clause;

/// Rewrites it.
pub(crate) struct SparkSyntaxRewriter;

impl VisitorMut for SparkSyntaxRewriter {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        identifier_clause::replace_in_factor(factor);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        identifier_clause::replace_in_expr(expr);
        match expr {
            Expr::Cast { data_type, .. } => replace_spark_type(data_type),
            Expr::TypedString(literal) => replace_spark_type(&mut literal.data_type),
            Expr::RLike { .. } => {
                let like = std::mem::replace(expr, Expr::Wildcard(AttachedToken::empty()));
                if let Expr::RLike {
                    negated,
                    expr: left,
                    pattern: right,
                    ..
                } = like
                {
                    let op = if negated {
                        BinaryOperator::PGRegexNotMatch
                    } else {
                        BinaryOperator::PGRegexMatch
                    };
                    *expr = Expr::BinaryOp { left, op, right };
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

pub(crate) fn replace_spark_type(ty: &mut DataType) {
    match ty {
        DataType::Custom(name, arguments) if arguments.is_empty() => {
            match name.to_string().to_ascii_uppercase().as_str() {
                "LONG" => *ty = DataType::BigInt(None),
                "SHORT" => *ty = DataType::SmallInt(None),
                "BYTE" => *ty = DataType::TinyInt(None),
                "TIMESTAMP_LTZ" => {
                    *ty = DataType::Timestamp(Some(6), TimezoneInfo::WithTimeZone);
                }
                _ => {}
            }
        }
        // As in a declaration: an instant in the session's zone, with
        // microseconds, the precision of Delta and Spark.
        DataType::Timestamp(precision, TimezoneInfo::None) => {
            *ty = DataType::Timestamp(precision.or(Some(6)), TimezoneInfo::WithTimeZone);
        }
        DataType::TimestampNtz(precision) => {
            *ty = DataType::Timestamp(precision.or(Some(6)), TimezoneInfo::WithoutTimeZone);
        }
        DataType::Array(
            ArrayElemTypeDef::AngleBracket(element)
            | ArrayElemTypeDef::SquareBracket(element, _)
            | ArrayElemTypeDef::Parenthesis(element),
        ) => replace_spark_type(element),
        DataType::Map(key, value) => {
            replace_spark_type(key);
            replace_spark_type(value);
        }
        DataType::Struct(fields, _) => {
            for field in fields {
                replace_spark_type(&mut field.field_type);
            }
        }
        _ => {}
    }
}
