use arrow::datatypes::{IntervalUnit, UnionFields, UnionMode};
use deltalake_core::kernel::StructType;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoArrow as _;

use super::*;

fn schema(fields: Vec<(&str, DataType)>) -> Schema {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(name, data_type)| Field::new(name, data_type, false))
        .collect();
    Schema::new(fields)
}

fn problems(fields: Vec<(&str, DataType)>, partition_by: &[&str]) -> Vec<String> {
    let partition_by: Vec<_> = partition_by.iter().map(|p| (*p).to_owned()).collect();
    match check_schema(&schema(fields), &partition_by) {
        Ok(()) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

fn map(key: DataType, value: DataType) -> DataType {
    let pair = Fields::from(vec![
        Field::new("k", key, false),
        Field::new("v", value, true),
    ]);
    DataType::Map(
        Arc::new(Field::new("entries", DataType::Struct(pair), false)),
        true,
    )
}

const TIME: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);

/// Types that a query may return, and the types that the table stores.
fn accepted() -> Vec<(DataType, DataType)> {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::LargeUtf8));
    vec![
        (DataType::Boolean, DataType::Boolean),
        (DataType::Int8, DataType::Int8),
        (DataType::UInt8, DataType::Int16),
        (DataType::UInt16, DataType::Int32),
        (DataType::UInt32, DataType::Int64),
        (DataType::UInt64, DataType::Int64),
        (DataType::Float16, DataType::Float32),
        (DataType::Utf8View, DataType::Utf8),
        (DataType::FixedSizeBinary(4), DataType::Binary),
        (DataType::Date64, DataType::Date32),
        (TIME, utc.clone()),
        (
            DataType::Timestamp(TimeUnit::Second, Some("+02:00".into())),
            utc,
        ),
        (DataType::Decimal256(38, 2), DataType::Decimal128(38, 2)),
        (DataType::Decimal32(5, 2), DataType::Decimal128(5, 2)),
        (dictionary, DataType::Utf8),
        (
            list(DataType::UInt8),
            DataType::List(Arc::new(Field::new("element", DataType::Int16, true))),
        ),
    ]
}

#[test]
fn convertible_types_are_no_problem() {
    for (from, to) in accepted() {
        assert!(
            problems(vec![("c", from.clone())], &[]).is_empty(),
            "{from}"
        );
        let converted = delta_schema(&schema(vec![("c", from.clone())]));
        assert_eq!(converted.field(0).data_type(), &to, "{from}");
        assert!(converted.field(0).is_nullable());
        // Converting a second time changes nothing.
        assert_eq!(delta_schema(&converted), converted, "{from}");
    }
}

#[test]
fn the_log_and_its_readers_agree_on_the_schema() {
    let mut fields: Vec<Field> = accepted()
        .into_iter()
        .enumerate()
        .map(|(i, (from, _))| Field::new(format!("c{i}"), from, false))
        .collect();
    let nested = Fields::from(vec![
        Field::new("street", DataType::Utf8View, true),
        Field::new("tags", map(DataType::Utf8, list(TIME)), true),
    ]);
    fields.push(
        Field::new("address", list(DataType::Struct(nested)), true)
            .with_metadata([(COMMENT_KEY.to_owned(), "where".to_owned())].into()),
    );
    let converted = delta_schema(&Schema::new(fields));
    let text = schema_string(&converted).unwrap();
    let read: StructType = serde_json::from_str(&text).unwrap();
    let arrow: Schema = (&read).try_into_arrow().unwrap();
    for (ours, theirs) in converted.fields().iter().zip(arrow.fields()) {
        assert_eq!(ours.name(), theirs.name());
        assert_eq!(ours.data_type(), theirs.data_type());
        assert_eq!(ours.is_nullable(), theirs.is_nullable());
        assert_eq!(
            ours.metadata().get(COMMENT_KEY),
            theirs.metadata().get(COMMENT_KEY)
        );
    }
    assert_eq!(converted.fields().len(), arrow.fields().len());
}

#[test]
fn names_are_checked_at_every_depth() {
    let int = DataType::Int64;
    assert_eq!(
        problems(vec![("count(*)", int.clone())], &[]),
        [
            "column 'count(*)' has '(' in its name, which Delta tables do not allow; name it with \
             AS, for example AS count_*"
        ]
    );
    assert!(problems(vec![("", int.clone())], &[])[0].contains("has no name"));
    assert!(
        problems(vec![("a", int.clone()), ("A", int.clone())], &[])[0].contains("only in case")
    );
    assert!(problems(vec![("a", int.clone()), ("a", int.clone())], &[])[0].contains("twice"));
    let nested = DataType::Struct(Fields::from(vec![
        Field::new("x y", DataType::Int64, true),
        Field::new("d", DataType::Duration(TimeUnit::Second), true),
    ]));
    let found = problems(vec![("s", list(nested))], &[]);
    assert_eq!(found.len(), 2);
    assert!(
        found[0].starts_with("column 's.element.x y' has ' '"),
        "{}",
        found[0]
    );
    assert!(
        found[1].starts_with("column 's.element.d' is an interval"),
        "{}",
        found[1]
    );
}

#[test]
fn types_without_a_place_are_refused_with_a_way_out() {
    let union = DataType::Union(UnionFields::empty(), UnionMode::Sparse);
    for (data_type, part) in [
        (DataType::Null, "CAST(NULL AS STRING)"),
        (DataType::Time64(TimeUnit::Microsecond), "cast it to STRING"),
        (DataType::Interval(IntervalUnit::DayTime), "BIGINT"),
        (DataType::Decimal256(50, 2), "DECIMAL(38, s)"),
        (DataType::Decimal128(10, -2), "DECIMAL(38, s)"),
        (DataType::Struct(Fields::empty()), "leave it out"),
        (union, "STRING"),
        (map(DataType::Null, DataType::Int8), "CAST"),
    ] {
        let found = problems(vec![("c", data_type.clone())], &[]);
        assert_eq!(found.len(), 1, "{data_type}");
        assert!(found[0].contains(part), "{}", found[0]);
    }
    assert!(problems(vec![], &[])[0].contains("no columns"));
}

#[test]
fn partition_columns_are_checked() {
    let columns = || {
        vec![
            ("day", DataType::Date32),
            ("v", DataType::Int64),
            ("l", list(TIME)),
        ]
    };
    assert!(problems(columns(), &["day"]).is_empty());
    assert!(problems(columns(), &["Day"])[0].contains("write it as 'day'"));
    assert!(problems(columns(), &["month"])[0].contains("not among the query's columns"));
    assert!(problems(columns(), &["day", "day"])[0].contains("named twice"));
    assert!(problems(columns(), &["l"])[0].contains("cannot name partition folders"));
    let all = problems(
        vec![("a", DataType::Utf8), ("b", DataType::Utf8)],
        &["b", "a"],
    );
    assert!(
        all[0].contains("all columns are in PARTITIONED BY"),
        "{all:?}"
    );
}
