use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use proptest::prelude::*;
use sluice_ndjson::{
    Compression, DecodeError, DecodeOptions, DecodeStats, DecoderOutput, FileContext, FileDecoder,
    FileScan, Mode, NewFields, ScanFile, ScanOutput,
};

use crate::{CsvDecoder, CsvOptions, CsvSyntax};

fn syntax() -> CsvSyntax {
    CsvSyntax {
        delimiter: b',',
        quote: Some(b'"'),
        escape: Some(b'\\'),
        multi_line: true,
        trim_leading: false,
        trim_trailing: false,
    }
}

fn csv() -> CsvOptions {
    CsvOptions {
        header: false,
        syntax: syntax(),
        null_value: String::new(),
        comment: None,
    }
}

fn texts(columns: usize) -> SchemaRef {
    let field = |index| Field::new(format!("c{index}"), DataType::Utf8, true);
    Arc::new(Schema::new((0..columns).map(field).collect::<Vec<_>>()))
}

fn options(schema: &SchemaRef, mode: Mode) -> DecodeOptions {
    let mut options = DecodeOptions::new(Arc::clone(schema));
    options.mode = mode;
    options
}

/// Options for the columns `id INT, name STRING`, and one for what they do not hold.
fn rescuing_options(mode: Mode) -> DecodeOptions {
    let fields = [
        ("id", DataType::Int32),
        ("_rescued_data", DataType::Utf8),
        ("name", DataType::Utf8),
    ];
    let fields = fields.map(|(name, data_type)| Field::new(name, data_type, true));
    let declared = Schema::new(vec![fields[0].clone(), fields[2].clone()]);
    let mut options = options(&Arc::new(Schema::new(fields.to_vec())), mode);
    options.declared = Some(Arc::new(declared));
    options.new_fields = NewFields::Rescued;
    options.rescued = Some(1);
    options
}

fn decode_chunks(
    options: &DecodeOptions,
    csv: &CsvOptions,
    chunks: Vec<&[u8]>,
) -> Result<(Vec<String>, DecodeStats), DecodeError> {
    let mut decoder =
        CsvDecoder::new(options, csv.clone(), FileContext::new("file.csv", 0)).unwrap();
    let mut chunks = chunks.into_iter();
    let mut batches = Vec::new();
    loop {
        match decoder.next_batch()? {
            DecoderOutput::Batch(batch) => batches.push(batch),
            DecoderOutput::NeedInput => match chunks.next() {
                Some(chunk) => decoder.push_chunk(Bytes::copy_from_slice(chunk)),
                None => decoder.end_input(),
            },
            DecoderOutput::NeedBaseLine => decoder.set_base_line(0),
            DecoderOutput::Done => break,
        }
    }
    let batch = concat_batches(decoder.schema(), &batches).unwrap();
    Ok((rows(&batch), decoder.stats()))
}

/// Rows as text: values between `|`, null as `-`.
fn rows(batch: &RecordBatch) -> Vec<String> {
    let format = FormatOptions::default().with_null("-");
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &format).unwrap())
        .collect();
    (0..batch.num_rows())
        .map(|row| {
            let values: Vec<_> = columns.iter().map(|c| c.value(row).to_string()).collect();
            values.join("|")
        })
        .collect()
}

fn read(csv: &CsvOptions, columns: usize, text: &str) -> Vec<String> {
    let options = options(&texts(columns), Mode::FailFast);
    let (rows, _) = decode_chunks(&options, csv, vec![text.as_bytes()]).unwrap();
    rows
}

#[test]
fn records_of_every_form() {
    let cases = [
        ("a,b\nc,d", vec!["a|b", "c|d"]),
        ("a,b\r\nc,d\r\n", vec!["a|b", "c|d"]),
        ("a,b\rc,d\r", vec!["a|b", "c|d"]),
        ("\u{feff}a,b\n", vec!["a|b"]),
        ("\n \t\na,b\n\n", vec!["a|b"]),
        (",\na,\n,b\n", vec!["-|-", "a|-", "-|b"]),
        ("\"a,\"\"b\"\"\",\"\"\n", vec!["a,\"b\"|-"]),
        ("\"a\\\"b\",\"c\\\\\"\n", vec!["a\"b|c\\"]),
        ("\"C:\\dir\",C:\\dir\\\n", vec!["C:\\dir|C:\\dir\\"]),
        ("\"a\nb\",\"c\r\nd\"\ne,f", vec!["a\nb|c\r\nd", "e|f"]),
        ("\"a\" ,\"b\"  \n", vec!["a|b"]),
        ("5\" pipe,a\"b\n", vec!["5\" pipe|a\"b"]),
        (" a , b \n", vec![" a | b "]),
        ("é🙂,\u{0}\n", vec!["é🙂|\u{0}"]),
    ];
    for (text, expected) in cases {
        assert_eq!(read(&csv(), 2, text), expected, "{text:?}");
    }
}

