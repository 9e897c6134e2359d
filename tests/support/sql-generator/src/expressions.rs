//! Expressions of a type.
//!
//! Where the two dialects differ, both spellings are written (`Sql::format_two`):
//! a cast of a decimal truncates in Spark and rounds in DuckDB. Left out is what
//! has no common meaning: division by zero, NaN, casts of text.

use crate::features::Feature;
use crate::generator::Generator;
use crate::scope::Scope;
use crate::sql::Sql;
use crate::values::{self, Kind, Scalar};

impl Generator<'_> {
    /// An expression of a type; `depth` limits its nesting.
    pub(crate) fn expression(&mut self, scope: &Scope, scalar: Scalar, depth: u32) -> Sql {
        if depth == 0 || !self.choices.chance(60) {
            return self.leaf(scope, scalar);
        }
        let depth = depth - 1;
        match self
            .choices
            .pick_weighted(&[(55, 0), (12, 1), (12, 2), (8, 3), (8, 4), (5, 5)])
        {
            0 => self.operation(scope, scalar, depth),
            1 => self.case(scope, scalar, depth),
            2 => self.two_of(scope, scalar, depth, "coalesce({0}, {1})"),
            3 => self.two_of(scope, scalar, depth, "nullif({0}, {1})"),
            4 if scalar != Scalar::Boolean => {
                let function = *self
                    .choices
                    .pick(&["greatest({0}, {1})", "least({0}, {1})"]);
                self.two_of(scope, scalar, depth, function)
            }
            _ if scope.subqueries > 0 => self.scalar_subquery(scope, scalar),
            _ => self.operation(scope, scalar, depth),
        }
    }

    /// A column, or a literal.
    pub(crate) fn leaf(&mut self, scope: &Scope, scalar: Scalar) -> Sql {
        let literal = self.choices.chance(20);
        if literal {
            return values::literal(self.choices, scalar);
        }
        self.column(scope, scalar)
            .unwrap_or_else(|| values::literal(self.choices, scalar))
    }

    /// A column of this type, or a field of a struct.
    pub(crate) fn column(&mut self, scope: &Scope, scalar: Scalar) -> Option<Sql> {
        let mut candidates: Vec<Sql> = scope
            .of_kind(Kind::Scalar(scalar))
            .iter()
            .map(|field| field.sql.clone())
            .collect();
        let part = match scalar {
            Scalar::Int => Some("a"),
            Scalar::Text => Some("s"),
            _ => None,
        };
        if let Some(part) = part {
            let brackets = self.allows(Feature::QualifiedBrackets);
            for field in scope.of_kind(Kind::Struct) {
                candidates.push(Sql::format(&format!("{{0}}.{part}"), &[&field.sql]));
                if brackets {
                    // To Spark both are one expression, which grouping sets show; to DuckDB
                    // they are two.
                    let (spark, duckdb) = (format!("{{0}}['{part}']"), format!("{{0}}.{part}"));
                    candidates.push(Sql::format_two(&spark, &duckdb, &[&field.sql]));
                }
            }
        }
        if candidates.is_empty() {
            return None;
        }
        Some(self.choices.pick(&candidates).clone())
    }

    fn two_of(&mut self, scope: &Scope, scalar: Scalar, depth: u32, template: &str) -> Sql {
        let left = self.expression(scope, scalar, depth);
        let right = self.expression(scope, scalar, depth);
        Sql::format(template, &[&left, &right])
    }

    fn case(&mut self, scope: &Scope, scalar: Scalar, depth: u32) -> Sql {
        let condition = self.predicate(scope, depth);
        let first = self.expression(scope, scalar, depth);
        if self.choices.chance(25) {
            return Sql::format("CASE WHEN {0} THEN {1} END", &[&condition, &first]);
        }
        let second = self.expression(scope, scalar, depth);
        if self.choices.chance(25) {
            let subject = self.expression(scope, Scalar::Int, 0);
            let value = values::known_literal(self.choices, Scalar::Int);
            return Sql::format(
                "CASE {0} WHEN {1} THEN {2} ELSE {3} END",
                &[&subject, &value, &first, &second],
            );
        }
        Sql::format(
            "CASE WHEN {0} THEN {1} ELSE {2} END",
            &[&condition, &first, &second],
        )
    }

    fn operation(&mut self, scope: &Scope, scalar: Scalar, depth: u32) -> Sql {
        match scalar {
            Scalar::Int => self.int_operation(scope, depth),
            Scalar::BigInt => self.bigint_operation(scope, depth),
            Scalar::Double => self.double_operation(scope, depth),
            Scalar::Decimal => self.decimal_operation(scope, depth),
            Scalar::Text => self.text_operation(scope, depth),
            Scalar::Date => self.date_operation(scope, depth),
            Scalar::Timestamp => self.timestamp_operation(scope, depth),
            Scalar::Boolean => self.predicate(scope, depth),
        }
    }

    fn int_operation(&mut self, scope: &Scope, depth: u32) -> Sql {
        let one = |this: &mut Self, scalar, template: &str| {
            let operand = this.expression(scope, scalar, depth);
            Sql::format(template, &[&operand])
        };
        match self.choices.below(12) {
            0 => self.two_of(scope, Scalar::Int, depth, "({0} + {1})"),
            1 => self.two_of(scope, Scalar::Int, depth, "({0} - {1})"),
            2 => one(self, Scalar::Int, "({0} * 2)"),
            3 => one(self, Scalar::Int, "({0} % 3)"),
            4 => one(self, Scalar::Int, "(- {0})"),
            5 => one(self, Scalar::Int, "abs({0})"),
            6 => {
                let text = self.expression(scope, Scalar::Text, depth);
                Sql::format("CAST(length({0}) AS INT)", &[&text])
            }
            7 => one(self, Scalar::Boolean, "CAST({0} AS INT)"),
            8 => {
                let part = *self.choices.pick(&["year", "month", "day", "quarter"]);
                one(self, Scalar::Date, &format!("CAST({part}({{0}}) AS INT)"))
            }
            9 => {
                let decimal = self.leaf(scope, Scalar::Decimal);
                Sql::format_two(
                    "CAST(CASE WHEN abs({0}) < 1000000 THEN {0} END AS INT)",
                    "CAST(trunc(CASE WHEN abs({0}) < 1000000 THEN {0} END) AS INT)",
                    &[&decimal],
                )
            }
            10 => {
                let first = self.leaf(scope, Scalar::Date);
                let second = self.leaf(scope, Scalar::Date);
                Sql::format_two(
                    "CAST(datediff({0}, {1}) AS INT)",
                    "CAST(({0} - {1}) AS INT)",
                    &[&first, &second],
                )
            }
            _ => self
                .collection_int(scope)
                .unwrap_or_else(|| self.leaf(scope, Scalar::Int)),
        }
    }

    /// The size or an element of an array.
    fn collection_int(&mut self, scope: &Scope) -> Option<Sql> {
        let arrays: Vec<Sql> = scope
            .fields
            .iter()
            .filter(|field| matches!(field.kind, Kind::Array(_) | Kind::Structs))
            .map(|field| field.sql.clone())
            .collect();
        let of_int: Vec<Sql> = scope
            .of_kind(Kind::Array(Scalar::Int))
            .iter()
            .map(|field| field.sql.clone())
            .collect();
        if !of_int.is_empty() && self.allows(Feature::ElementAt) && self.choices.chance(50) {
            let array = self.choices.pick(&of_int).clone();
            let at = self.choices.between(1, 3);
            return Some(Sql::format_two(
                &format!("CASE WHEN cardinality({{0}}) >= {at} THEN element_at({{0}}, {at}) END"),
                &format!("CASE WHEN len({{0}}) >= {at} THEN {{0}}[{at}] END"),
                &[&array],
            ));
        }
        if arrays.is_empty() {
            return None;
        }
        let array = self.choices.pick(&arrays).clone();
        Some(Sql::format_two(
            "CAST(cardinality({0}) AS INT)",
            "CAST(len({0}) AS INT)",
            &[&array],
        ))
    }

    fn bigint_operation(&mut self, scope: &Scope, depth: u32) -> Sql {
        match self.choices.below(5) {
            0 => {
                let int = self.expression(scope, Scalar::Int, depth);
                Sql::format("CAST({0} AS BIGINT)", &[&int])
            }
            1 => {
                let int = self.expression(scope, Scalar::Int, depth);
                let other = self.expression(scope, Scalar::BigInt, depth);
                Sql::format("({0} + {1})", &[&int, &other])
            }
            2 => self.two_of(scope, Scalar::BigInt, depth, "({0} - {1})"),
            3 => {
                let double = self.leaf(scope, Scalar::Double);
                let function = *self.choices.pick(&["floor", "ceil"]);
                Sql::format(&format!("CAST({function}({{0}}) AS BIGINT)"), &[&double])
            }
            _ => {
                let other = self.expression(scope, Scalar::BigInt, depth);
                Sql::format("({0} % 7)", &[&other])
            }
        }
    }

    fn double_operation(&mut self, scope: &Scope, depth: u32) -> Sql {
        match self.choices.below(6) {
            0 => {
                let int = self.expression(scope, Scalar::Int, depth);
                Sql::format("CAST({0} AS DOUBLE)", &[&int])
            }
            1 => self.two_of(scope, Scalar::Double, depth, "({0} + {1})"),
            2 => self.two_of(scope, Scalar::Double, depth, "({0} - {1})"),
            3 => {
                let double = self.expression(scope, Scalar::Double, depth);
                Sql::format("({0} * CAST(0.5 AS DOUBLE))", &[&double])
            }
            4 => self.two_of(
                scope,
                Scalar::Double,
                depth.min(1),
                // The sum with zero is never −0.0.
                "({0} / nullif({1}, CAST(0 AS DOUBLE)) + CAST(0 AS DOUBLE))",
            ),
            _ => {
                let decimal = self.leaf(scope, Scalar::Decimal);
                Sql::format("CAST({0} AS DOUBLE)", &[&decimal])
            }
        }
    }

    fn decimal_operation(&mut self, scope: &Scope, depth: u32) -> Sql {
        match self.choices.below(4) {
            0 => self.two_of(
                scope,
                Scalar::Decimal,
                depth,
                "CAST(({0} + {1}) AS DECIMAL(18,2))",
            ),
            1 => self.two_of(
                scope,
                Scalar::Decimal,
                depth,
                "CAST(({0} - {1}) AS DECIMAL(18,2))",
            ),
            2 => {
                let int = self.expression(scope, Scalar::Int, depth);
                Sql::format("CAST({0} AS DECIMAL(18,2))", &[&int])
            }
            _ => {
                let decimal = self.leaf(scope, Scalar::Decimal);
                let int = self.choices.between(2, 9);
                Sql::format(
                    &format!("CAST(({{0}} * {int}) AS DECIMAL(18,2))"),
                    &[&decimal],
                )
            }
        }
    }

    fn text_operation(&mut self, scope: &Scope, depth: u32) -> Sql {
        let text = |this: &mut Self, template: &str| {
            let operand = this.expression(scope, Scalar::Text, depth);
            Sql::format(template, &[&operand])
        };
        match self.choices.below(9) {
            0 => self.two_of(scope, Scalar::Text, depth, "({0} || {1})"),
            1 => text(self, "upper({0})"),
            2 => text(self, "lower({0})"),
            3 => {
                let (from, length) = (self.choices.between(1, 3), self.choices.between(0, 2));
                text(self, &format!("substring({{0}}, {from}, {length})"))
            }
            4 => text(self, "replace({0}, 'a', 'xy')"),
            5 => text(self, "trim({0})"),
            6 => {
                let int = self.expression(scope, Scalar::Int, depth);
                Sql::format("CAST({0} AS STRING)", &[&int])
            }
            7 => {
                let other = *self
                    .choices
                    .pick(&[Scalar::Date, Scalar::Boolean, Scalar::BigInt]);
                let other = self.leaf(scope, other);
                Sql::format("CAST({0} AS STRING)", &[&other])
            }
            _ => {
                let array = scope.of_kind(Kind::Array(Scalar::Text));
                match array.first() {
                    Some(array) if self.allows(Feature::ElementAt) => Sql::format_two(
                        "CASE WHEN cardinality({0}) >= 1 THEN element_at({0}, 1) END",
                        "CASE WHEN len({0}) >= 1 THEN {0}[1] END",
                        &[&array.sql],
                    ),
                    _ => text(self, "lpad({0}, 3, '*')"),
                }
            }
        }
    }

    fn date_operation(&mut self, scope: &Scope, depth: u32) -> Sql {
        match self.choices.below(4) {
            0 => {
                let date = self.expression(scope, Scalar::Date, depth);
                let days = self.choices.between(1, 40);
                Sql::format_two(
                    &format!("date_add({{0}}, {days})"),
                    &format!("({{0}} + {days})"),
                    &[&date],
                )
            }
            1 => {
                let time = self.expression(scope, Scalar::Timestamp, depth);
                Sql::format("CAST({0} AS DATE)", &[&time])
            }
            2 => {
                let date = self.expression(scope, Scalar::Date, depth);
                Sql::format("last_day({0})", &[&date])
            }
            _ => {
                let date = self.expression(scope, Scalar::Date, depth);
                let unit = *self.choices.pick(&["month", "year", "week", "quarter"]);
                Sql::format(
                    &format!("CAST(date_trunc('{unit}', {{0}}) AS DATE)"),
                    &[&date],
                )
            }
        }
    }

    fn timestamp_operation(&mut self, scope: &Scope, depth: u32) -> Sql {
        match self.choices.below(3) {
            0 => {
                let time = self.expression(scope, Scalar::Timestamp, depth);
                let unit = *self.choices.pick(&["hour", "day", "month", "second"]);
                Sql::format(&format!("date_trunc('{unit}', {{0}})"), &[&time])
            }
            1 => {
                let date = self.expression(scope, Scalar::Date, depth);
                Sql::format("CAST({0} AS TIMESTAMP)", &[&date])
            }
            _ => {
                let time = self.expression(scope, Scalar::Timestamp, depth);
                let unit = *self.choices.pick(&["DAY", "HOUR", "MINUTE"]);
                Sql::format(&format!("({{0}} + INTERVAL '3' {unit})"), &[&time])
            }
        }
    }
}
