//! What is new of a source, after plans that were carried out and plans that were not.

use std::collections::BTreeMap;
use std::path::Path as FsPath;
use std::time::{Duration, SystemTime};

use chrono::Utc;
use sluice_landing::{
    CloseReason, ENTRY_VERSION, LandedRange, LandingEntry, StoredFile, TopicLanding, TopicTotals,
};
use sluice_ledger::AppendOutcome;
use sluice_storage::{ListRules, StoreOptions, Stores};
use uuid::Uuid;

use super::*;

const FLOW: (&str, &str) = ("t", "f");
const LINE: &str = "{\"n\":1}\n";

struct Setup {
    folder: tempfile::TempDir,
    stores: Stores,
    plans: PlanLedger,
}

impl Setup {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stores = Stores::new(StoreOptions::new());
        let gold = folder.path().join("gold");
        std::fs::create_dir_all(folder.path().join("in")).unwrap();
        let gold = stores.parse_location(gold.to_str().unwrap()).unwrap();
        let plans = PlanLedger::open(&stores, &gold).unwrap();
        Self {
            folder,
            stores,
            plans,
        }
    }

    fn location(&self, below: &str) -> String {
        self.folder.path().join(below).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Adds an entry to the ledger of a folder that names this file.
    async fn land(&self, folder: &str, name: &str) {
        self.write(&format!("{folder}/{name}"), LINE);
        let location = self.stores.parse_location(&self.location(folder)).unwrap();
        let landing = TopicLanding::open(self.stores.open(&location).unwrap()).unwrap();
        let seq = landing.newest_entry().await.unwrap();
        let seq = seq.map_or(0, |entry| entry.seq + 1);
        let appended = landing.ledger().append(seq, landing_entry(name)).await;
        assert!(matches!(appended.unwrap(), AppendOutcome::Committed(_)));
    }

    async fn find_new(&self, below: &str, number: Option<u64>) -> Result<NewInput, PlanError> {
        let taken = TakenInput::load(&self.plans, FLOW, number).await?;
        let rules = ListRules::with_suffixes([".json"]);
        find_new_input(&self.stores, "s", &self.location(below), &rules, &taken).await
    }

    /// Plans what is new, and gives the names of its files and the plan's number.
    async fn plan(&self, below: &str, number: Option<u64>) -> (Vec<String>, u64) {
        let taken = TakenInput::load(&self.plans, FLOW, number).await.unwrap();
        let new = self.find_new(below, number).await.unwrap();
        let planned = taken.plan_next(FLOW, vec![new.input.clone()], new.folders);
        let entry = PlanEntry {
            version: PLAN_VERSION,
            job_id: "j".to_owned(),
            job_name: "j".to_owned(),
            job: JobFingerprint::new("text", &BTreeMap::new()),
            now: Utc::now(),
            flows: vec![planned],
            views: Vec::new(),
        };
        let number = self.plans.append(&entry).await.unwrap();
        (self.open(below, &new.input).await.unwrap(), number)
    }

    async fn open(&self, below: &str, input: &SourceInput) -> Result<Vec<String>, PlanError> {
        let listing = open_input(&self.stores, &self.location(below), input).await?;
        let name = |path: &object_store::path::Path| path.filename().unwrap().to_owned();
        Ok(listing.files.iter().map(|file| name(&file.path)).collect())
    }
}

fn landing_entry(name: &str) -> LandingEntry {
    LandingEntry {
        version: ENTRY_VERSION,
        batch_id: Uuid::new_v4(),
        run_id: "run".to_owned(),
        run_continues: false,
        run_entries: Vec::new(),
        topic: "t".to_owned(),
        cluster_id: None,
        topic_id: None,
        started_at: Utc::now(),
        closed_by: CloseReason::CaughtUp,
        ranges: vec![LandedRange {
            partition: 0,
            start: 0,
            end: 1,
            rows: 1,
            rejects: 0,
            runs: None,
            file: Some(StoredFile {
                path: name.to_owned(),
                bytes: LINE.len() as u64,
                checksum: "xxh3-64:0000000000000000".to_owned(),
            }),
            rejected: None,
            event_time: None,
            events_ahead: 0,
        }],
        holes: Vec::new(),
        next: BTreeMap::new(),
        totals: TopicTotals::default(),
        event_time_field: None,
        progress: BTreeMap::default(),
    }
}

