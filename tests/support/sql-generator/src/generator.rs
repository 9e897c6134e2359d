//! The state of a query in the making.

use std::collections::BTreeSet;

use crate::choices::Choices;
use crate::features::Feature;
use crate::sql::Sql;
use crate::tables::Table;
use crate::values::Kind;

/// A query, and the types of its columns `c0`, `c1`, ….
#[derive(Debug, Clone)]
pub struct Query {
    pub sql: Sql,
    pub columns: Vec<Kind>,
}

/// Makes queries over tables from choices.
#[derive(Debug)]
pub struct Generator<'a> {
    pub(crate) choices: &'a mut Choices,
    pub(crate) tables: &'a [Table],
    /// Queries that were named by WITH.
    pub(crate) named: Vec<(String, Vec<Kind>)>,
    without: &'a BTreeSet<Feature>,
    aliases: u32,
}

impl<'a> Generator<'a> {
    /// Queries have none of the features in `without`.
    pub fn new(
        choices: &'a mut Choices,
        tables: &'a [Table],
        without: &'a BTreeSet<Feature>,
    ) -> Self {
        Self {
            choices,
            tables,
            named: Vec::new(),
            without,
            aliases: 0,
        }
    }

    pub(crate) fn allows(&self, feature: Feature) -> bool {
        !self.without.contains(&feature)
    }

    /// A name that the query does not have yet.
    pub(crate) fn next_alias(&mut self) -> String {
        self.aliases += 1;
        format!("q{}", self.aliases)
    }
}
