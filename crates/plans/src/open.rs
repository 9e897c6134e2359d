//! The files that a plan takes of a source.

use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt as _};
use sluice_landing::{LandedFile, LandedFilesError, TopicLanding};
use sluice_storage::{Listing, SourceFile, SourceLocation, StorePath, Stores};

use crate::entry::{FileStamp, FolderRange, SourceInput, TakenFile};
use crate::error::PlanError;

/// How many files are looked up at the same time.
const CONCURRENT_LOOKUPS: usize = 16;

/// The files that a plan takes of the source at `location`, as they were when the plan
/// was made: a run that is repeated has the same.
///
/// # Errors
/// When a file is missing or has other content, or a ledger other entries.
pub async fn open_input(
    stores: &Stores,
    location: &str,
    input: &SourceInput,
) -> Result<Listing, PlanError> {
    let source: SourceLocation = stores.parse_source(location)?;
    let opened = stores.open(source.base())?;
    let mut files = Vec::new();
    for range in &input.folders {
        files.extend(open_range(stores, range).await?);
    }
    let lookups: Vec<_> = input
        .files
        .iter()
        .map(|file| open_file(&opened, file).boxed())
        .collect();
    let listed: Vec<SourceFile> = futures::stream::iter(lookups)
        .buffered(CONCURRENT_LOOKUPS)
        .try_collect()
        .await?;
    files.extend(listed);
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(Listing {
        store: opened.store,
        source,
        files,
        skipped: 0,
        foreign: Vec::new(),
    })
}

async fn open_range(stores: &Stores, range: &FolderRange) -> Result<Vec<SourceFile>, PlanError> {
    match find_files(stores, range).await {
        // It may have been joined, and deleted, after it was looked for in joined files.
        Err(PlanError::Landed(LandedFilesError::Missing { .. })) => find_files(stores, range).await,
        found => found,
    }
}

async fn find_files(stores: &Stores, range: &FolderRange) -> Result<Vec<SourceFile>, PlanError> {
    let folder = stores.parse_location(&range.folder)?;
    let opened = stores.open(&folder)?;
    let landing = TopicLanding::open(opened.clone())?;
    let last = range.to.saturating_sub(1);
    let entry = landing.ledger().read_entry(last).await?;
    if entry.is_none_or(|entry| entry.id != range.last_id) {
        return Err(PlanError::OtherLedger {
            folder: folder.to_string(),
            problem: format!("entry {last} is missing or another one"),
        });
    }
    let landed = landing.landed_files(range.from..=last).await?;
    let lookups: Vec<_> = landed
        .into_iter()
        .map(|file| open_landed(&opened, file).boxed())
        .collect();
    futures::stream::iter(lookups)
        .buffered(CONCURRENT_LOOKUPS)
        .try_collect()
        .await
}

async fn open_landed(folder: &StorePath, file: LandedFile) -> Result<SourceFile, PlanError> {
    let file = match file.into_joined_source_file() {
        Ok(joined) => return Ok(joined),
        Err(file) => file,
    };
    let path = &file.path;
    match folder.store.head(path).await {
        Ok(meta) if meta.size == file.bytes => Ok(source_file(meta, Vec::new())),
        Ok(meta) => Err(PlanError::Landed(LandedFilesError::Size {
            location: folder.location.display_path(path),
            seq: file.seq,
            found: meta.size,
            expected: file.bytes,
        })),
        Err(object_store::Error::NotFound { .. }) => {
            Err(PlanError::Landed(LandedFilesError::Missing {
                location: folder.location.display_path(path),
                seq: file.seq,
            }))
        }
        Err(error) => Err(folder.access_error("read", path, error).into()),
    }
}

async fn open_file(base: &StorePath, file: &TakenFile) -> Result<SourceFile, PlanError> {
    let path = Path::parse(&file.path)
        .map_err(|error| base.access_error("read", base.path(), error.into()))?;
    let changed = |now: String| PlanError::InputChanged {
        location: base.location.display_path(&path),
        then: file.stamp.describe(),
        now,
    };
    match base.store.head(&path).await {
        Ok(meta) => {
            let found = source_file(meta, file.partition_values.clone());
            let stamp = FileStamp::of(&found);
            match file.stamp.is_same(&stamp) {
                true => Ok(found),
                false => Err(changed(stamp.describe())),
            }
        }
        Err(object_store::Error::NotFound { .. }) => {
            Err(changed("no file of that name".to_owned()))
        }
        Err(error) => Err(base.access_error("read", &path, error).into()),
    }
}

fn source_file(meta: ObjectMeta, partition_values: Vec<(String, Option<String>)>) -> SourceFile {
    SourceFile {
        path: meta.location,
        size: meta.size,
        last_modified: meta.last_modified,
        e_tag: meta.e_tag,
        partition_values,
        stored: None,
    }
}
