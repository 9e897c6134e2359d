//! The SQL dialect of job files.
//!
//! The base is sqlparser's generic dialect, which accepts the most: `QUALIFY`,
//! `PIVOT`, `::`, `col['x']`, `FROM`-first queries, `EXCEPT (…)`. What it accepts
//! beyond Spark is refused later, with a message, by the allow-list of the crate
//! `spark-sql`. On top of it, as Spark has it:
//!
//! - `"…"` is a string, with backslash escapes; names are quoted with backquotes;
//! - typed numbers (`2.5D`, `2S`) and intervals of several units
//!   ([`super::spark_literals`]);
//! - lambdas, `x -> x + 1` and `(a, b) -> a + b` ([`super::lambdas`]);
//! - the JSON operators bind as closely as brackets, `||` as `+`, `<<` closer
//!   than `&`;
//! - Spark's functions `array(1, 2)` and `exists(items, x -> …)`, where the
//!   generic dialect expects a subquery in the parentheses;
//! - `DIV`, and `LIKE ANY | SOME | ALL (…)` ([`super::quantified_like`]);
//! - `!x` for `NOT x` and `ORDER BY ALL`;
//! - without `SELECT FROM t` (an empty select list is always a mistake), without a
//!   comma after the last column (`end` may be a column), and without MySQL's executable comments (`/*! … */` is a comment).

use std::any::TypeId;
use std::cell::Cell;

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName,
};
use sqlparser::dialect::{Dialect, GenericDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Word};

use super::{lambdas, quantified_like, spark_literals};

/// The dialect of job files; see the module's documentation.
#[derive(Debug)]
pub(crate) struct SluiceDialect {
    /// How many more expressions the parser may begin.
    ///
    /// Where sqlparser cannot read `CAST(…` it retries as a function call, so an
    /// error inside nested casts takes time exponential in their number. Every
    /// expression that is begun is counted here.
    expression_budget: Cell<usize>,
}

impl SluiceDialect {
    /// For reading `tokens` tokens. Queries written by hand begin less than one
    /// expression per token, retries included.
    pub(crate) fn new(tokens: usize) -> Self {
        Self {
            expression_budget: Cell::new(tokens.saturating_mul(10).saturating_add(10_000)),
        }
    }
}

/// Calls a macro with the methods that the dialect takes from the generic one. A
/// test compares them with those of sqlparser's release.
macro_rules! with_generic_methods {
    ($macro:ident) => {
        $macro! {
            supports_partition_by_after_order_by,
            supports_array_join_syntax,
            supports_group_by_expr,
            supports_group_by_with_modifier,
            supports_left_associative_joins_without_parens,
            supports_connect_by,
            supports_match_recognize,
            supports_pipe_operator,
            supports_start_transaction_modifier,
            supports_window_function_null_treatment_arg,
            supports_dictionary_syntax,
            supports_window_clause_named_window_reference,
            supports_parenthesized_set_variables,
            supports_select_wildcard_except,
            support_map_literal_syntax,
            allow_extract_custom,
            allow_extract_single_quotes,
            supports_extract_comma_syntax,
            supports_create_view_comment_syntax,
            supports_parens_around_table_factor,
            supports_values_as_table_factor,
            supports_create_index_with_clause,
            supports_explain_with_utility_options,
            supports_limit_comma,
            supports_update_order_by,
            supports_from_first_select,
            supports_asc_desc_in_column_definition,
            supports_try_convert,
            supports_bitwise_shift_operators,
            supports_comment_on,
            supports_load_extension,
            supports_named_fn_args_with_assignment_operator,
            supports_struct_literal,
            supports_nested_comments,
            supports_user_host_grantee,
            supports_array_typedef_with_brackets,
            supports_match_against,
            supports_set_names,
            supports_comma_separated_set_assignments,
            supports_filter_during_aggregation,
            supports_select_wildcard_exclude,
            supports_data_type_signed_suffix,
            supports_interval_options,
            supports_select_wildcard_replace,
            supports_select_wildcard_ilike,
            supports_select_wildcard_rename,
            supports_optimize_table,
            supports_install,
            supports_detach,
            supports_prewhere,
            supports_with_fill,
            supports_limit_by,
            supports_interpolate,
            supports_settings,
            supports_select_format,
            supports_constraint_keyword_without_name,
            supports_key_column_option,
            supports_comma_separated_trim,
            supports_cte_without_as,
            supports_select_item_multi_column_alias,
            supports_xml_expressions,
        }
    };
}

