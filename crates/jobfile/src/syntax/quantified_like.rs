//! `x [NOT] LIKE ANY | SOME | ALL (pattern, …)`, as comparisons with each pattern.

use sqlparser::ast::{BinaryOperator, Expr};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// What follows `left`, if it is such a comparison. `NOT` belongs to each
/// comparison: `x NOT LIKE ANY (a, b)` is true if x is unlike one of them.
pub(super) fn parse_quantified_like(
    parser: &mut Parser,
    left: &Expr,
) -> Option<Result<Expr, ParserError>> {
    let tokens = parser.peek_tokens_ref::<4>();
    let negated = is_keyword(tokens[0], &[Keyword::NOT]);
    let [like, quantifier, paren] = if negated {
        [tokens[1], tokens[2], tokens[3]]
    } else {
        [tokens[0], tokens[1], tokens[2]]
    };
    let known = is_keyword(like, &[Keyword::LIKE, Keyword::ILIKE])
        && is_keyword(quantifier, &[Keyword::ANY, Keyword::SOME, Keyword::ALL])
        && paren.token == Token::LParen;
    if !known {
        return None;
    }
    let ignores_case = is_keyword(like, &[Keyword::ILIKE]);
    let op = if is_keyword(quantifier, &[Keyword::ALL]) {
        BinaryOperator::And
    } else {
        BinaryOperator::Or
    };
    for _ in 0..if negated { 4 } else { 3 } {
        parser.advance_token();
    }
    Some(parse_patterns(parser, left, negated, ignores_case, &op))
}

fn is_keyword(token: &TokenWithSpan, keywords: &[Keyword]) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && keywords.contains(&word.keyword))
}

fn parse_patterns(
    parser: &mut Parser,
    left: &Expr,
    negated: bool,
    ignores_case: bool,
    op: &BinaryOperator,
) -> Result<Expr, ParserError> {
    let patterns = parser.parse_comma_separated(Parser::parse_expr)?;
    parser.expect_token(&Token::RParen)?;
    let comparisons = patterns.into_iter().map(|pattern| {
        let (expr, pattern) = (Box::new(left.clone()), Box::new(pattern));
        if ignores_case {
            Expr::ILike {
                negated,
                any: false,
                expr,
                pattern,
                escape_char: None,
            }
        } else {
            Expr::Like {
                negated,
                any: false,
                expr,
                pattern,
                escape_char: None,
            }
        }
    });
    let all = comparisons.reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: op.clone(),
        right: Box::new(right),
    });
    match all {
        Some(all) => Ok(Expr::Nested(Box::new(all))),
        None => parser.expected_ref("a pattern", parser.peek_token_ref()),
    }
}
