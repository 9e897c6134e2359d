//! Which column names are known to be visible in which part of a query. Not all
//! of them are known (`SELECT *` over a function, for example). The known ones
//! are enough to detect a variable that has the name of a column.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use sqlparser::ast::{Expr, Ident, Query, Select, SelectItem, SetExpr, TableAlias, TableFactor};

use crate::check::references::normalized_name;
use crate::job::{Column, Relation};
use crate::syntax::streams::stream_of;

/// Column names, in lower case.
pub(crate) type ColumnNames = BTreeSet<String>;
/// Known columns of relations and common table expressions.
pub(crate) type KnownColumns = BTreeMap<String, Rc<ColumnNames>>;

/// The names of a relation's columns, as far as they are known. A streaming table that
/// declares none has those of its first flow.
pub(crate) fn relation_columns(relation: &Relation, known: &KnownColumns) -> ColumnNames {
    let declared = |columns: &[Column]| -> ColumnNames {
        let names = columns.iter().map(|column| column.name.to_lowercase());
        names.collect()
    };
    match relation {
        Relation::Source(source) => declared(&source.columns),
        Relation::View(view) => output_columns(&view.query, known),
        Relation::Flow(flow) => output_columns(&flow.query, known),
        Relation::Dataset(dataset) if !dataset.columns.is_empty() => declared(&dataset.columns),
        Relation::Dataset(dataset) => match &dataset.query {
            Some(query) => output_columns(query, known),
            None => {
                let flows = dataset.depends_on.iter();
                let columns = flows.filter_map(|flow| known.get(flow));
                columns
                    .flat_map(|columns| columns.iter().cloned())
                    .collect()
            }
        },
    }
}

/// `known` with the common table expressions of `query`.
pub(crate) fn add_cte_columns(query: &Query, known: &KnownColumns) -> KnownColumns {
    let mut known = known.clone();
    for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
        let columns = apply_alias(output_columns(&cte.query, &known), Some(&cte.alias));
        known.insert(normalized_name(&cte.alias.name), Rc::new(columns));
    }
    known
}

/// The names of a query's columns, as far as they are known.
pub(crate) fn output_columns(query: &Query, known: &KnownColumns) -> ColumnNames {
    let has_ctes = query.with.is_some();
    let inner;
    let known = if has_ctes {
        inner = add_cte_columns(query, known);
        &inner
    } else {
        known
    };
    let mut body = query.body.as_ref();
    // The first branch of a set operation names the columns.
    while let SetExpr::SetOperation { left, .. } = body {
        body = left;
    }
    match body {
        SetExpr::Select(select) => selected_columns(select, known),
        SetExpr::Query(query) => output_columns(query, known),
        _ => ColumnNames::new(),
    }
}

fn selected_columns(select: &Select, known: &KnownColumns) -> ColumnNames {
    let mut columns = ColumnNames::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) => columns.extend(implied_column_name(expr)),
            SelectItem::ExprWithAlias { alias, .. } => {
                columns.insert(alias.value.to_lowercase());
            }
            SelectItem::ExprWithAliases { aliases, .. } => {
                columns.extend(aliases.iter().map(|alias| alias.value.to_lowercase()));
            }
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                columns.extend(visible_columns(select, known));
            }
        }
    }
    columns
}

/// The name that an expression without alias gives its column.
fn implied_column_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(ident.value.to_lowercase()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.to_lowercase()),
        _ => None,
    }
}

/// The columns of the relations that a select reads, as far as they are known.
pub(crate) fn visible_columns(select: &Select, known: &KnownColumns) -> ColumnNames {
    let mut columns = ColumnNames::new();
    for from in &select.from {
        columns.extend(factor_columns(&from.relation, known));
        for join in &from.joins {
            columns.extend(factor_columns(&join.relation, known));
        }
    }
    columns
}

/// The names that a select gives to its columns, without those of plain
/// variables: in `SELECT day, x AS y` only `y`, if `day` is a variable.
pub(crate) fn renamed_columns(select: &Select) -> ColumnNames {
    let named = |expr: &Expr, alias: &Ident| {
        let itself =
            matches!(expr, Expr::Identifier(i) if i.value.eq_ignore_ascii_case(&alias.value));
        (!itself).then(|| alias.value.to_lowercase())
    };
    select
        .projection
        .iter()
        .filter_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } => named(expr, alias),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
                parts.last().map(|part| part.value.to_lowercase())
            }
            _ => None,
        })
        .collect()
}

fn factor_columns(factor: &TableFactor, known: &KnownColumns) -> ColumnNames {
    match factor {
        TableFactor::Table { name, alias, .. } => {
            let columns = match name.0.as_slice() {
                [part] => part
                    .as_ident()
                    .and_then(|ident| {
                        let name = normalized_name(ident);
                        known.get(stream_of(&name).unwrap_or(&name))
                    })
                    .map(|columns| ColumnNames::clone(columns))
                    .unwrap_or_default(),
                _ => ColumnNames::new(),
            };
            apply_alias(columns, alias.as_ref())
        }
        TableFactor::Derived {
            subquery, alias, ..
        } => apply_alias(output_columns(subquery, known), alias.as_ref()),
        TableFactor::UNNEST { alias, .. } | TableFactor::Function { alias, .. } => {
            apply_alias(ColumnNames::new(), alias.as_ref())
        }
        TableFactor::NestedJoin {
            table_with_joins, ..
        } => {
            let mut columns = self::factor_columns(&table_with_joins.relation, known);
            for join in &table_with_joins.joins {
                columns.extend(self::factor_columns(&join.relation, known));
            }
            columns
        }
        _ => ColumnNames::new(),
    }
}

fn apply_alias(columns: ColumnNames, alias: Option<&TableAlias>) -> ColumnNames {
    match alias {
        Some(alias) if !alias.columns.is_empty() => alias
            .columns
            .iter()
            .map(|column| column.name.value.to_lowercase())
            .collect(),
        _ => columns,
    }
}
