//! The windows that a time belongs to.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, ListArray, StructArray, TimestampMicrosecondArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;

use crate::functions::{Arguments, Kind, SparkFunction};

/// `time_windows(time, duration, slide, start)`: an array of structs with `start` and
/// `end`; the numbers are microseconds.
pub(crate) fn time_windows_function() -> Arc<ScalarUDF> {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(WINDOWS.to_udf()));
    Arc::clone(&FUNCTION)
}

static WINDOWS: SparkFunction = SparkFunction::new(
    "time_windows",
    &[Kind::Timestamp, Kind::Long, Kind::Long, Kind::Long],
    |_| Ok(DataType::List(Arc::new(element_field()))),
    find_windows,
);

fn bounds() -> Fields {
    let time = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Fields::from(vec![
        Field::new("start", time(), true),
        Field::new("end", time(), true),
    ])
}

fn element_field() -> Field {
    Field::new_list_field(DataType::Struct(bounds()), true)
}

fn find_windows(args: &Arguments<'_>) -> Result<ArrayRef> {
    let times = args.timestamp(0)?;
    let (durations, slides, starts) = (args.long(1)?, args.long(2)?, args.long(3)?);
    let (mut begins, mut ends, mut offsets) = (Vec::new(), Vec::new(), vec![0_i32]);
    for row in 0..args.rows() {
        if let (Some(time), Some(duration), Some(slide), Some(start)) = (
            times.get(row),
            durations.get(row),
            slides.get(row).filter(|slide| *slide > 0),
            starts.get(row),
        ) {
            let mut begin = last_start(time, slide, start);
            while time < begin.saturating_add(duration) {
                begins.push(begin);
                ends.push(begin.saturating_add(duration));
                begin = begin.saturating_sub(slide);
            }
        }
        offsets.push(i32::try_from(begins.len()).map_err(|_| {
            DataFusionError::ResourcesExhausted("the rows of a batch have too many windows".into())
        })?);
    }
    let column = |values: Vec<i64>| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
    };
    let windows = StructArray::try_new(bounds(), vec![column(begins), column(ends)], None)?;
    Ok(Arc::new(ListArray::try_new(
        Arc::new(element_field()),
        OffsetBuffer::new(offsets.into()),
        Arc::new(windows),
        None,
    )?))
}

/// The start of the last window that begins at or before `time`.
fn last_start(time: i64, slide: i64, start: i64) -> i64 {
    time.saturating_sub(time.saturating_sub(start).rem_euclid(slide))
}

#[cfg(test)]
mod tests {
    use super::last_start;

    #[test]
    fn windows_begin_at_multiples_of_their_slide() {
        for (time, slide, start, expected) in [
            (25, 10, 0, 20),
            (20, 10, 0, 20),
            (25, 10, 7, 17),
            (-1, 10, 0, -10),
            (-10, 10, 0, -10),
            (0, 10, 3, -7),
        ] {
            assert_eq!(last_start(time, slide, start), expected);
        }
    }
}
