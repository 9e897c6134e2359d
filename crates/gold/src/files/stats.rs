//! File statistics for the Delta log from a Parquet footer.
//!
//! Readers skip files by these bounds, so a wrong bound loses rows. So does a
//! missing one: where a file has bounds of some columns only, the Python package
//! `deltalake` takes a bound that is missing as NULL, and a filter of that column
//! finds no row of the file (delta-rs #3173 is one case of it). A file therefore
//! has both bounds of every column that readers expect to have them, or no bounds
//! at all. `tests/readers/filters.py` shows what readers do.

mod bounds;

use std::collections::{HashMap, HashSet};

use arrow::datatypes::{DataType, Field, Fields, Schema};
use parquet::file::metadata::ParquetMetaData;
use serde_json::{Map, Value};

use self::bounds::{Bound, group_bounds, has_bounds};
use crate::files::data_file::FileStats;

/// The number of leaf columns that get statistics: Delta Lake's default for
/// `delta.dataSkippingNumIndexedCols`.
pub const INDEXED_COLUMNS: usize = 32;

/// Statistics of one file from its footer.
///
/// `schema` is that of the file or of its table; columns that the file does not
/// have (partition columns) are skipped. The first 32 leaf columns get
/// statistics. All of them get null counts except repeated columns (arrays,
/// maps). Bounds:
/// - booleans, integers, dates, decimals: exact;
/// - timestamps: milliseconds in UTC, rounded outwards, as the protocol requires;
/// - strings: 32 characters; a longer maximum gets one more character that makes
///   it greater than the value;
/// - floats: exact, and zeros of either sign within `-0.0` and `0.0`. None where
///   the values include NaN, which Spark orders above infinity and other readers
///   do not order, and none for infinities, which JSON does not have;
/// - binaries: none, as in Delta Lake.
///
/// A file in which a column should have bounds and cannot has no bounds at all.
pub fn stats_from_parquet(metadata: &ParquetMetaData, schema: &Schema) -> FileStats {
    let descriptor = metadata.file_metadata().schema_descr();
    let columns: HashMap<&[String], usize> = (0..descriptor.num_columns())
        .map(|index| (index, descriptor.column(index)))
        .filter(|(_, column)| column.max_rep_level() == 0)
        .map(|(index, _)| (descriptor.columns()[index].path().parts(), index))
        .collect();
    let names = (0..descriptor.num_columns())
        .filter_map(|index| descriptor.columns()[index].path().parts().first())
        .map(String::as_str)
        .collect::<HashSet<_>>();
    let mut collector = StatsCollector {
        metadata,
        columns,
        remaining_columns: INDEXED_COLUMNS,
        path: Vec::new(),
        lacks_bounds: false,
    };
    let mut stats = FileStats {
        num_records: count_rows(metadata),
        ..FileStats::default()
    };
    for field in schema.fields() {
        if names.contains(field.name().as_str()) {
            collector.collect_field(
                field,
                &mut stats.min_values,
                &mut stats.max_values,
                &mut stats.null_count,
            );
        }
    }
    if collector.lacks_bounds {
        stats.min_values.clear();
        stats.max_values.clear();
    }
    stats
}

fn count_rows(metadata: &ParquetMetaData) -> u64 {
    let rows: i64 = metadata.row_groups().iter().map(|g| g.num_rows()).sum();
    rows.try_into().unwrap_or_default()
}

struct StatsCollector<'a> {
    metadata: &'a ParquetMetaData,
    /// Leaf columns that are not repeated, by path.
    columns: HashMap<&'a [String], usize>,
    /// The number of leaf columns that may still get statistics.
    remaining_columns: usize,
    path: Vec<String>,
    /// Whether a column with values should have bounds and does not.
    lacks_bounds: bool,
}

impl StatsCollector<'_> {
    fn collect_field(
        &mut self,
        field: &Field,
        min: &mut Map<String, Value>,
        max: &mut Map<String, Value>,
        nulls: &mut Map<String, Value>,
    ) {
        if self.remaining_columns == 0 {
            return;
        }
        self.path.push(field.name().clone());
        if let DataType::Struct(fields) = field.data_type() {
            let (mut min_of, mut max_of, mut nulls_of) = Default::default();
            self.collect_fields(fields, &mut min_of, &mut max_of, &mut nulls_of);
            for (into, values) in [(min, min_of), (max, max_of), (nulls, nulls_of)] {
                if !values.is_empty() {
                    into.insert(field.name().clone(), Value::Object(values));
                }
            }
        } else {
            self.remaining_columns -= 1;
            if let Some(&index) = self.columns.get(self.path.as_slice()) {
                let column = ColumnStats::from_footer(self.metadata, index, field.data_type());
                // `deltalake` compares top-level columns only.
                if self.path.len() == 1 && has_bounds(field.data_type()) {
                    self.lacks_bounds |= column.has_values && column.min.is_none();
                }
                for (into, value) in [
                    (min, column.min),
                    (max, column.max),
                    (nulls, column.nulls.map(Value::from)),
                ] {
                    if let Some(value) = value {
                        into.insert(field.name().clone(), value);
                    }
                }
            }
        }
        self.path.pop();
    }

    fn collect_fields(
        &mut self,
        fields: &Fields,
        min: &mut Map<String, Value>,
        max: &mut Map<String, Value>,
        nulls: &mut Map<String, Value>,
    ) {
        for field in fields {
            self.collect_field(field, min, max, nulls);
        }
    }
}

#[derive(Default)]
struct ColumnStats {
    /// Both bounds or none.
    min: Option<Value>,
    max: Option<Value>,
    nulls: Option<u64>,
    /// Whether not all values are NULL.
    has_values: bool,
}

impl ColumnStats {
    fn from_footer(metadata: &ParquetMetaData, index: usize, data_type: &DataType) -> Self {
        let mut nulls = Some(0);
        let mut has_values = false;
        let mut bounds: Option<(Bound, Bound)> = None;
        let mut all_groups_bounded = true;
        for group in metadata.row_groups() {
            let statistics = group.column(index).statistics();
            let group_nulls = statistics.and_then(|s| s.null_count_opt());
            nulls = nulls.zip(group_nulls).map(|(a, b)| a + b);
            let all_null = group_nulls.is_some_and(|n| i64::try_from(n) == Ok(group.num_rows()));
            if all_null {
                continue;
            }
            has_values = true;
            match statistics.and_then(|s| group_bounds(s, data_type)) {
                Some((min, max)) => {
                    bounds = Some(match bounds {
                        None => (min, max),
                        Some((a, b)) => (a.lesser_of(min), b.greater_of(max)),
                    });
                }
                // If one group has no bounds, the file has none.
                None => all_groups_bounded = false,
            }
        }
        let (min, max) = bounds
            .filter(|_| all_groups_bounded)
            .and_then(|(min, max)| {
                let min = min.into_lower_bound(data_type)?;
                Some((min, max.into_upper_bound(data_type)?))
            })
            .unzip();
        Self {
            min,
            max,
            nulls,
            has_values,
        }
    }
}

#[cfg(test)]
mod tests;
