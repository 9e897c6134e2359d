//! Names of data files and of their partition folders.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimeUnit, TimestampMicrosecondType,
};
use sluice_storage::{HIVE_NULL, escape_hive};
use uuid::Uuid;

const PREFIX: &str = "part-";
const SUFFIX: &str = ".parquet";
const UUID_LENGTH: usize = 36;

/// The name of a data file: `part-<job id>-<task>-<uuid>.parquet`.
///
/// The id makes the name unique among the attempts of one task. The job id and
/// the task are for people and for [`crate::GoldTable::cleanup_uncommitted`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFileName {
    /// Letters, digits, `-` and `_`.
    pub job_id: String,
    /// Number of the task in its job.
    pub task: u64,
    /// New for every file.
    pub id: Uuid,
}

impl DataFileName {
    /// A new name, `None` when the job id has characters other than letters,
    /// digits, `-` and `_`.
    pub fn new(job_id: &str, task: u64) -> Option<Self> {
        is_job_id(job_id).then(|| Self {
            job_id: job_id.to_owned(),
            task,
            id: Uuid::new_v4(),
        })
    }

    /// Parses a file name (without folders), `None` when it is not of this form.
    pub fn parse(name: &str) -> Option<Self> {
        let rest = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
        let (rest, id) = rest.split_at_checked(rest.len().checked_sub(UUID_LENGTH)?)?;
        let (job_id, task) = rest.strip_suffix('-')?.rsplit_once('-')?;
        // `+1` would parse as a number too.
        let task = task.bytes().all(|b| b.is_ascii_digit()).then_some(task)?;
        Some(Self {
            job_id: Some(job_id).filter(|id| is_job_id(id))?.to_owned(),
            task: task.parse().ok()?,
            id: Uuid::try_parse(id).ok()?,
        })
    }
}

impl std::fmt::Display for DataFileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { job_id, task, id } = self;
        write!(f, "{PREFIX}{job_id}-{task:05}-{id}{SUFFIX}")
    }
}

fn is_job_id(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    !text.is_empty() && text.bytes().all(fits)
}

/// The folders of a partition, with a slash at the end: `day=2024-01-01/hour=7/`.
/// Empty without partition columns. Values are escaped as in Spark, and the value
/// that is the name of NULL's folder is escaped too.
pub fn partition_path<N: AsRef<str>>(values: &[(N, Option<String>)]) -> String {
    let mut path = String::new();
    for (column, value) in values {
        path.push_str(&escape_hive(column.as_ref()));
        path.push('=');
        match value.as_deref() {
            None | Some("") => path.push_str(HIVE_NULL),
            // The text itself, which Spark does not distinguish from NULL.
            Some(HIVE_NULL) => path.push_str(&HIVE_NULL.replacen('_', "%5F", 1)),
            Some(value) => path.push_str(&escape_hive(value)),
        }
        path.push('/');
    }
    path
}

/// A value in the text form of the Delta protocol ("Partition Value
/// Serialization"), `None` for NULL. An empty string is NULL too: neither Delta
/// nor Spark distinguishes the two in a partition column.
///
/// `array` must have a type that [`crate::delta_schema`] returns and that
/// [`crate::check_schema`] allows in a partition column.
///
/// # Errors
/// The type, when a partition column cannot have it.
pub fn partition_value(array: &dyn Array, row: usize) -> Result<Option<String>, DataType> {
    if array.is_null(row) {
        return Ok(None);
    }
    let text = match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).to_string(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            float_text(value.into(), format!("{value:?}"), format!("{value:E}"))
        }
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            float_text(value, format!("{value:?}"), format!("{value:E}"))
        }
        DataType::Decimal128(_, _) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).to_owned(),
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        other => {
            let text = match other {
                DataType::Date32 => array
                    .as_primitive::<Date32Type>()
                    .value_as_date(row)
                    .map(|date| date.format("%Y-%m-%d").to_string()),
                // With "T" and "Z", so that no reader reads it as local time.
                DataType::Timestamp(TimeUnit::Microsecond, _) => array
                    .as_primitive::<TimestampMicrosecondType>()
                    .value_as_datetime(row)
                    .map(|time| time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()),
                _ => None,
            };
            text.ok_or_else(|| other.clone())?
        }
    };
    Ok((!text.is_empty()).then_some(text))
}

