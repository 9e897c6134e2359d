//! Values of variables that are arrays, maps and structs: constructors of constants, such
//! as `array(1, 2)`.

use sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType as SqlType, Expr, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, StructBracketKind, StructField, UnaryOperator, Value,
};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::variable_value::sql_type;
use crate::job::types::{DataType, Field};
use crate::syntax::dialect::SluiceDialect;
use crate::syntax::parser_limits::{RECURSION_LIMIT, with_parser_stack};
use crate::syntax::spark_rewriter::SparkSyntaxRewriter;
use crate::syntax::string_literals::normalize_strings;
use crate::traversal::visit_nodes_mut;

const CONSTRUCTORS: &[&str] = &["array", "map", "named_struct", "struct"];

/// The text in one form, if it is a constructor of constants.
pub(crate) fn normalize_constructor(text: &str) -> Option<String> {
    write_constructor(&parse_value(text)?)
}

/// The expression of a text that [`normalize_constructor`] wrote, as those of queries.
pub(super) fn read_constructor(text: &str) -> Option<Expr> {
    let mut expr = parse_value(text)?;
    let _ = visit_nodes_mut(&mut expr, &mut SparkSyntaxRewriter);
    Some(expr)
}

fn parse_value(text: &str) -> Option<Expr> {
    let dialect = SluiceDialect::new(text.len());
    let mut tokens = Tokenizer::new(&dialect, text)
        .with_unescape(false)
        .tokenize_with_location()
        .ok()?;
    normalize_strings(&mut tokens);
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(RECURSION_LIMIT)
        .with_tokens_with_locations(tokens);
    let expr = with_parser_stack(|| parser.parse_expr()).ok()?;
    (parser.peek_token_ref().token == Token::EOF).then_some(expr)
}

/// `array(1, 2)` as text; `None` if something in it is not constant.
pub(crate) fn write_constructor(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) => write_constructor(inner),
        Expr::Function(_) | Expr::Array(_) | Expr::Struct { .. } => write_constant(expr),
        _ => None,
    }
}

fn write_constant(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) => write_constant(inner),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, is_long) => {
                Some(format!("{digits}{}", if *is_long { "L" } else { "" }))
            }
            Value::SingleQuotedString(text) => Some(quote_text(text)),
            Value::Boolean(value) => Some(value.to_string()),
            Value::Null => Some("NULL".to_owned()),
            _ => None,
        },
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => match expr.as_ref() {
            Expr::Value(value) if matches!(value.value, Value::Number(..)) => {
                Some(format!("-{}", write_constant(expr)?))
            }
            _ => None,
        },
        Expr::TypedString(typed) => match &typed.value.value {
            Value::SingleQuotedString(text) => {
                Some(format!("{} {}", typed.data_type, quote_text(text)))
            }
            _ => None,
        },
        // `2S` and `1.5D` are casts, too.
        Expr::Cast {
            kind: CastKind::Cast,
            expr,
            data_type,
            ..
        } if matches!(expr.as_ref(), Expr::Value(_)) => {
            Some(format!("CAST({} AS {data_type})", write_constant(expr)?))
        }
        Expr::Array(array) => Some(format!("array({})", write_all(&array.elem)?)),
        Expr::Struct { values, fields } if fields.is_empty() => {
            Some(format!("struct({})", write_all(values)?))
        }
        Expr::Named { expr, name } => Some(format!("{} AS {name}", write_constant(expr)?)),
        Expr::Function(call) => {
            let name = call.name.to_string().to_lowercase();
            let FunctionArguments::List(list) = &call.args else {
                return None;
            };
            let is_plain = call.over.is_none()
                && call.filter.is_none()
                && call.within_group.is_empty()
                && list.clauses.is_empty()
                && list.duplicate_treatment.is_none();
            if !is_plain || !CONSTRUCTORS.contains(&name.as_str()) {
                return None;
            }
            let arguments: Option<Vec<String>> = list
                .args
                .iter()
                .map(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => write_constant(expr),
                    _ => None,
                })
                .collect();
            Some(format!("{name}({})", arguments?.join(", ")))
        }
        _ => None,
    }
}

fn write_all(values: &[Expr]) -> Option<String> {
    let values: Option<Vec<String>> = values.iter().map(write_constant).collect();
    Some(values?.join(", "))
}

fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The type in SQL, with all that is inside of it.
pub(super) fn nested_sql_type(ty: &DataType) -> SqlType {
    match ty {
        DataType::Array(element) => {
            SqlType::Array(ArrayElemTypeDef::AngleBracket(Box::new(sql_type(element))))
        }
        DataType::Map(key, value) => {
            SqlType::Map(Box::new(sql_type(key)), Box::new(sql_type(value)))
        }
        DataType::Struct(fields) => SqlType::Struct(
            fields.iter().map(struct_field).collect(),
            StructBracketKind::AngleBrackets,
        ),
        _ => SqlType::String(None),
    }
}

fn struct_field(field: &Field) -> StructField {
    StructField {
        field_name: Some(Ident::with_quote('`', &field.source_name)),
        field_type: sql_type(&field.ty),
        options: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constructors_of_constants_are_values() {
        for (text, normal) in [
            ("array(1, -2, 3L)", Some("array(1, -2, 3L)")),
            ("ARRAY ( 'a' , NULL )", Some("array('a', NULL)")),
            ("['it\\'s', \"x\\\\y\"]", Some("array('it\\'s', 'x\\\\y')")),
            (
                "map('a', array(DATE '2024-01-01'), 'b', array())",
                Some("map('a', array(DATE '2024-01-01'), 'b', array())"),
            ),
            (
                "named_struct('a', 1.5, 'b', true)",
                Some("named_struct('a', 1.5, 'b', true)"),
            ),
            ("struct(1 AS a, 'x' AS b)", Some("struct(1 AS a, 'x' AS b)")),
            (
                "array(CAST('1' AS BIGINT))",
                Some("array(CAST('1' AS BIGINT))"),
            ),
            ("array(x)", None),
            ("array(1 + 1)", None),
            ("split('a,b', ',')", None),
            ("array(1) array(2)", None),
            ("1", None),
        ] {
            let written = normalize_constructor(text);
            assert_eq!(written.as_deref(), normal, "{text}");
            if let Some(written) = written {
                let again = normalize_constructor(&written);
                assert_eq!(again.as_deref(), Some(written.as_str()));
            }
        }
    }
}
