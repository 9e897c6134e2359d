//! Parquet sources whose folder is a Delta table, such as a gold table.

use std::collections::HashMap;
use std::sync::Arc;

use sluice_gold::{GoldTable, Snapshot};
use sluice_jobfile::{self as jobfile, Format};
use sluice_storage::{Listing, SourceLocation, StoreError, Stores};

use super::AnalyzeError;

/// Leaves only the files of one version in the list of a Parquet source: of that among
/// `published`, by the URL of the folder, or of the newest.
/// The folder of a Delta table also holds files of older versions, and of jobs that
/// did not reach their commit; their rows are not the table's.
///
/// # Errors
/// When the table cannot be read, for example because rows were deleted from its
/// files, or when a file of it is missing.
pub(super) async fn retain_committed(
    source: &jobfile::Source,
    (stores, published): (&Stores, &HashMap<String, Arc<Snapshot>>),
    mut listing: Listing,
) -> Result<Listing, AnalyzeError> {
    if source.format != Format::Parquet {
        return Ok(listing);
    }
    let base = listing.source.base();
    if listing.files.iter().any(|file| file.path == *base.path()) {
        // The source is one file.
        return Ok(listing);
    }
    let snapshot = async {
        if let Some(published) = published.get(base.url().as_str()) {
            return Ok(Some(Arc::clone(published)));
        }
        let table = GoldTable::open_at(stores, base, &source.name)?;
        table.load_readable().await
    };
    let snapshot = snapshot.await.map_err(|error| AnalyzeError::Gold {
        what: format!("source {}", source.name),
        source: Box::new(error),
    })?;
    let Some(snapshot) = snapshot else {
        return Ok(listing);
    };
    let mut by_path: HashMap<String, _> = std::mem::take(&mut listing.files)
        .into_iter()
        .map(|file| (file.path.to_string(), file))
        .collect();
    let found = by_path.len();
    // A pattern may select some of the files.
    let whole = matches!(listing.source, SourceLocation::Single(_));
    for file in &snapshot.files {
        let path = match base.path().as_ref() {
            "" => file.path.clone(),
            base => format!("{base}/{}", file.path),
        };
        match by_path.remove(&path) {
            Some(file) => listing.files.push(file),
            None if whole => {
                let missing = object_store::Error::NotFound {
                    path,
                    source: format!("version {} of the Delta table names it", snapshot.version)
                        .into(),
                };
                return Err(AnalyzeError::Store {
                    what: format!("source {}", source.name),
                    source: Box::new(StoreError::access("read", base, missing)),
                });
            }
            None => {}
        }
    }
    if listing.files.is_empty() {
        return Err(AnalyzeError::Store {
            what: format!("source {}", source.name),
            source: Box::new(StoreError::Empty {
                location: listing.source.to_string(),
                skipped: found,
            }),
        });
    }
    listing.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(listing)
}
