//! Lists the files of a source as Spark does.
//!
//! A folder has the files in it and in hive partition folders (`col=value`)
//! below it; other folders are skipped. A file has only itself. A pattern has
//! every file it matches, and the files of every folder it matches. A local
//! location that exists as it is written is no pattern. Names that start with
//! `_` or `.` are skipped, unless the job names them: `_SUCCESS`, `_ledger/` and
//! files in progress are not data. Other files and folders that are skipped are
//! returned, because they may have been meant.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ListResult, ObjectMeta, ObjectStore, ObjectStoreExt as _};

use crate::error::StoreError;
use crate::listed_folder::{ListedFolder, ListedNames};
use crate::local_reads::{UnreadableEntry, unreadable_entries};
use crate::location::{Location, SourceLocation};
use crate::partition::parse_folder;
use crate::stores::Stores;

/// How many folders of one level are listed at the same time.
const CONCURRENT_LISTINGS: usize = 16;

/// Which files of a folder belong to a source.
#[derive(Debug, Clone, Default)]
pub struct ListRules {
    /// Accept only names with one of these endings (`.json`, `.json.gz`), in upper
    /// or lower case; if empty, every name. Files that the job names itself are
    /// always accepted.
    pub suffixes: Vec<String>,
    /// Names with one of these endings (`.json.bz2`) are data that cannot be read:
    /// an error, because their rows would be missing.
    pub unreadable_suffixes: Vec<String>,
}

impl ListRules {
    /// Rules that accept names with one of these endings.
    pub fn with_suffixes<S: Into<String>>(suffixes: impl IntoIterator<Item = S>) -> Self {
        Self {
            suffixes: suffixes.into_iter().map(Into::into).collect(),
            unreadable_suffixes: Vec::new(),
        }
    }

    pub(crate) fn accepts_name(&self, name: &str) -> bool {
        !is_hidden(name)
            && (self.suffixes.is_empty() || find_suffix(&self.suffixes, name).is_some())
    }
}

/// The one of `suffixes` that a name ends with, in upper or lower case.
fn find_suffix<'a>(suffixes: &'a [String], name: &str) -> Option<&'a str> {
    let has_suffix = |suffix: &&String| {
        name.len()
            .checked_sub(suffix.len())
            .and_then(|at| name.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    };
    suffixes.iter().find(has_suffix).map(String::as_str)
}

/// One file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Path in the store.
    pub path: Path,
    /// Size in bytes.
    pub size: u64,
    /// When it was written.
    pub last_modified: DateTime<Utc>,
    /// A tag that changes with the content, if the store has one.
    pub e_tag: Option<String>,
    /// Values of the hive partition folders between the source and the file,
    /// outermost first; `None` is NULL.
    pub partition_values: Vec<(String, Option<String>)>,
    /// Where the bytes are, when they are a part of another file. The path is then a
    /// name under which nothing need exist.
    pub stored: Option<StoredRange>,
}

/// Where the bytes of a file are that is a part of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRange {
    /// The path of the other file, in the same store. Very many files can be parts of one.
    pub path: Arc<Path>,
    /// The offset of the first byte there.
    pub offset: u64,
}

/// The files of a source, with the store to read them from.
#[derive(Clone)]
pub struct Listing {
    /// The store of the whole file system or bucket.
    pub store: Arc<dyn ObjectStore>,
    /// The source that was listed.
    pub source: SourceLocation,
    /// Sorted by path; never empty when [`list_source`] made the list.
    pub files: Vec<SourceFile>,
    /// The number of files that the rules skipped.
    pub skipped: usize,
    /// Those of the skipped files whose names are not hidden, and the folders that
    /// are not hidden and no partitions, sorted.
    pub foreign: Vec<Path>,
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            store,
            source,
            files,
            skipped,
            foreign: _,
        } = self;
        write!(
            f,
            "{} files of {source} in {store} ({skipped} skipped)",
            files.len()
        )
    }
}

