//! `TABLESAMPLE` where it chooses the rows without chance: a number of rows, or all.

use sqlparser::ast::{
    Expr, Ident, LimitClause, SetExpr, TableAlias, TableFactor, TableSample, TableSampleKind,
    TableSampleQuantity, TableSampleUnit, Value, WildcardAdditionalOptions,
};

use super::factor_alias;
use super::generators::{query_of, without_joins};
use super::lower::empty_select;

/// The rows of a sample.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SampledRows {
    All,
    /// As many of the first ones.
    First(Box<Expr>),
}

/// The rows of `sample`; `None` when chance decides.
pub(super) fn sampled_rows(sample: &TableSample) -> Option<SampledRows> {
    let TableSample {
        modifier: _,
        name: None,
        quantity:
            Some(TableSampleQuantity {
                parenthesized: true,
                value,
                unit: Some(unit),
            }),
        seed: None,
        bucket: None,
        offset: None,
    } = sample
    else {
        return None;
    };
    let Expr::Value(number) = value else {
        return None;
    };
    let Value::Number(digits, _) = &number.value else {
        return None;
    };
    match unit {
        TableSampleUnit::Rows => Some(SampledRows::First(Box::new(value.clone()))),
        TableSampleUnit::Percent => {
            let percent: f64 = digits.parse().ok()?;
            (percent == 100.0).then_some(SampledRows::All)
        }
    }
}

/// Replaces the sample of a relation by a LIMIT.
pub(super) fn lower_sample(factor: &mut TableFactor) {
    let (TableFactor::Table { sample, .. } | TableFactor::Derived { sample, .. }) = factor else {
        return;
    };
    let Some(TableSampleKind::BeforeTableAlias(found) | TableSampleKind::AfterTableAlias(found)) =
        sample.take()
    else {
        return;
    };
    let Some(SampledRows::First(rows)) = sampled_rows(&found) else {
        return;
    };
    let own = match &*factor {
        TableFactor::Table { name, .. } => name.0.last().and_then(|part| part.as_ident()).cloned(),
        _ => None,
    };
    let alias = factor_alias(factor).cloned().or(own.map(named));
    let mut select = empty_select();
    select.projection = vec![sqlparser::ast::SelectItem::Wildcard(
        WildcardAdditionalOptions::default(),
    )];
    select.from = vec![without_joins(factor.clone())];
    let mut query = query_of(SetExpr::Select(Box::new(select)));
    query.limit_clause = Some(LimitClause::LimitOffset {
        limit: Some(*rows),
        offset: None,
        limit_by: Vec::new(),
    });
    *factor = TableFactor::Derived {
        lateral: false,
        subquery: Box::new(query),
        alias,
        sample: None,
    };
}

fn named(name: Ident) -> TableAlias {
    TableAlias {
        explicit: true,
        name,
        columns: Vec::new(),
        at: None,
    }
}
