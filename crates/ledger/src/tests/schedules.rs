//! Several writers on a faulty store, in random schedules. They run on one thread
//! and without a clock, so a schedule runs the same way every time.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use futures::TryStreamExt as _;
use object_store::ObjectStore as _;
use object_store::memory::InMemory;
use proptest::prelude::*;
use sluice_fault_store::{Delay, FaultScript, FaultyStore, Op};
use uuid::Uuid;

use super::faults::fixture_over;
use super::support::{LedgerFixture, Note, bucket_path, note};
use crate::{AppendOutcome, Entry, Ledger};

/// `None`: the call goes through.
type Fault = Option<sluice_fault_store::Fault>;

#[derive(Debug, Clone)]
struct Schedule {
    writers: usize,
    appends: u64,
    /// The faults of the calls, in the order of the calls; later calls do not fail.
    creates: Vec<Fault>,
    others: Vec<Fault>,
}

fn wait() -> impl Strategy<Value = Delay> {
    (0u32..12).prop_map(Delay::Turns)
}

fn create_fault() -> impl Strategy<Value = Fault> {
    use sluice_fault_store::Fault as F;
    prop_oneof![
        4 => Just(None),
        3 => wait().prop_map(|wait| Some(F::DelayedRequest(wait))),
        3 => wait().prop_map(|wait| Some(F::DelayedAnswer(wait))),
        3 => (0u32..60).prop_map(|turns| Some(F::ArrivesAfterTimeout(Delay::Turns(turns)))),
        3 => Just(Some(F::LostAnswer)),
        3 => Just(Some(F::LostRequest)),
        3 => Just(Some(F::SentTwice)),
        3 => Just(Some(F::FalseConflict)),
        1 => Just(Some(F::Refused(io::ErrorKind::PermissionDenied))),
    ]
}

fn other_fault() -> impl Strategy<Value = Fault> {
    use sluice_fault_store::Fault as F;
    prop_oneof![
        6 => Just(None),
        3 => wait().prop_map(|wait| Some(F::DelayedRequest(wait))),
        3 => wait().prop_map(|wait| Some(F::DelayedAnswer(wait))),
        3 => Just(Some(F::LostAnswer)),
    ]
}

fn schedule() -> impl Strategy<Value = Schedule> {
    (
        2usize..5,
        1u64..8,
        prop::collection::vec(create_fault(), 0..120),
        prop::collection::vec(other_fault(), 0..240),
    )
        .prop_map(|(writers, appends, creates, others)| Schedule {
            writers,
            appends,
            creates,
            others,
        })
}

/// The outcome of one append as reported to its writer.
#[derive(Debug)]
enum ReportedOutcome {
    Committed(Entry<Note>),
    Lost(u64, Entry<Note>),
    Failed,
    Unknown(u64, Uuid),
}

/// Appends `appends` times, sometimes after the tail and sometimes after the last
/// entry that it has read, which may be stale.
async fn run_writer(
    ledger: Ledger<Note>,
    name: String,
    appends: u64,
) -> Vec<(Note, ReportedOutcome)> {
    let mut reported = Vec::new();
    let mut next = None;
    for number in 0..appends {
        let expected = match next {
            Some(next) if number % 3 != 0 => next,
            _ => loop {
                match ledger.read_tail().await {
                    Ok(tail) => break tail.map_or(0, |entry| entry.seq + 1),
                    Err(error) => assert!(error.store_kind().is_some(), "{error:?}"),
                }
            },
        };
        let body = note(&name, number);
        let end = match ledger.append(expected, body.clone()).await {
            Ok(AppendOutcome::Committed(entry)) => ReportedOutcome::Committed(entry),
            Ok(AppendOutcome::Lost(entry)) => ReportedOutcome::Lost(expected, entry),
            Err(crate::LedgerError::OutcomeUnknown { seq, id, .. }) => {
                ReportedOutcome::Unknown(seq, id)
            }
            Err(error) => {
                assert!(error.store_kind().is_some(), "{error:?}");
                ReportedOutcome::Failed
            }
        };
        next = match &end {
            ReportedOutcome::Committed(entry) | ReportedOutcome::Lost(_, entry) => {
                Some(entry.seq + 1)
            }
            ReportedOutcome::Failed | ReportedOutcome::Unknown(..) => None,
        };
        reported.push((body, end));
    }
    reported
}

