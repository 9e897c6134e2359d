//! A cursor over the tokens of one statement.

use std::ops::Range;

use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use crate::diagnostics::{Diagnostic, codes};
use crate::span::{Position, Span, Spanned};
use crate::syntax::tokens::{is_whitespace, plain_word, span_of};

/// Parsing a statement ends at its first error; the next statements are still
/// parsed.
pub(crate) type ParseResult<T> = Result<T, Box<Diagnostic>>;

/// A name as written and as SQL knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// Unquoted names in lower case, quoted ones as they are.
    pub(crate) value: String,
    /// As the file spells it, without quotes.
    pub(crate) written: String,
    pub(crate) span: Span,
}

impl Name {
    pub(crate) fn to_spanned(&self) -> Spanned<String> {
        Spanned::new(self.value.clone(), self.span)
    }
}

/// A position among the tokens of one statement.
#[derive(Debug, Clone)]
pub(crate) struct TokenCursor<'a> {
    tokens: &'a [TokenWithSpan],
    /// Indexes of the tokens that are not whitespace.
    significant: Vec<usize>,
    index: usize,
}

impl<'a> TokenCursor<'a> {
    pub(crate) fn new(tokens: &'a [TokenWithSpan], range: &Range<usize>) -> Self {
        let tokens = &tokens[range.clone()];
        let significant = (0..tokens.len())
            .filter(|i| !is_whitespace(&tokens[*i]))
            .collect();
        Self {
            tokens,
            significant,
            index: 0,
        }
    }

