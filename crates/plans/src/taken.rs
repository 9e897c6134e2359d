//! What the plans of a flow have taken.

use std::collections::{BTreeMap, HashMap};

use object_store::path::Path;
use uuid::Uuid;

use crate::entry::{FileStamp, FolderPosition, PlannedFlow, SourceInput, TablePosition, TakenFile};
use crate::error::PlanError;
use crate::ledger::PlanLedger;

/// After how many plans of a flow one lists all files again.
const MAX_LINKS: u32 = 32;

/// What a flow has taken of its sources.
#[derive(Debug, Clone, Default)]
pub struct TakenInput {
    /// The number of the flow's newest plan.
    number: Option<u64>,
    /// Whether what it took is to be taken again.
    restarts: bool,
    /// The number of plans that were read for the files.
    links: u32,
    /// The columns of sources that declare none, by name.
    columns: BTreeMap<String, String>,
    /// By ledger.
    folders: HashMap<Uuid, FolderPosition>,
    /// By table.
    tables: HashMap<String, TablePosition>,
    /// By store and path.
    files: HashMap<(String, String), FileStamp>,
}

impl TakenInput {
    /// Nothing, for a flow that begins again after the plan with this number.
    pub fn restarted(number: Option<u64>) -> Self {
        Self {
            number,
            restarts: true,
            ..Self::default()
        }
    }

    /// What the plans of a flow have taken up to the one with this number, the newest
    /// that the flow's table names.
    ///
    /// # Errors
    /// When a plan cannot be read or is missing.
    pub async fn load(
        plans: &PlanLedger,
        (table, flow): (&str, &str),
        number: Option<u64>,
    ) -> Result<Self, PlanError> {
        let mut taken = Self {
            number,
            ..Self::default()
        };
        let mut next = number;
        while let Some(number) = next {
            let entry = plans.read(number).await?;
            let planned = entry.and_then(|entry| {
                let mut flows = entry.body.flows.into_iter();
                flows.find(|planned| planned.table == table && planned.flow == flow)
            });
            let Some(planned) = planned else {
                return Err(PlanError::MissingPlan {
                    table: table.to_owned(),
                    number,
                    ledger: plans.name(),
                });
            };
            taken.links += 1;
            next = planned.follows.filter(|_| planned.links > 0);
            taken.add_plan(number, planned);
        }
        Ok(taken)
    }

    /// Adds a plan that is older than those before.
    fn add_plan(&mut self, number: u64, planned: PlannedFlow) {
        if self.links == 1 {
            self.columns = planned.columns;
            let tables = planned.tables.into_iter();
            self.tables = tables
                .map(|position| (position.table.clone(), position.after_plan(number)))
                .collect();
        }
        if self.folders.is_empty() {
            let folders = planned.folders.into_iter();
            self.folders = folders.map(|folder| (folder.ledger, folder)).collect();
        }
        let of_sources = planned.sources.into_iter().flat_map(|source| source.files);
        for file in of_sources.chain(planned.taken_before) {
            let key = (file.store, file.path);
            self.files.entry(key).or_insert(file.stamp);
        }
    }

    /// The columns that were found of a source, if it declares none.
    pub fn columns(&self, source: &str) -> Option<&str> {
        self.columns.get(source).map(String::as_str)
    }

    /// The position in a ledger.
    pub(crate) fn folder(&self, ledger: Uuid) -> Option<&FolderPosition> {
        self.folders.get(&ledger)
    }

    /// The position in the ledger that a folder had.
    pub(crate) fn folder_at(&self, folder: &str) -> Option<&FolderPosition> {
        self.folders.values().find(|taken| taken.folder == folder)
    }

    /// The position in a streaming table.
    pub fn table(&self, table: &str) -> Option<&TablePosition> {
        self.tables.get(table)
    }

    /// The position in a table with this id, whatever its name is.
    pub fn table_with_id(&self, id: &str) -> Option<&TablePosition> {
        let mut tables = self.tables.values();
        tables.find(|position| position.table_id.as_deref() == Some(id))
    }

    pub(crate) fn file(&self, store: &str, path: &str) -> Option<&FileStamp> {
        if self.files.is_empty() {
            return None;
        }
        self.files.get(&(store.to_owned(), path.to_owned()))
    }

    /// Whether files of this folder were taken that no ledger named.
    pub(crate) fn has_files_in(&self, store: &str, folder: &Path) -> bool {
        self.files.keys().any(|(of, path)| {
            of == store && Path::parse(path).is_ok_and(|path| path.prefix_matches(folder))
        })
    }

    /// The plan of the flow that follows those before, with the positions in
    /// `folders` moved.
    pub fn plan_next(
        &self,
        (table, flow): (&str, &str),
        sources: Vec<SourceInput>,
        moved: Vec<FolderPosition>,
    ) -> PlannedFlow {
        let mut folders = self.folders.clone();
        folders.extend(moved.into_iter().map(|folder| (folder.ledger, folder)));
        let mut folders: Vec<FolderPosition> = folders.into_values().collect();
        folders.sort_by(|a, b| (&a.folder, a.ledger).cmp(&(&b.folder, b.ledger)));
        let mut tables: Vec<TablePosition> = self.tables.values().cloned().collect();
        tables.sort_by(|a, b| a.table.cmp(&b.table));
        let lists_all = self.links == 0 || self.links >= MAX_LINKS;
        let mut taken_before: Vec<TakenFile> = Vec::new();
        if lists_all {
            taken_before.extend(self.files.iter().map(|((store, path), stamp)| TakenFile {
                store: store.clone(),
                path: path.clone(),
                stamp: stamp.clone(),
                partition_values: Vec::new(),
            }));
            taken_before.sort_by(|a, b| (&a.store, &a.path).cmp(&(&b.store, &b.path)));
        }
        PlannedFlow {
            table: table.to_owned(),
            flow: flow.to_owned(),
            follows: self.number,
            restarts: self.restarts,
            links: if lists_all { 0 } else { self.links },
            sources,
            columns: self.columns.clone(),
            folders,
            tables,
            taken_before,
        }
    }
}
