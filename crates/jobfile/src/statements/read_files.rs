//! Files in FROM, sources without a statement of their own:
//! `read_files('path', format => 'json', schema => 'id BIGINT, …', …)`, as Databricks has
//! it, and Spark's ``json.`path` ``.
//!
//! Each of them becomes a source with a name that no file can declare, and the query reads
//! that name.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::job::{Column, Format};
use crate::span::{Span, Spanned};
use crate::statements::columns;
use crate::statements::inference::Defaults;
use crate::statements::key_values;
use crate::statements::parse_context::ParseContext;
use crate::statements::source::{self, SourceParts};
use crate::syntax::source_text::SourceText;
use crate::syntax::token_cursor::{Name, ParseResult, TokenCursor};
use crate::syntax::tokens::{self, is_whitespace, plain_word, span_of};

/// Before the number of a call in the name of its source.
pub(crate) const NAME_PREFIX: &str = "read_files ";

const EXAMPLE: &str = "read_files('folder', format => 'json', schema => 'id BIGINT, name STRING')";

/// The tokens of a query with each call of `read_files`, and each path after the name of a
/// format, replaced by the name of its source.
pub(crate) fn replace_calls(
    context: &mut ParseContext<'_>,
    tokens: &[TokenWithSpan],
) -> Vec<TokenWithSpan> {
    let mut replaced: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if let Some((open, close)) = find_call(tokens, at) {
            replaced.push(parse_call(context, tokens, (at, open, close)));
            at = close + 1;
        } else if let Some((format, path)) = find_path(tokens, at, &replaced) {
            replaced.push(add_path(context, (token, &tokens[path]), format));
            at = path + 1;
        } else {
            replaced.push(token.clone());
            at += 1;
        }
    }
    replaced
}

/// The format of ``format.`path` `` at this token, and the index of the path, where a
/// relation is expected after the tokens `before`.
fn find_path(
    tokens: &[TokenWithSpan],
    at: usize,
    before: &[TokenWithSpan],
) -> Option<(Format, usize)> {
    let word = plain_word(&tokens.get(at)?.token)?;
    let format = source::format_named(word)?;
    let path = match (&tokens.get(at + 1)?.token, &tokens.get(at + 2)?.token) {
        (Token::Period, Token::Word(word)) if word.quote_style == Some('`') => at + 2,
        _ => return None,
    };
    let mut before = before.iter().rev().filter(|token| !is_whitespace(token));
    let mut last = before.next()?;
    if last.token == Token::LParen {
        last = before.next()?;
        return is_word(last, &["STREAM"]).then_some((format, path));
    }
    is_word(last, &["FROM", "JOIN", "STREAM", "TABLE"]).then_some((format, path))
}

fn is_word(token: &TokenWithSpan, words: &[&str]) -> bool {
    let word = plain_word(&token.token);
    word.is_some_and(|word| words.iter().any(|of| of.eq_ignore_ascii_case(word)))
}

/// Adds the source of a path, and gives the name that stands for it.
fn add_path(
    context: &mut ParseContext<'_>,
    (start, path): (&TokenWithSpan, &TokenWithSpan),
    format: Format,
) -> TokenWithSpan {
    let span = span_of(start).to(span_of(path));
    let location = match &path.token {
        Token::Word(word) => word.value.clone(),
        _ => String::new(),
    };
    let name = next_name(context, span);
    let named = name_token(&name);
    source::push_source(
        context,
        SourceParts {
            name,
            columns: None,
            defaults: Defaults::Spark,
            format,
            location: Spanned::new(location, span_of(path)),
            options: Vec::new(),
            comment: None,
        },
    );
    named
}

/// The name of the next source that has no statement.
fn next_name(context: &mut ParseContext<'_>, span: Span) -> Name {
    let calls = context.declared_names.iter();
    let number = calls.filter(|name| name.starts_with(NAME_PREFIX)).count() + 1;
    let name = format!("{NAME_PREFIX}{number}");
    context.declared_names.insert(name.clone());
    Name {
        value: name.clone(),
        written: name,
        span,
    }
}

fn name_token(name: &Name) -> TokenWithSpan {
    let word = Token::Word(Word {
        value: name.value.clone(),
        quote_style: Some('`'),
        keyword: Keyword::NoKeyword,
    });
    TokenWithSpan::new(word, name.span.to_sqlparser())
}

