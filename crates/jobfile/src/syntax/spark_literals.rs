//! Number and interval literals of Spark that sqlparser does not read.

use sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, Interval, TrimWhereField, Value, ValueWithSpan,
};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Word};

/// What an expression that begins here is, if it is one of these literals.
pub(super) fn parse_spark_literal(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let [first, second] = parser.peek_tokens_ref::<2>();
    match (&first.token, &second.token) {
        (Token::Number(..), Token::Word(_)) | (Token::Minus, Token::Number(..)) => {
            parse_typed_number(parser)
        }
        (Token::Word(word), _) if is_word(word, "INTERVAL") => parse_interval(parser),
        (Token::Word(word), Token::SingleQuotedString(text))
            if is_word(word, "X") && text.bytes().all(|b| b.is_ascii_hexdigit()) =>
        {
            // With a blank before the quote; without one it is a token of its own.
            let value = Value::HexStringLiteral(text.clone());
            let span = Span::new(first.span.start, second.span.end);
            parser.advance_token();
            parser.advance_token();
            Some(Ok(Expr::Value(value.with_span(span))))
        }
        (Token::Word(word), Token::LParen) if is_word(word, "TRIM") => parse_trim(parser),
        _ => None,
    }
}

fn is_word(word: &Word, name: &str) -> bool {
    word.quote_style.is_none() && word.value.eq_ignore_ascii_case(name)
}

/// `2.5D`, `2.5F`, `2S`, `2Y`, `2.5BD`, with a minus before.
fn parse_typed_number(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let [first, second, third] = parser.peek_tokens_ref::<3>();
    let (minus, number, suffix) = match first.token {
        Token::Minus => ("-", second, third),
        _ => ("", first, second),
    };
    let (Token::Number(digits, false), Token::Word(word)) = (&number.token, &suffix.token) else {
        return None;
    };
    if number.span.end != suffix.span.start || word.quote_style.is_some() {
        return None;
    }
    let data_type = match word.value.to_ascii_uppercase().as_str() {
        "D" => DataType::Double(ExactNumberInfo::None),
        "F" => DataType::Float(ExactNumberInfo::None),
        "S" => DataType::SmallInt(None),
        "Y" => DataType::TinyInt(None),
        "BD" => DataType::Decimal(decimal_of(digits)),
        _ => {
            // Two words without a space between them would be a number and its
            // alias.
            return Some(Err(error_at(
                format!("`{digits}{}` is neither a number nor a name", word.value),
                number,
            )));
        }
    };
    let value = Value::SingleQuotedString(format!("{minus}{digits}"));
    let span = Span::new(first.span.start, suffix.span.end);
    for _ in 0..if minus.is_empty() { 2 } else { 3 } {
        parser.advance_token();
    }
    Some(Ok(Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::Value(value.with_span(span))),
        data_type,
        array: false,
        format: None,
    }))
}

/// `trim(BOTH FROM text)`: of blanks.
fn parse_trim(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let [_, _, side, from] = parser.peek_tokens_ref::<4>();
    let (Token::Word(side), Token::Word(from)) = (&side.token, &from.token) else {
        return None;
    };
    let trim_where = [
        ("BOTH", TrimWhereField::Both),
        ("LEADING", TrimWhereField::Leading),
        ("TRAILING", TrimWhereField::Trailing),
    ]
    .into_iter()
    .find_map(|(name, field)| is_word(side, name).then_some(field));
    if trim_where.is_none() || !is_word(from, "FROM") {
        return None;
    }
    for _ in 0..4 {
        parser.advance_token();
    }
    let text = parser.parse_expr();
    let end = parser.expect_token(&Token::RParen);
    Some(text.and_then(|text| {
        end.map(|_| Expr::Trim {
            expr: Box::new(text),
            trim_where,
            trim_what: None,
            trim_characters: None,
        })
    }))
}

/// The narrowest decimal type of a number that is written as `digits`.
fn decimal_of(digits: &str) -> ExactNumberInfo {
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let count = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let scale = (count(fraction) - exponent).max(0);
    let significant = format!("{whole}{fraction}");
    let significant = count(significant.trim_start_matches('0'));
    let zeros = (exponent - count(fraction)).max(0);
    let precision = significant.saturating_add(zeros).max(scale).max(1);
    ExactNumberInfo::PrecisionAndScale(u64::try_from(precision).unwrap_or(1), scale)
}

fn error_at(message: String, token: &TokenWithSpan) -> ParserError {
    ParserError::ParserError(format!("{message}{}", token.span.start))
}

/// Units of intervals; each is also written with an S.
const UNITS: &[&str] = &[
    "YEAR",
    "MONTH",
    "WEEK",
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "MILLISECOND",
    "MICROSECOND",
];

fn unit_of(token: &Token) -> Option<usize> {
    let Token::Word(word) = token else {
        return None;
    };
    UNITS.iter().position(|unit| {
        is_word(word, unit)
            || word
                .value
                .strip_suffix(['s', 'S'])
                .is_some_and(|singular| singular.eq_ignore_ascii_case(unit))
    })
}

