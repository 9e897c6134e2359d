//! `CREATE OR REFRESH MATERIALIZED VIEW` and `STREAMING TABLE`.

use std::collections::BTreeMap;

use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::diagnostics::{Diagnostic, codes};
use crate::job::{Column, Dataset, RefreshPolicy, Relation, SortKey};
use crate::span::Spanned;
use crate::statements::key_values::{self, CheckPhase};
use crate::statements::parse_context::ParseContext;
use crate::statements::{columns, flow, query, schedule, table_properties};
use crate::syntax::token_cursor::{Name, ParseResult, TokenCursor, repeated_clause_error};
use crate::syntax::tokens::{is_whitespace, plain_word, span_of};

/// The longest name of a dataset, which becomes the name of a folder.
const MAX_DATASET_NAME: usize = 128;

/// What a statement creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DatasetKind {
    MaterializedView,
    StreamingTable,
}

impl DatasetKind {
    const fn noun(self) -> &'static str {
        match self {
            Self::MaterializedView => "a materialized view",
            Self::StreamingTable => "a streaming table",
        }
    }
}

/// The clauses between the name and the query.
#[derive(Default)]
struct DatasetClauses {
    partition_by: Option<Vec<Name>>,
    cluster_by: Option<Vec<Name>>,
    properties: Option<Vec<(Spanned<String>, Spanned<String>)>>,
    comment: Option<String>,
    has_format: bool,
    refresh_policy: Option<RefreshPolicy>,
}

/// Parses what follows `MATERIALIZED VIEW` or `STREAMING TABLE`.
pub(crate) fn parse_dataset(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
    kind: DatasetKind,
) -> ParseResult<()> {
    cursor.eat_words(&["IF", "NOT", "EXISTS"]);
    let name = cursor.parse_name(match kind {
        DatasetKind::MaterializedView => "a name for the materialized view",
        DatasetKind::StreamingTable => "a name for the streaming table",
    })?;
    context.declare_relation(&name);
    if cursor.peek() == Some(&Token::Period) {
        return Err(cursor.qualified_name_error(&name));
    }
    if let Some(problem) = dataset_name_error(&name) {
        context.diagnostics.push(problem);
    }
    let mut columns = TableColumns::default();
    if cursor.peek() == Some(&Token::LParen) {
        columns = parse_table_columns(context, cursor, kind)?;
    }
    let is_streaming = kind == DatasetKind::StreamingTable;
    let mut clauses = DatasetClauses::default();
    let begins_query = |cursor: &TokenCursor<'_>| {
        cursor.next_words_are(&["AS"])
            || (is_streaming && (cursor.at_end() || cursor.next_words_are(&["FLOW"])))
    };
    while !begins_query(cursor) {
        parse_clause(context, cursor, kind, &mut clauses)?;
    }
    if let (Some(_), Some([column, ..])) = (&clauses.partition_by, clauses.cluster_by.as_deref()) {
        context.diagnostics.push(
            Diagnostic::error(
                codes::SYNTAX,
                "PARTITIONED BY and CLUSTER BY cannot both be given",
            )
            .with_span(column.span)
            .with_help(
                "order the rows of each file with TBLPROPERTIES ('sluice.sort_by' = 'a, b')",
            ),
        );
    }
    let properties = match clauses.properties {
        Some(pairs) => table_properties::check_property_keys(&pairs, &mut context.diagnostics),
        None => BTreeMap::new(),
    };
    let mut query = None;
    let mut query_span = name.span;
    if is_streaming {
        flow::parse_own_flow(context, cursor, &name)?;
    } else {
        cursor.expect_words(&["AS"])?;
        let (parsed, span) = query::parse_query(context, cursor)?;
        (query, query_span) = (Some(parsed), span);
    }
    let mut dataset = Dataset {
        name: name.value,
        span: name.span,
        query,
        query_span,
        depends_on: Vec::new(),
        columns: columns.columns,
        partition_by: to_spanned_names(clauses.partition_by.unwrap_or_default()),
        sort_by: clauses
            .cluster_by
            .iter()
            .flatten()
            .map(cluster_key)
            .collect(),
        target_file_size: None,
        properties,
        comment: clauses.comment,
        primary_key: columns.primary_key,
        refresh_policy: clauses.refresh_policy.unwrap_or_default(),
    };
    table_properties::apply_properties(
        &mut dataset,
        CheckPhase::BeforeBinding,
        &mut context.diagnostics,
    );
    context.relations.push(Relation::Dataset(dataset));
    Ok(())
}

