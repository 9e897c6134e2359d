//! Opens the sources of a job as tables.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::error::DataFusionError;
use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::ObjectMeta;
use sluice_jobfile::{self as jobfile, Format};
use sluice_landing::{LandedFilesError, retain_landed};
use sluice_storage::{ListRules, Listing, Stores, list_source};

use super::arrow_types;
use super::{AnalyzeError, InputSummary};
use crate::source::{Compression, InputFile, Mode, NdjsonOptions, NdjsonTable};

/// An opened source.
pub(super) struct OpenSource {
    pub(super) table: Arc<dyn TableProvider>,
    /// The same table, when it is newline-delimited JSON and can be narrowed.
    pub(super) ndjson: Option<Arc<NdjsonTable>>,
    pub(super) summary: InputSummary,
}

/// Lists a source's files and makes a table of them. The run reads exactly this
/// list; files that arrive later belong to the next run.
pub(super) async fn open_source(
    source: &jobfile::Source,
    stores: &Stores,
) -> Result<OpenSource, AnalyzeError> {
    let store_error = |error| AnalyzeError::Store {
        what: format!("source {}", source.name),
        source: error,
    };
    let location = stores.parse_source(&source.location).map_err(store_error)?;
    let listing = list_source(stores, &location, &list_rules(source))
        .await
        .map_err(store_error)?;
    // A topic's folder also holds files of batches that have not landed.
    let listing = match retain_landed(listing).await {
        Ok(listing) => listing,
        Err(LandedFilesError::Store(error)) => return Err(store_error(error)),
        Err(error) => {
            return Err(AnalyzeError::Landing {
                what: format!("source {}", source.name),
                source: error,
            });
        }
    };
    let store = store_url(&listing).map_err(|error| engine_error(source, error))?;
    let summary = InputSummary {
        name: source.name.clone(),
        location: listing.source.to_string(),
        files: listing.files.len() as u64,
        bytes: listing.total_bytes(),
    };
    if source.format == Format::Json {
        let table = Arc::new(ndjson_table(source, &listing, store));
        return Ok(OpenSource {
            table: Arc::clone(&table) as _,
            ndjson: Some(table),
            summary,
        });
    }
    let table =
        listing_table(source, &listing, &store).map_err(|error| engine_error(source, error))?;
    Ok(OpenSource {
        table,
        ndjson: None,
        summary,
    })
}

fn engine_error(source: &jobfile::Source, error: DataFusionError) -> AnalyzeError {
    AnalyzeError::Engine {
        what: format!("source {}", source.name),
        source: error,
    }
}

/// Which files of a folder belong to a source, by their names.
fn list_rules(source: &jobfile::Source) -> ListRules {
    let plain: &[&str] = match source.format {
        Format::Json => &[".json", ".jsonl", ".ndjson"],
        Format::Csv => &[".csv", ".tsv", ".txt"],
        Format::Parquet => return ListRules::with_suffixes([".parquet"]),
    };
    let endings = ["", ".gz", ".gzip", ".zst", ".zstd"];
    ListRules::with_suffixes(
        plain
            .iter()
            .flat_map(|name| endings.iter().map(move |ending| format!("{name}{ending}"))),
    )
}

fn store_url(listing: &Listing) -> Result<ObjectStoreUrl, DataFusionError> {
    let url = listing.source.base().url();
    ObjectStoreUrl::parse(&url[..url::Position::BeforePath])
}

fn object_meta(file: &sluice_storage::SourceFile) -> ObjectMeta {
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

fn ndjson_table(source: &jobfile::Source, listing: &Listing, store: ObjectStoreUrl) -> NdjsonTable {
    let compression = compression_set(source);
    let files = listing
        .files
        .iter()
        .map(|file| InputFile {
            meta: object_meta(file),
            splittable: compression.unwrap_or_else(|| Compression::from_path(file.path.as_ref()))
                == Compression::None,
        })
        .collect();
    let options = NdjsonOptions {
        name: source.name.clone(),
        mode: mode_of(source),
        max_line_bytes: usize::try_from(source.max_line_bytes).unwrap_or(usize::MAX),
        compression,
    };
    NdjsonTable::new(
        arrow_types::source_schema(&source.columns),
        store,
        files,
        Arc::new(options),
    )
}

/// A table of Parquet or CSV files: DataFusion reads them, we list them.
fn listing_table(
    source: &jobfile::Source,
    listing: &Listing,
    store: &ObjectStoreUrl,
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let format: Arc<dyn FileFormat> = match source.format {
        Format::Csv => Arc::new(csv_format(source, listing)),
        Format::Parquet | Format::Json => Arc::new(ParquetFormat::default()),
    };
    let urls = listing
        .files
        .iter()
        .map(|file| ListingTableUrl::parse(format!("{}{}", store.as_str(), file.path)))
        .collect::<Result<Vec<_>, _>>()?;
    // Files were chosen when they were listed; the engine must not filter them
    // again by their extension.
    let options = ListingOptions::new(format).with_file_extension("");
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        .with_schema(arrow_types::source_schema(&source.columns));
    Ok(Arc::new(ListingTable::try_new(config)?))
}

fn csv_format(source: &jobfile::Source, listing: &Listing) -> CsvFormat {
    // All files of a CSV source have the compression of the first.
    let by_name = || {
        let first = listing.files.first();
        first.map_or(Compression::None, |file| {
            Compression::from_path(file.path.as_ref())
        })
    };
    let compression = match compression_set(source).unwrap_or_else(by_name) {
        Compression::None => FileCompressionType::UNCOMPRESSED,
        Compression::Gzip => FileCompressionType::GZIP,
        Compression::Zstd => FileCompressionType::ZSTD,
    };
    let csv = &source.csv;
    let format = CsvFormat::default()
        .with_has_header(csv.header)
        .with_delimiter(csv.delimiter)
        .with_escape(csv.escape)
        .with_file_compression_type(compression);
    match csv.quote {
        Some(quote) => format.with_quote(quote),
        None => format,
    }
}