macro_rules! delegate_to_generic {
    ($($method:ident,)+) => {
        $(fn $method(&self) -> bool {
            GenericDialect.$method()
        })+
    };
}

impl Dialect for SluiceDialect {
    /// The parser checks in many places whether it reads the generic dialect.
    fn dialect(&self) -> TypeId {
        TypeId::of::<GenericDialect>()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '`'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_'
    }

    with_generic_methods!(delegate_to_generic);

    fn supports_bang_not_operator(&self) -> bool {
        true
    }

    fn supports_order_by_all(&self) -> bool {
        true
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }

    /// `'a' 'b'` is `'ab'`.
    fn supports_string_literal_concatenation(&self) -> bool {
        true
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        match parser.peek_token_ref().token {
            // Closer than `::`, so that `doc->>'n'::INT` casts the value.
            Token::Arrow | Token::LongArrow => {
                Some(Ok(self.prec_value(Precedence::DoubleColon) + 5))
            }
            Token::StringConcat => Some(Ok(self.prec_value(Precedence::PlusMinus))),
            Token::ShiftLeft | Token::ShiftRight => {
                Some(Ok(self.prec_value(Precedence::PlusMinus) - 2))
            }
            _ => None,
        }
    }

    fn parse_infix(
        &self,
        parser: &mut Parser,
        expr: &Expr,
        _precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        if parser.parse_keyword(Keyword::DIV) {
            let right = parser.parse_subexpr(self.prec_value(Precedence::MulDivModOp));
            return Some(right.map(|right| Expr::BinaryOp {
                left: Box::new(expr.clone()),
                op: BinaryOperator::MyIntegerDivide,
                right: Box::new(right),
            }));
        }
        if let [shift, more] = parser.peek_tokens_ref::<2>()
            && (&shift.token, &more.token) == (&Token::ShiftRight, &Token::Gt)
            && shift.span.end == more.span.start
        {
            return Some(parse_unsigned_shift(parser, expr));
        }
        quantified_like::parse_quantified_like(parser, expr)
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let Some(left) = self.expression_budget.get().checked_sub(1) else {
            return Some(Err(ParserError::RecursionLimitExceeded));
        };
        self.expression_budget.set(left);
        if let Some(lambda) = lambdas::parse_lambda(parser) {
            return Some(lambda);
        }
        if begins_struct_star(parser) {
            let star = parser.next_token();
            return Some(Ok(Expr::Wildcard(AttachedToken(star))));
        }
        spark_literals::parse_spark_literal(parser).or_else(|| parse_reserved_function(parser))
    }
}

/// Whether the next token is the star of `struct(*)`.
fn begins_struct_star(parser: &Parser) -> bool {
    if parser.peek_token_ref().token != Token::Mul {
        return false;
    }
    let mut before = (0..parser.index())
        .rev()
        .map(|at| &parser.token_at(at).token)
        .filter(|token| !matches!(token, Token::Whitespace(_)));
    before.next() == Some(&Token::LParen)
        && matches!(before.next(), Some(Token::Word(word)) if word.keyword == Keyword::STRUCT)
}

