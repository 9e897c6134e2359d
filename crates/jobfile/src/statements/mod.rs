//! Detects the kind of a statement, and whether it is allowed in a job file.

use sluice_values::did_you_mean;
pub(crate) mod column_text;
mod columns;
mod console;
mod dataset;
mod declare;
mod flow;
mod function;
pub(crate) mod inference;
pub(crate) mod key_values;
pub(crate) mod new_fields;
pub(crate) mod parse_context;
pub(crate) mod query;
pub(crate) mod read_files;
mod replaced_part;
mod schedule;
pub(crate) mod setting;
pub(crate) mod source;
pub(crate) mod source_options;
pub(crate) mod table_properties;
mod type_parser;
mod view;

use sqlparser::tokenizer::Token;

use self::dataset::DatasetKind;
use self::parse_context::ParseContext;
use crate::diagnostics::{Diagnostic, codes};
use crate::span::Span;
use crate::syntax::token_cursor::{ParseResult, TokenCursor};
use crate::syntax::tokens::plain_word;

const ALLOWED_STATEMENTS: &str = "a job file contains DECLARE VARIABLE, SET, CREATE EXTERNAL TABLE, \
     CREATE TEMPORARY VIEW, CREATE OR REFRESH MATERIALIZED VIEW, CREATE OR REFRESH STREAMING \
     TABLE and CREATE FLOW";

/// Parses one statement into `context`.
pub(crate) fn parse_statement(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
) -> ParseResult<()> {
    if cursor.next_words_are(&["DECLARE"]) {
        return declare::parse_declare(context, cursor);
    }
    if cursor.next_words_are(&["SET"]) {
        return setting::parse_set(context, cursor);
    }
    if cursor.next_words_are(&["USE"]) {
        return parse_use(context, cursor);
    }
    console::refuse_refresh(cursor)?;
    console::refuse_explain(cursor)?;
    let start = cursor.next_span();
    if !cursor.eat_words(&["CREATE"]) {
        return Err(unsupported_statement(cursor));
    }
    let _ = cursor.eat_words(&["OR", "REFRESH"]) || cursor.eat_words(&["OR", "REPLACE"]);
    if cursor.eat_words(&["EXTERNAL", "TABLE"])
        || (source::is_table_of_files(cursor) && cursor.eat_words(&["TABLE"]))
    {
        return source::parse_source(context, cursor);
    }
    if cursor.eat_words(&["TEMPORARY"]) || cursor.eat_words(&["TEMP"]) {
        if cursor.eat_words(&["FUNCTION"]) {
            return function::parse_function(context, cursor);
        }
        cursor.eat_words(&["LIVE"]);
        if cursor.next_words_are(&["STREAMING"]) || cursor.next_words_are(&["TABLE"]) {
            return Err(unsupported_create(context, cursor, start));
        }
        cursor.expect_words(&["VIEW"])?;
        return view::parse_view(context, cursor);
    }
    if cursor.eat_words(&["MATERIALIZED", "VIEW"]) {
        return dataset::parse_dataset(context, cursor, DatasetKind::MaterializedView);
    }
    if cursor.eat_words(&["STREAMING", "TABLE"]) {
        return dataset::parse_dataset(context, cursor, DatasetKind::StreamingTable);
    }
    if cursor.eat_words(&["FLOW"]) {
        return flow::parse_flow(context, cursor);
    }
    if cursor.eat_words(&["VIEW"]) {
        context.diagnostics.push(
            Diagnostic::warning(codes::NO_EFFECT, "the view exists in this job only")
                .with_span(start.to(cursor.previous_span()))
                .with_help("write CREATE TEMPORARY VIEW; rows that outlive the job are those of a materialized view"),
        );
        return view::parse_view(context, cursor);
    }
    Err(unsupported_create(context, cursor, start))
}

