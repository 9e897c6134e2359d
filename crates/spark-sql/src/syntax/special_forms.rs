//! Rewrites Spark's special forms of function calls to calls by position, such as
//! `extract(YEAR FROM ts)`, `trim(BOTH 'x' FROM s)`, `s RLIKE p`, `a || b`.
//!
//! The functions are found by their names in the session, as everywhere; the
//! engine's own planning of these forms would take its own functions.

use sluice_jobfile::Diagnostic;
use sqlparser::ast::{
    AccessExpr, BinaryOperator, CaseWhen, CastKind, CeilFloorKind, DataType, DateTimeField,
    ExactNumberInfo, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    Interval, Spanned, Subscript, TrimWhereField, UnaryOperator, Value,
    helpers::attached_token::AttachedToken,
};

use super::patterns::check_conversions;
use super::{call_function, error_at, window_forms};
use crate::functions::{
    SORT_BY, check_format_pattern, check_parse_pattern, check_regular_expression, schema_of_json,
};

/// Names of parts of dates, and the functions for them.
const PARTS: &[(&[&str], &str)] = &[
    (&["YEAR", "Y", "YEARS", "YR", "YRS"], "year"),
    (&["YEAROFWEEK"], "yearofweek"),
    (&["QUARTER", "QTR"], "quarter"),
    (&["MONTH", "MON", "MONS", "MONTHS"], "month"),
    (&["WEEK", "W", "WEEKS"], "weekofyear"),
    (&["DAY", "D", "DAYS"], "day"),
    (&["DAYOFWEEK", "DOW"], "dayofweek"),
    (&["DAYOFWEEK_ISO", "DOW_ISO"], "dayofweek_iso"),
    (&["DOY"], "dayofyear"),
    (&["HOUR", "H", "HOURS", "HR", "HRS"], "hour"),
    (&["MINUTE", "M", "MIN", "MINS", "MINUTES"], "minute"),
    (
        &["SECOND", "S", "SEC", "SECONDS", "SECS"],
        "second_with_fraction",
    ),
];

/// The units of `timestampadd`, `timestampdiff` and their other names.
const UNITS: &[&str] = &[
    "YEAR",
    "QUARTER",
    "MONTH",
    "WEEK",
    "DAY",
    "DAYOFYEAR",
    "HOUR",
    "MINUTE",
    "SECOND",
    "MILLISECOND",
    "MICROSECOND",
];

/// Rewrites `expr` if it is a special form.
pub(crate) fn rewrite_special_form(expr: &mut Expr) -> Result<(), Box<Diagnostic>> {
    let place = expr.span();
    let taken = std::mem::replace(expr, null());
    let rewritten = match taken {
        Expr::Extract {
            field, expr: value, ..
        } => {
            let name = part_function(&field_name(&field))
                .ok_or_else(|| unknown_part(&field.to_string(), place))?;
            call_function(name, vec![*value])
        }
        Expr::Substring {
            expr: text,
            substring_from,
            substring_for,
            ..
        } => {
            let from = substring_from.map_or_else(|| number(1), |from| *from);
            let mut arguments = vec![*text, from];
            arguments.extend(substring_for.map(|length| *length));
            call_function("substring", arguments)
        }
        Expr::Ceil {
            expr: value,
            field: CeilFloorKind::Scale(places),
        } => call_function("ceil", vec![*value, Expr::Value(places)]),
        Expr::Floor {
            expr: value,
            field: CeilFloorKind::Scale(places),
        } => call_function("floor", vec![*value, Expr::Value(places)]),
        Expr::Position { expr: part, r#in } => call_function("locate", vec![*part, *r#in]),
        Expr::Overlay {
            expr: text,
            overlay_what,
            overlay_from,
            overlay_for,
        } => {
            let mut arguments = vec![*text, *overlay_what, *overlay_from];
            arguments.extend(overlay_for.map(|length| *length));
            call_function("overlay", arguments)
        }
        Expr::Trim {
            expr: text,
            trim_where,
            trim_what,
            trim_characters,
        } => {
            let name = match trim_where {
                Some(TrimWhereField::Leading) => "ltrim",
                Some(TrimWhereField::Trailing) => "rtrim",
                Some(TrimWhereField::Both) | None => "trim",
            };
            match (trim_what, trim_characters) {
                (Some(characters), None) => call_function(name, vec![*characters, *text]),
                // `trim(characters, text)`.
                (None, Some(mut texts)) if texts.len() == 1 => {
                    let characters = *text;
                    call_function(name, vec![characters, texts.remove(0)])
                }
                _ => call_function(name, vec![*text]),
            }
        }
        Expr::RLike {
            negated,
            expr: text,
            pattern,
            ..
        } => {
            let arguments = vec![*text, *pattern];
            check_constant_pattern("regexp_like", &arguments)?;
            negate(negated, call_function("regexp_like", arguments))
        }
        // The job file's parser writes RLIKE as an operator, whose expressions are
        // Rust's.
        Expr::BinaryOp {
            left,
            op: op @ (BinaryOperator::PGRegexMatch | BinaryOperator::PGRegexNotMatch),
            right,
        } => {
            let arguments = vec![*left, *right];
            check_constant_pattern("regexp_like", &arguments)?;
            let negated = op == BinaryOperator::PGRegexNotMatch;
            negate(negated, call_function("regexp_like", arguments))
        }
        Expr::BinaryOp {
            left,
            op: BinaryOperator::StringConcat,
            right,
        } => call_function("concat", vec![*left, *right]),
        Expr::UnaryOp {
            op: UnaryOperator::BangNot,
            expr: value,
        } => negate(true, *value),
        Expr::UnaryOp {
            op: UnaryOperator::BitwiseNot,
            expr: value,
        } => call_function("bitwise_not", vec![*value]),
        Expr::Struct { values, fields } if fields.is_empty() => {
            call_function("named_struct", name_fields(values))
        }
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr: value,
        } if is_text(&value) => call_function("negative", vec![*value]),
        Expr::Function(function) => match window_forms::rewrite_call(&function) {
            Some(rewritten) => rewritten,
            None => rewrite_function(function)?,
        },
        other => other,
    };
    *expr = rewritten;
    Ok(())
}

