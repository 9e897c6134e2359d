use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array,
    Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use proptest::prelude::*;
use serde_json::json;

use super::bounds::upper_text;
use super::*;

/// Writes one batch in row groups of `rows_per_group` rows and reads the footer.
fn stats_of(columns: Vec<(&str, ArrayRef)>, rows_per_group: usize) -> FileStats {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(rows_per_group))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    let bytes = Bytes::from(writer.into_inner().unwrap());
    let reader = SerializedFileReader::new(bytes).unwrap();
    stats_from_parquet(reader.metadata(), &batch.schema())
}

fn utc(values: Vec<Option<i64>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
}

#[test]
fn every_type_has_the_form_of_the_protocol() {
    let decimal = |values: Vec<i128>, precision| -> ArrayRef {
        let array = Decimal128Array::from(values);
        Arc::new(array.with_precision_and_scale(precision, 2).unwrap())
    };
    let stats = stats_of(
        vec![
            (
                "i",
                Arc::new(Int32Array::from(vec![Some(3), None, Some(-1)])),
            ),
            (
                "big",
                Arc::new(Int64Array::from(vec![i64::MAX, 0, i64::MIN])),
            ),
            ("s", Arc::new(StringArray::from(vec!["b", "a", "é"]))),
            ("d", Arc::new(Date32Array::from(vec![0, -1, 19_723]))),
            ("t", utc(vec![Some(1_500), Some(-1_500), None])),
            ("dec9", decimal(vec![-105, 5, 99], 9)),
            ("dec18", decimal(vec![-105, 5, 99], 18)),
            ("dec38", decimal(vec![-105, 5, 12_345_678_901_234], 38)),
            ("dec_long", decimal(vec![1, 2, 1_234_567_890_123_456], 38)),
            ("f", Arc::new(Float64Array::from(vec![1.5, 0.1, -2.5]))),
            ("f32", Arc::new(Float32Array::from(vec![0.1, 0.5, -0.5]))),
            ("b", Arc::new(BooleanArray::from(vec![true, false, true]))),
            ("none", Arc::new(Int32Array::from(vec![None, None, None]))),
        ],
        2,
    );
    assert_eq!(stats.num_records, 3);
    assert_eq!(
        serde_json::to_value(&stats.min_values).unwrap(),
        json!({
            "i": -1, "big": i64::MIN, "s": "a", "d": "1969-12-31",
            "t": "1969-12-31T23:59:59.998Z",
            "dec9": "-1.05", "dec18": "-1.05", "dec38": "-1.05", "dec_long": "0.01",
            "f": -2.5, "f32": -0.5, "b": false,
        })
    );
    assert_eq!(
        serde_json::to_value(&stats.max_values).unwrap(),
        json!({
            "i": 3, "big": i64::MAX, "s": "é", "d": "2024-01-01",
            "t": "1970-01-01T00:00:00.002Z",
            "dec9": "0.99", "dec18": "0.99", "dec38": "123456789012.34",
            "dec_long": "12345678901234.56", "f": 1.5, "f32": 0.5, "b": true,
        })
    );
    assert_eq!(
        serde_json::to_value(&stats.null_count).unwrap(),
        json!({
            "i": 1, "big": 0, "s": 0, "d": 0, "t": 1, "dec9": 0, "dec18": 0, "dec38": 0,
            "dec_long": 0, "f": 0, "f32": 0, "b": 0, "none": 3,
        })
    );
}

