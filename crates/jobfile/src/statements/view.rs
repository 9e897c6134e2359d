//! `CREATE TEMPORARY VIEW`.

use sqlparser::ast::{Query, SetExpr, TableAliasColumnDef, TableFactor};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use crate::diagnostics::{Diagnostic, codes};
use crate::job::{Relation, View};
use crate::statements::parse_context::ParseContext;
use crate::statements::query;
use crate::syntax::dialect::SluiceDialect;
use crate::syntax::token_cursor::{Name, ParseResult, TokenCursor, repeated_clause_error};

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
            return Err(cursor.not_yet_supported_error("a view", "leave it out"));
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
        streams: Vec::new(),
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
        // Without quotes the name keeps its spelling, and is found in any.
        let mut ident = if name.value == name.written {
            sqlparser::ast::Ident::with_quote('`', name.value.clone())
        } else {
            sqlparser::ast::Ident::new(name.written.clone())
        };
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
