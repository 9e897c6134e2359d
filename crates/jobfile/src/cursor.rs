//! A cursor over the tokens of one statement.

use std::ops::Range;

use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lex::{is_space, plain_word, span_of};
use crate::span::{Pos, Span, Spanned};

/// Parsing a statement ends at its first error; the next statements are still
/// parsed.
pub(crate) type Parsed<T> = Result<T, Box<Diagnostic>>;

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
    pub(crate) fn spanned(&self) -> Spanned<String> {
        Spanned::new(self.value.clone(), self.span)
    }
}

/// A position among the tokens of one statement.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    tokens: &'a [TokenWithSpan],
    /// Indexes of the tokens that are not whitespace.
    significant: Vec<usize>,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(tokens: &'a [TokenWithSpan], range: &Range<usize>) -> Self {
        let tokens = &tokens[range.clone()];
        let significant = (0..tokens.len())
            .filter(|i| !is_space(&tokens[*i]))
            .collect();
        Self {
            tokens,
            significant,
            at: 0,
        }
    }

    fn nth(&self, n: usize) -> Option<&'a TokenWithSpan> {
        self.significant.get(self.at + n).map(|i| &self.tokens[*i])
    }

    /// The next token, if there is one.
    pub(crate) fn peek(&self) -> Option<&'a Token> {
        self.nth(0).map(|t| &t.token)
    }

    /// The token `n` after the next.
    pub(crate) fn peek_nth(&self, n: usize) -> Option<&'a Token> {
        self.nth(n).map(|t| &t.token)
    }

    pub(crate) fn at_end(&self) -> bool {
        self.at >= self.significant.len()
    }

    pub(crate) fn advance(&mut self) {
        self.at += 1;
    }

    /// The span of the next token; at the end, the empty span after the last.
    pub(crate) fn span(&self) -> Span {
        self.nth(0).map_or_else(|| Span::at(self.end()), span_of)
    }

    /// The span of the token before the next.
    pub(crate) fn previous_span(&self) -> Span {
        self.at
            .checked_sub(1)
            .and_then(|at| self.significant.get(at))
            .map_or_else(|| self.span(), |i| span_of(&self.tokens[*i]))
    }

    /// The position after the statement's last token.
    pub(crate) fn end(&self) -> Pos {
        self.significant
            .last()
            .map_or(Pos::new(1, 1), |i| span_of(&self.tokens[*i]).end)
    }

    /// The span of the remaining tokens.
    pub(crate) fn rest_span(&self) -> Span {
        Span::new(self.span().start, self.end())
    }

    /// The remaining tokens, including whitespace.
    pub(crate) fn rest(&self) -> &'a [TokenWithSpan] {
        self.significant
            .get(self.at)
            .map_or(&[], |i| &self.tokens[*i..])
    }

    /// Advances past the first `count` tokens of [`Cursor::rest`].
    pub(crate) fn skip_rest(&mut self, count: usize) {
        if let Some(start) = self.significant.get(self.at) {
            let end = start + count;
            self.at = self.significant.partition_point(|i| *i < end);
        }
    }

    pub(crate) fn finish(&mut self) {
        self.at = self.significant.len();
    }

    /// Whether these words come next (unquoted, in any case).
    pub(crate) fn sees(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(n, word)| {
            self.peek_nth(n)
                .and_then(plain_word)
                .is_some_and(|w| w.eq_ignore_ascii_case(word))
        })
    }

    /// Advances past the words if they come next.
    pub(crate) fn eat(&mut self, words: &[&str]) -> bool {
        let seen = self.sees(words);
        if seen {
            self.at += words.len();
        }
        seen
    }

    pub(crate) fn eat_token(&mut self, token: &Token) -> bool {
        let seen = self.peek() == Some(token);
        if seen {
            self.at += 1;
        }
        seen
    }

    /// Advances past the words, which must come next.
    pub(crate) fn expect(&mut self, words: &[&str]) -> Parsed<()> {
        if self.eat(words) {
            Ok(())
        } else {
            Err(self.expected(&format!("`{}`", words.join(" "))))
        }
    }

    pub(crate) fn expect_token(&mut self, token: &Token) -> Parsed<()> {
        if self.eat_token(token) {
            Ok(())
        } else {
            Err(self.expected(&format!("`{token}`")))
        }
    }

    /// A syntax error at the next token.
    pub(crate) fn expected(&self, what: &str) -> Box<Diagnostic> {
        let message = format!("expected {what}, found {}", self.found());
        Box::new(
            Diagnostic::error(codes::SYNTAX, message)
                .at(self.span())
                .label(format!("expected {what}")),
        )
    }

    /// The next token, as shown in messages.
    pub(crate) fn found(&self) -> String {
        match self.peek() {
            None => "the end of the statement".to_owned(),
            Some(token) => found(token),
        }
    }

    /// A name: a word, or anything in double quotes or backquotes.
    pub(crate) fn name(&mut self, what: &str) -> Parsed<Name> {
        let Some(Token::Word(word)) = self.peek() else {
            return Err(self.expected(what));
        };
        let span = self.span();
        let Word {
            value, quote_style, ..
        } = word;
        if value.is_empty() {
            return Err(Box::new(
                Diagnostic::error(codes::BAD_NAME, "a name cannot be empty").at(span),
            ));
        }
        let clause = quote_style.is_none()
            && ["AS", "SELECT", "FROM"]
                .iter()
                .any(|w| w.eq_ignore_ascii_case(value));
        if clause {
            return Err(self.expected(what));
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

    /// A string in single quotes, unescaped; its span includes the quotes.
    pub(crate) fn string(&mut self, what: &str) -> Parsed<Spanned<String>> {
        match self.peek() {
            Some(Token::SingleQuotedString(value)) => {
                let spanned = Spanned::new(value.clone(), self.span());
                self.advance();
                Ok(spanned)
            }
            Some(Token::Word(Word {
                quote_style: Some('"'),
                ..
            })) => {
                let mut error = self.expected(what);
                error.help =
                    Some("write strings in single quotes; double quotes are for names".to_owned());
                Err(error)
            }
            _ => Err(self.expected(what)),
        }
    }

    /// Advances past the parenthesis that opens here and everything inside it.
    pub(crate) fn skip_parens(&mut self) -> Parsed<()> {
        self.expect_token(&Token::LParen)?;
        let mut depth = 1;
        while depth > 0 {
            match self.peek() {
                None => return Err(self.expected("`)`")),
                Some(Token::LParen) => depth += 1,
                Some(Token::RParen) => depth -= 1,
                Some(_) => {}
            }
            self.advance();
        }
        Ok(())
    }

    /// `(name, name, …)`.
    pub(crate) fn name_list(&mut self, what: &str) -> Parsed<Vec<Name>> {
        self.expect_token(&Token::LParen)?;
        let mut names = Vec::new();
        loop {
            names.push(self.name(what)?);
            if self.eat_token(&Token::RParen) {
                return Ok(names);
            }
            if !self.eat_token(&Token::Comma) {
                return Err(self.expected("`,` or `)`"));
            }
        }
    }
}

/// A token, as shown in messages.
pub(crate) fn found(token: &Token) -> String {
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
