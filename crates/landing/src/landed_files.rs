//! Lists the landed files of a source.

use std::collections::{BTreeMap, HashMap, HashSet};

use object_store::path::Path;
use sluice_ledger::LedgerError;
use sluice_storage::{
    ListRules, ListedFolder, Listing, Location, SourceFile, SourceLocation, StoreError,
    StoreErrorKind, StorePath, Stores, list_with_folders,
};
use thiserror::Error;

use crate::file_name::{LEDGER_FOLDER, LandingFileName};
use crate::topic_landing::{LandedFile, TopicLanding};

/// Why the landed files of a listing cannot be determined or used.
#[derive(Debug, Error)]
pub enum LandedFilesError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The folder of the files cannot have a ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There are files, and none of them has landed.
    #[error(
        "nothing has landed in '{source_location}' yet: no ledger entry names the {files} files \
         there; let ingest-landing finish, then retry"
    )]
    Nothing {
        source_location: String,
        /// The number of files that have not landed.
        files: usize,
    },
    /// A landed file is missing.
    #[error(
        "'{location}' is missing, but entry {seq} of its topic's ledger names it; restore it \
         from a backup, or ingest the offsets again with `ingest-landing replay`"
    )]
    Missing { location: String, seq: u64 },
    /// A landed file does not have the size that was written.
    #[error(
        "'{location}' has {found} bytes, but entry {seq} of its topic's ledger says {expected}; \
         restore it from a backup, or ingest the offsets again with `ingest-landing replay`"
    )]
    Size {
        location: String,
        seq: u64,
        found: u64,
        /// The size in the entry.
        expected: u64,
    },
    /// A joined file is missing.
    #[error(
        "'{location}' is missing, but entry {seq} of its topic's ledger of joined files names it; \
         restore it from a backup"
    )]
    JoinedMissing { location: String, seq: u64 },
    /// A joined file does not have the size that was written.
    #[error(
        "'{location}' has {found} bytes, but entry {seq} of its topic's ledger of joined files \
         says {expected}; restore it from a backup"
    )]
    JoinedSize {
        location: String,
        seq: u64,
        found: u64,
        /// The size in the entry.
        expected: u64,
    },
    /// The ledger of joined files is not one of the topic's ledger.
    #[error(
        "the ledger of joined files '{ledger}' does not fit the topic's ledger: {problem}; restore \
         both from the same backup"
    )]
    Joined { ledger: String, problem: String },
}

impl LandedFilesError {
    /// Whether a file is missing that an entry names.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::JoinedMissing { .. } => true,
            error => error.store_kind() == Some(StoreErrorKind::NotFound),
        }
    }

    /// The kind of the store's error, `None` when files do not match the ledger or
    /// the ledger is not valid.
    pub fn store_kind(&self) -> Option<StoreErrorKind> {
        match self {
            Self::Ledger(source) => source.store_kind(),
            Self::Store(source) => Some(source.kind()),
            Self::Nothing { .. } => Some(StoreErrorKind::Empty),
            Self::Missing { .. }
            | Self::Size { .. }
            | Self::JoinedMissing { .. }
            | Self::JoinedSize { .. }
            | Self::Joined { .. } => None,
        }
    }
}

/// What each folder's ledger names; `None` where a folder has no ledger.
type Ledgers = BTreeMap<Path, Option<Vec<LandedFile>>>;

/// A list of a source's files, with its folders that have a ledger.
type Listed = (Listing, Vec<ListedFolder>);

/// Lists the files of a source without those that have names of landing files, are in
/// a folder with a ledger, and are not named by that ledger. They belong to a batch
/// that is not committed yet or never will be. Folders without a ledger are listed as
/// they are.
///
/// Of a folder with a ledger, the files are those that its entries name and the source
/// selects, by their names when they landed, also when their bytes are in a joined file.
///
/// Ingest may commit meanwhile, and files may be joined. The ledgers decide which files
/// there are: all of the entries that they had when they were read.
///
/// # Errors
/// When the source cannot be listed, a ledger cannot be read, no file is left, or a
/// file does not match its ledger. A missing file is detected only when the source is
/// a folder, because a pattern need not match all files.
pub async fn list_landed(
    stores: &Stores,
    source: &SourceLocation,
    rules: &ListRules,
) -> Result<Listing, LandedFilesError> {
    match list_once(stores, source, rules).await {
        // It may have been joined, and deleted, after the ledger of joined files was read.
        Err(LandedFilesError::Missing { .. }) => list_once(stores, source, rules).await,
        listed => listed,
    }
}

