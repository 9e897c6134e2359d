//! `DECLARE [OR REPLACE] [VARIABLE] name [TYPE] [DEFAULT value | = value]`.

use sqlparser::ast::{Expr, UnaryOperator, Value};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use crate::diagnostics::{Diagnostic, codes};
use crate::job::types::DataType;
use crate::job::variable::{
    DefaultValue, RESERVED_VARIABLE_NAMES, Variable, VariableDeclaration, option_name,
};
use crate::span::{Span, Spanned};
use crate::statements::parse_context::ParseContext;
use crate::statements::query;
use crate::statements::type_parser::parse_type;
use crate::syntax::dialect::SluiceDialect;
use crate::syntax::parser_limits::{RECURSION_LIMIT, with_parser_stack};
use crate::syntax::token_cursor::{ParseResult, TokenCursor};
use crate::syntax::tokens;
use crate::values::interpolation;
use crate::values::nested_value::write_constructor;
use crate::values::variable_value::{bad_default_error, normalize_value};

pub(crate) fn parse_declare(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
) -> ParseResult<()> {
    cursor.expect_words(&["DECLARE"])?;
    cursor.eat_words(&["OR", "REPLACE"]);
    if matches!(cursor.peek_nth(1), Some(Token::Word(_))) {
        let _ = cursor.eat_words(&["VARIABLE"]) || cursor.eat_words(&["VAR"]);
    }
    let name = cursor.parse_name("a variable name")?;
    check_name(context, &name.value, &name.written, name.span);
    let has_type = !cursor.at_end()
        && !cursor.next_words_are(&["DEFAULT"])
        && cursor.peek() != Some(&Token::Eq);
    let typed = if has_type {
        Some(parse_type(cursor)?)
    } else {
        None
    };
    let default = if cursor.eat_words(&["DEFAULT"]) || cursor.eat_token(&Token::Eq) {
        let typed = typed.as_ref().map(|(ty, _)| ty);
        Some(parse_default(context, cursor, typed)?)
    } else {
        None
    };
    if !cursor.at_end() {
        return Err(cursor.expected_error("DEFAULT or the end of the statement"));
    }
    let ty = match (typed, &default) {
        (Some((ty, span)), _) => {
            if ty == DataType::Binary {
                return Err(Box::new(
                    Diagnostic::error(
                        codes::TYPE_NOT_ALLOWED,
                        format!("a variable cannot have the type {ty}"),
                    )
                    .with_span(span)
                    .with_help("variables are parameters passed as text: use STRING, and unhex(name) or encode(name, 'utf-8')"),
                ));
            }
            ty
        }
        (None, Some((_, inferred))) => inferred.clone(),
        (None, None) => {
            return Err(Box::new(
                Diagnostic::error(
                    codes::SYNTAX,
                    format!("the variable `{}` has no type", name.written),
                )
                .with_span(Span::empty_at(name.span.end))
                .with_label("expected a type")
                .with_help(format!(
                    "for example `DECLARE VARIABLE {} STRING;`",
                    name.written
                )),
            ));
        }
    };
    let default = default.map(|(value, _)| value);
    let variable = Variable {
        name: name.value,
        ty,
        default: default.as_ref().map(|d| match &d.value {
            DefaultValue::Null => "NULL".to_owned(),
            DefaultValue::Text(text) => text.clone(),
            DefaultValue::Variable(name) => format!("${{{name}}}"),
        }),
        span: name.span,
        comment: tokens::doc_comment(context.tokens, &context.statement_range),
    };
    context
        .diagnostics
        .extend(check_default(&variable, default.as_ref()));
    context
        .variables
        .push(VariableDeclaration { variable, default });
    Ok(())
}

/// The error in a default that depends on no other variable.
fn check_default(
    variable: &Variable,
    default: Option<&Spanned<DefaultValue>>,
) -> Option<Diagnostic> {
    let Some(Spanned {
        value: DefaultValue::Text(text),
        span,
    }) = default
    else {
        return None;
    };
    if interpolation::has_variables(text) {
        return None;
    }
    let text = interpolation::expand_template(text, |_| None);
    let expected = normalize_value(&variable.ty, &text).err()?;
    Some(bad_default_error(variable, &expected, *span))
}

fn check_name(context: &mut ParseContext<'_>, name: &str, written: &str, span: Span) {
    if let Some(first) = context.find_variable(name) {
        let line = first.variable.span.start.line;
        context.diagnostics.push(
            Diagnostic::error(
                codes::DUPLICATE_VARIABLE,
                format!("the variable `{written}` is declared twice"),
            )
            .with_span(span)
            .with_label(format!("first declared on line {line}")),
        );
    }
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if !plain {
        context.diagnostics.push(
            Diagnostic::error(
                codes::BAD_NAME,
                format!("`{written}` cannot be the name of a variable"),
            )
            .with_span(span)
            .with_help(
                "use ASCII letters, digits and `_`: the name is also an option of submit-job",
            ),
        );
    } else if RESERVED_VARIABLE_NAMES.contains(&name) {
        context.diagnostics.push(
            Diagnostic::error(
                codes::BAD_NAME,
                format!("`{written}` cannot be the name of a variable"),
            )
            .with_span(span)
            .with_label(format!(
                "`--{}` is an option of submit-job",
                option_name(name)
            ))
            .with_help(format!("choose another name, such as `job_{name}`")),
        );
    }
}

