//! What a source has that was not taken before.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use sluice_landing::{LEDGER_FOLDER, LandingFileName, TopicLanding};
use sluice_storage::{
    ListRules, ListedFolder, Location, SourceFile, SourceLocation, StorePath, Stores,
    list_with_folders,
};

use crate::entry::{FileStamp, FolderPosition, FolderRange, SourceInput, TakenFile};
use crate::error::PlanError;
use crate::taken::TakenInput;

/// What a source has in addition to what was taken.
#[derive(Debug, Clone, Default)]
pub struct NewInput {
    pub input: SourceInput,
    /// Up to where ledgers are taken after this.
    pub folders: Vec<FolderPosition>,
}

/// Finds what the source at `location` has in addition to `taken`.
///
/// A folder with a ledger is read by its ledger alone: what no entry names has not
/// landed, and what an earlier entry names was taken, whether its file is still there
/// or not. Of other folders the files are listed.
///
/// # Errors
/// When the source cannot be read, or when what was taken is no longer what it was.
pub async fn find_new_input(
    stores: &Stores,
    source: &str,
    location: &str,
    rules: &ListRules,
    taken: &TakenInput,
) -> Result<NewInput, PlanError> {
    let location = stores.parse_source(location)?;
    let mut new = NewInput {
        input: SourceInput {
            source: source.to_owned(),
            ..SourceInput::default()
        },
        folders: Vec::new(),
    };
    if let SourceLocation::Single(folder) = &location
        && !is_file(stores, folder).await?
    {
        refuse_delta_table(stores, folder).await?;
        if take_from_ledger(stores, folder, taken, &mut new).await? {
            return Ok(new);
        }
    }
    // A stream may begin, or have been archived, with nothing in its folder.
    let (listing, marked) =
        list_with_folders(stores, &location, rules, Some(LEDGER_FOLDER)).await?;
    let base = listing.source.base();
    let store = store_url(base);
    let mut folders = group_by_folder(&listing.files);
    // The files of a folder may all be in joined files.
    let whole: BTreeSet<Path> = marked
        .into_iter()
        .filter(ListedFolder::is_whole)
        .map(|folder| folder.path)
        .collect();
    for folder in &whole {
        folders.entry(folder.clone()).or_default();
    }
    for (path, files) in folders {
        let folder = folder_location(base, &path)?;
        let (landing, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| {
            let name = file.path.filename().unwrap_or_default();
            LandingFileName::parse(name).is_some()
        });
        let may_have_ledger = !landing.is_empty() || whole.contains(&path);
        let has_ledger =
            may_have_ledger && take_from_ledger(stores, &folder, taken, &mut new).await?;
        if has_ledger && selects_files(&listing.source, &folder) {
            return Err(PlanError::PatternInLanding {
                location: listing.source.to_string(),
                folder: folder.to_string(),
            });
        }
        let listed = if has_ledger { Vec::new() } else { landing };
        for file in others.into_iter().chain(listed) {
            take_file(&folder, &store, file, taken, &mut new)?;
        }
    }
    Ok(new)
}

/// Takes the new entries of a folder's ledger; `false` when it has none.
async fn take_from_ledger(
    stores: &Stores,
    folder: &Location,
    taken: &TakenInput,
    new: &mut NewInput,
) -> Result<bool, PlanError> {
    let url = folder.url().to_string();
    let other = |problem: String| PlanError::OtherLedger {
        folder: folder.to_string(),
        problem,
    };
    let landing = TopicLanding::open(stores.open(folder)?)?;
    let Some(newest) = landing.newest_entry().await? else {
        return match taken.folder_at(&url) {
            Some(_) => Err(other("it has no entries".to_owned())),
            None => Ok(false),
        };
    };
    let first = match newest.seq {
        0 => newest.id,
        _ => {
            let first = landing.ledger().read_entry(0).await?;
            first
                .ok_or_else(|| other("its first entry is missing".to_owned()))?
                .id
        }
    };
    let from = match taken.folder(first) {
        None => {
            if taken.folder_at(&url).is_some() {
                return Err(other("it begins with another entry".to_owned()));
            }
            if taken.has_files_in(&store_url(folder), folder.path()) {
                return Err(other("files were taken before it was made".to_owned()));
            }
            0
        }
        Some(position) => {
            let last = position.next.saturating_sub(1);
            let entry = landing.ledger().read_entry(last).await?;
            if entry.is_none_or(|entry| entry.id != position.last_id) {
                return Err(other(format!("entry {last} is missing or another one")));
            }
            position.next
        }
    };
    let to = newest.seq + 1;
    if from < to {
        new.input.folders.push(FolderRange {
            folder: url.clone(),
            from,
            to,
            last_id: newest.id,
        });
        new.folders.push(FolderPosition {
            ledger: first,
            folder: url,
            next: to,
            last_id: newest.id,
        });
    }
    Ok(true)
}

