//! Reads, lists and deletes local files, whatever their names.
//!
//! `object_store`'s local store converts paths by way of URLs. It fails for a
//! whole folder if one name in it has a control character or is not UTF-8.

use std::collections::VecDeque;
use std::fs::{DirEntry, File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path as FsPath;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    Attributes, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, ObjectMeta,
    Result,
};

use crate::durable::{STORE, call_error, run_blocking};
use crate::local_names::{local_path, segment_from_name};
use crate::temporary::is_temporary;

/// Opens a file. The bytes are read from the returned file.
pub(crate) fn open_object(location: Path, options: &GetOptions) -> Result<GetResult> {
    let path = local_path(&location);
    let file = File::open(&path).map_err(call_error("open", &path))?;
    let metadata = file.metadata().map_err(call_error("read", &path))?;
    if metadata.is_dir() {
        let source = io::Error::from(io::ErrorKind::IsADirectory).into();
        let path = path.display().to_string();
        return Err(Error::NotFound { path, source });
    }
    let meta = object_meta(location, &metadata);
    options.check_preconditions(&meta)?;
    let range = match &options.range {
        Some(range) => range.as_range(meta.size).map_err(range_error)?,
        None => 0..meta.size,
    };
    Ok(GetResult {
        payload: GetResultPayload::File(file, path),
        attributes: Attributes::default(),
        range,
        meta,
    })
}

/// Reads parts of a file.
pub(crate) fn read_ranges(location: &Path, ranges: Vec<Range<u64>>) -> Result<Vec<Bytes>> {
    let path = local_path(location);
    let file = File::open(&path).map_err(call_error("open", &path))?;
    let size = file.metadata().map_err(call_error("read", &path))?.len();
    let read = |range: Range<u64>| {
        let range = GetRange::Bounded(range)
            .as_range(size)
            .map_err(range_error)?;
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, range.start)
            .map_err(call_error("read", &path))?;
        Ok(Bytes::from(bytes))
    };
    ranges.into_iter().map(read).collect()
}

fn range_error(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Generic {
        store: STORE,
        source: source.into(),
    }
}

/// Deletes a file; a missing one is an error.
pub(crate) fn delete_object(location: &Path) -> Result<()> {
    let path = local_path(location);
    std::fs::remove_file(&path).map_err(call_error("delete", &path))
}

/// The files and folders in a folder. A missing folder is empty. Symbolic links
/// are followed; files that are being written, links to nothing, pipes and
/// devices are left out.
pub(crate) fn list_folder(prefix: &Path) -> Result<ListResult> {
    let mut listed = ListResult {
        common_prefixes: Vec::new(),
        objects: Vec::new(),
    };
    let folder = local_path(prefix);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(listed);
        }
        Err(error) => return Err(call_error("list", &folder)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(call_error("list", &folder))?;
        let metadata = match followed_metadata(&entry) {
            Ok(metadata) => metadata,
            // Removed in the meantime, or a link to nothing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(call_error("read", &entry.path())(error)),
        };
        let location = child_path(prefix, &segment_from_name(&entry.file_name()))?;
        if metadata.is_dir() {
            listed.common_prefixes.push(location);
        } else if metadata.is_file() && !location.filename().is_some_and(is_temporary) {
            listed.objects.push(object_meta(location, &metadata));
        }
    }
    listed.common_prefixes.sort_unstable();
    Ok(listed)
}

/// What an entry is, or what it links to. The name of anything but a link is looked up in
/// its folder only: in a folder of a million files, paths would take longer than files.
fn followed_metadata(entry: &DirEntry) -> io::Result<Metadata> {
    match entry.file_type()?.is_symlink() {
        true => std::fs::metadata(entry.path()),
        false => entry.metadata(),
    }
}

fn child_path(prefix: &Path, segment: &str) -> Result<Path> {
    Ok(Path::parse(format!("{prefix}/{segment}"))?)
}

/// Every file in a folder and below it.
pub(crate) fn list_below(prefix: Path) -> BoxStream<'static, Result<ObjectMeta>> {
    // Each folder with those above it, to find links that lead back up.
    let pending = VecDeque::from([(prefix, Vec::new())]);
    futures::stream::try_unfold(pending, |mut pending| async move {
        let Some((folder, above)) = pending.pop_front() else {
            return Ok(None);
        };
        let (objects, below) = run_blocking(move || list_level(&folder, above)).await?;
        pending.extend(below);
        let objects = futures::stream::iter(objects.into_iter().map(Ok));
        Ok(Some((objects, pending)))
    })
    .map(|level: Result<_>| match level {
        Ok(objects) => objects.left_stream(),
        Err(error) => futures::stream::iter([Err(error)]).right_stream(),
    })
    .flatten()
    .boxed()
}

/// Device and inode of a folder.
type FolderId = (u64, u64);

type Level = (Vec<ObjectMeta>, Vec<(Path, Vec<FolderId>)>);

fn list_level(folder: &Path, mut above: Vec<FolderId>) -> Result<Level> {
    let path = local_path(folder);
    let metadata = match std::fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Level::default()),
        Err(error) => return Err(call_error("list", &path)(error)),
    };
    let id = (metadata.dev(), metadata.ino());
    if above.contains(&id) {
        let error = io::Error::other("it is a link to a folder above it");
        return Err(call_error("list", &path)(error));
    }
    above.push(id);
    let listed = list_folder(folder)?;
    let below = listed.common_prefixes.into_iter();
    let below = below.map(|folder| (folder, above.clone())).collect();
    Ok((listed.objects, below))
}

