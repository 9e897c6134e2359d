//! Subqueries in expressions.

use crate::features::Feature;
use crate::generator::Generator;
use crate::scope::Scope;
use crate::sql::Sql;
use crate::values::{Scalar, known_literal};

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
        if self.allows(Feature::CorrelatedAnywhere) {
            match self.choices.pick_weighted(&[(84, 0), (8, 1), (8, 2)]) {
                1 => {
                    if let Some(query) = self.first_value(scope, &from, &inner, scalar) {
                        return query;
                    }
                }
                2 => return self.aggregate_of_set(scope, scalar),
                _ => {}
            }
        }
        let call = self.correlated_aggregate(scope, &inner, scalar);
        let condition = self.inner_condition(scope, &inner);
        let having = if self.allows(Feature::CorrelatedAnywhere) && self.choices.chance(6) {
            let limit = self.choices.between(0, 2);
            format!(" HAVING count(*) > {limit}")
        } else {
            String::new()
        };
        Sql::format(
            &format!("(SELECT {{0}} FROM {{1}}{{2}}{having})"),
            &[&call, &from, &condition],
        )
    }

    /// An aggregate, sometimes of rows that a condition on the outer query chooses.
    fn correlated_aggregate(&mut self, outer: &Scope, inner: &Scope, scalar: Scalar) -> Sql {
        let chooses = self.allows(Feature::CorrelatedAnywhere) && self.choices.chance(8);
        if chooses && let Some(condition) = self.correlation(outer, inner) {
            let value = self.leaf(inner, scalar);
            let function = if scalar == Scalar::Boolean {
                "bool_or"
            } else {
                "max"
            };
            return Sql::format(
                &format!("{function}(CASE WHEN {{0}} THEN {{1}} END)"),
                &[&condition, &value],
            );
        }
        self.aggregate_call(&inner.without_subqueries(), scalar).0
    }

    /// The value of the first row in an order without ties.
    fn first_value(
        &mut self,
        outer: &Scope,
        from: &Sql,
        inner: &Scope,
        scalar: Scalar,
    ) -> Option<Sql> {
        let order = self.total_order(inner)?;
        let value = self.leaf(inner, scalar);
        let condition = self.inner_condition(outer, inner);
        let offset = if self.choices.chance(25) {
            " OFFSET 1"
        } else {
            ""
        };
        Some(Sql::format(
            &format!("(SELECT {{0}} FROM {{1}}{{2}} {{3}} LIMIT 1{offset})"),
            &[&value, from, &condition, &order],
        ))
    }

    /// An aggregate of what two queries have, which both may refer to the outer one.
    fn aggregate_of_set(&mut self, outer: &Scope, scalar: Scalar) -> Sql {
        let mut branches = Vec::new();
        for _ in 0..2 {
            let (from, inner) = self.inner_relation(outer);
            let value = self.leaf(&inner, scalar);
            let condition = self.inner_condition(outer, &inner);
            branches.push(Sql::format(
                "(SELECT {0} AS c0 FROM {1}{2})",
                &[&value, &from, &condition],
            ));
        }
        let operator = *self
            .choices
            .pick(&["UNION ALL", "UNION", "INTERSECT", "EXCEPT"]);
        let alias = self.next_alias();
        let function = match scalar {
            Scalar::BigInt => "count",
            Scalar::Boolean => "bool_or",
            _ => "max",
        };
        Sql::format(
            &format!("(SELECT {function}({alias}.c0) FROM ({{0}} {operator} {{1}}) AS {alias})"),
            &[&branches[0], &branches[1]],
        )
    }

    /// IN, NOT IN, EXISTS, NOT EXISTS.
    pub(crate) fn subquery_predicate(&mut self, scope: &Scope) -> Sql {
        let (from, inner) = self.inner_relation(scope);
        let not = self.not();
        let groups = self.allows(Feature::CorrelatedAnywhere) && self.choices.chance(15);
        if self.choices.chance(50) {
            let condition = self.inner_condition(scope, &inner);
            let having = if groups {
                let limit = self.choices.between(0, 2);
                format!(" HAVING count(*) > {limit}")
            } else {
                String::new()
            };
            let value = if groups { "count(*)" } else { "1" };
            return Sql::format(
                &format!("({not}EXISTS (SELECT {value} FROM {{0}}{{1}}{having}))"),
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
        let group = if groups {
            let key = self.scalar_of(&inner);
            self.column(&inner, key)
        } else {
            None
        };
        let value = if group.is_some() {
            self.aggregate_call(&inner.without_subqueries(), scalar).0
        } else {
            self.expression(&inner.without_subqueries(), scalar, 1)
        };
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
        let mut condition = self.inner_condition(outer, &inner);
        if let Some(group) = group {
            condition = Sql::format("{0} GROUP BY {1}", &[&condition, &group]);
        }
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

    pub(crate) fn inner_relation(&mut self, scope: &Scope) -> (Sql, Scope) {
        let (from, mut inner) = if self.choices.chance(15) {
            self.joined_relations(0)
        } else {
            self.relation(0)
        };
        inner.subqueries = scope.subqueries.saturating_sub(1);
        inner.outside.clone_from(&scope.fields);
        inner.outside.extend(scope.outside.iter().cloned());
        (from, inner)
    }

    /// ` WHERE …`, often with a reference to the outer query; may be empty.
    pub(crate) fn inner_condition(&mut self, outer: &Scope, inner: &Scope) -> Sql {
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
        let further = self.allows(Feature::CorrelatedAnywhere)
            && !outer.outside.is_empty()
            && self.choices.chance(25);
        let around = if further {
            Scope {
                fields: outer.outside.clone(),
                ..Scope::default()
            }
        } else {
            outer.without_subqueries()
        };
        let equal = self.compare_scopes(&around, inner, &["="])?;
        if !self.allows(Feature::CorrelatedInequality) {
            return Some(equal);
        }
        match self.choices.pick_weighted(&[(60, 0), (25, 1), (15, 2)]) {
            1 => {
                let operators = ["<", ">=", "<>", "IS NOT DISTINCT FROM"];
                self.compare_scopes(&around, inner, &operators)
            }
            2 => {
                let other = if self.choices.chance(50) {
                    self.compare_scopes(&around, inner, &["<", "<>"])?
                } else {
                    self.predicate(&inner.without_subqueries(), 0)
                };
                Some(Sql::format("({0} OR {1})", &[&equal, &other]))
            }
            _ => Some(equal),
        }
    }

    /// A column of `inner` compared with one of `outer`.
    fn compare_scopes(&mut self, outer: &Scope, inner: &Scope, operators: &[&str]) -> Option<Sql> {
        let pairs: Vec<(Sql, Sql)> = inner
            .scalars()
            .into_iter()
            .flat_map(|(field, scalar)| {
                outer
                    .scalars()
                    .into_iter()
                    .filter(move |(_, other)| *other == scalar)
                    .map(|(other, _)| (field.sql.clone(), other.sql.clone()))
            })
            .collect();
        if pairs.is_empty() {
            return None;
        }
        let (left, right) = self.choices.pick(&pairs).clone();
        let operator = *self.choices.pick(operators);
        Some(Sql::format(
            &format!("({{0}} {operator} {{1}})"),
            &[&left, &right],
        ))
    }
}
