//! Encoding of the staging nodes in a plan.

use std::sync::Arc;

use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::ExecutionPlan;
use serde::{Deserialize, Serialize};

use super::source::{PartRange, StagedFormat, StagedSource};
use super::table::{partitioned_file, staged_url};
use super::writer::StageWriterExec;
use crate::node_codec;
use crate::scan::ColumnProjection;

#[derive(Serialize, Deserialize)]
struct ScanMessage {
    projection: Vec<(usize, String)>,
    groups: Vec<Vec<PartRange>>,
    limit: Option<usize>,
}

pub(crate) fn encode_scan(config: &FileScanConfig, source: &StagedSource) -> Result<Vec<u8>> {
    let range = |file: &datafusion::datasource::listing::PartitionedFile| {
        file.extension::<PartRange>().cloned().ok_or_else(|| {
            DataFusionError::Internal("a staged scan has a file without its part".to_owned())
        })
    };
    let groups = config
        .file_groups
        .iter()
        .map(|group| group.files().iter().map(range).collect())
        .collect::<Result<_>>()?;
    let scan = ScanMessage {
        projection: source.projection.columns(),
        groups,
        limit: config.limit,
    };
    node_codec::encode_node(config.file_schema(), &scan)
}

pub(crate) fn decode_scan(buf: &[u8]) -> Result<Arc<dyn ExecutionPlan>> {
    let (schema, scan): (_, ScanMessage) = node_codec::decode_node(buf)?;
    let projection = ColumnProjection::from_columns(scan.projection, &schema);
    let source = StagedSource::new(schema, StagedFormat).with_projection(projection);
    let groups = scan
        .groups
        .into_iter()
        .map(|group| FileGroup::new(group.into_iter().map(partitioned_file).collect()))
        .collect();
    let config = FileScanConfigBuilder::new(staged_url(), Arc::new(source))
        .with_file_groups(groups)
        .with_limit(scan.limit)
        .build();
    Ok(DataSourceExec::from_data_source(config))
}

/// A stage writer is encoded as its token, as text.
pub(crate) fn encode_writer(writer: &StageWriterExec) -> Result<Vec<u8>> {
    Ok(writer.token().as_bytes().to_vec())
}

pub(crate) fn decode_writer(
    buf: &[u8],
    inputs: &[Arc<dyn ExecutionPlan>],
) -> Result<Arc<dyn ExecutionPlan>> {
    let token = std::str::from_utf8(buf).map_err(|e| DataFusionError::External(Box::new(e)))?;
    let [input] = inputs else {
        return Err(DataFusionError::Internal(
            "StageWriterExec has one child".to_owned(),
        ));
    };
    Ok(Arc::new(StageWriterExec::new(Arc::clone(input), token)))
}