#[test]
fn zeros_of_both_signs_are_within_the_bounds() {
    for zero in [0.0, -0.0] {
        let stats = stats_of(vec![("f", Arc::new(Float64Array::from(vec![zero])))], 10);
        let text = serde_json::to_string(&stats).unwrap();
        assert!(
            text.contains(r#""minValues":{"f":-0.0},"maxValues":{"f":0.0}"#),
            "{text}"
        );
    }
}

/// Floats without numbers, as the footer of a column with NaN is.
fn only_nan() -> ArrayRef {
    Arc::new(Float64Array::from(vec![f64::NAN]))
}

#[test]
fn a_file_has_all_bounds_or_none() {
    let one: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let floats = |value| -> ArrayRef { Arc::new(Float64Array::from(vec![value])) };
    let unbounded: [ArrayRef; 6] = [
        only_nan(),
        floats(f64::INFINITY),
        floats(f64::NEG_INFINITY),
        Arc::new(Date32Array::from(vec![5_000_000])),
        utc(vec![Some(i64::MIN)]),
        Arc::new(StringArray::from(vec![char::MAX.to_string().repeat(40)])),
    ];
    for array in unbounded {
        let data_type = array.data_type().clone();
        let stats = stats_of(vec![("one", Arc::clone(&one)), ("x", array)], 10);
        assert!(
            stats.min_values.is_empty() && stats.max_values.is_empty(),
            "{data_type}: {stats:?}"
        );
        assert_eq!(stats.null_count["x"], json!(0), "{data_type}");
    }
    // Readers expect no bounds of these.
    let fields = Fields::from(vec![Field::new("x", DataType::Float64, true)]);
    let others: [ArrayRef; 3] = [
        Arc::new(BinaryArray::from(vec![&b"x"[..]])),
        Arc::new(Float64Array::from(vec![None::<f64>])),
        Arc::new(StructArray::new(fields, vec![only_nan()], None)),
    ];
    for array in others {
        let data_type = array.data_type().clone();
        let stats = stats_of(vec![("one", Arc::clone(&one)), ("x", array)], 10);
        assert_eq!(
            serde_json::to_value(&stats.max_values).unwrap(),
            json!({"one": 1}),
            "{data_type}"
        );
    }
}

#[test]
fn the_last_moment_of_the_year_9999_is_a_bound() {
    let last = 253_402_300_799_999_999;
    let stats = stats_of(vec![("t", utc(vec![Some(last)]))], 10);
    assert_eq!(stats.min_values["t"], json!("9999-12-31T23:59:59.999Z"));
    assert_eq!(stats.max_values["t"], json!("9999-12-31T23:59:59.999999Z"));
}

#[test]
fn long_strings_are_cut_and_stay_bounds() {
    let a = "a".repeat(40);
    let stats = stats_of(
        vec![("s", Arc::new(StringArray::from(vec![a.as_str()])))],
        10,
    );
    assert_eq!(stats.min_values["s"], json!("a".repeat(32)));
    assert_eq!(
        stats.max_values["s"],
        json!(format!("{}\u{7f}", "a".repeat(32)))
    );
    let e = "é".repeat(40);
    assert_eq!(
        upper_text(&e).unwrap(),
        format!("{}{}", "é".repeat(32), char::MAX)
    );
    assert_eq!(upper_text(&char::MAX.to_string().repeat(40)), None);
    assert_eq!(upper_text("short").unwrap(), "short");
}

#[test]
fn structs_nest_and_lists_are_skipped() {
    let inner: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let fields = Fields::from(vec![Field::new("x", DataType::Int64, true)]);
    let outer = StructArray::new(fields, vec![inner], Some(vec![true, false, true].into()));
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![
        Some(vec![Some(1)]),
        None,
        Some(vec![]),
    ]);
    let stats = stats_of(vec![("s", Arc::new(outer)), ("l", Arc::new(list))], 10);
    assert_eq!(stats.min_values["s"], json!({"x": 1}));
    assert_eq!(stats.max_values["s"], json!({"x": 3}));
    assert_eq!(stats.null_count["s"], json!({"x": 1}));
    assert!(!stats.null_count.contains_key("l"));
}

#[test]
fn only_the_first_columns_get_statistics() {
    let array: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let names: Vec<_> = (0..40).map(|i| format!("c{i}")).collect();
    let columns = names.iter().map(|name| (name.as_str(), Arc::clone(&array)));
    let stats = stats_of(columns.collect(), 10);
    assert_eq!(stats.min_values.len(), INDEXED_COLUMNS);
    assert!(stats.min_values.contains_key("c31"));
    assert!(!stats.null_count.contains_key("c32"));
}

