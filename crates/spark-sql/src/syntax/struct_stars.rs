//! `SELECT address.* FROM orders`: the fields of a struct as columns.
//!
//! Only the planner knows the fields. So the struct becomes a relation of FROM, with one
//! row for each row, whose `*` the select list has.

use sluice_jobfile::Diagnostic;
use sqlparser::ast::{
    Expr, Function, Ident, JoinConstraint, JoinOperator, ObjectName, Select, SelectItem,
    SelectItemQualifiedWildcardKind, TableFactor, TableWithJoins, WildcardAdditionalOptions,
};

use super::generators::{next_name, take_from, without_joins};
use super::{call_function, error_at, factor_alias, fold_case};
use crate::relations::STRUCT_FIELDS;
use crate::relations::carrier::Generator;

/// Rewrites the stars of structs in one select list. `next` numbers generated names.
pub(super) fn expand_struct_stars(select: &mut Select, next: &mut usize) -> Vec<Diagnostic> {
    let mut relations = Vec::new();
    let mut named = true;
    for from in &select.from {
        named &= add_names(from, &mut relations);
    }
    let mut structs = Vec::new();
    for item in &mut select.projection {
        let Some(value) = struct_of(item, &relations) else {
            continue;
        };
        let relation = next_name(next);
        if let SelectItem::QualifiedWildcard(kind, _) = item {
            *kind = SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![
                relation.clone(),
            ]));
        }
        structs.push((value, relation));
    }
    let mut problems = Vec::new();
    if !structs.is_empty() {
        problems.extend(qualify_plain_stars(select, &relations, named));
    }
    for (value, relation) in structs {
        let Expr::Function(call) = call_function(STRUCT_FIELDS, vec![value]) else {
            continue;
        };
        add_struct(select, call, relation);
    }
    problems
}

fn add_struct(select: &mut Select, call: Function, relation: Ident) {
    let generator = Generator {
        input: take_from(&mut select.from).map(Box::new),
        call,
        outer: true,
        relation,
        columns: Vec::new(),
    };
    select.from = vec![without_joins(generator.into_factor())];
}

/// The struct of `struct.*`; `None` for the star of a relation.
fn struct_of(item: &SelectItem, relations: &[Ident]) -> Option<Expr> {
    let SelectItem::QualifiedWildcard(kind, _) = item else {
        return None;
    };
    let name = match kind {
        SelectItemQualifiedWildcardKind::Expr(expr) => return Some(expr.clone()),
        SelectItemQualifiedWildcardKind::ObjectName(name) => name,
    };
    let mut parts: Vec<Ident> = name
        .0
        .iter()
        .filter_map(|part| part.as_ident().cloned())
        .collect();
    if parts.len() > 1 {
        return Some(Expr::CompoundIdentifier(parts));
    }
    let only = parts.pop()?;
    let is_relation = relations
        .iter()
        .any(|relation| fold_case(relation) == fold_case(&only));
    (!is_relation).then_some(Expr::Identifier(only))
}

/// A `*` next to the star of a struct has the columns of the relations before it.
fn qualify_plain_stars(
    select: &mut Select,
    relations: &[Ident],
    all_are_named: bool,
) -> Option<Diagnostic> {
    let mut problem = None;
    for item in std::mem::take(&mut select.projection) {
        match item {
            SelectItem::Wildcard(options) if options == WildcardAdditionalOptions::default() => {
                if !all_are_named {
                    problem = problem.or_else(|| {
                        Some(
                            error_at(
                                "`*` next to the fields of a struct needs relations with names, \
                                 joined with ON",
                                options.wildcard_token.0.span,
                            )
                            .with_help("list the columns, or give each relation an alias"),
                        )
                    });
                }
                select.projection.extend(relations.iter().map(|relation| {
                    SelectItem::QualifiedWildcard(
                        SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![
                            relation.clone(),
                        ])),
                        WildcardAdditionalOptions::default(),
                    )
                }));
            }
            SelectItem::Wildcard(options) => {
                problem = Some(
                    error_at(
                        "`* EXCEPT` next to the fields of a struct is not supported",
                        options.wildcard_token.0.span,
                    )
                    .with_help("list the columns"),
                );
            }
            other => select.projection.push(other),
        }
    }
    problem
}

/// The names of the relations of a FROM, in order.
pub(super) fn relation_names(from: &[TableWithJoins]) -> Vec<Ident> {
    let mut names = Vec::new();
    for table in from {
        add_names(table, &mut names);
    }
    names
}

/// Adds the names of a FROM's relations, in order; whether all have one, and no column
/// belongs to two of them.
fn add_names(from: &TableWithJoins, into: &mut Vec<Ident>) -> bool {
    let mut named = add_name(&from.relation, into);
    for join in &from.joins {
        named &= add_name(&join.relation, into);
        named &= !joins_by_name(&join.join_operator);
    }
    named
}

fn add_name(factor: &TableFactor, into: &mut Vec<Ident>) -> bool {
    match factor {
        TableFactor::MatchRecognize { table, alias, .. } => {
            let named = add_name(table, into);
            into.extend(alias.as_ref().map(|alias| alias.name.clone()));
            named
        }
        TableFactor::NestedJoin {
            table_with_joins,
            alias: None,
        } => add_names(table_with_joins, into),
        factor => {
            let own = match factor {
                TableFactor::Table { name, .. } => name.0.last().and_then(|part| part.as_ident()),
                _ => None,
            };
            let name = factor_alias(factor).map(|alias| &alias.name).or(own);
            into.extend(name.cloned());
            name.is_some()
        }
    }
}

fn joins_by_name(operator: &JoinOperator) -> bool {
    let mut operator = operator.clone();
    matches!(
        super::joins::constraint_of(&mut operator),
        Some(JoinConstraint::Using(_) | JoinConstraint::Natural)
    )
}
