//! `CREATE OR REFRESH MATERIALIZED VIEW`.

use std::collections::BTreeMap;

use sqlparser::tokenizer::Token;

use crate::diagnostics::{Diagnostic, codes};
use crate::job::{Dataset, Relation};
use crate::span::Spanned;
use crate::statements::key_values::{self, CheckPhase};
use crate::statements::parse_context::ParseContext;
use crate::statements::{query, table_properties};
use crate::syntax::token_cursor::{Name, ParseResult, TokenCursor, repeated_clause_error};

/// The longest name of a dataset, which becomes the name of a folder.
const MAX_DATASET_NAME: usize = 128;

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
            properties = Some(key_values::parse_key_values(
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
            return Err(cursor.not_yet_supported_error("a materialized view", help));
        } else if cursor.next_words_are(&["SCHEDULE"]) || cursor.next_words_are(&["TRIGGER"]) {
            let help = "leave it out; a job runs when it is submitted";
            return Err(cursor.not_yet_supported_error("a materialized view", help));
        } else if cursor.next_words_are(&["LOCATION"]) {
            let help = "leave it out; a dataset is a folder of its name in the gold zone";
            return Err(cursor.not_yet_supported_error("a materialized view", help));
        } else if ["USING", "WITH", "STORED", "DEFAULT", "OPTIONS", "REFRESH"]
            .iter()
            .any(|word| cursor.next_words_are(&[word]))
        {
            return Err(cursor.not_yet_supported_error("a materialized view", "leave it out"));
        } else {
            return Err(cursor
                .expected_error("PARTITIONED BY, TBLPROPERTIES, COMMENT, or `AS` and a query"));
        }
    }
    cursor.expect_words(&["AS"])?;
    let properties = match properties {
        Some(pairs) => table_properties::check_property_keys(&pairs, &mut context.diagnostics),
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
    table_properties::apply_properties(
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
            return Err(cursor.not_yet_supported_error("a materialized view", "leave it out"));
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
