//! What stands after FROM: tables, named and derived queries, and their joins.

use crate::features::Feature;
use crate::generator::{Generator, Query};
use crate::scope::{Field, Scope};
use crate::sql::Sql;
use crate::tables::Table;
use crate::values::{Kind, Scalar};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    Inner,
    Left,
    Right,
    Full,
    Cross,
    Semi,
    Anti,
}

impl Join {
    fn sql(self) -> Sql {
        match self {
            Self::Inner => Sql::same("JOIN"),
            Self::Left => Sql::same("LEFT JOIN"),
            Self::Right => Sql::same("RIGHT JOIN"),
            Self::Full => Sql::same("FULL JOIN"),
            Self::Cross => Sql::same("CROSS JOIN"),
            Self::Semi => Sql::two("LEFT SEMI JOIN", "SEMI JOIN"),
            Self::Anti => Sql::two("LEFT ANTI JOIN", "ANTI JOIN"),
        }
    }
}

impl Generator<'_> {
    /// What a query reads: one relation or a join of several.
    pub(crate) fn from(&mut self, depth: u32) -> (Sql, Scope) {
        match self
            .choices
            .pick_weighted(&[(45, 0), (38, 1), (12, 2), (5, 3)])
        {
            1 => self.joined_relations(depth),
            2 => self.merged_join(),
            3 if self.allows(Feature::LateralSubquery) => self.lateral_join(depth),
            _ => self.relation(depth),
        }
    }

    /// One relation.
    pub(crate) fn relation(&mut self, depth: u32) -> (Sql, Scope) {
        if !self.named.is_empty() && self.choices.chance(50) {
            let at = u32::try_from(self.named.len()).unwrap_or(1);
            let (name, columns) = self.named[self.choices.below(at) as usize].clone();
            let alias = self.next_alias();
            let from = Sql::same(format!("{name} AS {alias}"));
            return (from, derived_scope(&alias, &columns));
        }
        if depth > 0 {
            match self.choices.pick_weighted(&[(65, 0), (25, 1), (10, 2)]) {
                1 => {
                    let Query { sql, columns } = self.query(None, depth - 1);
                    let alias = self.next_alias();
                    let from = Sql::format(&format!("({{0}}) AS {alias}"), &[&sql]);
                    return (from, derived_scope(&alias, &columns));
                }
                2 => {
                    if let Some(found) = self.unnested_relation() {
                        return found;
                    }
                }
                _ => {}
            }
        }
        let (table, alias) = (self.table(), self.next_alias());
        let from = Sql::same(format!("{} AS {alias}", table.name));
        (from, table_scope(table, &alias))
    }

    fn table<'b>(&mut self) -> &'b Table
    where
        Self: 'b,
    {
        let tables = self.tables;
        self.choices.pick(tables)
    }

    /// A row for each element of an array.
    fn unnested_relation(&mut self) -> Option<(Sql, Scope)> {
        let (table, inner, alias) = (self.table(), self.next_alias(), self.next_alias());
        let arrays: Vec<(&str, Kind)> = table
            .columns
            .iter()
            .filter_map(|column| match column.kind {
                Kind::Array(scalar) => Some((column.name, Kind::Scalar(scalar))),
                Kind::Structs => Some((column.name, Kind::Struct)),
                _ => None,
            })
            .collect();
        if arrays.is_empty() {
            return None;
        }
        let (array, element) = *self.choices.pick(&arrays);
        let columns = format!("{inner}.id AS c0, {inner}.a AS c1, {inner}.s AS c2");
        let from = Sql::format_two(
            &format!(
                "(SELECT {columns}, explode({inner}.{array}) AS c3 FROM {} AS {inner}) AS {alias}",
                table.name
            ),
            &format!(
                "(SELECT {columns}, unnest({inner}.{array}) AS c3 FROM {} AS {inner}) AS {alias}",
                table.name
            ),
            &[],
        );
        let kinds = [
            Kind::Scalar(Scalar::Int),
            Kind::Scalar(Scalar::Int),
            Kind::Scalar(Scalar::Text),
            element,
        ];
        Some((from, derived_scope(&alias, &kinds)))
    }

    /// Two to four relations, joined with ON.
    pub(crate) fn joined_relations(&mut self, depth: u32) -> (Sql, Scope) {
        let (mut from, mut scope) = self.relation(depth);
        let joins = self.choices.pick_weighted(&[(70, 1), (22, 2), (8, 3)]);
        for _ in 0..joins {
            let (right, right_scope) = self.relation(depth.saturating_sub(1));
            let join = self.choices.pick_weighted(&[
                (28, Join::Inner),
                (22, Join::Left),
                (12, Join::Right),
                (14, Join::Full),
                (6, Join::Cross),
                (9, Join::Semi),
                (9, Join::Anti),
            ]);
            let condition = self.join_condition(&scope, &right_scope, join);
            from = match &condition {
                Some(condition) => Sql::format(
                    "{0} {1} {2} ON {3}",
                    &[&from, &join.sql(), &right, condition],
                ),
                None => Sql::format("{0} {1} {2}", &[&from, &Join::Cross.sql(), &right]),
            };
            if condition.is_none() || !matches!(join, Join::Semi | Join::Anti) {
                scope = both_scopes(scope, right_scope);
            }
        }
        (from, scope)
    }

    /// Equal columns of both sides and sometimes more; nothing for a cross join,
    /// also where no columns can be compared.
    fn join_condition(&mut self, left: &Scope, right: &Scope, join: Join) -> Option<Sql> {
        if join == Join::Cross {
            return None;
        }
        let pairs: Vec<(Sql, Sql)> = left
            .scalars()
            .iter()
            .flat_map(|(field, scalar)| {
                right
                    .scalars()
                    .into_iter()
                    .filter(move |(_, other)| other == scalar)
                    .map(|(other, _)| (field.sql.clone(), other.sql.clone()))
            })
            .collect();
        if pairs.is_empty() {
            return None;
        }
        let count = self.choices.pick_weighted(&[(70, 1), (25, 2), (5, 3)]);
        let mut conditions = Vec::new();
        for _ in 0..count {
            let (a, b) = self.choices.pick(&pairs).clone();
            let null_safe = self.choices.chance(8);
            let template = if null_safe {
                "({0} IS NOT DISTINCT FROM {1})"
            } else {
                "({0} = {1})"
            };
            conditions.push(Sql::format(template, &[&a, &b]));
        }
        if self.choices.chance(25) {
            let both = both_scopes(left.clone(), right.clone()).without_subqueries();
            conditions.push(self.predicate(&both, 1));
        }
        Some(Sql::join(&conditions, " AND "))
    }

    /// Two tables, joined with USING or NATURAL: their common columns are one.
    fn merged_join(&mut self) -> (Sql, Scope) {
        let (left, right) = (self.table(), self.table());
        let (a, b) = (self.next_alias(), self.next_alias());
        let common: Vec<&str> = self
            .choices
            .pick(&[vec!["a"], vec!["s"], vec!["a", "b"], vec!["b", "s"]])
            .clone();
        let join = if self.allows(Feature::OuterUsing) {
            *self
                .choices
                .pick(&[Join::Inner, Join::Left, Join::Right, Join::Full])
        } else {
            Join::Inner
        };
        let natural = self.choices.chance(40);
        let mut scope = both_scopes(table_scope(left, &a), table_scope(right, &b));
        let from = if natural {
            // Only the common columns have the same name on both sides.
            let side = |table: &Table, alias: &str| {
                let columns: Vec<String> = table
                    .columns
                    .iter()
                    .map(|column| column.name)
                    .map(|name| match name {
                        name if common.contains(&name) => name.to_owned(),
                        name => format!("{name} AS {name}_{alias}"),
                    })
                    .collect();
                format!(
                    "(SELECT {} FROM {}) AS {alias}",
                    columns.join(", "),
                    table.name
                )
            };
            for field in &mut scope.fields {
                if !common.contains(&field.name.as_str()) {
                    let alias = field
                        .sql
                        .spark
                        .split('.')
                        .next()
                        .unwrap_or_default()
                        .to_owned();
                    field.sql = Sql::same(format!("{alias}.{}_{alias}", field.name));
                }
            }
            scope.keys = Some(vec![
                Sql::same(format!("{a}.id_{a}")),
                Sql::same(format!("{b}.id_{b}")),
            ]);
            Sql::format(
                &format!("{} NATURAL {{0}} {}", side(left, &a), side(right, &b)),
                &[&join.sql()],
            )
        } else {
            Sql::format(
                &format!(
                    "{} AS {a} {{0}} {} AS {b} USING ({})",
                    left.name,
                    right.name,
                    common.join(", ")
                ),
                &[&join.sql()],
            )
        };
        if !natural && !self.allows(Feature::UnqualifiedUsing) {
            return (from, scope);
        }
        for name in common.iter().rev() {
            let kind = left
                .columns
                .iter()
                .find(|column| column.name == *name)
                .map_or(Kind::Scalar(Scalar::Int), |column| column.kind);
            scope.fields.insert(
                0,
                Field {
                    name: (*name).to_owned(),
                    sql: Sql::same(*name),
                    kind,
                },
            );
        }
        (from, scope)
    }
}

pub(crate) fn both_scopes(mut left: Scope, right: Scope) -> Scope {
    left.keys = match (left.keys, right.keys) {
        (Some(left), Some(right)) => Some(left.into_iter().chain(right).collect()),
        _ => None,
    };
    left.fields.extend(right.fields);
    left
}

fn table_scope(table: &Table, alias: &str) -> Scope {
    let fields = table
        .columns
        .iter()
        .map(|column| Field {
            name: column.name.to_owned(),
            sql: Sql::same(format!("{alias}.{}", column.name)),
            kind: column.kind,
        })
        .collect();
    Scope {
        fields,
        keys: Some(vec![Sql::same(format!("{alias}.id"))]),
        ..Scope::default()
    }
}

pub(crate) fn derived_scope(alias: &str, columns: &[Kind]) -> Scope {
    let fields = columns
        .iter()
        .enumerate()
        .map(|(at, kind)| Field {
            name: format!("c{at}"),
            sql: Sql::same(format!("{alias}.c{at}")),
            kind: *kind,
        })
        .collect();
    Scope {
        fields,
        ..Scope::default()
    }
}