#[tokio::test]
async fn files_are_taken_once_and_an_abandoned_plan_takes_nothing() {
    let t = Setup::new();
    t.write("in/a.json", "1");
    t.write("in/day=1/b.json", "1");
    t.write("in/_hidden.json", "1");
    let (files, first) = t.plan("in", None).await;
    assert_eq!(files, ["a.json", "b.json"]);
    // The plan was not carried out: no table names it.
    assert_eq!(t.plan("in", None).await.0, ["a.json", "b.json"]);
    t.write("in/c.json", "1");
    let (files, second) = t.plan("in", Some(first)).await;
    assert_eq!(files, ["c.json"]);
    // An archived file is none that is missing.
    std::fs::remove_file(t.folder.path().join("in/a.json")).unwrap();
    assert!(t.plan("in", Some(second)).await.0.is_empty());
    for file in ["in/day=1/b.json", "in/c.json"] {
        std::fs::remove_file(t.folder.path().join(file)).unwrap();
    }
    assert!(
        t.find_new("in", Some(second))
            .await
            .unwrap()
            .input
            .is_empty()
    );
}

#[tokio::test]
async fn long_chains_of_plans_are_cut_and_forget_nothing() {
    let t = Setup::new();
    let mut newest = None;
    for number in 0..80 {
        let name = format!("{number:03}.json");
        t.write(&format!("in/{name}"), "1");
        let (files, plan) = t.plan("in", newest).await;
        assert_eq!(files, [name]);
        newest = Some(plan);
    }
    assert!(t.find_new("in", newest).await.unwrap().input.is_empty());
    let newest = t.plans.read(newest.unwrap()).await.unwrap().unwrap();
    assert!(newest.body.flows[0].links < 32);
}

#[tokio::test]
async fn a_file_that_was_taken_and_has_changed_is_an_error() {
    let t = Setup::new();
    t.write("in/a.json", "1");
    let (_, plan) = t.plan("in", None).await;
    t.write("in/a.json", "12");
    let error = t.find_new("in", Some(plan)).await.unwrap_err().to_string();
    assert!(error.contains("a.json' has changed since"), "{error}");
    // The same size at another time.
    t.write("in/a.json", "2");
    let file = std::fs::File::options()
        .write(true)
        .open(t.folder.path().join("in/a.json"))
        .unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(9))
        .unwrap();
    let error = t.find_new("in", Some(plan)).await.unwrap_err();
    assert!(matches!(error, PlanError::FileChanged { .. }), "{error}");
}

#[tokio::test]
async fn a_plan_that_is_resumed_has_its_own_files() {
    let t = Setup::new();
    t.write("in/a.json", "1");
    let (_, plan) = t.plan("in", None).await;
    t.write("in/b.json", "1");
    let entry = t.plans.read(plan).await.unwrap().unwrap();
    let input = &entry.body.flows[0].sources[0];
    assert_eq!(t.open("in", input).await.unwrap(), ["a.json"]);
    t.write("in/a.json", "1 2");
    let error = t.open("in", input).await.unwrap_err();
    assert!(error.is_input_changed(), "{error}");
    std::fs::remove_file(t.folder.path().join("in/a.json")).unwrap();
    let error = t.open("in", input).await.unwrap_err();
    assert!(error.is_input_changed(), "{error}");
}

#[tokio::test]
async fn entries_of_a_ledger_are_taken_once_wherever_it_is() {
    let t = Setup::new();
    t.land("in", "t-0-0-1-aa.json").await;
    t.land("in", "t-0-1-2-bb.json").await;
    // No entry names it.
    t.write("in/t-0-2-3-cc.json", LINE);
    let (files, plan) = t.plan("in", None).await;
    assert_eq!(files, ["t-0-0-1-aa.json", "t-0-1-2-bb.json"]);
    // What was taken may be archived, and the folder moved.
    std::fs::remove_file(t.folder.path().join("in/t-0-0-1-aa.json")).unwrap();
    std::fs::rename(t.folder.path().join("in"), t.folder.path().join("moved")).unwrap();
    assert!(
        t.find_new("moved", Some(plan))
            .await
            .unwrap()
            .input
            .is_empty()
    );
    t.land("moved", "t-0-3-4-dd.json").await;
    assert_eq!(t.plan("moved", Some(plan)).await.0, ["t-0-3-4-dd.json"]);
    // A file that is new and missing is an error.
    std::fs::remove_file(t.folder.path().join("moved/t-0-3-4-dd.json")).unwrap();
    let new = t.find_new("moved", Some(plan)).await.unwrap();
    let error = t.open("moved", &new.input).await.unwrap_err().to_string();
    assert!(error.contains("is missing, but entry 2"), "{error}");
}