/// Parses the value after DEFAULT; returns it with its own type.
fn parse_default(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
    typed: Option<&DataType>,
) -> ParseResult<(Spanned<DefaultValue>, DataType)> {
    if cursor.at_end() {
        return Err(cursor.expected_error("a value"));
    }
    let span = cursor.rest_span();
    let dialect = SluiceDialect::new(cursor.rest_tokens().len());
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(RECURSION_LIMIT)
        .with_tokens_with_locations(cursor.rest_tokens().to_vec());
    let expr = match with_parser_stack(|| parser.parse_expr()) {
        Ok(expr) => expr,
        Err(error) => return Err(query::syntax_error(&parser, error, cursor)),
    };
    let used = parser.index();
    cursor.skip_tokens(used);
    let span = Span::new(span.start, cursor.previous_span().end);
    if let Some((value, ty)) = parse_literal(&expr) {
        if let DefaultValue::Text(text) = &value {
            context.record_string(&Spanned::new(text.clone(), span));
        }
        return Ok((Spanned::new(value, span), ty));
    }
    if let Some(default) = parse_constructor(&expr, typed, span)? {
        return Ok(default);
    }
    if let Expr::Identifier(ident) = &expr {
        let name = ident.value.to_lowercase();
        if let Some(other) = context.find_variable(&name) {
            let ty = other.variable.ty.clone();
            context
                .placeholder_strings
                .push(Spanned::new(format!("${{{name}}}"), span));
            return Ok((Spanned::new(DefaultValue::Variable(name), span), ty));
        }
        let declared: Vec<&str> = context
            .variables
            .iter()
            .map(|v| v.variable.name.as_str())
            .collect();
        return Err(Box::new(
            Diagnostic::error(
                codes::BAD_DEFAULT,
                format!("`{}` is not a variable that is declared above", ident.value),
            )
            .with_span(span)
            .with_help(interpolation::unknown_variable_help(&name, &declared)),
        ));
    }
    Err(Box::new(
        Diagnostic::error(
            codes::BAD_DEFAULT,
            "a DEFAULT must be a literal, an array, map or struct of literals, or a variable above",
        )
        .with_span(span)
        .with_help("leave DEFAULT out and pass the value to submit-job when it must be computed"),
    ))
}

/// `array(1, 2)` and the like, whose type is the declared one.
fn parse_constructor(
    expr: &Expr,
    typed: Option<&DataType>,
    span: Span,
) -> ParseResult<Option<(Spanned<DefaultValue>, DataType)>> {
    let Some(text) = write_constructor(expr) else {
        return Ok(None);
    };
    let error = |message: &str, help: &str| {
        Err(Box::new(
            Diagnostic::error(codes::BAD_DEFAULT, message)
                .with_span(span)
                .with_help(help),
        ))
    };
    let Some(ty) = typed else {
        return error(
            "this variable has no type",
            "write the type before DEFAULT, such as ARRAY<INT>",
        );
    };
    // A parameter could otherwise add elements.
    if interpolation::has_variables(&text) {
        return error(
            "the texts in an array, a map or a struct cannot contain variables",
            "write array(…) with the variable where the query needs it",
        );
    }
    Ok(Some((
        Spanned::new(DefaultValue::Text(text), span),
        ty.clone(),
    )))
}

fn parse_literal(expr: &Expr) -> Option<(DefaultValue, DataType)> {
    let text = |text: &str, ty| Some((DefaultValue::Text(text.to_owned()), ty));
    match expr {
        Expr::Nested(inner) => parse_literal(inner),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => {
                let ty = if digits.parse::<i32>().is_ok() {
                    DataType::Int
                } else if digits.parse::<i64>().is_ok() {
                    DataType::BigInt
                } else {
                    DataType::Double
                };
                text(digits, ty)
            }
            Value::SingleQuotedString(s) | Value::EscapedStringLiteral(s) => {
                text(s, DataType::String)
            }
            Value::Boolean(b) => text(if *b { "true" } else { "false" }, DataType::Boolean),
            Value::Null => Some((DefaultValue::Null, DataType::String)),
            _ => None,
        },
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => match parse_literal(expr)? {
            (DefaultValue::Text(digits), ty)
                if ty != DataType::String && ty != DataType::Boolean =>
            {
                text(&format!("-{digits}"), ty)
            }
            _ => None,
        },
        Expr::UnaryOp {
            op: UnaryOperator::Plus,
            expr,
        } => parse_literal(expr),
        Expr::Cast {
            expr, data_type, ..
        } => {
            let (value, inner) = parse_literal(expr)?;
            Some((
                value,
                inferred_cast_type(&data_type.to_string()).unwrap_or(inner),
            ))
        }
        Expr::TypedString(typed) => match &typed.value.value {
            Value::SingleQuotedString(s) => text(
                s,
                inferred_cast_type(&typed.data_type.to_string()).unwrap_or(DataType::String),
            ),
            _ => None,
        },
        _ => None,
    }
}

/// The type of `CAST(x AS …)`, for variables declared without a type.
fn inferred_cast_type(sql: &str) -> Option<DataType> {
    Some(match sql.to_ascii_uppercase().as_str() {
        "BOOLEAN" | "BOOL" => DataType::Boolean,
        "TINYINT" => DataType::TinyInt,
        "SMALLINT" => DataType::SmallInt,
        "INT" | "INTEGER" => DataType::Int,
        "BIGINT" | "LONG" => DataType::BigInt,
        "FLOAT" | "REAL" => DataType::Float,
        "DOUBLE" | "DOUBLE PRECISION" => DataType::Double,
        "DATE" => DataType::Date,
        "TIMESTAMP" => DataType::Timestamp,
        "TIMESTAMP_NTZ" => DataType::TimestampNtz,
        _ => return None,
    })
}
