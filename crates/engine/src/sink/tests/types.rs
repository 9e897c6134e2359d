//! Rows are converted to the types of the table.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListArray, StringViewArray, StructArray,
    TimestampNanosecondArray, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use super::store::{listed, memory, parquet};
use super::{batch, context, input, orders, spec, write};
use crate::sink::{SinkError, SinkSpec, plan_sink};

#[tokio::test]
async fn types_become_those_of_the_table() {
    let store = memory();
    let items = StructArray::from(vec![(
        Arc::new(Field::new("name", DataType::Utf8View, true)),
        Arc::new(StringViewArray::from(vec![Some("a"), None])) as ArrayRef,
    )]);
    let list = ListArray::new(
        Arc::new(Field::new("item", items.data_type().clone(), true)),
        OffsetBuffer::from_lengths([2, 0]),
        Arc::new(items),
        None,
    );
    let rows = batch(vec![
        ("id", Arc::new(UInt64Array::from(vec![1, 2]))),
        (
            "text",
            Arc::new(StringViewArray::from(vec![Some("x"), None])),
        ),
        (
            "time",
            Arc::new(TimestampNanosecondArray::from(vec![1_500, 2_000])),
        ),
        ("items", Arc::new(list)),
        ("small", Arc::new(Int32Array::from(vec![1, 2]))),
        ("nothing", Arc::new(arrow::array::NullArray::new(2))),
    ]);
    let element = DataType::Struct(Fields::from(vec![Field::new("name", DataType::Utf8, true)]));
    let zone = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let target: SchemaRef = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("text", DataType::Utf8, true),
        Field::new("time", zone, true),
        Field::new(
            "items",
            DataType::List(Arc::new(Field::new("element", element, true))),
            true,
        ),
        Field::new("small", DataType::Float64, true),
        Field::new("nothing", DataType::Boolean, true),
    ]));
    let schema = rows.schema();
    let files = write(
        &context(&store),
        plan_sink(input(vec![vec![rows]], &schema), spec(Arc::clone(&target))).unwrap(),
    )
    .await
    .unwrap();
    let (batches, _) = parquet(&store, &format!("lake/orders/{}", files[0].path)).await;
    let types = |schema: &Schema| {
        schema
            .fields()
            .iter()
            .map(|f| f.data_type().clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(types(&batches[0].schema()), types(&target));
    assert_eq!(
        batches[0]
            .column(2)
            .as_primitive::<arrow::datatypes::TimestampMicrosecondType>()
            .values()
            .to_vec(),
        [1, 2]
    );
}

#[test]
fn types_that_lose_something_are_refused_when_planned() {
    for (from, to) in [
        (DataType::Float64, DataType::Int64),
        (DataType::Float64, DataType::Float32),
        (DataType::Int64, DataType::Float64),
        (DataType::Utf8, DataType::Int64),
        (DataType::Int64, DataType::Utf8),
        (DataType::Decimal128(10, 4), DataType::Decimal128(10, 2)),
        (
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            DataType::Timestamp(TimeUnit::Microsecond, None),
        ),
    ] {
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("c", from.clone(), true)]));
        let target = Arc::new(Schema::new(vec![Field::new("c", to.clone(), true)]));
        let error = plan_sink(input(vec![vec![]], &schema), spec(target)).unwrap_err();
        assert!(
            error.to_string().contains("column 'c'") && error.to_string().contains("without loss"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn bad_columns_are_refused() {
    let schema = orders(0..1).schema();
    let target = |fields: Vec<Field>| spec(Arc::new(Schema::new(fields)));
    let id = || Field::new("id", DataType::Int64, true);
    let cases = [
        (target(vec![id()]), "no column 'city'"),
        (
            target(vec![id(), Field::new("town", DataType::Utf8, true)]),
            "returns no column 'town'",
        ),
        (
            SinkSpec {
                partition_by: vec!["x".to_owned()],
                ..spec(Arc::clone(&schema))
            },
            "partition column 'x'",
        ),
        (
            SinkSpec {
                partition_by: vec!["id".to_owned(), "city".to_owned()],
                ..spec(Arc::clone(&schema))
            },
            "must not be a partition column",
        ),
        (
            SinkSpec {
                table_url: "no url".to_owned(),
                ..spec(Arc::clone(&schema))
            },
            "'no url' is not a usable url",
        ),
    ];
    for (spec, expected) in cases {
        let error = plan_sink(input(vec![vec![]], &schema), spec)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn values_that_do_not_fit_name_their_column() {
    let store = memory();
    let rows = batch(vec![("id", Arc::new(UInt64Array::from(vec![1, u64::MAX])))]);
    let schema = rows.schema();
    let target = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)]));
    let plan = plan_sink(input(vec![vec![rows]], &schema), spec(target)).unwrap();
    let error = write(&context(&store), plan).await.unwrap_err().to_string();
    assert!(
        error.contains("dataset 'orders': a value of column 'id' does not fit Int64"),
        "{error}"
    );

    let rows = batch(vec![(
        "flag",
        Arc::new(BooleanArray::from(vec![Some(true), None])),
    )]);
    let schema = rows.schema();
    let target = Arc::new(Schema::new(vec![Field::new(
        "flag",
        DataType::Boolean,
        false,
    )]));
    let plan = plan_sink(
        input(vec![vec![rows.slice(0, 1)], vec![rows]], &schema),
        spec(target),
    )
    .unwrap();
    let error = write(&context(&store), plan).await.unwrap_err().to_string();
    assert!(
        error.contains(
            "dataset 'orders': column 'flag' is declared NOT NULL but 1 of 2 rows hold null"
        ),
        "{error}"
    );
    assert!(error.contains(SinkError::NOT_NULL));
    // The failed task deletes its files; the driver deletes those of the other
    // task.
    assert!(listed(&store).await.len() <= 1);
}