/// A float as Java and Spark write it: `1.0`, `1.5E-7`, `-Infinity`. Large numbers
/// without an exponent would be longer than a file name may be.
fn float_text(value: f64, plain: String, scientific: String) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else if value == 0.0 {
        // Readers compare the text of partitions: 0.0 would not find -0.0.
        "0.0".to_owned()
    } else if (1e-3..1e7).contains(&value.abs()) {
        plain
    } else {
        match scientific.split_once('E') {
            Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
            _ => scientific,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
        Int64Array, StringArray, StructArray, TimestampMicrosecondArray,
    };
    use proptest::prelude::*;
    use sluice_storage::unescape_hive;

    use super::*;

    #[test]
    fn names_read_back_and_belong_to_one_job() {
        let name = DataFileName::new("job-1", 7).unwrap();
        let text = name.to_string();
        assert!(text.starts_with("part-job-1-00007-"), "{text}");
        assert_eq!(DataFileName::parse(&text).unwrap(), name);
        // "job" is a prefix of "job-1" but a different job.
        let other = DataFileName::new("job", 1).unwrap();
        assert_ne!(DataFileName::parse(&text).unwrap().job_id, other.job_id);
        assert!(DataFileName::new("a/b", 0).is_none());
        assert!(DataFileName::new("", 0).is_none());
        for name in [
            "part-1.parquet",
            "part-0-0-x.parquet",
            "x",
            "part-j-+1-00000000-0000-0000-0000-000000000000.parquet",
        ] {
            assert!(DataFileName::parse(name).is_none(), "{name}");
        }
    }

    #[test]
    fn values_have_deltas_text_form() {
        let text = |array: ArrayRef| partition_value(&array, 0).unwrap().unwrap();
        assert_eq!(text(Arc::new(Int64Array::from(vec![-5]))), "-5");
        assert_eq!(text(Arc::new(BooleanArray::from(vec![true]))), "true");
        assert_eq!(
            text(Arc::new(Date32Array::from(vec![19_723]))),
            "2024-01-01"
        );
        assert_eq!(
            text(Arc::new(Float64Array::from(vec![f64::INFINITY]))),
            "Infinity"
        );
        for (value, expected) in [
            (0.1, "0.1"),
            (1.0, "1.0"),
            (0.0, "0.0"),
            (-0.0, "0.0"),
            (0.001, "0.001"),
            (0.000_15, "1.5E-4"),
            (9_999_999.0, "9999999.0"),
            (10_000_000.0, "1.0E7"),
            (f64::MIN, "-1.7976931348623157E308"),
            (5e-324, "5.0E-324"),
        ] {
            assert_eq!(text(Arc::new(Float64Array::from(vec![value]))), expected);
            assert_eq!(expected.parse::<f64>(), Ok(value));
        }
        assert_eq!(text(Arc::new(Float32Array::from(vec![0.1]))), "0.1");
        assert_eq!(
            text(Arc::new(Float32Array::from(vec![f32::MAX]))),
            "3.4028235E38"
        );
        let decimal = Decimal128Array::from(vec![-105])
            .with_precision_and_scale(5, 2)
            .unwrap();
        assert_eq!(text(Arc::new(decimal)), "-1.05");
        let time =
            TimestampMicrosecondArray::from(vec![1_704_067_200_000_001]).with_timezone("UTC");
        assert_eq!(text(Arc::new(time)), "2024-01-01T00:00:00.000001Z");
        let strings = StringArray::from(vec![Some(""), None]);
        assert_eq!(partition_value(&strings, 0), Ok(None));
        assert_eq!(partition_value(&strings, 1), Ok(None));
        let nested = StructArray::new_empty_fields(1, None);
        assert!(partition_value(&nested, 0).is_err());
    }

    /// The values in a path; `None` when a folder is not `column=value`.
    fn parse_partition_path(path: &str) -> Option<Vec<(String, Option<String>)>> {
        path.split('/')
            .filter(|folder| !folder.is_empty())
            .map(|folder| {
                let (column, value) = folder.split_once('=')?;
                let value = (value != HIVE_NULL).then(|| unescape_hive(value));
                Some((unescape_hive(column), value))
            })
            .collect()
    }

    #[test]
    fn the_name_of_nulls_folder_is_a_value_too() {
        let path = |value: Option<&str>| partition_path(&[("c", value.map(str::to_owned))]);
        assert_eq!(path(None), format!("c={HIVE_NULL}/"));
        let folder = path(Some(HIVE_NULL));
        assert_eq!(folder, "c=%5F_HIVE_DEFAULT_PARTITION__/");
        let read = parse_partition_path(&folder).unwrap();
        assert_eq!(read[0].1.as_deref(), Some(HIVE_NULL));
    }

    proptest! {
        #[test]
        fn partition_folders_read_back(
            values in proptest::collection::vec((".{1,8}", proptest::option::of(".{1,12}")), 0..4)
        ) {
            let path = partition_path(&values);
            prop_assert_eq!(path.matches('/').count(), values.len());
            prop_assert_eq!(parse_partition_path(&path).unwrap(), values);
        }

        #[test]
        fn any_name_or_none(text in "\\PC{0,80}") {
            if let Some(name) = DataFileName::parse(&text) {
                prop_assert_eq!(DataFileName::parse(&name.to_string()), Some(name));
            }
        }
    }
}
