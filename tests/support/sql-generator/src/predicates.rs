//! Conditions.

use crate::features::Feature;
use crate::generator::Generator;
use crate::scope::Scope;
use crate::sql::Sql;
use crate::values::{self, Kind, SCALARS, Scalar};

impl Generator<'_> {
    /// A condition: true, false or NULL.
    pub(crate) fn predicate(&mut self, scope: &Scope, depth: u32) -> Sql {
        let inner = depth.saturating_sub(1);
        let kind = if depth == 0 {
            self.choices.pick_weighted(&[(4, 0), (1, 1), (1, 2)])
        } else {
            self.choices.pick_weighted(&[
                (30, 0),
                (8, 1),
                (6, 2),
                (9, 3),
                (9, 4),
                (5, 5),
                (5, 6),
                (6, 7),
                (5, 8),
                (4, 9),
                (4, 10),
                (14, 11),
            ])
        };
        match kind {
            0 => self.comparison(scope, inner),
            1 => {
                let (scalar, not) = (self.scalar_of(scope), self.not());
                let operand = self.expression(scope, scalar, inner);
                Sql::format(&format!("({{0}} IS {not}NULL)"), &[&operand])
            }
            2 => self.leaf(scope, Scalar::Boolean),
            3 => self.join_conditions(scope, inner, "AND"),
            4 => self.join_conditions(scope, inner, "OR"),
            5 => {
                let operand = self.predicate(scope, inner);
                Sql::format("(NOT {0})", &[&operand])
            }
            6 => {
                let (scalar, not) = (self.scalar_of(scope), self.not());
                let left = self.expression(scope, scalar, inner);
                let right = self.expression(scope, scalar, inner);
                Sql::format(
                    &format!("({{0}} IS {not}DISTINCT FROM {{1}})"),
                    &[&left, &right],
                )
            }
            7 => self.in_list(scope, inner),
            8 => {
                let (scalar, not) = (self.ordered_scalar_of(scope), self.not());
                let operand = self.expression(scope, scalar, inner);
                let low = values::literal(self.choices, scalar);
                let high = self.expression(scope, scalar, 0);
                Sql::format(
                    &format!("({{0}} {not}BETWEEN {{1}} AND {{2}})"),
                    &[&operand, &low, &high],
                )
            }
            9 => {
                let not = self.not();
                let text = self.expression(scope, Scalar::Text, inner);
                let pattern = *self.choices.pick(&["a%", "%b%", "_", "", "%", "a_c", "é%"]);
                Sql::format(&format!("({{0}} {not}LIKE '{pattern}')"), &[&text])
            }
            10 => self.collection_predicate(scope, inner),
            _ if scope.subqueries > 0 && self.allows(Feature::NestedSubquery) => {
                self.subquery_predicate(scope)
            }
            _ => self.comparison(scope, inner),
        }
    }

    pub(crate) fn not(&mut self) -> &'static str {
        if self.choices.chance(40) { "NOT " } else { "" }
    }

    /// A type that the scope has columns of, mostly.
    pub(crate) fn scalar_of(&mut self, scope: &Scope) -> Scalar {
        let types: Vec<Scalar> = scope.scalars().iter().map(|(_, scalar)| *scalar).collect();
        if types.is_empty() {
            *self.choices.pick(&SCALARS)
        } else {
            *self.choices.pick(&types)
        }
    }

    fn ordered_scalar_of(&mut self, scope: &Scope) -> Scalar {
        match self.scalar_of(scope) {
            Scalar::Boolean => Scalar::Int,
            scalar => scalar,
        }
    }

    fn comparison(&mut self, scope: &Scope, depth: u32) -> Sql {
        let scalar = self.ordered_scalar_of(scope);
        let operator = *self.choices.pick(&["=", "<", ">=", "<>", ">", "<="]);
        let left = self.expression(scope, scalar, depth);
        let right = if self.choices.chance(50) {
            self.expression(scope, scalar, depth)
        } else {
            values::known_literal(self.choices, scalar)
        };
        Sql::format(&format!("({{0}} {operator} {{1}})"), &[&left, &right])
    }

    fn join_conditions(&mut self, scope: &Scope, depth: u32, operator: &str) -> Sql {
        let left = self.predicate(scope, depth);
        let right = self.predicate(scope, depth);
        Sql::format(&format!("({{0}} {operator} {{1}})"), &[&left, &right])
    }

    fn in_list(&mut self, scope: &Scope, depth: u32) -> Sql {
        let (scalar, not) = (self.ordered_scalar_of(scope), self.not());
        let operand = self.expression(scope, scalar, depth);
        let count = self.choices.between(1, 4);
        let items: Vec<Sql> = (0..count)
            .map(|_| values::literal(self.choices, scalar))
            .collect();
        Sql::format(
            &format!("({{0}} {not}IN ({{1}}))"),
            &[&operand, &Sql::join(&items, ", ")],
        )
    }

    /// Whether an array contains a value: NULL if it is not found and the array
    /// has NULLs, in Spark; DuckDB says false there.
    fn collection_predicate(&mut self, scope: &Scope, depth: u32) -> Sql {
        let arrays = scope.of_kind(Kind::Array(Scalar::Int));
        let Some(array) = arrays.first() else {
            return self.comparison(scope, depth);
        };
        let item = values::known_literal(self.choices, Scalar::Int);
        Sql::format_two(
            "coalesce(array_contains({0}, {1}), FALSE)",
            "coalesce(list_contains({0}, {1}), FALSE)",
            &[&array.sql, &item],
        )
    }
}
