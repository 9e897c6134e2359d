//! Encoding of a scan of landing files in a plan.

use std::sync::Arc;

use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, FileSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_plan::ExecutionPlan;
use serde::{Deserialize, Serialize};

use super::file_list::{FilePiece, PieceDecoder, PieceEncoder};
use super::{NdjsonFormat, NdjsonOptions, NdjsonSource};
use crate::node_codec;
use crate::scan::ColumnProjection;

#[derive(Serialize, Deserialize)]
struct ScanMessage {
    store: String,
    /// The columns of the table, encoded like a node of its own.
    columns: Vec<u8>,
    options: NdjsonOptions,
    projection: Vec<(usize, String)>,
    groups: Vec<Vec<FilePiece>>,
    limit: Option<usize>,
}

pub(crate) fn encode_scan(config: &FileScanConfig, source: &NdjsonSource) -> Result<Vec<u8>> {
    let mut pieces = PieceEncoder::default();
    let scan = ScanMessage {
        store: config.object_store_url.as_str().to_owned(),
        columns: node_codec::encode_node(&source.format.columns, &())?,
        options: source.format.options.as_ref().clone(),
        projection: source.projection.columns(),
        groups: config
            .file_groups
            .iter()
            .map(|group| group.iter().map(|file| pieces.encode_piece(file)).collect())
            .collect(),
        limit: config.limit,
    };
    node_codec::encode_node(&source.format.declared, &scan)
}

pub(crate) fn decode_scan(buf: &[u8]) -> Result<Arc<dyn ExecutionPlan>> {
    let (declared, scan): (_, ScanMessage) = node_codec::decode_node(buf)?;
    let (columns, ()) = node_codec::decode_node(&scan.columns)?;
    let source = NdjsonFormat::new_source(columns, declared, Arc::new(scan.options));
    let projection =
        ColumnProjection::from_columns(scan.projection, source.table_schema().file_schema());
    let source = source.with_projection(projection);
    let mut pieces = PieceDecoder::default();
    let groups = scan
        .groups
        .into_iter()
        .map(|group| {
            let files = group.into_iter().map(|piece| pieces.decode_piece(piece));
            Ok(FileGroup::new(files.collect::<Result<_>>()?))
        })
        .collect::<Result<_>>()?;
    let config = FileScanConfigBuilder::new(ObjectStoreUrl::parse(scan.store)?, Arc::new(source))
        .with_file_groups(groups)
        .with_limit(scan.limit)
        .build();
    Ok(DataSourceExec::from_data_source(config))
}
