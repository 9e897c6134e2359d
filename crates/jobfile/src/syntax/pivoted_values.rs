//! `FROM VALUES (…) AS t(a, b) PIVOT (…)`.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::query_starts::{is_one_of, skip_parentheses};
use super::tokens::is_whitespace;

/// Writes parentheses around the rows of `VALUES` in FROM that are pivoted or unpivoted:
/// the parser reads both clauses after tables and subqueries only.
pub(super) fn enclose_pivoted_values(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut enclosed = Vec::with_capacity(tokens.len());
    let mut before: Option<usize> = None;
    let mut closes_after: Option<usize> = None;
    for (at, token) in tokens.iter().enumerate() {
        let is_values = is_one_of(&token.token, &["VALUES"])
            && before
                .and_then(|at| tokens.get(at))
                .is_some_and(|before| begins_relation(&before.token));
        if is_values && let Some(end) = find_pivoted_end(&tokens, at) {
            enclosed.push(parenthesis(Token::LParen, token));
            closes_after = Some(end);
        }
        enclosed.push(token.clone());
        if closes_after == Some(at) {
            enclosed.push(parenthesis(Token::RParen, token));
            closes_after = None;
        }
        if !is_whitespace(token) {
            before = Some(at);
        }
    }
    enclosed
}

fn parenthesis(kind: Token, next_to: &TokenWithSpan) -> TokenWithSpan {
    TokenWithSpan {
        token: kind,
        span: next_to.span,
    }
}

fn begins_relation(token: &Token) -> bool {
    matches!(token, Token::Comma) || is_one_of(token, &["FROM", "JOIN"])
}

/// The last token of the rows of the `VALUES` at `at`, if PIVOT or UNPIVOT follows.
fn find_pivoted_end(tokens: &[TokenWithSpan], at: usize) -> Option<usize> {
    let rest = tokens.iter().enumerate().skip(at.saturating_add(1));
    let mut rest = rest.filter(|(_, token)| !is_whitespace(token)).peekable();
    let mut end = skip_row(tokens, rest.peek()?.0)?;
    loop {
        while rest.next_if(|(at, _)| *at <= end).is_some() {}
        if rest
            .next_if(|(_, token)| token.token == Token::Comma)
            .is_none()
        {
            break;
        }
        end = skip_row(tokens, rest.peek()?.0)?;
    }
    // The alias and the names of its columns.
    let clauses = ["PIVOT", "UNPIVOT"];
    rest.next_if(|(_, token)| is_one_of(&token.token, &["AS"]));
    if rest
        .next_if(|(_, token)| {
            matches!(token.token, Token::Word(_)) && !is_one_of(&token.token, &clauses)
        })
        .is_some()
    {
        let mut names = rest.map(|(_, token)| &token.token).peekable();
        skip_parentheses(&mut names);
        return is_one_of(names.next()?, &clauses).then_some(end);
    }
    is_one_of(&rest.next()?.1.token, &clauses).then_some(end)
}

/// The closing parenthesis of the one at `start`.
fn skip_row(tokens: &[TokenWithSpan], start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (token.token == Token::RParen).then_some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use sqlparser::tokenizer::Tokenizer;

    use super::super::dialect::SluiceDialect;
    use super::enclose_pivoted_values;

    fn enclosed(sql: &str) -> String {
        let tokens = Tokenizer::new(&SluiceDialect::new(0), sql)
            .tokenize_with_location()
            .unwrap();
        let tokens = enclose_pivoted_values(tokens).into_iter();
        tokens.map(|token| token.token.to_string()).collect()
    }

    #[test]
    fn rows_that_are_pivoted_are_enclosed() {
        for (sql, expected) in [
            (
                "FROM VALUES (1, (2)), (3, 4) AS t(x, y) PIVOT (max(x) FOR y IN (2))",
                "FROM (VALUES (1, (2)), (3, 4)) AS t(x, y) PIVOT (max(x) FOR y IN (2))",
            ),
            (
                "FROM VALUES (1, 2) t UNPIVOT (v FOR c IN (col1))",
                "FROM (VALUES (1, 2)) t UNPIVOT (v FOR c IN (col1))",
            ),
            (
                "FROM VALUES (1, 2) PIVOT (max(col1) FOR col2 IN (2))",
                "FROM (VALUES (1, 2)) PIVOT (max(col1) FOR col2 IN (2))",
            ),
            // As they are.
            (
                "FROM VALUES (1) AS t(x) WHERE x > 1",
                "FROM VALUES (1) AS t(x) WHERE x > 1",
            ),
            ("FROM VALUES (1), t", "FROM VALUES (1), t"),
        ] {
            assert_eq!(enclosed(sql), expected);
        }
    }
}