fn parse_clause(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
    kind: DatasetKind,
    clauses: &mut DatasetClauses,
) -> ParseResult<()> {
    let span = cursor.next_span();
    let on = kind.noun();
    let repeated = |given: bool, what: &str| {
        if given {
            Err(repeated_clause_error(what, span))
        } else {
            Ok(())
        }
    };
    if cursor.eat_words(&["PARTITIONED", "BY"]) {
        repeated(clauses.partition_by.is_some(), "PARTITIONED BY")?;
        let columns = parse_distinct_columns(context, cursor, "PARTITIONED BY")?;
        clauses.partition_by = Some(columns);
    } else if cursor.eat_words(&["TBLPROPERTIES"]) {
        repeated(clauses.properties.is_some(), "TBLPROPERTIES")?;
        let pairs = key_values::parse_key_values(context, cursor, "a table property")?;
        clauses.properties = Some(pairs);
    } else if cursor.eat_words(&["COMMENT"]) {
        repeated(clauses.comment.is_some(), "COMMENT")?;
        clauses.comment = Some(cursor.parse_string("the comment's text")?.value);
    } else if cursor.eat_words(&["USING", "DELTA"]) {
        repeated(clauses.has_format, "USING")?;
        clauses.has_format = true;
    } else if kind == DatasetKind::MaterializedView && cursor.eat_words(&["REFRESH", "POLICY"]) {
        repeated(clauses.refresh_policy.is_some(), "REFRESH POLICY")?;
        clauses.refresh_policy = Some(parse_refresh_policy(cursor)?);
    } else if cursor.eat_words(&["CLUSTER", "BY"]) {
        repeated(clauses.cluster_by.is_some(), "CLUSTER BY")?;
        clauses.cluster_by = Some(parse_cluster_columns(context, cursor)?);
    } else if schedule::parse_schedule(context, cursor)? {
        // When it runs is decided by who submits the job.
    } else if cursor.next_words_are(&["LOCATION"]) {
        let help = "leave it out; a dataset is a folder of its name in the gold zone";
        return Err(cursor.not_yet_supported_error(on, help));
    } else if ["USING", "WITH", "STORED", "DEFAULT", "OPTIONS", "REFRESH"]
        .iter()
        .any(|word| cursor.next_words_are(&[word]))
    {
        return Err(cursor.not_yet_supported_error(on, "leave it out"));
    } else {
        return Err(
            cursor.expected_error("PARTITIONED BY, TBLPROPERTIES, COMMENT, or `AS` and a query")
        );
    }
    Ok(())
}

/// `AUTO | INCREMENTAL [STRICT] | FULL`.
fn parse_refresh_policy(cursor: &mut TokenCursor<'_>) -> ParseResult<RefreshPolicy> {
    if cursor.eat_words(&["INCREMENTAL", "STRICT"]) {
        return Ok(RefreshPolicy::IncrementalStrict);
    }
    if cursor.eat_words(&["FULL"]) {
        return Ok(RefreshPolicy::Full);
    }
    match cursor.eat_words(&["AUTO"]) || cursor.eat_words(&["INCREMENTAL"]) {
        true => Ok(RefreshPolicy::Auto),
        false => Err(cursor.expected_error("AUTO, INCREMENTAL or FULL")),
    }
}

fn to_spanned_names(names: Vec<Name>) -> Vec<Spanned<String>> {
    names.iter().map(Name::to_spanned).collect()
}

