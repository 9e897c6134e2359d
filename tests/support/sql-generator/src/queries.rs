//! Whole queries.

use crate::aggregates::{name_outputs, query_of};
use crate::features::Feature;
use crate::generator::{Generator, Query};
use crate::scope::Scope;
use crate::sql::Sql;
use crate::values::{self, Kind, Scalar};

impl Generator<'_> {
    /// A query; with `want` its columns have these types.
    pub fn query(&mut self, want: Option<&[Scalar]>, depth: u32) -> Query {
        let kind = self.choices.pick_weighted(&[
            (26, 0),
            (20, 1),
            (18, 2),
            (11, 3),
            (5, 4),
            (6, 5),
            (6, 6),
            (8, 7),
            (6, 8),
        ]);
        match kind {
            0 => self.select_query(want, depth),
            1 => self.aggregate_query(want, depth),
            2 => self.window_query(want, depth),
            3 if depth > 0 => self.set_query(want, depth - 1),
            4 => {
                let query = self.scalar_select(want, depth);
                // A query of scalars starts with SELECT.
                let distinct = |text: &str| text.replacen("SELECT ", "SELECT DISTINCT ", 1);
                Query {
                    sql: Sql::two(distinct(&query.sql.spark), distinct(&query.sql.duckdb)),
                    ..query
                }
            }
            5 => self.limited_query(want, depth),
            6 => self.grouping_sets_query(want, depth),
            7 if depth > 0 => self.with_query(want, depth - 1),
            8 => self.qualify_query(want, depth),
            _ => self.select_query(want, depth),
        }
    }

    fn select_query(&mut self, want: Option<&[Scalar]>, depth: u32) -> Query {
        let nested = want.is_none() && self.choices.chance(20);
        if !nested {
            return self.scalar_select(want, depth);
        }
        // Arrays and structs as they are.
        let (from, mut scope) = self.from(depth);
        scope.subqueries = 1;
        let condition = self.where_clause(&scope);
        let count = self.choices.between(1, 4);
        let picked: Vec<(Sql, Kind)> = (0..count)
            .map(|_| {
                let field = self.choices.pick(&scope.fields);
                (field.sql.clone(), field.kind)
            })
            .collect();
        let outputs: Vec<Sql> = picked.iter().map(|(sql, _)| sql.clone()).collect();
        Query {
            sql: Sql::format(
                "SELECT {0} FROM {1}{2}",
                &[&name_outputs(&outputs), &from, &condition],
            ),
            columns: picked.iter().map(|(_, kind)| *kind).collect(),
        }
    }

    fn scalar_select(&mut self, want: Option<&[Scalar]>, depth: u32) -> Query {
        let (from, mut scope) = self.from(depth);
        scope.subqueries = 2;
        let condition = self.where_clause(&scope);
        let wanted = self.wanted_scalars(want);
        scope.is_value = true;
        let outputs: Vec<Sql> = wanted
            .iter()
            .map(|&scalar| self.expression(&scope, scalar, 2))
            .collect();
        let sql = Sql::format(
            "SELECT {0} FROM {1}{2}",
            &[&name_outputs(&outputs), &from, &condition],
        );
        query_of(sql, &wanted)
    }

    /// ` WHERE …`; may be empty.
    pub(crate) fn where_clause(&mut self, scope: &Scope) -> Sql {
        if !self.choices.chance(60) {
            return Sql::same("");
        }
        let mut conditions = Vec::new();
        if scope.subqueries > 0 && self.choices.chance(20) {
            conditions.push(self.subquery_predicate(scope));
        }
        let mut condition = self.predicate(scope, 2);
        if !conditions.is_empty() && !self.allows(Feature::NullNextToNotIn) {
            // The same rows, without a NULL.
            condition = Sql::format("coalesce({0}, FALSE)", &[&condition]);
        }
        conditions.push(condition);
        Sql::format(" WHERE {0}", &[&Sql::join(&conditions, " AND ")])
    }

    fn set_query(&mut self, want: Option<&[Scalar]>, depth: u32) -> Query {
        let wanted = self.wanted_scalars(want);
        let operators: &[&str] = if self.allows(Feature::SetOperationAll) {
            &[
                "UNION ALL",
                "UNION",
                "INTERSECT",
                "EXCEPT",
                "INTERSECT ALL",
                "EXCEPT ALL",
            ]
        } else {
            &["UNION ALL", "UNION", "INTERSECT", "EXCEPT"]
        };
        let mut sql = self.branch(&wanted, depth);
        for _ in 0..self.choices.pick_weighted(&[(75, 1), (25, 2)]) {
            let operator = *self.choices.pick(operators);
            let right = self.branch(&wanted, depth);
            sql = Sql::format(&format!("({{0}}) {operator} ({{1}})"), &[&sql, &right]);
        }
        query_of(sql, &wanted)
    }

    fn branch(&mut self, wanted: &[Scalar], depth: u32) -> Sql {
        if self.allows(Feature::ConstantBranch) && self.choices.chance(15) {
            let outputs: Vec<Sql> = wanted
                .iter()
                .map(|scalar| values::literal(self.choices, *scalar))
                .collect();
            return Sql::format("SELECT {0}", &[&name_outputs(&outputs)]);
        }
        self.query(Some(wanted), depth).sql
    }

    /// ORDER BY all columns, with LIMIT: rows that are equal are the same.
    fn limited_query(&mut self, want: Option<&[Scalar]>, depth: u32) -> Query {
        let query = self.scalar_select(want, depth);
        let order: Vec<Sql> = (0..query.columns.len())
            .map(|at| {
                let direction = self.direction();
                Sql::same(format!("c{at} {direction}"))
            })
            .collect();
        let limit = self.choices.between(0, 6);
        let offset = if self.choices.chance(25) {
            " OFFSET 2"
        } else {
            ""
        };
        // In a derived query, so that the names of the order are its columns.
        let alias = self.next_alias();
        Query {
            sql: Sql::format(
                &format!("SELECT * FROM ({{0}}) AS {alias} ORDER BY {{1}} LIMIT {limit}{offset}"),
                &[&query.sql, &Sql::join(&order, ", ")],
            ),
            ..query
        }
    }

    fn with_query(&mut self, want: Option<&[Scalar]>, depth: u32) -> Query {
        let named = self.query(None, depth);
        let name = format!("w_{}", self.next_alias());
        self.named.push((name.clone(), named.columns.clone()));
        let mut query = self.query(want, depth);
        self.named.pop();
        if query.sql.spark.starts_with("WITH ") {
            let alias = self.next_alias();
            query.sql = Sql::format(&format!("SELECT * FROM ({{0}}) AS {alias}"), &[&query.sql]);
        }
        Query {
            sql: Sql::format(
                &format!("WITH {name} AS ({{0}}) {{1}}"),
                &[&named.sql, &query.sql],
            ),
            ..query
        }
    }
}