#[tokio::test]
async fn a_landing_folder_that_was_replaced_is_an_error() {
    let t = Setup::new();
    t.land("in", "t-0-0-1-aa.json").await;
    let (_, plan) = t.plan("in", None).await;
    let folder = t.folder.path().join("in");
    let empty = |folder: &FsPath| std::fs::remove_dir_all(folder).unwrap();
    empty(&folder.join("_ledger"));
    let error = t.find_new("in", Some(plan)).await.unwrap_err().to_string();
    assert!(error.contains("it has no entries"), "{error}");
    empty(&folder);
    t.land("in", "t-0-0-1-zz.json").await;
    let error = t.find_new("in", Some(plan)).await.unwrap_err().to_string();
    assert!(error.contains("begins with another entry"), "{error}");
}

#[tokio::test]
async fn patterns_read_the_ledgers_of_folders() {
    let t = Setup::new();
    t.land("in/t", "t-0-0-1-aa.json").await;
    t.write("in/t/t-0-1-2-bb.json", LINE);
    t.write("in/plain/a.json", LINE);
    let (files, plan) = t.plan("in/*", None).await;
    assert_eq!(files, ["a.json", "t-0-0-1-aa.json"]);
    t.land("in/t", "t-0-2-3-cc.json").await;
    assert_eq!(t.plan("in/*", Some(plan)).await.0, ["t-0-2-3-cc.json"]);
    let error = t.find_new("in/t/t-0-0-*", None).await.unwrap_err();
    assert!(
        matches!(error, PlanError::PatternInLanding { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn delta_tables_and_plans_that_are_missing_are_errors() {
    let t = Setup::new();
    t.write("in/_delta_log/00000000000000000000.json", "{}");
    let error = t.find_new("in", None).await.unwrap_err();
    assert!(matches!(error, PlanError::DeltaTable { .. }), "{error}");
    let error = t.find_new("in", Some(7)).await.unwrap_err().to_string();
    assert!(error.contains("table 't' names plan 7"), "{error}");
}

#[tokio::test]
async fn cuts_add_up_and_the_later_version_counts() {
    let t = Setup::new();
    let gold = t.stores.parse_location(&t.location("gold")).unwrap();
    let cuts = CutLedger::open(&t.stores, &gold).unwrap();
    let versions = |tables: &[(&str, u64, &str)]| -> BTreeMap<String, CutTable> {
        let tables = tables.iter().map(|(name, version, id)| {
            let table = CutTable {
                version: *version,
                table_id: (*id).to_owned(),
            };
            ((*name).to_owned(), table)
        });
        tables.collect()
    };
    let publish = async |job: &str, tables: &[(&str, u64, &str)]| {
        cuts.publish((job, "n"), &versions(tables)).await.unwrap();
        cuts.newest().await.unwrap().unwrap()
    };
    publish("a", &[("x", 0, "i"), ("y", 0, "j")]).await;
    let second = publish("b", &[("x", 1, "i")]).await;
    assert_eq!(
        second.body.tables,
        versions(&[("x", 1, "i"), ("y", 0, "j")])
    );
    // The end of job `a` is recorded a second time.
    assert_eq!(publish("a", &[("x", 0, "i")]).await, second);
    let third = publish("c", &[("x", 0, "new")]).await;
    assert_eq!((third.seq, third.body.tables["x"].version), (2, 0));
}

#[test]
fn the_fingerprint_of_a_job_has_its_text_and_parameters() {
    let params = |value: Option<&str>| -> BTreeMap<String, Option<String>> {
        [("p".to_owned(), value.map(str::to_owned))].into()
    };
    let job = JobFingerprint::new("text", &params(Some("")));
    assert!(job.matches("text", &params(Some(""))));
    assert!(!job.matches("text", &params(None)));
    assert!(!job.matches("text ", &params(Some(""))));
    assert_ne!(job, JobFingerprint::new("text", &params(Some(""))));
}
