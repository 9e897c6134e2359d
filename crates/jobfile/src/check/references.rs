//! Which relations a query reads, with the scopes of its common table
//! expressions.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sluice_values::suggest_or_list;
use sqlparser::ast::{
    Ident, ObjectName, ObjectNamePart, Query, Select, SetExpr, Spanned, TableFactor, Visitor,
};

use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::span::Span;
use crate::syntax::streams::stream_of;
use crate::traversal::visit_nodes;

/// Functions that are allowed in FROM.
const TABLE_FUNCTIONS: &[&str] = &[
    "explode",
    "explode_outer",
    "generate_series",
    "inline",
    "inline_outer",
    "json_tuple",
    "posexplode",
    "posexplode_outer",
    "range",
    "stack",
    "unnest",
];

/// A name in FROM that is not a common table expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Lower case unless it was quoted.
    pub(crate) name: String,
    pub(crate) written: String,
    pub(crate) span: Span,
    /// Whether it is read with STREAM.
    pub(crate) is_stream: bool,
}

/// The name in SQL's normal form: lower case unless it is quoted.
pub(crate) fn normalized_name(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// The span of a name; the file's start if sqlparser has lost it.
pub(crate) fn ident_span(ident: &Ident) -> Span {
    Span::of_node(ident.span)
}

/// The relations that `query` names, in order of appearance. Invalid references
/// are added to `diagnostics`. `declared` are the file's names.
pub(crate) fn find_references(
    query: &Query,
    declared: &BTreeSet<String>,
    diagnostics: &mut Diagnostics,
) -> Vec<Reference> {
    let mut finder = ReferenceFinder {
        scopes: Vec::new(),
        references: Vec::new(),
        declared,
        diagnostics,
    };
    let _ = visit_nodes(query, &mut finder);
    finder.references
}

/// One query and the names that its WITH defines.
struct Scope {
    ctes: Vec<String>,
    recursive: bool,
    /// How many of `ctes` have been visited; they are visited first, in order.
    visited_ctes: usize,
}

struct ReferenceFinder<'a> {
    scopes: Vec<Scope>,
    references: Vec<Reference>,
    declared: &'a BTreeSet<String>,
    diagnostics: &'a mut Diagnostics,
}

impl ReferenceFinder<'_> {
    /// In a common table expression those before it are visible, and it is itself
    /// when the WITH is recursive. In the query's body all are visible.
    fn is_cte(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| {
            let visible = scope.visited_ctes + usize::from(scope.recursive);
            scope.ctes.iter().take(visible).any(|cte| cte == name)
        })
    }

    fn add_table(&mut self, name: &ObjectName) {
        if let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() {
            let normal = normalized_name(ident);
            if !self.is_cte(&normal) {
                let stream = stream_of(&normal);
                self.references.push(Reference {
                    name: stream.unwrap_or(&normal).to_owned(),
                    written: stream.unwrap_or(&ident.value).to_owned(),
                    span: ident_span(ident),
                    is_stream: stream.is_some(),
                });
            }
            return;
        }
        let last = name.0.last().and_then(ObjectNamePart::as_ident);
        let first = name.0.first().and_then(ObjectNamePart::as_ident);
        let help = match last.map(normalized_name) {
            Some(last) if self.declared.contains(&last) => format!("write `{last}` alone"),
            _ => match first.map(normalized_name) {
                Some(first) if self.declared.contains(&first) || self.is_cte(&first) => {
                    format!("to read the elements of an array use unnest({name})")
                }
                Some(format) if ["json", "csv", "parquet"].contains(&format.as_str()) => format!(
                    "files are read after FROM and JOIN, with the path in backquotes: FROM {format}.`folder`, or \
                     CROSS JOIN {format}.`folder` in place of a comma"
                ),
                _ => "declare the files as a source with CREATE EXTERNAL TABLE and read that"
                    .to_owned(),
            },
        };
        let span = Span::of_node(name.span());
        self.diagnostics.push(
            Diagnostic::error(
                codes::QUALIFIED_TABLE,
                "table names with a catalog or schema are not supported",
            )
            .with_span(span)
            .with_help(help),
        );
    }

    fn check_table_function(&mut self, name: &ObjectName) {
        let text = name.to_string().to_lowercase();
        if TABLE_FUNCTIONS.contains(&text.as_str()) {
            return;
        }
        let help = match text.as_str() {
            "flatten" => "use explode(…) or inline(…)".to_owned(),
            "read_files" | "read_json" | "read_json_auto" | "read_parquet" | "read_csv"
            | "read_csv_auto" | "read_ndjson" | "cloud_files" => {
                "use read_files('path', format => 'json'), or declare the files as a source with \
                 CREATE EXTERNAL TABLE and read that"
                    .to_owned()
            }
            "read_kafka" => "topics are read by ingest-landing: declare what has landed as a \
                 source, CREATE EXTERNAL TABLE … LOCATION '${landing}/TOPIC', and read STREAM of it"
                .to_owned(),
            other => suggest_or_list(
                other,
                "the table functions are",
                TABLE_FUNCTIONS.iter().copied(),
            ),
        };
        let span = Span::of_node(name.span());
        self.diagnostics.push(
            Diagnostic::error(
                codes::UNKNOWN_TABLE_FUNCTION,
                format!("unknown table function `{name}`"),
            )
            .with_span(span)
            .with_help(help),
        );
    }

    fn report_unsupported(&mut self, span: sqlparser::tokenizer::Span, what: &str, help: &str) {
        let mut diagnostic = Diagnostic::error(codes::NOT_A_QUERY, what).with_help(help);
        diagnostic.span = Span::from_sqlparser(span);
        self.diagnostics.push(diagnostic);
    }
}

impl Visitor for ReferenceFinder<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let (ctes, recursive) = query.with.as_ref().map_or_else(Default::default, |with| {
            let names = with
                .cte_tables
                .iter()
                .map(|cte| normalized_name(&cte.alias.name));
            (names.collect(), with.recursive)
        });
        self.scopes.push(Scope {
            ctes,
            recursive,
            visited_ctes: 0,
        });
        match query.body.as_ref() {
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                self.report_unsupported(
                    query.span(),
                    "a query cannot change rows",
                    "begin it with SELECT",
                );
            }
            SetExpr::Table(table) => {
                let name = table.table_name.clone().unwrap_or_default();
                let help = format!("write `SELECT * FROM {name}`");
                self.report_unsupported(query.span(), "`TABLE name` is not supported", &help);
            }
            SetExpr::Select(_)
            | SetExpr::Query(_)
            | SetExpr::SetOperation { .. }
            | SetExpr::Values(_) => {}
        }
        if !query.locks.is_empty() {
            self.report_unsupported(
                query.span(),
                "a query cannot lock rows",
                "leave FOR UPDATE out",
            );
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.scopes.pop();
        // The first queries visited below one with a WITH are its common table
        // expressions, in order.
        if let Some(parent) = self.scopes.last_mut()
            && parent.visited_ctes < parent.ctes.len()
        {
            parent.visited_ctes += 1;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if let Some(into) = &select.into {
            let help = "use CREATE OR REFRESH MATERIALIZED VIEW name AS …";
            self.report_unsupported(into.name.span(), "SELECT INTO is not supported", help);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table {
                name, args: None, ..
            } => self.add_table(name),
            TableFactor::Table { name, .. } | TableFactor::Function { name, .. } => {
                self.check_table_function(name);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
