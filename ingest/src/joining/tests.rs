//! Whatever is landed, joined, deleted and taken in which order: each reader reads each
//! line once, by the name of the file that it landed in.

use std::collections::BTreeMap;
use std::hash::Hasher as _;
use std::path::{Path, PathBuf};

use object_store::ObjectStoreExt as _;
use proptest::prelude::*;
use sluice_landing::{
    CloseReason, CompressingWriter, Compression, ENTRY_VERSION, JOINED_FOLDER, LandedRange,
    LandingFileName, OffsetSpans, StoredFile, TopicTotals, list_landed, read_lines,
};
use sluice_ledger::AppendOutcome;
use sluice_plans::{
    JobFingerprint, PLAN_VERSION, PlanEntry, PlanLedger, SourceInput, TakenInput, find_new_input,
    open_input,
};
use sluice_storage::{ListRules, Listing, StoreOptions, StorePath, Stores};
use twox_hash::XxHash3_64;
use uuid::Uuid;

use super::*;
use crate::batch::landing_file::format_checksum;
use crate::commands::verify::{VerifyReport, verify_topic};

const TOPIC: &str = "t";

/// The lines of each landed file, by its path.
type Lines = BTreeMap<String, Vec<String>>;

pub(super) struct Setup {
    pub(super) root: tempfile::TempDir,
    stores: Stores,
    plans: PlanLedger,
    /// All lines that have landed.
    landed: Lines,
    totals: TopicTotals,
    next: BTreeMap<i32, i64>,
}

pub(super) fn options() -> JoinOptions {
    JoinOptions {
        target_bytes: 1 << 20,
        min_files: 2,
        min_age: TimeDelta::zero(),
        keep: TimeDelta::zero(),
    }
}

fn kept() -> JoinOptions {
    JoinOptions {
        keep: TimeDelta::days(2),
        ..options()
    }
}