#[test]
fn rows_have_the_numbers_of_their_first_lines() {
    let mut options = options(&texts(2), Mode::Permissive);
    let fields = [
        Field::new("c0", DataType::Utf8, true),
        Field::new("line", DataType::Int64, true),
    ];
    options.declared = Some(std::mem::replace(
        &mut options.schema,
        Arc::new(Schema::new(fields.to_vec())),
    ));
    options.line = Some(1);
    let mut with_header = csv();
    with_header.header = true;
    let text = b"x,y\n\na,1\n\"b\nb\",2\nc\nd,4";
    let (rows, _) = decode_chunks(&options, &with_header, vec![text]).unwrap();
    assert_eq!(rows, ["a|3", "b\nb|4", "c|6", "d|7"]);
    // A part of a file, whose first line is the eleventh.
    let mut part = FileContext::new("file.csv", 0);
    part.offset = 100;
    let mut decoder = CsvDecoder::new(&options, csv(), part).unwrap();
    decoder.push_chunk(Bytes::from_static(b"a,1\nb,2\n"));
    decoder.end_input();
    assert!(matches!(
        decoder.next_batch(),
        Ok(DecoderOutput::NeedBaseLine)
    ));
    decoder.set_base_line(10);
    let DecoderOutput::Batch(batch) = decoder.next_batch().unwrap() else {
        panic!("no batch");
    };
    assert_eq!(self::rows(&batch), ["a|11", "b|12"]);
}

#[test]
fn options_change_the_syntax() {
    let mut semicolon = csv();
    semicolon.syntax.delimiter = b';';
    semicolon.syntax.quote = Some(b'\'');
    semicolon.syntax.escape = None;
    semicolon.header = true;
    semicolon.null_value = "NA".to_owned();
    semicolon.comment = Some(b'#');
    let text = "# notes; of: three\n\nx;y\n'a;b';'it''s \\'\nNA;'NA'\n#c;d\n;''\n";
    assert_eq!(read(&semicolon, 2, text), ["a;b|it's \\", "-|-", "-|"]);
    let mut plain = csv();
    plain.syntax.quote = None;
    assert_eq!(read(&plain, 2, "\"a,b\"\n"), ["\"a|b\""]);
    let mut trimmed = csv();
    trimmed.syntax.trim_leading = true;
    trimmed.syntax.trim_trailing = true;
    assert_eq!(read(&trimmed, 3, " a , \" b \" ,  \n"), ["a| b |-"]);
}

fn all_types() -> SchemaRef {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        field("bool", DataType::Boolean),
        field("tiny", DataType::Int8),
        field("big", DataType::Int64),
        field("float", DataType::Float32),
        field("double", DataType::Float64),
        field("dec", DataType::Decimal128(5, 2)),
        field("day", DataType::Date32),
        field(
            "at",
            DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        ),
        field("local", DataType::Timestamp(TimeUnit::Microsecond, None)),
    ]))
}

#[test]
fn values_are_those_of_spark() {
    let good = "TRUE,-128,+9223372036854775807,1e-3,1.5d,\"1,23.455\",2024-2-29,2024-05-31 20:15:00+02:00,2024-05-31T20:15:00.5
false,127,-1,NaN,-Inf,-.5,2024,2024-05-31T18:15:00Z,2024-05-31
,,,,,,,,
";
    let options = options(&all_types(), Mode::FailFast);
    let (rows, stats) = decode_chunks(&options, &csv(), vec![good.as_bytes()]).unwrap();
    assert_eq!(
        rows,
        [
            "true|-128|9223372036854775807|0.001|1.5|123.46|2024-02-29|2024-05-31T18:15:00Z|2024-05-31T20:15:00.500",
            "false|127|-1|NaN|-inf|-0.50|2024-01-01|2024-05-31T18:15:00Z|2024-05-31T00:00:00",
            "-|-|-|-|-|-|-|-|-",
        ]
    );
    assert_eq!((stats.rows, stats.malformed, stats.lines), (3, 0, 3));
    for (column, bad) in [
        (0, "1"),
        (0, "yes"),
        (1, "128"),
        (1, "1.0"),
        (2, " 1"),
        (2, "9223372036854775808"),
        (3, "one"),
        (4, "inf"),
        (4, "1,5"),
        (5, "1234.5"),
        (5, "1.2.3"),
        (6, "31.05.2024"),
        (6, "2023-02-29"),
        (7, "20:15"),
        (8, "2024-05-31T20:15:00Z"),
    ] {
        let mut values = vec![String::new(); 9];
        values[column] = format!("\"{bad}\"");
        let text = format!("{}\n", values.join(","));
        let error = decode_chunks(&options, &csv(), vec![text.as_bytes()]).unwrap_err();
        let error = error.to_string();
        let name = all_types().field(column).name().clone();
        assert!(
            error.contains("file.csv, line 1")
                && error.contains(&format!("column {name}: expected "))
                && error.contains(&format!("found `{bad}`")),
            "{error}"
        );
    }
}