async fn list_once(
    stores: &Stores,
    source: &SourceLocation,
    rules: &ListRules,
) -> Result<Listing, LandedFilesError> {
    let listed = list_with_folders(stores, source, rules, Some(LEDGER_FOLDER)).await?;
    let list_again = async || list_with_folders(stores, source, rules, Some(LEDGER_FOLDER)).await;
    retain_landed(listed, list_again).await
}

/// Removes from a listing the files that have not landed, and adds those that are in
/// joined files. `list_again` lists the source once more.
async fn retain_landed(
    (mut listing, mut marked): Listed,
    list_again: impl AsyncFnOnce() -> Result<Listed, StoreError>,
) -> Result<Listing, LandedFilesError> {
    if let SourceLocation::Single(place) = &listing.source
        && listing.files.iter().any(|file| file.path == *place.path())
    {
        // A single file that is the source itself is read in any case.
        return Ok(listing);
    }
    let mut ledgers = Ledgers::new();
    for folder in candidate_folders(&listing, &marked).into_keys() {
        let landed = files_in_ledger(&listing, &folder).await?;
        ledgers.insert(folder, landed);
    }
    if misses_landed(&listing, &ledgers) {
        // A file that landed while the folder was listed may not be in the list; every
        // file that an entry named before is in the next one.
        (listing, marked) = list_again().await?;
    }
    let mut dropped: HashSet<Path> = HashSet::new();
    let mut joined: Vec<SourceFile> = Vec::new();
    for (folder, files) in candidate_folders(&listing, &marked) {
        let files = files.into_iter().filter_map(|at| listing.files.get(at));
        match ledgers.remove(&folder) {
            Some(None) => {}
            Some(Some(mut landed)) => {
                let listed = marked.iter().find(|listed| listed.path == folder);
                landed.retain(|file| selects(listed, file));
                let whole_folder = matches!(
                    &listing.source,
                    SourceLocation::Single(place) if *place.path() == folder
                );
                let base = listing.source.base();
                dropped.extend(files_not_in_ledger(base, files, &landed, whole_folder)?);
                let values = listed.map(|listed| listed.partition_values.as_slice());
                joined.extend(joined_files(landed, values.unwrap_or_default()));
            }
            // A folder that appeared meanwhile.
            None => dropped.extend(files.map(|file| file.path.clone())),
        }
    }
    let listed_files = listing.files.len();
    let is_replaced = |file: &&SourceFile| dropped.contains(&file.path);
    listing.skipped += dropped.len() - joined.iter().filter(is_replaced).count();
    if !dropped.is_empty() {
        listing.files.retain(|file| !dropped.contains(&file.path));
    }
    if !joined.is_empty() {
        listing.files.append(&mut joined);
        listing.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    }
    if listing.files.is_empty() {
        let source_location = listing.source.to_string();
        return Err(match listed_files {
            0 => LandedFilesError::Store(StoreError::Empty {
                location: source_location,
                skipped: listing.skipped,
            }),
            files => LandedFilesError::Nothing {
                source_location,
                files,
            },
        });
    }
    Ok(listing)
}

/// Whether the source has a landed file, by its name.
fn selects(folder: Option<&ListedFolder>, file: &LandedFile) -> bool {
    folder.is_none_or(|folder| folder.accepts_name(file.path.filename().unwrap_or_default()))
}

/// The files whose bytes are in joined files.
fn joined_files(
    landed: Vec<LandedFile>,
    partition_values: &[(String, Option<String>)],
) -> impl Iterator<Item = SourceFile> {
    let files = landed.into_iter();
    let joined = files.filter_map(|file| file.into_joined_source_file().ok());
    joined.map(|file| SourceFile {
        partition_values: partition_values.to_vec(),
        ..file
    })
}

