//! Parses queries with sqlparser, and converts its errors.

use sluice_values::did_you_mean;
use sqlparser::ast::Query;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::diagnostics::{Diagnostic, codes};
use crate::span::{Position, Span};
use crate::statements::parse_context::ParseContext;
use crate::statements::read_files;
use crate::syntax::dialect::SluiceDialect;
use crate::syntax::parser_limits::{RECURSION_LIMIT, with_parser_stack};
use crate::syntax::spark_rewriter::SparkSyntaxRewriter;
use crate::syntax::spark_tokens::respell_tokens;
use crate::syntax::streams;
use crate::syntax::token_cursor::{self, ParseResult, TokenCursor};
use crate::syntax::tokens::{is_whitespace, plain_word, span_of};
use crate::traversal::visit_nodes_mut;

/// Parses the rest of the statement as a query.
pub(crate) fn parse_query(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
) -> ParseResult<(Query, Span)> {
    let begins = ["SELECT", "WITH", "VALUES", "FROM", "TABLE"];
    if !begins.iter().any(|w| cursor.next_words_are(&[w])) && cursor.peek() != Some(&Token::LParen)
    {
        let mut error = cursor.expected_error("a query");
        if let Some(word) = cursor.peek().and_then(plain_word) {
            error.help = did_you_mean(&word.to_uppercase(), begins);
        }
        return Err(error);
    }
    let span = cursor.rest_span();
    let tokens = read_files::replace_calls(context, cursor.rest_tokens());
    let tokens = streams::mark_streams(&tokens, &mut context.diagnostics);
    let tokens = respell_tokens(tokens);
    let dialect = SluiceDialect::new(tokens.len());
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(RECURSION_LIMIT)
        .with_tokens_with_locations(tokens);
    let parsed = with_parser_stack(|| parser.parse_query()).and_then(|query| {
        let next = parser.peek_token_ref();
        match next.token {
            Token::EOF => Ok(query),
            _ => parser.expected_ref("the end of the query", next),
        }
    });
    match parsed {
        Ok(mut query) => {
            cursor.skip_to_end();
            let _ = visit_nodes_mut(&mut *query, &mut SparkSyntaxRewriter);
            streams::name_streams(&mut query);
            Ok((*query, span))
        }
        Err(error) => Err(syntax_error(&parser, error, cursor)),
    }
}

/// The error of sqlparser, reworded and with a span in the file.
pub(crate) fn syntax_error(
    parser: &Parser<'_>,
    error: ParserError,
    cursor: &TokenCursor<'_>,
) -> Box<Diagnostic> {
    let text = match error {
        ParserError::RecursionLimitExceeded => {
            let span = Span::from_sqlparser(parser.peek_token_ref().span);
            return Box::new(
                Diagnostic::error(codes::TOO_DEEP, "this query nests too deeply")
                    .with_span(span.unwrap_or_else(|| Span::empty_at(cursor.end_position())))
                    .with_help("split it into views"),
            );
        }
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
    };
    let (message, pos) = split_position(&text);
    let message = message
        .strip_prefix("sql parser error: ")
        .unwrap_or(message);
    let (tokens, end) = (cursor.rest_tokens(), cursor.end_position());
    let at_end = message.ends_with("found: EOF");
    let span = match pos {
        Some(pos) => token_span_at(tokens, pos, message),
        None if at_end => Span::empty_at(end),
        None => Span::from_sqlparser(parser.peek_token_ref().span).unwrap_or(Span::empty_at(end)),
    };
    let (message, label) = reword_message(message, tokens, span);
    let mut diagnostic = Diagnostic::error(codes::QUERY_SYNTAX, message).with_span(span);
    diagnostic.label = label;
    Box::new(diagnostic.with_optional_help(keyword_help(tokens, span)))
}

/// Splits ` at Line: 3, Column: 5` off the end of a message.
fn split_position(text: &str) -> (&str, Option<Position>) {
    let Some((message, position)) = text.rsplit_once(" at Line: ") else {
        return (text, None);
    };
    let pos = position
        .split_once(", Column: ")
        .and_then(|(line, column)| {
            Some(Position::new(
                line.parse().ok()?,
                column.trim().parse().ok()?,
            ))
        });
    (message, pos)
}

/// The whole token that begins at `pos`; the one before it when the message
/// names that one, as for `SELECT FROM t`.
fn token_span_at(tokens: &[TokenWithSpan], pos: Position, message: &str) -> Span {
    let mut before: Option<&TokenWithSpan> = None;
    for token in tokens.iter().filter(|t| !is_whitespace(t)) {
        let span = span_of(token);
        if span.start == pos {
            let names = |t: &TokenWithSpan| message.ends_with(&format!("found: {}", t.token));
            return match before {
                Some(before) if !names(token) && names(before) => span_of(before),
                _ => span,
            };
        }
        before = Some(token);
    }
    Span::new(pos, Position::new(pos.line, pos.column + 1))
}

fn reword_message(message: &str, tokens: &[TokenWithSpan], span: Span) -> (String, Option<String>) {
    let rest = message
        .strip_prefix("Expected: ")
        .or_else(|| message.strip_prefix("Expected "));
    if message.starts_with("No infix parser for token") {
        let found = tokens
            .iter()
            .find(|t| span_of(t) == span && !is_whitespace(t))
            .map_or_else(
                || "this".to_owned(),
                |t| token_cursor::describe_token(&t.token),
            );
        return (
            format!("{found} is not an operator that can be used here"),
            None,
        );
    }
    let Some(rest) = rest.filter(|rest| rest.contains(", found:")) else {
        let mut text = message.to_owned();
        if let Some(first) = text.get_mut(0..1) {
            first.make_ascii_lowercase();
        }
        return (text.trim_end_matches('.').to_owned(), None);
    };
    let what = rest.split_once(", found:").map_or(rest, |(what, _)| what);
    let what = if what.chars().any(char::is_alphanumeric) {
        what.to_owned()
    } else {
        format!("`{what}`")
    };
    let found = tokens
        .iter()
        .find(|t| span_of(t) == span && !is_whitespace(t))
        .map_or_else(
            || "the end of the statement".to_owned(),
            |t| token_cursor::describe_token(&t.token),
        );
    let label = format!("expected {what}");
    (format!("expected {what}, found {found}"), Some(label))
}

/// A word at or shortly before the error that looks like a mistyped keyword.
fn keyword_help(tokens: &[TokenWithSpan], span: Span) -> Option<String> {
    const KEYWORDS: &[&str] = &[
        "SELECT",
        "DISTINCT",
        "FROM",
        "WHERE",
        "GROUP",
        "HAVING",
        "QUALIFY",
        "ORDER",
        "LIMIT",
        "OFFSET",
        "JOIN",
        "INNER",
        "LEFT",
        "RIGHT",
        "OUTER",
        "CROSS",
        "UNION",
        "INTERSECT",
        "EXCEPT",
        "BETWEEN",
        "LIKE",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "PARTITION",
        "OVER",
    ];
    let words = tokens
        .iter()
        .filter(|t| !is_whitespace(t) && span_of(t).start <= span.start)
        .rev()
        .take(3)
        .filter_map(|t| plain_word(&t.token));
    for word in words {
        let upper = word.to_uppercase();
        if upper.chars().count() < 4 || KEYWORDS.contains(&upper.as_str()) {
            continue;
        }
        let near = KEYWORDS
            .iter()
            .find(|keyword| strsim::osa_distance(&upper, keyword) == 1);
        if let Some(keyword) = near {
            return Some(format!("`{word}`: did you mean `{keyword}`?"));
        }
    }
    None
}
