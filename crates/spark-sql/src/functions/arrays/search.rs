//! Whether and where an array has a value.

use datafusion::arrow::array::{Array, ArrayRef, ListArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;

use super::super::arguments::{Arguments, Column};
use super::super::kinds::{Kind, array_type, boolean_result, long_result};
use super::super::udf::SparkFunction;
use super::elements::{ComparableValues, element_field, element_range};
use super::types::common_type;

const ARRAY_AND_VALUE: &[Kind] = &[Kind::Array, Kind::Any];

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new("array_contains", ARRAY_AND_VALUE, boolean_result, |args| {
        let search = ElementSearch::new(args)?;
        args.booleans(|row| {
            let Some(range) = search.range(row) else {
                return Ok(None);
            };
            let found = range.clone().any(|at| search.is_equal(row, at));
            let has_null = || range.clone().any(|at| search.elements.is_null(at));
            // NULL could be the value.
            Ok(match found {
                true => Some(true),
                false if has_null() => None,
                false => Some(false),
            })
        })
    }),
    SparkFunction::new("array_position", ARRAY_AND_VALUE, long_result, |args| {
        let search = ElementSearch::new(args)?;
        args.longs(|row| {
            Ok(search.range(row).and_then(|mut range| {
                let found = range.position(|at| search.is_equal(row, at));
                i64::try_from(found.map_or(0, |at| at + 1)).ok()
            }))
        })
    }),
    SparkFunction::new(
        "arrays_overlap",
        &[Kind::Array, Kind::Array],
        boolean_result,
        |args| {
            let (left, right) = (args.any(0)?, args.any(1)?);
            let common = common_type(&[
                left.array().data_type().clone(),
                right.array().data_type().clone(),
            ])?;
            if common == DataType::Null {
                return args.booleans(|_| Ok(None));
            }
            let lists = |column: &Column<ArrayRef>| -> Result<ListArray> {
                let array = cast(column.array(), &common)?;
                Ok(datafusion::arrow::array::AsArray::as_list::<i32>(&array).clone())
            };
            let (left_list, right_list) = (lists(&left)?, lists(&right)?);
            let values =
                ComparableValues::new(args.name(), &[left_list.values(), right_list.values()])?;
            args.booleans(|row| {
                let (l, r) = (left.position(row), right.position(row));
                if left_list.is_null(l) || right_list.is_null(r) {
                    return Ok(None);
                }
                let (l, r) = (element_range(&left_list, l), element_range(&right_list, r));
                let is_value = |list: &ListArray, at: &usize| list.values().is_valid(*at);
                let known: std::collections::HashSet<&[u8]> = l
                    .clone()
                    .filter(|at| is_value(&left_list, at))
                    .filter_map(|at| values.get(0, at))
                    .collect();
                let overlap = r
                    .clone()
                    .filter(|at| is_value(&right_list, at))
                    .filter_map(|at| values.get(1, at))
                    .any(|value| known.contains(value));
                let has_null = l.clone().any(|at| !is_value(&left_list, &at))
                    || r.clone().any(|at| !is_value(&right_list, &at));
                Ok(match overlap {
                    true => Some(true),
                    false if has_null && !l.is_empty() && !r.is_empty() => None,
                    false => Some(false),
                })
            })
        },
    ),
];

/// An array and a value, as one type.
pub(super) struct ElementSearch {
    lists: Column<ArrayRef>,
    pub(super) list: ListArray,
    pub(super) elements: ArrayRef,
    wanted: Column<ArrayRef>,
    wanted_values: ArrayRef,
    values: ComparableValues,
}

impl ElementSearch {
    pub(super) fn new(args: &Arguments<'_>) -> Result<Self> {
        let (lists, wanted) = (args.any(0)?, args.any(1)?);
        let element = match lists.array().data_type() {
            DataType::Null => DataType::Null,
            list => element_field(list)?.data_type().clone(),
        };
        let common = common_type(&[element, wanted.array().data_type().clone()])?;
        let array = cast(lists.array(), &array_type(common.clone()))?;
        let list = datafusion::arrow::array::AsArray::as_list::<i32>(&array).clone();
        let wanted_values = cast(wanted.array(), &common)?;
        let elements = list.values().clone();
        let values = ComparableValues::new(args.name(), &[&elements, &wanted_values])?;
        Ok(Self {
            lists,
            list,
            elements,
            wanted,
            wanted_values,
            values,
        })
    }

    /// The row's elements, if neither the array nor the value is NULL.
    pub(super) fn range(&self, row: usize) -> Option<std::ops::Range<usize>> {
        let at = self.lists.position(row);
        let given =
            self.list.is_valid(at) && self.wanted_values.is_valid(self.wanted.position(row));
        given.then(|| element_range(&self.list, at))
    }

    pub(super) fn is_equal(&self, row: usize, at: usize) -> bool {
        self.elements.is_valid(at)
            && self.values.get(0, at) == self.values.get(1, self.wanted.position(row))
    }
}
