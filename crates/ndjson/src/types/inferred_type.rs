//! Which type the values of a field have in common.
//!
//! The rules are Spark's: `JsonInferSchema` for JSON, `CSVInferSchema` for CSV.

use serde::{Deserialize, Serialize};

/// Digits of a decimal that can hold every INT, and every BIGINT.
const INT_DIGITS: u8 = 10;
const LONG_DIGITS: u8 = 20;
/// The most digits of a decimal.
const MAX_DIGITS: u8 = 38;

/// The type of all values that were seen of a field.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InferredType {
    /// Only nulls and empty strings, or nothing.
    Null,
    Boolean,
    /// A whole number of 32 bits; of JSON all have 64.
    Int,
    /// A whole number of 64 bits.
    Long,
    /// A whole number of more than 64 bits: digits, and how many of them are after the
    /// point.
    Decimal(u8, u8),
    Double,
    String,
    Date,
    Timestamp,
    Array(Box<InferredType>),
    /// Names and types, sorted by name.
    Struct(Vec<(String, InferredType)>),
}

impl InferredType {
    /// A struct without fields.
    pub const EMPTY: Self = Self::Struct(Vec::new());

    /// The type that holds the values of both.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Null, other) | (other, Self::Null) => other,
            (Self::Int, Self::Long) | (Self::Long, Self::Int) => Self::Long,
            (Self::Int | Self::Long | Self::Decimal(..), Self::Double)
            | (Self::Double, Self::Int | Self::Long | Self::Decimal(..)) => Self::Double,
            (Self::Int, Self::Decimal(digits, scale))
            | (Self::Decimal(digits, scale), Self::Int) => {
                merge_decimals((INT_DIGITS, 0), (digits, scale))
            }
            (Self::Long, Self::Decimal(digits, scale))
            | (Self::Decimal(digits, scale), Self::Long) => {
                merge_decimals((LONG_DIGITS, 0), (digits, scale))
            }
            (Self::Decimal(a, a_scale), Self::Decimal(b, b_scale)) => {
                merge_decimals((a, a_scale), (b, b_scale))
            }
            (Self::Date, Self::Timestamp) | (Self::Timestamp, Self::Date) => Self::Timestamp,
            (Self::Array(a), Self::Array(b)) => Self::Array(Box::new(a.merge(*b))),
            (Self::Struct(a), Self::Struct(b)) => Self::Struct(merge_fields(a, b)),
            _ => Self::String,
        }
    }

    /// The same without what no column can have: fields without a name, structs without
    /// fields. What was always null is a text.
    pub fn into_column_type(self) -> Option<Self> {
        match self {
            Self::Null => Some(Self::String),
            Self::Array(element) => {
                let element = element.into_column_type()?;
                Some(Self::Array(Box::new(element)))
            }
            Self::Struct(fields) => {
                let fields: Vec<_> = fields
                    .into_iter()
                    .filter(|(name, _)| !name.is_empty())
                    .filter_map(|(name, of)| Some((name, of.into_column_type()?)))
                    .collect();
                (!fields.is_empty()).then_some(Self::Struct(fields))
            }
            other => Some(other),
        }
    }

    /// How many fields it has, at any depth.
    pub(crate) fn count_fields(&self) -> usize {
        match self {
            Self::Array(element) => element.count_fields(),
            Self::Struct(fields) => {
                let inner = fields.iter().map(|(_, of)| of.count_fields());
                fields.len() + inner.sum::<usize>()
            }
            _ => 0,
        }
    }
}

fn merge_decimals((a, a_scale): (u8, u8), (b, b_scale): (u8, u8)) -> InferredType {
    let scale = a_scale.max(b_scale);
    let whole = a.saturating_sub(a_scale).max(b.saturating_sub(b_scale));
    match whole.saturating_add(scale) {
        digits @ ..=MAX_DIGITS => InferredType::Decimal(digits, scale),
        _ => InferredType::Double,
    }
}

