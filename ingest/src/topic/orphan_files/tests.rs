use std::fs::File;
use std::time::{Duration, SystemTime};

use sluice_storage::{StoreOptions, Stores};
use uuid::Uuid;

use super::*;
use sluice_landing::{CloseReason, ENTRY_VERSION, LandedRange, StoredFile, TopicTotals};

const HOUR: u64 = 3600;

fn create_file(root: &Path, path: &str, hours: u64) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::create(path).unwrap();
    let modified = SystemTime::now() - Duration::from_secs(hours * HOUR);
    file.set_modified(modified).unwrap();
}

fn batch_of(ranges: Vec<(i64, i64, &str)>) -> LandingEntry {
    let next = ranges.iter().map(|(_, end, _)| (0, *end)).collect();
    LandingEntry {
        version: ENTRY_VERSION,
        batch_id: Uuid::nil(),
        run_id: String::new(),
        run_continues: false,
        run_entries: Vec::new(),
        topic: "t".to_owned(),
        cluster_id: None,
        topic_id: None,
        started_at: DateTime::UNIX_EPOCH,
        closed_by: CloseReason::Duration,
        ranges: ranges
            .into_iter()
            .map(|(start, end, path)| LandedRange {
                partition: 0,
                start,
                end,
                rows: 1,
                rejects: 0,
                runs: None,
                file: Some(StoredFile {
                    path: path.to_owned(),
                    bytes: 0,
                    checksum: String::new(),
                }),
                rejected: None,
                event_time: None,
                events_ahead: 0,
            })
            .collect(),
        holes: Vec::new(),
        next,
        totals: TopicTotals::default(),
        event_time_field: None,
        progress: std::collections::BTreeMap::new(),
    }
}

#[test]
fn age_alone_does_not_make_an_orphan() {
    let now = Utc::now();
    let ago = |hours| now - TimeDelta::hours(hours);
    let old = |modified, newest, depth| is_old_enough(modified, newest, now, depth);
    assert!(old(ago(25), now, ScanDepth::Recent));
    assert!(!old(ago(23), now, ScanDepth::Recent));
    // No entry was appended since the file was 18 hours old, so a pending attempt
    // may still name it.
    assert!(!old(ago(48), ago(47), ScanDepth::Recent));
    assert!(old(ago(48), ago(29), ScanDepth::Recent));
    assert!(!old(ago(24 * 9), now, ScanDepth::Recent));
    assert!(old(ago(24 * 9), now, ScanDepth::All));
}

#[tokio::test]
async fn only_what_no_entry_names_is_deleted() {
    let root = tempfile::tempdir().unwrap();
    let stores = Stores::new(StoreOptions::new());
    let location = stores
        .parse_location(root.path().to_str().unwrap())
        .unwrap();
    let place = stores.open(&location).unwrap();
    let ledger = sluice_landing::open_ledger(&place).unwrap();
    for at in 0..5 {
        let name = format!("t-0-{at}-{}-aa.json", at + 1);
        create_file(root.path(), &name, 48);
        ledger
            .append(at, batch_of(vec![(at as i64, at as i64 + 1, &name)]))
            .await
            .unwrap();
    }
    let orphans = [
        "t-0-3-4-bb.json",
        "t-0-5-9-bb.json",
        "t-0-2-7-bb.json.zst",
        "_rejects/t-0-3-4-bb.json",
        ".t#12345",
    ];
    let others = ["notes.txt", "other_00001.json", "_rejects/notes.json"];
    for name in orphans.iter().chain(&others) {
        create_file(root.path(), name, 48);
    }
    create_file(root.path(), "t-0-5-6-cc.json", 2);
    let newest = ledger.read_tail().await.unwrap().unwrap();
    let removed = delete_orphans(&place, &ledger, &newest, ScanDepth::Recent)
        .await
        .unwrap();
    assert_eq!(removed, orphans.len());
    for name in orphans {
        assert!(!root.path().join(name).exists(), "{name}");
    }
    for name in others
        .iter()
        .chain(&["t-0-4-5-aa.json", "t-0-0-1-aa.json", "t-0-5-6-cc.json"])
    {
        assert!(root.path().join(name).exists(), "{name}");
    }
}

#[tokio::test]
async fn only_joined_files_that_no_entry_names_are_deleted() {
    let root = tempfile::tempdir().unwrap();
    let stores = Stores::new(StoreOptions::new());
    let location = stores.parse_location(root.path().to_str().unwrap());
    let place = stores.open(&location.unwrap()).unwrap();
    let ledger = sluice_landing::open_ledger(&place).unwrap();
    for at in 0..9 {
        ledger.append(at, batch_of(Vec::new())).await.unwrap();
    }
    let joined = JoinedLedger::open(&place).unwrap();
    let path = |from: u64, to: u64| {
        let compression = sluice_landing::Compression::Zstd;
        JoinedEntry::new_path(from, to, Uuid::new_v4(), "rows", compression)
    };
    let orphans = [
        path(0, 2),
        path(1, 3),
        path(3, 4),
        path(4, 9),
        "_joined/.joined#7".to_owned(),
    ];
    for name in &orphans {
        create_file(root.path(), name, 48);
    }
    let newest = ledger.read_tail().await.unwrap().unwrap();
    let delete = || delete_orphans(&place, &ledger, &newest, ScanDepth::All);
    // Nothing was joined yet: an attempt may be pending.
    assert_eq!(delete().await.unwrap(), 0);
    let mut named = Vec::new();
    for (number, (from, to)) in (0..).zip([(0, 2), (2, 3), (4, 5)]) {
        let path = path(from, to);
        create_file(root.path(), &path, 48);
        let entry = JoinedEntry {
            version: sluice_landing::JOINED_VERSION,
            from,
            to,
            last_id: Uuid::nil(),
            started_at: Utc::now(),
            rows: Some(sluice_landing::JoinedFile {
                path: path.clone(),
                parts: Vec::new(),
            }),
            rejects: None,
        };
        joined.ledger().append(number, entry).await.unwrap();
        named.push(path);
    }
    create_file(root.path(), &path(5, 6), 2);
    create_file(root.path(), "_joined/_deleted.json", 48);
    assert_eq!(delete().await.unwrap(), orphans.len());
    for path in &orphans {
        assert!(!root.path().join(path).exists(), "{path}");
    }
    for path in &named {
        assert!(root.path().join(path).exists(), "{path}");
    }
    assert!(root.path().join("_joined/_deleted.json").exists());
}