/// `USE [CATALOG | SCHEMA | DATABASE] name`: names have no catalog and no schema here, so
/// it changes nothing.
fn parse_use(context: &mut ParseContext<'_>, cursor: &mut TokenCursor<'_>) -> ParseResult<()> {
    let start = cursor.next_span();
    cursor.expect_words(&["USE"])?;
    let _ = ["CATALOG", "SCHEMA", "DATABASE"]
        .iter()
        .any(|word| cursor.eat_words(&[word]));
    cursor.parse_dotted_key("the name of a catalog or schema")?;
    if !cursor.at_end() {
        return Err(cursor.expected_error("`;`"));
    }
    context.diagnostics.push(
        Diagnostic::warning(codes::NO_EFFECT, "USE has no effect")
            .with_span(start.to(cursor.previous_span()))
            .with_help("all tables of a job are in its gold folder: --gold FOLDER"),
    );
    Ok(())
}

/// The error for a `CREATE` that the job language does not support (yet).
fn unsupported_create(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
    start: Span,
) -> Box<Diagnostic> {
    const VIEW: &str = "use CREATE TEMPORARY VIEW to name a query, or CREATE OR REFRESH MATERIALIZED VIEW to write its rows";
    const KINDS: &[(&[&str], &str, &str, &str)] = &[
        (
            &["STREAMING"],
            codes::STREAMING_TABLE,
            "live and temporary streaming tables are not supported",
            "use CREATE OR REFRESH STREAMING TABLE for a table, CREATE TEMPORARY VIEW … FROM STREAM … for a stream without a table",
        ),
        (
            &["LIVE"],
            codes::MANAGED_TABLE,
            "live tables are not supported",
            "use CREATE OR REFRESH MATERIALIZED VIEW",
        ),
        (
            &["TABLE"],
            codes::MANAGED_TABLE,
            "only external tables can be created",
            "use CREATE EXTERNAL TABLE … STORED AS … LOCATION for files, CREATE OR REFRESH MATERIALIZED VIEW … AS for rows to write",
        ),
        (
            &["GLOBAL"],
            codes::PERMANENT_VIEW,
            "views that outlive the job are not supported",
            VIEW,
        ),
        (
            &["RECURSIVE"],
            codes::CLAUSE_NOT_YET,
            "recursive views are not supported",
            "use WITH RECURSIVE inside a query",
        ),
        (
            &["PRIVATE"],
            codes::CLAUSE_NOT_YET,
            "private materialized views are not yet supported",
            "use CREATE TEMPORARY VIEW; it is computed once per run however many datasets read it",
        ),
        (
            &["EXTERNAL"],
            codes::SYNTAX,
            "expected TABLE after EXTERNAL",
            "write CREATE EXTERNAL TABLE",
        ),
        (
            &["MATERIALIZED"],
            codes::SYNTAX,
            "expected VIEW after MATERIALIZED",
            "write CREATE OR REFRESH MATERIALIZED VIEW",
        ),
    ];
    const CATALOG: &[&str] = &[
        "FUNCTION",
        "SCHEMA",
        "DATABASE",
        "CATALOG",
        "INDEX",
        "MACRO",
        "PROCEDURE",
        "ROLE",
        "TYPE",
        "SEQUENCE",
        "CONNECTION",
        "VOLUME",
        "SHARE",
    ];
    for (words, code, message, help) in KINDS {
        if cursor.eat_words(words) {
            let span = start.to(cursor.previous_span());
            for word in ["TEMPORARY", "LIVE", "TABLE", "VIEW", "MATERIALIZED"] {
                cursor.eat_words(&[word]);
            }
            cursor.eat_words(&["IF", "NOT", "EXISTS"]);
            // Other statements may read it: it must not be reported as unknown.
            if let Ok(name) = cursor.parse_name("a name") {
                context.declare_relation(&name);
            }
            return Box::new(
                Diagnostic::error(*code, *message)
                    .with_span(span)
                    .with_help(*help),
            );
        }
    }
    if CATALOG.iter().any(|word| cursor.next_words_are(&[word])) {
        let what = cursor.describe_next().replace('`', "").to_uppercase();
        return Box::new(
            Diagnostic::error(
                codes::CATALOG_STATEMENT,
                format!("CREATE {what} is not supported"),
            )
            .with_span(start.to(cursor.next_span()))
            .with_help(ALLOWED_STATEMENTS),
        );
    }
    let words = ["EXTERNAL TABLE", "TEMPORARY VIEW", "MATERIALIZED VIEW"];
    let mut error = cursor.expected_error("EXTERNAL TABLE, TEMPORARY VIEW or MATERIALIZED VIEW");
    if let Some(Token::Word(word)) = cursor.peek() {
        let firsts = words.iter().map(|w| w.split(' ').next().unwrap_or(w));
        error.help = did_you_mean(&word.value.to_uppercase(), firsts);
    }
    error
}

