//! Applies an operation to two columns, or to a column and a value.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::ColumnarValue;

/// An operand: a column, or one value for every row.
pub(crate) enum Operand<T: ArrowPrimitiveType> {
    Column(PrimitiveArray<T>),
    /// An array of one value.
    Value(PrimitiveArray<T>),
    Null,
}

impl<T: ArrowPrimitiveType> Operand<T> {
    /// The operand in `value`, whose type is `T`'s.
    pub(crate) fn from_columnar(value: &ColumnarValue) -> Result<Self> {
        Ok(match value {
            ColumnarValue::Array(array) => Self::Column(array.as_primitive::<T>().clone()),
            ColumnarValue::Scalar(scalar) => {
                let array = scalar.to_array_of_size(1)?;
                let array = array.as_primitive::<T>();
                if array.is_null(0) {
                    Self::Null
                } else {
                    Self::Value(array.clone())
                }
            }
        })
    }

    fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Self::Column(array) => array.nulls(),
            Self::Value(_) | Self::Null => None,
        }
    }

    pub(crate) fn value_at(&self, row: usize) -> T::Native {
        match self {
            Self::Column(array) => array.value(row),
            Self::Value(array) => array.value(0),
            Self::Null => T::default_value(),
        }
    }
}

/// The results of rows, and which of them are none.
pub(crate) struct Computed<O: ArrowPrimitiveType> {
    pub(crate) values: Vec<O::Native>,
    pub(crate) nulls: Option<NullBuffer>,
    /// Rows that are not NULL and have no result.
    pub(crate) failed: Option<BooleanBuffer>,
}

impl<O: ArrowPrimitiveType> Computed<O> {
    /// The first row without a result.
    pub(crate) fn first_failure(&self) -> Option<usize> {
        self.failed.as_ref()?.set_indices().next()
    }

    /// The column, with NULL where there is no result.
    pub(crate) fn into_array(self) -> PrimitiveArray<O> {
        let valid = self.failed.map(|failed| NullBuffer::new(!&failed));
        let nulls = NullBuffer::union(self.nulls.as_ref(), valid.as_ref());
        PrimitiveArray::new(ScalarBuffer::from(self.values), nulls)
    }
}

/// Applies `operation`, which returns a value and whether it is *not* the result.
/// It is called for NULL rows too, with any value; what it returns is not used.
pub(crate) fn compute<L, R, O>(
    left: &Operand<L>,
    right: &Operand<R>,
    rows: usize,
    operation: impl Fn(L::Native, R::Native) -> (O::Native, bool),
) -> Computed<O>
where
    L: ArrowPrimitiveType,
    R: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    if matches!(left, Operand::Null) || matches!(right, Operand::Null) {
        return Computed {
            values: vec![O::default_value(); rows],
            nulls: Some(NullBuffer::new_null(rows)),
            failed: None,
        };
    }
    // One pass without branches; rows are looked at again only when one failed.
    let mut any_failed = false;
    let mut apply = |left, right| {
        let (value, failed) = operation(left, right);
        any_failed |= failed;
        value
    };
    let values: Vec<O::Native> = match (left, right) {
        (Operand::Column(left), Operand::Column(right)) => left
            .values()
            .iter()
            .zip(right.values())
            .map(|(left, right)| apply(*left, *right))
            .collect(),
        (Operand::Column(left), right) => {
            let right = right.value_at(0);
            left.values()
                .iter()
                .map(|left| apply(*left, right))
                .collect()
        }
        (left, Operand::Column(right)) => {
            let left = left.value_at(0);
            right
                .values()
                .iter()
                .map(|right| apply(left, *right))
                .collect()
        }
        (left, right) => {
            let value = apply(left.value_at(0), right.value_at(0));
            vec![value; rows]
        }
    };
    let nulls = NullBuffer::union(left.nulls(), right.nulls());
    let failed = any_failed.then(|| {
        BooleanBuffer::collect_bool(rows, |row| {
            nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
                && operation(left.value_at(row), right.value_at(row)).1
        })
    });
    Computed {
        values,
        nulls,
        failed: failed.filter(|failed| failed.count_set_bits() > 0),
    }
}

/// As many rows as the arguments have; one if all are single values.
pub(crate) fn row_count(arguments: &[ColumnarValue]) -> Option<usize> {
    arguments.iter().find_map(|argument| match argument {
        ColumnarValue::Array(array) => Some(array.len()),
        ColumnarValue::Scalar(_) => None,
    })
}

/// `array`, as a single value where no argument was a column.
pub(crate) fn into_columnar(array: ArrayRef, arguments: &[ColumnarValue]) -> Result<ColumnarValue> {
    if row_count(arguments).is_none() {
        return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
            &array, 0,
        )?));
    }
    Ok(ColumnarValue::Array(array))
}

/// A shared array of `array`.
pub(crate) fn shared<O: ArrowPrimitiveType>(array: PrimitiveArray<O>) -> ArrayRef {
    Arc::new(array)
}
