//! The types of records whose columns are not declared.

pub(crate) mod inferred_type;
pub(crate) mod type_decoder;
pub(crate) mod type_reader;
