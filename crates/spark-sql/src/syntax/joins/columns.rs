//! The names of the columns of relations and queries.

use std::collections::HashMap;

use sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, JoinConstraint, ObjectName, ObjectNamePart, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor, TableWithJoins,
    WildcardAdditionalOptions,
};

use super::super::{TableColumns, fold_case};
use super::scope::{Piece, Scope, UnresolvedKey, constraint_of};

/// The tables and the common table expressions that are visible.
#[derive(Clone)]
pub(in super::super) struct Visible<'a> {
    pub(in super::super) tables: &'a dyn TableColumns,
    ctes: HashMap<String, Option<Vec<String>>>,
}

impl<'a> Visible<'a> {
    pub(in super::super) fn new(tables: &'a dyn TableColumns) -> Self {
        Self {
            tables,
            ctes: HashMap::new(),
        }
    }

    /// With the common table expressions of `query` as well.
    pub(super) fn with_ctes_of(&self, query: &Query) -> Self {
        let mut visible = self.clone();
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let columns = query_columns(&cte.query, &visible);
            let columns = renamed_columns(columns, Some(&cte.alias));
            visible.ctes.insert(fold_case(&cte.alias.name), columns);
        }
        visible
    }

    fn table_columns(&self, name: &ObjectName) -> Option<Vec<String>> {
        let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else {
            return None;
        };
        let name = fold_case(ident);
        match self.ctes.get(&name) {
            Some(columns) => columns.clone(),
            None => self.tables.columns_of(&name),
        }
    }
}

/// The names of a query's columns; `None` if they are not known. Expressions
/// without a name have a name that no one can write.
pub(in super::super) fn query_columns(query: &Query, visible: &Visible<'_>) -> Option<Vec<String>> {
    let visible = visible.with_ctes_of(query);
    if !query.pipe_operators.is_empty() {
        return None;
    }
    body_columns(&query.body, &visible)
}

fn body_columns(body: &SetExpr, visible: &Visible<'_>) -> Option<Vec<String>> {
    match body {
        SetExpr::Select(select) => select_columns(select, visible),
        SetExpr::Query(query) => query_columns(query, visible),
        SetExpr::SetOperation { left, .. } => body_columns(left, visible),
        SetExpr::Values(values) => {
            let first = values.rows.first()?;
            Some((1..=first.len()).map(|n| format!("column{n}")).collect())
        }
        SetExpr::Insert(_)
        | SetExpr::Update(_)
        | SetExpr::Delete(_)
        | SetExpr::Merge(_)
        | SetExpr::Table(_) => None,
    }
}

/// A name that no column has and no query can write.
const NO_NAME: &str = "\0";

pub(super) fn select_columns(select: &Select, visible: &Visible<'_>) -> Option<Vec<String>> {
    let mut from = select.from.clone();
    // Errors are reported where the query is rewritten.
    let scope = scope_of_from(&mut from, visible, &mut Vec::new());
    if select.projection.is_empty() {
        return scope.output_names();
    }
    let mut names = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => names.push(fold_case(name)),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
                names.push(parts.last().map_or_else(String::new, fold_case));
            }
            SelectItem::UnnamedExpr(_) => names.push(NO_NAME.to_owned()),
            SelectItem::ExprWithAlias { alias, .. } => names.push(fold_case(alias)),
            SelectItem::ExprWithAliases { aliases, .. } => {
                names.extend(aliases.iter().map(fold_case));
            }
            SelectItem::Wildcard(options) => {
                let excluded = excluded_names(options);
                let columns = scope.output_names()?;
                names.extend(columns.into_iter().filter(|c| !excluded.contains(c)));
            }
            SelectItem::QualifiedWildcard(
                SelectItemQualifiedWildcardKind::ObjectName(name),
                options,
            ) => {
                let [ObjectNamePart::Identifier(qualifier)] = name.0.as_slice() else {
                    return None;
                };
                let relation = scope.relations.iter().find(|relation| {
                    relation
                        .name
                        .as_ref()
                        .is_some_and(|name| fold_case(name) == fold_case(qualifier))
                })?;
                let excluded = excluded_names(options);
                let columns = relation.columns.clone()?;
                names.extend(columns.into_iter().filter(|c| !excluded.contains(c)));
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _) => {
                return None;
            }
        }
    }
    Some(names)
}