fn take_file(
    folder: &Location,
    store: &str,
    file: SourceFile,
    taken: &TakenInput,
    new: &mut NewInput,
) -> Result<(), PlanError> {
    let stamp = FileStamp::of(&file);
    match taken.file(store, file.path.as_ref()) {
        Some(then) if then.is_same(&stamp) => Ok(()),
        Some(then) => Err(PlanError::FileChanged {
            location: folder.display_path(&file.path),
            then: then.describe(),
            now: stamp.describe(),
        }),
        None => {
            new.input.files.push(TakenFile {
                store: store.to_owned(),
                path: file.path.to_string(),
                stamp,
                partition_values: file.partition_values,
            });
            Ok(())
        }
    }
}

fn group_by_folder(files: &[SourceFile]) -> BTreeMap<Path, Vec<SourceFile>> {
    let mut folders: BTreeMap<Path, Vec<SourceFile>> = BTreeMap::new();
    for file in files {
        let parts: Vec<_> = file.path.parts().collect();
        let above = parts.len().saturating_sub(1);
        let folder = parts.into_iter().take(above).collect();
        folders.entry(folder).or_default().push(file.clone());
    }
    folders
}

fn folder_location(base: &Location, folder: &Path) -> Result<Location, PlanError> {
    let below: Vec<String> = match folder.prefix_match(base.path()) {
        Some(parts) => parts.map(|part| part.as_ref().to_owned()).collect(),
        None => Vec::new(),
    };
    Ok(match below.as_slice() {
        [] => base.clone(),
        below => base.join(&below.join("/"))?,
    })
}

/// Whether a pattern matches the files of a folder, and not the folder.
fn selects_files(source: &SourceLocation, folder: &Location) -> bool {
    match source {
        SourceLocation::Single(_) => false,
        SourceLocation::Pattern { base, segments } => {
            let depth = |location: &Location| location.path().parts().count();
            depth(folder) < depth(base) + segments.len()
        }
    }
}

/// Whether a location is a file, and no folder.
///
/// # Errors
/// When the store cannot be asked.
pub async fn is_file(stores: &Stores, location: &Location) -> Result<bool, PlanError> {
    let opened = stores.open(location)?;
    match opened.store.head(location.path()).await {
        Ok(_) => Ok(true),
        Err(object_store::Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(opened.access_error("read", location.path(), error).into()),
    }
}

async fn refuse_delta_table(stores: &Stores, folder: &Location) -> Result<(), PlanError> {
    let opened: StorePath = stores.open(folder)?;
    let log = folder.child("_delta_log")?;
    let mut objects = opened.store.list(Some(log.path()));
    match objects.next().await {
        Some(Ok(_)) => Err(PlanError::DeltaTable {
            location: folder.to_string(),
        }),
        Some(Err(error)) => Err(opened.access_error("list", log.path(), error).into()),
        None => Ok(()),
    }
}

/// The URL of a location's store, without a path.
fn store_url(location: &Location) -> String {
    let url = location.url();
    let host = url.host_str().unwrap_or_default();
    format!("{}://{host}", url.scheme())
}
