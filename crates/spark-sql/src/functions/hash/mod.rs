//! Hashes of values: `hash` and `xxhash64`, with Spark's values.

mod columns;
mod murmur3;
mod xxhash64;

use std::sync::Arc;

use datafusion::arrow::array::{Int32Array, Int64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};

use self::columns::{ValueHash, hash_rows};
use self::murmur3::Murmur3;
use self::xxhash64::XxHash64;
use super::arguments::Arguments;
use super::kinds::Kind;
use super::udf::SparkFunction;

/// The functions of this folder.
pub(super) fn functions() -> Vec<&'static SparkFunction> {
    FUNCTIONS.iter().collect()
}

static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new(
        "hash",
        &[Kind::Any],
        |types| hash_result(types, DataType::Int32),
        |args| {
            let hashes = hash_arguments::<Murmur3>(args, 42)?;
            Ok(Arc::new(Int32Array::from(hashes)))
        },
    )
    .variadic(),
    SparkFunction::new(
        "xxhash64",
        &[Kind::Any],
        |types| hash_result(types, DataType::Int64),
        |args| {
            let hashes = hash_arguments::<XxHash64>(args, 42)?;
            Ok(Arc::new(Int64Array::from(hashes)))
        },
    )
    .variadic(),
];

/// A map has no hash: equal maps may have their entries in different orders.
fn hash_result(types: &[DataType], result: DataType) -> Result<DataType> {
    if types.iter().any(holds_map) {
        return Err(DataFusionError::Plan(
            "a map has no hash; write hash(array_sort(map_entries(map)))".to_owned(),
        ));
    }
    Ok(result)
}

fn holds_map(data_type: &DataType) -> bool {
    match data_type {
        DataType::Map(..) => true,
        DataType::List(item) => holds_map(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| holds_map(field.data_type())),
        _ => false,
    }
}

/// Each value is hashed with the hash of those before it as seed.
fn hash_arguments<H: ValueHash>(args: &Arguments<'_>, seed: H::Hash) -> Result<Vec<H::Hash>> {
    let mut hashes = vec![seed; args.rows()];
    for at in 0..args.count() {
        let column = args.any(at)?;
        let positions = (0..args.rows()).map(|row| column.position(row));
        hash_rows::<H>(column.array(), positions, &mut hashes)?;
    }
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::super::testing::check_answers;

    #[test]
    fn hashes_are_sparks() {
        check_answers(&[
            ("hash('Spark', array(123), 2)", "-1321691492"),
            ("xxhash64('Spark', array(123), 2)", "5602566077635097486"),
            ("hash(NULL)", "42"),
            ("xxhash64(NULL)", "42"),
            ("hash(1)", "-559580957"),
            ("hash(CAST(1 AS BIGINT))", "-1712319331"),
            (
                "hash(CAST(0.0 AS DOUBLE)) = hash(CAST(-0.0 AS DOUBLE))",
                "true",
            ),
            ("hash(map('a', 1))", "error: a map has no hash"),
        ]);
    }
}
