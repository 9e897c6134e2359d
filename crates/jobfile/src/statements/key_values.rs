//! Lists of keys with values: `OPTIONS (…)` and `TBLPROPERTIES (…)`.

use sqlparser::tokenizer::Token;

use crate::diagnostics::{Diagnostic, codes};
use crate::span::Spanned;
use crate::statements::parse_context::ParseContext;
use crate::syntax::token_cursor::{ParseResult, TokenCursor};
use crate::values::interpolation;

/// `(key 'value', 'key' = 'value', key = value)`: all of Spark's spellings.
pub(crate) fn parse_key_values(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
    what: &str,
) -> ParseResult<Vec<(Spanned<String>, Spanned<String>)>> {
    cursor.expect_token(&Token::LParen)?;
    let mut pairs: Vec<(Spanned<String>, Spanned<String>)> = Vec::new();
    loop {
        let key = if matches!(cursor.peek(), Some(Token::SingleQuotedString(_))) {
            let mut key = cursor.parse_string(what)?;
            key.value = key.value.trim().to_owned();
            key
        } else {
            cursor.parse_dotted_key(what)?
        };
        cursor.eat_token(&Token::Eq);
        let value = parse_value(cursor, &key.value)?;
        context.record_string(&value);
        if let Some((first, _)) = pairs
            .iter()
            .find(|(k, _)| k.value.eq_ignore_ascii_case(&key.value))
        {
            let line = first.span.start.line;
            context.diagnostics.push(
                Diagnostic::error(
                    codes::REPEATED_KEY,
                    format!("`{}` is given twice", key.value),
                )
                .with_span(key.span)
                .with_label(format!("first given on line {line}")),
            );
        }
        pairs.push((key, value));
        if cursor.eat_token(&Token::RParen) {
            return Ok(pairs);
        }
        if !cursor.eat_token(&Token::Comma) {
            return Err(cursor.expected_error("`,` or `)`"));
        }
    }
}

/// A string, number or word.
pub(crate) fn parse_value(cursor: &mut TokenCursor<'_>, key: &str) -> ParseResult<Spanned<String>> {
    let span = cursor.next_span();
    let text = match cursor.peek() {
        Some(Token::SingleQuotedString(text)) => text.clone(),
        Some(Token::Number(digits, _)) => {
            // `128MB` is a number and a word to SQL.
            cursor.advance();
            let mut text = digits.clone();
            let mut span = span;
            if let Some(Token::Word(unit)) = cursor.peek()
                && cursor.next_span().start == span.end
            {
                text.push_str(&unit.value);
                span = span.to(cursor.next_span());
                cursor.advance();
            }
            return Ok(Spanned::new(text, span));
        }
        Some(Token::Word(word)) if word.quote_style.is_none() => word.value.clone(),
        _ => return Err(cursor.expected_error(&format!("a value for `{key}`"))),
    };
    cursor.advance();
    Ok(Spanned::new(text, span))
}

/// When values are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckPhase {
    /// Parameters are unknown: values with `${…}` are not checked yet.
    BeforeBinding,
    /// All values are known.
    AfterBinding,
}

impl CheckPhase {
    pub(crate) fn must_defer(self, text: &str) -> bool {
        self == Self::BeforeBinding && interpolation::has_variables(text)
    }
}