impl Setup {
    pub(super) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let stores = Stores::new(StoreOptions::new());
        let gold = root.path().join("gold");
        let gold = stores.parse_location(gold.to_str().unwrap()).unwrap();
        let plans = PlanLedger::open(&stores, &gold).unwrap();
        Self {
            root,
            stores,
            plans,
            landed: Lines::new(),
            totals: TopicTotals::default(),
            next: BTreeMap::new(),
        }
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.root.path().join("landing").join(TOPIC)
    }

    fn location(&self) -> String {
        self.folder().to_str().unwrap().to_owned()
    }

    fn store_path(&self, folder: &Path) -> StorePath {
        let location = self.stores.parse_location(folder.to_str().unwrap());
        self.stores.open(&location.unwrap()).unwrap()
    }

    pub(super) fn landing(&self) -> TopicLanding {
        TopicLanding::open(self.store_path(&self.folder())).unwrap()
    }

    fn write_file(&self, path: &str, lines: &[String]) -> StoredFile {
        let mut writer = CompressingWriter::new(Compression::from_path(path), Vec::new()).unwrap();
        for line in lines {
            writer.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        let bytes = writer.finish().unwrap();
        let file = self.folder().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, &bytes).unwrap();
        let mut hash = XxHash3_64::with_seed(0);
        hash.write(&bytes);
        StoredFile {
            path: path.to_owned(),
            bytes: bytes.len() as u64,
            checksum: format_checksum(&hash),
        }
    }

    /// Appends an entry with a file of this many lines for each partition, of which the
    /// first record of each file is a reject if asked for.
    pub(super) async fn land(
        &mut self,
        files: &[(i32, usize)],
        rejects: bool,
        compression: Compression,
    ) {
        let landing = self.landing();
        let newest = landing.newest_entry().await.unwrap();
        let seq = newest.map_or(0, |entry| entry.seq + 1);
        let mut ranges = Vec::new();
        for (partition, lines) in files {
            let start = self.next.get(partition).copied().unwrap_or(0);
            let first = start + i64::from(rejects);
            let end = first + i64::try_from(*lines).unwrap();
            let name = LandingFileName {
                topic: TOPIC.to_owned(),
                partition: *partition,
                start,
                end,
                id: "ab12".to_owned(),
                compression,
            };
            let text = |offset: i64| format!("{{\"p\":{partition},\"o\":{offset}}}");
            let rows: Vec<String> = (first..end).map(text).collect();
            let mut runs = OffsetSpans::default();
            (first..end).for_each(|offset| runs.push_offset(offset));
            let file = self.write_file(&name.to_string(), &rows);
            let rejected = rejects.then(|| {
                let path = format!("_rejects/{name}");
                self.write_file(&path, &[text(start)])
            });
            self.landed.insert(name.to_string(), rows);
            self.next.insert(*partition, end);
            self.totals.rows += *lines as u64;
            self.totals.rejects += u64::from(rejects);
            ranges.push(LandedRange {
                partition: *partition,
                start,
                end,
                rows: *lines as u64,
                rejects: u64::from(rejects),
                runs: rejects.then_some(runs),
                file: Some(file),
                rejected,
                event_time: None,
                events_ahead: 0,
            });
        }
        let body = LandingEntry {
            version: ENTRY_VERSION,
            batch_id: Uuid::new_v4(),
            run_id: "run".to_owned(),
            run_continues: false,
            run_entries: Vec::new(),
            topic: TOPIC.to_owned(),
            cluster_id: None,
            topic_id: None,
            started_at: Utc::now(),
            closed_by: CloseReason::CaughtUp,
            ranges,
            holes: Vec::new(),
            next: self.next.clone(),
            totals: self.totals,
            event_time_field: None,
            progress: BTreeMap::new(),
        };
        let appended = landing.ledger().append(seq, body).await.unwrap();
        assert!(matches!(appended, AppendOutcome::Committed(_)));
    }

    pub(super) async fn join(&self, options: &JoinOptions) -> Result<JoinReport, IngestError> {
        let landing = self.landing();
        match landing.newest_entry().await.unwrap() {
            Some(newest) => join_topic(&landing, &newest, options).await,
            None => Ok(JoinReport::default()),
        }
    }

    pub(super) async fn verify(&self) -> VerifyReport {
        let landing = self.store_path(&self.root.path().join("landing"));
        let verified = verify_topic(&self.stores, &landing, TOPIC, None).await;
        verified.unwrap()
    }

    /// The lines of the files of a list, by the names of the files.
    async fn read_lines(&self, listing: &Listing) -> Lines {
        let mut all = Lines::new();
        for file in &listing.files {
            let bytes = match &file.stored {
                Some(stored) => {
                    let range = stored.offset..stored.offset + file.size;
                    listing.store.get_range(&stored.path, range).await.unwrap()
                }
                None => {
                    let got = listing.store.get(&file.path).await.unwrap();
                    got.bytes().await.unwrap()
                }
            };
            assert_eq!(bytes.len() as u64, file.size);
            let name = file.path.filename().unwrap();
            let lines = read_lines(Compression::from_path(name), &bytes[..]).unwrap();
            let lines = lines.map(|line| String::from_utf8(line.unwrap()).unwrap());
            let before = all.insert(name.to_owned(), lines.collect());
            assert!(before.is_none(), "{name} is listed twice");
        }
        all
    }

    /// What a job reads that reads the folder whole.
    async fn read_whole(&self, source: &str) -> Lines {
        let source = self.stores.parse_source(source).unwrap();
        let rules = ListRules::with_suffixes([".json", ".json.gz", ".json.zst"]);
        let listing = list_landed(&self.stores, &source, &rules).await.unwrap();
        assert!(listing.files.is_sorted_by(|a, b| a.path < b.path));
        self.read_lines(&listing).await
    }

    async fn open(&self, input: &SourceInput) -> Lines {
        let listing = open_input(&self.stores, &self.location(), input).await;
        self.read_lines(&listing.unwrap()).await
    }
}

/// A flow of a streaming table.
#[derive(Default)]
struct Flow {
    number: Option<u64>,
    taken: Lines,
    /// The input of the last plan, which may be repeated.
    last: Option<(SourceInput, Lines)>,
}

