//! Syntax of Spark that is rewritten before a query is parsed, because sqlparser reads
//! it in another spelling only.

use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Word};

use super::pivoted_values::enclose_pivoted_values;
use super::query_starts::respell_query_starts;
use super::tokens::is_whitespace;

/// The tokens of a query in the spelling that the parser reads.
pub(crate) fn respell_tokens(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let tokens = respell_map_types(respell_timestamps(tokens));
    let tokens = respell_windows(tokens);
    let tokens = enclose_pivoted_values(respell_query_starts(tokens));
    respell_pipes(tokens)
}

fn word(token: &TokenWithSpan) -> Option<&str> {
    match &token.token {
        Token::Word(Word {
            value,
            quote_style: None,
            ..
        }) => Some(value),
        _ => None,
    }
}

fn is_word(token: Option<&TokenWithSpan>, names: &[&str]) -> bool {
    token
        .and_then(word)
        .is_some_and(|word| names.iter().any(|name| name.eq_ignore_ascii_case(word)))
}

/// The index of the next token from `from` that is not whitespace.
fn next_index(tokens: &[TokenWithSpan], from: usize) -> Option<usize> {
    (from..tokens.len()).find(|at| tokens.get(*at).is_some_and(|token| !is_whitespace(token)))
}

fn with_token(old: &TokenWithSpan, token: Token) -> TokenWithSpan {
    TokenWithSpan {
        token,
        span: old.span,
    }
}

/// `TIMESTAMP_LTZ'2024-01-01'` as `TIMESTAMP'2024-01-01'`, which is the same type.
fn respell_timestamps(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    for at in 0..tokens.len() {
        let is_literal = is_word(tokens.get(at), &["TIMESTAMP_LTZ"])
            && next_index(&tokens, at + 1)
                .and_then(|next| tokens.get(next))
                .is_some_and(|next| matches!(next.token, Token::SingleQuotedString(_)));
        if is_literal && let Some(old) = tokens.get_mut(at) {
            *old = with_token(old, Token::make_keyword("TIMESTAMP"));
        }
    }
    tokens
}

/// `MAP<STRING, INT>` as `MAP(STRING, INT)`.
fn respell_map_types(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut at = 0;
    while at < tokens.len() {
        if is_word(tokens.get(at), &["MAP"])
            && let Some(open) = next_index(&tokens, at + 1)
            && tokens
                .get(open)
                .is_some_and(|token| token.token == Token::Lt)
            && let Some(close) = split_type(&mut tokens, open)
        {
            for (index, token) in [(open, Token::LParen), (close, Token::RParen)] {
                if let Some(old) = tokens.get_mut(index) {
                    *old = with_token(old, token);
                }
            }
        }
        at += 1;
    }
    tokens
}

/// The index of the `>` that closes the `<` at `open`, if what is between can be the
/// types of a map. Each `>>` on the way becomes two tokens.
fn split_type(tokens: &mut Vec<TokenWithSpan>, open: usize) -> Option<usize> {
    let (mut depth, mut parens, mut commas) = (0_usize, 0_usize, 0_usize);
    let mut at = open;
    loop {
        let token = tokens.get(at)?;
        match &token.token {
            Token::Lt => depth += 1,
            Token::Gt => {
                depth -= 1;
                if depth == 0 {
                    return (commas == 1).then_some(at);
                }
            }
            Token::ShiftRight => {
                let (start, end) = (token.span.start, token.span.end);
                let middle = Location::new(start.line, start.column + 1);
                let halves = [Span::new(start, middle), Span::new(middle, end)];
                let halves = halves.map(|span| TokenWithSpan {
                    token: Token::Gt,
                    span,
                });
                tokens.splice(at..=at, halves);
                continue;
            }
            Token::LParen => parens += 1,
            Token::RParen => parens = parens.checked_sub(1)?,
            Token::Comma if depth == 1 && parens == 0 => commas += 1,
            Token::Comma
            | Token::Colon
            | Token::Word(_)
            | Token::Number(..)
            | Token::Whitespace(_) => {}
            _ => return None,
        }
        at += 1;
    }
}

/// `OVER (DISTRIBUTE BY a SORT BY b)` as `OVER (PARTITION BY a ORDER BY b)`.
fn respell_windows(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut windows: Vec<usize> = Vec::new();
    let mut depth = 0_usize;
    let mut last: [Option<usize>; 3] = [None; 3];
    for at in 0..tokens.len() {
        let Some(token) = tokens.get(at).filter(|token| !is_whitespace(token)) else {
            continue;
        };
        match token.token {
            Token::LParen => {
                depth += 1;
                let before = |n: usize| last[n].and_then(|index| tokens.get(index));
                let named = is_word(before(0), &["AS"])
                    && (is_word(before(2), &["WINDOW"])
                        || before(2).is_some_and(|token| token.token == Token::Comma));
                if is_word(before(0), &["OVER"]) || named {
                    windows.push(depth);
                }
            }
            Token::RParen => {
                if windows.last() == Some(&depth) {
                    windows.pop();
                }
                depth = depth.saturating_sub(1);
            }
            Token::Word(_) if windows.last() == Some(&depth) => {
                let by = next_index(&tokens, at + 1).and_then(|index| tokens.get(index));
                let respelled = match word(token).map(str::to_ascii_uppercase).as_deref() {
                    Some("DISTRIBUTE" | "CLUSTER") => Some("PARTITION"),
                    Some("SORT") => Some("ORDER"),
                    _ => None,
                };
                if let (Some(name), true) = (respelled, is_word(by, &["BY"])) {
                    let respelled = with_token(token, Token::make_keyword(name));
                    if let Some(old) = tokens.get_mut(at) {
                        *old = respelled;
                    }
                }
            }
            _ => {}
        }
        last = [Some(at), last[0], last[1]];
    }
    tokens
}