impl Listing {
    /// The size of all files in bytes.
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

/// Lists the files of a source. A source without files is an error:
/// [`crate::StoreErrorKind::NotFound`] if it does not exist, [`crate::StoreErrorKind::Empty`]
/// if it has no file that the rules accept.
pub async fn list_source(
    stores: &Stores,
    source: &SourceLocation,
    rules: &ListRules,
) -> Result<Listing, StoreError> {
    let (listing, _) = list_with_folders(stores, source, rules, None).await?;
    if listing.files.is_empty() {
        return Err(StoreError::Empty {
            location: listing.source.to_string(),
            skipped: listing.skipped,
        });
    }
    Ok(listing)
}

/// Lists the files of a source, which may be none, and those of its folders that have a
/// folder called `marker` in them.
///
/// # Errors
/// When the source does not exist or cannot be read.
pub async fn list_with_folders(
    stores: &Stores,
    source: &SourceLocation,
    rules: &ListRules,
    marker: Option<&str>,
) -> Result<(Listing, Vec<ListedFolder>), StoreError> {
    let literal = literal_location(source).await;
    let source = literal.as_ref().unwrap_or(source);
    let store = stores.open(source.base())?.store;
    let mut lister = Lister {
        store: store.as_ref(),
        base: source.base(),
        rules,
        marker,
        files: Vec::new(),
        folders: Vec::new(),
        skipped: 0,
        foreign: Vec::new(),
    };
    match source {
        SourceLocation::Single(place) => lister.list_location(place).await?,
        SourceLocation::Pattern { base, segments } => lister.list_pattern(base, segments).await?,
    }
    let Lister {
        mut files,
        folders,
        skipped,
        mut foreign,
        ..
    } = lister;
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    foreign.sort_unstable();
    let listing = Listing {
        store,
        source: source.clone(),
        files,
        skipped,
        foreign,
    };
    Ok((listing, folders))
}

/// The location of a pattern that exists as it is written, such as a folder
/// called `a[1]`.
async fn literal_location(source: &SourceLocation) -> Option<SourceLocation> {
    let location = source.without_wildcards()?;
    let path = location.local_path()?;
    let exists = tokio::task::spawn_blocking(move || path.exists()).await;
    matches!(exists, Ok(true)).then_some(SourceLocation::Single(location))
}

pub(crate) fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
}

struct Lister<'a> {
    store: &'a dyn ObjectStore,
    base: &'a Location,
    rules: &'a ListRules,
    marker: Option<&'a str>,
    files: Vec<SourceFile>,
    /// The folders with the marker.
    folders: Vec<ListedFolder>,
    skipped: usize,
    foreign: Vec<Path>,
}

