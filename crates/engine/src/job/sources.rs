//! Opens the sources of a job as tables.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::ObjectMeta;
use sluice_jobfile::{self as jobfile, Diagnostic, Format, codes};
use sluice_landing::{LandedFilesError, list_landed};
use sluice_storage::{ListRules, Listing, SourceFile};

use super::folder_columns::FolderColumns;
use super::{AnalyzeError, AnalyzeOptions, InputSummary};
use super::{arrow_types, delta_source, skipped_files};
use crate::parquet::{ParquetFile, ParquetTable};
use crate::source::{
    Compression, CsvOptions, CsvSyntax, InputFile, Mode, NdjsonOptions, NdjsonTable, NewFields,
    find_time_zone,
};

/// An opened source.
pub(super) struct OpenSource {
    pub(super) table: Arc<dyn TableProvider>,
    /// The same table, when its lines are read by our own scan and it can be narrowed.
    pub(super) ndjson: Option<Arc<NdjsonTable>>,
    /// The same table, when its files are Parquet.
    pub(super) parquet: Option<Arc<ParquetTable>>,
    pub(super) summary: InputSummary,
    pub(super) warnings: Vec<Diagnostic>,
}

/// Lists a source's files, unless they were, and makes a table of them. The run reads
/// exactly this list; files that arrive later belong to the next run.
pub(super) async fn open_source(
    source: &jobfile::Source,
    options: &AnalyzeOptions,
) -> Result<OpenSource, AnalyzeError> {
    let listing = match options.streams.listed.get(&source.name) {
        Some(listing) => listing.clone(),
        None => list_files(source, options).await?,
    };
    open_listing(source, listing, &options.session).await
}

/// Lists the files of a source that have landed, or are its Delta table's.
pub(super) async fn list_files(
    source: &jobfile::Source,
    options: &AnalyzeOptions,
) -> Result<Listing, AnalyzeError> {
    let stores = &options.stores;
    let store_error = |error| AnalyzeError::Store {
        what: format!("source {}", source.name),
        source: Box::new(error),
    };
    let location = stores.parse_source(&source.location).map_err(store_error)?;
    // A topic's folder also holds files of batches that have not landed.
    let listing = match list_landed(stores, &location, &list_rules(source)).await {
        Ok(listing) => listing,
        Err(LandedFilesError::Store(error)) => return Err(store_error(error)),
        Err(error) => {
            return Err(AnalyzeError::Landing {
                what: format!("source {}", source.name),
                source: Box::new(error),
            });
        }
    };
    let published = &options.streams.published;
    delta_source::retain_committed(source, (stores, published), listing).await
}

/// A table of the types of what is in these files; it has the columns
/// [`type_schema`](sluice_ndjson::type_schema).
pub(super) fn type_table(
    source: &jobfile::Source,
    listing: Listing,
    session: &SessionState,
) -> Result<NdjsonTable, DataFusionError> {
    let store = store_url(&listing)?;
    let time_zone = time_zone_of(source, session);
    let mut options = line_options(source, Vec::new(), time_zone);
    options.finds_types = true;
    let files = input_files(source, listing.files, &FolderColumns::none());
    let columns = sluice_ndjson::type_schema();
    Ok(NdjsonTable::new(columns, store, files, Arc::new(options)))
}

