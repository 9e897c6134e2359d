//! Where lines begin and end, wherever the bytes are cut.

use arrow::datatypes::{DataType, Field};
use bytes::Bytes;
use sluice_ndjson::{
    DecodeError, DecodeOptions, Decoder, DecoderOutput, FileContext, Mode, row_position,
};

use crate::support::{column, decode, decode_chunks, list, nullable, options, schema, structure};

const TEXT: &[u8] = b"\xef\xbb\xbf{\"id\": 1, \"s\": \"a\"}\r\n\n  \r\n{\"id\": 2, \"s\": \"\\u00e9\\\\\"}\n{\"id\": oops\n{\"s\": \"a string that makes the line longer than all the others\", \"id\": 4}\n{\"id\": 5, \"l\": [1, 2]}\n\xef\xbb\xbf{}\n{\"id\": 6}";

fn everything() -> DecodeOptions {
    let corrupt = structure([
        nullable("raw", DataType::Utf8),
        nullable("file", DataType::Utf8),
        nullable("line", DataType::Int64),
        nullable("reason", DataType::Utf8),
    ]);
    let mut options = options(
        schema([
            Field::new("position", DataType::UInt64, false),
            nullable("id", DataType::Int64),
            nullable("s", DataType::Utf8),
            nullable("l", list(DataType::Int64)),
            nullable("corrupt", corrupt),
        ]),
        Mode::Permissive,
    );
    options.position = Some(0);
    options.corrupt_record = Some(4);
    options.batch_rows = 3;
    options.max_line_bytes = 60;
    options
}

#[test]
fn every_cut_gives_the_same_rows() {
    let file = || FileContext::new("f", 3);
    let (whole, stats) = decode_chunks(&everything(), file(), [TEXT.to_vec()]).unwrap();
    assert_eq!(
        column(&whole, 1),
        ["1", "2", "null", "null", "5", "null", "6"]
    );
    assert_eq!(column(&whole, 2)[1], "é\\");
    assert_eq!((stats.lines, stats.blank, stats.malformed), (9, 2, 3));
    assert_eq!(stats.bytes, TEXT.len() as u64);
    let corrupt = column(&whole, 4);
    assert!(corrupt[2].contains("line: 5"), "{corrupt:?}");
    assert!(
        corrupt[3].contains("reason: the line is longer than 60 bytes"),
        "{corrupt:?}"
    );
    assert!(corrupt[5].contains("line: 8"), "{corrupt:?}");
    for mode in [Mode::Permissive, Mode::DropMalformed] {
        let mut options = everything();
        options.mode = mode;
        let whole = decode_chunks(&options, file(), [TEXT.to_vec()]).unwrap();
        for size in 1..TEXT.len() {
            let chunks = TEXT.chunks(size).map(<[u8]>::to_vec);
            let split = decode_chunks(&options, file(), chunks).unwrap();
            assert_eq!(split, whole, "chunks of {size}");
        }
        for at in 0..TEXT.len() {
            let (head, tail) = TEXT.split_at(at);
            let split = decode_chunks(&options, file(), [head.to_vec(), tail.to_vec()]).unwrap();
            assert_eq!(split, whole, "cut at {at}");
        }
    }
}

#[test]
fn positions_are_offsets_of_line_starts() {
    let (batch, _) =
        decode_chunks(&everything(), FileContext::new("f", 3), [TEXT.to_vec()]).unwrap();
    let lines = TEXT.split_inclusive(|&b| b == b'\n');
    let mut offset = 0;
    let mut expected = Vec::new();
    for line in lines {
        if !line.trim_ascii().is_empty() {
            expected.push(row_position(3, offset).to_string());
        }
        offset += line.len() as u64;
    }
    assert_eq!(column(&batch, 0), expected);
}

