//! Detects the kind of a statement, and whether it is allowed in a job file.

use sqlparser::tokenizer::Token;

use crate::context::Context;
use crate::cursor::{Cursor, Parsed};
use crate::diagnostic::Diagnostic;
use crate::lex::plain_word;
use crate::span::Span;
use crate::{codes, setting, source, suggest, variable, view};

const ALLOWED: &str = "a job file contains DECLARE VARIABLE, SET, CREATE EXTERNAL TABLE, \
     CREATE TEMPORARY VIEW and CREATE OR REFRESH MATERIALIZED VIEW";

/// Parses one statement into `context`.
pub(crate) fn parse(context: &mut Context<'_>, cursor: &mut Cursor<'_>) -> Parsed<()> {
    if cursor.sees(&["DECLARE"]) {
        return variable::parse(context, cursor);
    }
    if cursor.sees(&["SET"]) {
        return setting::parse(context, cursor);
    }
    let start = cursor.span();
    if !cursor.eat(&["CREATE"]) {
        return Err(foreign(cursor));
    }
    let _ = cursor.eat(&["OR", "REFRESH"]) || cursor.eat(&["OR", "REPLACE"]);
    if cursor.eat(&["EXTERNAL", "TABLE"]) {
        return source::parse(context, cursor);
    }
    if cursor.eat(&["TEMPORARY"]) || cursor.eat(&["TEMP"]) {
        cursor.eat(&["LIVE"]);
        if cursor.sees(&["STREAMING"]) || cursor.sees(&["TABLE"]) {
            return Err(created(context, cursor, start));
        }
        cursor.expect(&["VIEW"])?;
        return view::parse_view(context, cursor);
    }
    if cursor.eat(&["MATERIALIZED", "VIEW"]) {
        return view::parse_dataset(context, cursor);
    }
    Err(created(context, cursor, start))
}

/// The error for a `CREATE` that the job language does not support (yet).
fn created(context: &mut Context<'_>, cursor: &mut Cursor<'_>, start: Span) -> Box<Diagnostic> {
    const VIEW: &str = "use CREATE TEMPORARY VIEW to name a query, or CREATE OR REFRESH MATERIALIZED VIEW to write its rows";
    const KINDS: &[(&[&str], &str, &str, &str)] = &[
        (
            &["STREAMING"],
            codes::STREAMING_TABLE,
            "streaming tables are not yet supported",
            "use CREATE OR REFRESH MATERIALIZED VIEW, which is recomputed on every run",
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
            &["VIEW"],
            codes::PERMANENT_VIEW,
            "views that outlive the job are not supported",
            VIEW,
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
            &["FLOW"],
            codes::FLOW,
            "flows are not yet supported",
            "put the query in the materialized view itself",
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
        if cursor.eat(words) {
            let span = start.to(cursor.previous_span());
            for word in ["TEMPORARY", "LIVE", "TABLE", "VIEW", "MATERIALIZED"] {
                cursor.eat(&[word]);
            }
            cursor.eat(&["IF", "NOT", "EXISTS"]);
            // Other statements may read it: it must not be reported as unknown.
            if *code != codes::FLOW
                && let Ok(name) = cursor.name("a name")
            {
                context.declare(&name);
            }
            return Box::new(Diagnostic::error(*code, *message).at(span).help(*help));
        }
    }
    if CATALOG.iter().any(|word| cursor.sees(&[word])) {
        let what = cursor.found().replace('`', "").to_uppercase();
        return Box::new(
            Diagnostic::error(
                codes::CATALOG_STATEMENT,
                format!("CREATE {what} is not supported"),
            )
            .at(start.to(cursor.span()))
            .help(ALLOWED),
        );
    }
    let words = ["EXTERNAL TABLE", "TEMPORARY VIEW", "MATERIALIZED VIEW"];
    let mut error = cursor.expected("EXTERNAL TABLE, TEMPORARY VIEW or MATERIALIZED VIEW");
    if let Some(Token::Word(word)) = cursor.peek() {
        let firsts = words.iter().map(|w| w.split(' ').next().unwrap_or(w));
        error.help = suggest::did_you_mean(&word.value.to_uppercase(), firsts);
    }
    error
}

/// The error for a statement that begins with something other than DECLARE, SET or
/// CREATE.
fn foreign(cursor: &Cursor<'_>) -> Box<Diagnostic> {
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
                "DROP", "ALTER", "REFRESH", "OPTIMIZE", "VACUUM", "USE", "RESET", "CACHE",
                "UNCACHE", "CLEAR", "ANALYZE", "DESCRIBE", "DESC", "SHOW", "EXPLAIN", "GRANT",
                "REVOKE", "COMMENT", "BEGIN", "COMMIT", "ROLLBACK", "CALL", "EXECUTE", "ADD",
                "MSCK", "LOAD", "PRAGMA", "ATTACH", "INSTALL",
            ],
            codes::CATALOG_STATEMENT,
            ALLOWED,
        ),
    ];
    let span = cursor.span();
    for (words, code, help) in KINDS {
        if let Some(word) = words.iter().find(|word| cursor.sees(&[word])) {
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
                    .at(span)
                    .help(*help),
            );
        }
    }
    let query = ["SELECT", "WITH", "VALUES", "FROM", "TABLE"];
    if query.iter().any(|word| cursor.sees(&[word])) || cursor.peek() == Some(&Token::LParen) {
        return Box::new(
            Diagnostic::error(codes::BARE_QUERY, "a query alone does nothing in a job")
                .at(span)
                .help("write its rows with `CREATE OR REFRESH MATERIALIZED VIEW name AS …`"),
        );
    }
    let found = cursor.found();
    let help = cursor
        .peek()
        .and_then(plain_word)
        .and_then(|word| suggest::did_you_mean(&word.to_uppercase(), ["CREATE", "DECLARE", "SET"]));
    Box::new(
        Diagnostic::error(
            codes::UNKNOWN_STATEMENT,
            format!("no statement begins with {found}"),
        )
        .at(span)
        .help(help.unwrap_or_else(|| ALLOWED.to_owned())),
    )
}
