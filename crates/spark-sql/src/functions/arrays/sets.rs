//! Arrays as sets; the order is that of the first occurrences.

use std::collections::HashSet;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray};
use datafusion::arrow::compute::cast;
use datafusion::error::Result;

use super::super::arguments::{Arguments, Column};
use super::super::kinds::{Kind, first_result};
use super::super::udf::SparkFunction;
use super::elements::{ComparableValues, ElementPicker, element_field, element_range};
use super::types::common_type;

const ARRAYS: &[Kind] = &[Kind::Array, Kind::Array];

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new("array_distinct", &[Kind::Array], first_result, |args| {
        combine(args, |_, _, _| true)
    }),
    SparkFunction::new("array_union", ARRAYS, common_type, |args| {
        combine(args, |_, _, _| true)
    }),
    SparkFunction::new("array_intersect", ARRAYS, common_type, |args| {
        combine(args, |from, value, other| {
            from == 0 && other.contains(value)
        })
    }),
    SparkFunction::new("array_except", ARRAYS, common_type, |args| {
        combine(args, |from, value, other| {
            from == 0 && !other.contains(value)
        })
    }),
];

/// The distinct elements of all arguments for which `keep` holds: it gets the
/// argument from which the element comes, the element, and the second argument's
/// elements.
fn combine(
    args: &Arguments<'_>,
    keep: fn(usize, &[u8], &HashSet<&[u8]>) -> bool,
) -> Result<ArrayRef> {
    if args.result_type().is_null() {
        return Ok(datafusion::arrow::array::new_null_array(
            args.result_type(),
            args.rows(),
        ));
    }
    let mut columns: Vec<(Column<ArrayRef>, ListArray)> = Vec::new();
    for at in 0..args.count() {
        let column = args.any(at)?;
        let array = cast(column.array(), args.result_type())?;
        columns.push((column, array.as_list::<i32>().clone()));
    }
    let sources: Vec<&ArrayRef> = columns.iter().map(|(_, list)| list.values()).collect();
    let values = ComparableValues::new(args.name(), &sources)?;
    let mut picker = ElementPicker::new(args.name(), args.rows());
    let mut seen: HashSet<&[u8]> = HashSet::new();
    let mut other: HashSet<&[u8]> = HashSet::new();
    for row in 0..args.rows() {
        seen.clear();
        other.clear();
        let is_valid = columns
            .iter()
            .all(|(column, list)| list.is_valid(column.position(row)));
        if is_valid {
            if let Some((column, list)) = columns.get(1) {
                let range = element_range(list, column.position(row));
                other.extend(range.filter_map(|at| values.get(1, at)));
            }
            for (from, (column, list)) in columns.iter().enumerate() {
                for at in element_range(list, column.position(row)) {
                    if let Some(value) = values.get(from, at)
                        && keep(from, value, &other)
                        && seen.insert(value)
                    {
                        picker.pick((from, at));
                    }
                }
            }
        }
        picker.end_row(is_valid)?;
    }
    picker.finish(element_field(args.result_type())?, &sources)
}
