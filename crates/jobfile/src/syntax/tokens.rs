//! Splits the text of a job file into tokens and statements, and limits their
//! depth.

use std::ops::Range;

use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace, Word};

use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::span::{Position, Span};
use crate::syntax::dialect::SluiceDialect;
use crate::syntax::source_text::SourceText;
use crate::syntax::string_literals::normalize_strings;

/// The most tokens that one expression may chain (`a OR b OR c …`) before a
/// comma or clause. Each operator is a level of the syntax tree, and trees
/// are traversed and dropped recursively.
const MAX_CHAINED_TOKENS: usize = 1000;
/// The most `UNION`, `EXCEPT` and `INTERSECT` that one query may chain.
const MAX_SET_OPERATIONS: usize = 64;
/// The most parentheses that may open at once after FROM or JOIN. sqlparser
/// tries each first as a subquery and then as a join, so the attempts multiply
/// with every level.
const MAX_FROM_PARENS: usize = 8;

/// The tokens of a file and which of them make up each statement.
#[derive(Debug)]
pub(crate) struct TokenizedFile {
    /// All tokens with their spans, including whitespace and comments.
    pub(crate) tokens: Vec<TokenWithSpan>,
    /// The token ranges of the statements, without semicolons; none is empty.
    pub(crate) statements: Vec<Range<usize>>,
    /// The last token is not terminated, so the statements after it are unknown.
    pub(crate) truncated: bool,
}

pub(crate) fn span_of(token: &TokenWithSpan) -> Span {
    Span::of_node(token.span)
}

pub(crate) fn is_whitespace(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_))
}

/// Splits the file into statements. Errors are added to `diagnostics`.
pub(crate) fn tokenize_statements(
    source: &SourceText,
    diagnostics: &mut Diagnostics,
) -> TokenizedFile {
    let mut tokens = Vec::new();
    let failed = Tokenizer::new(&SluiceDialect::new(0), source.text())
        .with_unescape(false)
        .tokenize_with_location_into_buf(&mut tokens)
        .err();
    normalize_strings(&mut tokens);
    let truncated = failed.is_some();
    if let Some(error) = failed {
        let start = tokens
            .last()
            .map_or(Position::new(1, 1), |last| span_of(last).end);
        diagnostics.push(bad_token_error(source, start, &error.message));
    }
    let mut statements = split_statements(&tokens, diagnostics);
    if truncated {
        // The statement with the bad token would only cause misleading errors.
        let complete = tokens
            .iter()
            .rposition(|t| t.token == Token::SemiColon)
            .map_or(0, |i| i + 1);
        statements.retain(|range| range.end <= complete);
    }
    statements.retain(|range| match find_too_deep(&tokens[range.clone()]) {
        None => true,
        Some(problem) => {
            diagnostics.push(problem);
            false
        }
    });
    TokenizedFile {
        tokens,
        statements,
        truncated,
    }
}

fn bad_token_error(source: &SourceText, start: Position, message: &str) -> Diagnostic {
    let rest = source.text_of(Span::new(start, source.end_position()));
    let opening = Span::new(start, Position::new(start.line, start.column + 1));
    let unterminated = |what: &str, close: &str| {
        Diagnostic::error(codes::BAD_TOKEN, format!("this {what} never ends"))
            .with_span(opening)
            .with_label("it begins here")
            .with_help(format!("close it with {close}"))
    };
    if rest.starts_with("/*") {
        let mut diagnostic = unterminated("comment", "`*/`");
        diagnostic.span = Some(Span::new(
            start,
            Position::new(start.line, start.column + 2),
        ));
        diagnostic.with_note("comments nest: each `/*` needs its own `*/`")
    } else if rest.starts_with('\'') {
        unterminated("string", "`'`")
            .with_note("a quote inside a string is written twice or after a backslash: 'it''s'")
    } else if rest.starts_with('"') {
        unterminated("string", "`\"`").with_note("names are quoted with backquotes")
    } else if rest.starts_with('`') {
        unterminated("quoted name", "a backquote")
    } else {
        let mut message = message.to_owned();
        if let Some(first) = message.get_mut(0..1) {
            first.make_ascii_lowercase();
        }
        Diagnostic::error(codes::BAD_TOKEN, message).with_span(opening)
    }
}