#[test]
fn an_empty_file_has_no_bounds() {
    let array: ArrayRef = Arc::new(Int64Array::from(Vec::<i64>::new()));
    let stats = stats_of(vec![("a", array)], 10);
    assert_eq!(stats.num_records, 0);
    assert!(stats.min_values.is_empty() && stats.max_values.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Compares the bounds with every value.
    #[test]
    fn no_value_lies_outside_of_its_bounds(
        rows in proptest::collection::vec(
            (
                proptest::option::of(any::<i64>()),
                proptest::option::of("[a-zé\u{10ffff}]{0,3}|[ab]{30,70}|\\PC{0,40}"),
                proptest::option::of(-4_000_000_000_000_000_i64..4_000_000_000_000_000),
                proptest::option::of(-1e300_f64..1e300),
                proptest::option::of(-10_i128.pow(17)..10_i128.pow(17)),
            ),
            1..40,
        ),
        per_group in 1_usize..20,
    ) {
        let decimals: Decimal128Array = rows.iter().map(|r| r.4).collect();
        let decimals = decimals.with_precision_and_scale(20, 3).unwrap();
        let strings: StringArray = rows.iter().map(|r| r.1.as_deref()).collect();
        let stats = stats_of(
            vec![
                ("i", Arc::new(rows.iter().map(|r| r.0).collect::<Int64Array>())),
                ("s", Arc::new(strings)),
                ("t", utc(rows.iter().map(|r| r.2).collect())),
                ("f", Arc::new(rows.iter().map(|r| r.3).collect::<Float64Array>())),
                ("d", Arc::new(decimals)),
            ],
            per_group,
        );
        prop_assert_eq!(stats.num_records, rows.len() as u64);
        let min = |name: &str| stats.min_values.get(name);
        let max = |name: &str| stats.max_values.get(name);
        let nulls = |name: &str, n: usize| stats.null_count[name] == json!(n);
        prop_assert!(nulls("i", rows.iter().filter(|r| r.0.is_none()).count()));
        prop_assert!(nulls("s", rows.iter().filter(|r| r.1.is_none()).count()));

        let ints: Vec<_> = rows.iter().filter_map(|r| r.0).collect();
        prop_assert_eq!(min("i").and_then(Value::as_i64), ints.iter().copied().min());
        prop_assert_eq!(max("i").and_then(Value::as_i64), ints.iter().copied().max());

        for text in rows.iter().filter_map(|r| r.1.as_deref()) {
            if let Some(min) = min("s") {
                prop_assert!(min.as_str().unwrap() <= text);
                prop_assert!(min.as_str().unwrap().chars().count() <= 32);
            }
            if let Some(max) = max("s") {
                prop_assert!(max.as_str().unwrap() >= text);
                prop_assert!(max.as_str().unwrap().chars().count() <= 33);
            }
        }
        let micros = |value: &Value| {
            let time = chrono::DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap();
            time.timestamp_micros()
        };
        let times: Vec<_> = rows.iter().filter_map(|r| r.2).collect();
        if let Some(least) = times.iter().min() {
            let bound = micros(min("t").unwrap());
            prop_assert!(bound <= *least && bound > least - 1000);
            let most = times.iter().max().unwrap();
            let bound = micros(max("t").unwrap());
            prop_assert!(bound >= *most && bound < most + 1000);
        }
        let floats: Vec<_> = rows.iter().filter_map(|r| r.3).collect();
        let exact = |values: &[f64], least: bool| {
            let values = values.iter().copied();
            if least { values.reduce(f64::min) } else { values.reduce(f64::max) }
        };
        prop_assert_eq!(min("f").and_then(Value::as_f64), exact(&floats, true));
        prop_assert_eq!(max("f").and_then(Value::as_f64), exact(&floats, false));
        for (bound, least) in [(min("d"), true), (max("d"), false)] {
            let values = rows.iter().filter_map(|r| r.4);
            let exact = if least { values.min() } else { values.max() };
            let digits = bound.map(|bound| bound.as_str().unwrap().replace('.', ""));
            prop_assert_eq!(digits.map(|digits| digits.parse::<i128>().unwrap()), exact);
        }
    }
}