fn parse_distinct_columns(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
    clause: &str,
) -> ParseResult<Vec<Name>> {
    refuse_transforms(cursor, clause)?;
    let names = cursor.parse_name_list("a column name")?;
    for (i, name) in names.iter().enumerate() {
        if names[..i].iter().any(|n| n.value == name.value) {
            context.diagnostics.push(
                Diagnostic::error(
                    codes::DUPLICATE_COLUMN,
                    format!("{clause} names `{}` twice", name.written),
                )
                .with_span(name.span),
            );
        }
    }
    Ok(names)
}

/// The error for `days(at)` and others of Spark's partition transforms in the list that
/// comes next.
fn refuse_transforms(cursor: &TokenCursor<'_>, clause: &str) -> ParseResult<()> {
    let mut depth = 0_usize;
    let tokens = cursor
        .rest_tokens()
        .iter()
        .filter(|token| !is_whitespace(token));
    let mut before: Option<&TokenWithSpan> = None;
    for token in tokens {
        match &token.token {
            Token::LParen => {
                let called = before.filter(|_| depth == 1);
                if let Some(name) =
                    called.and_then(|name| plain_word(&name.token).map(|word| (word, name)))
                {
                    let (word, name) = name;
                    return Err(Box::new(
                        Diagnostic::error(
                            codes::CLAUSE_NOT_YET,
                            format!("{clause} names columns, and `{word}(…)` is an expression"),
                        )
                        .with_span(span_of(name))
                        .with_help("compute it as a column of the query, such as CAST(at AS DATE) AS day, and name that"),
                    ));
                }
                depth += 1;
            }
            Token::RParen if depth <= 1 => return Ok(()),
            Token::RParen => depth -= 1,
            _ => {}
        }
        before = Some(token);
    }
    Ok(())
}

/// `(a, b)`, `AUTO` or `NONE`.
fn parse_cluster_columns(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
) -> ParseResult<Vec<Name>> {
    let span = cursor.next_span();
    if cursor.eat_words(&["NONE"]) {
        return Ok(Vec::new());
    }
    if cursor.eat_words(&["AUTO"]) {
        context.diagnostics.push(
            Diagnostic::warning(codes::NO_EFFECT, "CLUSTER BY AUTO has no effect")
                .with_span(span)
                .with_help("name the columns by which the table is read most: CLUSTER BY (a, b)"),
        );
        return Ok(Vec::new());
    }
    parse_distinct_columns(context, cursor, "CLUSTER BY")
}

/// Rows that are read together lie together when each file is sorted.
fn cluster_key(column: &Name) -> SortKey {
    SortKey {
        column: column.value.clone(),
        descending: false,
        nulls_first: true,
        span: column.span,
    }
}

/// The list after the name.
#[derive(Default)]
struct TableColumns {
    columns: Vec<Column>,
    primary_key: Vec<Spanned<String>>,
}

/// `(name TYPE, PRIMARY KEY (a, b), CONSTRAINT name EXPECT (…), …)`.
fn parse_table_columns(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
    kind: DatasetKind,
) -> ParseResult<TableColumns> {
    let mut list = TableColumns::default();
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
            if !list.primary_key.is_empty() {
                return Err(repeated_clause_error("PRIMARY KEY", start));
            }
            list.primary_key = to_spanned_names(names);
        } else if cursor.next_words_are(&["FOREIGN", "KEY"])
            || cursor.next_words_are(&["CHECK"])
            || named
        {
            return Err(cursor.not_yet_supported_error(kind.noun(), "leave it out"));
        } else if matches!(cursor.peek(), Some(Token::Word(_))) {
            let column = columns::parse_column(context, cursor, &list.columns, kind.noun())?;
            list.columns.push(column);
        } else {
            return Err(cursor.expected_error("a column name, PRIMARY KEY or CONSTRAINT"));
        }
        if cursor.eat_token(&Token::RParen) {
            return Ok(list);
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