impl Flow {
    async fn take(&mut self, setup: &Setup, name: &str) {
        let flow = ("t", name);
        let taken = TakenInput::load(&setup.plans, flow, self.number).await;
        let taken = taken.unwrap();
        let rules = ListRules::default();
        let new = find_new_input(&setup.stores, "s", &setup.location(), &rules, &taken).await;
        let new = new.unwrap();
        if new.input.is_empty() {
            return;
        }
        let lines = setup.open(&new.input).await;
        for (path, lines) in &lines {
            let before = self.taken.insert(path.clone(), lines.clone());
            assert!(before.is_none(), "{path} was taken twice");
        }
        let planned = taken.plan_next(flow, vec![new.input.clone()], new.folders);
        let entry = PlanEntry {
            version: PLAN_VERSION,
            job_id: "j".to_owned(),
            job_name: "j".to_owned(),
            job: JobFingerprint::new("text", &BTreeMap::new()),
            now: Utc::now(),
            flows: vec![planned],
            views: Vec::new(),
        };
        self.number = Some(setup.plans.append(&entry).await.unwrap());
        self.last = Some((new.input, lines));
    }

    /// The plan is resumed.
    async fn repeat(&self, setup: &Setup) {
        if let Some((input, lines)) = &self.last {
            assert_eq!(setup.open(input).await, *lines);
        }
    }
}

#[derive(Debug, Clone)]
enum Action {
    Land(Vec<usize>, bool, Compression),
    Join {
        target_bytes: u64,
        min_files: usize,
        deletes: bool,
    },
    Take(usize),
    Repeat(usize),
    /// The mark that says what was deleted is lost.
    ForgetDeleted,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let compression = prop::sample::select(Compression::ALL.to_vec());
    let land = (
        prop::collection::vec(0..4_usize, 0..4),
        any::<bool>(),
        compression,
    )
        .prop_map(|(lines, rejects, compression)| Action::Land(lines, rejects, compression));
    let join = (
        prop::sample::select(vec![800_u64, 2_000, 1 << 20]),
        2..5_usize,
        any::<bool>(),
    )
        .prop_map(|(target_bytes, min_files, deletes)| Action::Join {
            target_bytes,
            min_files,
            deletes,
        });
    let action = prop_oneof![
        4 => land,
        3 => join,
        2 => (0..2_usize).prop_map(Action::Take),
        1 => (0..2_usize).prop_map(Action::Repeat),
        1 => Just(Action::ForgetDeleted),
    ];
    prop::collection::vec(action, 1..24)
}

async fn run_actions(actions: Vec<Action>) {
    let mut setup = Setup::new();
    let mut flows = [Flow::default(), Flow::default()];
    setup.land(&[(0, 1)], false, Compression::None).await;
    for action in actions {
        match action {
            Action::Land(lines, rejects, compression) => {
                let files: Vec<(i32, usize)> =
                    (0..).zip(lines).filter(|(_, lines)| *lines > 0).collect();
                setup.land(&files, rejects, compression).await;
            }
            Action::Join {
                target_bytes,
                min_files,
                deletes,
            } => {
                let base = if deletes { options() } else { kept() };
                let options = JoinOptions {
                    target_bytes,
                    min_files,
                    ..base
                };
                setup.join(&options).await.unwrap();
            }
            Action::Take(flow) => flows[flow].take(&setup, &flow.to_string()).await,
            Action::Repeat(flow) => flows[flow].repeat(&setup).await,
            Action::ForgetDeleted => {
                let mark = setup.folder().join(JOINED_FOLDER).join("_deleted.json");
                let _ = std::fs::remove_file(mark);
            }
        }
        assert_eq!(setup.read_whole(&setup.location()).await, setup.landed);
    }
    for (flow, name) in flows.iter_mut().zip(["0", "1"]) {
        flow.take(&setup, name).await;
        flow.repeat(&setup).await;
        assert_eq!(flow.taken, setup.landed);
    }
    let pattern = format!("{}/t-1-*", setup.location());
    let of_partition = setup.landed.clone().into_iter();
    let of_partition: Lines = of_partition
        .filter(|(path, _)| path.starts_with("t-1-"))
        .collect();
    if !of_partition.is_empty() {
        assert_eq!(setup.read_whole(&pattern).await, of_partition);
    }
    let report = setup.verify().await;
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(
        (report.rows, report.rejects),
        (setup.totals.rows, setup.totals.rejects)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn each_reader_reads_each_line_once(actions in actions()) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(run_actions(actions));
    }
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap());
    let files = names.filter(|entry| entry.file_type().unwrap().is_file());
    let mut names: Vec<String> = files
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

