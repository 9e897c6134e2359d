//! Between which values the keys of a run are, and which files may have one of them by
//! their statistics.

use datafusion::arrow::datatypes::{DataType, Schema, TimeUnit};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use sluice_gold::DataFile;

use super::part_files::{read_bound, round_up};

pub(super) fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

/// Types whose bounds in the log can be compared.
pub(super) fn has_bounds(data_type: &DataType) -> bool {
    data_type.is_integer()
        || is_text(data_type)
        || matches!(
            data_type,
            DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, Some(_))
        )
}

pub(super) fn min_name(at: usize) -> String {
    format!("__min_{at}")
}

pub(super) fn max_name(at: usize) -> String {
    format!("__max_{at}")
}

pub(super) fn present_name(at: usize) -> String {
    format!("__present_{at}")
}

/// The values that a key has in a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KeyBounds {
    /// The column of the table.
    pub(super) key: String,
    /// `None` when all are NULL.
    pub(super) range: Option<(ScalarValue, ScalarValue)>,
    pub(super) has_nulls: bool,
}

impl KeyBounds {
    /// The bounds of the key with this number, of a row of the step that finds them.
    pub(super) fn read(batch: &RecordBatch, at: usize, keys: &[String]) -> Result<Self> {
        let value = |name: &str| {
            let column = batch.column_by_name(name).ok_or_else(|| {
                DataFusionError::Internal(format!("the bounds of keys have no column {name}"))
            })?;
            ScalarValue::try_from_array(column, 0)
        };
        let (min, max) = (value(&min_name(at))?, value(&max_name(at))?);
        let range = (!min.is_null() && !max.is_null()).then_some((min, max));
        Ok(Self {
            key: keys.get(at).cloned().unwrap_or_default(),
            range,
            has_nulls: value("__rows")? != value(&present_name(at))?,
        })
    }

    /// Whether a file may have one of the values.
    pub(super) fn may_be_in(&self, file: &DataFile, schema: &Schema) -> bool {
        let stats = &file.stats;
        let Ok(field) = schema.field_with_name(&self.key) else {
            return true;
        };
        let folder = file.partition_values.iter().find(|(k, _)| *k == self.key);
        if let Some((_, value)) = folder {
            return match (value, &self.range) {
                (None, _) => self.has_nulls,
                (Some(_), None) => false,
                (Some(text), Some((min, max))) => {
                    let value = ScalarValue::try_from_string(text.clone(), field.data_type());
                    value.map_or(true, |value| !(value < *min || *max < value))
                }
            };
        }
        let nulls = stats.null_count.get(&self.key).and_then(|n| n.as_u64());
        let may_have_null = nulls != Some(0);
        if self.has_nulls && may_have_null {
            return true;
        }
        let Some((min, max)) = &self.range else {
            return false;
        };
        let lowest = read_bound(&stats.min_values, field);
        let highest = read_bound(&stats.max_values, field).and_then(round_up);
        let (Some(lowest), Some(highest)) = (lowest, highest) else {
            return true;
        };
        // Values of other types are not comparable, and nothing is known.
        !(highest < *min || *max < lowest)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Field;
    use serde_json::{Value, json};
    use sluice_gold::FileStats;

    use super::*;

    fn file(min: &Value, max: &Value, nulls: Option<u64>) -> DataFile {
        let object = |value: &Value| json!({"k": value}).as_object().cloned().unwrap();
        let mut stats = FileStats {
            num_records: 3,
            min_values: object(min),
            max_values: object(max),
            ..FileStats::default()
        };
        if let Some(nulls) = nulls {
            stats.null_count = object(&nulls.into());
        }
        DataFile {
            path: "a.parquet".to_owned(),
            size: 1,
            modification_time_ms: 0,
            partition_values: Vec::new(),
            stats,
        }
    }

    fn bounds(range: Option<(ScalarValue, ScalarValue)>, has_nulls: bool) -> KeyBounds {
        KeyBounds {
            key: "k".to_owned(),
            range,
            has_nulls,
        }
    }

    fn schema(data_type: DataType) -> Schema {
        Schema::new(vec![Field::new("k", data_type, true)])
    }

    #[test]
    fn files_outside_of_the_bounds_are_not_read() {
        let schema = schema(DataType::Int64);
        let of = |min, max| {
            bounds(
                Some((ScalarValue::from(min), ScalarValue::from(max))),
                false,
            )
        };
        let file = file(&json!(10), &json!(20), Some(0));
        for (min, max, may_be) in [
            (1_i64, 9_i64, false),
            (1, 10, true),
            (12, 13, true),
            (20, 30, true),
            (21, 30, false),
            (1, 30, true),
        ] {
            assert_eq!(
                of(min, max).may_be_in(&file, &schema),
                may_be,
                "{min} {max}"
            );
        }
        // A file without bounds may have any value.
        let mut unknown = file.clone();
        unknown.stats.max_values.clear();
        assert!(of(1, 2).may_be_in(&unknown, &schema));
    }

    #[test]
    fn folders_outside_of_the_bounds_are_not_read() {
        let schema = schema(DataType::Int64);
        let of = |folder: Option<&str>| DataFile {
            partition_values: vec![("k".to_owned(), folder.map(str::to_owned))],
            ..file(&json!(null), &json!(null), None)
        };
        let range = (ScalarValue::from(10_i64), ScalarValue::from(20_i64));
        let some = bounds(Some(range), false);
        assert!(some.may_be_in(&of(Some("10")), &schema));
        assert!(!some.may_be_in(&of(Some("9")), &schema));
        assert!(!some.may_be_in(&of(None), &schema));
        assert!(bounds(None, true).may_be_in(&of(None), &schema));
        assert!(!bounds(None, true).may_be_in(&of(Some("9")), &schema));
    }

    #[test]
    fn texts_are_compared_by_their_bytes_and_null_is_a_key() {
        let schema = schema(DataType::Utf8);
        let text = |text: &str| ScalarValue::from(text);
        let file_of = |nulls| file(&json!("B"), &json!("b"), nulls);
        let of = |min, max| bounds(Some((text(min), text(max))), false);
        assert!(of("a", "a").may_be_in(&file_of(Some(0)), &schema));
        assert!(!of("c", "d").may_be_in(&file_of(Some(0)), &schema));
        assert!(!of("A", "A").may_be_in(&file_of(Some(0)), &schema));
        // A text is no number, whatever it looks like.
        assert!(of("12", "C").may_be_in(&file_of(Some(0)), &schema));
        let nulls = bounds(None, true);
        assert!(!nulls.may_be_in(&file_of(Some(0)), &schema));
        assert!(nulls.may_be_in(&file_of(Some(1)), &schema));
        assert!(nulls.may_be_in(&file_of(None), &schema));
        let both = bounds(Some((text("c"), text("d"))), true);
        assert!(both.may_be_in(&file_of(Some(2)), &schema));
        assert!(!bounds(None, false).may_be_in(&file_of(Some(2)), &schema));
    }
}
