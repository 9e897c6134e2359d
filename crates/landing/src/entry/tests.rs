use chrono::TimeZone as _;
use proptest::prelude::*;

use super::*;

pub(crate) fn time(seconds: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(seconds, 0).unwrap()
}

fn range() -> impl Strategy<Value = LandedRange> {
    (
        0..9i32,
        0..1000i64,
        prop::collection::btree_set(0..50i64, 0..20),
        0..4u64,
        prop::option::of((0..2_000_000_000i64, 0..1000i64)),
    )
        .prop_map(|(partition, start, gaps, rejects, times)| {
            let mut runs = OffsetSpans::default();
            gaps.iter().for_each(|gap| runs.push_offset(start + gap));
            let end = start + 60;
            let file = |path: &str| StoredFile {
                path: path.to_owned(),
                bytes: 17,
                checksum: "xxh3-64:0123456789abcdef".to_owned(),
            };
            LandedRange {
                partition,
                start,
                end,
                rows: runs.line_count(),
                rejects,
                file: (runs.line_count() > 0).then(|| file("t-0-1-2-ab.json")),
                rejected: (rejects > 0).then(|| file("_rejects/t-0-1-2-ab.json")),
                runs: Some(runs),
                event_time: times.map(|(min, span)| EventTimes {
                    min: time(min),
                    max: time(min + span),
                }),
                events_ahead: rejects / 2,
            }
        })
}

prop_compose! {
    fn batch()(
        ids in any::<(u128, String)>(),
        cluster in prop::option::of("[a-z]{1,9}"),
        closed_by in prop::sample::select(vec![CloseReason::Duration, CloseReason::Lost, CloseReason::CaughtUp]),
        ranges in prop::collection::vec(range(), 0..5),
        next in prop::collection::btree_map(0..9i32, 0..1000i64, 0..5),
        hole in prop::option::of(0..9i32),
        caught_up in prop::option::of(0..2_000_000_000i64),
    ) -> LandingEntry {
        LandingEntry {
            version: ENTRY_VERSION,
            batch_id: Uuid::from_u128(ids.0),
            run_id: ids.1,
            run_continues: hole.is_some(),
            run_entries: hole.into_iter().map(|_| 7).collect(),
            topic: "user_events".to_owned(),
            cluster_id: cluster.clone(),
            topic_id: cluster,
            started_at: time(1_700_000_000),
            closed_by,
            ranges,
            holes: hole.into_iter().map(|partition| Hole { partition, start: 1, end: 2 }).collect(),
            next,
            totals: TopicTotals { rows: 3, ..TopicTotals::default() },
            event_time_field: Some("timestamp".to_owned()),
            progress: [(0, Completeness { latest_event: None, caught_up_at: caught_up.map(time) })].into(),
        }
    }
}

proptest! {
    #[test]
    fn entries_read_back_as_written(batch in batch()) {
        let text = serde_json::to_string(&batch).unwrap();
        prop_assert_eq!(serde_json::from_str::<LandingEntry>(&text).unwrap(), batch);
    }
}

#[test]
fn a_line_has_its_offset_with_and_without_runs() {
    let mut range = LandedRange {
        partition: 0,
        start: 7,
        end: 12,
        rows: 2,
        rejects: 0,
        runs: None,
        file: None,
        rejected: None,
        event_time: None,
        events_ahead: 0,
    };
    assert_eq!(range.line_offsets().offsets().nth(1), Some(8));
    let mut runs = OffsetSpans::default();
    runs.push_offset(8);
    runs.push_offset(11);
    range.runs = Some(runs);
    assert_eq!(range.line_offsets().offsets().nth(1), Some(11));
}

/// Stored entries are read for years: this text must stay readable.
#[test]
fn the_stored_form_stays_as_it_is() {
    let text = r#"{"version":1,"batch_id":"00000000-0000-0000-0000-000000000001","run_id":"r",
        "topic":"t","started_at":"2026-11-24T10:00:00Z","closed_by":"caught_up",
        "ranges":[{"partition":0,"start":0,"end":3,"rows":2,"rejects":1,
            "runs":[{"start":0,"lines":1},{"start":2,"lines":1}],
            "file":{"path":"t-0-0-3-ab.json","bytes":10,"checksum":"xxh3-64:00"},
            "rejected":{"path":"_rejects/t-0-0-3-ab.json","bytes":5,"checksum":"xxh3-64:01"},
            "event_time":{"min":"2026-11-24T09:00:00Z","max":"2026-11-24T10:00:00Z"}}],
        "next":{"0":3},
        "totals":{"rows":2,"rejects":1,"bytes":15,"files":2,"holes":0,"lost_offsets":0}}"#;
    let batch: LandingEntry = serde_json::from_str(text).unwrap();
    assert_eq!(batch.next, [(0, 3)].into());
    assert_eq!(batch.ranges[0].files().count(), 2);
    let newer = text.replace("\"version\":1", "\"version\":3");
    let error = serde_json::from_str::<LandingEntry>(&newer)
        .unwrap_err()
        .to_string();
    assert!(error.contains("version 3"), "{error}");
}
