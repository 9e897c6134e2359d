//! `typeof(x)`.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};

use super::kinds::{Kind, text_result};
use super::udf::SparkFunction;
use crate::types::spark_type_name;

pub(super) static TYPEOF: SparkFunction =
    SparkFunction::new("typeof", &[Kind::Any], name_type, |args| {
        let name = spark_type_name(args.data_type(0)?);
        args.texts(|_| Ok(Some(&name)))
    });

/// The units of an interval are no part of its type here.
fn name_type(types: &[DataType]) -> Result<DataType> {
    match types {
        [DataType::Interval(_) | DataType::Duration(_)] => {
            plan_err!("typeof does not know the units of an interval; leave it out")
        }
        _ => text_result(types),
    }
}
