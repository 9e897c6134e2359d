use proptest::prelude::*;

use super::*;

fn kinds() -> impl Strategy<Value = StoreErrorKind> {
    prop::sample::select(vec![
        StoreErrorKind::AlreadyExists,
        StoreErrorKind::Unreachable,
        StoreErrorKind::Other,
        StoreErrorKind::PermissionDenied,
        StoreErrorKind::NoSpace,
        StoreErrorKind::Unauthenticated,
    ])
}

proptest! {
    /// The entry that exists decides, whatever error the store returned.
    #[test]
    fn what_is_there_decides(said in kinds(), in_flight: bool, last: bool) {
        let facts = |found| UnconfirmedWrite {
            error_kind: said,
            stored: found,
            in_flight,
            last_attempt: last,
        };
        prop_assert_eq!(judge_write(facts(&StoredEntry::Ours)), WriteVerdict::Committed);
        prop_assert_eq!(judge_write(facts(&StoredEntry::Another(Bytes::new()))), WriteVerdict::Lost);
    }

    /// A write counts as failed only when the entry does not exist and cannot arrive
    /// any more, and attempts end.
    #[test]
    fn nothing_is_denied_that_may_happen(
        said in kinds(),
        absent: bool,
        in_flight: bool,
        last: bool,
    ) {
        let found = if absent { StoredEntry::Absent } else { StoredEntry::Unknown };
        match judge_write(UnconfirmedWrite {
            error_kind: said,
            stored: &found,
            in_flight,
            last_attempt: last,
        }) {
            WriteVerdict::Failed => prop_assert!(absent && !in_flight),
            WriteVerdict::Retry => prop_assert!(!last && !said.is_refusal()),
            WriteVerdict::Unknown => prop_assert!(in_flight || !absent),
            other => prop_assert!(false, "{other:?}"),
        }
    }
}
