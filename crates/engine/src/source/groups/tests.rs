//! Every byte is read exactly once, whatever the files and the number of tasks.

use std::sync::Arc;

use chrono::DateTime;
use object_store::path::Path;

use super::super::joined_run::{JoinedRun, with_few_parts};
use super::*;

fn file(name: usize, size: u64, splittable: bool) -> InputFile {
    InputFile {
        meta: ObjectMeta {
            location: Path::from(format!("f{name:03}.json")),
            last_modified: DateTime::UNIX_EPOCH,
            size,
            e_tag: None,
            version: None,
        },
        splittable,
        folder_values: Vec::new(),
        stored: None,
    }
}

#[test]
fn groups_tile_the_files() {
    let mut state = 7_u64;
    let mut random = |bound: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % bound
    };
    for _ in 0..300 {
        let files: Vec<InputFile> = (0..random(20) as usize)
            .map(|name| {
                let size = [0, 1, 1000, 5_000_000, 300_000_000][random(5) as usize] + random(3);
                file(name, size, random(3) > 0)
            })
            .collect();
        let target = 1 + random(9) as usize;
        let groups = group_files(&files, target);
        assert!(
            groups.len() <= target.max(1),
            "{} groups for {target}",
            groups.len()
        );
        for (ordinal, input) in files.iter().enumerate() {
            let mut pieces: Vec<(u64, u64)> = groups
                .iter()
                .flat_map(FileGroup::files)
                .filter(|piece| piece.object_meta.location == input.meta.location)
                .map(|piece| {
                    assert_eq!(
                        piece.extension::<FileOrdinal>().map(|o| o.0),
                        u32::try_from(ordinal).ok()
                    );
                    match &piece.range {
                        Some(range) => (range.start.cast_unsigned(), range.end.cast_unsigned()),
                        None => (0, input.meta.size),
                    }
                })
                .collect();
            pieces.sort_unstable();
            let mut at = 0;
            for (start, end) in &pieces {
                assert_eq!(*start, at);
                at = *end;
            }
            assert_eq!(at, input.meta.size);
            assert!(input.splittable || pieces.len() <= 1);
        }
    }
}

#[test]
fn little_data_is_not_divided() {
    assert_eq!(group_files(&[file(0, 1000, true)], 8).len(), 1);
    assert!(group_files(&[], 8).is_empty());
    assert!(group_files(&[file(0, 0, true)], 8).is_empty());
}

/// Files of two partitions whose names have another order than their bytes.
#[test]
fn the_parts_of_a_joined_file_are_read_in_the_order_of_their_bytes() {
    let joined = Arc::new(Path::from("_joined/0-6.json"));
    let part = |name: usize, offset: u64| InputFile {
        stored: Some(StoredRange {
            path: Arc::clone(&joined),
            offset,
        }),
        ..file(name, 10, true)
    };
    // The part at 20 is missing: a flow has taken it before.
    let files = [
        part(1, 0),
        part(2, 30),
        part(3, 10),
        file(4, 10, true),
        part(5, 40),
    ];
    let groups = group_files(&files, 1);
    let described: Vec<_> = groups[0]
        .iter()
        .map(|planned| {
            assert_eq!(planned.range, None);
            let run = planned.extension::<JoinedRun>();
            let parts: Vec<_> = run
                .iter()
                .flat_map(|run| run.parts_with_offsets())
                .map(|(offset, part)| (part.ordinal.0, offset))
                .collect();
            (planned.object_meta.size, parts)
        })
        .collect();
    let expected = [
        (20, vec![(0, 0), (2, 10)]),
        (20, vec![(1, 30), (4, 40)]),
        (10, vec![]),
    ];
    assert_eq!(described, expected);
}

#[test]
fn every_byte_of_joined_files_is_read_once() {
    let mut state = 11_u64;
    let mut random = |bound: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % bound
    };
    for _ in 0..200 {
        let mut ends = [0; 3];
        let files: Vec<InputFile> = (0..random(40) as usize)
            .map(|name| {
                let size = 1 + [5, 3_000_000, 9_000_000][random(3) as usize];
                let joined = random(4) as usize;
                let stored = ends.get_mut(joined).map(|end| {
                    let offset = *end + random(2) * 7;
                    *end = offset + size;
                    StoredRange {
                        path: Arc::new(Path::from(format!("_joined/{joined}"))),
                        offset,
                    }
                });
                InputFile {
                    stored,
                    ..file(name, size, random(3) > 0)
                }
            })
            .collect();
        let mut read = vec![0; files.len()];
        for planned in group_files(&files, 1 + random(6) as usize)
            .iter()
            .flat_map(FileGroup::files)
        {
            let range = planned.range.as_ref().map(|range| range.end - range.start);
            let Some(run) = planned.extension::<JoinedRun>() else {
                let ordinal = planned.extension::<FileOrdinal>().unwrap().0 as usize;
                assert_eq!(files[ordinal].stored, None);
                let whole = planned.object_meta.size;
                read[ordinal] += range.map_or(whole, i64::cast_unsigned);
                continue;
            };
            assert!(range.is_none() || run.parts.len() == 1);
            for (offset, part) in run.parts_with_offsets() {
                let input = &files[part.ordinal.0 as usize];
                let stored = input.stored.as_ref().unwrap();
                assert_eq!((&run.path, offset), (stored.path.as_ref(), stored.offset));
                assert_eq!(part.meta, input.meta);
                read[part.ordinal.0 as usize] += range.map_or(part.meta.size, i64::cast_unsigned);
            }
        }
        let sizes: Vec<u64> = files.iter().map(|file| file.meta.size).collect();
        assert_eq!(read, sizes);
    }
}

#[test]
fn few_parts_of_a_run_are_the_first_ones() {
    let joined = Arc::new(Path::from("_joined/0-6.json"));
    let files: Vec<InputFile> = (0..6)
        .map(|name| InputFile {
            stored: Some(StoredRange {
                path: Arc::clone(&joined),
                offset: 10 * name as u64,
            }),
            ..file(name, 10, true)
        })
        .collect();
    let groups = group_files(&files, 1);
    let [planned] = groups[0].files() else {
        panic!("{groups:?}")
    };
    assert_eq!(planned.object_meta.size, 60);
    let few = with_few_parts(planned, 4);
    let run = few.extension::<JoinedRun>().unwrap();
    assert_eq!((run.parts.len(), few.object_meta.size), (4, 40));
    assert_eq!(run.parts[3].meta, files[3].meta);
    assert_eq!(few.extension::<FileOrdinal>(), Some(&FileOrdinal(0)));
    let same = with_few_parts(planned, 6);
    assert_eq!(same.object_meta.size, 60);
}
