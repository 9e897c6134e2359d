use std::io;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions};

use super::*;

struct Setup {
    store: FaultyStore,
    script: FaultScript,
    path: Path,
}

impl Setup {
    fn new(faults: impl IntoIterator<Item = Fault>) -> Self {
        let (store, script) =
            FaultyStore::with_script(Arc::new(InMemory::new()), |call| call.op != Op::List);
        script.set_faults(faults);
        Self {
            store,
            script,
            path: Path::from("a/b"),
        }
    }

    async fn create(&self, text: &'static str) -> Result<(), Error> {
        let options = PutOptions::from(PutMode::Create);
        let put = self.store.put_opts(&self.path, text.into(), options);
        put.await.map(drop)
    }

    /// The object's content in the wrapped store.
    async fn content(&self) -> Option<String> {
        let object = self.store.inner().get(&self.path).await.ok()?;
        Some(String::from_utf8(object.bytes().await.unwrap().to_vec()).unwrap())
    }
}

fn is_conflict(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::AlreadyExists { .. }))
}

#[tokio::test]
async fn a_write_has_the_effect_and_the_answer_that_its_fault_says() {
    let t = Setup::new([Fault::LostAnswer]);
    assert!(t.create("x").await.is_err());
    assert_eq!(t.content().await.as_deref(), Some("x"));
    assert_eq!(t.script.faults_left(), 0);
    assert!(is_conflict(&t.create("y").await));

    let t = Setup::new([Fault::SentTwice]);
    assert!(is_conflict(&t.create("x").await));
    assert_eq!(t.content().await.as_deref(), Some("x"));

    let t = Setup::new([
        Fault::LostRequest,
        Fault::FalseConflict,
        Fault::Refused(io::ErrorKind::StorageFull),
    ]);
    assert!(!is_conflict(&t.create("x").await));
    assert!(is_conflict(&t.create("x").await));
    assert!(t.create("x").await.is_err());
    assert_eq!(t.content().await, None);
    t.create("x").await.unwrap();

    let t = Setup::new([Fault::OtherWriterFirst("theirs".into())]);
    assert!(is_conflict(&t.create("x").await));
    assert_eq!(t.content().await.as_deref(), Some("theirs"));
}

#[tokio::test]
async fn a_stray_write_arrives_after_its_error() {
    let t = Setup::new([Fault::ArrivesAfterTimeout(Delay::Turns(3))]);
    assert!(t.create("x").await.is_err());
    assert_eq!(t.content().await, None);
    Delay::Turns(5).wait_out().await;
    assert_eq!(t.content().await.as_deref(), Some("x"));

    let t = Setup::new([Fault::ArrivesAfterTimeout(Delay::Turns(3))]);
    assert!(t.create("x").await.is_err());
    t.create("y").await.unwrap();
    Delay::Turns(5).wait_out().await;
    assert_eq!(t.content().await.as_deref(), Some("y"));
}

#[tokio::test]
async fn late_writes_and_slow_answers_let_others_pass() {
    let t = Setup::new([Fault::DelayedRequest(Delay::Turns(3))]);
    let (late, early) = tokio::join!(t.create("late"), t.create("early"));
    early.unwrap();
    assert!(is_conflict(&late));

    let t = Setup::new([Fault::DelayedAnswer(Delay::Turns(3))]);
    let (slow, second) = tokio::join!(t.create("slow"), t.create("second"));
    slow.unwrap();
    assert!(is_conflict(&second));
}

#[tokio::test]
async fn calls_are_counted_and_reads_fail_too() {
    let t = Setup::new([]);
    t.create("x").await.unwrap();
    t.script
        .set_faults([Fault::LostAnswer, Fault::FalseConflict]);
    assert!(t.store.head(&t.path).await.is_err());
    t.store.get(&t.path).await.unwrap();
    let listed: Vec<_> = t.store.list(None).try_collect().await.unwrap();
    let beyond = Path::from("a/c");
    let after = t.store.list_with_offset(None, &beyond).count().await;
    assert_eq!((listed.len(), after), (1, 0));
    t.script.set_faults([Fault::LostRequest]);
    assert!(t.store.delete(&t.path).await.is_err());
    t.store.delete(&t.path).await.unwrap();
    let counts = t.store.counts();
    let seen = [Op::Create, Op::Head, Op::Get, Op::List, Op::Delete].map(|op| counts.count_of(op));
    assert_eq!(seen, [1, 1, 1, 2, 2]);
    assert_eq!((counts.total(), counts.listed()), (7, 1));
    counts.reset();
    assert_eq!(counts.total(), 0);
}

#[tokio::test]
async fn uploads_fail_in_parts_or_at_their_end() {
    let t = Setup::new([]);
    let mut upload = t.store.put_multipart(&t.path).await.unwrap();
    t.script
        .set_faults([Fault::Refused(io::ErrorKind::StorageFull)]);
    assert!(upload.put_part("x".into()).await.is_err());
    upload.abort().await.unwrap();
    assert_eq!(t.content().await, None);

    let mut upload = t.store.put_multipart(&t.path).await.unwrap();
    upload.put_part("x".into()).await.unwrap();
    t.script.set_faults([Fault::LostAnswer]);
    assert!(upload.complete().await.is_err());
    assert_eq!(t.content().await.as_deref(), Some("x"));
    let counts = t.store.counts();
    let seen = [Op::Upload, Op::Part, Op::Complete, Op::Abort].map(|op| counts.count_of(op));
    assert_eq!(seen, [2, 2, 1, 1]);
}
