//! Lambdas, `x -> x + 1` and `(a, b) -> a + b`, which the generic dialect lacks.
//!
//! `col -> 'key'` stays the JSON operator: the token after the arrow decides, except in
//! a function that takes lambdas.

use sqlparser::ast::{
    Expr, LambdaFunction, LambdaFunctionParameter, LambdaSyntax, OneOrManyWithParens,
};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

/// Parses a lambda, if one begins here.
pub(super) fn parse_lambda(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let params = peek_lambda_params(parser)?;
    Some(read_lambda(parser, params))
}

/// The number of names before the arrow, when a lambda begins here:
/// `Some((1, false))` for `x ->`, `Some((2, true))` for `(a, b) ->`.
fn peek_lambda_params(parser: &Parser) -> Option<(usize, bool)> {
    match parser.peek_tokens_ref::<3>().map(|t| &t.token) {
        [Token::Word(_), Token::Arrow, body]
            if is_lambda_body(body) || is_in_higher_order_call(parser) =>
        {
            Some((1, false))
        }
        [Token::LParen, Token::Word(_), Token::Comma | Token::RParen] => {
            let mut count = 1;
            let mut at = 2;
            loop {
                match parser.peek_nth_token_ref(at).token {
                    Token::RParen => break,
                    Token::Comma => {}
                    _ => return None,
                }
                let Token::Word(_) = parser.peek_nth_token_ref(at + 1).token else {
                    return None;
                };
                count += 1;
                at += 2;
            }
            let arrow = &parser.peek_nth_token_ref(at + 1).token;
            let body = &parser.peek_nth_token_ref(at + 2).token;
            // `(a) -> 'key'` reads JSON; two names are always parameters.
            let lambda = count > 1 || is_lambda_body(body) || is_in_higher_order_call(parser);
            (*arrow == Token::Arrow && lambda).then_some((count, true))
        }
        _ => None,
    }
}

/// Functions that take lambdas.
const HIGHER_ORDER: &[&str] = &[
    "transform",
    "filter",
    "exists",
    "forall",
    "aggregate",
    "reduce",
    "zip_with",
    "transform_keys",
    "transform_values",
    "map_filter",
    "map_zip_with",
    "array_sort",
    "array_transform",
    "array_filter",
    "array_any_match",
    "any_match",
];

/// Whether the next token is a later argument of a function that takes lambdas.
fn is_in_higher_order_call(parser: &Parser) -> bool {
    let before = |from: usize| {
        (0..from)
            .rev()
            .find(|at| !matches!(parser.token_at(*at).token, Token::Whitespace(_)))
    };
    let mut depth = 0_usize;
    let mut at = before(parser.index());
    if at.is_none_or(|at| parser.token_at(at).token != Token::Comma) {
        return false;
    }
    while let Some(index) = at {
        match parser.token_at(index).token {
            Token::RParen | Token::RBracket | Token::RBrace => depth += 1,
            Token::LParen if depth == 0 => {
                return before(index).is_some_and(|name| match &parser.token_at(name).token {
                    Token::Word(word) => HIGHER_ORDER
                        .iter()
                        .any(|function| word.value.eq_ignore_ascii_case(function)),
                    _ => false,
                });
            }
            Token::LParen | Token::LBracket | Token::LBrace => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            _ => {}
        }
        at = before(index);
    }
    false
}

/// A key of the JSON operator is a string or a number; a lambda's body is not.
fn is_lambda_body(token: &Token) -> bool {
    !matches!(
        token,
        Token::SingleQuotedString(_) | Token::Number(..) | Token::EOF
    )
}

fn read_lambda(parser: &mut Parser, (count, parens): (usize, bool)) -> Result<Expr, ParserError> {
    let mut names = Vec::with_capacity(count);
    if parens {
        parser.expect_token(&Token::LParen)?;
    }
    for i in 0..count {
        if i > 0 {
            parser.expect_token(&Token::Comma)?;
        }
        names.push(LambdaFunctionParameter {
            name: parser.parse_identifier()?,
            data_type: None,
        });
    }
    if parens {
        parser.expect_token(&Token::RParen)?;
    }
    parser.expect_token(&Token::Arrow)?;
    let body = Box::new(parser.parse_expr()?);
    let params = match (parens, names.pop()) {
        (false, Some(name)) => OneOrManyWithParens::One(name),
        (_, last) => {
            names.extend(last);
            OneOrManyWithParens::Many(names)
        }
    };
    Ok(Expr::Lambda(LambdaFunction {
        params,
        body,
        syntax: LambdaSyntax::Arrow,
    }))
}