/// Both are sorted by name, and so is the result.
fn merge_fields(
    a: Vec<(String, InferredType)>,
    b: Vec<(String, InferredType)>,
) -> Vec<(String, InferredType)> {
    let mut merged: Vec<(String, InferredType)> = Vec::with_capacity(a.len().max(b.len()));
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (Some((a, _)), Some((b, _))) => a.cmp(b),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return merged,
        };
        match order {
            std::cmp::Ordering::Less => merged.extend(a.next()),
            std::cmp::Ordering::Greater => merged.extend(b.next()),
            std::cmp::Ordering::Equal => {
                let both = a.next().zip(b.next());
                merged.extend(both.map(|((name, a), (_, b))| (name, a.merge(b))));
            }
        }
    }
}

/// The type of a whole number: BIGINT if it fits, else a decimal, else a DOUBLE.
pub fn type_of_integer(text: &[u8]) -> InferredType {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    // 19 digits may be too many; the text has no leading zeros.
    if digits.len() < 19 {
        return InferredType::Long;
    }
    let number = std::str::from_utf8(text).ok();
    if number.is_some_and(|text| text.parse::<i64>().is_ok()) {
        return InferredType::Long;
    }
    match u8::try_from(digits.len()) {
        Ok(digits @ ..=MAX_DIGITS) => InferredType::Decimal(digits, 0),
        _ => InferredType::Double,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::InferredType::{self, *};
    use super::type_of_integer;

    fn any_type() -> impl Strategy<Value = InferredType> {
        let leaf = prop_oneof![
            Just(Null),
            Just(Boolean),
            Just(Int),
            Just(Long),
            (1_u8..38, 0_u8..20).prop_map(|(digits, scale)| Decimal(digits.max(scale), scale)),
            Just(Double),
            Just(String),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            let fields = prop::collection::btree_map("[a-c]", inner.clone(), 0..3);
            prop_oneof![
                inner.prop_map(|of| Array(Box::new(of))),
                fields.prop_map(|fields| Struct(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_order_of_two_makes_no_difference(a in any_type(), b in any_type()) {
            prop_assert_eq!(a.clone().merge(b.clone()), b.merge(a));
        }

        #[test]
        fn what_was_merged_changes_nothing_any_more(a in any_type(), b in any_type()) {
            let merged = a.clone().merge(b.clone());
            prop_assert_eq!(merged.clone().merge(a), merged.clone());
            prop_assert_eq!(merged.clone().merge(b), merged);
        }
    }

    #[test]
    fn numbers_widen_and_other_differences_are_texts() {
        assert_eq!(Long.merge(Double), Double);
        assert_eq!(Long.merge(Decimal(22, 0)), Decimal(22, 0));
        assert_eq!(Decimal(20, 0).merge(Decimal(25, 6)), Decimal(26, 6));
        assert_eq!(Decimal(38, 0).merge(Decimal(20, 10)), Double);
        assert_eq!(Long.merge(Boolean), String);
        assert_eq!(Struct(vec![]).merge(Array(Box::new(Long))), String);
        assert_eq!(Null.merge(Long), Long);
    }

    #[test]
    fn whole_numbers_have_the_digits_that_they_need() {
        assert_eq!(type_of_integer(b"-9223372036854775808"), Long);
        assert_eq!(type_of_integer(b"9223372036854775808"), Decimal(19, 0));
        assert_eq!(type_of_integer("9".repeat(38).as_bytes()), Decimal(38, 0));
        assert_eq!(type_of_integer("9".repeat(39).as_bytes()), Double);
    }

    #[test]
    fn what_no_column_can_have_is_left_out() {
        let fields = vec![
            (std::string::String::new(), Long),
            ("a".to_owned(), Null),
            ("b".to_owned(), Struct(vec![])),
            ("c".to_owned(), Array(Box::new(Struct(vec![])))),
            ("d".to_owned(), Array(Box::new(Null))),
        ];
        let kept = vec![
            ("a".to_owned(), String),
            ("d".to_owned(), Array(Box::new(String))),
        ];
        assert_eq!(Struct(fields).into_column_type(), Some(Struct(kept)));
        assert_eq!(InferredType::EMPTY.into_column_type(), None);
    }
}