/// A table of these files of a source.
pub(super) async fn open_listing(
    source: &jobfile::Source,
    listing: Listing,
    session: &SessionState,
) -> Result<OpenSource, AnalyzeError> {
    let store = store_url(&listing).map_err(|error| engine_source_error(source, error))?;
    let time_zone = time_zone_of(source, session);
    let zone = find_time_zone(&time_zone).map_err(|error| engine_source_error(source, error))?;
    let folder_columns = FolderColumns::find(source, &listing, zone)?;
    let summary = InputSummary {
        name: source.name.clone(),
        location: listing.source.to_string(),
        files: listing.files.len() as u64,
        bytes: listing.total_bytes(),
    };
    let mut warnings: Vec<_> = skipped_files::warn_of_skipped(source, &listing)
        .into_iter()
        .collect();
    if source.format == Format::Parquet {
        let table = parquet_table(source, &listing, &folder_columns, store, session).await?;
        warnings.extend(warn_of_missing(source, table.missing_columns()));
        let table = Arc::new(table);
        return Ok(OpenSource {
            table: Arc::clone(&table) as _,
            ndjson: None,
            parquet: Some(table),
            summary,
            warnings,
        });
    }
    let table = Arc::new(ndjson_table(
        source,
        listing.files,
        &folder_columns,
        time_zone,
        store,
    ));
    Ok(OpenSource {
        table: Arc::clone(&table) as _,
        ndjson: Some(table),
        parquet: None,
        summary,
        warnings,
    })
}

/// The zone of times that name none: that of the source, or the session's.
pub(super) fn time_zone_of(source: &jobfile::Source, session: &SessionState) -> String {
    let of_session = || session.config_options().execution.time_zone.clone();
    let name = source.time_zone.clone().or_else(of_session);
    name.unwrap_or_else(|| "UTC".to_owned())
}

pub(super) fn engine_source_error(
    source: &jobfile::Source,
    error: DataFusionError,
) -> AnalyzeError {
    AnalyzeError::Engine {
        what: format!("source {}", source.name),
        source: error,
    }
}

/// Which files of a folder belong to a source, by their names.
pub(super) fn list_rules(source: &jobfile::Source) -> ListRules {
    let plain: &[&str] = match source.format {
        Format::Json => &[".json", ".jsonl", ".ndjson"],
        Format::Csv => &[".csv", ".tsv", ".txt"],
        Format::Parquet => return ListRules::with_suffixes([".parquet"]),
    };
    let with_endings = |endings: &[&str]| -> Vec<String> {
        plain
            .iter()
            .flat_map(|name| endings.iter().map(move |ending| format!("{name}{ending}")))
            .collect()
    };
    ListRules {
        suffixes: with_endings(&["", ".gz", ".gzip", ".zst", ".zstd"]),
        unreadable_suffixes: with_endings(&UNREADABLE_ENDINGS),
    }
}

/// Compressions that are in use and that no reader here knows.
const UNREADABLE_ENDINGS: [&str; 13] = [
    ".bz2", ".xz", ".lz4", ".snappy", ".sz", ".deflate", ".br", ".lzma", ".lzo", ".z", ".zip",
    ".7z", ".tar",
];

fn store_url(listing: &Listing) -> Result<ObjectStoreUrl, DataFusionError> {
    let url = listing.source.base().url();
    ObjectStoreUrl::parse(&url[..url::Position::BeforePath])
}

pub(super) fn object_meta(file: &SourceFile) -> ObjectMeta {
    ObjectMeta {
        location: file.path.clone(),
        last_modified: file.last_modified,
        size: file.size,
        e_tag: file.e_tag.clone(),
        version: None,
    }
}

/// The compression that the job file sets; `None` when the files' names decide.
fn compression_set(source: &jobfile::Source) -> Option<Compression> {
    match source.compression {
        jobfile::Compression::Auto => None,
        jobfile::Compression::None => Some(Compression::None),
        jobfile::Compression::Gzip => Some(Compression::Gzip),
        jobfile::Compression::Zstd => Some(Compression::Zstd),
    }
}

fn mode_of(source: &jobfile::Source) -> Mode {
    match source.mode {
        jobfile::ParseMode::Permissive => Mode::Permissive,
        jobfile::ParseMode::DropMalformed => Mode::DropMalformed,
        jobfile::ParseMode::FailFast => Mode::FailFast,
    }
}

fn ndjson_table(
    source: &jobfile::Source,
    files: Vec<SourceFile>,
    folder_columns: &FolderColumns,
    time_zone: String,
    store: ObjectStoreUrl,
) -> NdjsonTable {
    NdjsonTable::new(
        arrow_types::source_schema(&source.columns),
        store,
        input_files(source, files, folder_columns),
        Arc::new(line_options(source, folder_columns.names(), time_zone)),
    )
}

