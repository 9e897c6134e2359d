//! `assert_true` and `raise_error`: errors that a query asks for.

use datafusion::error::DataFusionError;

use super::kinds::{Kind, text_result};
use super::udf::SparkFunction;

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    // NULL where the condition is true.
    SparkFunction::new(
        "assert_true",
        &[Kind::Boolean, Kind::Text],
        text_result,
        |args| {
            let conditions = args.boolean(0)?;
            let messages = (args.count() > 1).then(|| args.text(1)).transpose()?;
            args.texts(|row| {
                if conditions.get(row) == Some(true) {
                    return Ok(None::<&str>);
                }
                let message = messages.as_ref().and_then(|messages| messages.get(row));
                Err(raised(
                    message.unwrap_or("the condition of `assert_true` is not true"),
                ))
            })
        },
    )
    .with_optional(1),
    SparkFunction::new("raise_error", &[Kind::Text], text_result, |args| {
        let messages = args.text(0)?;
        args.texts(|row| match messages.get(row) {
            Some(message) => Err(raised(message)),
            None => Ok(None::<&str>),
        })
    }),
];

fn raised(message: &str) -> DataFusionError {
    DataFusionError::Execution(format!("[USER_RAISED_EXCEPTION] {message}"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check_answers;

    #[test]
    fn errors_are_raised() {
        check_answers(&[
            ("assert_true(1 < 2)", "NULL"),
            (
                "assert_true(1 > 2)",
                "error: [USER_RAISED_EXCEPTION] the condition",
            ),
            (
                "assert_true(NULL, 'no')",
                "error: [USER_RAISED_EXCEPTION] no",
            ),
            (
                "raise_error('wrong')",
                "error: [USER_RAISED_EXCEPTION] wrong",
            ),
        ]);
    }
}
