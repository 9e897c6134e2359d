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

use super::{FileOrdinal, NdjsonFormat, NdjsonOptions, NdjsonSource};
use crate::node_codec;
use crate::scan::ColumnProjection;

#[derive(Serialize, Deserialize)]
struct ScanMessage {
    store: String,
    options: NdjsonOptions,
    projection: Vec<(usize, String)>,
    groups: Vec<Vec<PieceMessage>>,
    limit: Option<usize>,
}

#[derive(Serialize, Deserialize)]
struct PieceMessage {
    path: String,
    size: u64,
    modified_ms: i64,
    range: Option<(i64, i64)>,
    ordinal: u32,
}

impl PieceMessage {
    fn from_file(file: &PartitionedFile) -> Self {
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

    fn into_file(self) -> Result<PartitionedFile> {
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

pub(crate) fn encode_scan(config: &FileScanConfig, source: &NdjsonSource) -> Result<Vec<u8>> {
    let scan = ScanMessage {
        store: config.object_store_url.as_str().to_owned(),
        options: source.format.options.as_ref().clone(),
        projection: source.projection.columns(),
        groups: config
            .file_groups
            .iter()
            .map(|group| group.files().iter().map(PieceMessage::from_file).collect())
            .collect(),
        limit: config.limit,
    };
    node_codec::encode_node(&source.format.declared, &scan)
}

pub(crate) fn decode_scan(buf: &[u8]) -> Result<Arc<dyn ExecutionPlan>> {
    let (declared, scan): (_, ScanMessage) = node_codec::decode_node(buf)?;
    let source = NdjsonFormat::new_source(declared, Arc::new(scan.options));
    let projection =
        ColumnProjection::from_columns(scan.projection, source.table_schema().file_schema());
    let source = source.with_projection(projection);
    let groups = scan
        .groups
        .into_iter()
        .map(|group| {
            Ok(FileGroup::new(
                group
                    .into_iter()
                    .map(PieceMessage::into_file)
                    .collect::<Result<_>>()?,
            ))
        })
        .collect::<Result<_>>()?;
    let config = FileScanConfigBuilder::new(ObjectStoreUrl::parse(scan.store)?, Arc::new(source))
        .with_file_groups(groups)
        .with_limit(scan.limit)
        .build();
    Ok(DataSourceExec::from_data_source(config))
}