/// The files as a scan reads them. They are taken by value: the paths of a million files
/// are not copied.
fn input_files(
    source: &jobfile::Source,
    files: Vec<SourceFile>,
    folder_columns: &FolderColumns,
) -> Arc<[InputFile]> {
    let compression = compression_set(source);
    let lines_are_records =
        source.format != Format::Csv || csv_options(source).syntax.line_feeds_end_records();
    let files = files.into_iter().map(|file| InputFile {
        splittable: lines_are_records
            && compression.unwrap_or_else(|| Compression::from_path(file.path.as_ref()))
                == Compression::None,
        folder_values: folder_columns.values_of(&file),
        meta: ObjectMeta {
            location: file.path,
            last_modified: file.last_modified,
            size: file.size,
            e_tag: file.e_tag,
            version: None,
        },
        stored: file.stored,
    });
    files.collect()
}

/// How the lines of a source are read.
fn line_options(
    source: &jobfile::Source,
    folder_columns: Vec<String>,
    time_zone: String,
) -> NdjsonOptions {
    NdjsonOptions {
        name: source.name.clone(),
        mode: mode_of(source),
        max_line_bytes: usize::try_from(source.max_line_bytes).unwrap_or(usize::MAX),
        compression: compression_set(source),
        csv: (source.format == Format::Csv).then(|| csv_options(source)),
        folder_columns,
        time_zone,
        new_fields: match source.new_fields {
            jobfile::NewFields::Skipped => NewFields::Skipped,
            jobfile::NewFields::Rescued(_) => NewFields::Rescued,
            jobfile::NewFields::Refused => NewFields::Refused,
        },
        rescued_column: match &source.new_fields {
            jobfile::NewFields::Rescued(column) => Some(column.clone()),
            jobfile::NewFields::Skipped | jobfile::NewFields::Refused => None,
        },
        finds_types: false,
    }
}

/// How a CSV source is written. As in Spark a backslash escapes a quote, unless the
/// job says otherwise.
pub(super) fn csv_options(source: &jobfile::Source) -> CsvOptions {
    let csv = &source.csv;
    CsvOptions {
        header: csv.header,
        syntax: CsvSyntax {
            delimiter: csv.delimiter,
            quote: csv.quote,
            escape: csv.escape,
            multi_line: csv.multi_line,
            trim_leading: csv.trim_leading,
            trim_trailing: csv.trim_trailing,
        },
        null_value: csv.null_value.clone(),
        comment: csv.comment,
    }
}

/// Warnings about columns that no file has: probably misspelled.
fn warn_of_missing<'a>(
    source: &'a jobfile::Source,
    missing: &'a [String],
) -> impl Iterator<Item = Diagnostic> {
    let is_missing = |column: &&jobfile::Column| missing.contains(&column.name);
    source.columns.iter().filter(is_missing).map(|column| {
        let message = format!(
            "no file of source `{}` has a column `{}`, so it is NULL in every row",
            source.name, column.source_name
        );
        Diagnostic::warning(codes::COLUMN_NOT_IN_FILES, message).with_span(column.span)
    })
}

async fn parquet_table(
    source: &jobfile::Source,
    listing: &Listing,
    folder_columns: &FolderColumns,
    url: ObjectStoreUrl,
    session: &SessionState,
) -> Result<ParquetTable, AnalyzeError> {
    // As in Spark, a file without bytes has no rows.
    let files = listing.files.iter().filter(|file| file.size > 0);
    let files = files.map(|file| ParquetFile {
        meta: object_meta(file),
        folder_values: folder_columns.scalars_of(file),
    });
    ParquetTable::open(
        arrow_types::source_schema(&source.columns),
        &folder_columns.names(),
        (Arc::clone(&listing.store), url),
        files.collect(),
        session,
    )
    .await
    .map_err(|unfit| AnalyzeError::Files {
        what: format!("source {}", source.name),
        file: listing.source.base().display_path(&unfit.path),
        problem: unfit.problem,
    })
}
