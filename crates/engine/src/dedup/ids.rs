//! Row ids in a plan.
//!
//! An `IN` list holds one expression per id, which every optimizer pass copies.
//! Here all ids are one binary literal: ascending, 8 bytes each, little endian.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::datatypes::{DataType, UInt64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// `sluice_row_kept(row_id, dropped)`: true where the id is not among the dropped
/// ones. It must be registered in every session that runs such plans.
pub(crate) fn row_kept_udf() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(RowKept::new()))
}

/// The predicate that keeps all rows except those whose id, `row_id`, is one of
/// `dropped`. [`row_kept_udf`] must be registered where it runs.
pub(crate) fn row_kept(row_id: Expr, dropped: &[u64]) -> Expr {
    let mut sorted = dropped.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let bytes = sorted.into_iter().flat_map(u64::to_le_bytes).collect();
    let list = Expr::Literal(ScalarValue::Binary(Some(bytes)), None);
    row_kept_udf().call(vec![row_id, list])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct RowKept {
    signature: Signature,
}

impl RowKept {
    fn new() -> Self {
        let types = vec![DataType::UInt64, DataType::Binary];
        Self {
            signature: Signature::exact(types, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for RowKept {
    fn name(&self) -> &str {
        "sluice_row_kept"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        match args.args.as_slice() {
            [
                ids,
                ColumnarValue::Scalar(ScalarValue::Binary(Some(dropped))),
            ] => {
                let ids = ids.to_array(rows)?;
                let Some(ids) = ids.as_primitive_opt::<UInt64Type>() else {
                    return exec_err!("row ids must be UInt64, not {}", ids.data_type());
                };
                let kept = not_dropped(ids.values(), dropped);
                let kept = BooleanArray::new(kept.values().clone(), ids.nulls().cloned());
                Ok(ColumnarValue::Array(Arc::new(kept)))
            }
            _ => exec_err!("sluice_row_kept takes row ids and one list of dropped ids"),
        }
    }
}

/// Which of `ids` are not in `dropped`.
fn not_dropped(ids: &[u64], dropped: &[u8]) -> BooleanArray {
    let (dropped, _) = dropped.as_chunks::<8>();
    let at = |index: usize| dropped.get(index).map(|bytes| u64::from_le_bytes(*bytes));
    // Ids mostly ascend, so the position of the last one is near the next one's.
    let mut position = 0;
    let mut last = 0;
    ids.iter()
        .map(|&id| {
            if id < last {
                position = dropped.partition_point(|bytes| u64::from_le_bytes(*bytes) < id);
            }
            last = id;
            let mut steps = 0;
            while at(position).is_some_and(|value| value < id) {
                position += 1;
                steps += 1;
                if steps > 8 {
                    position = dropped.partition_point(|bytes| u64::from_le_bytes(*bytes) < id);
                }
            }
            Some(at(position) != Some(id))
        })
        .collect()
}
