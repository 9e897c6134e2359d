//! `max_by(value, key, k)` and `min_by(value, key, k)`.

use std::cmp::Ordering;
use std::mem::size_of;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::Accumulator;

use super::extreme_by::{Extreme, compare_scalars};
use super::sliding::Combine;

/// The greatest `k` that Spark takes.
pub(super) const MOST_VALUES: usize = 100_000;

/// Which rows are taken, and in which order: those with the greatest or least keys.
///
/// Of rows with the same key those with the least values come first, and NULL last, so
/// that every run gives the same. In Spark the order in which rows arrive decides.
#[derive(Debug, Clone)]
pub(super) struct TopRows {
    pub(super) extreme: Extreme,
    pub(super) count: usize,
    pub(super) distinct: bool,
    pub(super) value_type: DataType,
    pub(super) key_type: DataType,
}

/// A value and its key.
type Row = (ScalarValue, ScalarValue);

impl TopRows {
    fn compare_rows(&self, (value, key): &Row, (other_value, other_key): &Row) -> Result<Ordering> {
        let keys = match self.extreme {
            Extreme::Greatest => compare_scalars(other_key, key)?,
            Extreme::Least => compare_scalars(key, other_key)?,
        };
        Ok(
            keys.then_with(|| match (value.is_null(), other_value.is_null()) {
                // Values that cannot be compared, such as maps, are all the same.
                (false, false) => compare_scalars(value, other_value).unwrap_or(Ordering::Equal),
                (null, other_null) => null.cmp(&other_null),
            }),
        )
    }

    /// Puts a row in its place among `rows`, which are sorted.
    fn insert_row(&self, rows: &mut Vec<Row>, row: Row) -> Result<()> {
        if rows.len() >= self.count
            && let Some(last) = rows.last()
            && self.compare_rows(&row, last)? != Ordering::Less
        {
            return Ok(());
        }
        // After those that are equal, so that maps stay in the order of their arrival.
        let (mut from, mut to) = (0, rows.len());
        while from < to {
            let middle = from.midpoint(to);
            let Some(other) = rows.get(middle) else {
                break;
            };
            match self.compare_rows(&row, other)? {
                Ordering::Equal if self.distinct && row == *other => return Ok(()),
                Ordering::Less => to = middle,
                Ordering::Equal | Ordering::Greater => from = middle + 1,
            }
        }
        // A copy: the scalar of a nested value keeps its whole batch.
        rows.insert(from, (row.0.compacted(), row.1.compacted()));
        rows.truncate(self.count);
        Ok(())
    }

    fn insert_all(&self, rows: &mut Vec<Row>, values: &ArrayRef, keys: &ArrayRef) -> Result<()> {
        let nulls = keys.logical_nulls();
        for at in 0..keys.len() {
            if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(at)) {
                let value = ScalarValue::try_from_array(values, at)?;
                self.insert_row(rows, (value, ScalarValue::try_from_array(keys, at)?))?;
            }
        }
        Ok(())
    }

    /// The values; NULL of no rows.
    fn list_values(&self, rows: &[Row]) -> Result<ScalarValue> {
        let values: Vec<ScalarValue> = rows.iter().map(|(value, _)| value.clone()).collect();
        let list = ScalarValue::new_list(&values, &self.value_type, true);
        if values.is_empty() {
            return ScalarValue::try_new_null(list.data_type());
        }
        Ok(ScalarValue::List(list))
    }
}

/// The best rows of one group.
#[derive(Debug)]
pub(super) struct TopValues {
    top: TopRows,
    rows: Vec<Row>,
}

impl TopValues {
    pub(super) const fn new(top: TopRows) -> Self {
        Self {
            top,
            rows: Vec::new(),
        }
    }
}