impl Lister<'_> {
    async fn list_location(&mut self, location: &Location) -> Result<(), StoreError> {
        match local_kind(location).await? {
            Some(LocalKind::Folder) => {
                let listed = self.list_folder(location.path()).await?;
                return self.take_folder(listed).await;
            }
            Some(LocalKind::File) => {
                let meta = self.head_object(location).await?;
                self.take_file(meta, &[]);
                return Ok(());
            }
            None => {}
        }
        // A bucket has no folders: an empty listing may mean that this is an
        // object, or that it does not exist.
        let listed = self.list_folder(location.path()).await?;
        if listed.objects.is_empty() && listed.common_prefixes.is_empty() {
            let meta = self.head_object(location).await?;
            self.take_file(meta, &[]);
            return Ok(());
        }
        self.take_folder(listed).await
    }

    async fn list_pattern(
        &mut self,
        base: &Location,
        segments: &[glob::Pattern],
    ) -> Result<(), StoreError> {
        // Distinguishes a missing base folder from a pattern without matches.
        local_kind(base).await?;
        let mut folders = vec![(base.path().clone(), Vec::new())];
        for (depth, segment) in segments.iter().enumerate() {
            let last = depth + 1 == segments.len();
            let include_hidden = is_hidden(segment.as_str());
            let mut next = Vec::new();
            for (values, listed) in self.list_folders(folders).await? {
                if last {
                    let names = ListedNames::Pattern(segment.clone());
                    self.note_marked(&listed, &values, names);
                }
                for path in listed.common_prefixes {
                    let name = path.filename().unwrap_or_default();
                    if segment.matches(name) && (include_hidden || !is_hidden(name)) {
                        let values = with_partition(&values, name);
                        next.push((path, values));
                    }
                }
                for meta in listed.objects.into_iter().filter(|_| last) {
                    let name = meta.location.filename().unwrap_or_default();
                    if !segment.matches(name) {
                        continue;
                    }
                    if include_hidden || !is_hidden(name) {
                        self.take_file(meta, &values);
                    } else {
                        self.skipped += 1;
                    }
                }
            }
            folders = next;
        }
        // Each folder that the last segment matched is listed like a source.
        for (values, listed) in self.list_folders(folders).await? {
            self.take_partition_folders(listed, values).await?;
        }
        Ok(())
    }

    async fn take_folder(&mut self, listed: ListResult) -> Result<(), StoreError> {
        self.take_partition_folders(listed, Vec::new()).await
    }

    /// Takes the files of a folder, then those of its partition folders, level
    /// by level.
    async fn take_partition_folders(
        &mut self,
        listed: ListResult,
        values: PartitionValues,
    ) -> Result<(), StoreError> {
        let mut level = vec![(values, listed)];
        while !level.is_empty() {
            let mut folders = Vec::new();
            for (values, listed) in level {
                self.note_marked(&listed, &values, ListedNames::Rules(self.rules.clone()));
                for meta in listed.objects {
                    if self
                        .rules
                        .accepts_name(meta.location.filename().unwrap_or_default())
                    {
                        self.take_file(meta, &values);
                    } else {
                        self.skip_file(meta.location)?;
                    }
                }
                for path in listed.common_prefixes {
                    let name = path.filename().unwrap_or_default();
                    if is_hidden(name) {
                        continue;
                    }
                    if parse_folder(name).is_some() {
                        let values = with_partition(&values, name);
                        folders.push((path, values));
                    } else {
                        self.foreign.push(path);
                    }
                }
            }
            level = self.list_folders(folders).await?;
        }
        Ok(())
    }

    /// Notes the folder of this list if it has the marker.
    fn note_marked(
        &mut self,
        listed: &ListResult,
        values: &[(String, Option<String>)],
        names: ListedNames,
    ) {
        if let Some(marker) = self.marker {
            let found = ListedFolder::find_marked(listed, marker, values, names);
            self.folders.extend(found);
        }
    }

    async fn list_folders(
        &self,
        folders: Vec<(Path, PartitionValues)>,
    ) -> Result<Vec<(PartitionValues, ListResult)>, StoreError> {
        futures::stream::iter(folders)
            .map(|(path, values)| async move { Ok((values, self.list_folder(&path).await?)) })
            .buffered(CONCURRENT_LISTINGS)
            .try_collect()
            .await
    }

    async fn list_folder(&self, path: &Path) -> Result<ListResult, StoreError> {
        let listed = self
            .store
            .list_with_delimiter(Some(path))
            .await
            .map_err(|error| self.list_error(path, error))?;
        if self.base.local_path().is_some() {
            self.refuse_unreadable_entries(path).await?;
        }
        Ok(listed)
    }

    fn list_error(&self, path: &Path, source: object_store::Error) -> StoreError {
        let location = self.base.display_path(path);
        if matches!(source, object_store::Error::InvalidPath { .. }) {
            return StoreError::UnusableKey { location, source };
        }
        StoreError::access("list", location, source)
    }

    /// Fails if an entry of a local folder has a name of the source's files, but is
    /// a link to nothing or a pipe.
    async fn refuse_unreadable_entries(&self, folder: &Path) -> Result<(), StoreError> {
        let path = folder.clone();
        let entries = tokio::task::spawn_blocking(move || unreadable_entries(&path)).await;
        // What cannot be listed was reported before.
        let entries = entries.ok().and_then(Result::ok).unwrap_or_default();
        let ours = |entry: &UnreadableEntry| {
            let name = entry.path.filename().unwrap_or_default();
            self.rules.accepts_name(name)
        };
        match entries.into_iter().find(ours) {
            Some(entry) => Err(StoreError::Unreadable {
                location: self.base.display_path(&entry.path),
                reason: entry.reason.to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Skips a file that the rules do not accept.
    fn skip_file(&mut self, path: Path) -> Result<(), StoreError> {
        self.skipped += 1;
        let name = path.filename().unwrap_or_default();
        if is_hidden(name) {
            return Ok(());
        }
        if let Some(suffix) = find_suffix(&self.rules.unreadable_suffixes, name) {
            return Err(StoreError::Unreadable {
                location: self.base.display_path(&path),
                reason: format!(
                    "`{suffix}` is not a compression that can be read; decompress the file or \
                     compress it with gzip or zstd"
                ),
            });
        }
        self.foreign.push(path);
        Ok(())
    }

    async fn head_object(&self, location: &Location) -> Result<ObjectMeta, StoreError> {
        self.store
            .head(location.path())
            .await
            .map_err(|error| StoreError::access("read", location, error))
    }

    fn take_file(&mut self, meta: ObjectMeta, values: &[(String, Option<String>)]) {
        self.files.push(SourceFile {
            path: meta.location,
            size: meta.size,
            last_modified: meta.last_modified,
            e_tag: meta.e_tag,
            partition_values: values.to_vec(),
            stored: None,
        });
    }
}

type PartitionValues = Vec<(String, Option<String>)>;

fn with_partition(values: &[(String, Option<String>)], name: &str) -> PartitionValues {
    let mut values = values.to_vec();
    values.extend(parse_folder(name));
    values
}

enum LocalKind {
    Folder,
    File,
}

/// Whether a local location is a folder or a file; `None` for a bucket. A missing
/// or unreadable location is an error here, while the local store's listing
/// would be empty.
async fn local_kind(location: &Location) -> Result<Option<LocalKind>, StoreError> {
    let Some(path) = location.local_path() else {
        return Ok(None);
    };
    let result = tokio::task::spawn_blocking(move || {
        let metadata = std::fs::metadata(&path)?;
        if metadata.is_dir() {
            std::fs::read_dir(&path)?;
            return Ok(LocalKind::Folder);
        }
        Ok(LocalKind::File)
    })
    .await
    .map_err(std::io::Error::other)
    .and_then(|result| result);
    match result {
        Ok(kind) => Ok(Some(kind)),
        Err(error) => Err(StoreError::access("read", location, error)),
    }
}

#[cfg(test)]
mod tests;