/// `a >>> b`.
fn parse_unsigned_shift(parser: &mut Parser, left: &Expr) -> Result<Expr, ParserError> {
    let span = parser.peek_token_ref().span;
    parser.advance_token();
    parser.advance_token();
    let precedence = GenericDialect.prec_value(Precedence::PlusMinus) - 2;
    let right = parser.parse_subexpr(precedence)?;
    let argument = |expr: Expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    Ok(Expr::Function(Function {
        name: ObjectName::from(vec![Ident::with_span(span, "shiftrightunsigned")]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![argument(left.clone()), argument(right)],
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }))
}

/// Functions whose names are also keywords, and that Spark calls with parentheses.
const CALLED_KEYWORDS: &[Keyword] = &[
    Keyword::CEIL,
    Keyword::CURRENT_CATALOG,
    Keyword::CURRENT_USER,
    Keyword::FLOOR,
    Keyword::SESSION_USER,
    Keyword::USER,
];

/// `array(…)` and `exists(…)` where no subquery follows.
fn parse_reserved_function(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let [name, paren, first] = parser.peek_tokens_ref::<3>();
    let Token::Word(Word {
        keyword,
        quote_style: None,
        value,
    }) = &name.token
    else {
        return None;
    };
    let is_constructor = matches!(keyword, Keyword::ARRAY | Keyword::EXISTS);
    if paren.token != Token::LParen
        || !(is_constructor || CALLED_KEYWORDS.contains(keyword))
        || (is_constructor && begins_query(&first.token))
    {
        return None;
    }
    let name = ObjectName::from(vec![Ident::with_span(name.span, value.clone())]);
    parser.advance_token();
    Some(parser.parse_function(name))
}

fn begins_query(token: &Token) -> bool {
    match token {
        Token::LParen => true,
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::SELECT | Keyword::WITH | Keyword::VALUES | Keyword::FROM | Keyword::TABLE
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::Command;

    /// Methods of the generic dialect that this dialect answers itself, or leaves
    /// at the trait's default on purpose (see the module's documentation).
    const OWN_METHODS: &[&str] = &[
        "is_delimited_identifier_start",
        "is_identifier_part",
        "is_identifier_start",
        "supports_quote_delimited_string",
        "supports_string_escape_constant",
        "supports_unicode_string_literal",
        "supports_comment_optimizer_hint",
        "supports_empty_projections",
        "supports_multiline_comment_hints",
        "supports_projection_trailing_commas",
    ];

    macro_rules! name_methods {
        ($($method:ident,)+) => {
            [$(stringify!($method)),+]
        };
    }

    fn cargo_output(args: &[&str]) -> String {
        let output = Command::new(env!("CARGO"))
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "cargo {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The source of sqlparser's generic dialect, in the release of the lock file.
    fn generic_dialect_source() -> String {
        let version = cargo_output(&["-vV"]);
        let host = version
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .unwrap();
        // Without a platform, cargo needs the crates of all of them.
        let metadata = cargo_output(&[
            "metadata",
            "--format-version",
            "1",
            "--offline",
            "--filter-platform",
            host,
        ]);
        let manifest = metadata
            .split("\"manifest_path\":\"")
            .filter_map(|rest| rest.split('"').next())
            .find(|path| path.contains("/sqlparser-"))
            .unwrap();
        let folder = manifest.strip_suffix("Cargo.toml").unwrap();
        std::fs::read_to_string(format!("{folder}src/dialect/generic.rs")).unwrap()
    }

    #[test]
    fn no_method_of_the_generic_dialect_is_forgotten() {
        let source = generic_dialect_source();
        let generic: BTreeSet<&str> = source
            .lines()
            .filter_map(|line| line.trim().strip_prefix("fn ")?.split('(').next())
            .collect();
        let delegated = with_generic_methods!(name_methods);
        let ours: BTreeSet<&str> = delegated.iter().chain(OWN_METHODS).copied().collect();
        assert_eq!(
            ours, generic,
            "delegate new methods, or add them to OWN_METHODS with the reason"
        );
    }
}
