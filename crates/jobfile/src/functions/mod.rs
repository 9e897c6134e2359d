//! Functions that a job file defines with `CREATE TEMPORARY FUNCTION`.
//!
//! They are no functions of the engine: each call is replaced by the function's body,
//! with the arguments, cast to the types of the parameters, in the place of their names.
//! So a plan holds nothing that executors would have to know.

mod arguments;
mod body;
mod inline;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::check::column_names::{self, KnownColumns};
use crate::check::references::normalized_name;
use crate::job::Relation;
use crate::job::function::{FunctionBody, SqlFunction};
use crate::statements::parse_context::ParseContext;

/// Replaces the calls of the file's functions in all queries.
pub(crate) fn inline_functions(context: &mut ParseContext<'_>) {
    if context.functions.is_empty() {
        return;
    }
    let known = known_columns(&context.relations);
    let variables: Vec<String> = context
        .variables
        .iter()
        .map(|declaration| declaration.variable.name.clone())
        .collect();
    let mut functions: BTreeMap<String, SqlFunction> = BTreeMap::new();
    for mut function in std::mem::take(&mut context.functions) {
        // A function may call those above it, with its own parameters as arguments.
        let parameters = function.parameters.iter();
        let parameters = parameters.map(|parameter| normalized_name(&parameter.name));
        let constants: Vec<String> = variables.iter().cloned().chain(parameters).collect();
        let mut calls = inline::CallInliner::new(&functions, &constants);
        match &mut function.body {
            FunctionBody::Value { expr, .. } => calls.inline_expr(expr),
            FunctionBody::Rows { query, .. } => calls.inline_query(query),
        }
        context.diagnostics.extend(calls.into_problems());
        body::check_names(&function, &known, &mut context.diagnostics);
        functions.insert(function.name.clone(), function);
    }
    for relation in &mut context.relations {
        for query in relation.queries_mut() {
            let mut calls = inline::CallInliner::new(&functions, &variables);
            calls.inline_query(query);
            context.diagnostics.extend(calls.into_problems());
        }
    }
}

/// The columns of the file's relations, as far as they are known.
fn known_columns(relations: &[Relation]) -> KnownColumns {
    let mut known = KnownColumns::new();
    for relation in relations {
        let columns = column_names::relation_columns(relation, &known);
        known.insert(relation.name().to_owned(), Rc::new(columns));
    }
    known
}
