//! Aliases in the select list that later items of it use.
//!
//! `SELECT salary * 2 AS twice, twice + 1 AS more`: a name that is no column is
//! the alias of an item before it. As in Spark, aggregates and windows cannot use one.

use std::collections::HashMap;
use std::ops::ControlFlow;

use sluice_jobfile::{Diagnostic, visit_nodes_mut};
use sqlparser::ast::{Expr, Ident, Query, Select, SelectItem, Spanned, VisitorMut};

use super::{FunctionKind, FunctionKinds, error_at, fold_case};

/// How many expressions the items of a select list may have together after aliases
/// were replaced. An alias that is used twice in the next one, and so on, doubles
/// them each time.
const MAX_EXPRESSIONS: usize = 100_000;

/// Puts the expressions of aliases in the place of their names. `is_column`: whether
/// the relations have a column of that name; `None` if that is not known.
///
/// # Errors
/// When that makes the select list too large, or an alias is used where none can be.
pub(super) fn replace_lateral_aliases(
    select: &mut Select,
    is_column: &dyn Fn(&Ident) -> Option<bool>,
    kinds: &dyn FunctionKinds,
) -> Result<(), Box<Diagnostic>> {
    let mut replacer = AliasReplacer {
        aliases: HashMap::new(),
        is_column,
        kinds,
        depth: 0,
        calls: Vec::new(),
        expressions: 0,
        problem: None,
    };
    for item in &mut select.projection {
        let (expr, alias) = match item {
            SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias)),
            SelectItem::UnnamedExpr(expr) => (expr, None),
            _ => continue,
        };
        let before = replacer.expressions;
        if visit_nodes_mut(expr, &mut replacer).is_break() {
            let problem = replacer.problem.take();
            return Err(problem.unwrap_or_else(|| too_large_error(expr)));
        }
        if let Some(alias) = alias {
            let value = AliasValue {
                expr: expr.clone(),
                expressions: replacer.expressions - before,
            };
            replacer.aliases.insert(fold_case(alias), value);
        }
    }
    Ok(())
}

fn too_large_error(expr: &Expr) -> Box<Diagnostic> {
    Box::new(
        error_at(
            format!(
                "with their aliases written out, the items up to here have more than \
                 {MAX_EXPRESSIONS} expressions"
            ),
            expr.span(),
        )
        .with_help("compute the shared parts in a subquery or a view, and read its columns"),
    )
}

/// The expression of an alias, and how many expressions it consists of.
struct AliasValue {
    expr: Expr,
    expressions: usize,
}

/// Calls over several rows, in which no alias can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowsCall {
    Aggregate,
    Window,
}

struct AliasReplacer<'a> {
    aliases: HashMap<String, AliasValue>,
    is_column: &'a dyn Fn(&Ident) -> Option<bool>,
    kinds: &'a dyn FunctionKinds,
    /// How many subqueries and lambdas deep; names there are not ours.
    depth: usize,
    /// The calls over several rows around the expression.
    calls: Vec<RowsCall>,
    /// How many expressions the items have so far.
    expressions: usize,
    problem: Option<Box<Diagnostic>>,
}

impl AliasReplacer<'_> {
    fn rows_call(&self, expr: &Expr) -> Option<RowsCall> {
        let Expr::Function(call) = expr else {
            return None;
        };
        if call.over.is_some() {
            return Some(RowsCall::Window);
        }
        let [part] = call.name.0.as_slice() else {
            return None;
        };
        let kind = self.kinds.kind_of(&fold_case(part.as_ident()?))?;
        (kind == FunctionKind::Aggregate).then_some(RowsCall::Aggregate)
    }
}

fn misused_alias_error(name: &Ident, call: RowsCall) -> Box<Diagnostic> {
    let place = match call {
        RowsCall::Aggregate => "an aggregate",
        RowsCall::Window => "a window function",
    };
    Box::new(
        error_at(
            format!(
                "`{}` is an alias of the select list, which {place} cannot use",
                name.value
            ),
            name.span,
        )
        .with_help("compute the column in a subquery, or write its expression here"),
    )
}

impl VisitorMut for AliasReplacer<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.expressions += 1;
        if matches!(expr, Expr::Lambda(_)) {
            self.depth += 1;
        }
        let call = self.rows_call(expr);
        self.calls.extend(call);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if matches!(expr, Expr::Lambda(_)) {
            self.depth -= 1;
        }
        if self.rows_call(expr).is_some() {
            self.calls.pop();
        }
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        let (name, fields) = match expr {
            Expr::Identifier(name) => (name.clone(), Vec::new()),
            Expr::CompoundIdentifier(parts) => match parts.split_first() {
                Some((first, fields)) => (first.clone(), fields.to_vec()),
                None => return ControlFlow::Continue(()),
            },
            _ => return ControlFlow::Continue(()),
        };
        let Some(value) = self.aliases.get(&fold_case(&name)) else {
            return ControlFlow::Continue(());
        };
        if (self.is_column)(&name) != Some(false) {
            return ControlFlow::Continue(());
        }
        if let Some(call) = self.calls.last() {
            self.problem = Some(misused_alias_error(&name, *call));
            return ControlFlow::Break(());
        }
        self.expressions += value.expressions;
        if self.expressions > MAX_EXPRESSIONS {
            return ControlFlow::Break(());
        }
        let value = Expr::Nested(Box::new(value.expr.clone()));
        *expr = if fields.is_empty() {
            value
        } else {
            Expr::CompoundFieldAccess {
                root: Box::new(value),
                access_chain: fields
                    .iter()
                    .map(super::field_access::subscript_access)
                    .collect(),
            }
        };
        ControlFlow::Continue(())
    }
}
