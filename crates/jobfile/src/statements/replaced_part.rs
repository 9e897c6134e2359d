//! `REPLACE WHERE condition`: the part of a table that a flow replaces.

use sqlparser::ast::{Expr, Ident, ObjectName, Query, SetExpr, TableFactor};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::flow::flow_error;
use super::query::syntax_error;
use crate::job::ReplacedPart;
use crate::syntax::dialect::SluiceDialect;
use crate::syntax::parser_limits::{RECURSION_LIMIT, with_parser_stack};
use crate::syntax::spark_rewriter::SparkSyntaxRewriter;
use crate::syntax::spark_tokens::respell_tokens;
use crate::syntax::token_cursor::{Name, ParseResult, TokenCursor};
use crate::syntax::tokens::{is_whitespace, plain_word};
use crate::traversal::visit_nodes_mut;

/// Parses `REPLACE WHERE condition`; `None` when another word comes next.
pub(super) fn parse_replaced_part(
    cursor: &mut TokenCursor<'_>,
    table: &Name,
) -> ParseResult<Option<ReplacedPart>> {
    let start = cursor.next_span();
    if !cursor.eat_words(&["REPLACE"]) {
        return Ok(None);
    }
    if cursor.next_words_are(&["USING"]) || cursor.next_words_are(&["ON"]) {
        return Err(flow_error(
            "flows that replace rows by their keys are not yet supported",
            start.to(cursor.next_span()),
            "name the rows that are replaced: REPLACE WHERE condition; or add all versions of a \
             row with INSERT INTO, and select the newest in a materialized view",
        ));
    }
    cursor.expect_words(&["WHERE"])?;
    let tokens = cursor.rest_tokens();
    let count = condition_length(tokens);
    let mut condition = TokenCursor::new(tokens, &(0..count));
    if condition.at_end() {
        return Err(cursor.expected_error("a condition"));
    }
    let span = condition.rest_span();
    let text = describe_tokens(condition.rest_tokens());
    let query = parse_condition(&mut condition, table)?;
    cursor.skip_tokens(count);
    Ok(Some(ReplacedPart {
        query,
        text,
        span,
        variables: Vec::new(),
    }))
}

/// How many tokens come before `BY NAME` or the flow's query.
fn condition_length(tokens: &[TokenWithSpan]) -> usize {
    let is = |at: usize, words: &[&str]| {
        let word = tokens.get(at).and_then(|token| plain_word(&token.token));
        word.is_some_and(|word| words.iter().any(|name| name.eq_ignore_ascii_case(word)))
    };
    let next = |at: usize| (at + 1..tokens.len()).find(|at| !is_whitespace(&tokens[*at]));
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ if is(at, &["SELECT", "WITH", "VALUES"]) => return at,
            _ if is(at, &["BY"]) && next(at).is_some_and(|next| is(next, &["NAME"])) => return at,
            _ => {}
        }
    }
    tokens.len()
}

/// The tokens on one line, without comments.
fn describe_tokens(tokens: &[TokenWithSpan]) -> String {
    let texts = tokens.iter().map(|token| match is_whitespace(token) {
        true => " ".to_owned(),
        false => token.token.to_string(),
    });
    let text: String = texts.collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn parse_condition(cursor: &mut TokenCursor<'_>, table: &Name) -> ParseResult<Query> {
    let tokens = respell_tokens(cursor.rest_tokens().to_vec());
    let dialect = SluiceDialect::new(tokens.len());
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(RECURSION_LIMIT)
        .with_tokens_with_locations(tokens);
    let parsed = with_parser_stack(|| parse_to_end(&mut parser)).and_then(|mut condition| {
        let _ = visit_nodes_mut(&mut condition, &mut SparkSyntaxRewriter);
        select_where(condition, table)
    });
    parsed.map_err(|error| syntax_error(&parser, error, cursor))
}

fn parse_to_end(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let condition = parser.parse_expr()?;
    let next = parser.peek_token_ref();
    match next.token {
        Token::EOF => Ok(condition),
        _ => parser.expected_ref("BY NAME and a query", next),
    }
}

/// `SELECT * FROM table WHERE condition`: a query has all that a condition needs.
fn select_where(condition: Expr, table: &Name) -> Result<Query, ParserError> {
    const TEXT: &str = "SELECT * FROM t WHERE true";
    let dialect = SluiceDialect::new(TEXT.len());
    let mut query = Parser::new(&dialect).try_with_sql(TEXT)?.parse_query()?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.selection = Some(condition);
        if let Some(from) = select.from.first_mut()
            && let TableFactor::Table { name, .. } = &mut from.relation
        {
            let mut ident = Ident::with_quote('`', &table.value);
            ident.span = table.span.to_sqlparser();
            *name = ObjectName::from(vec![ident]);
        }
    }
    Ok(*query)
}
