//! Access to fields by dots, as access by brackets.

use std::ops::ControlFlow;

use sluice_jobfile::visit_nodes_mut;
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    AccessExpr, Expr, FunctionArguments, Ident, LambdaFunction, ObjectNamePart, Select, SelectItem,
    Subscript, Value, VisitorMut,
};

use super::{fold_case, structs};

/// Rewrites every access to a field by its name with a dot, and names the fields of
/// `struct(…)`, whose names come from such accesses.
pub(super) struct FieldAccess;

impl VisitorMut for FieldAccess {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        select.projection.iter_mut().for_each(name_last_field);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        structs::name_fields(expr);
        if let Expr::CompoundFieldAccess { root, access_chain } = expr {
            join_leading_names(root, access_chain);
            access_chain.iter_mut().for_each(dot_as_subscript);
            if access_chain.is_empty() {
                let taken = Expr::Wildcard(AttachedToken::empty());
                *expr = std::mem::replace(root.as_mut(), taken);
            }
        }
        ControlFlow::Continue(())
    }
}

/// The column of `items[0].sku` is called `sku`.
fn name_last_field(item: &mut SelectItem) {
    let SelectItem::UnnamedExpr(expr) = item else {
        return;
    };
    let Expr::CompoundFieldAccess { access_chain, .. } = &*expr else {
        return;
    };
    if let Some(AccessExpr::Dot(field)) = access_chain.last()
        && let Some(alias) = field_name(field)
    {
        *item = SelectItem::ExprWithAlias {
            expr: expr.clone(),
            alias,
        };
    }
}

/// Makes `t.s` the root of `t.s['a']`: the first names may be those of a relation and
/// its column.
fn join_leading_names(root: &mut Expr, access_chain: &mut Vec<AccessExpr>) {
    let Expr::Identifier(first) = root else {
        return;
    };
    let leading: Vec<Ident> = access_chain
        .iter()
        .map_while(|access| match access {
            AccessExpr::Dot(field) => field_name(field),
            AccessExpr::Subscript(_) => None,
        })
        .collect();
    if leading.is_empty() {
        return;
    }
    access_chain.drain(..leading.len());
    let mut parts = vec![first.clone()];
    parts.extend(leading);
    *root = Expr::CompoundIdentifier(parts);
}

/// Rewrites `items[1].sku` as `items[1]['sku']`.
fn dot_as_subscript(access: &mut AccessExpr) {
    if let AccessExpr::Dot(field) = access
        && let Some(field) = field_name(field)
    {
        *access = subscript_access(&field);
    }
}

/// The name of a field after a dot. The parser takes some, such as `user` and
/// `current_date`, for calls without brackets.
fn field_name(field: &Expr) -> Option<Ident> {
    match field {
        Expr::Identifier(name) => Some(name.clone()),
        Expr::Function(call) if matches!(call.args, FunctionArguments::None) => {
            match call.name.0.as_slice() {
                [ObjectNamePart::Identifier(name)] => Some(name.clone()),
                _ => None,
            }
        }
        _ => None,
    }
}

pub(super) fn subscript_access(field: &Ident) -> AccessExpr {
    let index = Expr::Value(Value::SingleQuotedString(fold_case(field)).with_span(field.span));
    AccessExpr::Subscript(Subscript::Index { index })
}

/// Inside a lambda, rewrites `i.sku` as `i['sku']` where `i` is a parameter.
pub(super) fn rewrite_parameter_fields(lambda: &mut LambdaFunction) {
    let parameters: Vec<String> = lambda
        .params
        .iter()
        .map(|parameter| fold_case(&parameter.name))
        .collect();
    let _ = visit_nodes_mut(&mut *lambda.body, &mut ParameterFields { parameters });
}

struct ParameterFields {
    parameters: Vec<String>,
}

impl VisitorMut for ParameterFields {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = expr
            && let Some((first, fields)) = parts.split_first()
            && self.parameters.contains(&fold_case(first))
        {
            *expr = Expr::CompoundFieldAccess {
                root: Box::new(Expr::Identifier(first.clone())),
                access_chain: fields.iter().map(subscript_access).collect(),
            };
        }
        ControlFlow::Continue(())
    }
}
