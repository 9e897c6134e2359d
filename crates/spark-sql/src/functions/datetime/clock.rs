//! The time at which a query began, in microseconds.
//!
//! DataFusion's `now()` is in nanoseconds, and a comparison with it would be in
//! nanoseconds too, which have no year 1 and no year 9999.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::zone::session_zone;

pub(crate) fn clock_functions() -> [Arc<ScalarUDF>; 2] {
    let clock = |name, aliases: &[&str], zone: Option<&str>| {
        Arc::new(ScalarUDF::from(Clock {
            name,
            aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
            zone: zone.map(Into::into),
            signature: Signature::nullary(Volatility::Stable),
        }))
    };
    [
        clock("now", &["current_timestamp"], Some("UTC")),
        clock("localtimestamp", &[], None),
    ]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Clock {
    name: &'static str,
    aliases: Vec<String>,
    zone: Option<Arc<str>>,
    signature: Signature,
}

impl ScalarUDFImpl for Clock {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Timestamp(
            TimeUnit::Microsecond,
            self.zone.clone(),
        ))
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let Some(now) = info.query_execution_start_time() else {
            return Ok(ExprSimplifyResult::Original(args));
        };
        let instant = now.timestamp_micros();
        let micros = match self.zone {
            Some(_) => Some(instant),
            None => session_zone(info.config_options())?.to_local(instant),
        };
        Ok(ExprSimplifyResult::Simplified(Expr::Literal(
            ScalarValue::TimestampMicrosecond(micros, self.zone.clone()),
            None,
        )))
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(DataFusionError::Execution(format!(
            "`{}` is the time at which a query began, which only its planning knows",
            self.name
        )))
    }
}
