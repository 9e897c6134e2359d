//! One record: its values as text, what is wrong with them, and which of them no column
//! holds.

use sluice_ndjson::{NewFields, json_string};
use sluice_values::TimeZone;

use crate::columns::FieldColumn;
use crate::tokens::Fields;
use crate::values::{convert, shorten_value};

/// The fields of a record, with the bytes and the options that give them values.
#[derive(Clone, Copy)]
pub(crate) struct RecordText<'a> {
    pub(crate) fields: &'a Fields,
    /// What the positions of the fields count in.
    pub(crate) bytes: &'a [u8],
    /// The text that means NULL, in addition to an empty value without quotes.
    pub(crate) null_value: &'a [u8],
}

/// How a record is judged.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) time_zone: TimeZone,
    pub(crate) new_fields: NewFields,
    /// Whether problems are described.
    pub(crate) needs_reason: bool,
}

/// What is wrong with a record.
pub(crate) struct RecordProblem {
    /// The index of the offending byte in the record.
    pub(crate) at: usize,
    pub(crate) reason: String,
    /// None of its values can be kept.
    pub(crate) is_broken: bool,
}

impl<'a> RecordText<'a> {
    /// The number of values.
    pub(crate) fn count(&self) -> usize {
        self.fields.fields.len()
    }

    /// The text of a value; `None` when it means NULL, or the record has no value there.
    pub(crate) fn value(&self, index: usize) -> Option<&'a [u8]> {
        let field = self.fields.fields.get(index)?;
        let text = self.fields.text(field, self.bytes);
        let is_null = (text.is_empty() && !field.quoted) || text == self.null_value;
        (!is_null).then_some(text)
    }

    /// Where a value begins; 0 when the record has none there.
    fn start_of(&self, index: usize) -> usize {
        let field = self.fields.fields.get(index);
        field.map_or(0, |field| field.start)
    }

    /// The first thing that does not fit the columns.
    pub(crate) fn find_problem(
        &self,
        columns: &[FieldColumn],
        judgement: &Judgement,
    ) -> Option<RecordProblem> {
        let describe = |reason: &dyn Fn() -> String| match judgement.needs_reason {
            true => reason(),
            false => String::new(),
        };
        let is_rescued = judgement.new_fields == NewFields::Rescued;
        for (index, column) in columns.iter().enumerate() {
            let name = &column.name;
            let reason = match self.value(index) {
                Some(text) => {
                    let is_kept = is_rescued && column.nullable;
                    if is_kept || convert(text, &column.data_type, judgement.time_zone).is_some() {
                        continue;
                    }
                    describe(&|| {
                        let (expected, found) = (&column.expected, shorten_value(text));
                        format!("column {name}: expected {expected}, found {found}")
                    })
                }
                None if index < self.count() && !column.nullable => {
                    describe(&|| format!("column {name} is null but declared NOT NULL"))
                }
                None => continue,
            };
            return Some(RecordProblem {
                at: self.start_of(index),
                reason,
                is_broken: false,
            });
        }
        let (found, expected) = (self.count(), columns.len());
        if found == expected || (is_rescued && found > expected) {
            return None;
        }
        Some(RecordProblem {
            at: self.start_of(expected),
            reason: describe(&|| format!("{found} values for {expected} columns")),
            is_broken: false,
        })
    }

    /// The names and values, as JSON, of what the columns do not hold: values that do not
    /// fit, and those beyond the columns.
    pub(crate) fn find_unheld(
        &self,
        columns: &[FieldColumn],
        time_zone: TimeZone,
    ) -> Vec<(String, String)> {
        let unfit = columns.iter().enumerate().filter_map(|(index, column)| {
            let text = self.value(index)?;
            let is_held = convert(text, &column.data_type, time_zone).is_some();
            (!is_held).then(|| (json_string(column.name.as_bytes()), json_string(text)))
        });
        let beyond = (columns.len()..self.count()).map(|index| {
            let value = self.value(index).map_or("null".to_owned(), json_string);
            (json_string(name_beyond(index).as_bytes()), value)
        });
        unfit.chain(beyond).collect()
    }
}

/// The name of a value for which no column is declared: Spark's for columns without a name.
pub(crate) fn name_beyond(index: usize) -> String {
    format!("_c{index}")
}
