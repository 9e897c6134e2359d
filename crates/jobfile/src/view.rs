//! `CREATE TEMPORARY VIEW` and `CREATE OR REFRESH MATERIALIZED VIEW`.

use std::collections::BTreeMap;

use sqlparser::ast::{Query, SetExpr, TableAliasColumnDef, TableFactor};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use crate::context::Context;
use crate::cursor::{Cursor, Name, Parsed};
use crate::diagnostic::Diagnostic;
use crate::dialect::SluiceDialect;
use crate::job::{Dataset, Relation, View};
use crate::options::Stage;
use crate::source::{qualified, repeated_clause};
use crate::span::Spanned;
use crate::{codes, options, query};

/// The longest name of a dataset, which becomes the name of a folder.
const MAX_DATASET_NAME: usize = 128;

/// Parses what follows `TEMPORARY VIEW`.
pub(crate) fn parse_view(context: &mut Context<'_>, cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.eat(&["IF", "NOT", "EXISTS"]);
    let name = cursor.name("a name for the view")?;
    context.declare(&name);
    if cursor.peek() == Some(&Token::Period) {
        return Err(qualified(&name, cursor));
    }
    let mut columns = Vec::new();
    if cursor.peek() == Some(&Token::LParen) {
        columns = view_columns(cursor)?;
    }
    let mut comment = None;
    while !cursor.sees(&["AS"]) {
        let span = cursor.span();
        if cursor.eat(&["COMMENT"]) {
            if comment.is_some() {
                return Err(repeated_clause("COMMENT", span));
            }
            comment = Some(cursor.string("the comment's text")?.value);
        } else if cursor.sees(&["TBLPROPERTIES"]) || cursor.sees(&["USING"]) {
            return Err(not_yet(cursor, "a view", "leave it out"));
        } else {
            return Err(cursor.expected("COMMENT or `AS` and a query"));
        }
    }
    cursor.expect(&["AS"])?;
    let (mut query, query_span) = query::parse(context, cursor)?;
    if !columns.is_empty() {
        query = renamed(query, &name, &columns)?;
    }
    context.relations.push(Relation::View(View {
        name: name.value,
        span: name.span,
        query,
        query_span,
        depends_on: Vec::new(),
        comment,
    }));
    Ok(())
}

/// `(name [COMMENT '…'], …)`.
fn view_columns(cursor: &mut Cursor<'_>) -> Parsed<Vec<Name>> {
    cursor.expect_token(&Token::LParen)?;
    let mut names: Vec<Name> = Vec::new();
    loop {
        let name = cursor.name("a column name")?;
        if names
            .iter()
            .any(|n| n.value.to_lowercase() == name.value.to_lowercase())
        {
            return Err(Box::new(
                Diagnostic::error(
                    codes::DUPLICATE_COLUMN,
                    format!("the column `{}` is declared twice", name.written),
                )
                .at(name.span),
            ));
        }
        names.push(name);
        if cursor.eat(&["COMMENT"]) {
            cursor.string("the comment's text")?;
        }
        if cursor.eat_token(&Token::RParen) {
            return Ok(names);
        }
        if !cursor.eat_token(&Token::Comma) {
            let mut error = cursor.expected("`,` or `)`");
            error.help = Some(
                "a view's columns have names only; their types come from the query".to_owned(),
            );
            return Err(error);
        }
    }
}

