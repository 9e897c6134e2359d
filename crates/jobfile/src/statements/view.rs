//! `CREATE TEMPORARY VIEW` and `CREATE OR REFRESH MATERIALIZED VIEW`.

use std::collections::BTreeMap;

use sqlparser::ast::{Query, SetExpr, TableAliasColumnDef, TableFactor};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use crate::diagnostics::{Diagnostic, codes};
use crate::job::{Dataset, Relation, View};
use crate::span::Spanned;
use crate::statements::option_clauses::{self, CheckPhase};
use crate::statements::parse_context::ParseContext;
use crate::statements::query;
use crate::syntax::dialect::SluiceDialect;
use crate::syntax::token_cursor::{Name, ParseResult, TokenCursor, repeated_clause_error};

/// The longest name of a dataset, which becomes the name of a folder.
const MAX_DATASET_NAME: usize = 128;

/// Parses what follows `TEMPORARY VIEW`.
pub(crate) fn parse_view(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
) -> ParseResult<()> {
    cursor.eat_words(&["IF", "NOT", "EXISTS"]);
    let name = cursor.parse_name("a name for the view")?;
    context.declare_relation(&name);
    if cursor.peek() == Some(&Token::Period) {
        return Err(cursor.qualified_name_error(&name));
    }
    let mut columns = Vec::new();
    if cursor.peek() == Some(&Token::LParen) {
        columns = parse_view_columns(cursor)?;
    }
    let mut comment = None;
    while !cursor.next_words_are(&["AS"]) {
        let span = cursor.next_span();
        if cursor.eat_words(&["COMMENT"]) {
            if comment.is_some() {
                return Err(repeated_clause_error("COMMENT", span));
            }
            comment = Some(cursor.parse_string("the comment's text")?.value);
        } else if cursor.next_words_are(&["TBLPROPERTIES"]) || cursor.next_words_are(&["USING"]) {
            return Err(not_yet_supported(cursor, "a view", "leave it out"));
        } else {
            return Err(cursor.expected_error("COMMENT or `AS` and a query"));
        }
    }
    cursor.expect_words(&["AS"])?;
    let (mut query, query_span) = query::parse_query(context, cursor)?;
    if !columns.is_empty() {
        query = rename_columns(query, &name, &columns)?;
    }
    context.relations.push(Relation::View(View {
        name: name.value,
        span: name.span,
        query,
        query_span,
        depends_on: Vec::new(),
        comment,
    }));
    Ok(())
}

/// `(name [COMMENT '…'], …)`.
fn parse_view_columns(cursor: &mut TokenCursor<'_>) -> ParseResult<Vec<Name>> {
    cursor.expect_token(&Token::LParen)?;
    let mut names: Vec<Name> = Vec::new();
    loop {
        let name = cursor.parse_name("a column name")?;
        if names
            .iter()
            .any(|n| n.value.to_lowercase() == name.value.to_lowercase())
        {
            return Err(Box::new(
                Diagnostic::error(
                    codes::DUPLICATE_COLUMN,
                    format!("the column `{}` is declared twice", name.written),
                )
                .with_span(name.span),
            ));
        }
        names.push(name);
        if cursor.eat_words(&["COMMENT"]) {
            cursor.parse_string("the comment's text")?;
        }
        if cursor.eat_token(&Token::RParen) {
            return Ok(names);
        }
        if !cursor.eat_token(&Token::Comma) {
            let mut error = cursor.expected_error("`,` or `)`");
            error.help = Some(
                "a view's columns have names only; their types come from the query".to_owned(),
            );
            return Err(error);
        }
    }
}

/// `SELECT * FROM (query) AS name (columns)`.
fn rename_columns(query: Query, name: &Name, columns: &[Name]) -> ParseResult<Query> {
    let ident = |name: &Name| {
        let mut ident = sqlparser::ast::Ident::with_quote('"', name.value.clone());
        ident.span = name.span.to_sqlparser();
        ident
    };
    let dialect = SluiceDialect::new(0);
    let parsed = Parser::new(&dialect)
        .try_with_sql("SELECT * FROM (SELECT 1) AS v (c)")
        .and_then(|mut parser| parser.parse_query());
    let mut outer = match parsed {
        Ok(outer) => outer,
        Err(_) => return Ok(query),
    };
    if let SetExpr::Select(select) = outer.body.as_mut()
        && let Some(from) = select.from.first_mut()
        && let TableFactor::Derived {
            subquery,
            alias: Some(alias),
            ..
        } = &mut from.relation
    {
        **subquery = query;
        alias.name = ident(name);
        alias.columns = columns
            .iter()
            .map(|column| TableAliasColumnDef {
                name: ident(column),
                data_type: None,
            })
            .collect();
    }
    Ok(*outer)
}