/// The names after EXCEPT or EXCLUDE.
pub(super) fn excluded_names(options: &WildcardAdditionalOptions) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(except) = &options.opt_except {
        names.push(fold_case(&except.first_element));
        names.extend(except.additional_elements.iter().map(fold_case));
    }
    let object = |name: &ObjectName| name.0.last().and_then(|p| p.as_ident()).map(fold_case);
    match &options.opt_exclude {
        Some(ExcludeSelectItem::Single(name)) => names.extend(object(name)),
        Some(ExcludeSelectItem::Multiple(list)) => names.extend(list.iter().filter_map(object)),
        None => {}
    }
    names
}

/// The scope of a FROM. Joins by name get a condition instead.
pub(super) fn scope_of_from(
    from: &mut [TableWithJoins],
    visible: &Visible<'_>,
    problems: &mut Vec<UnresolvedKey>,
) -> Scope {
    from.iter_mut().fold(Scope::default(), |scope, table| {
        scope.joined(scope_of_joins(table, visible, problems))
    })
}

fn scope_of_joins(
    table: &mut TableWithJoins,
    visible: &Visible<'_>,
    problems: &mut Vec<UnresolvedKey>,
) -> Scope {
    let mut scope = scope_of_factor(&mut table.relation, visible, problems);
    for join in &mut table.joins {
        let right = scope_of_factor(&mut join.relation, visible, problems);
        let operator = join.join_operator.clone();
        let Some(constraint) = constraint_of(&mut join.join_operator) else {
            scope = scope.joined(right);
            continue;
        };
        let names = match constraint {
            JoinConstraint::Using(names) => names
                .iter()
                .filter_map(|name| match name.0.as_slice() {
                    [ObjectNamePart::Identifier(ident)] => Some(ident.clone()),
                    _ => None,
                })
                .collect(),
            JoinConstraint::Natural => match common_columns(&scope, &right) {
                Some(names) => names,
                None => {
                    problems.push(UnresolvedKey {
                        place: sqlparser::ast::Spanned::span(&join.relation),
                        message: "the columns of this NATURAL JOIN are not known".to_owned(),
                    });
                    Vec::new()
                }
            },
            JoinConstraint::On(condition) => {
                let both = scope.clone().joined(right.clone());
                if both.has_keys() {
                    super::rewrite::replace_keys(condition, &both);
                }
                scope = keep_side(&operator, scope, right);
                continue;
            }
            JoinConstraint::None => {
                scope = keep_side(&operator, scope, right);
                continue;
            }
        };
        if names.is_empty() {
            // A natural join without common columns has no condition.
            *constraint = JoinConstraint::None;
            scope = keep_side(&operator, scope, right);
            continue;
        }
        match scope.clone().joined_by(right.clone(), &operator, &names) {
            Ok((both, condition)) => {
                *constraint = JoinConstraint::On(condition);
                scope = if keeps_one_side(&operator) {
                    keep_keys_first(keep_side(&operator, scope, right), &both)
                } else {
                    both
                };
            }
            Err(problem) => {
                problems.push(problem);
                scope = scope.joined(right);
            }
        }
    }
    scope
}

fn keeps_one_side(operator: &sqlparser::ast::JoinOperator) -> bool {
    use sqlparser::ast::JoinOperator as J;
    matches!(
        operator,
        J::Semi(_)
            | J::LeftSemi(_)
            | J::Anti(_)
            | J::LeftAnti(_)
            | J::RightSemi(_)
            | J::RightAnti(_)
    )
}