/// Whether a ledger names a file that is not in the listing nor in a joined file.
fn misses_landed(listing: &Listing, ledgers: &Ledgers) -> bool {
    let landed = ledgers.values().flatten().flatten();
    let mut small = landed.filter(|file| file.stored.is_none()).peekable();
    if small.peek().is_none() {
        return false;
    }
    let listed: HashSet<&Path> = listing.files.iter().map(|file| &file.path).collect();
    small.any(|file| !listed.contains(&file.path))
}

/// The folders that may have a ledger, with the positions in the listing of the files
/// that have names of landing files.
fn candidate_folders(listing: &Listing, marked: &[ListedFolder]) -> BTreeMap<Path, Vec<usize>> {
    let mut folders = group_by_folder(&listing.files);
    for folder in marked {
        folders.entry(folder.path.clone()).or_default();
    }
    folders
}

/// The positions of the files with names of landing files, by folder.
fn group_by_folder(files: &[SourceFile]) -> BTreeMap<Path, Vec<usize>> {
    let mut folders: BTreeMap<Path, Vec<usize>> = BTreeMap::new();
    let folder_text = |at: usize| {
        let path = files.get(at).map_or("", |file| file.path.as_ref());
        path.rsplit_once('/').map_or("", |(folder, _)| folder)
    };
    let landing_files: Vec<usize> = files
        .iter()
        .enumerate()
        .filter(|(_, file)| {
            let name = file.path.filename().unwrap_or_default();
            LandingFileName::parse(name).is_some()
        })
        .map(|(at, _)| at)
        .collect();
    // Nearly all neighbours are in one folder.
    for group in landing_files.chunk_by(|a, b| folder_text(*a) == folder_text(*b)) {
        if let Some(first) = group.first().and_then(|at| files.get(*at)) {
            let folder = parent_folder(&first.path);
            folders.entry(folder).or_default().extend(group);
        }
    }
    folders
}

fn parent_folder(path: &Path) -> Path {
    let parts: Vec<_> = path.parts().collect();
    parts
        .iter()
        .take(parts.len().saturating_sub(1))
        .cloned()
        .collect()
}

/// The files that the folder's ledger names; `None` without a ledger.
async fn files_in_ledger(
    listing: &Listing,
    folder: &Path,
) -> Result<Option<Vec<LandedFile>>, LandedFilesError> {
    let base = listing.source.base();
    let folders_below: Vec<_> = match folder.prefix_match(base.path()) {
        Some(parts) => parts.map(|part| part.as_ref().to_owned()).collect(),
        None => return Ok(None),
    };
    let location = match folders_below.as_slice() {
        [] => base.clone(),
        below => base.join(&below.join("/"))?,
    };
    let landing = TopicLanding::open(StorePath {
        store: listing.store.clone(),
        location,
    })?;
    let Some(newest) = landing.newest_entry().await? else {
        return Ok(None);
    };
    Ok(Some(landing.landed_files(0..=newest.seq).await?))
}

/// The listed files of a folder that are not read as they are listed: those that the
/// ledger does not name, and those whose bytes are read from joined files.
fn files_not_in_ledger<'a>(
    base: &Location,
    files: impl Iterator<Item = &'a SourceFile>,
    landed: &[LandedFile],
    whole_folder: bool,
) -> Result<Vec<Path>, LandedFilesError> {
    let mut sizes: HashMap<&Path, u64> = files.map(|file| (&file.path, file.size)).collect();
    for file in landed.iter().filter(|file| file.stored.is_none()) {
        match sizes.remove(&file.path) {
            Some(found) if found != file.bytes => {
                return Err(LandedFilesError::Size {
                    location: base.display_path(&file.path),
                    seq: file.seq,
                    found,
                    expected: file.bytes,
                });
            }
            None if whole_folder => {
                return Err(LandedFilesError::Missing {
                    location: base.display_path(&file.path),
                    seq: file.seq,
                });
            }
            _ => {}
        }
    }
    Ok(sizes.into_keys().cloned().collect())
}

#[cfg(test)]
mod tests;
