//! Which column names are known to be visible in which part of a query. Not all
//! of them are known (`SELECT *` over a function, for example). The known ones
//! are enough to detect a variable that has the name of a column.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use sqlparser::ast::{Expr, Ident, Query, Select, SelectItem, SetExpr, TableAlias, TableFactor};

use crate::references::normalized;

/// Column names, in lower case.
pub(crate) type Columns = BTreeSet<String>;
/// Known columns of relations and common table expressions.
pub(crate) type Known = BTreeMap<String, Rc<Columns>>;

/// `known` with the common table expressions of `query`.
pub(crate) fn with_ctes(query: &Query, known: &Known) -> Known {
    let mut known = known.clone();
    for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
        let columns = aliased(output(&cte.query, &known), Some(&cte.alias));
        known.insert(normalized(&cte.alias.name), Rc::new(columns));
    }
    known
}

/// The names of a query's columns, as far as they are known.
pub(crate) fn output(query: &Query, known: &Known) -> Columns {
    let has_ctes = query.with.is_some();
    let inner;
    let known = if has_ctes {
        inner = with_ctes(query, known);
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
        SetExpr::Select(select) => selected(select, known),
        SetExpr::Query(query) => output(query, known),
        _ => Columns::new(),
    }
}

fn selected(select: &Select, known: &Known) -> Columns {
    let mut columns = Columns::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) => columns.extend(name_of(expr)),
            SelectItem::ExprWithAlias { alias, .. } => {
                columns.insert(alias.value.to_lowercase());
            }
            SelectItem::ExprWithAliases { aliases, .. } => {
                columns.extend(aliases.iter().map(|alias| alias.value.to_lowercase()));
            }
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                columns.extend(visible(select, known));
            }
        }
    }
    columns
}

/// The name that an expression without alias gives its column.
fn name_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(ident.value.to_lowercase()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.to_lowercase()),
        _ => None,
    }
}

/// The columns of the relations that a select reads, as far as they are known.
pub(crate) fn visible(select: &Select, known: &Known) -> Columns {
    let mut columns = Columns::new();
    for from in &select.from {
        columns.extend(factor(&from.relation, known));
        for join in &from.joins {
            columns.extend(factor(&join.relation, known));
        }
    }
    columns
}

/// The names that a select gives to its columns, without those of plain
/// variables: in `SELECT day, x AS y` only `y`, if `day` is a variable.
pub(crate) fn given(select: &Select) -> Columns {
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

fn factor(factor: &TableFactor, known: &Known) -> Columns {
    match factor {
        TableFactor::Table { name, alias, .. } => {
            let columns = match name.0.as_slice() {
                [part] => part
                    .as_ident()
                    .and_then(|ident| known.get(&normalized(ident)))
                    .map(|columns| Columns::clone(columns))
                    .unwrap_or_default(),
                _ => Columns::new(),
            };
            aliased(columns, alias.as_ref())
        }
        TableFactor::Derived {
            subquery, alias, ..
        } => aliased(output(subquery, known), alias.as_ref()),
        TableFactor::UNNEST { alias, .. } | TableFactor::Function { alias, .. } => {
            aliased(Columns::new(), alias.as_ref())
        }
        TableFactor::NestedJoin {
            table_with_joins, ..
        } => {
            let mut columns = self::factor(&table_with_joins.relation, known);
            for join in &table_with_joins.joins {
                columns.extend(self::factor(&join.relation, known));
            }
            columns
        }
        _ => Columns::new(),
    }
}

fn aliased(columns: Columns, alias: Option<&TableAlias>) -> Columns {
    match alias {
        Some(alias) if !alias.columns.is_empty() => alias
            .columns
            .iter()
            .map(|column| column.name.value.to_lowercase())
            .collect(),
        _ => columns,
    }
}
