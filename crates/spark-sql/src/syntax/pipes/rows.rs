//! The rows between two pipe operators.

use sqlparser::ast::{
    Ident, LimitClause, OrderBy, Query, Select, SelectFlavor, SelectItem, SetExpr, TableAlias,
    TableFactor, TableWithJoins, WildcardAdditionalOptions,
};

use super::super::factor_alias;
use super::super::generators::{query_of, without_joins};
use super::super::lower::empty_select;

pub(super) fn empty_body() -> SetExpr {
    SetExpr::Select(Box::new(empty_select()))
}

pub(super) fn star(options: WildcardAdditionalOptions) -> Vec<SelectItem> {
    vec![SelectItem::Wildcard(options)]
}

pub(super) fn plain_alias(name: Ident) -> TableAlias {
    TableAlias {
        explicit: true,
        name,
        columns: Vec::new(),
        at: None,
    }
}

/// The rows after some operators: a SELECT, its order and its limit.
pub(super) struct PipedQuery {
    pub(super) select: Select,
    /// The select list is `*`, and there is no grouping: FROM and WHERE may still grow.
    pub(super) is_open: bool,
    pub(super) order_by: Option<OrderBy>,
    pub(super) limit: Option<LimitClause>,
}

impl PipedQuery {
    /// The rows of a query without pipe operators.
    pub(super) fn begin(query: Query) -> Self {
        let only_from = query.order_by.is_none() && query.limit_clause.is_none();
        let from = match query.body.as_ref() {
            SetExpr::Select(select) if only_from && is_only_from(select) => select.from.clone(),
            _ => vec![without_joins(derived(query, None))],
        };
        Self::reading(from)
    }

    /// `SELECT * FROM from`.
    pub(super) fn reading(from: Vec<TableWithJoins>) -> Self {
        let mut select = empty_select();
        select.projection = star(WildcardAdditionalOptions::default());
        select.from = from;
        Self {
            select,
            is_open: true,
            order_by: None,
            limit: None,
        }
    }

    pub(super) fn into_query(self) -> Query {
        let mut query = query_of(SetExpr::Select(Box::new(self.select)));
        query.order_by = self.order_by;
        query.limit_clause = self.limit;
        query
    }

    /// The name of the only relation in FROM.
    pub(super) fn only_name(&self) -> Option<Ident> {
        let [table] = self.select.from.as_slice() else {
            return None;
        };
        if !table.joins.is_empty() {
            return None;
        }
        let own = match &table.relation {
            TableFactor::Table { name, .. } => name.0.last().and_then(|part| part.as_ident()),
            _ => None,
        };
        factor_alias(&table.relation)
            .map(|alias| &alias.name)
            .or(own)
            .cloned()
    }

    /// Makes the rows so far a relation called `name`.
    pub(super) fn wrap(&mut self, name: Option<Ident>) {
        let rows = std::mem::replace(self, Self::reading(Vec::new()));
        let name = name.or_else(|| rows.only_name());
        self.select.from = vec![without_joins(derived(
            rows.into_query(),
            name.map(plain_alias),
        ))];
    }

    /// Before an operator that changes the select list.
    pub(super) fn open(&mut self) {
        if !self.is_open || self.limit.is_some() {
            self.wrap(None);
        }
    }

    pub(super) fn set_projection(&mut self, projection: Vec<SelectItem>) {
        self.open();
        self.select.projection = projection;
        self.is_open = false;
    }

    /// All rows as one relation.
    pub(super) fn into_factor(self) -> TableFactor {
        let mut tables = self.select.from.iter();
        if let (true, None, None, Some(table), None) = (
            self.is_open && self.select.selection.is_none(),
            &self.order_by,
            &self.limit,
            tables.next(),
            tables.next(),
        ) && table.joins.is_empty()
        {
            return table.relation.clone();
        }
        let name = self.only_name();
        derived(self.into_query(), name.map(plain_alias))
    }
}

fn is_only_from(select: &Select) -> bool {
    let mut bare = empty_select();
    bare.select_token.clone_from(&select.select_token);
    bare.flavor = SelectFlavor::FromFirstNoSelect;
    bare.from.clone_from(&select.from);
    bare == *select
}

pub(super) fn derived(query: Query, alias: Option<TableAlias>) -> TableFactor {
    TableFactor::Derived {
        lateral: false,
        subquery: Box::new(query),
        alias,
        sample: None,
    }
}