#[test]
fn a_long_line_fails_fast_before_it_ends() {
    let mut options = everything();
    options.mode = Mode::FailFast;
    let mut decoder = Decoder::new(options, FileContext::new("f", 0)).unwrap();
    decoder.push_chunk(Bytes::from_static(b"{\"id\": 1}\n{\"s\": \""));
    assert!(matches!(decoder.next_batch(), Ok(DecoderOutput::NeedInput)));
    decoder.push_chunk(Bytes::from(vec![b'x'; 100]));
    let error = decoder.next_batch().unwrap_err();
    let DecodeError::Malformed {
        line: 2,
        offset: 10,
        reason,
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(reason, "the line is longer than 60 bytes");
    assert_eq!(
        decoder.next_batch().unwrap_err().to_string(),
        error.to_string()
    );
}

#[test]
fn a_line_as_long_as_the_limit_is_accepted() {
    let line = format!("{{\"s\": \"{}\"}}", "x".repeat(60 - 9));
    assert_eq!(line.len(), 60);
    let batch = decode(&everything(), &format!("{line}\n{line} \n{line}")).unwrap();
    let fits: Vec<bool> = column(&batch, 4).iter().map(|c| c == "null").collect();
    assert_eq!(fits, [true, false, true]);
}

#[test]
fn many_files_share_batches() {
    let mut options = everything();
    options.batch_rows = 100;
    let mut decoder = Decoder::new(options, FileContext::new("f0", 0)).unwrap();
    for file in 0..5 {
        if file > 0 {
            decoder.next_file(FileContext::new(format!("f{file}"), file));
        }
        decoder.push_chunk(Bytes::from_static(
            b"\xef\xbb\xbf{\"id\": 1}\n{\"id\": \"x\"}",
        ));
    }
    decoder.end_input();
    let DecoderOutput::Batch(batch) = decoder.next_batch().unwrap() else {
        panic!("no batch");
    };
    assert_eq!(batch.num_rows(), 10);
    assert!(matches!(decoder.next_batch(), Ok(DecoderOutput::Done)));
    assert_eq!(column(&batch, 0)[9], row_position(4, 13).to_string());
    assert!(column(&batch, 4)[7].contains("file: f3, line: 2"));
}

#[test]
fn line_numbers_of_a_part_are_asked_for_once() {
    let mut file = FileContext::new("f", 0);
    file.offset = 1000;
    let mut decoder = Decoder::new(everything(), file).unwrap();
    decoder.push_chunk(Bytes::from_static(
        b"{\"id\": 1}\n{\"id\": [}\n{\"id\": \"2\"}\n",
    ));
    decoder.end_input();
    assert!(matches!(
        decoder.next_batch(),
        Ok(DecoderOutput::NeedBaseLine)
    ));
    assert!(matches!(
        decoder.next_batch(),
        Ok(DecoderOutput::NeedBaseLine)
    ));
    decoder.set_base_line(41);
    let DecoderOutput::Batch(batch) = decoder.next_batch().unwrap() else {
        panic!("no batch");
    };
    assert!(column(&batch, 4)[1].contains("line: 43"));
    assert!(column(&batch, 4)[2].contains("line: 44"));
    assert_eq!(column(&batch, 0)[1], "1010");
}

#[test]
fn no_columns_at_all_count_records() {
    let options = options(schema([]), Mode::DropMalformed);
    let text = "{\"a\": {\"b\": \"}\"}}\n\n{\"a\": [}\n{}\n";
    assert_eq!(decode(&options, text).unwrap().num_rows(), 2);
    assert_eq!(decode(&options, "").unwrap().num_rows(), 0);
}

#[test]
fn batches_have_the_rows_asked_for() {
    let mut options = options(schema([nullable("id", DataType::Int64)]), Mode::FailFast);
    options.batch_rows = 7;
    let text: String = (0..100).map(|n| format!("{{\"id\": {n}}}\n")).collect();
    let mut decoder = Decoder::new(options, FileContext::new("f", 0)).unwrap();
    decoder.push_chunk(Bytes::from(text));
    decoder.end_input();
    let mut sizes = Vec::new();
    while let DecoderOutput::Batch(batch) = decoder.next_batch().unwrap() {
        sizes.push(batch.num_rows());
    }
    assert_eq!(sizes, [vec![7; 14], vec![2]].concat());
}