    fn nth_token(&self, n: usize) -> Option<&'a TokenWithSpan> {
        self.significant
            .get(self.index + n)
            .map(|i| &self.tokens[*i])
    }

    /// The next token, if there is one.
    pub(crate) fn peek(&self) -> Option<&'a Token> {
        self.nth_token(0).map(|t| &t.token)
    }

    /// The token `n` after the next.
    pub(crate) fn peek_nth(&self, n: usize) -> Option<&'a Token> {
        self.nth_token(n).map(|t| &t.token)
    }

    pub(crate) fn at_end(&self) -> bool {
        self.index >= self.significant.len()
    }

    pub(crate) fn advance(&mut self) {
        self.index += 1;
    }

    /// The span of the next token; at the end, the empty span after the last.
    pub(crate) fn next_span(&self) -> Span {
        self.nth_token(0)
            .map_or_else(|| Span::empty_at(self.end_position()), span_of)
    }

    /// The span of the token before the next.
    pub(crate) fn previous_span(&self) -> Span {
        self.index
            .checked_sub(1)
            .and_then(|at| self.significant.get(at))
            .map_or_else(|| self.next_span(), |i| span_of(&self.tokens[*i]))
    }

    /// The position after the statement's last token.
    pub(crate) fn end_position(&self) -> Position {
        self.significant
            .last()
            .map_or(Position::new(1, 1), |i| span_of(&self.tokens[*i]).end)
    }

    /// The span of the remaining tokens.
    pub(crate) fn rest_span(&self) -> Span {
        Span::new(self.next_span().start, self.end_position())
    }

    /// The remaining tokens, including whitespace.
    pub(crate) fn rest_tokens(&self) -> &'a [TokenWithSpan] {
        self.significant
            .get(self.index)
            .map_or(&[], |i| &self.tokens[*i..])
    }

    /// Advances past the first `count` tokens of [`TokenCursor::rest_tokens`].
    pub(crate) fn skip_tokens(&mut self, count: usize) {
        if let Some(start) = self.significant.get(self.index) {
            let end = start + count;
            self.index = self.significant.partition_point(|i| *i < end);
        }
    }

    pub(crate) fn skip_to_end(&mut self) {
        self.index = self.significant.len();
    }

    /// Whether these words come next (unquoted, in any case).
    pub(crate) fn next_words_are(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(n, word)| {
            self.peek_nth(n)
                .and_then(plain_word)
                .is_some_and(|w| w.eq_ignore_ascii_case(word))
        })
    }

    /// Advances past the words if they come next.
    pub(crate) fn eat_words(&mut self, words: &[&str]) -> bool {
        let seen = self.next_words_are(words);
        if seen {
            self.index += words.len();
        }
        seen
    }

    pub(crate) fn eat_token(&mut self, token: &Token) -> bool {
        let seen = self.peek() == Some(token);
        if seen {
            self.index += 1;
        }
        seen
    }

    /// Advances past the words, which must come next.
    pub(crate) fn expect_words(&mut self, words: &[&str]) -> ParseResult<()> {
        if self.eat_words(words) {
            Ok(())
        } else {
            Err(self.expected_error(&format!("`{}`", words.join(" "))))
        }
    }

    pub(crate) fn expect_token(&mut self, token: &Token) -> ParseResult<()> {
        if self.eat_token(token) {
            Ok(())
        } else {
            Err(self.expected_error(&format!("`{token}`")))
        }
    }

    /// A syntax error at the next token.
    pub(crate) fn expected_error(&self, what: &str) -> Box<Diagnostic> {
        let message = format!("expected {what}, found {}", self.describe_next());
        Box::new(
            Diagnostic::error(codes::SYNTAX, message)
                .with_span(self.next_span())
                .with_label(format!("expected {what}")),
        )
    }

    /// The error for `name.` where a name without qualifier is expected.
    pub(crate) fn qualified_name_error(&self, name: &Name) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::error(
                codes::QUALIFIED_TABLE,
                "names with a catalog or schema are not supported",
            )
            .with_span(name.span.to(self.next_span()))
            .with_help("write the name alone: a job has no catalogs or schemas"),
        )
    }

    /// The error for the next clause, which a kind of statement does not have yet.
    pub(crate) fn not_yet_supported_error(&self, on: &str, help: &str) -> Box<Diagnostic> {
        let what = self.describe_next().replace('`', "").to_uppercase();
        Box::new(
            Diagnostic::error(
                codes::CLAUSE_NOT_YET,
                format!("{what} is not yet supported on {on}"),
            )
            .with_span(self.next_span())
            .with_help(help),
        )
    }

    /// The next token, as shown in messages.
    pub(crate) fn describe_next(&self) -> String {
        match self.peek() {
            None => "the end of the statement".to_owned(),
            Some(token) => describe_token(token),
        }
    }

    /// A name: a word, or anything in backquotes.
    pub(crate) fn parse_name(&mut self, what: &str) -> ParseResult<Name> {
        let Some(Token::Word(word)) = self.peek() else {
            let mut error = self.expected_error(what);
            if matches!(self.peek(), Some(Token::SingleQuotedString(_))) {
                error.help =
                    Some("names are quoted with backquotes; '…' and \"…\" are strings".to_owned());
            }
            return Err(error);
        };
        let span = self.next_span();
        let Word {
            value, quote_style, ..
        } = word;
        if value.is_empty() {
            return Err(Box::new(
                Diagnostic::error(codes::BAD_NAME, "a name cannot be empty").with_span(span),
            ));
        }
        let clause = quote_style.is_none()
            && ["AS", "SELECT", "FROM"]
                .iter()
                .any(|w| w.eq_ignore_ascii_case(value));
        if clause {
            return Err(self.expected_error(what));
        }
        self.advance();
        Ok(Name {
            value: if quote_style.is_some() {
                value.clone()
            } else {
                value.to_lowercase()
            },
            written: value.clone(),
            span,
        })
    }

    /// `a.b.c`, as written.
    pub(crate) fn parse_dotted_key(&mut self, what: &str) -> ParseResult<Spanned<String>> {
        let first = self.parse_name(what)?;
        let mut key = Spanned::new(first.written, first.span);
        while self.eat_token(&Token::Period) {
            let part = self.parse_name("the rest of the key")?;
            key.value.push('.');
            key.value.push_str(&part.written);
            key.span = key.span.to(part.span);
        }
        Ok(key)
    }

    /// A string, unescaped; its span includes the quotes.
    pub(crate) fn parse_string(&mut self, what: &str) -> ParseResult<Spanned<String>> {
        match self.peek() {
            Some(Token::SingleQuotedString(value)) => {
                let spanned = Spanned::new(value.clone(), self.next_span());
                self.advance();
                Ok(spanned)
            }
            _ => Err(self.expected_error(what)),
        }
    }

    /// Advances past the parenthesis that opens here and everything inside it.
    pub(crate) fn skip_parens(&mut self) -> ParseResult<()> {
        self.expect_token(&Token::LParen)?;
        let mut depth = 1;
        while depth > 0 {
            match self.peek() {
                None => return Err(self.expected_error("`)`")),
                Some(Token::LParen) => depth += 1,
                Some(Token::RParen) => depth -= 1,
                Some(_) => {}
            }
            self.advance();
        }
        Ok(())
    }

    /// `(name, name, …)`.
    pub(crate) fn parse_name_list(&mut self, what: &str) -> ParseResult<Vec<Name>> {
        self.expect_token(&Token::LParen)?;
        let mut names = Vec::new();
        loop {
            names.push(self.parse_name(what)?);
            if self.eat_token(&Token::RParen) {
                return Ok(names);
            }
            if !self.eat_token(&Token::Comma) {
                return Err(self.expected_error("`,` or `)`"));
            }
        }
    }
}

/// The error for a second clause of one kind.
pub(crate) fn repeated_clause_error(what: &str, span: Span) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(codes::REPEATED_CLAUSE, format!("{what} is given twice")).with_span(span),
    )
}

/// A token, as shown in messages.
pub(crate) fn describe_token(token: &Token) -> String {
    match token {
        Token::SingleQuotedString(text) if text.chars().count() > 20 => "a string".to_owned(),
        Token::Word(Word {
            value,
            quote_style: None,
            ..
        }) => format!("`{value}`"),
        token => format!("`{token}`"),
    }
}
