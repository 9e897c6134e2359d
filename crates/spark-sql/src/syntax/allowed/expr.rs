//! Expressions.

use sqlparser::ast::{
    AccessExpr, Array, CaseWhen, CeilFloorKind, DateTimeField, Expr, Interval, JsonPath,
    JsonPathElem, LambdaFunction, LambdaFunctionParameter, LambdaSyntax, Map, MapEntry,
    OneOrManyWithParens, Spanned, Subscript, TypedString, Value, ValueWithSpan,
};
use sqlparser::tokenizer::Span;

use super::SyntaxWalk;

/// The stack that must be left for one more level of an expression, and what is
/// added when there is less.
const STACK_BYTES: usize = 128 * 1024;
const MORE_STACK_BYTES: usize = 2 * 1024 * 1024;

impl SyntaxWalk {
    pub(super) fn check_expr(&mut self, expr: &Expr) {
        stacker::maybe_grow(STACK_BYTES, MORE_STACK_BYTES, || match expr {
            Expr::BinaryOp { left, op, right } => {
                self.check_expr(left);
                self.check_binary_operator(op, right.span());
                self.check_expr(right);
            }
            expr => self.check_other_expr(expr),
        });
    }

    fn check_boxes<'a>(&mut self, exprs: impl IntoIterator<Item = &'a Box<Expr>>) {
        exprs.into_iter().for_each(|expr| self.check_expr(expr));
    }

    fn check_other_expr(&mut self, expr: &Expr) {
        match expr {
            Expr::BinaryOp {
                left: _,
                op: _,
                right: _,
            } => {}
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {}
            Expr::CompoundFieldAccess { root, access_chain } => {
                self.check_expr(root);
                access_chain
                    .iter()
                    .for_each(|access| self.check_access(access));
            }
            Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner)
            | Expr::Nested(inner) => self.check_expr(inner),
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                self.check_boxes([left, right]);
            }
            Expr::InList {
                expr,
                list,
                negated: _,
            } => {
                self.check_tuple(expr);
                list.iter().for_each(|value| self.check_tuple(value));
            }
            Expr::InSubquery {
                expr,
                subquery,
                negated: _,
            } => {
                self.check_tuple(expr);
                self.check_query(subquery);
            }
            Expr::Between {
                expr,
                negated: _,
                low,
                high,
            } => self.check_boxes([expr, low, high]),
            Expr::Like {
                negated: _,
                any: _,
                expr,
                pattern,
                escape_char,
            }
            | Expr::ILike {
                negated: _,
                any: _,
                expr,
                pattern,
                escape_char,
            } => {
                self.check_expr(expr);
                self.check_tuple(pattern);
                escape_char.iter().for_each(|value| self.check_value(value));
            }
            Expr::RLike {
                negated: _,
                expr,
                pattern,
                regexp: _,
            } => {
                self.check_expr(expr);
                self.check_tuple(pattern);
            }
            Expr::UnaryOp { op, expr } => {
                self.check_unary_operator(*op, expr.span());
                self.check_expr(expr);
            }
            Expr::Cast {
                kind: _,
                expr,
                data_type,
                array,
                format,
            } => {
                self.check_expr(expr);
                self.check_data_type(data_type, expr.span());
                if *array {
                    self.refuse(expr.span(), "CAST … ARRAY is not supported", "");
                }
                if format.is_some() {
                    self.refuse(
                        expr.span(),
                        "FORMAT in a cast is not supported",
                        "write to_date(text, 'yyyy-MM-dd') or to_timestamp(text, pattern)",
                    );
                }
            }
            Expr::Extract {
                field: _,
                syntax: _,
                expr,
            } => self.check_expr(expr),
            Expr::Ceil { expr, field } | Expr::Floor { expr, field } => {
                self.check_expr(expr);
                match field {
                    CeilFloorKind::DateTimeField(DateTimeField::NoDateTime)
                    | CeilFloorKind::Scale(_) => {}
                    CeilFloorKind::DateTimeField(_) => self.refuse(
                        expr.span(),
                        "ceil and floor of dates are not supported",
                        "write date_trunc('month', ts)",
                    ),
                }
            }
            Expr::Position { expr, r#in } => self.check_boxes([expr, r#in]),
            Expr::Substring {
                expr,
                substring_from,
                substring_for,
                special: _,
                shorthand: _,
            } => {
                self.check_expr(expr);
                self.check_boxes(substring_from.iter().chain(substring_for));
            }
            Expr::Trim {
                trim_where: _,
                trim_what,
                expr,
                trim_characters,
            } => {
                self.check_boxes(trim_what);
                self.check_expr(expr);
                trim_characters
                    .iter()
                    .flatten()
                    .for_each(|characters| self.check_expr(characters));
            }
            Expr::Overlay {
                expr,
                overlay_what,
                overlay_from,
                overlay_for,
            } => {
                self.check_boxes([expr, overlay_what, overlay_from]);
                self.check_boxes(overlay_for);
            }
            Expr::Value(value) => self.check_value(value),
            Expr::TypedString(TypedString {
                data_type,
                value,
                uses_odbc_syntax,
            }) => {
                self.check_data_type(data_type, value.span);
                self.check_value(value);
                if *uses_odbc_syntax {
                    self.refuse(
                        value.span,
                        "{d '…'} is not supported",
                        "write DATE '…' or TIMESTAMP '…'",
                    );
                }
            }
            Expr::Function(function) => self.check_function(function),
            Expr::Case {
                case_token: _,
                end_token: _,
                operand,
                conditions,
                else_result,
            } => {
                self.check_boxes(operand);
                for CaseWhen { condition, result } in conditions {
                    self.check_expr(condition);
                    self.check_expr(result);
                }
                self.check_boxes(else_result);
            }
            Expr::Exists {
                subquery,
                negated: _,
            }
            | Expr::Subquery(subquery) => self.check_query(subquery),
            Expr::Struct { values, fields } => {
                for value in values {
                    match value {
                        Expr::Named { expr, name: _ } => self.check_expr(expr),
                        // `struct(*)`.
                        Expr::Wildcard(_) => {}
                        value => self.check_expr(value),
                    }
                }
                if !fields.is_empty() {
                    self.refuse(
                        expr.span(),
                        "STRUCT<…>(…) is not supported",
                        "write named_struct('a', 1, 'b', 2)",
                    );
                }
            }
            Expr::Map(Map { entries }) => {
                for MapEntry { key, value } in entries {
                    self.check_boxes([key, value]);
                }
            }
            Expr::Array(Array { elem, named: _ }) => {
                elem.iter().for_each(|element| self.check_expr(element));
            }
            Expr::Interval(Interval {
                value,
                leading_field: _,
                leading_precision,
                last_field: _,
                fractional_seconds_precision,
            }) => {
                self.check_expr(value);
                if leading_precision.is_some() || fractional_seconds_precision.is_some() {
                    self.refuse(
                        value.span(),
                        "an interval with a precision is not supported",
                        "leave the precision out",
                    );
                }
            }
            Expr::Lambda(LambdaFunction {
                params,
                body,
                syntax,
            }) => self.check_lambda(params, body, syntax),
            Expr::Tuple(parts) => parts.iter().for_each(|part| self.check_expr(part)),
            Expr::JsonAccess {
                value,
                path: JsonPath { path },
            } => {
                self.check_expr(value);
                for element in path {
                    match element {
                        JsonPathElem::Dot { key: _, quoted: _ } => {}
                        JsonPathElem::Bracket { key } | JsonPathElem::ColonBracket { key } => {
                            self.check_expr(key);
                        }
                    }
                }
            }
            Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) => self.refuse(
                expr.span(),
                "GROUPING SETS, CUBE and ROLLUP belong directly into GROUP BY",
                "write GROUP BY GROUPING SETS ((a), (b))",
            ),
            expr => self.refuse_foreign(expr),
        }
    }

    fn check_tuple(&mut self, expr: &Expr) {
        match expr {
            Expr::Tuple(parts) => parts.iter().for_each(|part| self.check_expr(part)),
            expr => self.check_expr(expr),
        }
    }

    fn check_lambda(
        &mut self,
        params: &OneOrManyWithParens<LambdaFunctionParameter>,
        body: &Expr,
        syntax: &LambdaSyntax,
    ) {
        match syntax {
            LambdaSyntax::Arrow => {}
            LambdaSyntax::LambdaKeyword => {
                self.refuse(body.span(), "LAMBDA x : … is not supported", "write x -> …")
            }
        }
        for LambdaFunctionParameter { name, data_type } in params {
            if data_type.is_some() {
                self.refuse(
                    name.span,
                    "a type of a lambda's parameter is not supported",
                    "leave the type out",
                );
            }
        }
        self.check_expr(body);
    }

    fn check_access(&mut self, access: &AccessExpr) {
        match access {
            AccessExpr::Dot(field) => self.check_expr(field),
            AccessExpr::Subscript(Subscript::Index { index }) => self.check_expr(index),
            AccessExpr::Subscript(Subscript::Slice {
                lower_bound,
                upper_bound,
                stride,
            }) => {
                let place = [lower_bound, upper_bound, stride]
                    .into_iter()
                    .flatten()
                    .next()
                    .map_or(Span::empty(), Spanned::span);
                self.refuse(
                    place,
                    "a slice in brackets is not supported",
                    "write slice(array, start, length)",
                );
            }
        }
    }

    fn check_value(&mut self, value: &ValueWithSpan) {
        let ValueWithSpan { value, span } = value;
        match value {
            Value::Number(_, _)
            | Value::SingleQuotedString(_)
            | Value::HexStringLiteral(_)
            | Value::Boolean(_)
            | Value::Null => {}
            Value::Placeholder(name) => self.refuse(
                *span,
                &format!("the parameter marker {name} is not supported"),
                "declare a variable with DECLARE VARIABLE name TYPE and write its name",
            ),
            Value::DollarQuotedString(_)
            | Value::TripleSingleQuotedString(_)
            | Value::TripleDoubleQuotedString(_)
            | Value::EscapedStringLiteral(_)
            | Value::UnicodeStringLiteral(_)
            | Value::SingleQuotedByteStringLiteral(_)
            | Value::DoubleQuotedByteStringLiteral(_)
            | Value::TripleSingleQuotedByteStringLiteral(_)
            | Value::TripleDoubleQuotedByteStringLiteral(_)
            | Value::SingleQuotedRawStringLiteral(_)
            | Value::DoubleQuotedRawStringLiteral(_)
            | Value::TripleSingleQuotedRawStringLiteral(_)
            | Value::TripleDoubleQuotedRawStringLiteral(_)
            | Value::NationalStringLiteral(_)
            | Value::QuoteDelimitedStringLiteral(_)
            | Value::NationalQuoteDelimitedStringLiteral(_)
            | Value::DoubleQuotedString(_) => self.refuse(
                *span,
                "this form of a string is not supported",
                "write '…', or r'…' without escapes",
            ),
        }
    }
}
