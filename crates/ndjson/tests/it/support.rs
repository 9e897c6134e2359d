//! Helpers that decode whole inputs and build schemas.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use sluice_ndjson::{
    DecodeError, DecodeOptions, DecodeStats, Decoder, DecoderOutput, FileContext, Mode,
    output_schema,
};

pub(crate) fn nullable(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

pub(crate) fn schema(fields: impl IntoIterator<Item = Field>) -> SchemaRef {
    Arc::new(Schema::new(fields.into_iter().collect::<Vec<_>>()))
}

pub(crate) fn structure(fields: impl IntoIterator<Item = Field>) -> DataType {
    DataType::Struct(fields.into_iter().collect::<Fields>())
}

pub(crate) fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(nullable("item", element)))
}

pub(crate) fn map(value: DataType) -> DataType {
    let key = Field::new("key", DataType::Utf8, false);
    let pair = structure([key, nullable("value", value)]);
    DataType::Map(Arc::new(Field::new("entries", pair, false)), false)
}

/// A timestamp with UTC as an offset: names of zones need a feature of arrow
/// that is off here.
pub(crate) fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()))
}

pub(crate) fn options(schema: SchemaRef, mode: Mode) -> DecodeOptions {
    let mut options = DecodeOptions::new(schema);
    options.mode = mode;
    options
}

/// Decodes chunks into one batch of all rows.
pub(crate) fn decode_chunks(
    options: &DecodeOptions,
    file: FileContext,
    chunks: impl IntoIterator<Item = Vec<u8>>,
) -> Result<(RecordBatch, DecodeStats), DecodeError> {
    let schema = output_schema(&options.schema, options.mode);
    let mut decoder = Decoder::new(options.clone(), file).unwrap();
    let mut chunks = chunks.into_iter();
    let mut batches = Vec::new();
    let mut done = false;
    loop {
        match decoder.next_batch()? {
            DecoderOutput::Batch(batch) => {
                assert!(batch.num_rows() > 0 && batch.num_rows() <= options.batch_rows);
                batches.push(batch);
            }
            DecoderOutput::NeedInput => match chunks.next() {
                Some(chunk) => decoder.push_chunk(Bytes::from(chunk)),
                None => {
                    assert!(
                        !std::mem::replace(&mut done, true),
                        "asked again after the end"
                    );
                    decoder.end_input();
                }
            },
            DecoderOutput::NeedBaseLine => decoder.set_base_line(100),
            DecoderOutput::Done => break,
        }
    }
    let stats = decoder.stats();
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows as u64, stats.rows);
    Ok((concat_batches(&schema, &batches).unwrap(), stats))
}

pub(crate) fn decode(options: &DecodeOptions, text: &str) -> Result<RecordBatch, DecodeError> {
    let chunks = [text.as_bytes().to_vec()];
    Ok(decode_chunks(options, FileContext::new("file.json", 0), chunks)?.0)
}

/// The values of a column as text, null as `null`.
pub(crate) fn column(batch: &RecordBatch, index: usize) -> Vec<String> {
    let format = FormatOptions::default().with_null("null");
    let formatter = ArrayFormatter::try_new(batch.column(index), &format).unwrap();
    (0..batch.num_rows())
        .map(|row| formatter.value(row).to_string())
        .collect()
}