fn split_statements(tokens: &[TokenWithSpan], diagnostics: &mut Diagnostics) -> Vec<Range<usize>> {
    let mut statements = Vec::new();
    let mut start = 0;
    let mut first: Option<usize> = None;
    let mut previous: Option<usize> = None;
    for (i, token) in tokens.iter().enumerate() {
        if is_whitespace(token) {
            continue;
        }
        if token.token == Token::SemiColon {
            if first.is_some() {
                statements.push(start..i);
            }
            (start, first, previous) = (i + 1, None, None);
            continue;
        }
        if let (Some(first_index), Some(previous_index)) = (first, previous)
            && span_of(&tokens[previous_index]).end.line < span_of(token).start.line
            && begins_statement(tokens, first_index, i)
        {
            let here = span_of(&tokens[previous_index]).end;
            diagnostics.push(
                Diagnostic::error(
                    codes::MISSING_SEMICOLON,
                    format!("missing `;` before `{}`", token.token),
                )
                .with_span(Span::empty_at(here))
                .with_label("expected `;` here"),
            );
            statements.push(start..i);
            (start, first) = (i, Some(i));
        }
        first = first.or(Some(i));
        previous = Some(i);
    }
    if first.is_some() {
        statements.push(start..tokens.len());
    }
    statements
}

/// Whether the word at `i`, the first of its line, can only begin a statement.
fn begins_statement(tokens: &[TokenWithSpan], first: usize, i: usize) -> bool {
    let mut next = tokens[i + 1..].iter().filter(|t| !is_whitespace(t));
    let (a, b) = (next.next(), next.next());
    let is = |token: Option<&TokenWithSpan>, words: &[&str]| {
        token
            .and_then(|t| plain_word(&t.token))
            .is_some_and(|w| words.iter().any(|x| x.eq_ignore_ascii_case(w)))
    };
    let here = Some(&tokens[i]);
    if is(here, &["CREATE"]) {
        const AFTER: &[&str] = &[
            "OR",
            "EXTERNAL",
            "TEMPORARY",
            "TEMP",
            "MATERIALIZED",
            "VIEW",
            "TABLE",
            "STREAMING",
        ];
        return is(a, AFTER);
    }
    if is(here, &["DECLARE"]) {
        return a.is_some_and(|t| plain_word(&t.token).is_some());
    }
    if is(here, &["SET"]) {
        let assigns = b.is_some_and(|t| matches!(t.token, Token::Period | Token::Eq));
        return assigns && !is(tokens.get(first), &["MERGE", "UPDATE", "ALTER"]);
    }
    false
}

/// An unquoted word.
pub(crate) fn plain_word(token: &Token) -> Option<&str> {
    match token {
        Token::Word(Word {
            value,
            quote_style: None,
            ..
        }) => Some(value),
        _ => None,
    }
}

