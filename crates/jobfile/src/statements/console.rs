//! Statements that other engines take at a prompt and that say nothing about the tables of
//! a job: `REFRESH …` and `EXPLAIN …`.
//!
//! On Databricks they are commands for a table that exists, and their files of pipelines
//! refuse them; Spark 4.3 has neither for pipelines. Here a run refreshes every dataset,
//! and a `FULL` in the file would fill its table again on every run. So they are options
//! of `submit-job`, which the errors name.

use crate::diagnostics::{Diagnostic, codes};
use crate::syntax::token_cursor::{ParseResult, TokenCursor};

/// The error for `REFRESH STREAMING TABLE t [FULL]` and `REFRESH MATERIALIZED VIEW m
/// [FULL]`, with the option that means the same; `Ok` when the statement is another one.
pub(crate) fn refuse_refresh(cursor: &mut TokenCursor<'_>) -> ParseResult<()> {
    let start = cursor.next_span();
    if !cursor.eat_words(&["REFRESH", "STREAMING", "TABLE"])
        && !cursor.eat_words(&["REFRESH", "MATERIALIZED", "VIEW"])
    {
        return Ok(());
    }
    let name = cursor.parse_name("the name of a dataset")?;
    let is_full = cursor.eat_words(&["FULL"]);
    let span = start.to(cursor.previous_span());
    let option = if is_full {
        "--full-refresh"
    } else {
        "--refresh"
    };
    let help = format!(
        "run the job with `{option} {name}`, which computes no other dataset; without it a run \
         refreshes every dataset of the file",
        name = name.written
    );
    Err(Box::new(
        Diagnostic::error(
            codes::CATALOG_STATEMENT,
            "REFRESH is an option of the run and not part of a job file",
        )
        .with_span(span)
        .with_help(help),
    ))
}

/// The error for `EXPLAIN …`, with the option that explains; `Ok` when the statement is
/// another one.
pub(crate) fn refuse_explain(cursor: &mut TokenCursor<'_>) -> ParseResult<()> {
    if !cursor.next_words_are(&["EXPLAIN"]) {
        return Ok(());
    }
    Err(Box::new(
        Diagnostic::error(
            codes::CATALOG_STATEMENT,
            "EXPLAIN is not part of a job file",
        )
        .with_span(cursor.next_span())
        .with_help(
            "leave it out, and run the job with `--plan`: a dry run that shows of every \
                 dataset its columns, whether it is refreshed incrementally or in full and why, \
                 and with `--verbose` its plan",
        ),
    ))
}
