//! Scans of byte ranges of files, as an engine does them.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field};
use bytes::Bytes;
use sluice_ndjson::{
    Compression, DecodeError, DecodeOptions, FileScan, Mode, ScanFile, ScanOutput, output_schema,
};

use crate::support::{column, nullable, options, schema, structure};

pub(crate) fn scan_file(
    name: &str,
    ordinal: u32,
    data: &[u8],
    range: Option<Range<u64>>,
) -> ScanFile {
    ScanFile {
        path: Arc::from(name),
        ordinal,
        size: data.len() as u64,
        range,
        compression: Compression::from_path(name),
    }
}

pub(crate) fn scan_options() -> DecodeOptions {
    let corrupt = structure([
        nullable("raw", DataType::Utf8),
        nullable("file", DataType::Utf8),
        nullable("line", DataType::Int64),
        nullable("reason", DataType::Utf8),
    ]);
    let mut options = options(
        schema([
            nullable("id", DataType::Int64),
            nullable("corrupt", corrupt),
            Field::new("position", DataType::Int64, false),
        ]),
        Mode::Permissive,
    );
    options.corrupt_record = Some(1);
    options.position = Some(2);
    options
}

/// Runs a scan over files in memory, `step` bytes at a time.
pub(crate) fn run_scan(
    options: &DecodeOptions,
    files: Vec<(ScanFile, &[u8])>,
    step: usize,
) -> Result<RecordBatch, DecodeError> {
    let data: Vec<&[u8]> = files.iter().map(|(_, data)| *data).collect();
    let mut scan = FileScan::new(options.clone(), files.into_iter().map(|(f, _)| f)).unwrap();
    let mut batches = Vec::new();
    loop {
        match scan.next_output()? {
            ScanOutput::Batch(batch) => batches.push(batch),
            ScanOutput::Fetch { file, range } => {
                let rest = data[file].get(range.start as usize..).unwrap_or_default();
                let length = rest.len().min(step).min((range.end - range.start) as usize);
                scan.supply_bytes(Bytes::copy_from_slice(&rest[..length]));
            }
            ScanOutput::CountLines { file, range } => {
                let before = &data[file][range.start as usize..range.end as usize];
                let feeds = before.iter().filter(|&&b| b == b'\n').count();
                scan.set_base_line(feeds as u64);
            }
            ScanOutput::Done => break,
        }
    }
    let schema = output_schema(&options.schema, options.mode);
    Ok(concat_batches(&schema, &batches).unwrap())
}

const DATA: &[u8] = b"{\"id\": 1}\n\r\n{\"id\": bad}\r\n{\"id\": 3}\n\n{\"id\": \"4\"}";

#[test]
fn every_two_cuts_give_the_rows_of_the_whole_file() {
    let options = scan_options();
    let whole = run_scan(
        &options,
        vec![(scan_file("f", 1, DATA, None), DATA)],
        1 << 20,
    )
    .unwrap();
    assert_eq!(column(&whole, 0), ["1", "null", "3", "null"]);
    assert!(column(&whole, 1)[3].contains("line: 6"));
    let size = DATA.len() as u64;
    for a in 0..=size {
        for b in a..=size {
            let ranges = [0..a, a..b, b..size];
            for step in [1, 7, 1 << 20] {
                let parts: Vec<RecordBatch> = ranges
                    .iter()
                    .map(|range| {
                        let file = scan_file("f", 1, DATA, Some(range.clone()));
                        run_scan(&options, vec![(file, DATA)], step).unwrap()
                    })
                    .collect();
                let joined = concat_batches(&whole.schema(), &parts).unwrap();
                assert_eq!(joined, whole, "cut at {a} and {b}, {step} at a time");
            }
            // The same three ranges as files of one scan.
            let files = ranges.map(|range| (scan_file("f", 1, DATA, Some(range)), DATA));
            assert_eq!(
                run_scan(&options, files.into(), 5).unwrap(),
                whole,
                "{a} {b}"
            );
        }
    }
}