/// The parentheses of a call of `read_files` that begins at this token.
fn find_call(tokens: &[TokenWithSpan], at: usize) -> Option<(usize, usize)> {
    let word = plain_word(&tokens.get(at)?.token)?;
    if !word.eq_ignore_ascii_case("read_files") {
        return None;
    }
    let open = (at + 1..tokens.len()).find(|i| !is_whitespace(&tokens[*i]))?;
    if tokens[open].token != Token::LParen {
        return None;
    }
    let mut depth = 0_usize;
    for (close, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 1 => return Some((open, close)),
            Token::RParen => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Adds the source of a call, and gives the name that stands for it.
fn parse_call(
    context: &mut ParseContext<'_>,
    tokens: &[TokenWithSpan],
    (start, open, close): (usize, usize, usize),
) -> TokenWithSpan {
    let span = span_of(&tokens[start]).to(span_of(&tokens[close]));
    let mut cursor = TokenCursor::new(tokens, &(open + 1..close));
    let name = next_name(context, span);
    let named = name_token(&name);
    if let Err(problem) = parse_arguments(context, &mut cursor, name) {
        context.diagnostics.push(*problem);
    }
    named
}

fn parse_arguments(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
    name: Name,
) -> ParseResult<()> {
    if cursor.at_end() {
        return Err(missing_argument("path", name.span));
    }
    let location = cursor.parse_string("the path in single quotes")?;
    let mut format: Option<Format> = None;
    let mut columns: Option<Vec<Column>> = None;
    let mut options: Vec<(Spanned<String>, Spanned<String>)> = Vec::new();
    while cursor.eat_token(&Token::Comma) {
        let key = cursor.parse_name("the name of an option")?;
        if !cursor.eat_token(&Token::RArrow) {
            return Err(cursor.expected_error("`=>` and a value"));
        }
        let value = key_values::parse_value(cursor, &key.value)?;
        match key.value.as_str() {
            "format" => {
                format = Some(source::parse_format(&Name {
                    value: value.value.to_lowercase(),
                    written: value.value,
                    span: value.span,
                })?);
            }
            "schema" => columns = Some(parse_schema(&value, &mut context.diagnostics)?),
            _ => {
                context.record_string(&value);
                options.push((Spanned::new(key.written, key.span), value));
            }
        }
    }
    if !cursor.at_end() {
        return Err(cursor.expected_error("`,` or `)`"));
    }
    let Some(format) = format else {
        return Err(missing_argument("format", name.span));
    };
    source::push_source(
        context,
        SourceParts {
            name,
            columns,
            defaults: Defaults::Databricks,
            format,
            location,
            options,
            comment: None,
        },
    );
    Ok(())
}

fn missing_argument(what: &str, span: Span) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(codes::MISSING_CLAUSE, format!("read_files has no {what}"))
            .with_span(span)
            .with_help(format!("write {EXAMPLE}")),
    )
}

/// The columns in a text such as `id BIGINT, tags ARRAY<STRING>`. Their spans, and those
/// of errors, are the text's.
pub(crate) fn parse_schema(
    schema: &Spanned<String>,
    diagnostics: &mut Diagnostics,
) -> ParseResult<Vec<Column>> {
    let at_schema = |mut problem: Box<Diagnostic>| {
        problem.span = Some(schema.span);
        problem
    };
    let source = SourceText::new(&schema.value).map_err(at_schema)?;
    let mut found = Diagnostics::new();
    let tokenized = tokens::tokenize_statements(&source, &mut found);
    let mut columns: Vec<Column> = Vec::new();
    let mut context = ParseContext::new(&source, &tokenized.tokens);
    context.diagnostics = found;
    for range in tokenized.statements.iter().take(1) {
        let mut cursor = TokenCursor::new(&tokenized.tokens, range);
        loop {
            let column = columns::parse_column(&mut context, &mut cursor, &columns, "a source");
            columns.push(column.map_err(at_schema)?);
            if cursor.at_end() {
                break;
            }
            if !cursor.eat_token(&Token::Comma) {
                return Err(at_schema(cursor.expected_error("`,`")));
            }
        }
    }
    let problems = context.diagnostics.into_iter();
    diagnostics.extend(problems.map(|mut problem| {
        problem.span = Some(schema.span);
        problem
    }));
    for column in &mut columns {
        column.span = schema.span;
    }
    if columns.is_empty() {
        return Err(Box::new(
            Diagnostic::error(codes::MISSING_CLAUSE, "the schema has no columns")
                .with_span(schema.span)
                .with_help(format!("write {EXAMPLE}")),
        ));
    }
    Ok(columns)
}
