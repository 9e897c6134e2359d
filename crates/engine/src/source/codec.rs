//! Encoding of a scan of landing files in a plan.

use std::sync::Arc;

use chrono::DateTime;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, FileSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_plan::ExecutionPlan;
use object_store::ObjectMeta;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::{FileOrdinal, Ndjson, NdjsonOptions, NdjsonSource};
use crate::scan::ColumnProjection;
use crate::wire;

#[derive(Serialize, Deserialize)]
struct Scan {
    store: String,
    options: NdjsonOptions,
    projection: Vec<(usize, String)>,
    groups: Vec<Vec<Piece>>,
    limit: Option<usize>,
}

#[derive(Serialize, Deserialize)]
struct Piece {
    path: String,
    size: u64,
    modified_ms: i64,
    range: Option<(i64, i64)>,
    ordinal: u32,
}

impl Piece {
    fn of(file: &PartitionedFile) -> Self {
        Self {
            path: file.object_meta.location.to_string(),
            size: file.object_meta.size,
            modified_ms: file.object_meta.last_modified.timestamp_millis(),
            range: file.range.as_ref().map(|range| (range.start, range.end)),
            ordinal: file
                .extension::<FileOrdinal>()
                .map_or(0, |ordinal| ordinal.0),
        }
    }

    fn file(self) -> Result<PartitionedFile> {
        let location =
            Path::parse(&self.path).map_err(|e| DataFusionError::External(Box::new(e)))?;
        let file = PartitionedFile::new_from_meta(ObjectMeta {
            location,
            last_modified: DateTime::from_timestamp_millis(self.modified_ms).unwrap_or_default(),
            size: self.size,
            e_tag: None,
            version: None,
        })
        .with_extension(FileOrdinal(self.ordinal));
        Ok(match self.range {
            Some((start, end)) => file.with_range(start, end),
            None => file,
        })
    }
}

pub(crate) fn encode(config: &FileScanConfig, source: &NdjsonSource) -> Result<Vec<u8>> {
    let scan = Scan {
        store: config.object_store_url.as_str().to_owned(),
        options: source.format.options.as_ref().clone(),
        projection: source.projection.columns(),
        groups: config
            .file_groups
            .iter()
            .map(|group| group.files().iter().map(Piece::of).collect())
            .collect(),
        limit: config.limit,
    };
    wire::encode(&source.format.declared, &scan)
}

pub(crate) fn decode(buf: &[u8]) -> Result<Arc<dyn ExecutionPlan>> {
    let (declared, scan): (_, Scan) = wire::decode(buf)?;
    let source = Ndjson::source(declared, Arc::new(scan.options));
    let projection =
        ColumnProjection::from_columns(scan.projection, source.table_schema().file_schema());
    let source = source.with_projection(projection);
    let groups = scan
        .groups
        .into_iter()
        .map(|group| {
            Ok(FileGroup::new(
                group.into_iter().map(Piece::file).collect::<Result<_>>()?,
            ))
        })
        .collect::<Result<_>>()?;
    let config = FileScanConfigBuilder::new(ObjectStoreUrl::parse(scan.store)?, Arc::new(source))
        .with_file_groups(groups)
        .with_limit(scan.limit)
        .build();
    Ok(DataSourceExec::from_data_source(config))
}
