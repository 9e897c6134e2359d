//! What an expression can refer to.

use crate::sql::Sql;
use crate::values::{Kind, Scalar};

/// A column of a relation in FROM, with its qualifier.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub name: String,
    pub sql: Sql,
    pub kind: Kind,
}

/// The columns that an expression sees.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    pub fields: Vec<Field>,
    /// Columns of the queries around this one.
    pub outside: Vec<Field>,
    /// Columns that are different for every row together, where there are such:
    /// functions that depend on the order of rows need them.
    pub keys: Option<Vec<Sql>>,
    /// How deep subqueries may be nested here.
    pub subqueries: u32,
    /// Whether the value of a condition matters, and not only whether it is true: an
    /// IN over a subquery is false in Spark where standard SQL, and so the oracle, has
    /// NULL.
    pub is_value: bool,
}

impl Scope {
    pub(crate) fn of_kind(&self, kind: Kind) -> Vec<&Field> {
        self.fields
            .iter()
            .filter(|field| field.kind == kind)
            .collect()
    }

    pub(crate) fn scalars(&self) -> Vec<(&Field, Scalar)> {
        self.fields
            .iter()
            .filter_map(|field| match field.kind {
                Kind::Scalar(scalar) => Some((field, scalar)),
                _ => None,
            })
            .collect()
    }

    /// The same columns, where no subquery is allowed.
    pub(crate) fn without_subqueries(&self) -> Self {
        Self {
            subqueries: 0,
            ..self.clone()
        }
    }
}
