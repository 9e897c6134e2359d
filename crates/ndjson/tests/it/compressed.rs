//! Gzip and zstd files, complete and damaged.

use std::io::Write;

use flate2::{Compression as Level, GzBuilder};
use sluice_ndjson::{Compression, DecodeError};

use crate::scans::{run_scan, scan_file, scan_options};
use crate::support::column;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new()
        .filename("events.json")
        .comment("made by a test")
        .extra(vec![1, 2, 3])
        .write(Vec::new(), Level::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 1).unwrap()
}

fn text(rows: std::ops::Range<usize>) -> Vec<u8> {
    let lines = rows.map(|n| format!("{{\"id\": {n}, \"more\": \"something to compress\"}}\n"));
    lines.collect::<String>().into_bytes()
}

type Compress = fn(&[u8]) -> Vec<u8>;

const FORMATS: [(&str, Compress); 2] = [("f.json.gz", gzip), ("f.json.zst", zstd)];

#[test]
fn several_members_cut_anywhere() {
    for (name, compress) in FORMATS {
        // The second member begins in the middle of a line.
        let all = text(0..3000);
        let (a, b) = all.split_at(all.len() / 2 + 5);
        let data = [compress(a), compress(b), compress(b"")].concat();
        for step in [1, 17, 4096, 1 << 20] {
            let batch = run_scan(
                &scan_options(),
                vec![(scan_file(name, 0, &data, None), &data)],
                step,
            );
            let batch = batch.unwrap();
            assert_eq!(batch.num_rows(), 3000, "{name} {step}");
            assert_eq!(column(&batch, 0)[2999], "2999");
        }
    }
}

#[test]
fn more_than_a_buffer_from_few_bytes() {
    let all = text(0..200_000);
    for (name, compress) in FORMATS {
        let data = compress(&all);
        let batch = run_scan(
            &scan_options(),
            vec![(scan_file(name, 0, &data, None), &data)],
            1 << 20,
        );
        assert_eq!(batch.unwrap().num_rows(), 200_000, "{name}");
    }
}

#[test]
fn truncated_at_every_byte() {
    for (name, compress) in FORMATS {
        let data = compress(&text(0..20));
        for end in 1..data.len() {
            let cut = &data[..end];
            let error = run_scan(
                &scan_options(),
                vec![(scan_file(name, 0, cut, None), cut)],
                10,
            )
            .expect_err(&format!("{name} cut at {end}"));
            let DecodeError::Compressed { offset, reason, .. } = &error else {
                panic!("{error}");
            };
            assert_eq!(
                (*offset, reason.as_str()),
                (end as u64, "the data ends too early")
            );
        }
    }
}

#[test]
fn damaged_data_is_an_error_that_names_the_file() {
    for (name, compress) in FORMATS {
        let good = compress(&text(0..500));
        for at in [0, good.len() / 2, good.len() - 6] {
            let mut data = good.clone();
            data[at] ^= 0x55;
            let result = run_scan(
                &scan_options(),
                vec![(scan_file(name, 0, &data, None), &data)],
                100,
            );
            // zstd frames of `encode_all` have no checksum: damage inside may
            // be found late, as lines that are not JSON.
            match result {
                Err(error) => {
                    let text = error.to_string();
                    assert!(
                        text.starts_with(&format!("{name} is not a complete ")),
                        "{text}"
                    );
                }
                Ok(_) => assert!(name.ends_with("zst") && at > 0, "{name} {at}"),
            }
        }
        let mut data = good.clone();
        data.extend_from_slice(b"not compressed");
        let error = run_scan(
            &scan_options(),
            vec![(scan_file(name, 0, &data, None), &data)],
            100,
        );
        assert!(error.is_err(), "{name}");
    }
    let mut padded = gzip(&text(0..5));
    padded.extend_from_slice(&[0; 512]);
    let file = scan_file("f.gz", 0, &padded, None);
    assert_eq!(
        run_scan(&scan_options(), vec![(file, &padded)], 100)
            .unwrap()
            .num_rows(),
        5
    );
}

#[test]
fn compression_by_name() {
    assert_eq!(Compression::from_path("a/b.json.gz"), Compression::Gzip);
    assert_eq!(Compression::from_path("b.zst"), Compression::Zstd);
    assert_eq!(Compression::from_path("landing/gz"), Compression::None);
    assert_eq!(Compression::from_path("a.gz/b.json"), Compression::None);
}