async fn landed_and_joined(compression: Compression) -> Setup {
    let mut setup = Setup::new();
    for _ in 0..3 {
        setup.land(&[(0, 2), (1, 3)], true, compression).await;
    }
    let report = setup.join(&kept()).await.unwrap();
    assert_eq!(
        (report.joined_files, report.parts, report.deleted),
        (2, 12, 0)
    );
    setup
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joined_file_has_all_lines_and_the_last_small_file_of_each_partition_stays() {
    for compression in Compression::ALL {
        let setup = landed_and_joined(compression).await;
        let joined = names(&setup.folder().join(JOINED_FOLDER));
        assert_eq!(joined.len(), 2, "{joined:?}");
        let rows = joined.iter().find(|name| name.contains("-rows")).unwrap();
        let bytes = std::fs::read(setup.folder().join(JOINED_FOLDER).join(rows)).unwrap();
        // Any program can read it.
        let lines = read_lines(compression, bytes.as_slice()).unwrap();
        assert_eq!(lines.map(Result::unwrap).count(), 15);

        let report = setup.join(&options()).await.unwrap();
        assert_eq!((report.joined_files, report.deleted), (0, 10));
        let suffix = compression.suffix();
        let expected = ["t-0-6-9-ab12", "t-1-8-12-ab12"].map(|name| format!("{name}{suffix}"));
        assert_eq!(names(&setup.folder()), expected);
        assert_eq!(setup.join(&options()).await.unwrap(), JoinReport::default());
        assert!(setup.verify().await.problems.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_joined_file_is_found_and_keeps_its_small_files() {
    let setup = landed_and_joined(Compression::None).await;
    let small = names(&setup.folder());
    let folder = setup.folder().join(JOINED_FOLDER);
    let rows = names(&folder)
        .into_iter()
        .find(|name| name.contains("-rows"));
    let path = folder.join(rows.unwrap());
    let whole = std::fs::read(&path).unwrap();
    let mut changed = whole.clone();
    let last = changed.len() - 3;
    changed[last] ^= 1;
    let truncated = whole[..whole.len() - 1].to_vec();
    for bytes in [changed, truncated] {
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(setup.verify().await.problems.len(), 1);
        let error = setup.join(&options()).await.unwrap_err();
        assert!(matches!(error, IngestError::NotAsLanded { .. }), "{error}");
        assert_eq!(names(&setup.folder()), small);
    }
    std::fs::remove_file(&path).unwrap();
    assert!(!setup.verify().await.problems.is_empty());
    setup.join(&options()).await.unwrap_err();
    assert_eq!(names(&setup.folder()), small);
    std::fs::write(&path, whole).unwrap();
    assert!(setup.verify().await.problems.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_small_file_is_not_joined() {
    let mut setup = Setup::new();
    setup
        .land(&[(0, 2), (1, 3)], false, Compression::None)
        .await;
    let path = setup.folder().join("t-0-0-2-ab12.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace('0', "9")).unwrap();
    let error = setup.join(&options()).await.unwrap_err();
    assert!(error.to_string().contains("t-0-0-2-ab12.json"), "{error}");
    assert!(names(&setup.folder().join(JOINED_FOLDER)).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn joined_files_of_another_ledger_are_refused() {
    let mut setup = landed_and_joined(Compression::None).await;
    std::fs::remove_dir_all(setup.folder().join("_ledger")).unwrap();
    setup.next.clear();
    for _ in 0..4 {
        setup.land(&[(0, 1)], false, Compression::None).await;
    }
    let error = setup.join(&options()).await.unwrap_err();
    assert!(matches!(error, IngestError::NotAsLanded { .. }), "{error}");
    let source = setup.stores.parse_source(&setup.location()).unwrap();
    let listed = list_landed(&setup.stores, &source, &ListRules::default()).await;
    let error = listed.unwrap_err().to_string();
    assert!(error.contains("does not fit the topic's ledger"), "{error}");
}