/// A source of two columns, `id INT NOT NULL` and `name STRING`.
fn people() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int32, false),
        Field::new("name", DataType::Utf8, true),
    ]))
}

const RAGGED: &str = "1,one\nx,two\n3\n4,four,more\n,five\n\"6,six\n7,\"seven\"th\n8,\"ei\nght\"\n";

#[test]
fn modes_decide_about_malformed_records() {
    let mut described = options(
        &Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int32, false),
            Field::new("_corrupt_record", DataType::Utf8, true),
            Field::new("name", DataType::Utf8, true),
        ])),
        Mode::Permissive,
    );
    described.corrupt_record = Some(1);
    described.declared = Some(people());
    let (rows, stats) = decode_chunks(&described, &csv(), vec![RAGGED.as_bytes()]).unwrap();
    assert_eq!(
        rows,
        [
            "1|-|one",
            "-|x,two|two",
            "3|3|-",
            "4|4,four,more|four",
            "-|,five|five",
            "-|\"6,six|-",
            "-|7,\"seven\"th|-",
            "8|-|ei\nght",
        ]
    );
    assert_eq!((stats.malformed, stats.dropped, stats.lines), (6, 0, 8));
    let dropping = options(&people(), Mode::DropMalformed);
    let (rows, stats) = decode_chunks(&dropping, &csv(), vec![RAGGED.as_bytes()]).unwrap();
    assert_eq!(rows, ["1|one", "8|ei\nght"]);
    assert_eq!((stats.malformed, stats.dropped), (6, 6));
    let failing = options(&people(), Mode::FailFast);
    for (text, reason) in [
        (
            "1,a\nx,b\n",
            "line 2, column 1 (byte 4): column id: expected INT, found `x`",
        ),
        (
            "1,a\n2\n",
            "line 2, column 1 (byte 4): 1 values for 2 columns",
        ),
        ("1,a,b\n", "column 5 (byte 0): 3 values for 2 columns"),
        (",a\n", "column id is null but declared NOT NULL"),
        (
            "1,\"a\n2,b\n",
            "line 1, column 3 (byte 0): the quote is not closed",
        ),
        (
            "1,\"a\" b\n",
            "line 1, column 7 (byte 0): text follows the closing quote",
        ),
        ("1,\"a\nb\"\nx,c\n", "line 3, column 1 (byte 8)"),
    ] {
        let error = decode_chunks(&failing, &csv(), vec![text.as_bytes()]).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

/// What is read must not decide which records are malformed.
#[test]
fn records_are_judged_by_all_declared_columns() {
    let schema = people();
    for columns in [vec![], vec![0], vec![1], vec![1, 0]] {
        let returned = Arc::new(schema.project(&columns).unwrap());
        let mut options = options(&returned, Mode::DropMalformed);
        options.declared = Some(Arc::clone(&schema));
        let (_, stats) = decode_chunks(&options, &csv(), vec![RAGGED.as_bytes()]).unwrap();
        assert_eq!((stats.rows, stats.dropped), (2, 6), "{columns:?}");
    }
}

#[test]
fn lines_that_are_too_long_are_malformed_and_the_rest_is_read() {
    let long = "x".repeat(5000);
    for text in [
        format!("1,a\n2,{long}\n3,c\n"),
        format!("1,a\n2,\"{long}\n3,c\n"),
        format!("1,a\n2,{}\n3,c\n", long.repeat(3)),
        format!("1,a\r2,{long}\r3,c\r"),
    ] {
        let mut options = options(&people(), Mode::DropMalformed);
        options.max_line_bytes = 2000;
        for step in [7, 1000, 100_000] {
            let chunks = text.as_bytes().chunks(step).collect();
            let (rows, stats) = decode_chunks(&options, &csv(), chunks).unwrap();
            assert_eq!(rows, ["1|a", "3|c"], "{step}");
            assert_eq!(stats.dropped, 1);
        }
    }
}

#[test]
fn what_the_columns_do_not_hold_is_rescued() {
    let text = "1,a\nx,b,\"more\"\"\",\n2,\n,c\n3\n4,\u{fffd}d\n";
    let kept = [
        "1|-|a".to_owned(),
        r#"-|{"id":"x","_c2":"more\"","_c3":null,"_file_path":"file.csv"}|b"#.to_owned(),
        "2|-|-".to_owned(),
        "-|-|c".to_owned(),
        "4|-|\u{fffd}d".to_owned(),
    ];
    for step in [1, 4, text.len()] {
        let chunks = || text.as_bytes().chunks(step).collect();
        let decode = |mode| decode_chunks(&rescuing_options(mode), &csv(), chunks());
        let (rows, stats) = decode(Mode::DropMalformed).unwrap();
        assert_eq!(rows, kept, "{step}");
        assert_eq!((stats.malformed, stats.dropped), (1, 1));
        let (rows, stats) = decode(Mode::Permissive).unwrap();
        assert_eq!((rows.len(), stats.malformed), (6, 1));
        assert!(rows.contains(&"3|-|-".to_owned()), "{rows:?}");
        let error = decode(Mode::FailFast).unwrap_err().to_string();
        assert!(error.contains("line 5"), "{error}");
        assert!(error.contains("1 values for 2 columns"), "{error}");
    }
}

#[test]
fn values_beyond_the_columns_are_refused_in_every_mode() {
    for mode in [Mode::Permissive, Mode::DropMalformed, Mode::FailFast] {
        let mut options = options(&texts(2), mode);
        options.new_fields = NewFields::Refused;
        let decode = |text: &str| decode_chunks(&options, &csv(), vec![text.as_bytes()]);
        let error = decode("a,b\nc,d,e\n").unwrap_err().to_string();
        assert!(
            error.contains("line 2") && error.contains("field _c2 is not declared"),
            "{error}"
        );
        assert_eq!(decode("a,b\n").unwrap().0, ["a|b"]);
    }
}

/// Reads ranges of a file by a scan.
fn scan_rows(csv: &CsvOptions, text: &str, cuts: &[u64]) -> Vec<String> {
    let size = text.len() as u64;
    let ends = cuts.iter().copied().chain([size]);
    let starts = [0].into_iter().chain(cuts.iter().copied());
    let mut found = Vec::new();
    for (start, end) in starts.zip(ends) {
        let file = ScanFile {
            path: "file.csv".into(),
            ordinal: 0,
            size,
            range: Some(start..end),
            compression: Compression::None,
        };
        let options = options(&texts(2), Mode::Permissive);
        let decoder = CsvDecoder::new(&options, csv.clone(), FileContext::new("f", 0)).unwrap();
        let mut scan = FileScan::with_decoder(decoder, [file]);
        loop {
            match scan.next_output().unwrap() {
                ScanOutput::Batch(batch) => found.extend(rows(&batch)),
                ScanOutput::Fetch { range, .. } => {
                    let range = range.start as usize..range.end as usize;
                    scan.supply_bytes(Bytes::copy_from_slice(&text.as_bytes()[range]));
                }
                ScanOutput::CountLines { .. } => scan.set_base_line(0),
                ScanOutput::Done => break,
            }
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cuts_into_chunks_change_nothing(
        text in "([ab,\"\\\\\r\n]|\"a\"|\"\"){0,40}",
        step in 1usize..8,
        header in any::<bool>(),
    ) {
        let mut csv = csv();
        csv.header = header;
        for options in [options(&texts(2), Mode::Permissive), rescuing_options(Mode::Permissive)] {
            let chunks = text.as_bytes().chunks(step).collect();
            let whole = decode_chunks(&options, &csv, vec![text.as_bytes()]).unwrap();
            prop_assert_eq!(whole, decode_chunks(&options, &csv, chunks).unwrap());
        }
    }

    #[test]
    fn written_values_are_read_back(
        values in prop::collection::vec(
            ("[a\"\\\\,\r\n é]{1,6}", "[a\"\\\\,\r\n é]{1,6}"), 1..6
        ),
    ) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\"\""));
        let text: String = values
            .iter()
            .map(|(a, b)| format!("{},{}\n", quoted(a), quoted(b)))
            .collect();
        let expected: Vec<_> = values.iter().map(|(a, b)| format!("{a}|{b}")).collect();
        prop_assert_eq!(read(&csv(), 2, &text), expected);
    }

    #[test]
    fn ranges_together_are_the_file(
        text in "([ab,\"]|a,b\n){0,30}",
        cuts in prop::collection::vec(0u64..60, 0..4),
        header in any::<bool>(),
    ) {
        let mut csv = csv();
        csv.header = header;
        csv.syntax.multi_line = false;
        prop_assert!(csv.syntax.line_feeds_end_records());
        let mut cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut < text.len() as u64).collect();
        cuts.sort_unstable();
        prop_assert_eq!(scan_rows(&csv, &text, &cuts), scan_rows(&csv, &text, &[]));
    }
}
