//! Replaces joins by name in a query.

use std::ops::ControlFlow;

use sluice_jobfile::{Diagnostic, visit_nodes_mut};
use sqlparser::ast::{
    ExceptSelectItem, Expr, Ident, ObjectName, Query, ReplaceSelectItem, Select, SelectFlavor,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, VisitorMut, WildcardAdditionalOptions,
};

use super::super::{FunctionKinds, TableColumns, error_at, fold_case, lateral_aliases};
use super::columns::{Visible, excluded_names, scope_of_from};
use super::scope::{JoinKey, Piece, Scope, ScopeRelation};
use super::stars;

/// Replaces all joins by name in `query` and what refers to their keys.
pub(in super::super) fn rewrite_joins(
    query: &mut Query,
    tables: &dyn TableColumns,
    functions: &dyn FunctionKinds,
) -> Vec<Diagnostic> {
    let mut rewriter = JoinRewriter {
        functions,
        frames: vec![QueryFrame {
            visible: Visible::new(tables),
            is_select: false,
            scope: None,
            outputs: Vec::new(),
        }],
        scopes: Vec::new(),
        problems: Vec::new(),
    };
    let _ = visit_nodes_mut(query, &mut rewriter);
    rewriter.problems
}

/// Replaces the keys that `expr` names, where only `scope` is visible.
pub(super) fn replace_keys(expr: &mut Expr, scope: &Scope) {
    struct Replacer<'a>(&'a Scope);
    impl VisitorMut for Replacer<'_> {
        type Break = ();
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            // Ambiguous names stay, and are reported with the whole SELECT.
            if let Some(key) = named_key(expr, self.0)
                && !self.0.is_ambiguous(key)
            {
                replace_key(expr, &key.value.clone());
            }
            ControlFlow::Continue(())
        }
    }
    let _ = visit_nodes_mut(expr, &mut Replacer(scope));
}

/// The key that `expr` names without a relation.
fn named_key<'a>(expr: &Expr, scope: &'a Scope) -> Option<&'a JoinKey> {
    match expr {
        Expr::Identifier(name) => scope.find_key(name),
        Expr::CompoundIdentifier(parts) => match parts.first() {
            Some(first) if !scope.names_relation(first) => scope.find_key(first),
            _ => None,
        },
        _ => None,
    }
}

/// Puts a key's value in the place of its name; further parts are fields.
fn replace_key(expr: &mut Expr, value: &Expr) {
    let fields = match expr {
        Expr::CompoundIdentifier(parts) => parts.split_off(1),
        _ => Vec::new(),
    };
    *expr = if fields.is_empty() {
        value.clone()
    } else {
        Expr::CompoundFieldAccess {
            root: Box::new(value.clone()),
            access_chain: fields
                .iter()
                .map(super::super::field_access::subscript_access)
                .collect(),
        }
    };
}

/// A query that is being walked.
struct QueryFrame<'a> {
    visible: Visible<'a>,
    /// Its body is one SELECT, whose columns ORDER BY sees.
    is_select: bool,
    scope: Option<Scope>,
    /// The names of the SELECT's columns.
    outputs: Vec<String>,
}

struct JoinRewriter<'a> {
    functions: &'a dyn FunctionKinds,
    frames: Vec<QueryFrame<'a>>,
    /// The scopes of the enclosing SELECTs.
    scopes: Vec<Scope>,
    problems: Vec<Diagnostic>,
}

