//! `WITH` inside of a query that is inside of another `WITH`: the inner name hides the
//! outer one.
//!
//! The planner knows a name of `WITH` once in a whole query, so a name that hides another
//! one is replaced by a name of its own, and so are its readers.

use std::collections::HashMap;
use std::ops::ControlFlow;

use sluice_jobfile::visit_nodes_mut;
use sqlparser::ast::{Ident, ObjectName, Query, TableAlias, TableFactor, VisitorMut, With};

use super::fold_case;

/// Gives every name of `WITH` that hides another one a name that no other has.
pub(super) fn rename_hiding_ctes(query: &mut Query) {
    let mut renamer = CteRenamer {
        scopes: Vec::new(),
        withs: Vec::new(),
        renamed: 0,
    };
    let _ = visit_nodes_mut(query, &mut renamer);
}

/// What the names of `WITH` are called, by what they were called.
type CteNames = HashMap<String, Ident>;

struct CteRenamer {
    /// The names that the queries around may read.
    scopes: Vec<CteNames>,
    /// The `WITH` of these queries, which are visited before the rest of them.
    withs: Vec<Option<With>>,
    renamed: usize,
}

impl CteRenamer {
    /// Renames in one `WITH`; the names that are known after it.
    fn visit_with(&mut self, with: &mut With) -> CteNames {
        let outer = self.scopes.last().cloned().unwrap_or_default();
        let mut known = outer.clone();
        for cte in &mut with.cte_tables {
            let name = fold_case(&cte.alias.name);
            let hides = outer.contains_key(&name);
            let called = if hides {
                self.renamed += 1;
                Ident {
                    value: format!("__with_{}_{name}", self.renamed),
                    quote_style: Some('`'),
                    span: cte.alias.name.span,
                }
            } else {
                cte.alias.name.clone()
            };
            // The query of a name reads the outer one, unless it is recursive.
            if with.recursive {
                known.insert(name.clone(), called.clone());
            }
            self.scopes.push(known.clone());
            let _ = visit_nodes_mut(&mut cte.query, self);
            self.scopes.pop();
            cte.alias.name = called.clone();
            known.insert(name, called);
        }
        known
    }
}

impl VisitorMut for CteRenamer {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let mut with = query.with.take();
        let known = match &mut with {
            Some(with) => self.visit_with(with),
            None => self.scopes.last().cloned().unwrap_or_default(),
        };
        self.scopes.push(known);
        self.withs.push(with);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.scopes.pop();
        query.with = self.withs.pop().flatten();
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table {
            name,
            args: None,
            alias,
            ..
        } = factor
        else {
            return ControlFlow::Continue(());
        };
        let [part] = name.0.as_slice() else {
            return ControlFlow::Continue(());
        };
        let Some(read) = part.as_ident().cloned() else {
            return ControlFlow::Continue(());
        };
        let called = self
            .scopes
            .last()
            .and_then(|known| known.get(&fold_case(&read)));
        if let Some(called) = called.filter(|called| fold_case(called) != fold_case(&read)) {
            *name = ObjectName::from(vec![called.clone()]);
            // Columns may be qualified by the name that was written.
            alias.get_or_insert_with(|| TableAlias {
                explicit: true,
                name: read,
                columns: Vec::new(),
                at: None,
            });
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::ast::Statement;
    use sqlparser::dialect::GenericDialect;
    use sqlparser::parser::Parser;

    use super::*;

    fn renamed(sql: &str) -> String {
        let mut statements = Parser::parse_sql(&GenericDialect, sql).unwrap();
        let Some(Statement::Query(mut query)) = statements.pop() else {
            panic!("{sql}")
        };
        rename_hiding_ctes(&mut query);
        query.to_string()
    }

    #[test]
    fn inner_names_hide_outer_ones() {
        for (sql, expected) in [
            (
                "WITH t AS (SELECT 1 AS a) SELECT * FROM (WITH t AS (SELECT 2 AS a) SELECT t.a FROM t)",
                "WITH t AS (SELECT 1 AS a) SELECT * FROM (WITH `__with_1_t` AS (SELECT 2 AS a) SELECT t.a FROM `__with_1_t` AS t)",
            ),
            // The query of the inner name reads the outer one.
            (
                "WITH t AS (SELECT 1 AS a), u AS (WITH t AS (SELECT a + 1 AS a FROM t) SELECT a FROM T) SELECT * FROM t, u",
                "WITH t AS (SELECT 1 AS a), u AS (WITH `__with_1_t` AS (SELECT a + 1 AS a FROM t) SELECT a FROM `__with_1_t` AS T) SELECT * FROM t, u",
            ),
            // Two queries next to each other hide nothing.
            (
                "SELECT (WITH t AS (SELECT 1 AS a) SELECT a FROM t) + (WITH t AS (SELECT 2 AS a) SELECT a FROM t x)",
                "SELECT (WITH t AS (SELECT 1 AS a) SELECT a FROM t) + (WITH t AS (SELECT 2 AS a) SELECT a FROM t x)",
            ),
        ] {
            assert_eq!(renamed(sql), expected);
        }
    }
}