/// The error for a statement that begins with something other than DECLARE, SET or
/// CREATE.
fn unsupported_statement(cursor: &TokenCursor<'_>) -> Box<Diagnostic> {
    const REPLACE: &str =
        "use CREATE OR REFRESH MATERIALIZED VIEW, whose rows are replaced on every run";
    const KINDS: &[(&[&str], &str, &str)] = &[
        (&["MERGE"], codes::MERGE, REPLACE),
        (&["APPLY"], codes::FLOW, REPLACE),
        (&["AUTO"], codes::FLOW, REPLACE),
        (
            &["INSERT", "UPDATE", "DELETE", "TRUNCATE", "COPY", "REPLACE"],
            codes::CHANGE_ROWS,
            REPLACE,
        ),
        (
            &[
                "DROP", "ALTER", "REFRESH", "OPTIMIZE", "VACUUM", "RESET", "CACHE", "UNCACHE",
                "CLEAR", "ANALYZE", "DESCRIBE", "DESC", "SHOW", "GRANT", "REVOKE", "COMMENT",
                "BEGIN", "COMMIT", "ROLLBACK", "CALL", "EXECUTE", "ADD", "MSCK", "LOAD", "PRAGMA",
                "ATTACH", "INSTALL",
            ],
            codes::CATALOG_STATEMENT,
            ALLOWED_STATEMENTS,
        ),
    ];
    let span = cursor.next_span();
    for (words, code, help) in KINDS {
        if let Some(word) = words.iter().find(|word| cursor.next_words_are(&[word])) {
            let what = match *word {
                "APPLY" => "APPLY CHANGES",
                "AUTO" => "AUTO CDC",
                word => word,
            };
            let not = if *code == codes::CATALOG_STATEMENT {
                "not"
            } else {
                "not yet"
            };
            return Box::new(
                Diagnostic::error(*code, format!("{what} is {not} supported"))
                    .with_span(span)
                    .with_help(*help),
            );
        }
    }
    let query = ["SELECT", "WITH", "VALUES", "FROM", "TABLE"];
    if query.iter().any(|word| cursor.next_words_are(&[word]))
        || cursor.peek() == Some(&Token::LParen)
    {
        return Box::new(
            Diagnostic::error(codes::BARE_QUERY, "a query alone does nothing in a job")
                .with_span(span)
                .with_help("write its rows with `CREATE OR REFRESH MATERIALIZED VIEW name AS …`"),
        );
    }
    let found = cursor.describe_next();
    let help = cursor
        .peek()
        .and_then(plain_word)
        .and_then(|word| did_you_mean(&word.to_uppercase(), ["CREATE", "DECLARE", "SET"]));
    Box::new(
        Diagnostic::error(
            codes::UNKNOWN_STATEMENT,
            format!("no statement begins with {found}"),
        )
        .with_span(span)
        .with_help(help.unwrap_or_else(|| ALLOWED_STATEMENTS.to_owned())),
    )
}