impl VisitorMut for JoinRewriter<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(frame) = self.frames.last() {
            let visible = frame.visible.with_ctes_of(query);
            self.frames.push(QueryFrame {
                visible,
                is_select: matches!(query.body.as_ref(), SetExpr::Select(_)),
                scope: None,
                outputs: Vec::new(),
            });
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let frame = self.frames.pop();
        // The scope of ORDER BY is pushed when the SELECT ends.
        if frame.is_some_and(|frame| frame.is_select)
            && matches!(query.body.as_ref(), SetExpr::Select(_))
        {
            self.scopes.pop();
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let Some(frame) = self.frames.last() else {
            return ControlFlow::Continue(());
        };
        let mut unresolved = Vec::new();
        let scope = scope_of_from(&mut select.from, &frame.visible, &mut unresolved);
        for problem in unresolved {
            self.problems.push(
                error_at(problem.message, problem.place).with_help("write JOIN … ON a.key = b.key"),
            );
        }
        self.problems.extend(stars::check_stars(select, &scope));
        let is_column = |name: &Ident| match scope.spelled_name(name) {
            Some(_) => Some(true),
            None => scope.has_name(name),
        };
        if let Err(problem) =
            lateral_aliases::replace_lateral_aliases(select, &is_column, self.functions)
        {
            self.problems.push(*problem);
        }
        if scope.has_keys() {
            expand_wildcards(select, &scope);
            name_keys(select, &scope);
        }
        let outputs = output_names(select);
        if let Some(frame) = self.frames.last_mut().filter(|frame| frame.is_select) {
            frame.scope = Some(scope.clone());
            frame.outputs = outputs;
        }
        self.scopes.push(scope);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _select: &mut Select) -> ControlFlow<()> {
        self.scopes.pop();
        // ORDER BY comes after the SELECT and sees its columns first.
        if let Some(frame) = self.frames.last_mut().filter(|frame| frame.is_select) {
            let mut scope = frame.scope.take().unwrap_or_default();
            let outputs = std::mem::take(&mut frame.outputs);
            scope.pieces.retain(|piece| match piece {
                Piece::Key(key) => !outputs.contains(&fold_case(&key.name)),
                Piece::Relation(..) => true,
            });
            scope.relations.push(ScopeRelation {
                name: None,
                columns: Some(outputs),
            });
            self.scopes.push(scope);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(scope) = self.scopes.last() {
            self.problems.extend(stars::expand_struct_star(expr, scope));
        }
        self.spell_name(expr);
        if let Some(access) = self.field_of_outer_column(expr) {
            *expr = access;
            return ControlFlow::Continue(());
        }
        let first = match expr {
            Expr::Identifier(name) => name.clone(),
            Expr::CompoundIdentifier(parts) => match parts.first() {
                Some(first) => first.clone(),
                None => return ControlFlow::Continue(()),
            },
            _ => return ControlFlow::Continue(()),
        };
        for scope in self.scopes.iter().rev() {
            if let Some(key) = named_key(expr, scope) {
                if scope.is_ambiguous(key) {
                    self.problems.push(
                        error_at(
                            format!(
                                "column `{}` is in more than one of the relations",
                                first.value
                            ),
                            first.span,
                        )
                        .with_help("write the relation's name or alias before it"),
                    );
                } else {
                    let value = key.value.clone();
                    replace_key(expr, &value);
                }
                break;
            }
            // A name of an inner query hides those of the outer one.
            if scope.names_relation(&first) || scope.has_name(&first) != Some(false) {
                break;
            }
        }
        ControlFlow::Continue(())
    }
}

impl JoinRewriter<'_> {
    /// A field of a column of an enclosing query, as access by brackets: the planner knows
    /// such columns without fields only.
    fn field_of_outer_column(&self, expr: &Expr) -> Option<Expr> {
        let Expr::CompoundIdentifier(parts) = expr else {
            return None;
        };
        let first = parts.first()?;
        let depth = self.scopes.iter().rev().position(|scope| {
            scope.names_relation(first) || scope.has_name(first) != Some(false)
        })?;
        let scope = self.scopes.iter().rev().nth(depth)?;
        let (column, fields) = if scope.names_relation(first) {
            parts.split_at_checked(2)?
        } else {
            parts.split_at_checked(1)?
        };
        let is_unknown = !scope.names_relation(first) && scope.has_name(first).is_none();
        if depth == 0 || fields.is_empty() || is_unknown {
            return None;
        }
        let root = match column {
            [name] => Expr::Identifier(name.clone()),
            names => Expr::CompoundIdentifier(names.to_vec()),
        };
        Some(Expr::CompoundFieldAccess {
            root: Box::new(root),
            access_chain: fields
                .iter()
                .map(super::super::field_access::subscript_access)
                .collect(),
        })
    }

