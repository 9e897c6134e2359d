//! The SQL dialect of job files.
//!
//! DataFusion's own default, sqlparser's generic dialect, accepts the most:
//! double-quoted and backquoted names, `QUALIFY`, `PIVOT`, `::`, `col['x']`,
//! `FROM`-first queries, `EXCEPT (…)` and `EXCLUDE`. The Databricks dialect
//! reads `"…"` as a string and rejects names that are not ASCII; DuckDB's
//! lacks `PIVOT` details and `STRUCT(…)`. So this is the generic dialect with
//!
//! - lambdas, `x -> x + 1` and `(a, b) -> a + b`, which the generic dialect
//!   lacks. `col -> 'key'` stays the JSON operator: the token after the arrow
//!   decides, because a lambda that is a constant is useless;
//! - Spark's functions `array(1, 2)` and `exists(items, x -> …)`, where the
//!   generic dialect expects a subquery in the parentheses;
//! - `!x` for `NOT x` and `ORDER BY ALL`;
//! - without `SELECT FROM t` (an empty select list is always a mistake) and
//!   without MySQL's executable comments (`/*! … */` is a comment).

use std::any::TypeId;
use std::cell::Cell;

use sqlparser::ast::{
    Expr, Ident, LambdaFunction, LambdaFunctionParameter, LambdaSyntax, ObjectName,
    OneOrManyWithParens,
};
use sqlparser::dialect::{Dialect, GenericDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Word};

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
            supports_unicode_string_literal,
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
            supports_projection_trailing_commas,
            supports_asc_desc_in_column_definition,
            supports_try_convert,
            supports_bitwise_shift_operators,
            supports_comment_on,
            supports_load_extension,
            supports_named_fn_args_with_assignment_operator,
            supports_struct_literal,
            supports_nested_comments,
            supports_user_host_grantee,
            supports_string_escape_constant,
            supports_array_typedef_with_brackets,
            supports_match_against,
            supports_set_names,
            supports_comma_separated_set_assignments,
            supports_filter_during_aggregation,
            supports_select_wildcard_exclude,
            supports_data_type_signed_suffix,
            supports_interval_options,
            supports_quote_delimited_string,
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
        GenericDialect.is_delimited_identifier_start(ch)
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

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let Some(left) = self.expression_budget.get().checked_sub(1) else {
            return Some(Err(ParserError::RecursionLimitExceeded));
        };
        self.expression_budget.set(left);
        if let Some(params) = peek_lambda_params(parser) {
            return Some(parse_lambda(parser, params));
        }
        parse_reserved_function(parser)
    }
}

/// The number of names before the arrow, when a lambda begins here:
/// `Some((1, false))` for `x ->`, `Some((2, true))` for `(a, b) ->`.
fn peek_lambda_params(parser: &Parser) -> Option<(usize, bool)> {
    match parser.peek_tokens_ref::<3>().map(|t| &t.token) {
        [Token::Word(_), Token::Arrow, body] if is_lambda_body(body) => Some((1, false)),
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
            (*arrow == Token::Arrow && is_lambda_body(body)).then_some((count, true))
        }
        _ => None,
    }
}

/// A key of the JSON operator is a string or a number; a lambda's body is not.
fn is_lambda_body(token: &Token) -> bool {
    !matches!(
        token,
        Token::SingleQuotedString(_) | Token::Number(..) | Token::EOF
    )
}

fn parse_lambda(parser: &mut Parser, (count, parens): (usize, bool)) -> Result<Expr, ParserError> {
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

/// `array(…)` and `exists(…)` where no subquery follows.
fn parse_reserved_function(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let [name, paren, first] = parser.peek_tokens_ref::<3>();
    let Token::Word(Word {
        keyword: Keyword::ARRAY | Keyword::EXISTS,
        quote_style: None,
        value,
    }) = &name.token
    else {
        return None;
    };
    if paren.token != Token::LParen || begins_query(&first.token) {
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
        "supports_comment_optimizer_hint",
        "supports_empty_projections",
        "supports_multiline_comment_hints",
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
