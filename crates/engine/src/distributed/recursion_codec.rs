//! The encoding of recursions: the node around one, the recursion over its two
//! terms, and the table that the second term reads.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::work_table::WorkTableExec;
use serde::{Deserialize, Serialize};

use crate::node_codec::{decode_node, encode_node};

#[derive(Serialize, Deserialize)]
struct RecursionMessage {
    name: String,
    is_distinct: bool,
}

pub(crate) fn encode_recursion(recursion: &RecursiveQueryExec) -> Result<Vec<u8>> {
    let message = RecursionMessage {
        name: recursion.name().to_owned(),
        is_distinct: recursion.is_distinct(),
    };
    // That a column is never NULL may be lost on the way, and would then be missed.
    let fields: Vec<Field> = recursion
        .schema()
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(true))
        .collect();
    encode_node(&Schema::new(fields), &message)
}

pub(crate) fn decode_recursion(
    bytes: &[u8],
    inputs: &[Arc<dyn ExecutionPlan>],
) -> Result<Arc<dyn ExecutionPlan>> {
    let (schema, message): (_, RecursionMessage) = decode_node(bytes)?;
    let [static_term, recursive_term] = inputs else {
        return internal_err!("a recursion has two terms, not {}", inputs.len());
    };
    let recursion = RecursiveQueryExec::try_new(
        message.name,
        schema,
        Arc::clone(static_term),
        Arc::clone(recursive_term),
        message.is_distinct,
    )?;
    Ok(Arc::new(recursion))
}

pub(crate) fn encode_work_table(table: &WorkTableExec) -> Result<Vec<u8>> {
    encode_node(&table.schema(), &table.name())
}

pub(crate) fn decode_work_table(bytes: &[u8]) -> Result<Arc<dyn ExecutionPlan>> {
    let (schema, name): (_, String) = decode_node(bytes)?;
    Ok(Arc::new(WorkTableExec::new(name, schema, None)?))
}
