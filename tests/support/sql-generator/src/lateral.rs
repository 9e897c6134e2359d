//! Subqueries in FROM that refer to the relation before them.

use crate::aggregates::name_outputs;
use crate::generator::Generator;
use crate::relations::{both_scopes, derived_scope};
use crate::scope::Scope;
use crate::sql::Sql;
use crate::values::Kind;

impl Generator<'_> {
    /// A relation and the rows of a subquery for each of its rows.
    pub(crate) fn lateral_join(&mut self, depth: u32) -> (Sql, Scope) {
        let (from, scope) = self.relation(depth);
        let (inner_from, inner) = self.inner_relation(&scope);
        let inner = inner.without_subqueries();
        let count = self.choices.between(1, 2);
        let kinds: Vec<_> = (0..count).map(|_| self.scalar_of(&inner)).collect();
        let form = self.choices.pick_weighted(&[(45, 0), (30, 1), (25, 2)]);
        let outputs: Vec<Sql> = kinds
            .iter()
            .map(|scalar| match form {
                0 => self.aggregate_call(&inner, *scalar).0,
                _ => self.leaf(&inner, *scalar),
            })
            .collect();
        let condition = self.inner_condition(&scope, &inner);
        let order = match form {
            2 => self.total_order(&inner),
            _ => None,
        };
        let limit = match order {
            Some(order) => Sql::format(" {0} LIMIT 2", &[&order]),
            None => Sql::same(""),
        };
        let (join, alias) = (
            *self.choices.pick(&["JOIN", "LEFT JOIN"]),
            self.next_alias(),
        );
        let sql = Sql::format(
            &format!("{{0}} {join} LATERAL (SELECT {{1}} FROM {{2}}{{3}}{{4}}) AS {alias} ON TRUE"),
            &[
                &from,
                &name_outputs(&outputs),
                &inner_from,
                &condition,
                &limit,
            ],
        );
        let kinds: Vec<Kind> = kinds.into_iter().map(Kind::Scalar).collect();
        (sql, both_scopes(scope, derived_scope(&alias, &kinds)))
    }
}