fn null() -> Expr {
    Expr::Value(Value::Null.into())
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)))
}

fn number(value: i64) -> Expr {
    Expr::Value(Value::Number(value.to_string(), false).into())
}

fn negate(negated: bool, expr: Expr) -> Expr {
    if !negated {
        return expr;
    }
    Expr::UnaryOp {
        op: UnaryOperator::Not,
        expr: Box::new(expr),
    }
}

fn field_name(field: &DateTimeField) -> String {
    match field {
        DateTimeField::Custom(ident) => ident.value.to_uppercase(),
        other => other.to_string().to_uppercase(),
    }
}

fn part_function(part: &str) -> Option<&'static str> {
    PARTS
        .iter()
        .find(|(names, _)| names.contains(&part))
        .map(|(_, function)| *function)
}

fn unknown_part(part: &str, place: sqlparser::tokenizer::Span) -> Box<Diagnostic> {
    Box::new(
        error_at(format!("`{part}` is no part of a date or timestamp"), place).with_help(
            "write YEAR, QUARTER, MONTH, WEEK, DAY, DAYOFWEEK, DOY, HOUR, MINUTE or SECOND",
        ),
    )
}

fn rewrite_function(function: Function) -> Result<Expr, Box<Diagnostic>> {
    let place = function.name.span();
    let (Some(name), Some(arguments)) = (plain_name(&function), arguments_of(&function)) else {
        return Ok(Expr::Function(function));
    };
    check_constant_pattern(&name, &arguments)?;
    Ok(match (name.as_str(), arguments.as_slice()) {
        ("date_part" | "datepart", [Expr::Value(part), value]) => match &part.value {
            Value::SingleQuotedString(part) | Value::DoubleQuotedString(part) => {
                let function =
                    part_function(&part.to_uppercase()).ok_or_else(|| unknown_part(part, place))?;
                call_function(function, vec![value.clone()])
            }
            _ => Expr::Function(function),
        },
        ("timestampadd" | "dateadd" | "date_add", [Expr::Identifier(unit), number, time])
            if is_unit(unit) =>
        {
            call_function(
                "timestampadd",
                vec![text(unit), number.clone(), time.clone()],
            )
        }
        ("timestampdiff" | "datediff" | "date_diff", [Expr::Identifier(unit), start, end])
            if is_unit(unit) =>
        {
            call_function(
                "timestampdiff",
                vec![text(unit), start.clone(), end.clone()],
            )
        }
        ("nvl2", [value, given, missing]) => Expr::Case {
            case_token: AttachedToken::empty(),
            end_token: AttachedToken::empty(),
            operand: None,
            conditions: vec![CaseWhen {
                condition: Expr::IsNotNull(Box::new(value.clone())),
                result: given.clone(),
            }],
            else_result: Some(Box::new(missing.clone())),
        },
        ("map", _) => call_function("spark_map", arguments),
        ("array_sort", [_, Expr::Lambda(_)]) => call_function(SORT_BY, arguments),
        ("from_json" | "from_csv", [text, schema, options]) => {
            with_options(&name, vec![text.clone(), schema.clone()], options)
        }
        ("to_json" | "to_csv", [value, options]) => {
            with_options(&name, vec![value.clone()], options)
        }
        ("schema_of_json", [text, ..]) => constant_schema(text, place)?,
        ("struct", [_, ..]) => call_function("named_struct", name_fields(arguments)),
        ("nvl" | "ifnull", [_, _]) => call_function("coalesce", arguments),
        ("e", []) => Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(text_value("2.718281828459045")),
            data_type: DataType::Double(ExactNumberInfo::None),
            array: false,
            format: None,
        },
        ("positive", [value]) => value.clone(),
        ("isnull", [value]) => Expr::IsNull(Box::new(value.clone())),
        ("isnotnull", [value]) => Expr::IsNotNull(Box::new(value.clone())),
        ("equal_null", [left, right]) => {
            Expr::IsNotDistinctFrom(Box::new(left.clone()), Box::new(right.clone()))
        }
        ("nullifzero", [value]) => call_function("nullif", vec![value.clone(), number(0)]),
        ("zeroifnull", [value]) => call_function("coalesce", vec![value.clone(), number(0)]),
        ("decode", [value, rest @ ..]) if rest.len() > 1 => decode_case(value, rest),
        ("window_time", [window]) => last_instant(window.clone()),
        ("unix_timestamp", []) => {
            call_function("unix_seconds", vec![call_function("now", Vec::new())])
        }
        _ => Expr::Function(function),
    })
}

