//! Names for subqueries in FROM that have none.

use std::ops::ControlFlow;

use sluice_jobfile::visit_nodes_mut;
use sqlparser::ast::{
    Expr, Ident, Query, SelectItem, SetExpr, TableAlias, TableAliasColumnDef, TableFactor,
    VisitorMut,
};

/// Gives every subquery in FROM an alias. Without one, DataFusion lets the names
/// of its relations be used outside, and a join by name could not refer to it.
/// The columns of `VALUES` are called `col1`, `col2` and so on.
pub(super) fn name_derived_tables(query: &mut Query) {
    let _ = visit_nodes_mut(query, &mut DerivedNames { count: 0 });
}

struct DerivedNames {
    count: usize,
}

/// Names the items without an alias, where their names do not matter and the engine
/// would find two of the same name: those of the later branches of a set operation, as
/// in `UNION ALL SELECT 0, 0`, and those of a subquery whose columns are named outside.
fn name_items(body: &mut SetExpr, is_first: bool, are_named: bool) {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            name_items(left, is_first, are_named);
            name_items(right, false, are_named);
        }
        SetExpr::Select(select) if !is_first || are_named => {
            for (at, item) in select.projection.iter_mut().enumerate() {
                if let SelectItem::UnnamedExpr(expr) = item
                    && !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
                    && at > 0
                {
                    let expr = expr.clone();
                    let alias = Ident::new(format!("__item_{at}"));
                    *item = SelectItem::ExprWithAlias { expr, alias };
                }
            }
        }
        _ => {}
    }
}

impl VisitorMut for DerivedNames {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        name_items(&mut query.body, true, false);
        for cte in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            let are_named = !cte.alias.columns.is_empty();
            name_items(&mut cte.query.body, true, are_named);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        name_range(factor);
        let TableFactor::Derived {
            subquery, alias, ..
        } = factor
        else {
            return ControlFlow::Continue(());
        };
        self.count += 1;
        let alias = alias.get_or_insert_with(|| TableAlias {
            explicit: true,
            name: Ident::new(format!("__derived_{}", self.count)),
            columns: Vec::new(),
            at: None,
        });
        name_items(&mut subquery.body, true, !alias.columns.is_empty());
        if let SetExpr::Values(values) = subquery.body.as_ref()
            && alias.columns.is_empty()
        {
            let count = values.rows.first().map_or(0, |row| row.content.len());
            alias.columns = (1..=count)
                .map(|n| TableAliasColumnDef {
                    name: Ident::new(format!("col{n}")),
                    data_type: None,
                })
                .collect();
        }
        ControlFlow::Continue(())
    }
}

/// The column of `range(n)` is called `id`.
fn name_range(factor: &mut TableFactor) {
    let TableFactor::Table {
        name,
        args: Some(_),
        alias,
        ..
    } = factor
    else {
        return;
    };
    if !name.to_string().eq_ignore_ascii_case("range") {
        return;
    }
    let alias = alias.get_or_insert_with(|| TableAlias {
        explicit: true,
        name: Ident::new("range"),
        columns: Vec::new(),
        at: None,
    });
    if alias.columns.is_empty() {
        alias.columns.push(TableAliasColumnDef {
            name: Ident::new("id"),
            data_type: None,
        });
    }
}
