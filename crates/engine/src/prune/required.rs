//! What is read of a table, and schemas cut down to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use serde::{Deserialize, Serialize};

/// How much of one value is read.
///
/// Lists are transparent: for a list of structs, [`Need::Fields`] names the fields
/// of its elements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Need {
    /// The whole value.
    All,
    /// Only these fields of a struct; no field means that only the presence of the
    /// value (null or not, how many elements) matters.
    Fields(BTreeMap<String, Need>),
}

impl Need {
    /// Only whether the value is present.
    pub fn presence_only() -> Self {
        Self::Fields(BTreeMap::new())
    }

    /// One field of a struct, of which `need` is read.
    pub fn field(name: impl Into<String>, need: Need) -> Self {
        Self::Fields(BTreeMap::from([(name.into(), need)]))
    }

    /// Widens this to cover `other` as well
    pub fn merge(&mut self, other: Need) {
        match (&mut *self, other) {
            (Self::All, _) => {}
            (_, Self::All) => *self = Self::All,
            (Self::Fields(mine), Self::Fields(theirs)) => {
                for (name, need) in theirs {
                    match mine.get_mut(&name) {
                        Some(known) => known.merge(need),
                        None => {
                            mine.insert(name, need);
                        }
                    }
                }
            }
        }
    }
}

/// What is read of one table: its columns, and how much of each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredFields {
    /// Everything is read; set when the plan could not be analyzed.
    pub everything: bool,
    /// Column name → how much of it is read; a missing column is not read.
    pub columns: BTreeMap<String, Need>,
}

impl RequiredFields {
    /// Every column, whole.
    pub fn everything() -> Self {
        Self {
            everything: true,
            columns: BTreeMap::new(),
        }
    }

    /// Adds a column.
    pub fn require_column(&mut self, column: &str, need: Need) {
        match self.columns.get_mut(column) {
            Some(known) => known.merge(need),
            None => {
                self.columns.insert(column.to_owned(), need);
            }
        }
    }

    /// Widens this to cover `other` as well
    pub fn merge(&mut self, other: &RequiredFields) {
        self.everything |= other.everything;
        for (column, need) in &other.columns {
            self.require_column(column, need.clone());
        }
    }

    /// How much of `column` is read, if anything.
    pub fn need_of(&self, column: &str) -> Option<Need> {
        if self.everything {
            Some(Need::All)
        } else {
            self.columns.get(column).cloned()
        }
    }
}

/// The schema with only what is required: other columns are dropped, nested
/// types are cut down.
///
/// At least one column stays, because a source without columns cannot be planned
/// over; it is a flat one if possible.
pub fn narrow_schema(schema: &Schema, required: &RequiredFields) -> Schema {
    let kept: Vec<FieldRef> = schema
        .fields()
        .iter()
        .filter_map(|field| Some(narrow_field(field, &required.need_of(field.name())?)))
        .collect();
    let kept = match (kept.is_empty(), cheapest_field(schema.fields())) {
        (true, Some(field)) => vec![narrow_field(field, &Need::presence_only())],
        _ => kept,
    };
    Schema::new_with_metadata(kept, schema.metadata().clone())
}

/// The schema with every column, nested types cut down to what is required.
///
/// A column that is not read keeps its full type: dropping it is left to
/// projection pushdown.
pub fn narrow_types(schema: &Schema, required: &RequiredFields) -> Schema {
    let fields: Vec<FieldRef> = schema
        .fields()
        .iter()
        .map(|field| match required.need_of(field.name()) {
            Some(need) => narrow_field(field, &need),
            None => Arc::clone(field),
        })
        .collect();
    Schema::new_with_metadata(fields, schema.metadata().clone())
}

fn narrow_field(field: &FieldRef, need: &Need) -> FieldRef {
    let narrowed = narrow_type(field.data_type(), need);
    if &narrowed == field.data_type() {
        Arc::clone(field)
    } else {
        Arc::new(Field::clone(field).with_data_type(narrowed))
    }
}

fn narrow_type(data_type: &DataType, need: &Need) -> DataType {
    let Need::Fields(wanted) = need else {
        return data_type.clone();
    };
    match data_type {
        DataType::Struct(fields) => DataType::Struct(narrow_struct(fields, wanted)),
        DataType::List(item) => DataType::List(narrow_field(item, need)),
        DataType::LargeList(item) => DataType::LargeList(narrow_field(item, need)),
        DataType::ListView(item) => DataType::ListView(narrow_field(item, need)),
        DataType::LargeListView(item) => DataType::LargeListView(narrow_field(item, need)),
        DataType::FixedSizeList(item, size) => {
            DataType::FixedSizeList(narrow_field(item, need), *size)
        }
        // The keys of a map are data, not fields.
        other => other.clone(),
    }
}

fn narrow_struct(fields: &Fields, wanted: &BTreeMap<String, Need>) -> Fields {
    let kept: Fields = fields
        .iter()
        .filter_map(|field| Some(narrow_field(field, wanted.get(field.name())?)))
        .collect();
    match (kept.is_empty(), cheapest_field(fields)) {
        (true, Some(field)) => Fields::from(vec![narrow_field(field, &Need::presence_only())]),
        _ => kept,
    }
}

/// The field that costs least to read; it is kept where a struct or a table would
/// otherwise have no field left.
fn cheapest_field(fields: &Fields) -> Option<&FieldRef> {
    fields
        .iter()
        .find(|field| field.data_type().is_primitive())
        .or_else(|| fields.iter().find(|field| !field.data_type().is_nested()))
        .or_else(|| fields.first())
}