fn text_value(text: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(text.to_owned()).into())
}

/// The options in `map('name', 'value')` as further arguments.
fn with_options(function: &str, mut arguments: Vec<Expr>, options: &Expr) -> Expr {
    match options {
        Expr::Function(map) if plain_name(map).as_deref() == Some("spark_map") => {
            arguments.extend(arguments_of(map).unwrap_or_default());
        }
        other => arguments.push(other.clone()),
    }
    call_function(function, arguments)
}

/// The schema of a text that is a constant, as a constant.
fn constant_schema(
    text: &Expr,
    place: sqlparser::tokenizer::Span,
) -> Result<Expr, Box<Diagnostic>> {
    let known = match text {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => {
                schema_of_json(text)
            }
            _ => None,
        },
        _ => None,
    };
    known.map(|schema| text_value(&schema)).ok_or_else(|| {
        Box::new(
            error_at("schema_of_json takes a text constant that is JSON", place)
                .with_help("write schema_of_json('{\"a\": 1}'), or the schema itself: 'a INT'"),
        )
    })
}

/// The fields of `struct(a, t.b, 1)` with their names: columns have their own,
/// other values are `col3` by their position.
fn name_fields(values: Vec<Expr>) -> Vec<Expr> {
    let fields = values.into_iter().enumerate().flat_map(|(at, value)| {
        let numbered = || format!("col{}", at + 1);
        let (name, value) = match value {
            Expr::Named { expr, name } => (super::fold_case(&name), *expr),
            Expr::Identifier(column) => (super::fold_case(&column), Expr::Identifier(column)),
            Expr::CompoundIdentifier(parts) => (
                parts.last().map_or_else(numbered, super::fold_case),
                Expr::CompoundIdentifier(parts),
            ),
            value => (numbered(), value),
        };
        [text_value(&name), value]
    });
    fields.collect()
}