/// `INTERVAL 1 YEAR 2 MONTHS`, `INTERVAL '1-2' YEAR TO MONTH` and the like, as an
/// interval of one string. `INTERVAL '1 day'` is left to sqlparser.
fn parse_interval(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let mut text = String::new();
    let mut at = 1;
    let mut end;
    loop {
        let mut minus = "";
        if parser.peek_nth_token_ref(at).token == Token::Minus {
            minus = "-";
            at += 1;
        }
        let value = match &parser.peek_nth_token_ref(at).token {
            Token::Number(digits, false) => format!("{minus}{digits}"),
            Token::SingleQuotedString(text) => negate(minus, text.trim()),
            _ => return None,
        };
        let unit = unit_of(&parser.peek_nth_token_ref(at + 1).token)?;
        end = parser.peek_nth_token_ref(at + 1).span.end;
        at += 2;
        let to = match &parser.peek_nth_token_ref(at).token {
            Token::Word(word) if is_word(word, "TO") => {
                unit_of(&parser.peek_nth_token_ref(at + 1).token)
            }
            _ => None,
        };
        if let Some(last) = to {
            end = parser.peek_nth_token_ref(at + 1).span.end;
            at += 2;
            let Some(fields) = split_fields(&value, unit, last) else {
                return Some(Err(error_at(
                    format!(
                        "'{value}' is not an interval of {} TO {}",
                        UNITS[unit], UNITS[last]
                    ),
                    parser.peek_token_ref(),
                )));
            };
            text = fields;
            break;
        }
        if value.parse::<f64>().is_err() {
            return None;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&value);
        text.push(' ');
        text.push_str(UNITS[unit]);
        let next = &parser.peek_nth_token_ref(at).token;
        let after = &parser.peek_nth_token_ref(at + 1).token;
        let continues = matches!(next, Token::Number(..) | Token::SingleQuotedString(_))
            && unit_of(after).is_some();
        if !continues {
            break;
        }
    }
    let start = parser.peek_token_ref().span.start;
    for _ in 0..at {
        parser.advance_token();
    }
    Some(Ok(Expr::Interval(Interval {
        value: Box::new(Expr::Value(ValueWithSpan {
            value: Value::SingleQuotedString(text),
            span: Span::new(start, end),
        })),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    })))
}

fn negate(minus: &str, text: &str) -> String {
    match (minus, text.strip_prefix('-')) {
        ("", _) => text.to_owned(),
        (_, Some(positive)) => positive.to_owned(),
        (_, None) => format!("-{text}"),
    }
}

/// `1-2` of YEAR TO MONTH as `1 YEAR 2 MONTH`, `1 10:30` of DAY TO MINUTE as `1
/// DAY 10 HOUR 30 MINUTE`.
fn split_fields(value: &str, first: usize, last: usize) -> Option<String> {
    const YEAR: usize = 0;
    const MONTH: usize = 1;
    const DAY: usize = 3;
    const SECOND: usize = 6;
    let (sign, value) = match value.strip_prefix(['-', '+']) {
        Some(rest) if value.starts_with('-') => ("-", rest),
        Some(rest) => ("", rest),
        None => ("", value),
    };
    let allowed =
        (first, last) == (YEAR, MONTH) || (DAY <= first && first < last && last <= SECOND);
    if !allowed {
        return None;
    }
    let parts: Vec<&str> = if first == YEAR {
        value.split('-').collect()
    } else {
        value.split([' ', ':']).collect()
    };
    let units = UNITS.get(first..=last)?;
    if parts.len() != units.len() {
        return None;
    }
    let mut text = String::new();
    for (part, unit) in parts.iter().zip(units) {
        let digits = part.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if part.is_empty() || !digits || (part.contains('.') && *unit != "SECOND") {
            return None;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(sign);
        text.push_str(part);
        text.push(' ');
        text.push_str(unit);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use sqlparser::ast::ExactNumberInfo;

    use super::{decimal_of, split_fields};

    #[test]
    fn decimals_have_the_digits_that_are_written() {
        let cases = [
            ("2.5", 2, 1),
            ("10", 2, 0),
            ("0.05", 2, 2),
            ("100.00", 5, 2),
            ("1e3", 4, 0),
            ("1.25e1", 3, 1),
            ("0", 1, 0),
        ];
        for (digits, precision, scale) in cases {
            assert_eq!(
                decimal_of(digits),
                ExactNumberInfo::PrecisionAndScale(precision, scale),
                "{digits}"
            );
        }
    }

    #[test]
    fn intervals_of_two_units_are_split() {
        let cases = [
            ("1-2", 0, 1, Some("1 YEAR 2 MONTH")),
            ("-1-2", 0, 1, Some("-1 YEAR -2 MONTH")),
            ("1 10:30", 3, 5, Some("1 DAY 10 HOUR 30 MINUTE")),
            ("10:30:01.5", 4, 6, Some("10 HOUR 30 MINUTE 01.5 SECOND")),
            ("1", 0, 1, None),
            ("1 2", 1, 3, None),
            ("a-b", 0, 1, None),
        ];
        for (value, first, last, fields) in cases {
            assert_eq!(
                split_fields(value, first, last).as_deref(),
                fields,
                "{value}"
            );
        }
    }
}