/// `SELECT * FROM (query) AS name (columns)`.
fn renamed(query: Query, name: &Name, columns: &[Name]) -> Parsed<Query> {
    let ident = |name: &Name| {
        let mut ident = sqlparser::ast::Ident::with_quote('"', name.value.clone());
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

/// Parses what follows `MATERIALIZED VIEW`.
pub(crate) fn parse_dataset(context: &mut Context<'_>, cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.eat(&["IF", "NOT", "EXISTS"]);
    let name = cursor.name("a name for the materialized view")?;
    context.declare(&name);
    if cursor.peek() == Some(&Token::Period) {
        return Err(qualified(&name, cursor));
    }
    if let Some(problem) = bad_dataset_name(&name) {
        context.sink.push(problem);
    }
    let mut primary_key = Vec::new();
    if cursor.peek() == Some(&Token::LParen) {
        primary_key = constraints(context, cursor)?;
    }
    let mut partition_by: Option<Vec<Name>> = None;
    let mut properties = None;
    let mut comment = None;
    while !cursor.sees(&["AS"]) {
        let span = cursor.span();
        if cursor.eat(&["PARTITIONED", "BY"]) {
            if partition_by.is_some() {
                return Err(repeated_clause("PARTITIONED BY", span));
            }
            partition_by = Some(partition_columns(context, cursor)?);
        } else if cursor.eat(&["TBLPROPERTIES"]) {
            if properties.is_some() {
                return Err(repeated_clause("TBLPROPERTIES", span));
            }
            properties = Some(options::key_values(context, cursor, "a table property")?);
        } else if cursor.eat(&["COMMENT"]) {
            if comment.is_some() {
                return Err(repeated_clause("COMMENT", span));
            }
            comment = Some(cursor.string("the comment's text")?.value);
        } else if cursor.sees(&["CLUSTER", "BY"]) {
            let help = "order the rows of each file with TBLPROPERTIES ('sluice.sort_by' = 'a, b')";
            return Err(not_yet(cursor, "a materialized view", help));
        } else if cursor.sees(&["SCHEDULE"]) || cursor.sees(&["TRIGGER"]) {
            let help = "leave it out; a job runs when it is submitted";
            return Err(not_yet(cursor, "a materialized view", help));
        } else if cursor.sees(&["LOCATION"]) {
            let help = "leave it out; a dataset is a folder of its name in the gold zone";
            return Err(not_yet(cursor, "a materialized view", help));
        } else if ["USING", "WITH", "STORED", "DEFAULT", "OPTIONS", "REFRESH"]
            .iter()
            .any(|word| cursor.sees(&[word]))
        {
            return Err(not_yet(cursor, "a materialized view", "leave it out"));
        } else {
            return Err(
                cursor.expected("PARTITIONED BY, TBLPROPERTIES, COMMENT, or `AS` and a query")
            );
        }
    }
    cursor.expect(&["AS"])?;
    let properties = match properties {
        Some(pairs) => options::check_property_keys(&pairs, &mut context.sink),
        None => BTreeMap::new(),
    };
    let (query, query_span) = query::parse(context, cursor)?;
    let mut dataset = Dataset {
        name: name.value,
        span: name.span,
        query,
        query_span,
        depends_on: Vec::new(),
        partition_by: spanned(partition_by.unwrap_or_default()),
        sort_by: Vec::new(),
        target_file_size: None,
        properties,
        comment,
        primary_key,
    };
    options::apply_properties(&mut dataset, Stage::Parsed, &mut context.sink);
    context.relations.push(Relation::Dataset(dataset));
    Ok(())
}

fn spanned(names: Vec<Name>) -> Vec<Spanned<String>> {
    names.iter().map(Name::spanned).collect()
}

fn partition_columns(context: &mut Context<'_>, cursor: &mut Cursor<'_>) -> Parsed<Vec<Name>> {
    let names = cursor.name_list("a column name")?;
    for (i, name) in names.iter().enumerate() {
        if names[..i].iter().any(|n| n.value == name.value) {
            context.sink.push(
                Diagnostic::error(
                    codes::DUPLICATE_COLUMN,
                    format!("PARTITIONED BY names `{}` twice", name.written),
                )
                .at(name.span),
            );
        }
    }
    Ok(names)
}

/// `(PRIMARY KEY (a, b), CONSTRAINT name EXPECT (…), …)`.
fn constraints(context: &mut Context<'_>, cursor: &mut Cursor<'_>) -> Parsed<Vec<Spanned<String>>> {
    let mut key: Vec<Spanned<String>> = Vec::new();
    cursor.expect_token(&Token::LParen)?;
    loop {
        let start = cursor.span();
        let named = cursor.eat(&["CONSTRAINT"]);
        if named && !cursor.sees(&["EXPECT"]) && !cursor.sees(&["PRIMARY"]) {
            cursor.name("a name for the constraint")?;
        }
        if cursor.eat(&["EXPECT"]) {
            let span = start.to(cursor.previous_span());
            if cursor.peek() == Some(&Token::LParen) {
                cursor.skip_parens()?;
            }
            if cursor.eat(&["ON", "VIOLATION"]) {
                while !matches!(cursor.peek(), None | Some(Token::Comma | Token::RParen)) {
                    cursor.advance();
                }
            }
            context.sink.push(
                Diagnostic::error(codes::EXPECTATION, "expectations are not yet supported")
                    .at(span)
                    .help(
                        "filter rows with WHERE, or write them to a separate dataset",
                    ),
            );
        } else if cursor.eat(&["PRIMARY", "KEY"]) {
            let names = cursor.name_list("a column name")?;
            cursor.eat(&["NOT", "ENFORCED"]);
            cursor.eat(&["RELY"]);
            context.sink.push(
                Diagnostic::warning(
                    codes::KEY_NOT_ENFORCED,
                    "a PRIMARY KEY declares what is unique, it does not remove duplicates",
                )
                .at(start.to(cursor.previous_span()))
                .help("remove duplicates in the query: QUALIFY row_number() OVER (PARTITION BY key ORDER BY …) = 1"),
            );
            if !key.is_empty() {
                return Err(repeated_clause("PRIMARY KEY", start));
            }
            key = spanned(names);
        } else if cursor.sees(&["FOREIGN", "KEY"]) || cursor.sees(&["CHECK"]) || named {
            return Err(not_yet(cursor, "a materialized view", "leave it out"));
        } else if matches!(cursor.peek(), Some(Token::Word(_))) {
            let help =
                "leave the list out: the columns come from the query, name them there with AS";
            return Err(Box::new(
                Diagnostic::error(
                    codes::CLAUSE_NOT_YET,
                    "a list of columns is not yet supported on a materialized view",
                )
                .at(start)
                .help(help),
            ));
        } else {
            return Err(cursor.expected("PRIMARY KEY or CONSTRAINT"));
        }
        if cursor.eat_token(&Token::RParen) {
            return Ok(key);
        }
        if !cursor.eat_token(&Token::Comma) {
            return Err(cursor.expected("`,` or `)`"));
        }
    }
}

fn not_yet(cursor: &Cursor<'_>, on: &str, help: &str) -> Box<Diagnostic> {
    let what = cursor.found().replace('`', "").to_uppercase();
    Box::new(
        Diagnostic::error(
            codes::CLAUSE_NOT_YET,
            format!("{what} is not yet supported on {on}"),
        )
        .at(cursor.span())
        .help(help),
    )
}

fn bad_dataset_name(name: &Name) -> Option<Diagnostic> {
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
        .at(name.span)
        .label("becomes the name of a folder")
        .help(match safe_name(&name.value) {
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
