//! `CREATE FLOW`, and the query of `CREATE STREAMING TABLE`.

use crate::diagnostics::{Diagnostic, codes};
use crate::job::{Flow, Relation};
use crate::span::Span;
use crate::statements::parse_context::ParseContext;
use crate::statements::query;
use crate::syntax::token_cursor::{Name, ParseResult, TokenCursor};

/// Parses `AS query`, `FLOW INSERT [ONCE] BY NAME query` or nothing, after the clauses
/// of a streaming table.
pub(crate) fn parse_own_flow(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
    table: &Name,
) -> ParseResult<()> {
    let mut once = false;
    if cursor.eat_words(&["FLOW"]) {
        refuse_other_flows(cursor)?;
        cursor.expect_words(&["INSERT"])?;
        once = cursor.eat_words(&["ONCE"]);
        refuse_replace(cursor)?;
        cursor.expect_words(&["BY", "NAME"])?;
    } else if !cursor.eat_words(&["AS"]) {
        return Ok(());
    }
    push_flow(context, cursor, table, table, once, None)
}

/// Parses what follows `CREATE FLOW`.
pub(crate) fn parse_flow(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
) -> ParseResult<()> {
    let name = cursor.parse_name("a name for the flow")?;
    if !name.value.chars().all(|c| c.is_alphanumeric() || c == '_') {
        context.diagnostics.push(
            Diagnostic::error(
                codes::BAD_NAME,
                "the name of a flow has letters, digits and `_` only",
            )
            .with_span(name.span)
            .with_label("becomes a name in the table's log"),
        );
    }
    let mut comment = None;
    if cursor.eat_words(&["COMMENT"]) {
        comment = Some(cursor.parse_string("the comment's text")?.value);
    }
    cursor.expect_words(&["AS"])?;
    refuse_other_flows(cursor)?;
    cursor.expect_words(&["INSERT"])?;
    let before = cursor.eat_words(&["ONCE"]);
    cursor.expect_words(&["INTO"])?;
    let once = before || cursor.eat_words(&["ONCE"]);
    let table = cursor.parse_name("the name of a streaming table")?;
    if cursor.peek() == Some(&sqlparser::tokenizer::Token::Period) {
        return Err(cursor.qualified_name_error(&table));
    }
    cursor.eat_words(&["BY", "NAME"]);
    refuse_replace(cursor)?;
    push_flow(context, cursor, &name, &table, once, comment)
}

fn push_flow(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
    name: &Name,
    table: &Name,
    once: bool,
    comment: Option<String>,
) -> ParseResult<()> {
    let (query, query_span) = query::parse_query(context, cursor)?;
    context.relations.push(Relation::Flow(Flow {
        name: Flow::relation_name(&table.value, &name.value),
        flow: name.value.clone(),
        table: table.value.clone(),
        span: name.span,
        table_span: table.span,
        once,
        query,
        query_span,
        depends_on: Vec::new(),
        streams: Vec::new(),
        comment,
    }));
    Ok(())
}

fn refuse_other_flows(cursor: &mut TokenCursor<'_>) -> ParseResult<()> {
    let start = cursor.next_span();
    if cursor.eat_words(&["AUTO", "CDC"]) || cursor.eat_words(&["APPLY", "CHANGES"]) {
        return Err(flow_error(
            "AUTO CDC is not yet supported",
            start.to(cursor.previous_span()),
            "add all versions of a row with INSERT INTO, and select the newest in a materialized \
             view: QUALIFY row_number() OVER (PARTITION BY key ORDER BY sequence DESC) = 1",
        ));
    }
    refuse_replace(cursor)
}

fn refuse_replace(cursor: &mut TokenCursor<'_>) -> ParseResult<()> {
    let start = cursor.next_span();
    if cursor.eat_words(&["REPLACE"]) {
        return Err(flow_error(
            "flows that replace rows are not yet supported",
            start,
            "use INSERT INTO to add rows, or a materialized view for rows that are replaced",
        ));
    }
    Ok(())
}

fn flow_error(message: &str, span: Span, help: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(codes::FLOW, message)
            .with_span(span)
            .with_help(help),
    )
}
