//! `CREATE FLOW`, and the query of `CREATE STREAMING TABLE`.

use crate::diagnostics::{Diagnostic, codes};
use crate::job::{Flow, Relation, ReplacedPart};
use crate::span::Span;
use crate::statements::parse_context::ParseContext;
use crate::statements::query;
use crate::statements::replaced_part::parse_replaced_part;
use crate::syntax::token_cursor::{Name, ParseResult, TokenCursor};

/// Parses `AS query`, `FLOW INSERT [ONCE] BY NAME query`, `FLOW REPLACE WHERE condition BY
/// NAME query` or nothing, after the clauses of a streaming table.
pub(crate) fn parse_own_flow(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
    table: &Name,
) -> ParseResult<()> {
    let mut inserts = FlowInserts::default();
    if cursor.eat_words(&["FLOW"]) {
        refuse_other_flows(cursor)?;
        if cursor.eat_words(&["INSERT"]) {
            inserts.once = cursor.eat_words(&["ONCE"]);
        } else if !cursor.next_words_are(&["REPLACE"]) {
            return Err(cursor.expected_error("`INSERT` or `REPLACE WHERE`"));
        }
        inserts.parse_part(cursor, table)?;
        if !inserts.by_name {
            cursor.expect_words(&["BY", "NAME"])?;
        }
    } else if !cursor.eat_words(&["AS"]) {
        return Ok(());
    }
    push_flow(context, cursor, table, table, inserts, None)
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
    let mut inserts = FlowInserts {
        once: before || cursor.eat_words(&["ONCE"]),
        ..FlowInserts::default()
    };
    let table = cursor.parse_name("the name of a streaming table")?;
    if cursor.peek() == Some(&sqlparser::tokenizer::Token::Period) {
        return Err(cursor.qualified_name_error(&table));
    }
    inserts.parse_part(cursor, &table)?;
    push_flow(context, cursor, &name, &table, inserts, comment)
}

/// How the rows of a flow come into its table.
#[derive(Default)]
struct FlowInserts {
    once: bool,
    part: Option<ReplacedPart>,
    /// Whether `BY NAME` was written.
    by_name: bool,
}

impl FlowInserts {
    /// Parses `[BY NAME] [REPLACE WHERE condition [BY NAME]]`.
    fn parse_part(&mut self, cursor: &mut TokenCursor<'_>, table: &Name) -> ParseResult<()> {
        self.by_name = cursor.eat_words(&["BY", "NAME"]);
        let start = cursor.next_span();
        self.part = parse_replaced_part(cursor, table)?;
        if self.once && self.part.is_some() {
            return Err(Box::new(
                Diagnostic::error(
                    codes::FLOW_REPLACES,
                    "a flow that replaces a part of its table does so on every run",
                )
                .with_span(start)
                .with_help("leave ONCE out, or leave REPLACE WHERE out"),
            ));
        }
        if !self.by_name {
            self.by_name = cursor.eat_words(&["BY", "NAME"]);
        }
        Ok(())
    }
}

fn push_flow(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
    name: &Name,
    table: &Name,
    inserts: FlowInserts,
    comment: Option<String>,
) -> ParseResult<()> {
    let (query, query_span) = query::parse_query(context, cursor)?;
    context.relations.push(Relation::Flow(Flow {
        name: Flow::relation_name(&table.value, &name.value),
        flow: name.value.clone(),
        table: table.value.clone(),
        span: name.span,
        table_span: table.span,
        once: inserts.once,
        part: inserts.part.map(Box::new),
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
    Ok(())
}

pub(super) fn flow_error(message: &str, span: Span, help: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(codes::FLOW, message)
            .with_span(span)
            .with_help(help),
    )
}
