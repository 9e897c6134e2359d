use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;

use super::{
    RequiredFields, narrow_schema, narrow_types, read_through, rebase_plan, required_fields,
};

fn fields(of: &[(&str, DataType)]) -> Fields {
    of.iter()
        .map(|(name, data_type)| Field::new(*name, data_type.clone(), true))
        .collect()
}

fn strings(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Four events: nested structs with NULLs at every level, lists of structs
/// that are NULL, empty or hold NULL.
fn events() -> RecordBatch {
    let address = StructArray::new(
        fields(&[
            ("city", DataType::Utf8),
            ("zip", DataType::Utf8),
            ("lines", DataType::Int64),
        ]),
        vec![
            strings(&[Some("Oslo"), Some("Rom"), None, Some("Bonn")]),
            strings(&[Some("1"), None, Some("3"), Some("4")]),
            Arc::new(Int64Array::from(vec![1, 2, 3, 4])),
        ],
        Some(NullBuffer::from(vec![true, true, true, false])),
    );
    let user = StructArray::new(
        fields(&[
            ("name", DataType::Utf8),
            ("age", DataType::Int64),
            ("address", address.data_type().clone()),
        ]),
        vec![
            strings(&[Some("ann"), Some("bob"), Some("cid"), Some("dan")]),
            Arc::new(Int64Array::from(vec![Some(30), None, Some(50), Some(60)])),
            Arc::new(address),
        ],
        Some(NullBuffer::from(vec![true, true, false, true])),
    );
    let item = StructArray::new(
        fields(&[
            ("pid", DataType::Utf8),
            ("pname", DataType::Utf8),
            ("qty", DataType::Int64),
            ("price", DataType::Float64),
        ]),
        vec![
            strings(&[Some("p1"), Some("p2"), Some("p3")]),
            strings(&[Some("pen"), Some("ink"), Some("cup")]),
            Arc::new(Int64Array::from(vec![1, 2, 3])),
            Arc::new(Float64Array::from(vec![1.5, 2.5, 3.5])),
        ],
        Some(NullBuffer::from(vec![true, true, true])),
    );
    let products = ListArray::new(
        Arc::new(Field::new("item", item.data_type().clone(), true)),
        OffsetBuffer::new(vec![0, 2, 2, 2, 3].into()),
        Arc::new(item),
        Some(NullBuffer::from(vec![true, true, false, true])),
    );
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", strings(&[Some("e1"), Some("e2"), Some("e2"), None])),
        ("who", Arc::new(user)),
        ("products", Arc::new(products)),
        (
            "total",
            Arc::new(Float64Array::from(vec![
                Some(1.0),
                Some(2.0),
                None,
                Some(4.0),
            ])),
        ),
        ("ts", Arc::new(Int64Array::from(vec![4, 3, 2, 1]))),
        ("unused", strings(&[None, None, None, Some("x")])),
    ];
    batch(columns)
}

fn people() -> RecordBatch {
    batch(vec![
        ("id", strings(&[Some("e1"), Some("e2"), Some("e3")])),
        ("label", strings(&[Some("one"), None, Some("three")])),
        ("note", strings(&[Some("n1"), Some("n2"), Some("n3")])),
        ("ts", Arc::new(Int64Array::from(vec![7, 8, 9]))),
    ])
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let schema = Schema::new(
        columns
            .iter()
            .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
            .collect::<Vec<_>>(),
    );
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(schema), arrays).unwrap()
}

fn tables() -> HashMap<String, RecordBatch> {
    HashMap::from([("t".to_owned(), events()), ("u".to_owned(), people())])
}

/// The array as a source returns it that reads only the fields of `to`.
fn narrow_array(array: &ArrayRef, to: &DataType) -> ArrayRef {
    match to {
        DataType::Struct(fields) => {
            let from = array.as_struct();
            let columns = fields
                .iter()
                .map(|f| narrow_array(from.column_by_name(f.name()).unwrap(), f.data_type()))
                .collect();
            Arc::new(StructArray::new(
                fields.clone(),
                columns,
                from.nulls().cloned(),
            ))
        }
        DataType::List(item) => {
            let from = array.as_list::<i32>();
            Arc::new(ListArray::new(
                Arc::clone(item),
                from.offsets().clone(),
                narrow_array(from.values(), item.data_type()),
                from.nulls().cloned(),
            ))
        }
        _ => Arc::clone(array),
    }
}

fn narrow_batch(batch: &RecordBatch, schema: &Schema) -> RecordBatch {
    let columns = schema
        .fields()
        .iter()
        .map(|field| {
            let array = batch.column_by_name(field.name()).unwrap();
            narrow_array(array, field.data_type())
        })
        .collect();
    RecordBatch::try_new(Arc::new(schema.clone()), columns).unwrap()
}

