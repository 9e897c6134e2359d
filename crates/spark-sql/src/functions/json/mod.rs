//! Functions of JSON and CSV in text.

mod csv;
mod fits;
mod from_json;
mod get;
mod infer;
mod options;
mod path;
mod schema;
#[cfg(test)]
mod tests;
mod to_json;
mod tuple;
mod value;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

use self::from_json::{FromJson, TextForm};
pub(crate) use self::infer::schema_of_json;
use super::udf::SparkFunction;

/// The functions of this folder.
pub(super) fn functions() -> Vec<&'static SparkFunction> {
    get::FUNCTIONS
        .iter()
        .chain(to_json::FUNCTIONS)
        .chain([&tuple::JSON_TUPLE, &csv::TO_CSV])
        .collect()
}

/// `json_tuple` in a plan.
pub(crate) fn json_tuple_udf() -> Arc<ScalarUDF> {
    Arc::new(tuple::JSON_TUPLE.to_udf())
}

/// `from_json` and `from_csv`, whose type is that of an argument's value.
pub(super) fn from_text_udfs() -> [Arc<ScalarUDF>; 2] {
    [TextForm::Json, TextForm::Csv].map(|form| Arc::new(FromJson::new(form).into()))
}
