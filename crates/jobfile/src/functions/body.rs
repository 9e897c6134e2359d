//! The names in the body of a function.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use sqlparser::ast::{AccessExpr, Expr, Ident, Query, Subscript, Value, Visitor, VisitorMut};

use crate::check::column_names::KnownColumns;
use crate::check::references::normalized_name;
use crate::check::substitute::{self, VariableName};
use crate::diagnostics::Diagnostics;
use crate::job::function::{FunctionBody, SqlFunction};
use crate::traversal::{SyntaxNode, visit_nodes, visit_nodes_mut};

/// Reports names that could be a parameter as well as a column of a query in the body.
pub(super) fn check_names(
    function: &SqlFunction,
    known: &KnownColumns,
    diagnostics: &mut Diagnostics,
) {
    let names: Vec<String> = function
        .parameters
        .iter()
        .map(|parameter| normalized_name(&parameter.name))
        .collect();
    let parameters: Vec<VariableName<'_>> = names
        .iter()
        .map(|name| VariableName {
            name,
            has_parts: false,
        })
        .collect();
    let mut queries = QueryFinder {
        depth: 0,
        queries: Vec::new(),
    };
    let _ = match &function.body {
        FunctionBody::Value { expr, .. } => visit_nodes(expr, &mut queries),
        FunctionBody::Rows { query, .. } => visit_nodes(query, &mut queries),
    };
    for query in queries.queries {
        substitute::find_usage(&query, &parameters, known, diagnostics);
    }
}

/// Whether the body reads relations.
pub(super) fn has_query(body: &FunctionBody) -> bool {
    match body {
        FunctionBody::Rows { .. } => true,
        FunctionBody::Value { expr, .. } => {
            let mut queries = QueryFinder {
                depth: 0,
                queries: Vec::new(),
            };
            let _ = visit_nodes(expr, &mut queries);
            !queries.queries.is_empty()
        }
    }
}

struct QueryFinder {
    depth: usize,
    queries: Vec<Query>,
}

impl Visitor for QueryFinder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if self.depth == 0 {
            self.queries.push(query.clone());
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

/// The names that an expression reads, and those of the parameters of its lambdas.
#[derive(Default)]
pub(super) struct NamesIn {
    pub(super) read: BTreeSet<String>,
    pub(super) lambdas: BTreeSet<String>,
}

impl NamesIn {
    pub(super) fn collect(node: &impl SyntaxNode) -> Self {
        let mut names = Self::default();
        let _ = visit_nodes(node, &mut names);
        names
    }
}

impl Visitor for NamesIn {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) => {
                self.read.insert(normalized_name(name));
            }
            Expr::CompoundIdentifier(parts) => {
                self.read.extend(parts.first().map(normalized_name));
            }
            Expr::Lambda(lambda) => {
                let names = lambda.params.iter().map(|p| normalized_name(&p.name));
                self.lambdas.extend(names);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Puts values in the place of the parameters' names.
pub(super) struct ParameterValues<'a> {
    /// The name of the function, which may qualify the parameters.
    pub(super) function: &'a str,
    pub(super) values: BTreeMap<String, Expr>,
    pub(super) hidden: Vec<Vec<String>>,
}

impl ParameterValues<'_> {
    fn value_of(&self, name: &Ident) -> Option<&Expr> {
        let name = normalized_name(name);
        let hidden = self.hidden.iter().flatten().any(|hidden| *hidden == name);
        self.values.get(&name).filter(|_| !hidden)
    }
}

impl VisitorMut for ParameterValues<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Lambda(lambda) = expr {
            let names = lambda.params.iter().map(|p| normalized_name(&p.name));
            self.hidden.push(names.collect());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Lambda(_) => {
                self.hidden.pop();
            }
            Expr::Identifier(name) => {
                if let Some(value) = self.value_of(name) {
                    *expr = value.clone();
                }
            }
            Expr::CompoundIdentifier(parts) => {
                let parts = match parts.as_slice() {
                    [first, rest @ ..] if normalized_name(first) == self.function => rest,
                    all => all,
                };
                if let Some((name, fields)) = parts.split_first()
                    && let Some(value) = self.value_of(name)
                {
                    *expr = read_fields(value.clone(), fields);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn read_fields(value: Expr, fields: &[Ident]) -> Expr {
    if fields.is_empty() {
        return value;
    }
    let access_chain = fields.iter().map(|field| {
        let name = Value::SingleQuotedString(normalized_name(field)).with_span(field.span);
        AccessExpr::Subscript(Subscript::Index {
            index: Expr::Value(name),
        })
    });
    Expr::CompoundFieldAccess {
        root: Box::new(value),
        access_chain: access_chain.collect(),
    }
}

/// `body` with `values` in the place of the parameters.
pub(super) fn substitute_values<T: SyntaxNode>(
    function: &str,
    body: &mut T,
    values: BTreeMap<String, Expr>,
) {
    let mut values = ParameterValues {
        function,
        values,
        hidden: Vec::new(),
    };
    let _ = visit_nodes_mut(body, &mut values);
}
