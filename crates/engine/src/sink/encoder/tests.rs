use arrow::array::{Float32Array, Float64Array, Int64Array, ListArray, StringArray, StructArray};
use arrow::datatypes::{Field, Fields};
use bytes::Bytes;
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy, ParquetMetaDataReader};

use super::*;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap()
}

fn properties(group_rows: usize, group_bytes: usize) -> WriterProperties {
    WriterProperties::builder()
        .set_max_row_group_row_count(Some(group_rows))
        .set_max_row_group_bytes(Some(group_bytes))
        .set_coerce_types(true)
        .build()
}

/// The file that the encoder makes of batches, and its metadata with the page
/// index.
fn encode(batches: &[RecordBatch], properties: WriterProperties) -> (Vec<u8>, ParquetMetaData) {
    let mut encoder = FileEncoder::try_new(batches[0].schema(), properties, &[]).unwrap();
    let mut bytes = Vec::new();
    for batch in batches {
        encoder.write(batch).unwrap();
        bytes.extend(encoder.take_bytes().unwrap());
    }
    encoder.finish().unwrap();
    bytes.extend(encoder.take_bytes().unwrap());
    assert_eq!(bytes.len(), encoder.bytes_written());
    let metadata = read_metadata(&bytes);
    (bytes, metadata)
}

fn read_metadata(bytes: &[u8]) -> ParquetMetaData {
    ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Optional)
        .parse_and_finish(&Bytes::copy_from_slice(bytes))
        .unwrap()
}

/// The file that `parquet`'s own writer makes.
fn write_with_parquet(batches: &[RecordBatch], properties: WriterProperties) -> Vec<u8> {
    let options = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_skip_arrow_metadata(true);
    let mut writer =
        ArrowWriter::try_new_with_options(Vec::new(), batches[0].schema(), options).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.into_inner().unwrap()
}

/// Whether a column chunk has a minimum and a maximum.
fn has_bounds(column: &ColumnChunkMetaData) -> bool {
    let statistics = column.statistics().unwrap();
    assert_eq!(
        statistics.min_bytes_opt().is_some(),
        statistics.max_bytes_opt().is_some()
    );
    statistics.min_bytes_opt().is_some()
}

#[test]
fn columns_with_nan_have_no_bounds_but_a_null_count() {
    let nan = || Float64Array::from(vec![Some(1.0), Some(f64::NAN), None]);
    let fields = |name: &str| Fields::from(vec![Field::new(name, DataType::Float64, true)]);
    let list = ListArray::new(
        Arc::new(Field::new("element", DataType::Float64, true)),
        arrow::buffer::OffsetBuffer::from_lengths([1, 1, 1]),
        Arc::new(nan()),
        None,
    );
    let rows = batch(vec![
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("clean", Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]))),
        ("f64", Arc::new(nan())),
        (
            "f32",
            Arc::new(Float32Array::from(vec![f32::NAN, 1.0, 2.0])),
        ),
        (
            "in_struct",
            Arc::new(StructArray::new(fields("x"), vec![Arc::new(nan())], None)),
        ),
        ("in_list", Arc::new(list)),
    ]);
    let clean = batch(
        rows.schema()
            .fields()
            .iter()
            .zip(rows.columns())
            .map(|(field, column)| (field.name().as_str(), column.slice(0, 1)))
            .filter(|(name, _)| *name != "f32")
            .chain([("f32", Arc::new(Float32Array::from(vec![1.0])) as ArrayRef)])
            .collect(),
    );
    let clean = clean.project(&[0, 1, 2, 5, 3, 4]).unwrap();
    // One row group with NaN, and one without.
    let (_, metadata) = encode(&[rows.clone(), clean], properties(3, usize::MAX));
    let group = metadata.row_group(0);
    let bounded: Vec<bool> = group.columns().iter().map(has_bounds).collect();
    assert_eq!(bounded, [true, true, false, false, false, false]);
    let nulls = group.column(2).statistics().unwrap().null_count_opt();
    assert_eq!(nulls, Some(1));
    assert!(metadata.row_group(1).columns().iter().all(has_bounds));
    let index = metadata.column_index().unwrap();
    use parquet::file::page_index::column_index::ColumnIndexMetaData;
    let indexed =
        |group: usize, column: usize| !matches!(index[group][column], ColumnIndexMetaData::NONE);
    assert!(indexed(0, 1) && !indexed(0, 2) && indexed(1, 2));

    // When this fails, `parquet` does the same, and this module can go
    // (arrow-rs #264).
    let theirs = read_metadata(&write_with_parquet(&[rows], properties(3, usize::MAX)));
    assert!(theirs.row_group(0).columns().iter().all(has_bounds));
}

/// Without NaN, files are byte for byte those of `parquet`'s own writer.
#[test]
fn row_groups_are_those_of_parquet() {
    let rows = |ids: std::ops::Range<i64>| {
        batch(vec![
            (
                "id",
                Arc::new(Int64Array::from_iter_values(ids.clone())) as ArrayRef,
            ),
            (
                "text",
                Arc::new(StringArray::from_iter_values(
                    ids.map(|id| format!("text {id}")),
                )),
            ),
        ])
    };
    let batches = [rows(0..10), rows(10..300), rows(300..301), rows(301..1_000)];
    // Not more row groups: `parquet`'s writer recurses for each.
    for (group_rows, group_bytes) in [
        (usize::MAX, usize::MAX),
        (10, usize::MAX),
        (99, usize::MAX),
        (usize::MAX, 300),
        (usize::MAX, 5_000),
        (70, 2_000),
    ] {
        let limits = || properties(group_rows, group_bytes);
        let (ours, metadata) = encode(&batches, limits());
        let theirs = write_with_parquet(&batches, limits());
        assert!(
            ours == theirs,
            "{group_rows} rows, {group_bytes} bytes: {} groups and {}",
            metadata.num_row_groups(),
            read_metadata(&theirs).num_row_groups()
        );
    }
}