/// Both sides, or the one that a semi or anti join keeps.
fn keep_side(operator: &sqlparser::ast::JoinOperator, left: Scope, right: Scope) -> Scope {
    use sqlparser::ast::JoinOperator as J;
    match operator {
        J::Semi(_) | J::LeftSemi(_) | J::Anti(_) | J::LeftAnti(_) => left.hiding(right),
        J::RightSemi(_) | J::RightAnti(_) => right,
        _ => left.joined(right),
    }
}

/// A semi join's side with the keys of the join first, as Spark has it.
fn keep_keys_first(mut side: Scope, both: &Scope) -> Scope {
    let keys: Vec<_> = both.keys().cloned().collect();
    for piece in &mut side.pieces {
        if let Piece::Relation(at, except) = piece {
            let columns = side.relations.get(*at).and_then(|r| r.columns.clone());
            let has = |name: &Ident| {
                columns
                    .as_ref()
                    .is_none_or(|columns| columns.contains(&fold_case(name)))
            };
            except.extend(keys.iter().map(|key| &key.name).filter(|n| has(n)).cloned());
        }
    }
    side.pieces
        .retain(|piece| matches!(piece, Piece::Relation(..)));
    side.pieces.splice(0..0, keys.into_iter().map(Piece::Key));
    side
}

/// The names that both sides have, in the order of the left.
fn common_columns(left: &Scope, right: &Scope) -> Option<Vec<Ident>> {
    let (left, right) = (left.output_names()?, right.output_names()?);
    Some(
        left.into_iter()
            .filter(|name| right.contains(name))
            .map(|name| Ident::with_quote('`', name))
            .collect(),
    )
}

fn scope_of_factor(
    factor: &mut TableFactor,
    visible: &Visible<'_>,
    problems: &mut Vec<UnresolvedKey>,
) -> Scope {
    match factor {
        TableFactor::Table {
            name, alias, args, ..
        } => {
            let columns = match args {
                None => visible.table_columns(name),
                Some(_) => None,
            };
            let own = name.0.last().and_then(|part| part.as_ident()).cloned();
            let columns = renamed_columns(columns, alias.as_ref());
            Scope::of_relation(alias.as_ref().map(|a| a.name.clone()).or(own), columns)
        }
        TableFactor::Derived {
            subquery, alias, ..
        } => {
            let columns = query_columns(subquery, visible);
            let columns = renamed_columns(columns, alias.as_ref());
            Scope::of_relation(alias.as_ref().map(|a| a.name.clone()), columns)
        }
        TableFactor::NestedJoin {
            table_with_joins,
            alias,
        } => {
            let scope = scope_of_joins(table_with_joins, visible, problems);
            match alias {
                None => scope,
                Some(alias) => {
                    let columns = renamed_columns(scope.output_names(), Some(alias));
                    Scope::of_relation(Some(alias.name.clone()), columns)
                }
            }
        }
        TableFactor::MatchRecognize { table, alias, .. } => {
            // A generator: the relation's columns and the generated ones.
            let scope = scope_of_factor(table, visible, problems);
            match alias {
                Some(alias) => scope.joined(Scope::of_relation(
                    Some(alias.name.clone()),
                    renamed_columns(None, Some(alias)),
                )),
                None => scope,
            }
        }
        other => {
            let (name, columns) = match super::super::factor_alias(other) {
                Some(alias) => (Some(alias.name.clone()), renamed_columns(None, Some(alias))),
                None => (None, None),
            };
            Scope::of_relation(name, columns)
        }
    }
}

/// The columns under the names of an alias such as `t (a, b)`.
fn renamed_columns(
    columns: Option<Vec<String>>,
    alias: Option<&TableAlias>,
) -> Option<Vec<String>> {
    match alias {
        Some(alias) if !alias.columns.is_empty() => {
            Some(alias.columns.iter().map(|c| fold_case(&c.name)).collect())
        }
        _ => columns,
    }
}
