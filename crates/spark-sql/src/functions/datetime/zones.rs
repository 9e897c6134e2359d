//! Times on the clocks of other zones.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::error::Result;

use super::super::arguments::Arguments;
use super::super::kinds::{Kind, text_result, timestamp_result};
use super::super::udf::SparkFunction;
use super::zone::{Zone, parse_zone, zone_id};

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new("current_timezone", &[], text_result, |args| {
        let id = match *args.zone() {
            Zone::UTC => "UTC".to_owned(),
            zone => zone_id(zone),
        };
        args.texts(|_| Ok(Some(&id)))
    }),
    SparkFunction::new(
        "from_utc_timestamp",
        &[Kind::Timestamp, Kind::Text],
        timestamp_result,
        |args| shift(args, 0, 1, |zone, time| zone.to_local(time)),
    ),
    SparkFunction::new(
        "to_utc_timestamp",
        &[Kind::Timestamp, Kind::Text],
        timestamp_result,
        |args| shift(args, 0, 1, |zone, time| zone.to_instant(time)),
    ),
    SparkFunction::new(
        "convert_timezone",
        &[Kind::Text, Kind::Any, Kind::Any],
        |_| Ok(DataType::Timestamp(TimeUnit::Microsecond, None)),
        |args| {
            // Read as instants, the times are those of the session's zone.
            let session = *args.zone();
            if args.count() == 2 {
                return shift(args, 1, 0, |zone, instant| zone.to_local(instant));
            }
            let sources = args.text(0)?;
            let mut last: Option<(String, Zone)> = None;
            let (targets, times) = (args.text(1)?, args.timestamp(2)?);
            args.timestamps(|row| {
                let (Some(source), Some(target), Some(local)) = (
                    sources.get(row),
                    targets.get(row),
                    times.get(row).and_then(|time| session.to_local(time)),
                ) else {
                    return Ok(None);
                };
                let source = find_zone(&mut last, source)?;
                let target = parse_zone(target)?;
                Ok(source
                    .to_instant(local)
                    .and_then(|instant| target.to_local(instant)))
            })
        },
    )
    .with_optional(1),
];

fn shift(
    args: &Arguments<'_>,
    time_at: usize,
    zone_at: usize,
    convert: impl Fn(Zone, i64) -> Option<i64>,
) -> Result<datafusion::arrow::array::ArrayRef> {
    let (times, zones) = (args.timestamp(time_at)?, args.text(zone_at)?);
    let mut last = None;
    args.timestamps(|row| match (times.get(row), zones.get(row)) {
        (Some(time), Some(name)) => Ok(convert(find_zone(&mut last, name)?, time)),
        _ => Ok(None),
    })
}

/// The zone of a name; most columns name the same one in every row.
fn find_zone(last: &mut Option<(String, Zone)>, name: &str) -> Result<Zone> {
    if let Some((known, zone)) = last
        && known == name
    {
        return Ok(*zone);
    }
    let zone = parse_zone(name)?;
    *last = Some((name.to_owned(), zone));
    Ok(zone)
}
