use std::io;
use std::path::Path as FsPath;
use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt as _};
use proptest::prelude::*;
use sluice_fault_store::{Fault, FaultScript, FaultyStore, Op};

use super::*;
use crate::location::Location;

fn error_kinds() -> impl Strategy<Value = StoreErrorKind> {
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
    /// The object that exists decides, whatever error the store returned.
    #[test]
    fn what_is_there_decides(
        error_kind in error_kinds(),
        is_local: bool,
        in_flight: bool,
        last_attempt: bool,
    ) {
        let judge = |stored| UnconfirmedWrite {
            error_kind,
            stored: &stored,
            is_local,
            in_flight,
            last_attempt,
        }.judge();
        prop_assert_eq!(judge(StoredObject::Another(Bytes::new())), WriteVerdict::Lost);
        let ours = judge(StoredObject::Ours);
        if !is_local || error_kind == StoreErrorKind::AlreadyExists {
            prop_assert_eq!(ours, WriteVerdict::Committed);
        } else {
            // Its name may not be durable.
            prop_assert!(matches!(ours, WriteVerdict::Retry | WriteVerdict::Unknown));
        }
    }

    /// A write counts as failed only when the object does not exist and cannot
    /// arrive any more, and attempts end.
    #[test]
    fn nothing_is_denied_that_may_happen(
        error_kind in error_kinds(),
        absent: bool,
        is_local: bool,
        in_flight: bool,
        last_attempt: bool,
    ) {
        let stored = if absent { StoredObject::Absent } else { StoredObject::Unknown };
        match (UnconfirmedWrite {
            error_kind,
            stored: &stored,
            is_local,
            in_flight,
            last_attempt,
        }).judge() {
            WriteVerdict::Failed => prop_assert!(absent && !in_flight),
            WriteVerdict::Retry => prop_assert!(!last_attempt && !error_kind.is_refusal()),
            WriteVerdict::Unknown => prop_assert!(in_flight || !absent),
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

struct Setup {
    store: FaultyStore,
    writes: FaultScript,
    target: StorePath,
}

impl Setup {
    fn new(location: &str) -> Self {
        let (store, writes) =
            FaultyStore::with_script(Arc::new(InMemory::new()), |call| call.op == Op::Create);
        let target = StorePath {
            store: Arc::new(store.clone()) as Arc<dyn ObjectStore>,
            location: Location::parse(location, FsPath::new("/")).unwrap(),
        };
        Self {
            store,
            writes,
            target,
        }
    }

    async fn create(&self, text: &'static str) -> Result<CreateOutcome, CreateError> {
        self.target
            .create_once(
                self.target.path(),
                Bytes::from_static(text.as_bytes()),
                CreateRetries::without_pauses(),
                |bytes| bytes == text.as_bytes(),
            )
            .await
    }
}

#[tokio::test]
async fn one_writer_creates_the_object_and_others_get_its_bytes() {
    for location in ["s3://bucket/a", "/folder/a"] {
        let t = Setup::new(location);
        assert_eq!(t.create("first").await.unwrap(), CreateOutcome::Ours);
        let lost = t.create("second").await.unwrap();
        assert_eq!(lost, CreateOutcome::Another("first".into()));
        let stored = t.store.inner().get(t.target.path()).await.unwrap();
        assert_eq!(stored.bytes().await.unwrap(), "first");
    }
}

#[tokio::test]
async fn a_lost_answer_needs_another_create_on_a_disk_only() {
    for (location, creates) in [("s3://bucket/a", 1), ("/folder/a", 2)] {
        let t = Setup::new(location);
        t.writes.set_faults([Fault::LostAnswer]);
        assert_eq!(t.create("first").await.unwrap(), CreateOutcome::Ours);
        assert_eq!(t.store.counts().count_of(Op::Create), creates);
    }
}

#[tokio::test]
async fn attempts_end_with_the_outcome_that_is_known() {
    let lost = vec![Fault::LostRequest; 100];
    let t = Setup::new("s3://bucket/a");
    t.writes.set_faults(lost.clone());
    let error = t.create("first").await.unwrap_err();
    assert!(matches!(error, CreateError::OutcomeUnknown(_)), "{error:?}");
    assert_eq!(t.store.counts().count_of(Op::Create), MAX_ATTEMPTS as usize);

    let t = Setup::new("/folder/a");
    t.writes.set_faults(lost);
    let error = t.create("first").await.unwrap_err();
    assert!(matches!(error, CreateError::NotCreated(_)), "{error:?}");

    let t = Setup::new("s3://bucket/a");
    t.writes
        .set_faults([Fault::Refused(io::ErrorKind::PermissionDenied)]);
    let error = t.create("first").await.unwrap_err();
    assert!(matches!(error, CreateError::NotCreated(_)), "{error:?}");
    assert_eq!(t.store.counts().count_of(Op::Create), 1);
}

#[test]
fn pauses_double_up_to_a_limit() {
    let pauses: Vec<Duration> = RETRY_PAUSES.build().take(12).collect();
    let mut shortest = Duration::from_millis(4);
    for pause in pauses {
        assert!(pause >= shortest && pause < shortest * 2, "{pause:?}");
        shortest = (shortest * 2).min(Duration::from_millis(250));
    }
}

#[test]
fn a_store_that_takes_long_gets_fewer_attempts() {
    let (soon, late) = (Duration::from_secs(1), Duration::from_secs(121));
    for (attempt, elapsed, is_last) in [
        (1, soon, false),
        (MAX_ATTEMPTS - 1, soon, false),
        (MAX_ATTEMPTS, soon, true),
        // The process may have been suspended during the first attempt.
        (1, late, false),
        (MAX_LATE_ATTEMPTS, late, true),
        (MAX_ATTEMPTS - 1, late, true),
    ] {
        assert_eq!(
            is_last_attempt(attempt, elapsed),
            is_last,
            "{attempt} {elapsed:?}"
        );
    }
}