#[test]
fn rows_have_the_numbers_of_their_lines_wherever_a_file_is_cut() {
    let fields = [
        nullable("id", DataType::Int64),
        nullable("line", DataType::Int64),
    ];
    for mode in [Mode::Permissive, Mode::DropMalformed] {
        let mut options = options(schema(fields.clone()), mode);
        options.line = Some(1);
        let expected: &[&str] = match mode {
            Mode::Permissive => &["1", "3", "4", "6"],
            _ => &["1", "4"],
        };
        let size = DATA.len() as u64;
        for cut in 0..=size {
            for step in [1, 7, 1 << 20] {
                let files = [0..cut, cut..size];
                let files = files.map(|range| (scan_file("f", 1, DATA, Some(range)), DATA));
                let rows = run_scan(&options, files.into(), step).unwrap();
                assert_eq!(column(&rows, 1), expected, "cut at {cut}, {step} at a time");
            }
        }
    }
    let mut wrong = options(schema(fields), Mode::Permissive);
    wrong.schema = schema([nullable("line", DataType::Utf8)]);
    wrong.line = Some(0);
    assert!(FileScan::new(wrong, []).is_err());
}

#[test]
fn a_file_that_shrank_is_an_error() {
    let mut file = scan_file("gone.json", 0, DATA, None);
    file.size += 10;
    let error = run_scan(&scan_options(), vec![(file, DATA)], 1 << 20).unwrap_err();
    assert!(matches!(error, DecodeError::Shortened { offset, .. } if offset == DATA.len() as u64));
    assert!(
        error.to_string().contains("gone.json ends at byte"),
        "{error}"
    );
}

#[test]
fn empty_files_and_no_files() {
    let empty: &[u8] = b"";
    let options = scan_options();
    assert_eq!(run_scan(&options, vec![], 10).unwrap().num_rows(), 0);
    let files = vec![
        (scan_file("a", 0, empty, None), empty),
        (scan_file("b", 1, DATA, None), DATA),
        (scan_file("c.gz", 2, empty, None), empty),
        (scan_file("d", 3, DATA, Some(500..900)), DATA),
    ];
    assert_eq!(run_scan(&options, files, 10).unwrap().num_rows(), 4);
}

/// The loop of a blocking reader: it needs no buffer in addition to the chunk.
#[test]
fn a_file_on_disk() {
    let folder = std::env::temp_dir().join(format!("sluice-ndjson-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("events.json");
    let text: String = (0..10_000).map(|n| format!("{{\"id\": {n}}}\n")).collect();
    std::fs::write(&path, &text).unwrap();

    let mut input = std::fs::File::open(&path).unwrap();
    let half = text.len() as u64 / 2;
    let mut rows = 0;
    for range in [0..half, half..text.len() as u64] {
        let file = scan_file("events.json", 0, text.as_bytes(), Some(range));
        let mut scan = FileScan::new(scan_options(), [file]).unwrap();
        loop {
            match scan.next_output().unwrap() {
                ScanOutput::Batch(batch) => rows += batch.num_rows(),
                ScanOutput::Fetch { range, .. } => {
                    input.seek(SeekFrom::Start(range.start)).unwrap();
                    let mut chunk = Vec::with_capacity(16 << 10);
                    let most = (range.end - range.start).min(16 << 10);
                    input.by_ref().take(most).read_to_end(&mut chunk).unwrap();
                    scan.supply_bytes(Bytes::from(chunk));
                }
                ScanOutput::CountLines { .. } => panic!("no line is bad"),
                ScanOutput::Done => break,
            }
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(rows, 10_000);
}

#[test]
fn utf16_is_refused_by_name() {
    for mark in [b"\xff\xfe{\0", b"\xfe\xff\0{"] {
        let files = vec![(scan_file("a.json", 0, mark, None), &mark[..])];
        let error = run_scan(&scan_options(), files, 100).unwrap_err();
        assert!(matches!(error, DecodeError::Utf16 { file } if &*file == "a.json"));
    }
}