fn find_too_deep(tokens: &[TokenWithSpan]) -> Option<Diagnostic> {
    const BREAKS: &[&str] = &[
        "SELECT", "FROM", "WHERE", "GROUP", "HAVING", "QUALIFY", "ORDER", "LIMIT", "JOIN", "ON",
        "WHEN", "THEN", "ELSE",
    ];
    const SET_OPERATIONS: &[&str] = &["UNION", "EXCEPT", "INTERSECT", "MINUS"];
    // One counter per open parenthesis or CASE: tokens since the last break,
    // and set operations.
    let mut levels = vec![(0_usize, 0_usize)];
    // Parentheses since the last FROM or JOIN, if there was nothing else.
    let mut from_parens: Option<usize> = None;
    for token in tokens.iter().filter(|t| !is_whitespace(t)) {
        let word = plain_word(&token.token);
        let is =
            |words: &[&str]| word.is_some_and(|w| words.iter().any(|x| x.eq_ignore_ascii_case(w)));
        let opens = matches!(token.token, Token::LParen | Token::LBracket | Token::LBrace);
        let closes = matches!(token.token, Token::RParen | Token::RBracket | Token::RBrace);
        from_parens = match (&token.token, from_parens) {
            _ if is(&["FROM", "JOIN"]) => Some(0),
            (Token::LParen, Some(parens)) => Some(parens + 1),
            (Token::Comma, Some(_)) => Some(0),
            _ => None,
        };
        if (closes || is(&["END"])) && levels.len() > 1 {
            levels.pop();
        }
        if let Some((chain, set_operations)) = levels.last_mut() {
            *chain += 1;
            if token.token == Token::Comma || is(BREAKS) {
                *chain = 0;
            }
            if is(SET_OPERATIONS) {
                *chain = 0;
                *set_operations += 1;
            }
            let problem = if *chain > MAX_CHAINED_TOKENS {
                Some("this expression chains too many operators")
            } else if *set_operations > MAX_SET_OPERATIONS {
                Some("this query chains too many set operations")
            } else if from_parens > Some(MAX_FROM_PARENS) {
                Some("too many parentheses open at once here")
            } else {
                None
            };
            if let Some(problem) = problem {
                return Some(
                    Diagnostic::error(codes::TOO_DEEP, problem)
                        .with_span(span_of(token))
                        .with_help(
                            "use IN (…) for long lists of values, or split the query into views",
                        ),
                );
            }
        }
        if opens || is(&["CASE"]) {
            levels.push((0, 0));
        }
    }
    None
}

/// The comment that describes the statement in `range`: the one after it on its
/// last line, else the lines of `--` comments directly above it.
pub(crate) fn doc_comment(tokens: &[TokenWithSpan], range: &Range<usize>) -> Option<String> {
    let significant = |i: &usize| !is_whitespace(&tokens[*i]);
    let first = range.clone().find(significant)?;
    let last = range.clone().rev().find(significant)?;
    let last_line = span_of(&tokens[last]).end.line;
    for token in &tokens[last + 1..] {
        if span_of(token).start.line > last_line {
            break;
        }
        match &token.token {
            Token::SemiColon => {}
            Token::Whitespace(space) => {
                if let Some(text) = comment_text(space) {
                    return Some(text);
                }
            }
            _ => break,
        }
    }
    let mut line = span_of(&tokens[first]).start.line;
    let mut above = Vec::new();
    for (i, token) in tokens[..first].iter().enumerate().rev() {
        let start = span_of(token).start.line;
        match &token.token {
            Token::Whitespace(Whitespace::SingleLineComment { .. }) => {
                if start + 1 != line || shares_line(tokens, i, start) {
                    break;
                }
                if let Token::Whitespace(space) = &token.token {
                    above.extend(comment_text(space));
                }
                line = start;
            }
            Token::Whitespace(_) => {}
            _ => break,
        }
    }
    above.reverse();
    (!above.is_empty()).then(|| above.join(" "))
}

/// Whether a statement is on `line` before the comment at `i`; then the comment
/// describes that statement.
fn shares_line(tokens: &[TokenWithSpan], i: usize, line: u32) -> bool {
    tokens[..i]
        .iter()
        .rev()
        .take_while(|t| span_of(t).end.line >= line)
        .any(|t| !is_whitespace(t))
}

fn comment_text(space: &Whitespace) -> Option<String> {
    match space {
        Whitespace::SingleLineComment { comment, .. } => {
            let text = comment.trim().trim_start_matches('-').trim();
            (!text.is_empty()).then(|| text.to_owned())
        }
        _ => None,
    }
}
