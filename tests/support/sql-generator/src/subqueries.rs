//! Subqueries in expressions.

use crate::features::Feature;
use crate::generator::Generator;
use crate::scope::Scope;
use crate::sql::Sql;
use crate::values::{Kind, Scalar, known_literal};

impl Generator<'_> {
    /// A subquery with at most one row, as a value.
    pub(crate) fn scalar_subquery(&mut self, scope: &Scope, scalar: Scalar) -> Sql {
        let (from, inner) = self.inner_relation(scope);
        let unique =
            self.choices.chance(25) && inner.keys.as_ref().is_some_and(|keys| keys.len() == 1);
        if let (true, Some(keys)) = (unique, &inner.keys) {
            let key = &keys[0];
            let value = self.leaf(&inner, scalar);
            let outer = self.column(scope, Scalar::Int);
            let wanted = match outer {
                Some(outer) if self.allows(Feature::CorrelatedSubquery) => outer,
                _ => Sql::same("1"),
            };
            return Sql::format(
                "(SELECT {0} FROM {1} WHERE {2} = {3})",
                &[&value, &from, key, &wanted],
            );
        }
        let (call, _) = self.aggregate_call(&inner.without_subqueries(), scalar);
        let condition = self.inner_condition(scope, &inner);
        Sql::format("(SELECT {0} FROM {1}{2})", &[&call, &from, &condition])
    }

    /// IN, NOT IN, EXISTS, NOT EXISTS.
    pub(crate) fn subquery_predicate(&mut self, scope: &Scope) -> Sql {
        let (from, inner) = self.inner_relation(scope);
        let not = self.not();
        if self.choices.chance(50) {
            let condition = self.inner_condition(scope, &inner);
            return Sql::format(
                &format!("({not}EXISTS (SELECT 1 FROM {{0}}{{1}}))"),
                &[&from, &condition],
            );
        }
        let not = if self.allows(Feature::NotInSubquery) {
            not
        } else {
            ""
        };
        let scalar = self.scalar_of(scope);
        let operand = self.expression(&scope.without_subqueries(), scalar, 1);
        let value = self.expression(&inner.without_subqueries(), scalar, 1);
        let [operand, value] = if scope.is_value {
            [operand, value].map(|sql| self.known(sql, scalar))
        } else {
            [operand, value]
        };
        let nothing = Scope::default();
        let outer = if not.is_empty() || self.allows(Feature::CorrelatedNotIn) {
            scope
        } else {
            &nothing
        };
        let condition = self.inner_condition(outer, &inner);
        Sql::format(
            &format!("({{0}} {not}IN (SELECT {{1}} FROM {{2}}{{3}}))"),
            &[&operand, &value, &from, &condition],
        )
    }

    /// The value, or a literal where it is NULL.
    fn known(&mut self, value: Sql, scalar: Scalar) -> Sql {
        let literal = known_literal(self.choices, scalar);
        Sql::format("coalesce({0}, {1})", &[&value, &literal])
    }

    fn inner_relation(&mut self, scope: &Scope) -> (Sql, Scope) {
        let (from, mut inner) = if self.choices.chance(15) {
            self.joined_relations(0)
        } else {
            self.relation(0)
        };
        inner.subqueries = scope.subqueries.saturating_sub(1);
        (from, inner)
    }

    /// ` WHERE …`, often with a reference to the outer query; may be empty.
    fn inner_condition(&mut self, outer: &Scope, inner: &Scope) -> Sql {
        let mut conditions = Vec::new();
        if self.allows(Feature::CorrelatedSubquery) && self.choices.chance(55) {
            conditions.extend(self.correlation(outer, inner));
        }
        if self.choices.chance(40) {
            conditions.push(self.predicate(inner, 1));
        }
        if conditions.is_empty() {
            return Sql::same("");
        }
        Sql::format(" WHERE {0}", &[&Sql::join(&conditions, " AND ")])
    }

    fn correlation(&mut self, outer: &Scope, inner: &Scope) -> Option<Sql> {
        let pairs: Vec<(Sql, Sql)> = inner
            .fields
            .iter()
            .filter(|field| matches!(field.kind, Kind::Scalar(_)))
            .flat_map(|field| {
                outer
                    .fields
                    .iter()
                    .filter(|other| other.kind == field.kind)
                    .map(|other| (field.sql.clone(), other.sql.clone()))
            })
            .collect();
        if pairs.is_empty() {
            return None;
        }
        let (left, right) = self.choices.pick(&pairs).clone();
        let equal = !self.allows(Feature::CorrelatedInequality) || !self.choices.chance(8);
        let operator = if equal {
            "="
        } else {
            *self.choices.pick(&["<", ">=", "<>"])
        };
        Some(Sql::format(
            &format!("({{0}} {operator} {{1}})"),
            &[&left, &right],
        ))
    }
}
