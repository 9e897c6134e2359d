//! Casts that tell values apart.
//!
//! The planner gives a cast the name of its value, and refuses two columns of one name:
//! `sum(x), sum(CAST(x AS DOUBLE))`, or `GROUP BY ts, CAST(ts AS DATE)`. Where that would
//! happen, casts get names of their own.

use std::collections::HashMap;
use std::ops::ControlFlow;

use sluice_jobfile::{visit_nodes, visit_nodes_mut};
use sqlparser::ast::{
    Expr, GroupByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, Value, Visitor, VisitorMut,
};

use super::call_function;
use crate::casts::NAMED_CAST;
use crate::output_names::name_of_expr;

/// Names the casts of each query that needs it.
pub(super) fn name_casts(query: &mut Query) {
    let _ = visit_nodes_mut(query, &mut CastNaming);
}

struct CastNaming;

impl VisitorMut for CastNaming {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let mut order: Vec<&mut Expr> = match query.order_by.as_mut().map(|order| &mut order.kind) {
            Some(OrderByKind::Expressions(exprs)) => {
                exprs.iter_mut().map(|order| &mut order.expr).collect()
            }
            _ => Vec::new(),
        };
        if let SetExpr::Select(select) = query.body.as_mut()
            && has_twins(select, &order)
        {
            name_items(select);
            let parts = [&mut select.having, &mut select.qualify];
            order.extend(parts.into_iter().flatten());
            if let GroupByExpr::Expressions(groups, _) = &mut select.group_by {
                order.extend(groups.iter_mut());
            }
            for expr in order {
                let _ = visit_nodes_mut(expr, &mut CastWrapper::default());
            }
        }
        ControlFlow::Continue(())
    }
}

/// Whether two calls, or two groups, differ in their casts only.
fn has_twins(select: &Select, order: &[&mut Expr]) -> bool {
    let mut finder = TwinFinder::default();
    let mut groups: Vec<&Expr> = Vec::new();
    if let GroupByExpr::Expressions(exprs, _) = &select.group_by {
        groups.extend(exprs);
    }
    let is_grouped = !groups.is_empty() || matches!(select.group_by, GroupByExpr::All(_));
    let items = select.projection.iter().filter_map(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    });
    let others = [&select.having, &select.qualify].into_iter().flatten();
    for expr in items
        .clone()
        .chain(others)
        .chain(order.iter().map(|expr| &**expr))
    {
        let _ = visit_nodes(expr, &mut finder);
    }
    if is_grouped {
        // A group may be an item's name or position.
        groups.extend(items);
        groups.into_iter().for_each(|group| finder.add_expr(group));
    }
    finder.has_casts && finder.texts.values().any(|texts| texts.len() > 1)
}

/// The texts of calls by the text that they have without casts.
#[derive(Default)]
struct TwinFinder {
    texts: HashMap<String, Vec<String>>,
    has_casts: bool,
    subqueries: usize,
}

impl TwinFinder {
    fn add_expr(&mut self, expr: &Expr) {
        let mut plain = expr.clone();
        let _ = visit_nodes_mut(&mut plain, &mut CastRemover);
        let text = expr.to_string().to_lowercase();
        let texts = self
            .texts
            .entry(plain.to_string().to_lowercase())
            .or_default();
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
}

impl Visitor for TwinFinder {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.subqueries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.subqueries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.subqueries > 0 {
            return ControlFlow::Continue(());
        }
        self.has_casts |= is_cast_of_value(expr);
        if matches!(expr, Expr::Function(_)) {
            self.add_expr(expr);
        }
        ControlFlow::Continue(())
    }
}

/// A cast of something else than a constant.
fn is_cast_of_value(expr: &Expr) -> bool {
    matches!(expr, Expr::Cast { expr, .. } if !matches!(expr.as_ref(), Expr::Value(_)))
}

struct CastRemover;

impl VisitorMut for CastRemover {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { expr: value, .. } = expr {
            let value = std::mem::replace(value.as_mut(), Expr::Value(Value::Null.into()));
            *expr = value;
        }
        ControlFlow::Continue(())
    }
}

/// Names the casts of the select list, whose columns keep their names.
fn name_items(select: &mut Select) {
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) = item
            && matches!(expr, Expr::Cast { .. })
            && let Some(alias) = name_of_expr(expr)
        {
            *item = SelectItem::ExprWithAlias {
                expr: expr.clone(),
                alias: sqlparser::ast::Ident::new(alias),
            };
        }
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            let _ = visit_nodes_mut(expr, &mut CastWrapper::default());
        }
    }
}

#[derive(Default)]
struct CastWrapper {
    subqueries: usize,
}

impl VisitorMut for CastWrapper {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.subqueries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.subqueries -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.subqueries == 0
            && is_cast_of_value(expr)
            && let Expr::Cast { data_type, .. } = expr
        {
            let name = Value::SingleQuotedString(data_type.to_string());
            let arguments = vec![expr.clone(), Expr::Value(name.into())];
            *expr = call_function(NAMED_CAST, arguments);
        }
        ControlFlow::Continue(())
    }
}