fn mem(batch: RecordBatch) -> Arc<MemTable> {
    Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap())
}

fn context(tables: HashMap<String, RecordBatch>) -> SessionContext {
    let context = SessionContext::new();
    for (name, batch) in tables {
        context.register_table(name, mem(batch)).unwrap();
    }
    context
}

async fn plan(context: &SessionContext, sql: &str) -> LogicalPlan {
    context.state().create_logical_plan(sql).await.unwrap()
}

/// The rows in any order, as text.
async fn rows(context: &SessionContext, plan: LogicalPlan) -> Vec<String> {
    let frame = context.execute_logical_plan(plan).await.unwrap();
    let text = pretty_format_batches(&frame.collect().await.unwrap()).unwrap();
    let mut lines: Vec<String> = text.to_string().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn describe(data_type: &DataType) -> String {
    match data_type {
        DataType::Struct(fields) => format!("{{{}}}", describe_all(fields)),
        DataType::List(item) => format!("[{}]", describe(item.data_type())),
        _ => String::new(),
    }
}

fn describe_all(fields: &Fields) -> String {
    let all: Vec<String> = fields
        .iter()
        .map(|field| format!("{}{}", field.name(), describe(field.data_type())))
        .collect();
    all.join(" ")
}

fn schemas(
    required: &HashMap<String, RequiredFields>,
    narrow: impl Fn(&Schema, &RequiredFields) -> Schema,
) -> HashMap<String, Schema> {
    tables()
        .into_iter()
        .filter_map(|(name, batch)| {
            let schema = narrow(batch.schema().as_ref(), required.get(&name)?);
            Some((name, schema))
        })
        .collect()
}

/// Checks both ways to use the result against the full tables, and returns what
/// planning again needs of `t`.
async fn check(sql: &str) -> String {
    let full = context(tables());
    let unoptimized = plan(&full, sql).await;
    let expected = rows(&full, unoptimized.clone()).await;

    let required = required_fields(&unoptimized);
    let narrowed = schemas(&required, narrow_schema);
    let again = context(
        tables()
            .into_iter()
            .filter_map(|(name, batch)| {
                let batch = narrow_batch(&batch, narrowed.get(&name)?);
                Some((name, batch))
            })
            .collect(),
    );
    let replanned = plan(&again, sql).await;
    assert_eq!(replanned.schema(), unoptimized.schema(), "{sql}");
    assert_eq!(
        rows(&again, replanned).await,
        expected,
        "planned again: {sql}"
    );

    for given in [
        unoptimized.clone(),
        full.state().optimize(&unoptimized).unwrap(),
    ] {
        let types = schemas(&read_through(&given, None), narrow_types);
        let rebased = rebase_plan(given.clone(), &|scan| {
            let name = scan.table_name.table();
            let batch = narrow_batch(tables().get(name)?, types.get(name)?);
            Some(provider_as_source(mem(batch)))
        })
        .unwrap();
        assert_eq!(
            rebased.schema().as_arrow(),
            given.schema().as_arrow(),
            "{sql}"
        );
        assert_eq!(rows(&full, rebased).await, expected, "rebased: {sql}");
    }
    narrowed
        .get("t")
        .map(|schema| describe_all(schema.fields()))
        .unwrap_or_default()
}

#[tokio::test]
async fn columns_and_nested_fields_that_are_read() {
    let all =
        "id who{name age address{city zip lines}} products[{pid pname qty price}] total ts unused";
    let cases = [
        ("SELECT id FROM t", "id"),
        ("SELECT * FROM t", all),
        ("SELECT id, t.who['name'] FROM t", "id who{name}"),
        (
            "SELECT t.who['address']['city'] FROM t WHERE total > 1",
            "who{address{city}} total",
        ),
        (
            "SELECT t.who FROM t",
            "who{name age address{city zip lines}}",
        ),
        // Only whether it is present: the cheapest field represents it.
        (
            "SELECT id FROM t WHERE t.who IS NOT NULL AND products IS NULL",
            "id who{age} products[{qty}]",
        ),
        ("SELECT count(*) FROM t", "total"),
        (
            "SELECT id, array_length(products) FROM t",
            "id products[{qty}]",
        ),
        ("SELECT products[1]['pid'] FROM t", "products[{pid}]"),
        (
            "SELECT id, unnest(products)['pid'] AS pid FROM t",
            "id products[{pid}]",
        ),
        (
            "SELECT id, item['pid'] AS p, item['qty'] * item['price'] AS revenue
             FROM (SELECT id, total, unnest(products) AS item FROM t)",
            "id products[{pid qty price}] total",
        ),
        (
            "SELECT id, unnest(products) FROM t",
            "id products[{pid pname qty price}]",
        ),
        // `*` in a view requires no columns, naming them does.
        ("SELECT id FROM (SELECT * FROM t) s WHERE s.ts > 1", "id ts"),
        ("SELECT id FROM (SELECT id, total FROM t) s", "id total"),
        (
            "SELECT id FROM (SELECT id, t.who['name'] AS n FROM t) s",
            "id who{name}",
        ),
        (
            "SELECT a FROM (SELECT * FROM t) AS s(a, b, c, d, e, f)",
            "id who{age} products[{qty}] total ts unused",
        ),
        (
            "SELECT a.u['age'] FROM (SELECT t.who AS u FROM t) a",
            "who{age}",
        ),
        (
            "SELECT id FROM (SELECT * FROM t ORDER BY 5 LIMIT 2) s",
            "id who{age} products[{qty}] total ts unused",
        ),
    ];
    for (sql, expected) in cases {
        assert_eq!(check(sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn joins_groups_windows_and_subqueries() {
    let cases = [
        (
            "SELECT t.id, u.label FROM t JOIN u ON t.id = u.id AND u.ts > t.ts",
            "id ts",
        ),
        (
            "SELECT u.label FROM u WHERE EXISTS (SELECT 1 FROM t WHERE t.id = u.id)",
            "id",
        ),
        (
            "SELECT u.label FROM u WHERE u.id IN (SELECT t.id FROM t WHERE t.total > 1)",
            "id total",
        ),
        (
            "SELECT u.label, (SELECT max(t.total) FROM t WHERE t.id = u.id) FROM u",
            "id total",
        ),
        (
            "SELECT t.who['name'] AS n, sum(total) FROM t GROUP BY 1",
            "who{name} total",
        ),
        (
            "SELECT id, row_number() OVER (PARTITION BY id ORDER BY t.who['age'], ts) FROM t",
            "id who{age} ts",
        ),
        (
            "SELECT id, total FROM t QUALIFY row_number() OVER (PARTITION BY id ORDER BY ts) = 1",
            "id total ts",
        ),
        ("SELECT DISTINCT t.who['name'] FROM t", "who{name}"),
        (
            "SELECT DISTINCT ON (id) id, total FROM t ORDER BY id, ts",
            "id total ts",
        ),
        (
            "SELECT id, ts FROM t UNION ALL SELECT id, ts FROM u",
            "id ts",
        ),
        (
            "WITH a AS (SELECT * FROM t) SELECT x.id, y.total FROM a x JOIN a y ON x.ts = y.ts + 1",
            "id total ts",
        ),
        ("SELECT label FROM t NATURAL JOIN u", "id ts"),
        ("SELECT label FROM t JOIN u USING (id)", "id"),
        (
            "SELECT id, CASE WHEN total > 1 THEN t.who['name'] ELSE id END FROM t",
            "id who{name} total",
        ),
        (
            "SELECT array_agg(t.who) FROM t",
            "who{name age address{city zip lines}}",
        ),
        (
            "SELECT id FROM t WHERE id IN (SELECT id FROM u INTERSECT SELECT id FROM u)",
            "id",
        ),
    ];
    for (sql, expected) in cases {
        assert_eq!(check(sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_view_is_narrowed_through_what_is_read_of_it() {
    let full = context(tables());
    let view = plan(
        &full,
        "SELECT id, t.who AS person, unnest(products) AS item FROM t",
    )
    .await;
    let mut output = RequiredFields::default();
    output.require_column("id", super::Need::All);
    output.require_column("item", super::Need::field("pid", super::Need::All));
    let required = read_through(&view, Some(&output));
    let schema = narrow_schema(events().schema().as_ref(), &required["t"]);
    assert_eq!(describe_all(schema.fields()), "id products[{pid}]");
}

#[tokio::test]
async fn answers_of_several_plans_are_merged() {
    let full = context(tables());
    let mut required = RequiredFields::default();
    for sql in [
        "SELECT t.who['name'] FROM t",
        "SELECT t.who['age'], ts FROM t",
    ] {
        required.merge(&required_fields(&plan(&full, sql).await)["t"]);
    }
    let schema = narrow_schema(events().schema().as_ref(), &required);
    assert_eq!(describe_all(schema.fields()), "who{name age} ts");
    required.merge(&RequiredFields::everything());
    let schema = narrow_schema(events().schema().as_ref(), &required);
    assert_eq!(&schema, events().schema().as_ref());
}

#[tokio::test]
async fn what_cannot_be_followed_is_read_whole() {
    let full = context(tables());
    let sql = "WITH RECURSIVE r AS (
                 SELECT ts FROM t UNION ALL SELECT ts - 1 FROM r WHERE ts > 3
               ) SELECT * FROM r";
    let required = required_fields(&plan(&full, sql).await);
    assert_eq!(required["t"].need_of("ts"), Some(super::Need::All));
    check(sql).await;
}
