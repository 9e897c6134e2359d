//! Which files may have rows of some groups.
//!
//! The keys of the groups are computed by a step of the job. Groups that are next to each
//! other are compared with what the log says of files as one range of keys.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use sluice_gold::DataFile;

use super::key_bounds::{KeyBounds, has_bounds};
use crate::staged::{StagedTable, read_staged_rows};

/// The driver reads at most so many groups to choose files; with more, all files may have
/// some.
const MAX_GROUPS_READ: usize = 1 << 16;

/// Groups next to each other are compared with files as ranges, at most so many.
pub(super) const MAX_RANGES: usize = 256;

const MICROSECONDS_OF_DAY: i64 = 86_400_000_000;

/// A key of groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyColumn {
    /// Its column in the table.
    pub(super) of_table: String,
    /// Its column in the staged groups.
    pub(super) of_groups: String,
    /// Whether it is the day of the column, which is a time, in some time zone.
    pub(super) is_day_of: bool,
}

/// Keys of groups that are next to each other.
pub(super) type KeyRange = Vec<KeyBounds>;

/// The groups of what is new, by which files of a table are chosen.
#[derive(Debug, Clone)]
pub(super) struct GroupRanges {
    keys: Vec<KeyColumn>,
    groups: Arc<StagedTable>,
}

impl GroupRanges {
    pub(super) fn new(keys: Vec<KeyColumn>, groups: Arc<StagedTable>) -> Self {
        Self { keys, groups }
    }

    /// The same keys of another version of the groups.
    pub(super) fn map_groups(&self, map: impl Fn(&StagedTable) -> StagedTable) -> Self {
        Self {
            keys: self.keys.clone(),
            groups: Arc::new(map(&self.groups)),
        }
    }

    /// The ranges of the groups' keys; `None` when there are too many groups.
    pub(super) async fn read_ranges(&self) -> Result<Option<Vec<KeyRange>>> {
        let statistics = self.groups.statistics();
        let rows = statistics.and_then(|statistics| statistics.num_rows.get_value().copied());
        if rows.is_some_and(|rows| rows > MAX_GROUPS_READ) {
            return Ok(None);
        }
        let batches = read_staged_rows(&self.groups).await?;
        find_ranges(&batches, &self.keys).map(Some)
    }
}

/// Whether a file may have rows of one of the groups. `ranges`: those of the groups;
/// `None`: they may be in any file.
pub(super) fn may_have_groups(
    file: &DataFile,
    ranges: Option<&[KeyRange]>,
    schema: &Schema,
) -> bool {
    ranges.is_none_or(|ranges| {
        let mut ranges = ranges.iter();
        ranges.any(|range| range.iter().all(|bounds| bounds.may_be_in(file, schema)))
    })
}

/// The ranges of the keys of groups.
pub(super) fn find_ranges(batches: &[RecordBatch], keys: &[KeyColumn]) -> Result<Vec<KeyRange>> {
    let mut rows: Vec<Vec<ScalarValue>> = Vec::new();
    // Columns whose values cannot be compared with what the log says of files are left
    // out, and so are those that the step did not keep.
    let compared: Vec<&KeyColumn> = (keys.iter())
        .filter(|key| {
            batches.iter().all(|batch| {
                let field = batch.schema_ref().field_with_name(&key.of_groups);
                field.is_ok_and(|field| has_bounds(field.data_type()))
            })
        })
        .collect();
    for batch in batches {
        let columns: Vec<_> = compared
            .iter()
            .filter_map(|key| batch.column_by_name(&key.of_groups))
            .collect();
        for row in 0..batch.num_rows() {
            let values = columns
                .iter()
                .map(|column| ScalarValue::try_from_array(column, row));
            rows.push(values.collect::<Result<_>>()?);
        }
    }
    rows.sort_by(|a, b| {
        let mut compared = a.iter().zip(b).map(|(a, b)| compare_values(a, b));
        let differs = compared.find(|order| order.is_ne());
        differs.unwrap_or(Ordering::Equal)
    });
    let size = rows.len().div_ceil(MAX_RANGES).max(1);
    let range = |rows: &[Vec<ScalarValue>]| {
        let columns = compared.iter().enumerate();
        columns
            .map(|(at, key)| {
                let values = rows.iter().filter_map(|row| row.get(at));
                let bounds = bounds_of(&key.of_table, values);
                match key.is_day_of {
                    true => times_of_days(bounds),
                    false => bounds,
                }
            })
            .collect()
    };
    Ok(rows.chunks(size).map(range).collect())
}

/// NULL comes first.
fn compare_values(a: &ScalarValue, b: &ScalarValue) -> Ordering {
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
    }
}

fn bounds_of<'a>(key: &str, values: impl Iterator<Item = &'a ScalarValue>) -> KeyBounds {
    let mut bounds = KeyBounds {
        key: key.to_owned(),
        range: None,
        has_nulls: false,
    };
    for value in values {
        if value.is_null() {
            bounds.has_nulls = true;
            continue;
        }
        bounds.range = Some(match bounds.range.take() {
            None => (value.clone(), value.clone()),
            Some((min, max)) => (
                if *value < min { value.clone() } else { min },
                if *value > max { value.clone() } else { max },
            ),
        });
    }
    bounds
}

/// The times that are on these days in any time zone. All zones are less than a day from
/// UTC.
fn times_of_days(days: KeyBounds) -> KeyBounds {
    let time = |day: &ScalarValue, days: i64| match day {
        ScalarValue::Date32(Some(day)) => {
            let day = i64::from(*day).saturating_add(days);
            let time = day.saturating_mul(MICROSECONDS_OF_DAY);
            Some(ScalarValue::TimestampMicrosecond(Some(time), None))
        }
        _ => None,
    };
    let range = days.range.as_ref();
    let times = range.map(|(first, last)| time(first, -1).zip(time(last, 2)));
    match times {
        None => days,
        Some(times) => KeyBounds {
            range: Some(times.unwrap_or((ScalarValue::Null, ScalarValue::Null))),
            ..days
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_times_of_all_zones() {
        let days = |first: i32, last: i32| KeyBounds {
            key: "at".to_owned(),
            range: Some((
                ScalarValue::Date32(Some(first)),
                ScalarValue::Date32(Some(last)),
            )),
            has_nulls: true,
        };
        let time =
            |hours: i64| ScalarValue::TimestampMicrosecond(Some(hours * 3_600_000_000), None);
        let times = times_of_days(days(1, 1));
        assert_eq!(times.range, Some((time(0), time(72))));
        assert!(times.has_nulls);
        // A range of nothing that can be compared excludes no file.
        let unknown = times_of_days(KeyBounds {
            range: Some((ScalarValue::from(1_i64), ScalarValue::from(2_i64))),
            ..days(1, 1)
        });
        assert_eq!(unknown.range, Some((ScalarValue::Null, ScalarValue::Null)));
        let none = KeyBounds {
            range: None,
            ..days(1, 1)
        };
        assert_eq!(times_of_days(none.clone()), none);
    }
}
