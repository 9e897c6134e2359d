//! Declared columns: `name TYPE [NOT NULL] [COMMENT '…']`.

use sqlparser::tokenizer::Token;

use crate::diagnostics::{Diagnostic, codes};
use crate::job::Column;
use crate::statements::parse_context::ParseContext;
use crate::statements::type_parser::parse_type;
use crate::syntax::token_cursor::{ParseResult, TokenCursor};

/// Parses one column of `on`, such as `a source`; `declared` are those before it.
pub(crate) fn parse_column(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
    declared: &[Column],
    on: &str,
) -> ParseResult<Column> {
    let name = cursor.parse_name("a column name")?;
    cursor.eat_token(&Token::Colon);
    let (ty, _) = parse_type(cursor)?;
    let (mut nullable, mut comment) = (true, None);
    loop {
        if cursor.eat_words(&["NOT", "NULL"]) {
            nullable = false;
        } else if cursor.eat_words(&["NULL"]) {
            nullable = true;
        } else if cursor.eat_words(&["COMMENT"]) {
            comment = Some(cursor.parse_string("the comment's text")?.value);
        } else {
            break;
        }
    }
    for word in [
        "DEFAULT",
        "GENERATED",
        "CHECK",
        "PRIMARY",
        "MASK",
        "COLLATE",
    ] {
        if cursor.next_words_are(&[word]) {
            let help = match on {
                "a source" => "compute it in a view over the source",
                _ => "compute it in the query",
            };
            return Err(Box::new(
                Diagnostic::error(
                    codes::CLAUSE_NOT_YET,
                    format!("{word} is not supported on a column of {on}"),
                )
                .with_span(cursor.next_span())
                .with_help(help),
            ));
        }
    }
    let lower = name.value.to_lowercase();
    let first = declared.iter().find(|c| c.name.to_lowercase() == lower);
    if let Some(first) = first {
        let line = first.span.start.line;
        context.diagnostics.push(
            Diagnostic::error(
                codes::DUPLICATE_COLUMN,
                format!("the column `{}` is declared twice", name.written),
            )
            .with_span(name.span)
            .with_label(format!("first declared on line {line}"))
            .with_help("names must differ in more than upper and lower case"),
        );
    }
    Ok(Column {
        name: name.value,
        source_name: name.written,
        ty,
        nullable,
        span: name.span,
        comment,
    })
}
