//! The columns that `*` leaves out or replaces.

use sluice_jobfile::{Diagnostic, suggest_or_list};
use sqlparser::ast::{
    Expr, Ident, Select, SelectItem, SelectItemQualifiedWildcardKind, WildcardAdditionalOptions,
};

use super::super::{error_at, fold_case, structs};
use super::scope::Scope;

/// The errors for columns after EXCEPT and REPLACE that there are not, which the planner
/// ignores. Names in another spelling become those of the columns.
pub(super) fn check_stars(select: &mut Select, scope: &Scope) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for item in &mut select.projection {
        let (columns, options) = match item {
            SelectItem::Wildcard(options) => (scope.output_names(), options),
            SelectItem::QualifiedWildcard(
                SelectItemQualifiedWildcardKind::ObjectName(name),
                options,
            ) => {
                let qualifier = name.0.last().and_then(|part| part.as_ident());
                let columns = qualifier.and_then(|name| scope.columns_of(name));
                (columns, options)
            }
            _ => continue,
        };
        spell_options(options, columns.as_deref(), &mut problems);
    }
    problems
}

fn spell_options(
    options: &mut WildcardAdditionalOptions,
    columns: Option<&[String]>,
    problems: &mut Vec<Diagnostic>,
) {
    let excepted = options.opt_except.iter_mut().flat_map(|except| {
        std::iter::once(&mut except.first_element).chain(&mut except.additional_elements)
    });
    let replaced = options
        .opt_replace
        .iter_mut()
        .flat_map(|replace| &mut replace.items)
        .map(|item| &mut item.column_name);
    for name in excepted.chain(replaced) {
        let written = fold_case(name);
        let spelled = match columns {
            None => Some(written.as_str()),
            Some(columns) => columns
                .iter()
                .find(|column| **column == written)
                .or_else(|| {
                    let folded = written.to_lowercase();
                    columns
                        .iter()
                        .find(|column| column.to_lowercase() == folded)
                })
                .map(String::as_str),
        };
        match spelled {
            Some(column) => {
                let mut exact = Ident::with_quote('`', column);
                exact.span = name.span;
                *name = exact;
            }
            None => {
                let columns = columns.unwrap_or_default().iter().map(String::as_str);
                problems.push(
                    error_at(format!("no column `{}` here", name.value), name.span)
                        .with_help(suggest_or_list(&name.value, "the columns are", columns)),
                );
            }
        }
    }
}

/// Replaces the star of `struct(*)` by the columns of the relations.
pub(super) fn expand_struct_star(expr: &mut Expr, scope: &Scope) -> Option<Diagnostic> {
    let Expr::Struct { values, .. } = expr else {
        return None;
    };
    let star = values.iter().find_map(|value| match value {
        Expr::Wildcard(star) => Some(star.0.span),
        _ => None,
    })?;
    let Some(columns) = scope.output_columns() else {
        return Some(
            error_at("the columns of this `*` are not known", star).with_help("list the columns"),
        );
    };
    *values = std::mem::take(values)
        .into_iter()
        .flat_map(|value| match value {
            Expr::Wildcard(_) => columns.clone(),
            value => vec![value],
        })
        .collect();
    structs::name_fields(expr);
    None
}