/// Reports what is wrong with a pattern that is a constant, with its place; other
/// patterns are checked when they are used.
fn check_constant_pattern(name: &str, arguments: &[Expr]) -> Result<(), Box<Diagnostic>> {
    let position = usize::from(!matches!(name, "format_string" | "printf"));
    let Some(Expr::Value(value)) = arguments.get(position) else {
        return Ok(());
    };
    let (Value::SingleQuotedString(pattern) | Value::DoubleQuotedString(pattern)) = &value.value
    else {
        return Ok(());
    };
    let (checked, help) = match name {
        "date_format" | "from_unixtime" => (
            check_format_pattern(pattern),
            "write one such as 'yyyy-MM-dd HH:mm:ss'",
        ),
        "to_date" | "try_to_date" | "to_timestamp" | "try_to_timestamp" | "to_timestamp_ntz"
        | "to_timestamp_ltz" | "unix_timestamp" | "to_unix_timestamp" => (
            check_parse_pattern(pattern),
            "write one such as 'yyyy-MM-dd HH:mm:ss'",
        ),
        "regexp_like" | "rlike" | "regexp" | "regexp_extract" | "regexp_extract_all"
        | "regexp_replace" | "regexp_count" | "regexp_substr" | "regexp_instr" | "split" => (
            check_regular_expression(pattern),
            "regular expressions are those of Java",
        ),
        "format_string" | "printf" => (
            check_conversions(pattern),
            "write %f with a number of digits, such as %.3f, or %e",
        ),
        _ => return Ok(()),
    };
    checked.map_err(|problem| Box::new(error_at(problem, value.span).with_help(help)))
}

/// `window_time(window)`: the last microsecond of a window.
fn last_instant(window: Expr) -> Expr {
    let field = Value::SingleQuotedString("end".to_owned()).into();
    let end = Expr::CompoundFieldAccess {
        root: Box::new(window),
        access_chain: vec![AccessExpr::Subscript(Subscript::Index {
            index: Expr::Value(field),
        })],
    };
    let text = Value::SingleQuotedString("1 microsecond".to_owned()).into();
    let instant = Expr::Interval(Interval {
        value: Box::new(Expr::Value(text)),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    });
    Expr::BinaryOp {
        left: Box::new(end),
        op: BinaryOperator::Minus,
        right: Box::new(instant),
    }
}

/// `decode(value, search, result, …, default)`.
fn decode_case(value: &Expr, rest: &[Expr]) -> Expr {
    let pairs = rest.chunks_exact(2);
    let default = pairs.remainder().first().cloned();
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: pairs
            .filter_map(|pair| match pair {
                [search, result] => Some(CaseWhen {
                    // NULL is found by NULL.
                    condition: Expr::IsNotDistinctFrom(
                        Box::new(value.clone()),
                        Box::new(search.clone()),
                    ),
                    result: result.clone(),
                }),
                _ => None,
            })
            .collect(),
        else_result: default.map(Box::new),
    }
}

fn is_unit(ident: &Ident) -> bool {
    ident.quote_style.is_none() && UNITS.contains(&ident.value.to_uppercase().as_str())
}

fn text(ident: &Ident) -> Expr {
    Expr::Value(Value::SingleQuotedString(ident.value.to_uppercase()).with_span(ident.span))
}

fn plain_name(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [part] => part
            .as_ident()
            .filter(|ident| ident.quote_style.is_none())
            .map(|ident| ident.value.to_lowercase()),
        _ => None,
    }
}

/// The arguments, if all are unnamed expressions and there is nothing else.
fn arguments_of(function: &Function) -> Option<Vec<Expr>> {
    let plain = function.filter.is_none()
        && function.over.is_none()
        && function.null_treatment.is_none()
        && function.within_group.is_empty();
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    if !plain || list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    list.args
        .iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::PostgreSqlDialect;
    use sqlparser::parser::Parser;

    use super::*;

    fn rewritten(text: &str) -> Result<String, String> {
        let mut parser = Parser::new(&PostgreSqlDialect {})
            .try_with_sql(text)
            .unwrap();
        let mut expr = parser.parse_expr().unwrap();
        rewrite_special_form(&mut expr).map_err(|problem| problem.message)?;
        Ok(expr.to_string())
    }

    #[test]
    fn operators_of_regular_expressions_are_calls() {
        for (text, call) in [
            ("s ~ '^u(?=s)'", "regexp_like(s, '^u(?=s)')"),
            ("s !~ 'a'", "NOT regexp_like(s, 'a')"),
            ("a || b", "concat(a, b)"),
            ("position('a' IN s)", "locate('a', s)"),
            ("map(a, b)", "spark_map(a, b)"),
        ] {
            assert_eq!(rewritten(text).as_deref(), Ok(call));
        }
        assert!(rewritten("s ~ '('").is_err());
    }
}
