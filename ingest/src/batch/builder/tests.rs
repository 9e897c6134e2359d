use proptest::prelude::*;
use sluice_storage::{StoreOptions, Stores};

use super::*;
use crate::batch::continuity::advance_offsets;
use crate::batch::envelope::tests::FakeMetadata;
use crate::batch::landing_file::TopicFolder;

/// Builds a batch of records `(partition, offset, value)` in a folder.
fn build_ranges(
    folder: &std::path::Path,
    options: LineOptions,
    start: &BTreeMap<i32, i64>,
    records: &[(i32, i64, &[u8])],
    reached: &[(i32, i64)],
) -> Vec<LandedRange> {
    let stores = Stores::new(StoreOptions::new());
    let location = stores.parse_location(folder.to_str().unwrap()).unwrap();
    let store_path = stores.open(&location).unwrap();
    let target = TopicFolder::Local {
        folder: folder.to_path_buf(),
        store_path,
    };
    let writer = BatchWriter::start_thread(target, "t".to_owned(), options.compression);
    let mut gather = BatchBuilder::new("t", Uuid::from_u128(7 << 100), options, start, writer);
    let meta = FakeMetadata::default();
    for (partition, offset, value) in records {
        let record = Record {
            partition: *partition,
            offset: *offset,
            value: Some(value),
            metadata: &meta,
        };
        gather.add_record(&record).unwrap();
    }
    for (partition, offset) in reached {
        gather.advance_to(*partition, *offset);
    }
    gather.finish_batch().unwrap()
}

#[test]
fn records_become_lines_rejects_and_ranges() {
    let root = tempfile::tempdir().unwrap();
    let start = [(0, 10), (1, 0), (2, 5)].into();
    let ranges = build_ranges(
        root.path(),
        LineOptions::default(),
        &start,
        &[
            (0, 10, b"{\"timestamp\":\"2026-01-07T12:00:00Z\"}"),
            (0, 11, b"broken"),
            (0, 13, b"{\"timestamp\":\"2026-01-07T10:00:00Z\"}"),
            // Offsets before the range's end are repeated deliveries; partition 3 is
            // not read.
            (0, 9, b"{}"),
            (0, 13, b"{}"),
            (3, 0, b"{}"),
        ],
        &[(0, 15), (1, 4)],
    );
    let [first, second] = &ranges[..] else {
        panic!("{ranges:?}")
    };
    assert_eq!(
        (first.start, first.end, first.rows, first.rejects),
        (10, 15, 2, 1)
    );
    assert_eq!(first.line_offsets().offsets().collect::<Vec<_>>(), [10, 13]);
    let times = first.event_time.unwrap();
    assert_eq!((times.max - times.min).num_hours(), 2);
    let file = first.file.as_ref().unwrap();
    assert_eq!(LandingFileName::parse(&file.path).unwrap().end, 15);
    let text = std::fs::read_to_string(root.path().join(&file.path)).unwrap();
    assert_eq!(text.lines().count(), 2);
    let rejected = first.rejected.as_ref().unwrap();
    let text = std::fs::read_to_string(root.path().join(&rejected.path)).unwrap();
    assert!(
        text.contains("\"offset\":11,\"reason\":\"not_an_object\""),
        "{text}"
    );
    // Offsets without records advance without a file.
    assert_eq!((second.partition, second.start, second.end), (1, 0, 4));
    assert!(second.file.is_none() && second.runs.is_none());
    assert_eq!(
        advance_offsets(&start, &[], &ranges).unwrap(),
        [(0, 15), (1, 4), (2, 5)].into()
    );
}

/// A line of `bytes` bytes, without its end.
fn long_line(bytes: usize) -> String {
    format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8))
}