fn object_meta(location: Path, metadata: &Metadata) -> ObjectMeta {
    ObjectMeta {
        location,
        last_modified: metadata
            .modified()
            .unwrap_or(std::time::SystemTime::UNIX_EPOCH)
            .into(),
        size: metadata.len(),
        e_tag: Some(e_tag(metadata)),
        version: None,
    }
}

/// The same tag as `object_store`'s local store makes.
pub(crate) fn e_tag(metadata: &Metadata) -> String {
    let modified = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(std::time::SystemTime::UNIX_EPOCH).ok())
        .unwrap_or_default()
        .as_micros();
    format!("{:x}-{modified:x}-{:x}", metadata.ino(), metadata.len())
}

/// An entry of a folder that is neither a file nor a folder.
#[derive(Debug)]
pub(crate) struct UnreadableEntry {
    pub(crate) path: Path,
    pub(crate) reason: &'static str,
}

/// The entries that [`list_folder`] leaves out although they have a name that
/// people may have meant to be read.
pub(crate) fn unreadable_entries(prefix: &Path) -> Result<Vec<UnreadableEntry>> {
    let folder = local_path(prefix);
    let mut found = Vec::new();
    let entries = std::fs::read_dir(&folder).map_err(call_error("list", &folder))?;
    for entry in entries {
        let entry = entry.map_err(call_error("list", &folder))?;
        let kind = entry.file_type().map_err(call_error("read", &folder))?;
        if kind.is_file() || kind.is_dir() {
            continue;
        }
        if let Some(reason) = reason_unreadable(&entry.path()) {
            let path = child_path(prefix, &segment_from_name(&entry.file_name()))?;
            found.push(UnreadableEntry { path, reason });
        }
    }
    Ok(found)
}

fn reason_unreadable(path: &FsPath) -> Option<&'static str> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() || metadata.is_dir() => None,
        Ok(_) => Some("it is a pipe, a socket or a device; remove it"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A file that was removed in the meantime is no link either.
            std::fs::read_link(path).is_ok().then_some(
                "it is a link to a file that does not exist; repair the link or remove it",
            )
        }
        Err(_) => Some("it is a link that cannot be followed; repair the link or remove it"),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    use futures::TryStreamExt as _;

    use super::*;

    fn folder_path(folder: &tempfile::TempDir) -> Path {
        Path::from_absolute_path(folder.path()).unwrap()
    }

    #[tokio::test]
    async fn names_of_any_bytes_are_listed_and_read() {
        let folder = tempfile::tempdir().unwrap();
        let names: [&[u8]; 6] = [
            b"a\tb\n",
            b"\xff\xfe",
            b" ",
            b"a%09b",
            b"b#1.csv",
            b"\\\"*?[",
        ];
        let below = folder.path().join("c=\x01");
        std::fs::create_dir(&below).unwrap();
        for name in names {
            std::fs::write(folder.path().join(OsStr::from_bytes(name)), name).unwrap();
            std::fs::write(below.join(OsStr::from_bytes(name)), name).unwrap();
        }
        std::fs::write(folder.path().join("being written#12"), "").unwrap();
        let prefix = folder_path(&folder);
        let listed = list_folder(&prefix).unwrap();
        assert_eq!((listed.objects.len(), listed.common_prefixes.len()), (6, 1));
        let all: Vec<_> = list_below(prefix).try_collect().await.unwrap();
        assert_eq!(all.len(), 12);
        for meta in all {
            let got = open_object(meta.location.clone(), &GetOptions::default()).unwrap();
            let bytes = got.bytes().await.unwrap();
            assert!(names.contains(&&bytes[..]) && meta.size == bytes.len() as u64);
            delete_object(&meta.location).unwrap();
            let error = open_object(meta.location, &GetOptions::default()).unwrap_err();
            assert!(matches!(error, Error::NotFound { .. }));
        }
    }

    #[tokio::test]
    async fn links_are_followed_and_loops_end() {
        let folder = tempfile::tempdir().unwrap();
        let real = tempfile::tempdir().unwrap();
        std::fs::write(real.path().join("a.json"), "x").unwrap();
        symlink(real.path(), folder.path().join("day=1")).unwrap();
        symlink(real.path().join("a.json"), folder.path().join("b.json")).unwrap();
        let prefix = folder_path(&folder);
        let all: Vec<_> = list_below(prefix.clone()).try_collect().await.unwrap();
        assert_eq!(all.len(), 2);
        symlink("nothing", folder.path().join("c.json")).unwrap();
        assert_eq!(list_folder(&prefix).unwrap().objects.len(), 1);
        let unreadable = unreadable_entries(&prefix).unwrap();
        assert_eq!(unreadable.len(), 1);
        assert!(unreadable[0].path.as_ref().ends_with("/c.json"));
        symlink(folder.path(), folder.path().join("day=2")).unwrap();
        let error = list_below(prefix)
            .try_collect::<Vec<_>>()
            .await
            .unwrap_err();
        assert!(error.to_string().contains("a link to a folder above it"));
    }

    #[tokio::test]
    async fn what_does_not_exist_is_empty_and_a_folder_is_no_object() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder_path(&folder).join("missing");
        let listed = list_folder(&missing).unwrap();
        assert!(listed.objects.is_empty() && listed.common_prefixes.is_empty());
        assert!(list_below(missing).next().await.is_none());
        let error = open_object(folder_path(&folder), &GetOptions::default()).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    }
}
