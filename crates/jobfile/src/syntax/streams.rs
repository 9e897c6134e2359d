//! `STREAM name`: what a relation has that was not taken before.
//!
//! A stream is a relation of its own, whose name is that of the relation after the
//! prefix [`STREAM_PREFIX`]. Names of relations have no spaces when they are not
//! quoted, and a file cannot declare one with this prefix, so the name is free.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Ident, ObjectName, ObjectNamePart, Query, TableAlias, TableFactor, VisitorMut,
};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::syntax::tokens::{is_whitespace, plain_word, span_of};
use crate::traversal::visit_nodes_mut;

/// Before the name of a relation that is read as a stream.
pub const STREAM_PREFIX: &str = "stream ";

/// The relation whose stream has this name; `None` for any other name.
pub fn stream_of(name: &str) -> Option<&str> {
    name.strip_prefix(STREAM_PREFIX)
}

/// Replaces `STREAM x` and `STREAM(x)` after FROM and JOIN by the name of the
/// stream. Other forms are reported, and the word is removed, so that the rest of
/// the query is checked too. So is the hint `WITH (SKIPCHANGECOMMITS)`, with a warning.
pub(crate) fn mark_streams(
    tokens: &[TokenWithSpan],
    diagnostics: &mut Diagnostics,
) -> Vec<TokenWithSpan> {
    let significant: Vec<usize> = (0..tokens.len())
        .filter(|i| !is_whitespace(&tokens[*i]))
        .collect();
    let is = |i: usize, words: &[&str]| {
        plain_word(&tokens[i].token)
            .is_some_and(|w| words.iter().any(|x| x.eq_ignore_ascii_case(w)))
    };
    let mut marked = tokens.to_vec();
    let mut removed = Vec::new();
    for (at, window) in significant.windows(3).enumerate() {
        let [before, stream, after] = *window else {
            continue;
        };
        if !is(before, &["FROM", "JOIN"]) || !is(stream, &["STREAM"]) {
            continue;
        }
        let next = |n: usize| significant.get(at + 2 + n).copied();
        let token = |index: Option<usize>| index.map(|i| &tokens[i].token);
        match &tokens[after].token {
            Token::Word(word) if !is(after, &["AS", "WHERE", "JOIN", "ON"]) => {
                removed.push(stream);
                match token(next(1)) {
                    Some(Token::LParen) => diagnostics.push(unnamed_stream(&tokens[after])),
                    Some(Token::Period) => {}
                    _ => marked[after].token = stream_name(word),
                }
            }
            Token::LParen => {
                removed.push(stream);
                match (token(next(1)), token(next(2))) {
                    (Some(Token::Word(word)), Some(Token::RParen)) => {
                        if let (Some(name), Some(close)) = (next(1), next(2)) {
                            marked[name].token = stream_name(word);
                            removed.extend([after, close]);
                        }
                    }
                    _ => diagnostics.push(unnamed_stream(&tokens[after])),
                }
            }
            _ => {}
        }
    }
    for window in significant.windows(4) {
        if let [with, open, hint, close] = *window
            && is(with, &["WITH"])
            && is(hint, &["SKIPCHANGECOMMITS"])
            && tokens[open].token == Token::LParen
            && tokens[close].token == Token::RParen
        {
            removed.extend([with, open, hint, close]);
            diagnostics.push(
                Diagnostic::warning(codes::NO_EFFECT, "SKIPCHANGECOMMITS has no effect")
                    .with_span(span_of(&tokens[hint]))
                    .with_help("of a table, a version that removes rows is an error; files that have landed do not change"),
            );
        }
    }
    marked
        .into_iter()
        .enumerate()
        .filter(|(i, _)| !removed.contains(i))
        .map(|(_, token)| token)
        .collect()
}

fn stream_name(word: &Word) -> Token {
    let name = match word.quote_style {
        Some(_) => word.value.clone(),
        None => word.value.to_lowercase(),
    };
    Token::Word(Word {
        value: format!("{STREAM_PREFIX}{name}"),
        quote_style: Some('`'),
        keyword: Keyword::NoKeyword,
    })
}

fn unnamed_stream(at: &TokenWithSpan) -> Diagnostic {
    Diagnostic::error(
        codes::STREAM_READ,
        "STREAM takes the name of a source or a view",
    )
    .with_span(span_of(at))
    .with_help(
        "declare the files with CREATE EXTERNAL TABLE, or the query with CREATE TEMPORARY VIEW, \
         and read STREAM of its name",
    )
}

/// Gives each stream without an alias the name of its relation as alias.
pub(crate) fn name_streams(query: &mut Query) {
    struct Namer;
    impl VisitorMut for Namer {
        type Break = ();

        fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table { name, alias, .. } = factor
                && alias.is_none()
                && let [ObjectNamePart::Identifier(ident)] = name.0.as_slice()
                && let Some(relation) = stream_of(&ident.value)
            {
                let mut named = Ident::with_quote('`', relation);
                named.span = ident.span;
                *alias = Some(TableAlias {
                    explicit: true,
                    name: named,
                    columns: Vec::new(),
                    at: None,
                });
            }
            ControlFlow::Continue(())
        }
    }
    let _ = visit_nodes_mut(query, &mut Namer);
}

/// Renames the streams of a query: each reader of a relation may have a stream of
/// its own.
pub fn rename_streams(query: &mut Query, rename: impl Fn(&str) -> String) {
    struct Renamer<F>(F);
    impl<F: Fn(&str) -> String> VisitorMut for Renamer<F> {
        type Break = ();

        fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table { name, .. } = factor
                && let [ObjectNamePart::Identifier(ident)] = name.0.as_slice()
                && let Some(relation) = stream_of(&ident.value)
            {
                let mut renamed = Ident::with_quote('`', (self.0)(relation));
                renamed.span = ident.span;
                *name = ObjectName::from(vec![renamed]);
            }
            ControlFlow::Continue(())
        }
    }
    let _ = visit_nodes_mut(query, &mut Renamer(rename));
}