impl Accumulator for TopValues {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values, keys, ..] = values else {
            return internal_err!("max_by and min_by have a value and a key");
        };
        self.top.insert_all(&mut self.rows, values, keys)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.top.list_values(&self.rows)
    }

    fn size(&self) -> usize {
        let rows = self.rows.iter();
        let rows: usize = rows.map(|(value, key)| value.size() + key.size()).sum();
        size_of::<Self>() + rows
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let keys: Vec<ScalarValue> = self.rows.iter().map(|(_, key)| key.clone()).collect();
        let values: Vec<ScalarValue> = self.rows.iter().map(|(value, _)| value.clone()).collect();
        Ok(vec![
            ScalarValue::List(ScalarValue::new_list(&values, &self.top.value_type, true)),
            ScalarValue::List(ScalarValue::new_list(&keys, &self.top.key_type, true)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [values, keys] = states else {
            return internal_err!("the state of max_by has {} columns", states.len());
        };
        let lists = values.as_list::<i32>().iter();
        for (values, keys) in lists.zip(keys.as_list::<i32>().iter()) {
            if let (Some(values), Some(keys)) = (values, keys) {
                self.top.insert_all(&mut self.rows, &values, &keys)?;
            }
        }
        Ok(())
    }
}

impl Combine for TopRows {
    type Total = Vec<Row>;

    fn read_rows(&self, values: &[ArrayRef]) -> Result<Vec<Vec<Row>>> {
        let [values, keys, ..] = values else {
            return internal_err!("max_by and min_by have a value and a key");
        };
        (0..keys.len())
            .map(|at| {
                let mut row = Vec::new();
                self.insert_all(&mut row, &values.slice(at, 1), &keys.slice(at, 1))?;
                Ok(row)
            })
            .collect()
    }

    fn combine(&self, older: &Vec<Row>, newer: &Vec<Row>) -> Vec<Row> {
        let mut rows = older.clone();
        for row in newer {
            // The keys have an order: the function would not have been planned otherwise.
            if self.insert_row(&mut rows, row.clone()).is_err() {
                break;
            }
        }
        rows
    }

    fn finish(&self, total: Option<Vec<Row>>) -> Result<ScalarValue> {
        self.list_values(&total.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Int32Array, StringArray};

    use super::*;

    fn top(extreme: Extreme, count: usize) -> TopRows {
        TopRows {
            extreme,
            count,
            distinct: false,
            value_type: DataType::Utf8,
            key_type: DataType::Int32,
        }
    }

    fn batch(rows: &[(Option<&str>, Option<i32>)]) -> Vec<ArrayRef> {
        let values: StringArray = rows.iter().map(|(value, _)| *value).collect();
        let keys: Int32Array = rows.iter().map(|(_, key)| *key).collect();
        vec![Arc::new(values), Arc::new(keys)]
    }

    fn names(rows: &[Row]) -> Vec<String> {
        rows.iter().map(|(value, _)| value.to_string()).collect()
    }

    const ROWS: [(Option<&str>, Option<i32>); 7] = [
        (Some("c"), Some(2)),
        (Some("x"), None),
        (Some("b"), Some(2)),
        (None, Some(3)),
        (Some("d"), Some(1)),
        (Some("a"), Some(3)),
        (Some("e"), Some(0)),
    ];

    #[test]
    fn ties_are_decided_by_the_values_in_any_order_of_arrival() {
        for (extreme, expected) in [
            (Extreme::Greatest, ["a", "NULL", "b", "c"]),
            (Extreme::Least, ["e", "d", "b", "c"]),
        ] {
            let mut reversed = ROWS;
            reversed.reverse();
            for rows in [ROWS, reversed] {
                let mut whole = TopValues::new(top(extreme, 4));
                whole.update_batch(&batch(&rows)).unwrap();
                assert_eq!(names(&whole.rows), expected);

                let mut merged = TopValues::new(top(extreme, 4));
                for part in rows.chunks(2) {
                    let mut partial = TopValues::new(top(extreme, 4));
                    partial.update_batch(&batch(part)).unwrap();
                    let state = partial.state().unwrap();
                    let state: Vec<ArrayRef> = state
                        .iter()
                        .map(|value| value.to_array().unwrap())
                        .collect();
                    merged.merge_batch(&state).unwrap();
                }
                assert_eq!(names(&merged.rows), expected);
            }
        }
    }

    #[test]
    fn no_rows_are_null() {
        let mut empty = TopValues::new(top(Extreme::Greatest, 2));
        empty.update_batch(&batch(&[(Some("a"), None)])).unwrap();
        assert!(empty.evaluate().unwrap().is_null());
    }
}