/// The log in the store, which must begin at 0 and have no gaps.
async fn read_stored_log(subject: &LedgerFixture) -> Vec<Entry<Note>> {
    let objects: Vec<_> = subject
        .faultless_store
        .list(None)
        .try_collect()
        .await
        .unwrap();
    let mut entries = BTreeMap::new();
    for object in objects {
        let name = object.location.filename().unwrap();
        if name.starts_with('_') {
            continue;
        }
        let seq: u64 = name.strip_suffix(".json").unwrap().parse().unwrap();
        let bytes = subject.get(&object.location).await.unwrap();
        entries.insert(
            seq,
            crate::entry::decode_entry::<Note>(seq, &bytes).unwrap(),
        );
    }
    let numbers: Vec<_> = entries.keys().copied().collect();
    assert_eq!(numbers, (0..entries.len() as u64).collect::<Vec<_>>());
    entries.into_values().collect()
}

async fn run_schedule(schedule: Schedule) {
    let (creates, others) = (FaultScript::default(), FaultScript::default());
    // A script cannot hold "no fault": use a delay of zero turns.
    let queue = |faults: Vec<Fault>, script: &FaultScript| {
        script.set_faults(faults.into_iter().map(|fault| {
            fault.unwrap_or(sluice_fault_store::Fault::DelayedRequest(Delay::Turns(0)))
        }));
    };
    queue(schedule.creates, &creates);
    queue(schedule.others, &others);
    let store = FaultyStore::new(Arc::new(InMemory::new()), move |call| match call.op {
        Op::Create => creates.take_next(),
        _ => others.take_next(),
    });
    let subject = fixture_over(store, bucket_path);
    let writers: Vec<_> = (0..schedule.writers)
        .map(|writer| {
            let ledger = subject.open_without_pauses();
            tokio::spawn(run_writer(ledger, format!("w{writer}"), schedule.appends))
        })
        .collect();
    let mut reported = Vec::new();
    for writer in writers {
        reported.extend(writer.await.unwrap());
    }
    // Let the writes that are in flight arrive.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let log = read_stored_log(&subject).await;
    check_log(&log, &reported);
    let without_faults = LedgerFixture::new(bucket_path(Arc::clone(&subject.faultless_store)));
    assert_eq!(
        without_faults.open().read_tail().await.unwrap().as_ref(),
        log.last()
    );
}

fn check_log(log: &[Entry<Note>], reported: &[(Note, ReportedOutcome)]) {
    let mut stored: HashMap<(&str, u64), Vec<&Entry<Note>>> = HashMap::new();
    for entry in log {
        let key = (entry.body.writer.as_str(), entry.body.number);
        stored.entry(key).or_default().push(entry);
    }
    for (body, end) in reported {
        let key = (body.writer.as_str(), body.number);
        let found = stored.remove(&key).unwrap_or_default();
        match (end, found.as_slice()) {
            (ReportedOutcome::Committed(entry), [only]) => assert_eq!(*only, entry),
            (ReportedOutcome::Lost(expected, winner), []) => {
                assert_eq!(log.get(*expected as usize), Some(winner));
                assert_ne!(winner.body, *body);
            }
            (ReportedOutcome::Failed | ReportedOutcome::Unknown(..), []) => {}
            (ReportedOutcome::Unknown(seq, id), [only]) => {
                assert_eq!((only.seq, only.id), (*seq, *id))
            }
            (end, found) => panic!("{body:?} was reported as {end:?}, and the log has {found:?}"),
        }
    }
    assert!(
        stored.is_empty(),
        "entries that no writer reported: {stored:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Every entry that was reported as committed is in the log exactly once, at
    /// its number. Every number that was reported as lost has another writer's
    /// entry. No entry that was reported as failed is in the log. The log has no
    /// gaps.
    #[test]
    fn any_schedule_leaves_a_log_that_agrees_with_its_writers(schedule in schedule()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(run_schedule(schedule));
    }
}
