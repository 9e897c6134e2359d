#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

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
        let facts = |found| Facts { said, found, in_flight, last };
        prop_assert_eq!(judge(facts(&Found::Ours)), Verdict::Committed);
        prop_assert_eq!(judge(facts(&Found::Another(Bytes::new()))), Verdict::Lost);
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
        let found = if absent { Found::Absent } else { Found::Unknown };
        match judge(Facts { said, found: &found, in_flight, last }) {
            Verdict::Failed => prop_assert!(absent && !in_flight),
            Verdict::Again => prop_assert!(!last && !said.is_refusal()),
            Verdict::Unknown => prop_assert!(in_flight || !absent),
            other => prop_assert!(false, "{other:?}"),
        }
    }
}
