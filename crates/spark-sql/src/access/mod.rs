//! What `a[i]`, `m[k]`, `s.f` and `s['f']` mean.
//!
//! DataFusion counts the elements of an array from 1 and gives NULL outside of it, and
//! finds the fields of structs by their exact names only.

mod functions;
mod planner;

pub(crate) use functions::access_functions;
pub(crate) use planner::AccessPlanner;

/// The function for an element of an array, by its position from 0.
pub(crate) const ARRAY_ITEM: &str = "array_item";
/// The function for the value of a key of a map.
pub(crate) const MAP_ITEM: &str = "map_item";
/// The function for a field of each struct of an array.
pub(crate) const ARRAY_FIELD: &str = "array_field";
