//! Sorted arrays, and their least and greatest elements.

use datafusion::arrow::array::{Array, ArrayRef, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::kinds::{Kind, first_result};
use super::super::udf::SparkFunction;
use super::elements::{ComparableValues, ElementPicker, element_field, element_range};

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new("array_sort", &[Kind::Array], first_result, |args| {
        sort(args, |_| {
            Some(SortOrder {
                descending: false,
                nulls_first: false,
            })
        })
    }),
    SparkFunction::new(
        "sort_array",
        &[Kind::Array, Kind::Boolean],
        first_result,
        |args| {
            let ascending = (args.count() > 1).then(|| args.boolean(1)).transpose()?;
            sort(args, |row| {
                let ascending = match &ascending {
                    None => true,
                    Some(ascending) => ascending.get(row)?,
                };
                // NULLs are the smallest.
                Some(SortOrder {
                    descending: !ascending,
                    nulls_first: ascending,
                })
            })
        },
    )
    .with_optional(1),
    SparkFunction::new("array_max", &[Kind::Array], element_result, |args| {
        extreme(args, true)
    }),
    SparkFunction::new("array_min", &[Kind::Array], element_result, |args| {
        extreme(args, false)
    }),
];

#[derive(Debug, Clone, Copy)]
struct SortOrder {
    descending: bool,
    nulls_first: bool,
}

fn element_result(types: &[DataType]) -> Result<DataType> {
    match types.first() {
        Some(DataType::List(field)) => Ok(field.data_type().clone()),
        Some(DataType::Null) | None => Ok(DataType::Null),
        Some(other) => Err(DataFusionError::Plan(format!(
            "a value of type {other} is not an array"
        ))),
    }
}

fn sort(args: &Arguments<'_>, order: impl Fn(usize) -> Option<SortOrder>) -> Result<ArrayRef> {
    let lists = args.list(0)?;
    let list = lists.array();
    if args.result_type().is_null() {
        return Ok(datafusion::arrow::array::new_null_array(
            args.result_type(),
            args.rows(),
        ));
    }
    let values = ComparableValues::new(args.name(), &[list.values()])?;
    let mut picker = ElementPicker::new(args.name(), args.rows());
    for row in 0..args.rows() {
        let at = lists.position(row);
        let Some(order) = order(row).filter(|_| list.is_valid(at)) else {
            picker.end_row(false)?;
            continue;
        };
        let (mut given, nulls): (Vec<usize>, Vec<usize>) =
            element_range(list, at).partition(|at| list.values().is_valid(*at));
        given.sort_by(|left, right| {
            let ordering = values.get(0, *left).cmp(&values.get(0, *right));
            if order.descending {
                ordering.reverse()
            } else {
                ordering
            }
        });
        let (first, last) = if order.nulls_first {
            (nulls, given)
        } else {
            (given, nulls)
        };
        for element in first.into_iter().chain(last) {
            picker.pick((0, element));
        }
        picker.end_row(true)?;
    }
    picker.finish(element_field(args.result_type())?, &[list.values()])
}

fn extreme(args: &Arguments<'_>, greatest: bool) -> Result<ArrayRef> {
    let lists = args.list(0)?;
    let list = lists.array();
    let values = ComparableValues::new(args.name(), &[list.values()])?;
    let picked: UInt32Array = (0..args.rows())
        .map(|row| {
            let at = lists.position(row);
            if list.is_null(at) {
                return None;
            }
            let given = element_range(list, at).filter(|at| list.values().is_valid(*at));
            let found = match greatest {
                true => given.max_by(|l, r| values.get(0, *l).cmp(&values.get(0, *r))),
                false => given.min_by(|l, r| values.get(0, *l).cmp(&values.get(0, *r))),
            };
            u32::try_from(found?).ok()
        })
        .collect();
    Ok(take(list.values(), &picked, None)?)
}
