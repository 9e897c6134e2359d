//! Conditions over files: what the log says must never exclude a row.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Date32Array, Int64Array, StringArray, TimestampMicrosecondArray};
use datafusion::logical_expr::{col, lit};
use datafusion::prelude::SessionContext;
use proptest::prelude::*;
use sluice_gold::FileStats;

use super::*;

/// A row of a file: a number, a text, a day and a time.
type Row = (Option<i64>, Option<String>, Option<i32>, Option<i64>);

fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn spec(partition_by: &[&str]) -> TableSpec {
    let schema = Schema::new(vec![
        Field::new("n", DataType::Int64, true),
        Field::new("s", DataType::Utf8, true),
        Field::new("day", DataType::Date32, true),
        Field::new("at", time_type(), true),
    ]);
    TableSpec {
        name: "t".to_owned(),
        schema: Arc::new(schema),
        partition_by: partition_by.iter().map(|name| (*name).to_owned()).collect(),
        properties: BTreeMap::new(),
        comment: None,
    }
}

fn batch(rows: &[Row]) -> RecordBatch {
    let (mut n, mut s, mut day, mut at) = (vec![], vec![], vec![], vec![]);
    for row in rows {
        n.push(row.0);
        s.push(row.1.clone());
        day.push(row.2);
        at.push(row.3);
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(n)),
        Arc::new(StringArray::from(s)),
        Arc::new(Date32Array::from(day)),
        Arc::new(TimestampMicrosecondArray::from(at).with_timezone("UTC")),
    ];
    RecordBatch::try_new(spec(&[]).schema, columns).unwrap()
}

/// The value of the condition for each row.
fn evaluate(condition: &Expr, rows: &[Row]) -> Vec<Option<bool>> {
    let state = SessionContext::new().state();
    let condition = physical_condition(condition, &spec(&[]).schema, &state).unwrap();
    let values = condition.evaluate(&batch(rows)).unwrap();
    let values = values.into_array(rows.len()).unwrap();
    values.as_boolean().iter().collect()
}

fn day_text(day: i32) -> String {
    let day = ScalarValue::Date32(Some(day));
    let text = day.cast_to(&DataType::Utf8).unwrap();
    text.to_string()
}

fn time_text(micros: i64) -> String {
    let time = chrono::DateTime::<chrono::Utc>::from_timestamp_micros(micros).unwrap();
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A file with these rows and what another writer says of them: times are cut to
/// milliseconds, also the greatest one.
fn file(rows: &[Row], with_bounds: bool) -> DataFile {
    let mut stats = FileStats {
        num_records: rows.len() as u64,
        ..FileStats::default()
    };
    let nulls = |is_null: &dyn Fn(&&Row) -> bool| Value::from(rows.iter().filter(is_null).count());
    stats.null_count = Map::from_iter([
        ("n".to_owned(), nulls(&|row| row.0.is_none())),
        ("s".to_owned(), nulls(&|row| row.1.is_none())),
        ("day".to_owned(), nulls(&|row| row.2.is_none())),
        ("at".to_owned(), nulls(&|row| row.3.is_none())),
    ]);
    if with_bounds {
        let mut add = |name: &str, least: Option<Value>, greatest: Option<Value>| {
            if let (Some(least), Some(greatest)) = (least, greatest) {
                stats.min_values.insert(name.to_owned(), least);
                stats.max_values.insert(name.to_owned(), greatest);
            }
        };
        let numbers = || rows.iter().filter_map(|row| row.0);
        let number = |n: Option<i64>| n.map(Value::from);
        add("n", number(numbers().min()), number(numbers().max()));
        let texts = || rows.iter().filter_map(|row| row.1.clone());
        let text = |s: Option<String>| s.map(Value::from);
        add("s", text(texts().min()), text(texts().max()));
        let days = || rows.iter().filter_map(|row| row.2);
        let day = |day: Option<i32>| day.map(day_text).map(Value::from);
        add("day", day(days().min()), day(days().max()));
        let times = || rows.iter().filter_map(|row| row.3);
        let time = |at: Option<i64>| at.map(time_text).map(Value::from);
        add("at", time(times().min()), time(times().max()));
    }
    data_file(stats, &[])
}

fn data_file(stats: FileStats, folders: &[(&str, Option<&str>)]) -> DataFile {
    let folders = folders.iter();
    let owned = |text: &str| text.to_owned();
    DataFile {
        path: "a.parquet".to_owned(),
        size: 1,
        modification_time_ms: 0,
        partition_values: folders
            .map(|(name, value)| (owned(name), value.map(owned)))
            .collect(),
        stats,
    }
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        prop::option::weighted(0.8, -2..5_i64),
        prop::option::weighted(0.8, prop::sample::select(vec!["", "a", "ab", "b", "é"])),
        prop::option::weighted(0.8, 0..6_i32),
        prop::option::weighted(0.8, 0..4_000_i64),
    );
    let row = row.prop_map(|(n, s, day, at)| (n, s.map(str::to_owned), day, at));
    prop::collection::vec(row, 1..5)
}