/// Parses what follows `MATERIALIZED VIEW`.
pub(crate) fn parse_dataset(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
) -> ParseResult<()> {
    cursor.eat_words(&["IF", "NOT", "EXISTS"]);
    let name = cursor.parse_name("a name for the materialized view")?;
    context.declare_relation(&name);
    if cursor.peek() == Some(&Token::Period) {
        return Err(cursor.qualified_name_error(&name));
    }
    if let Some(problem) = dataset_name_error(&name) {
        context.diagnostics.push(problem);
    }
    let mut primary_key = Vec::new();
    if cursor.peek() == Some(&Token::LParen) {
        primary_key = parse_constraints(context, cursor)?;
    }
    let mut partition_by: Option<Vec<Name>> = None;
    let mut properties = None;
    let mut comment = None;
    while !cursor.next_words_are(&["AS"]) {
        let span = cursor.next_span();
        if cursor.eat_words(&["PARTITIONED", "BY"]) {
            if partition_by.is_some() {
                return Err(repeated_clause_error("PARTITIONED BY", span));
            }
            partition_by = Some(parse_partition_columns(context, cursor)?);
        } else if cursor.eat_words(&["TBLPROPERTIES"]) {
            if properties.is_some() {
                return Err(repeated_clause_error("TBLPROPERTIES", span));
            }
            properties = Some(option_clauses::parse_key_values(
                context,
                cursor,
                "a table property",
            )?);
        } else if cursor.eat_words(&["COMMENT"]) {
            if comment.is_some() {
                return Err(repeated_clause_error("COMMENT", span));
            }
            comment = Some(cursor.parse_string("the comment's text")?.value);
        } else if cursor.next_words_are(&["CLUSTER", "BY"]) {
            let help = "order the rows of each file with TBLPROPERTIES ('sluice.sort_by' = 'a, b')";
            return Err(not_yet_supported(cursor, "a materialized view", help));
        } else if cursor.next_words_are(&["SCHEDULE"]) || cursor.next_words_are(&["TRIGGER"]) {
            let help = "leave it out; a job runs when it is submitted";
            return Err(not_yet_supported(cursor, "a materialized view", help));
        } else if cursor.next_words_are(&["LOCATION"]) {
            let help = "leave it out; a dataset is a folder of its name in the gold zone";
            return Err(not_yet_supported(cursor, "a materialized view", help));
        } else if ["USING", "WITH", "STORED", "DEFAULT", "OPTIONS", "REFRESH"]
            .iter()
            .any(|word| cursor.next_words_are(&[word]))
        {
            return Err(not_yet_supported(
                cursor,
                "a materialized view",
                "leave it out",
            ));
        } else {
            return Err(cursor
                .expected_error("PARTITIONED BY, TBLPROPERTIES, COMMENT, or `AS` and a query"));
        }
    }
    cursor.expect_words(&["AS"])?;
    let properties = match properties {
        Some(pairs) => option_clauses::check_property_keys(&pairs, &mut context.diagnostics),
        None => BTreeMap::new(),
    };
    let (query, query_span) = query::parse_query(context, cursor)?;
    let mut dataset = Dataset {
        name: name.value,
        span: name.span,
        query,
        query_span,
        depends_on: Vec::new(),
        partition_by: to_spanned_names(partition_by.unwrap_or_default()),
        sort_by: Vec::new(),
        target_file_size: None,
        properties,
        comment,
        primary_key,
    };
    option_clauses::apply_properties(
        &mut dataset,
        CheckPhase::BeforeBinding,
        &mut context.diagnostics,
    );
    context.relations.push(Relation::Dataset(dataset));
    Ok(())
}

fn to_spanned_names(names: Vec<Name>) -> Vec<Spanned<String>> {
    names.iter().map(Name::to_spanned).collect()
}

fn parse_partition_columns(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
) -> ParseResult<Vec<Name>> {
    let names = cursor.parse_name_list("a column name")?;
    for (i, name) in names.iter().enumerate() {
        if names[..i].iter().any(|n| n.value == name.value) {
            context.diagnostics.push(
                Diagnostic::error(
                    codes::DUPLICATE_COLUMN,
                    format!("PARTITIONED BY names `{}` twice", name.written),
                )
                .with_span(name.span),
            );
        }
    }
    Ok(names)
}