    /// Spells a name as its column is spelled: names are found without regard to case,
    /// and the planner looks for the exact one.
    fn spell_name(&self, expr: &mut Expr) {
        let (first, second) = match expr {
            Expr::Identifier(name) => (name, None),
            Expr::CompoundIdentifier(parts) => match parts.as_mut_slice() {
                [first, second, ..] => (first, Some(second)),
                _ => return,
            },
            _ => return,
        };
        for scope in self.scopes.iter().rev() {
            if let Some(second) = second.as_deref()
                && scope.names_relation(first)
            {
                let exact = scope.spelled_name_of(first, second);
                if let (Some(exact), Expr::CompoundIdentifier(parts)) = (exact, expr)
                    && let Some(column) = parts.get_mut(1)
                {
                    *column = exact;
                }
                return;
            }
            if let Some(exact) = scope.spelled_name(first) {
                *first = exact;
                return;
            }
            if scope.has_name(first) != Some(false) {
                return;
            }
        }
    }
}

/// Replaces `*` by the keys and the other columns of each relation.
fn expand_wildcards(select: &mut Select, scope: &Scope) {
    if select.projection.is_empty() && matches!(select.flavor, SelectFlavor::FromFirstNoSelect) {
        select.flavor = SelectFlavor::FromFirst;
        select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
    }
    let items = std::mem::take(&mut select.projection);
    for item in items {
        match item {
            SelectItem::Wildcard(options) => {
                select.projection.extend(expand_wildcard(&options, scope));
            }
            other => select.projection.push(other),
        }
    }
}

fn expand_wildcard(options: &WildcardAdditionalOptions, scope: &Scope) -> Vec<SelectItem> {
    let excluded = excluded_names(options);
    let replaced: Vec<_> = options.opt_replace.iter().flat_map(|r| &r.items).collect();
    let mut items = Vec::new();
    for piece in &scope.pieces {
        match piece {
            Piece::Key(key) if excluded.contains(&fold_case(&key.name)) => {}
            Piece::Key(key) => {
                let replacement = replaced
                    .iter()
                    .find(|item| fold_case(&item.column_name) == fold_case(&key.name));
                items.push(SelectItem::ExprWithAlias {
                    expr: replacement.map_or_else(|| key.value.clone(), |item| item.expr.clone()),
                    alias: key.name.clone(),
                });
            }
            Piece::Relation(at, except) => {
                let Some(relation) = scope.relations.get(*at) else {
                    continue;
                };
                let columns = relation.columns.as_deref();
                let has = |name: &str| columns.is_none_or(|c| c.iter().any(|c| c == name));
                let mut except = except.clone();
                except.extend(
                    excluded
                        .iter()
                        .filter(|name| has(name))
                        .map(|name| Ident::with_quote('`', name)),
                );
                except.dedup_by_key(|name| fold_case(name));
                let hidden: Vec<String> = except.iter().map(fold_case).collect();
                if columns.is_some_and(|c| c.iter().all(|name| hidden.contains(name))) {
                    continue;
                }
                let Some(qualifier) = relation.name.clone() else {
                    continue;
                };
                let items_replaced: Vec<_> = replaced
                    .iter()
                    .filter(|item| {
                        let name = fold_case(&item.column_name);
                        has(&name) && !hidden.contains(&name)
                    })
                    .map(|item| (*item).clone())
                    .collect();
                let mut names = except.into_iter();
                items.push(SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![qualifier])),
                    WildcardAdditionalOptions {
                        opt_except: names.next().map(|first_element| ExceptSelectItem {
                            first_element,
                            additional_elements: names.collect(),
                        }),
                        opt_replace: (!items_replaced.is_empty()).then_some(ReplaceSelectItem {
                            items: items_replaced,
                        }),
                        ..WildcardAdditionalOptions::default()
                    },
                ));
            }
        }
    }
    items
}

/// Keeps the names of keys in the select list, whose expressions are replaced.
fn name_keys(select: &mut Select, scope: &Scope) {
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(expr) = item else {
            continue;
        };
        if named_key(expr, scope).is_none() {
            continue;
        }
        let alias = match expr {
            Expr::Identifier(name) => Some(name.clone()),
            Expr::CompoundIdentifier(parts) => parts.last().cloned(),
            _ => None,
        };
        if let Some(alias) = alias {
            let expr = expr.clone();
            *item = SelectItem::ExprWithAlias { expr, alias };
        }
    }
}

fn output_names(select: &Select) -> Vec<String> {
    select
        .projection
        .iter()
        .filter_map(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => Some(fold_case(alias)),
            _ => None,
        })
        .collect()
}
