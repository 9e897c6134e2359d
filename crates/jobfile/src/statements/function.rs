//! `CREATE TEMPORARY FUNCTION name(parameters) RETURNS type RETURN body`.

use sqlparser::ast::{DataType, Expr, Ident};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::query::syntax_error;
use crate::diagnostics::{Diagnostic, codes};
use crate::job::function::{FunctionBody, Parameter, SqlFunction};
use crate::statements::parse_context::ParseContext;
use crate::syntax::dialect::SluiceDialect;
use crate::syntax::parser_limits::{RECURSION_LIMIT, with_parser_stack};
use crate::syntax::spark_rewriter::{SparkSyntaxRewriter, replace_spark_type};
use crate::syntax::spark_tokens::respell_tokens;
use crate::syntax::token_cursor::{ParseResult, TokenCursor};
use crate::traversal::visit_nodes_mut;

/// Parses what follows `FUNCTION`.
pub(crate) fn parse_function(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
) -> ParseResult<()> {
    cursor.eat_words(&["IF", "NOT", "EXISTS"]);
    let name = cursor.parse_name("a name for the function")?;
    if cursor.peek() == Some(&Token::Period) {
        return Err(cursor.qualified_name_error(&name));
    }
    let tokens = respell_tokens(cursor.rest_tokens().to_vec());
    let dialect = SluiceDialect::new(tokens.len());
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(RECURSION_LIMIT)
        .with_tokens_with_locations(tokens);
    let (parameters, body) = match with_parser_stack(|| parse_definition(&mut parser)) {
        Ok(definition) => definition,
        Err(error) => return Err(syntax_error(&parser, error, cursor)),
    };
    cursor.skip_to_end();
    if context.functions.iter().any(|f| f.name == name.value) {
        return Err(Box::new(
            Diagnostic::error(
                codes::DUPLICATE_RELATION,
                format!("the function `{}` is defined twice", name.written),
            )
            .with_span(name.span)
            .with_help("rename one of them"),
        ));
    }
    context.functions.push(SqlFunction {
        name: name.value,
        span: name.span,
        parameters,
        body,
    });
    Ok(())
}

fn parse_definition(
    parser: &mut Parser<'_>,
) -> Result<(Vec<Parameter>, FunctionBody), ParserError> {
    parser.expect_token(&Token::LParen)?;
    let mut parameters = Vec::new();
    if !parser.consume_token(&Token::RParen) {
        parameters = parser.parse_comma_separated(parse_parameter)?;
        parser.expect_token(&Token::RParen)?;
    }
    let mut returns = None;
    let mut columns = None;
    if eat_words(parser, &["RETURNS", "TABLE"]) {
        let mut named = Vec::new();
        if parser.consume_token(&Token::LParen) {
            named = parser.parse_comma_separated(parse_column)?;
            parser.expect_token(&Token::RParen)?;
        }
        columns = Some(named);
    } else if eat_words(parser, &["RETURNS"]) {
        returns = Some(parse_type(parser)?);
    }
    skip_characteristics(parser)?;
    parser.expect_keyword_is(Keyword::RETURN)?;
    let body = match columns {
        Some(columns) => {
            let mut query = parser.parse_query()?;
            let _ = visit_nodes_mut(&mut *query, &mut SparkSyntaxRewriter);
            FunctionBody::Rows { columns, query }
        }
        None => {
            let begins_query = ["SELECT", "WITH", "FROM", "VALUES"]
                .iter()
                .any(|word| next_words_are(parser, &[word]));
            let mut expr = if begins_query {
                Expr::Subquery(parser.parse_query()?)
            } else {
                parser.parse_expr()?
            };
            let _ = visit_nodes_mut(&mut expr, &mut SparkSyntaxRewriter);
            FunctionBody::Value {
                returns,
                expr: Box::new(expr),
            }
        }
    };
    match parser.peek_token_ref() {
        next if next.token == Token::EOF => Ok((parameters, body)),
        next => parser.expected_ref("the end of the function", next),
    }
}

fn parse_type(parser: &mut Parser<'_>) -> Result<DataType, ParserError> {
    let mut data_type = parser.parse_data_type()?;
    replace_spark_type(&mut data_type);
    Ok(data_type)
}

fn parse_column(parser: &mut Parser<'_>) -> Result<(Ident, DataType), ParserError> {
    let name = parser.parse_identifier()?;
    let data_type = parse_type(parser)?;
    if eat_words(parser, &["COMMENT"]) {
        parser.parse_literal_string()?;
    }
    Ok((name, data_type))
}

fn parse_parameter(parser: &mut Parser<'_>) -> Result<Parameter, ParserError> {
    let name = parser.parse_identifier()?;
    let ty = parse_type(parser)?;
    let mut default = None;
    if eat_words(parser, &["DEFAULT"]) {
        let mut value = parser.parse_expr()?;
        let _ = visit_nodes_mut(&mut value, &mut SparkSyntaxRewriter);
        default = Some(value);
    }
    if eat_words(parser, &["COMMENT"]) {
        parser.parse_literal_string()?;
    }
    Ok(Parameter { name, ty, default })
}

/// What does not change the result.
fn skip_characteristics(parser: &mut Parser<'_>) -> Result<(), ParserError> {
    const WORDS: &[&[&str]] = &[
        &["LANGUAGE", "SQL"],
        &["NOT", "DETERMINISTIC"],
        &["DETERMINISTIC"],
        &["CONTAINS", "SQL"],
        &["READS", "SQL", "DATA"],
        &["SQL", "SECURITY", "DEFINER"],
        &["SQL", "SECURITY", "INVOKER"],
    ];
    loop {
        if eat_words(parser, &["COMMENT"]) {
            parser.parse_literal_string()?;
        } else if !WORDS.iter().any(|words| eat_words(parser, words)) {
            return Ok(());
        }
    }
}

fn next_words_are(parser: &Parser<'_>, words: &[&str]) -> bool {
    words.iter().enumerate().all(|(at, word)| {
        matches!(
            &parser.peek_nth_token_ref(at).token,
            Token::Word(next) if next.quote_style.is_none() && next.value.eq_ignore_ascii_case(word)
        )
    })
}

fn eat_words(parser: &mut Parser<'_>, words: &[&str]) -> bool {
    let found = next_words_are(parser, words);
    if found {
        words.iter().for_each(|_| parser.advance_token());
    }
    found
}