/// `(PRIMARY KEY (a, b), CONSTRAINT name EXPECT (…), …)`.
fn parse_constraints(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
) -> ParseResult<Vec<Spanned<String>>> {
    let mut key: Vec<Spanned<String>> = Vec::new();
    cursor.expect_token(&Token::LParen)?;
    loop {
        let start = cursor.next_span();
        let named = cursor.eat_words(&["CONSTRAINT"]);
        if named && !cursor.next_words_are(&["EXPECT"]) && !cursor.next_words_are(&["PRIMARY"]) {
            cursor.parse_name("a name for the constraint")?;
        }
        if cursor.eat_words(&["EXPECT"]) {
            let span = start.to(cursor.previous_span());
            if cursor.peek() == Some(&Token::LParen) {
                cursor.skip_parens()?;
            }
            if cursor.eat_words(&["ON", "VIOLATION"]) {
                while !matches!(cursor.peek(), None | Some(Token::Comma | Token::RParen)) {
                    cursor.advance();
                }
            }
            context.diagnostics.push(
                Diagnostic::error(codes::EXPECTATION, "expectations are not yet supported")
                    .with_span(span)
                    .with_help("filter rows with WHERE, or write them to a separate dataset"),
            );
        } else if cursor.eat_words(&["PRIMARY", "KEY"]) {
            let names = cursor.parse_name_list("a column name")?;
            cursor.eat_words(&["NOT", "ENFORCED"]);
            cursor.eat_words(&["RELY"]);
            context.diagnostics.push(
                Diagnostic::warning(
                    codes::KEY_NOT_ENFORCED,
                    "a PRIMARY KEY declares what is unique, it does not remove duplicates",
                )
                .with_span(start.to(cursor.previous_span()))
                .with_help("remove duplicates in the query: QUALIFY row_number() OVER (PARTITION BY key ORDER BY …) = 1"),
            );
            if !key.is_empty() {
                return Err(repeated_clause_error("PRIMARY KEY", start));
            }
            key = to_spanned_names(names);
        } else if cursor.next_words_are(&["FOREIGN", "KEY"])
            || cursor.next_words_are(&["CHECK"])
            || named
        {
            return Err(not_yet_supported(
                cursor,
                "a materialized view",
                "leave it out",
            ));
        } else if matches!(cursor.peek(), Some(Token::Word(_))) {
            let help =
                "leave the list out: the columns come from the query, name them there with AS";
            return Err(Box::new(
                Diagnostic::error(
                    codes::CLAUSE_NOT_YET,
                    "a list of columns is not yet supported on a materialized view",
                )
                .with_span(start)
                .with_help(help),
            ));
        } else {
            return Err(cursor.expected_error("PRIMARY KEY or CONSTRAINT"));
        }
        if cursor.eat_token(&Token::RParen) {
            return Ok(key);
        }
        if !cursor.eat_token(&Token::Comma) {
            return Err(cursor.expected_error("`,` or `)`"));
        }
    }
}

fn not_yet_supported(cursor: &TokenCursor<'_>, on: &str, help: &str) -> Box<Diagnostic> {
    let what = cursor.describe_next().replace('`', "").to_uppercase();
    Box::new(
        Diagnostic::error(
            codes::CLAUSE_NOT_YET,
            format!("{what} is not yet supported on {on}"),
        )
        .with_span(cursor.next_span())
        .with_help(help),
    )
}

fn dataset_name_error(name: &Name) -> Option<Diagnostic> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let problem = if name.value.len() > MAX_DATASET_NAME {
        format!("is longer than {MAX_DATASET_NAME} characters")
    } else if name.value.starts_with('_') {
        "begins with `_`, which readers of the gold zone treat as hidden".to_owned()
    } else if !name.value.chars().all(allowed) {
        "has characters other than a to z, 0 to 9 and `_`".to_owned()
    } else {
        return None;
    };
    Some(
        Diagnostic::error(
            codes::BAD_NAME,
            format!("the name of this dataset {problem}"),
        )
        .with_span(name.span)
        .with_label("becomes the name of a folder")
        .with_help(match safe_name(&name.value) {
            Some(safe) => format!("for example `{safe}`"),
            None => "use a to z, 0 to 9 and `_`".to_owned(),
        }),
    )
}

fn safe_name(name: &str) -> Option<String> {
    let safe: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .take(MAX_DATASET_NAME)
        .collect();
    let safe = safe.trim_matches('_').to_owned();
    (safe.chars().any(|c| c.is_ascii_alphanumeric())).then_some(safe)
}