/// `|> UNION ALL SELECT 1` as `|> UNION ALL (SELECT 1)`, `|> EXCEPT` as `|> EXCEPT
/// DISTINCT`, and `|> SEMI JOIN` as `|> LEFT SEMI JOIN`.
fn respell_pipes(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let pipe = Token::VerticalBarRightAngleBracket;
    if !tokens.iter().any(|token| token.token == pipe) {
        return tokens;
    }
    let mut respelled: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len() + 8);
    // The depths at which a parenthesis of ours is open.
    let mut opened: Vec<usize> = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let closes = token.token == pipe || token.token == Token::RParen;
        if closes && opened.last() == Some(&depth) {
            opened.pop();
            respelled.push(with_token(token, Token::RParen));
        }
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        respelled.push(token.clone());
        at += 1;
        if token.token != pipe {
            continue;
        }
        let Some(operator) = next_index(&tokens, at) else {
            break;
        };
        if is_word(tokens.get(operator), &["SEMI", "ANTI"]) {
            respelled.push(with_token(token, Token::make_keyword("LEFT")));
        }
        if !is_word(
            tokens.get(operator),
            &["UNION", "EXCEPT", "MINUS", "INTERSECT"],
        ) {
            continue;
        }
        let is_union = is_word(tokens.get(operator), &["UNION"]);
        let quantifier = next_index(&tokens, operator + 1)
            .filter(|index| is_word(tokens.get(*index), &["ALL", "DISTINCT"]));
        let last = quantifier.unwrap_or(operator);
        respelled.extend(tokens.get(at..=last).unwrap_or_default().iter().cloned());
        if quantifier.is_none() && !is_union {
            respelled.push(with_token(token, Token::make_keyword("DISTINCT")));
        }
        at = last + 1;
        let is_open = next_index(&tokens, at)
            .and_then(|index| tokens.get(index))
            .is_some_and(|token| token.token == Token::LParen);
        if !is_open {
            respelled.push(with_token(token, Token::LParen));
            opened.push(depth);
        }
    }
    if let Some(end) = respelled.last().cloned() {
        respelled.extend(opened.iter().map(|_| with_token(&end, Token::RParen)));
    }
    respelled
}

#[cfg(test)]
mod tests {
    use sqlparser::tokenizer::Tokenizer;

    use super::super::dialect::SluiceDialect;
    use super::respell_tokens;

    fn respelled(sql: &str) -> String {
        let tokens = Tokenizer::new(&SluiceDialect::new(0), sql)
            .tokenize_with_location()
            .unwrap();
        let tokens = respell_tokens(tokens).into_iter();
        tokens.map(|token| token.token.to_string()).collect()
    }

    #[test]
    fn spellings_of_spark_become_those_of_the_parser() {
        for (sql, expected) in [
            (
                "CAST(m AS MAP<STRING, ARRAY<INT>>)",
                "CAST(m AS MAP(STRING, ARRAY<INT>))",
            ),
            (
                "CAST(m AS ARRAY<MAP<STRING, MAP<INT, DECIMAL(10, 2)>>>)",
                "CAST(m AS ARRAY<MAP(STRING, MAP(INT, DECIMAL(10, 2)))>)",
            ),
            ("map < 3 AND a > 1", "map < 3 AND a > 1"),
            (
                "TIMESTAMP_LTZ '2024-01-01' + timestamp_ltz",
                "TIMESTAMP '2024-01-01' + timestamp_ltz",
            ),
            (
                "rank() OVER (DISTRIBUTE BY a SORT BY b)",
                "rank() OVER (PARTITION BY a ORDER BY b)",
            ),
            (
                "SELECT a FROM t WINDOW w AS (CLUSTER BY a) SORT BY a",
                "SELECT a FROM t WINDOW w AS (PARTITION BY a) SORT BY a",
            ),
            (
                "(FROM t |> UNION ALL SELECT 1 |> WHERE a)",
                "(FROM t |> UNION ALL( SELECT 1 )|> WHERE a)",
            ),
            (
                "FROM t |> EXCEPT (SELECT 1)",
                "FROM t |> EXCEPTDISTINCT (SELECT 1)",
            ),
            ("a UNION SELECT 1", "a UNION SELECT 1"),
        ] {
            assert_eq!(respelled(sql), expected);
        }
    }
}
