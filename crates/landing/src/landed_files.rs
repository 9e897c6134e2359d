//! Lists the landed files of a source.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures::TryStreamExt as _;
use object_store::path::Path;
use sluice_ledger::LedgerError;
use sluice_storage::{
    ListRules, Listing, SourceFile, SourceLocation, StoreError, StoreErrorKind, StorePath, Stores,
    list_source,
};
use thiserror::Error;

use crate::file_name::LandingFileName;
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
}

impl LandedFilesError {
    /// The kind of the store's error, `None` when files do not match the ledger or
    /// the ledger is not valid.
    pub fn store_kind(&self) -> Option<StoreErrorKind> {
        match self {
            Self::Ledger(source) => source.store_kind(),
            Self::Store(source) => Some(source.kind()),
            Self::Nothing { .. } => Some(StoreErrorKind::Empty),
            Self::Missing { .. } | Self::Size { .. } => None,
        }
    }
}

/// What each folder's ledger names; `None` where a folder has no ledger.
type Ledgers = BTreeMap<Path, Option<Vec<LandedFile>>>;

/// Lists the files of a source without those that have names of landing files, are in
/// a folder with a ledger, and are not named by that ledger. They belong to a batch
/// that is not committed yet or never will be. Folders without a ledger are listed as
/// they are.
///
/// Ingest may commit meanwhile. The ledgers decide which files there are: all of the
/// entries that they had when they were read.
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
    let listing = list_source(stores, source, rules).await?;
    retain_landed(listing, async || list_source(stores, source, rules).await).await
}

/// Removes from a listing the files that have not landed. `list_again` lists the
/// source once more.
async fn retain_landed(
    mut listing: Listing,
    list_again: impl AsyncFnOnce() -> Result<Listing, StoreError>,
) -> Result<Listing, LandedFilesError> {
    if let SourceLocation::Single(place) = &listing.source
        && listing.files.iter().any(|file| file.path == *place.path())
    {
        // A single file that is the source itself is read in any case.
        return Ok(listing);
    }
    let mut ledgers = Ledgers::new();
    for folder in group_by_folder(&listing.files).into_keys() {
        let landed = files_in_ledger(&listing, &folder).await?;
        ledgers.insert(folder, landed);
    }
    if misses_landed(&listing, &ledgers) {
        // A file that landed while the folder was listed may not be in the list; every
        // file that an entry named before is in the next one.
        listing = list_again().await?;
    }
    let mut dropped = BTreeSet::new();
    for (folder, files) in group_by_folder(&listing.files) {
        match ledgers.get(&folder) {
            Some(None) => {}
            Some(Some(landed)) => {
                let whole_folder = matches!(
                    &listing.source,
                    SourceLocation::Single(place) if *place.path() == folder
                );
                dropped.extend(files_not_in_ledger(&files, landed, whole_folder)?);
            }
            // A folder that appeared meanwhile.
            None => dropped.extend(files.into_iter().map(|file| file.path)),
        }
    }
    let listed_files = listing.files.len();
    listing.files.retain(|file| !dropped.contains(&file.path));
    listing.skipped += listed_files - listing.files.len();
    if listing.files.is_empty() {
        return Err(LandedFilesError::Nothing {
            source_location: listing.source.to_string(),
            files: listed_files,
        });
    }
    Ok(listing)
}

/// Whether a ledger names a file that is not in the listing.
fn misses_landed(listing: &Listing, ledgers: &Ledgers) -> bool {
    let listed: HashSet<&Path> = listing.files.iter().map(|file| &file.path).collect();
    let mut landed = ledgers.values().flatten().flatten();
    landed.any(|file| !listed.contains(file.location.path()))
}

/// The files with names of landing files, by folder.
fn group_by_folder(files: &[SourceFile]) -> BTreeMap<Path, Vec<SourceFile>> {
    let mut folders: BTreeMap<Path, Vec<SourceFile>> = BTreeMap::new();
    for file in files {
        let name = file.path.filename().unwrap_or_default();
        if LandingFileName::parse(name).is_some() {
            let folder = parent_folder(&file.path);
            folders.entry(folder).or_default().push(file.clone());
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
    Ok(Some(
        landing.landed_files(0..=newest.seq).try_collect().await?,
    ))
}

/// The files that the ledger does not name.
fn files_not_in_ledger(
    files: &[SourceFile],
    landed: &[LandedFile],
    whole_folder: bool,
) -> Result<Vec<Path>, LandedFilesError> {
    let mut sizes: HashMap<&Path, u64> = files.iter().map(|file| (&file.path, file.size)).collect();
    for file in landed {
        match sizes.remove(file.location.path()) {
            Some(found) if found != file.bytes => {
                return Err(LandedFilesError::Size {
                    location: file.location.to_string(),
                    seq: file.seq,
                    found,
                    expected: file.bytes,
                });
            }
            None if whole_folder => {
                return Err(LandedFilesError::Missing {
                    location: file.location.to_string(),
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