fn comparison() -> impl Strategy<Value = Expr> {
    let number = (-2..5_i64).prop_map(lit);
    let numbers = prop::collection::vec(number.clone(), 1..3);
    let text = prop::sample::select(vec!["", "a", "ab", "b", "c"]).prop_map(lit);
    let day = (0..6_i32).prop_map(|day| lit(ScalarValue::Date32(Some(day))));
    let time = (0..4_000_i64).prop_map(|at| {
        lit(ScalarValue::TimestampMicrosecond(
            Some(at),
            Some("UTC".into()),
        ))
    });
    let operand = prop_oneof![
        number.prop_map(|value| (col("n"), value)),
        text.prop_map(|value| (col("s"), value)),
        day.prop_map(|value| (col("day"), value)),
        time.prop_map(|value| (col("at"), value)),
    ];
    prop_oneof![
        8 => (operand, 0..6).prop_map(|((column, value), op)| match op {
            0 => column.eq(value),
            1 => column.not_eq(value),
            2 => column.lt(value),
            3 => column.lt_eq(value),
            4 => column.gt(value),
            _ => column.gt_eq(value),
        }),
        2 => (numbers, any::<bool>())
            .prop_map(|(values, negated)| col("n").in_list(values, negated)),
        1 => prop::sample::select(vec!["n", "s", "day"]).prop_map(|name| col(name).is_null()),
        1 => prop::sample::select(vec!["n", "s", "day"]).prop_map(|name| col(name).is_not_null()),
        1 => Just(lit(ScalarValue::Boolean(None))),
    ]
}

fn condition() -> impl Strategy<Value = Expr> {
    comparison().prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| a.and(b)),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| a.or(b)),
            inner.clone().prop_map(|a| !a),
            inner.prop_map(Expr::is_true),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_file_with_a_row_of_the_part_is_never_left_out(
        contents in prop::collection::vec((rows(), prop::bool::weighted(0.9)), 1..4),
        condition in condition(),
    ) {
        let files: Vec<DataFile> = contents
            .iter()
            .map(|(rows, with_bounds)| file(rows, *with_bounds))
            .collect();
        let state = SessionContext::new().state();
        let possible = find_possible(&condition, &spec(&[]), &files, &state).unwrap();
        prop_assert_eq!(possible.len(), files.len());
        for ((rows, _), possible) in contents.iter().zip(possible) {
            let has_row = evaluate(&condition, rows).contains(&Some(true));
            prop_assert!(possible || !has_row, "{} leaves out {:?}", condition, rows);
        }
    }

    #[test]
    fn a_folder_is_in_the_part_when_its_rows_are(
        contents in rows(),
        condition in condition(),
    ) {
        // An empty text is stored as NULL.
        let contents: Vec<Row> = contents
            .into_iter()
            .map(|(n, s, day, at)| (n, s.filter(|s| !s.is_empty()), day, at))
            .collect();
        let files: Vec<DataFile> = contents
            .iter()
            .map(|(n, s, day, at)| {
                let (n, day) = (n.map(|n| n.to_string()), day.map(day_text));
                let at = at.map(|at| format!("1970-01-01 00:00:00.{at:06}"));
                let values = [
                    ("n", n.as_deref()),
                    ("s", s.as_deref()),
                    ("day", day.as_deref()),
                    ("at", at.as_deref()),
                ];
                let stats = FileStats {
                    num_records: 1,
                    ..FileStats::default()
                };
                data_file(stats, &values)
            })
            .collect();
        let spec = spec(&["day", "n", "at", "s"]);
        let state = SessionContext::new().state();
        let certain = find_certain(&condition, &spec, &files, &state).unwrap();
        let expected: Vec<bool> = evaluate(&condition, &contents)
            .into_iter()
            .map(|value| value == Some(true))
            .collect();
        prop_assert_eq!(&certain, &expected);
        // With other columns in the condition, folders exclude what they do not have.
        let possible = find_possible(&condition, &spec, &files, &state).unwrap();
        for (possible, certain) in possible.iter().zip(&certain) {
            prop_assert!(*possible || !certain);
        }
    }
}

#[test]
fn statistics_and_folders_exclude_files() {
    let state = SessionContext::new().state();
    let row = |n: i64, day: i32| (Some(n), None, Some(day), Some(1_500));
    let files = [
        file(&[row(1, 3), row(4, 3)], true),
        file(&[row(5, 4)], true),
        file(&[(None, None, None, None)], true),
        file(&[row(5, 4)], false),
    ];
    let of = |condition: Expr| find_possible(&condition, &spec(&[]), &files, &state).unwrap();
    let day = |day: i32| lit(ScalarValue::Date32(Some(day)));
    assert_eq!(of(col("n").gt(lit(4_i64))), [false, true, false, true]);
    assert_eq!(of(col("day").eq(day(3))), [true, false, false, true]);
    assert_eq!(of(col("n").is_null()), [false, false, true, false]);
    let between = col("day").gt_eq(day(4)).and(col("day").lt_eq(day(9)));
    assert_eq!(of(between), [false, true, false, true]);
    // The greatest time may have been cut to milliseconds.
    let time = |at: i64| {
        lit(ScalarValue::TimestampMicrosecond(
            Some(at),
            Some("UTC".into()),
        ))
    };
    assert_eq!(of(col("at").gt(time(1_400))), [true, true, false, true]);
    assert_eq!(of(col("at").gt(time(2_500))), [false, false, false, true]);

    let in_folder = |value: Option<&str>| {
        let mut file = file(&[row(1, 3), row(4, 3)], true);
        file.partition_values = vec![("s".to_owned(), value.map(str::to_owned))];
        file
    };
    let folders = [in_folder(Some("a")), in_folder(None)];
    let condition = col("s").eq(lit("a")).and(col("n").gt(lit(2_i64)));
    let found = find_possible(&condition, &spec(&["s"]), &folders, &state).unwrap();
    assert_eq!(found, [true, false]);
    let condition = col("s").not_eq(lit("b"));
    let found = find_certain(&condition, &spec(&["s"]), &folders, &state).unwrap();
    assert_eq!(found, [true, false], "NULL is not true");
    assert!(
        find_certain(&condition, &spec(&["s"]), &[], &state)
            .unwrap()
            .is_empty()
    );
}
