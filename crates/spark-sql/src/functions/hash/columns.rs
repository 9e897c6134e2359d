//! Hashes the values of a column, nested ones too.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::error::{DataFusionError, Result};

use super::super::arrays::elements::element_range;

/// A hash of single values, each with a seed.
pub(super) trait ValueHash {
    type Hash: Copy + 'static;

    fn of_int(value: i32, seed: Self::Hash) -> Self::Hash;
    fn of_long(value: i64, seed: Self::Hash) -> Self::Hash;
    fn of_bytes(value: &[u8], seed: Self::Hash) -> Self::Hash;
}

/// Replaces each hash by that of the value at its position, with the hash as seed.
/// NULL leaves it as it is.
pub(super) fn hash_rows<H: ValueHash>(
    array: &ArrayRef,
    positions: impl Iterator<Item = usize>,
    hashes: &mut [H::Hash],
) -> Result<()> {
    let hash_value = value_hasher::<H>(array)?;
    for (hash, at) in hashes.iter_mut().zip(positions) {
        *hash = hash_value(at, *hash)?;
    }
    Ok(())
}

type Hasher<'a, T> = Box<dyn Fn(usize, T) -> Result<T> + 'a>;

/// The function that hashes the value at a position.
fn value_hasher<H: ValueHash>(array: &ArrayRef) -> Result<Hasher<'_, H::Hash>> {
    use DataType as T;
    let hasher: Hasher<'_, H::Hash> = match array.data_type() {
        T::Null => return Ok(Box::new(|_, hash| Ok(hash))),
        T::Boolean => {
            let values = array.as_boolean();
            Box::new(|at, hash| Ok(H::of_int(i32::from(values.value(at)), hash)))
        }
        T::Int8 | T::Int16 | T::Int32 => {
            let values = cast(array, &T::Int32)?.as_primitive::<Int32Type>().clone();
            Box::new(move |at, hash| Ok(H::of_int(values.value(at), hash)))
        }
        T::Int64 => {
            let values = array.as_primitive::<Int64Type>();
            Box::new(|at, hash| Ok(H::of_long(values.value(at), hash)))
        }
        T::Float32 => {
            let values = array.as_primitive::<Float32Type>();
            Box::new(|at, hash| Ok(H::of_int(float_bits(values.value(at)), hash)))
        }
        T::Float64 => {
            let values = array.as_primitive::<Float64Type>();
            Box::new(|at, hash| Ok(H::of_long(double_bits(values.value(at)), hash)))
        }
        T::Decimal128(precision, _) => {
            let (values, small) = (array.as_primitive::<Decimal128Type>(), *precision <= 18);
            Box::new(move |at, hash| Ok(hash_decimal::<H>(values.value(at), small, hash)))
        }
        T::Date32 => {
            let values = array.as_primitive::<Date32Type>();
            Box::new(|at, hash| Ok(H::of_int(values.value(at), hash)))
        }
        T::Timestamp(TimeUnit::Microsecond, _) => {
            let values = array.as_primitive::<TimestampMicrosecondType>();
            Box::new(|at, hash| Ok(H::of_long(values.value(at), hash)))
        }
        T::Utf8 => {
            let values = array.as_string::<i32>();
            Box::new(|at, hash| Ok(H::of_bytes(values.value(at).as_bytes(), hash)))
        }
        T::Binary => {
            let values = array.as_binary::<i32>();
            Box::new(|at, hash| Ok(H::of_bytes(values.value(at), hash)))
        }
        T::List(_) => {
            let lists = array.as_list::<i32>();
            let hash_element = value_hasher::<H>(lists.values())?;
            Box::new(move |at, hash| {
                element_range(lists, at).try_fold(hash, |hash, at| hash_element(at, hash))
            })
        }
        T::Struct(_) => {
            let columns = array.as_struct().columns();
            let fields = columns
                .iter()
                .map(|column| value_hasher::<H>(column))
                .collect::<Result<Vec<_>>>()?;
            Box::new(move |at, hash| {
                fields
                    .iter()
                    .try_fold(hash, |hash, hash_field| hash_field(at, hash))
            })
        }
        other => {
            return Err(DataFusionError::Plan(format!(
                "a value of type {other} has no hash; CAST it to STRING"
            )));
        }
    };
    Ok(Box::new(move |at, hash| {
        if array.is_null(at) {
            Ok(hash)
        } else {
            hasher(at, hash)
        }
    }))
}

/// Zeros are equal, and so are all NaN.
fn float_bits(value: f32) -> i32 {
    let value = if value == 0.0 { 0.0 } else { value };
    let bits = if value.is_nan() { f32::NAN } else { value };
    bits.to_bits().cast_signed()
}

fn double_bits(value: f64) -> i64 {
    let value = if value == 0.0 { 0.0 } else { value };
    let bits = if value.is_nan() { f64::NAN } else { value };
    bits.to_bits().cast_signed()
}

/// Large decimals count by the fewest bytes that hold them, the highest first.
fn hash_decimal<H: ValueHash>(value: i128, small: bool, hash: H::Hash) -> H::Hash {
    match i64::try_from(value) {
        Ok(value) if small => H::of_long(value, hash),
        _ => {
            let bytes = value.to_be_bytes();
            let sign = if value < 0 { 0xff } else { 0 };
            let extra = (0..15)
                .take_while(|at| {
                    let next_is_negative = bytes.get(at + 1).is_some_and(|byte| byte & 0x80 != 0);
                    bytes.get(*at) == Some(&sign) && next_is_negative == (value < 0)
                })
                .count();
            H::of_bytes(bytes.get(extra..).unwrap_or(&bytes), hash)
        }
    }
}
