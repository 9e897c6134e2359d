//! Of a listing, what has landed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::TryStreamExt as _;
use object_store::path::Path;
use sluice_ledger::LedgerError;
use sluice_storage::{Listing, Place, SourceFile, SourceLocation, StoreError, StoreErrorKind};
use thiserror::Error;

use crate::names::FileName;
use crate::read::{LandedFile, Landing};

/// Why it is not known what has landed, or not there.
#[derive(Debug, Error)]
pub enum CommittedError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// No ledger can be where the files are.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There are files, and none of them has landed.
    #[error(
        "nothing has landed in '{source_location}' yet: no ledger entry names the {files} files \
         there; run ingest-landing to its end, and then this again"
    )]
    Nothing {
        /// What was to be read.
        source_location: String,
        /// Files that were left out.
        files: usize,
    },
    /// A file that has landed is gone.
    #[error(
        "'{location}' is missing, and entry {seq} of the ledger beside it names it; restore it \
         from a backup, or ingest the offsets again with `ingest-landing replay`"
    )]
    Missing {
        /// The file.
        location: String,
        /// The entry.
        seq: u64,
    },
    /// A file that has landed is not as it was written.
    #[error(
        "'{location}' has {found} bytes, and entry {seq} of the ledger beside it says {expected}; \
         restore it from a backup, or ingest the offsets again with `ingest-landing replay`"
    )]
    Size {
        /// The file.
        location: String,
        /// The entry.
        seq: u64,
        /// Its bytes.
        found: u64,
        /// What the entry says.
        expected: u64,
    },
}

impl CommittedError {
    /// What the error means for storage, `None` when files are not what the
    /// ledger says, or the ledger is not what it should be.
    pub fn store_kind(&self) -> Option<StoreErrorKind> {
        match self {
            Self::Ledger(source) => source.store_kind(),
            Self::Store(source) => Some(source.kind()),
            Self::Nothing { .. } => Some(StoreErrorKind::Empty),
            Self::Missing { .. } | Self::Size { .. } => None,
        }
    }
}

/// Leaves out of a listing the files that look like landing files, lie beside a
/// ledger, and are not named by it: those of a batch that is not committed yet,
/// or never will be. Folders without a ledger are as they are listed.
///
/// # Errors
/// When a ledger cannot be read, nothing is left, or a file that a ledger names
/// is not what the ledger says. That a whole file is missing is seen when the
/// source is a folder; a pattern need not match them all.
pub async fn committed(mut listing: Listing) -> Result<Listing, CommittedError> {
    if let SourceLocation::Place(place) = &listing.source
        && listing.files.iter().any(|file| file.path == *place.path())
    {
        // A file that was asked for by its name is what was asked for.
        return Ok(listing);
    }
    let mut dropped = BTreeSet::new();
    for (folder, files) in by_folder(&listing.files) {
        let Some(landed) = landed(&listing, &folder).await? else {
            continue;
        };
        let whole =
            matches!(&listing.source, SourceLocation::Place(place) if *place.path() == folder);
        dropped.extend(unnamed(&files, &landed, whole)?);
    }
    let before = listing.files.len();
    listing.files.retain(|file| !dropped.contains(&file.path));
    listing.skipped += before - listing.files.len();
    if listing.files.is_empty() {
        return Err(CommittedError::Nothing {
            source_location: listing.source.to_string(),
            files: before,
        });
    }
    Ok(listing)
}

/// The files that have the names of landing files, by their folders.
fn by_folder(files: &[SourceFile]) -> BTreeMap<Path, Vec<SourceFile>> {
    let mut folders: BTreeMap<Path, Vec<SourceFile>> = BTreeMap::new();
    for file in files {
        let name = file.path.filename().unwrap_or_default();
        if FileName::parse(name).is_some() {
            let folder = parent(&file.path);
            folders.entry(folder).or_default().push(file.clone());
        }
    }
    folders
}

fn parent(path: &Path) -> Path {
    let parts: Vec<_> = path.parts().collect();
    parts
        .iter()
        .take(parts.len().saturating_sub(1))
        .cloned()
        .collect()
}

/// What the folder's ledger names; `None` where there is no ledger.
async fn landed(
    listing: &Listing,
    folder: &Path,
) -> Result<Option<Vec<LandedFile>>, CommittedError> {
    let base = listing.source.base();
    let below: Vec<_> = match folder.prefix_match(base.path()) {
        Some(parts) => parts.map(|part| part.as_ref().to_owned()).collect(),
        None => return Ok(None),
    };
    let location = match below.as_slice() {
        [] => base.clone(),
        below => base.join(&below.join("/"))?,
    };
    let landing = Landing::open(Place {
        store: listing.store.clone(),
        location,
    })?;
    let Some(newest) = landing.newest().await? else {
        return Ok(None);
    };
    Ok(Some(landing.files(0..=newest.seq).try_collect().await?))
}

/// The files that the ledger does not name.
fn unnamed(
    files: &[SourceFile],
    landed: &[LandedFile],
    whole: bool,
) -> Result<Vec<Path>, CommittedError> {
    let mut sizes: HashMap<&Path, u64> = files.iter().map(|file| (&file.path, file.size)).collect();
    for file in landed {
        match sizes.remove(file.location.path()) {
            Some(found) if found != file.bytes => {
                return Err(CommittedError::Size {
                    location: file.location.to_string(),
                    seq: file.seq,
                    found,
                    expected: file.bytes,
                });
            }
            None if whole => {
                return Err(CommittedError::Missing {
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
#[path = "committed_tests.rs"]
mod tests;
