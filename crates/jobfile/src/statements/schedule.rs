//! `SCHEDULE …` and `TRIGGER ON UPDATE …` of datasets, which Databricks has: when a table
//! is refreshed is decided by who submits the job.

use sqlparser::tokenizer::Token;

use crate::diagnostics::{Diagnostic, codes};
use crate::statements::parse_context::ParseContext;
use crate::syntax::token_cursor::{ParseResult, TokenCursor};
use crate::syntax::tokens::plain_word;

/// Reads one of the clauses, if it is next, and warns that it has no effect.
///
/// - `SCHEDULE [REFRESH] EVERY n unit`
/// - `SCHEDULE [REFRESH] CRON 'expression' [AT TIME ZONE 'zone']`
/// - `TRIGGER ON UPDATE [AT MOST EVERY INTERVAL n unit]`
pub(crate) fn parse_schedule(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
) -> ParseResult<bool> {
    let start = cursor.next_span();
    let what = if cursor.eat_words(&["SCHEDULE"]) {
        cursor.eat_words(&["REFRESH"]);
        if cursor.eat_words(&["EVERY"]) {
            parse_interval(cursor)?;
        } else {
            cursor.expect_words(&["CRON"])?;
            cursor.parse_string("a cron expression in single quotes")?;
            if cursor.eat_words(&["AT", "TIME", "ZONE"]) {
                cursor.parse_string("a time zone in single quotes")?;
            }
        }
        "SCHEDULE"
    } else if cursor.eat_words(&["TRIGGER"]) {
        cursor.expect_words(&["ON", "UPDATE"])?;
        if cursor.eat_words(&["AT", "MOST", "EVERY"]) {
            parse_interval(cursor)?;
        }
        "TRIGGER ON UPDATE"
    } else {
        return Ok(false);
    };
    context.diagnostics.push(
        Diagnostic::warning(codes::NO_EFFECT, format!("{what} has no effect"))
            .with_span(start.to(cursor.previous_span()))
            .with_help("a job runs when it is submitted; let Airflow or cron submit it as often as you want"),
    );
    Ok(true)
}

/// `[INTERVAL] n unit`, with the number as it is or in quotes.
fn parse_interval(cursor: &mut TokenCursor<'_>) -> ParseResult<()> {
    cursor.eat_words(&["INTERVAL"]);
    match cursor.peek() {
        Some(Token::Number(..) | Token::SingleQuotedString(_)) => cursor.advance(),
        _ => return Err(cursor.expected_error("a number")),
    }
    match cursor.peek().and_then(plain_word) {
        Some(word) if !word.eq_ignore_ascii_case("AS") => {
            cursor.advance();
            Ok(())
        }
        _ => Err(cursor.expected_error("a unit such as HOURS")),
    }
}