#[test]
fn no_more_files_are_open_than_may_be() {
    let root = tempfile::tempdir().unwrap();
    let partitions = 12;
    let start: BTreeMap<i32, i64> = (0..partitions).map(|partition| (partition, 0)).collect();
    let options = LineOptions {
        max_open_files: 3,
        ..LineOptions::default()
    };
    // Every record is written at once, and so is every reject.
    let line = long_line(BUFFER_BYTES);
    let reject = "x".repeat(BUFFER_BYTES);
    let mut records = Vec::new();
    for offset in 0..4 {
        for partition in 0..partitions {
            let value = if offset == 2 { &reject } else { &line };
            records.push((partition, offset, value.as_bytes()));
        }
    }
    let stores = Stores::new(StoreOptions::new());
    let location = stores
        .parse_location(root.path().to_str().unwrap())
        .unwrap();
    let target = TopicFolder::Local {
        folder: root.path().to_path_buf(),
        store_path: stores.open(&location).unwrap(),
    };
    let writer = BatchWriter::start_thread(target, "t".to_owned(), options.compression);
    let mut builder = BatchBuilder::new("t", Uuid::from_u128(7 << 100), options, &start, writer);
    let meta = FakeMetadata::default();
    for (partition, offset, value) in records {
        let record = Record {
            partition,
            offset,
            value: Some(value),
            metadata: &meta,
        };
        builder.add_record(&record).unwrap();
        let open = builder
            .open_ranges
            .iter()
            .flatten()
            .flat_map(|range| [range.lines.is_open, range.rejected.is_open]);
        assert!(open.filter(|is_open| *is_open).count() <= 3);
    }
    let ranges = builder.finish_batch().unwrap();
    let next: BTreeMap<i32, i64> = start.keys().map(|partition| (*partition, 4)).collect();
    assert_eq!(advance_offsets(&start, &[], &ranges).unwrap(), next);
    assert!(ranges.len() > start.len(), "some were finished early");
    let rows: u64 = ranges.iter().map(|range| range.rows).sum();
    let rejects: u64 = ranges.iter().map(|range| range.rejects).sum();
    assert_eq!((rows, rejects), (36, 12));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// However files are rolled and compressed, every record is one line or one
    /// reject, ranges are continuous, and lines have the offsets that the entry
    /// records.
    #[test]
    fn every_record_is_found_where_the_entry_says(
        gaps in prop::collection::vec((0..2i32, 1..4i64, any::<bool>()), 0..80),
        roll_bytes in 1..400u64,
        compression in prop::sample::select(vec![Compression::None, Compression::Zstd, Compression::Gzip]),
    ) {
        let root = tempfile::tempdir().unwrap();
        let start: BTreeMap<i32, i64> = [(0, 3), (1, 0)].into();
        let mut next = start.clone();
        let mut records = Vec::new();
        for (partition, gap, good) in gaps {
            let offset = next[&partition] + gap - 1;
            next.insert(partition, offset + 1);
            let value = if good { format!("{{\"o\":{offset}}}") } else { format!("[{offset}]") };
            records.push((partition, offset, value, good));
        }
        let borrowed: Vec<_> = records.iter().map(|(p, o, v, _)| (*p, *o, v.as_bytes())).collect();
        let options = LineOptions { compression, roll_bytes, ..LineOptions::default() };
        let ranges = build_ranges(root.path(), options, &start, &borrowed, &[]);
        prop_assert_eq!(advance_offsets(&start, &[], &ranges).unwrap(), next);
        let mut lines = Vec::new();
        let mut rejects = 0;
        for range in &ranges {
            rejects += range.rejects;
            let Some(file) = &range.file else { continue };
            let stored = std::fs::File::open(root.path().join(&file.path)).unwrap();
            let text = std::io::read_to_string(compression.open_reader(stored).unwrap()).unwrap();
            let offsets = range.line_offsets();
            prop_assert_eq!(text.lines().count() as u64, range.rows);
            for (line, offset) in text.lines().zip(offsets.offsets()) {
                lines.push((range.partition, offset, line.to_owned()));
            }
        }
        let mut expected: Vec<_> = records.iter().filter(|(.., good)| *good)
            .map(|(p, o, v, _)| (*p, *o, v.clone())).collect();
        expected.sort();
        lines.sort();
        prop_assert_eq!(lines, expected);
        prop_assert_eq!(rejects, records.iter().filter(|(.., good)| !good).count() as u64);
    }
}
