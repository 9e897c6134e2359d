//! Operators.

use sqlparser::ast::{BinaryOperator, UnaryOperator};
use sqlparser::tokenizer::Span;

use super::SyntaxWalk;

impl SyntaxWalk {
    pub(super) fn check_unary_operator(&mut self, op: UnaryOperator, place: Span) {
        match op {
            UnaryOperator::Plus
            | UnaryOperator::Minus
            | UnaryOperator::Not
            | UnaryOperator::BangNot
            | UnaryOperator::BitwiseNot => {}
            UnaryOperator::AtDashAt
            | UnaryOperator::DoubleAt
            | UnaryOperator::Hash
            | UnaryOperator::PGAbs
            | UnaryOperator::PGCubeRoot
            | UnaryOperator::PGPostfixFactorial
            | UnaryOperator::PGPrefixFactorial
            | UnaryOperator::PGSquareRoot
            | UnaryOperator::QuestionDash
            | UnaryOperator::QuestionPipe => self.refuse(
                place,
                &format!("the operator {op} is not supported"),
                "write a function, such as abs(x), sqrt(x), cbrt(x) or factorial(n)",
            ),
        }
    }

    pub(super) fn check_binary_operator(&mut self, op: &BinaryOperator, place: Span) {
        let help = match op {
            BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::StringConcat
            | BinaryOperator::Gt
            | BinaryOperator::Lt
            | BinaryOperator::GtEq
            | BinaryOperator::LtEq
            | BinaryOperator::Spaceship
            | BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::And
            | BinaryOperator::Or
            | BinaryOperator::BitwiseOr
            | BinaryOperator::BitwiseAnd
            | BinaryOperator::BitwiseXor
            // DIV.
            | BinaryOperator::MyIntegerDivide
            // RLIKE is rewritten to these when it is parsed.
            | BinaryOperator::PGRegexMatch
            | BinaryOperator::PGRegexNotMatch
            | BinaryOperator::PGBitwiseShiftLeft
            | BinaryOperator::PGBitwiseShiftRight
            // JSON in text.
            | BinaryOperator::Arrow
            | BinaryOperator::LongArrow => return,
            BinaryOperator::Xor | BinaryOperator::PGBitwiseXor => "write (a OR b) AND NOT (a AND b), or `^` for bits",
            BinaryOperator::DuckIntegerDivide => "write a DIV b",
            BinaryOperator::Match
            | BinaryOperator::Regexp
            | BinaryOperator::PGRegexIMatch
            | BinaryOperator::PGRegexNotIMatch
            | BinaryOperator::PGLikeMatch
            | BinaryOperator::PGILikeMatch
            | BinaryOperator::PGNotLikeMatch
            | BinaryOperator::PGNotILikeMatch
            | BinaryOperator::PGStartsWith => "write LIKE, ILIKE, RLIKE or startswith(text, start)",
            BinaryOperator::PGExp => "write power(x, y)",
            BinaryOperator::HashArrow | BinaryOperator::HashLongArrow | BinaryOperator::HashMinus => {
                "write get_json_object(text, '$.key'), or text->'key'->>'key'"
            }
            BinaryOperator::AtArrow | BinaryOperator::ArrowAt => "write array_contains(array, value)",
            BinaryOperator::PGOverlap => "write AND, or arrays_overlap(a, b)",
            BinaryOperator::Overlaps => "write a.start < b.end AND b.start < a.end",
            BinaryOperator::Assignment => "write `=` to compare, or AS to name a column",
            BinaryOperator::Custom(_)
            | BinaryOperator::PGCustomBinaryOperator(_)
            | BinaryOperator::AtAt
            | BinaryOperator::AtQuestion
            | BinaryOperator::Question
            | BinaryOperator::QuestionAnd
            | BinaryOperator::QuestionPipe
            | BinaryOperator::DoubleHash
            | BinaryOperator::LtDashGt
            | BinaryOperator::AndLt
            | BinaryOperator::AndGt
            | BinaryOperator::LtLtPipe
            | BinaryOperator::PipeGtGt
            | BinaryOperator::AndLtPipe
            | BinaryOperator::PipeAndGt
            | BinaryOperator::LtCaret
            | BinaryOperator::GtCaret
            | BinaryOperator::QuestionHash
            | BinaryOperator::QuestionDash
            | BinaryOperator::QuestionDashPipe
            | BinaryOperator::QuestionDoublePipe
            | BinaryOperator::At
            | BinaryOperator::TildeEq => "write a function for it",
        };
        self.refuse(place, &format!("the operator {op} is not supported"), help);
    }
}
