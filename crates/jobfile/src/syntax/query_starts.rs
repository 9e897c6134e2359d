//! Queries that begin with `TABLE t` or with named `VALUES`.

use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::tokens::is_whitespace;

/// `TABLE t` as `SELECT * FROM t`, and `VALUES (1) AS t(x)` as `SELECT * FROM VALUES (1) AS
/// t(x)`; before a pipe operator without `SELECT *`, so that the relation keeps its name.
pub(super) fn respell_query_starts(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut respelled: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut before: Option<&TokenWithSpan> = None;
    for (at, token) in tokens.iter().enumerate() {
        if is_whitespace(token) {
            respelled.push(token.clone());
            continue;
        }
        let start = begins_query(before)
            .then(|| find_start(&tokens, at))
            .flatten();
        before = Some(token);
        let Some(start) = start else {
            respelled.push(token.clone());
            continue;
        };
        let mut push = |token_kind: Token| {
            for kind in [token_kind, Token::Whitespace(space())] {
                respelled.push(TokenWithSpan {
                    token: kind,
                    span: token.span,
                });
            }
        };
        if !start.is_piped {
            push(Token::make_keyword("SELECT"));
            push(Token::Mul);
        }
        push(Token::make_keyword("FROM"));
        if start.is_values {
            respelled.push(token.clone());
        }
    }
    respelled
}

const fn space() -> sqlparser::tokenizer::Whitespace {
    sqlparser::tokenizer::Whitespace::Space
}

struct QueryStart {
    is_values: bool,
    /// A pipe operator follows the relation.
    is_piped: bool,
}

/// Whether a query may begin after this token.
fn begins_query(before: Option<&TokenWithSpan>) -> bool {
    match before.map(|token| &token.token) {
        None | Some(Token::LParen | Token::RParen) => true,
        Some(token) => is_one_of(
            token,
            &["UNION", "ALL", "DISTINCT", "EXCEPT", "INTERSECT", "MINUS"],
        ),
    }
}

/// What begins at the token `at`, if it is one of the two forms.
fn find_start(tokens: &[TokenWithSpan], at: usize) -> Option<QueryStart> {
    let mut rest = tokens
        .get(at..)?
        .iter()
        .filter(|token| !is_whitespace(token))
        .map(|token| &token.token);
    let first = rest.next()?;
    if is_one_of(first, &["TABLE"]) {
        return find_table(rest);
    }
    if is_one_of(first, &["VALUES"]) {
        return find_named_values(rest);
    }
    None
}

/// A name, perhaps with dots, after which the query ends or continues.
fn find_table<'a>(mut rest: impl Iterator<Item = &'a Token>) -> Option<QueryStart> {
    loop {
        if !matches!(rest.next()?, Token::Word(_)) {
            return None;
        }
        let is_piped = match rest.next() {
            Some(Token::Period) => continue,
            Some(Token::VerticalBarRightAngleBracket) => true,
            None | Some(Token::RParen | Token::EOF) => false,
            Some(token) => {
                let continues = [
                    "UNION",
                    "EXCEPT",
                    "INTERSECT",
                    "MINUS",
                    "ORDER",
                    "SORT",
                    "LIMIT",
                    "OFFSET",
                ];
                if !is_one_of(token, &continues) {
                    return None;
                }
                false
            }
        };
        return Some(QueryStart {
            is_values: false,
            is_piped,
        });
    }
}

/// Rows in parentheses, and a name with `AS`.
fn find_named_values<'a>(rest: impl Iterator<Item = &'a Token>) -> Option<QueryStart> {
    let mut rest = rest.peekable();
    loop {
        if !skip_parentheses(&mut rest) {
            return None;
        }
        match rest.next() {
            Some(Token::Comma) => {}
            Some(token) if is_one_of(token, &["AS"]) => break,
            _ => return None,
        }
    }
    if !matches!(rest.next()?, Token::Word(_)) {
        return None;
    }
    skip_parentheses(&mut rest);
    Some(QueryStart {
        is_values: true,
        is_piped: rest.next() == Some(&Token::VerticalBarRightAngleBracket),
    })
}

/// Skips `(…)`; returns whether it was there.
pub(super) fn skip_parentheses<'a>(
    tokens: &mut std::iter::Peekable<impl Iterator<Item = &'a Token>>,
) -> bool {
    if tokens.peek() != Some(&&Token::LParen) {
        return false;
    }
    let mut depth = 0_usize;
    for token in tokens {
        match token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return true;
        }
    }
    false
}

pub(super) fn is_one_of(token: &Token, names: &[&str]) -> bool {
    matches!(token, Token::Word(Word { value, quote_style: None, .. })
        if names.iter().any(|name| name.eq_ignore_ascii_case(value)))
}

#[cfg(test)]
mod tests {
    use sqlparser::tokenizer::Tokenizer;

    use super::super::dialect::SluiceDialect;
    use super::respell_query_starts;

    fn respelled(sql: &str) -> String {
        let tokens = Tokenizer::new(&SluiceDialect::new(0), sql)
            .tokenize_with_location()
            .unwrap();
        let tokens = respell_query_starts(tokens).into_iter();
        let text: String = tokens.map(|token| token.token.to_string()).collect();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn tables_and_named_values_are_selected() {
        for (sql, expected) in [
            ("TABLE t", "SELECT * FROM t"),
            ("TABLE a.b |> WHERE x", "FROM a.b |> WHERE x"),
            ("(TABLE t LIMIT 2)", "(SELECT * FROM t LIMIT 2)"),
            (
                "SELECT 1 UNION ALL TABLE `t`",
                "SELECT 1 UNION ALL SELECT * FROM `t`",
            ),
            (
                "VALUES (1, (2)), (3, 4) AS t(x, y)",
                "SELECT * FROM VALUES (1, (2)), (3, 4) AS t(x, y)",
            ),
            (
                "VALUES (1) AS t(x) |> WHERE x > 1",
                "FROM VALUES (1) AS t(x) |> WHERE x > 1",
            ),
            // As they are.
            ("VALUES (1), (2) |> LIMIT 1", "VALUES (1), (2) |> LIMIT 1"),
            ("VALUES (1), (2)", "VALUES (1), (2)"),
            (
                "SELECT * FROM VALUES (1) AS t(x)",
                "SELECT * FROM VALUES (1) AS t(x)",
            ),
            (
                "SELECT DISTINCT table FROM t",
                "SELECT DISTINCT table FROM t",
            ),
            (
                "SELECT (table) AS x, (values) AS y",
                "SELECT (table) AS x, (values) AS y",
            ),
            ("SELECT * FROM TABLE(f(1))", "SELECT * FROM TABLE(f(1))"),
        ] {
            assert_eq!(respelled(sql), expected);
        }
    }
}
