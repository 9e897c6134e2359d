//! The names of a query's columns as they are written.
//!
//! Names are found in any spelling, so the planner folds their case. What a table is
//! written with are the names as the select list spells them, as in Spark. Columns of
//! `*` have the spelling of where they come from.

use std::collections::HashMap;
use std::ops::ControlFlow;

use sluice_jobfile::visit_nodes;
use sqlparser::ast::{Expr, Query, Select, SelectItem, SetExpr, TableAlias, Visitor};

/// The names that relations show, by the names of the relations.
pub trait ShownNames {
    /// The names of the columns of `relation` as they were written.
    fn shown_names(&self, relation: &str) -> Option<&[String]>;
}

/// `columns`, the names of the columns of `query` in its plan, as the query spells
/// them.
#[must_use]
pub fn spell_columns(query: &Query, columns: &[&str], relations: &dyn ShownNames) -> Vec<String> {
    let listed = listed_names(query, columns.len());
    let spellings = Spellings::of(query, relations);
    let spell = |(at, column): (usize, &&str)| {
        let listed = listed.get(at).cloned().flatten();
        let same = |name: &String| name.to_lowercase() == column.to_lowercase();
        listed
            .filter(same)
            .or_else(|| spellings.0.get(&column.to_lowercase()).cloned())
            .unwrap_or_else(|| (*column).to_owned())
    };
    columns.iter().enumerate().map(spell).collect()
}

/// The names in the outer select list, by position; `None` for columns of `*`.
fn listed_names(query: &Query, columns: usize) -> Vec<Option<String>> {
    let mut names = vec![None; columns];
    if !query.pipe_operators.is_empty() {
        return names;
    }
    let Some(select) = outer_select(&query.body) else {
        return names;
    };
    let is_star = |item: &SelectItem| {
        matches!(
            item,
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)
        )
    };
    let items = &select.projection;
    let before = items.iter().take_while(|item| !is_star(item)).count();
    let after = items.iter().rev().take_while(|item| !is_star(item)).count();
    for (name, item) in names.iter_mut().zip(items.iter().take(before)) {
        *name = name_of_item(item);
    }
    if before < items.len() {
        for (name, item) in names.iter_mut().rev().zip(items.iter().rev().take(after)) {
            *name = name_of_item(item);
        }
    }
    names
}

/// The select list that names the columns: of set operations the first.
fn outer_select(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) if query.pipe_operators.is_empty() => outer_select(&query.body),
        SetExpr::SetOperation { left, .. } => outer_select(left),
        _ => None,
    }
}

fn name_of_item(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        SelectItem::UnnamedExpr(expr) => name_of_expr(expr),
        _ => None,
    }
}

pub(crate) fn name_of_expr(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) => Some(name.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|name| name.value.clone()),
        // A cast has the name of its value.
        Expr::Cast { expr, .. } => name_of_expr(expr),
        _ => None,
    }
}

/// The spellings of names inside of a query, by the name in lower case.
struct Spellings(HashMap<String, String>);

impl Spellings {
    fn of(query: &Query, relations: &dyn ShownNames) -> Self {
        let mut finder = SpellingFinder {
            relations,
            of_relations: HashMap::new(),
            of_aliases: HashMap::new(),
        };
        let _ = visit_nodes(query, &mut finder);
        let mut spellings = finder.of_relations;
        spellings.extend(finder.of_aliases);
        Self(spellings)
    }
}

struct SpellingFinder<'a> {
    relations: &'a dyn ShownNames,
    of_relations: HashMap<String, String>,
    /// They rename what relations have.
    of_aliases: HashMap<String, String>,
}

impl SpellingFinder<'_> {
    fn add_alias(&mut self, name: &str) {
        self.of_aliases
            .entry(name.to_lowercase())
            .or_insert_with(|| name.to_owned());
    }

    fn add_columns(&mut self, alias: &TableAlias) {
        for column in &alias.columns {
            self.add_alias(&column.name.value);
        }
    }
}

impl Visitor for SpellingFinder<'_> {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &sqlparser::ast::ObjectName) -> ControlFlow<()> {
        let name = relation.0.last().and_then(|part| part.as_ident());
        if let Some(name) = name {
            let shown = self.relations.shown_names(&name.value.to_lowercase());
            for column in shown.unwrap_or_default() {
                self.of_relations
                    .entry(column.to_lowercase())
                    .or_insert_with(|| column.clone());
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &sqlparser::ast::TableFactor) -> ControlFlow<()> {
        if let Some(alias) = crate::syntax::factor_alias(factor) {
            self.add_columns(alias);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for item in &select.projection {
            if let Some(name) = name_of_item(item) {
                self.add_alias(&name);
            }
        }
        for view in &select.lateral_views {
            for column in &view.lateral_col_alias {
                self.add_alias(&column.value);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.add_columns(&cte.alias);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::ast::Statement;
    use sqlparser::dialect::DatabricksDialect;
    use sqlparser::parser::Parser;

    use super::*;

    struct Tables;

    impl ShownNames for Tables {
        fn shown_names(&self, relation: &str) -> Option<&[String]> {
            static NAMES: std::sync::LazyLock<Vec<String>> =
                std::sync::LazyLock::new(|| vec!["userId".to_owned(), "at".to_owned()]);
            (relation == "events").then_some(NAMES.as_slice())
        }
    }

    fn spelled(sql: &str, columns: &[&str]) -> Vec<String> {
        let mut statements = Parser::parse_sql(&DatabricksDialect {}, sql).unwrap();
        let Some(Statement::Query(query)) = statements.pop() else {
            panic!("no query: {sql}");
        };
        spell_columns(&query, columns, &Tables)
    }

    #[test]
    fn names_are_those_of_the_select_list() {
        for (sql, columns, expected) in [
            (
                "SELECT ID, t.Name, x AS totalCount FROM t",
                &["id", "name", "totalcount"][..],
                &["ID", "Name", "totalCount"][..],
            ),
            (
                "SELECT CAST(Id AS STRING), count(*) FROM t",
                &["id", "count(*)"],
                &["Id", "count(*)"],
            ),
            ("SELECT * FROM Events", &["userid", "at"], &["userId", "at"]),
            (
                "SELECT Key, *, 1 AS One FROM events",
                &["key", "userid", "at", "one"],
                &["Key", "userId", "at", "One"],
            ),
            (
                "SELECT * FROM (SELECT userid AS USERID, at AS At FROM events)",
                &["userid", "at"],
                &["USERID", "At"],
            ),
            ("WITH c(Aa) AS (SELECT 1) SELECT * FROM c", &["aa"], &["Aa"]),
            (
                "SELECT a AS Aa FROM t UNION SELECT b AS Bb FROM t",
                &["aa"],
                &["Aa"],
            ),
            ("SELECT * FROM VALUES (1) AS t(Aa)", &["aa"], &["Aa"]),
            // A name that the plan changed stays as it is.
            ("SELECT A FROM t", &["b"], &["b"]),
        ] {
            assert_eq!(spelled(sql, columns), expected, "{sql}");
        }
    }
}
