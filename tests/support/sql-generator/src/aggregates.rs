//! Aggregates and grouped queries.

use crate::generator::{Generator, Query};
use crate::scope::Scope;
use crate::sql::Sql;
use crate::values::{self, Kind, SCALARS, Scalar};

impl Generator<'_> {
    /// An aggregate of this type, and whether it has no FILTER.
    pub(crate) fn aggregate_call(&mut self, scope: &Scope, scalar: Scalar) -> (Sql, bool) {
        let call = self.plain_aggregate(scope, scalar);
        if self.choices.chance(22) {
            let condition = self.predicate(&scope.without_subqueries(), 1);
            let filtered = Sql::format("{0} FILTER (WHERE {1})", &[&call, &condition]);
            return (cast_aggregate(&filtered, scalar), false);
        }
        (cast_aggregate(&call, scalar), true)
    }

    /// An aggregate without FILTER, whose type may be wider than `scalar`.
    pub(crate) fn plain_aggregate(&mut self, scope: &Scope, scalar: Scalar) -> Sql {
        let scope = &scope.without_subqueries();
        let of = |this: &mut Self, scalar, template: &str| {
            let argument = this.expression(scope, scalar, 1);
            Sql::format(template, &[&argument])
        };
        let bounds = *self.choices.pick(&["max({0})", "min({0})"]);
        match scalar {
            Scalar::BigInt => match self.choices.below(6) {
                0 => Sql::same("count(*)"),
                1 => of(self, Scalar::Int, "sum({0})"),
                2 => {
                    let counted = self.scalar_of(scope);
                    of(self, counted, "count({0})")
                }
                3 => {
                    let counted = self.scalar_of(scope);
                    of(self, counted, "count(DISTINCT {0})")
                }
                4 => of(self, Scalar::Int, "sum(DISTINCT {0})"),
                _ => of(self, Scalar::BigInt, bounds),
            },
            Scalar::Double => match self.choices.below(5) {
                0 => of(
                    self,
                    Scalar::Double,
                    "sum(CASE WHEN abs({0}) < 1000000 THEN {0} END)",
                ),
                1 => of(self, Scalar::Int, "avg({0})"),
                2 => of(
                    self,
                    Scalar::Double,
                    "avg(CASE WHEN abs({0}) < 1000000 THEN {0} END)",
                ),
                3 => of(
                    self,
                    Scalar::Int,
                    "var_pop(CASE WHEN abs({0}) < 1000 THEN {0} END)",
                ),
                _ => of(self, Scalar::Double, bounds),
            },
            Scalar::Decimal => {
                let template = *self.choices.pick(&["sum({0})", bounds]);
                of(self, Scalar::Decimal, template)
            }
            Scalar::Boolean => {
                let template = *self.choices.pick(&["bool_or({0})", "bool_and({0})"]);
                of(self, Scalar::Boolean, template)
            }
            Scalar::Int | Scalar::Text | Scalar::Date | Scalar::Timestamp => {
                of(self, scalar, bounds)
            }
        }
    }

    /// SELECT with GROUP BY, or an aggregate of all rows.
    pub(crate) fn aggregate_query(&mut self, want: Option<&[Scalar]>, depth: u32) -> Query {
        let (from, mut scope) = self.from(depth);
        scope.subqueries = 1;
        let condition = self.where_clause(&scope);
        let scope = scope.without_subqueries();
        let wanted = self.wanted_scalars(want);
        let mut groups = Vec::new();
        let mut outputs = Vec::new();
        for &scalar in &wanted {
            // A group is a column, or an expression that has one: a number alone
            // would be a position.
            let group = if self.choices.chance(45) {
                self.column(&scope, scalar)
            } else {
                None
            };
            if let Some(group) = group {
                let group = if self.choices.chance(20) {
                    let other = values::known_literal(self.choices, scalar);
                    Sql::format("coalesce({0}, {1})", &[&group, &other])
                } else {
                    group
                };
                groups.push(group.clone());
                outputs.push(group);
            } else {
                outputs.push(self.aggregate_call(&scope, scalar).0);
            }
        }
        let mut sql = Sql::format(
            "SELECT {0} FROM {1}{2}",
            &[&name_outputs(&outputs), &from, &condition],
        );
        if !groups.is_empty() {
            sql = Sql::format("{0} GROUP BY {1}", &[&sql, &Sql::join(&groups, ", ")]);
            if self.choices.chance(25) {
                let mut of_groups = Scope::default();
                of_groups.fields.extend(scope.fields.iter().cloned());
                of_groups.fields.retain(|field| groups.contains(&field.sql));
                let having = self.having(&scope, &of_groups);
                sql = Sql::format("{0} HAVING {1}", &[&sql, &having]);
            }
        }
        query_of(sql, &wanted)
    }

    /// SELECT with several groupings.
    pub(crate) fn grouping_sets_query(&mut self, want: Option<&[Scalar]>, depth: u32) -> Query {
        let (from, mut scope) = self.from(depth);
        scope.subqueries = 1;
        let condition = self.where_clause(&scope);
        let scope = scope.without_subqueries();
        let wanted = self.wanted_scalars(want);
        let mut groups: Vec<Sql> = Vec::new();
        let mut outputs = Vec::new();
        for &scalar in &wanted {
            match self.column(&scope, scalar) {
                Some(column)
                    if groups.len() < 3
                        && !groups.contains(&column)
                        && !self.choices.chance(30) =>
                {
                    groups.push(column.clone());
                    outputs.push(column);
                }
                _ => outputs.push(self.aggregate_call(&scope, scalar).0),
            }
        }
        if groups.is_empty() {
            return self.aggregate_query(want, depth);
        }
        let mut wanted = wanted;
        if want.is_none() && self.choices.chance(40) {
            let group = self.choices.pick(&groups).clone();
            outputs.push(Sql::format("CAST(grouping({0}) AS INT)", &[&group]));
            wanted.push(Scalar::Int);
        }
        let all = Sql::join(&groups, ", ");
        let grouping = match self.choices.below(3) {
            0 => Sql::format("ROLLUP ({0})", &[&all]),
            1 => Sql::format("CUBE ({0})", &[&all]),
            _ => Sql::format("GROUPING SETS (({0}), ({1}), ())", &[&all, &groups[0]]),
        };
        // Over no rows, Spark has no groups, and DuckDB the one of all rows.
        let sql = Sql::format_two(
            "SELECT {0} FROM {1}{2} GROUP BY {3}",
            "SELECT {0} FROM {1}{2} GROUP BY {3} HAVING count(*) > 0",
            &[&name_outputs(&outputs), &from, &condition, &grouping],
        );
        query_of(sql, &wanted)
    }

    fn having(&mut self, scope: &Scope, of_groups: &Scope) -> Sql {
        let scalar =
            *self
                .choices
                .pick(&[Scalar::BigInt, Scalar::Int, Scalar::Text, Scalar::Decimal]);
        let (call, _) = self.aggregate_call(scope, scalar);
        let value = if self.choices.chance(25) {
            self.scalar_subquery(of_groups, scalar)
        } else {
            values::known_literal(self.choices, scalar)
        };
        let operator = *self.choices.pick(&[">", "<=", "=", "<>"]);
        Sql::format(&format!("({{0}} {operator} {{1}})"), &[&call, &value])
    }

    /// The types of a query's columns: those that are wanted, or random ones.
    pub(crate) fn wanted_scalars(&mut self, want: Option<&[Scalar]>) -> Vec<Scalar> {
        if let Some(want) = want {
            return want.to_vec();
        }
        let count = self.choices.between(1, 4);
        (0..count).map(|_| *self.choices.pick(&SCALARS)).collect()
    }
}

/// Aggregates have wider types than what they sum, and not the same ones in both
/// dialects.
fn cast_aggregate(call: &Sql, scalar: Scalar) -> Sql {
    match scalar {
        Scalar::BigInt | Scalar::Decimal => Sql::format("CAST({0} AS {1})", &[call, &scalar.sql()]),
        _ => call.clone(),
    }
}

/// `… AS c0, … AS c1`.
pub(crate) fn name_outputs(outputs: &[Sql]) -> Sql {
    let named: Vec<Sql> = outputs
        .iter()
        .enumerate()
        .map(|(at, output)| Sql::format(&format!("{{0}} AS c{at}"), &[output]))
        .collect();
    Sql::join(&named, ", ")
}

pub(crate) fn query_of(sql: Sql, scalars: &[Scalar]) -> Query {
    Query {
        sql,
        columns: scalars.iter().map(|scalar| Kind::Scalar(*scalar)).collect(),
    }
}
