//! The share of rows that a predicate keeps.

use std::collections::HashMap;

use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{Between, InList, Like};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::{ColumnEstimate, number_of};

/// Shares that are assumed where nothing is known of the values.
const EQUAL: f64 = 0.1;
const RANGE: f64 = 1.0 / 3.0;
const PATTERN: f64 = 0.1;
const OTHER: f64 = 0.25;
/// No predicate keeps less than this: estimates are not that good.
const LEAST: f64 = 1e-7;

/// The share of the rows with `columns` (those of `schema`) that `predicate`
/// keeps.
pub(crate) fn estimate_selectivity(
    predicate: &Expr,
    schema: &DFSchema,
    columns: &[ColumnEstimate],
) -> f64 {
    let scope = Scope { schema, columns };
    scope.share_of(predicate).clamp(LEAST, 1.0)
}

struct Scope<'a> {
    schema: &'a DFSchema,
    columns: &'a [ColumnEstimate],
}

/// The bounds that several comparisons set for a column.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    lower: f64,
    upper: f64,
}

impl Scope<'_> {
    fn share_of(&self, predicate: &Expr) -> f64 {
        let parts = split_conjunction(predicate);
        if let [part] = parts.as_slice() {
            return self.share_of_part(part);
        }
        // Two comparisons of a column are one range, not two independent events.
        let mut ranges: HashMap<usize, Bounds> = HashMap::new();
        let mut share = 1.0;
        for part in parts {
            match self.as_bounds(part) {
                Some((column, bounds)) => {
                    let known = ranges.entry(column).or_insert(Bounds {
                        lower: f64::NEG_INFINITY,
                        upper: f64::INFINITY,
                    });
                    known.lower = known.lower.max(bounds.lower);
                    known.upper = known.upper.min(bounds.upper);
                }
                None => share *= self.share_of(part),
            }
        }
        for (column, bounds) in ranges {
            share *= self.share_of_range(column, bounds);
        }
        share
    }

    fn share_of_part(&self, part: &Expr) -> f64 {
        if let Some((column, bounds)) = self.as_bounds(part) {
            return self.share_of_range(column, bounds);
        }
        match part {
            Expr::Alias(alias) => self.share_of(&alias.expr),
            Expr::Literal(ScalarValue::Boolean(Some(true)), _) => 1.0,
            Expr::Literal(..) => LEAST,
            Expr::Not(inner) => 1.0 - self.share_of(inner),
            Expr::IsNull(inner) => self.null_share(inner).unwrap_or(EQUAL),
            Expr::IsNotNull(inner) => 1.0 - self.null_share(inner).unwrap_or(0.0),
            Expr::IsTrue(inner) => self.share_of(inner),
            Expr::IsFalse(inner) => 1.0 - self.share_of(inner),
            Expr::Like(Like { negated, .. }) | Expr::SimilarTo(Like { negated, .. }) => {
                negate_if(*negated, PATTERN)
            }
            Expr::InList(InList {
                expr,
                list,
                negated,
            }) => {
                let values = list.len() as f64;
                negate_if(*negated, (self.equal_share(expr) * values).min(1.0))
            }
            Expr::Between(Between { negated, .. }) => negate_if(*negated, RANGE * RANGE),
            Expr::BinaryExpr(binary) => self.share_of_binary(binary),
            Expr::Column(_) => 0.5,
            _ => OTHER,
        }
    }

    fn share_of_binary(&self, binary: &BinaryExpr) -> f64 {
        let BinaryExpr { left, op, right } = binary;
        match op {
            Operator::And => self.share_of(left) * self.share_of(right),
            Operator::Or => {
                let (left, right) = (self.share_of(left), self.share_of(right));
                left + right - left * right
            }
            Operator::Eq | Operator::IsNotDistinctFrom => {
                if let Some(outside) = self.compares_outside(left, right) {
                    return outside;
                }
                self.equal_share(left).min(self.equal_share(right))
            }
            Operator::NotEq | Operator::IsDistinctFrom => {
                1.0 - self.equal_share(left).min(self.equal_share(right))
            }
            Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => RANGE,
            Operator::LikeMatch
            | Operator::ILikeMatch
            | Operator::RegexMatch
            | Operator::RegexIMatch => PATTERN,
            _ => OTHER,
        }
    }

    /// The share of the rows in which an expression has one certain value.
    fn equal_share(&self, expr: &Expr) -> f64 {
        match strip_casts(expr) {
            Expr::Literal(..) => 1.0,
            inner => match self.column_of(inner).and_then(|column| column.distinct) {
                Some(distinct) => 1.0 / distinct.max(1.0),
                None => EQUAL,
            },
        }
    }

    /// A very small share when a column is compared with a value that is not
    /// between its bounds.
    fn compares_outside(&self, left: &Expr, right: &Expr) -> Option<f64> {
        let (column, value) = match (strip_casts(left), strip_casts(right)) {
            (column, Expr::Literal(value, _)) | (Expr::Literal(value, _), column) => {
                (column, value)
            }
            _ => return None,
        };
        let index = self.index_of(column)?;
        let value = self.literal_number(index, value)?;
        let (lower, upper) = self.columns.get(index)?.bounds?;
        (value < lower || value > upper).then_some(LEAST)
    }

    fn share_of_range(&self, column: usize, range: Bounds) -> f64 {
        let known = self.columns.get(column).and_then(|column| column.bounds);
        let Some((least, largest)) = known else {
            let is_closed = range.lower.is_finite() && range.upper.is_finite();
            return if is_closed { RANGE * RANGE } else { RANGE };
        };
        let lower = range.lower.max(least);
        let upper = range.upper.min(largest);
        if upper < lower {
            return LEAST;
        }
        if largest <= least {
            return 1.0;
        }
        let one_value = self.columns[column].distinct.map_or(0.0, |n| 1.0 / n);
        ((upper - lower) / (largest - least)).max(one_value)
    }

    /// A comparison of a column with a constant as bounds of the column.
    fn as_bounds(&self, part: &Expr) -> Option<(usize, Bounds)> {
        match part {
            Expr::Between(between) if !between.negated => {
                let index = self.index_of(strip_casts(&between.expr))?;
                let lower = self.literal_number(index, as_literal(&between.low)?)?;
                let upper = self.literal_number(index, as_literal(&between.high)?)?;
                Some((index, Bounds { lower, upper }))
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let (column, value, op) = match (strip_casts(left), strip_casts(right)) {
                    (column, Expr::Literal(value, _)) => (column, value, *op),
                    (Expr::Literal(value, _), column) => (column, value, op.swap()?),
                    _ => return None,
                };
                let index = self.index_of(column)?;
                let value = self.literal_number(index, value)?;
                let (lower, upper) = match op {
                    Operator::Lt | Operator::LtEq => (f64::NEG_INFINITY, value),
                    Operator::Gt | Operator::GtEq => (value, f64::INFINITY),
                    _ => return None,
                };
                Some((index, Bounds { lower, upper }))
            }
            _ => None,
        }
    }

    /// A literal as a number of the type of a column.
    fn literal_number(&self, index: usize, value: &ScalarValue) -> Option<f64> {
        let data_type = self.schema.field(index).data_type();
        let value = if &value.data_type() == data_type || value.data_type().is_numeric() {
            value.clone()
        } else {
            value.cast_to(data_type).ok()?
        };
        number_of(&value)
    }

    fn null_share(&self, expr: &Expr) -> Option<f64> {
        self.column_of(strip_casts(expr))?.null_share
    }

    fn column_of(&self, expr: &Expr) -> Option<ColumnEstimate> {
        self.columns.get(self.index_of(expr)?).copied()
    }

    fn index_of(&self, expr: &Expr) -> Option<usize> {
        match expr {
            Expr::Column(column) => self.schema.maybe_index_of_column(column),
            _ => None,
        }
    }
}

fn negate_if(negated: bool, share: f64) -> f64 {
    if negated { 1.0 - share } else { share }
}

fn as_literal(expr: &Expr) -> Option<&ScalarValue> {
    match strip_casts(expr) {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

fn strip_casts(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(cast) => strip_casts(&cast.expr),
        Expr::TryCast(cast) => strip_casts(&cast.expr),
        Expr::Alias(alias) => strip_casts(&alias.expr),
        other => other,
    }
}
