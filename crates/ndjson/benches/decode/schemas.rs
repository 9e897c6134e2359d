//! Schemas of the events: all fields, and parts of them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

fn field(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn strings(names: &[&str]) -> Vec<Field> {
    names.iter().map(|n| field(n, DataType::Utf8)).collect()
}

fn timestamp() -> Field {
    let zone = Some(Arc::from("+00:00"));
    field(
        "timestamp",
        DataType::Timestamp(TimeUnit::Microsecond, zone),
    )
}

fn doubles(names: &[&str]) -> Vec<Field> {
    names.iter().map(|n| field(n, DataType::Float64)).collect()
}

fn products(fields: Vec<Field>) -> Field {
    let item = field("item", DataType::Struct(Fields::from(fields)));
    field("products", DataType::List(Arc::new(item)))
}

fn schema(parts: Vec<Vec<Field>>) -> SchemaRef {
    Arc::new(Schema::new(parts.concat()))
}

fn line_item() -> Vec<Field> {
    let mut fields = strings(&["product_id", "product_name", "category"]);
    fields.push(field("quantity", DataType::Int64));
    fields.push(field("unit_price", DataType::Float64));
    fields
}

pub(crate) fn transactions() -> SchemaRef {
    let address = Fields::from(strings(&["street", "city", "state", "zip_code", "country"]));
    schema(vec![
        strings(&["transaction_id", "user_id", "transaction_type"]),
        vec![timestamp()],
        strings(&["status", "payment_method", "currency"]),
        vec![products(line_item())],
        doubles(&["subtotal", "tax", "total"]),
        vec![field("billing_address", DataType::Struct(address.clone()))],
        vec![field("shipping_address", DataType::Struct(address))],
        strings(&["original_transaction_id"]),
    ])
}

/// 6 of 24 leaf fields, one of them in the line items.
pub(crate) fn transactions_quarter() -> SchemaRef {
    schema(vec![
        strings(&["transaction_id", "user_id", "transaction_type"]),
        vec![timestamp()],
        vec![products(strings(&["product_id"]))],
        doubles(&["total"]),
    ])
}

/// The fields that the six tables of the example job need.
pub(crate) fn transactions_job() -> SchemaRef {
    let billing = Fields::from(strings(&["city", "state", "country"]));
    let shipping = Fields::from(strings(&["city", "state", "country"]));
    let item = line_item();
    schema(vec![
        strings(&["transaction_id", "user_id", "transaction_type"]),
        vec![timestamp()],
        strings(&["status", "payment_method", "currency"]),
        vec![products(item)],
        doubles(&["total"]),
        vec![field("billing_address", DataType::Struct(billing))],
        vec![field("shipping_address", DataType::Struct(shipping))],
    ])
}

pub(crate) fn users() -> SchemaRef {
    schema(vec![
        strings(&["event_id", "user_id", "session_id", "event_type"]),
        vec![timestamp()],
        strings(&["page", "device", "browser", "ip_address", "country", "city"]),
        strings(&["search_query", "element_id", "product_id"]),
        vec![field("quantity", DataType::Int64)],
    ])
}

/// 4 of 15 fields.
pub(crate) fn users_quarter() -> SchemaRef {
    schema(vec![
        strings(&["event_id", "user_id", "event_type"]),
        vec![timestamp()],
    ])
}

/// The fields that the example job needs.
pub(crate) fn users_job() -> SchemaRef {
    schema(vec![
        strings(&["event_id", "user_id", "session_id", "event_type"]),
        vec![timestamp()],
        strings(&["page", "country", "city", "product_id"]),
    ])
}

/// No field at all: records are only counted.
pub(crate) fn nothing() -> SchemaRef {
    Arc::new(Schema::empty())
}
