//! Window functions.
//!
//! Functions that depend on the order of rows get an order without ties; the
//! others are the same for all rows that are equal in the order.

use crate::aggregates::{name_outputs, query_of};
use crate::features::Feature;
use crate::generator::{Generator, Query};
use crate::scope::Scope;
use crate::sql::Sql;
use crate::values::{self, Scalar};

impl Generator<'_> {
    /// SELECT with window functions.
    pub(crate) fn window_query(&mut self, want: Option<&[Scalar]>, depth: u32) -> Query {
        let (from, mut scope) = self.window_source(depth);
        scope.subqueries = 1;
        let condition = self.where_clause(&scope);
        let scope = scope.without_subqueries();
        let wanted = self.wanted_scalars(want);
        let outputs: Vec<Sql> = wanted
            .iter()
            .map(|&scalar| {
                if self.choices.chance(65) {
                    self.window_function(&scope, scalar)
                } else {
                    self.expression(&scope, scalar, 1)
                }
            })
            .collect();
        let sql = Sql::format(
            "SELECT {0} FROM {1}{2}",
            &[&name_outputs(&outputs), &from, &condition],
        );
        query_of(sql, &wanted)
    }

    /// SELECT that keeps rows by their rank.
    pub(crate) fn qualify_query(&mut self, want: Option<&[Scalar]>, depth: u32) -> Query {
        let (from, mut scope) = self.window_source(depth);
        scope.subqueries = 1;
        let condition = self.where_clause(&scope);
        let scope = scope.without_subqueries();
        let wanted = self.wanted_scalars(want);
        let outputs: Vec<Sql> = wanted
            .iter()
            .map(|&scalar| self.expression(&scope, scalar, 1))
            .collect();
        let partition = self.partition(&scope);
        let total = self.total_order(&scope);
        let (function, order) = match total {
            Some(order) if !self.choices.chance(25) => ("row_number()", order),
            _ => ("rank()", self.peer_order(&scope)),
        };
        let limit = *self.choices.pick(&["= 1", "<= 2", "> 1"]);
        let sql = Sql::format(
            &format!("SELECT {{0}} FROM {{1}}{{2}} QUALIFY {function} OVER ({{3}}{{4}}) {limit}"),
            &[
                &name_outputs(&outputs),
                &from,
                &condition,
                &partition,
                &order,
            ],
        );
        query_of(sql, &wanted)
    }

    fn window_source(&mut self, depth: u32) -> (Sql, Scope) {
        if self.allows(Feature::WindowOverJoin) {
            self.from(depth)
        } else {
            self.relation(0)
        }
    }

    fn window_function(&mut self, scope: &Scope, scalar: Scalar) -> Sql {
        let ranked = match scalar {
            Scalar::Int | Scalar::BigInt => self.choices.chance(35),
            Scalar::Double => self.choices.chance(15),
            _ => false,
        };
        if ranked {
            return self.rank(scope, scalar);
        }
        if scope.keys.is_some() && self.choices.chance(40) {
            return self.value_function(scope, scalar);
        }
        self.window_aggregate(scope, scalar)
    }

    fn rank(&mut self, scope: &Scope, scalar: Scalar) -> Sql {
        let partition = self.partition(scope);
        if scalar == Scalar::Double {
            let function = *self.choices.pick(&["percent_rank", "cume_dist"]);
            let order = self.peer_order(scope);
            return Sql::format(
                &format!("{function}() OVER ({{0}}{{1}})"),
                &[&partition, &order],
            );
        }
        let total = if self.choices.chance(50) {
            self.total_order(scope)
        } else {
            None
        };
        let (function, order) = match total {
            Some(order) => (*self.choices.pick(&["row_number()", "ntile(3)"]), order),
            None => (
                *self.choices.pick(&["rank()", "dense_rank()"]),
                self.peer_order(scope),
            ),
        };
        Sql::format(
            &format!("CAST({function} OVER ({{0}}{{1}}) AS {{2}})"),
            &[&partition, &order, &scalar.sql()],
        )
    }

    /// lag, lead, first_value, last_value, nth_value.
    fn value_function(&mut self, scope: &Scope, scalar: Scalar) -> Sql {
        let Some(order) = self.total_order(scope) else {
            return self.window_aggregate(scope, scalar);
        };
        let partition = self.partition(scope);
        let value = self.expression(scope, scalar, 1);
        let ignore = self.allows(Feature::IgnoreNulls) && self.choices.chance(35);
        let (before, inside) = if ignore {
            (" IGNORE NULLS", " IGNORE NULLS")
        } else {
            ("", "")
        };
        let function = self.choices.below(5);
        let offset = self.choices.between(1, 2);
        match function {
            0 | 1 => {
                let name = if function == 0 { "lag" } else { "lead" };
                let default = if self.choices.chance(40) {
                    Sql::format(", {0}", &[&values::known_literal(self.choices, scalar)])
                } else {
                    Sql::same("")
                };
                Sql::format_two(
                    &format!("{name}({{0}}, {offset}{{1}}){before} OVER ({{2}}{{3}})"),
                    &format!("{name}({{0}}, {offset}{{1}}{inside}) OVER ({{2}}{{3}})"),
                    &[&value, &default, &partition, &order],
                )
            }
            _ => {
                let name = ["first_value", "last_value", "nth_value"][function as usize - 2];
                let nth = if function == 4 {
                    format!(", {offset}")
                } else {
                    String::new()
                };
                let frame = self.frame(scope, true);
                Sql::format_two(
                    &format!("{name}({{0}}{nth}){before} OVER ({{1}}{{2}}{frame})"),
                    &format!("{name}({{0}}{nth}{inside}) OVER ({{1}}{{2}}{frame})"),
                    &[&value, &partition, &order],
                )
            }
        }
    }

    fn window_aggregate(&mut self, scope: &Scope, scalar: Scalar) -> Sql {
        let mut call = self.plain_aggregate(scope, scalar);
        while call.spark.contains("DISTINCT") {
            call = Sql::same("count(*)");
        }
        if self.allows(Feature::WindowFilter) && self.choices.chance(20) {
            let condition = self.predicate(scope, 1);
            call = Sql::format("{0} FILTER (WHERE {1})", &[&call, &condition]);
        }
        let partition = self.partition(scope);
        let slides = scalar != Scalar::Boolean || self.allows(Feature::SlidingBool);
        let window = match self.choices.below(if slides { 4 } else { 2 }) {
            0 => partition,
            1 => Sql::format("{0}{1}", &[&partition, &self.peer_order(scope)]),
            2 => self.range_window(scope, &partition),
            _ => match self.total_order(scope) {
                Some(order) => {
                    let frame = self.frame(scope, true);
                    Sql::format(&format!("{{0}}{{1}}{frame}"), &[&partition, &order])
                }
                None => partition,
            },
        };
        Sql::format(
            "CAST({0} OVER ({1}) AS {2})",
            &[&call, &window, &scalar.sql()],
        )
    }

    /// A frame by distance in one number.
    fn range_window(&mut self, scope: &Scope, partition: &Sql) -> Sql {
        let Some(column) = self.column(scope, Scalar::Int) else {
            return partition.clone();
        };
        let direction = *self.choices.pick(&["ASC NULLS FIRST", "DESC NULLS LAST"]);
        let frame = *self.choices.pick(&[
            "1 PRECEDING AND CURRENT ROW",
            "UNBOUNDED PRECEDING AND CURRENT ROW",
            "2 PRECEDING AND 1 FOLLOWING",
            "CURRENT ROW AND UNBOUNDED FOLLOWING",
            "1 FOLLOWING AND 3 FOLLOWING",
        ]);
        Sql::format(
            &format!("{{0}}ORDER BY {{1}} {direction} RANGE BETWEEN {frame}"),
            &[partition, &column],
        )
    }

    /// A frame of rows; may be empty.
    #[allow(clippy::explicit_auto_deref, reason = "it says what the list holds")]
    fn frame(&mut self, scope: &Scope, total: bool) -> &'static str {
        if !total || scope.keys.is_none() {
            return "";
        }
        *self.choices.pick(&[
            "",
            " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
            " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
            " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
            " ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING",
            " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
            " ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING",
        ])
    }

    /// `PARTITION BY … `; may be empty.
    fn partition(&mut self, scope: &Scope) -> Sql {
        let count = self.choices.pick_weighted(&[(25, 0), (55, 1), (20, 2)]);
        let mut columns = Vec::new();
        for _ in 0..count {
            let scalar = self.scalar_of(scope);
            columns.extend(self.column(scope, scalar));
        }
        if columns.is_empty() {
            return Sql::same("");
        }
        // With a column twice, DuckDB computes other windows over wrong partitions.
        let spark = Sql::join(&columns, ", ").spark;
        columns.dedup();
        let duckdb = Sql::join(&columns, ", ").duckdb;
        Sql::format("PARTITION BY {0} ", &[&Sql::two(spark, duckdb)])
    }

    /// An order with ties.
    fn peer_order(&mut self, scope: &Scope) -> Sql {
        let scalar = self.scalar_of(scope);
        let column = self.column(scope, scalar).unwrap_or_else(|| Sql::same("1"));
        let direction = self.direction();
        Sql::format(&format!("ORDER BY {{0}} {direction}"), &[&column])
    }

    /// An order without ties; nothing if the rows have no keys.
    pub(crate) fn total_order(&mut self, scope: &Scope) -> Option<Sql> {
        let keys = scope.keys.clone()?;
        let mut columns = Vec::new();
        if self.choices.chance(60) {
            let scalar = self.scalar_of(scope);
            columns.extend(self.column(scope, scalar));
        }
        columns.extend(keys);
        let ordered: Vec<Sql> = columns
            .iter()
            .map(|column| {
                let direction = self.direction();
                Sql::format(&format!("{{0}} {direction}"), &[column])
            })
            .collect();
        Some(Sql::format("ORDER BY {0}", &[&Sql::join(&ordered, ", ")]))
    }

    /// The dialects put NULLs at different ends, so it is always written.
    #[allow(clippy::explicit_auto_deref, reason = "it says what the list holds")]
    pub(crate) fn direction(&mut self) -> &'static str {
        *self.choices.pick(&[
            "ASC NULLS FIRST",
            "DESC NULLS LAST",
            "ASC NULLS LAST",
            "DESC NULLS FIRST",
        ])
    }
}
