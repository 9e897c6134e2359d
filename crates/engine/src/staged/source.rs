//! The scan of staged parts.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, UInt64Array};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::datatypes::{DataType, Field, SchemaRef, UInt64Type};
use datafusion::arrow::ipc::reader::FileDecoder;
use datafusion::arrow::ipc::{Block as IpcBlock, MetadataVersion};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::TableProvider as _;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileOpenFuture, FileOpener, FileScanConfig};
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::metrics::{Count, MetricBuilder};
use futures::StreamExt;
use object_store::ObjectStore;

use super::fetch::RemoteBlocks;
use super::part::{Block, StagedPart, lost_part_error};
use super::table::StagedTable;
use crate::dedup::ROW_ID;
use crate::scan::{ColumnFormat, ColumnProjection, ColumnSource, PartitionScan};

/// A [`FileSource`](datafusion::datasource::physical_plan::FileSource) over
/// staged parts. Each "file" carries its [`PartRange`] as an extension; its path
/// is only for display.
///
/// A column named [`ROW_ID`] that is marked with [`NUMBERED_KEY`] is not in the
/// files: it is the ordinal of the part, shifted left by 40 bits, plus the row's
/// position in it. It is the same in every scan of the same parts.
pub(crate) type StagedSource = ColumnSource<StagedFormat>;

/// The format of staged parts: an Arrow IPC file with the columns of its table.
#[derive(Debug, Clone)]
pub(crate) struct StagedFormat;

impl ColumnFormat for StagedFormat {
    const FILE_TYPE: &'static str = "staged";

    fn create_opener(
        &self,
        scan: &PartitionScan<'_>,
        _: Arc<dyn ObjectStore>,
        _: &FileScanConfig,
    ) -> Result<Arc<dyn FileOpener>> {
        Ok(Arc::new(PartOpener {
            decoder: Arc::new(BlockDecoder::new(scan.table, scan.projection)?),
            bytes: MetricBuilder::new(scan.metrics).counter("bytes_scanned", scan.partition),
        }))
    }
}

/// A part and its consecutive blocks that one file group reads.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct PartRange {
    pub(super) part: Arc<StagedPart>,
    pub(super) first_block: usize,
    pub(super) blocks: usize,
    /// The part's position among the parts of its relation.
    pub(super) ordinal: u64,
}

impl PartRange {
    fn selected_blocks(&self) -> Result<&[Block]> {
        self.part
            .blocks
            .get(self.first_block..self.first_block + self.blocks)
            .ok_or_else(|| {
                DataFusionError::Internal(
                    "a staged part has fewer blocks than its plan reads".to_owned(),
                )
            })
    }
}

struct PartOpener {
    decoder: Arc<BlockDecoder>,
    bytes: Count,
}

impl FileOpener for PartOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let range = file.extension::<PartRange>().cloned().ok_or_else(|| {
            DataFusionError::Internal("a staged scan has a file without its part".to_owned())
        })?;
        let decoder = Arc::clone(&self.decoder);
        let bytes = self.bytes.clone();
        Ok(Box::pin(async move {
            let ordinal = range.ordinal;
            let blocks = range.selected_blocks()?.to_vec();
            let reader = PartReader::open(&range.part, &blocks).await?;
            let stream = futures::stream::try_unfold(
                (reader, blocks.into_iter()),
                move |(mut reader, mut blocks)| {
                    let (decoder, bytes) = (Arc::clone(&decoder), bytes.clone());
                    async move {
                        let Some(block) = blocks.next() else {
                            return Ok(None);
                        };
                        let buffer = reader.read_block(block).await?;
                        bytes.add(buffer.len());
                        let first_row = (ordinal << ORDINAL_SHIFT) + block.first_row;
                        let batch = decoder.decode_block(&buffer, first_row)?;
                        Ok(Some((batch, (reader, blocks))))
                    }
                },
            );
            Ok(stream.boxed())
        }))
    }
}

/// Reads a whole column of row ids from local and remote parts.
pub(super) async fn read_row_ids(
    schema: &SchemaRef,
    parts: &[Arc<StagedPart>],
) -> Result<Vec<u64>> {
    let mut ids = Vec::new();
    for batch in read_batches(schema, parts).await? {
        if let Some(column) = batch
            .columns()
            .first()
            .and_then(|c| c.as_primitive_opt::<UInt64Type>())
        {
            ids.extend_from_slice(column.values());
        }
    }
    Ok(ids)
}

/// Reads a staged relation of few rows.
///
/// # Errors
/// When it was not computed, or a part was lost.
pub(crate) async fn read_staged_rows(table: &StagedTable) -> Result<Vec<RecordBatch>> {
    let parts = table.parts().ok_or_else(|| {
        DataFusionError::Internal(format!(
            "relation {} is read before it was computed",
            table.name()
        ))
    })?;
    read_batches(&table.schema(), parts).await
}

async fn read_batches(schema: &SchemaRef, parts: &[Arc<StagedPart>]) -> Result<Vec<RecordBatch>> {
    let decoder = BlockDecoder::new(schema, &ColumnProjection::all_columns(schema))?;
    let mut batches = Vec::new();
    for part in parts.iter().filter(|part| !part.blocks.is_empty()) {
        let mut reader = PartReader::open(part, &part.blocks).await?;
        for block in &part.blocks {
            batches.push(decoder.decode_block(&reader.read_block(*block).await?, 0)?);
        }
    }
    Ok(batches)
}

/// Reads the bytes of a part.
enum PartReader {
    Local { file: File, part: Arc<StagedPart> },
    Remote(Box<RemoteBlocks>),
}

impl PartReader {
    /// Opens the file when it is on this machine, otherwise a request to its
    /// executor.
    async fn open(part: &Arc<StagedPart>, blocks: &[Block]) -> Result<Self> {
        // File ids are random, so a file of this name and size is the part.
        if let Ok(file) = File::open(&part.path)
            && file.metadata().is_ok_and(|meta| meta.len() == part.bytes)
        {
            return Ok(Self::Local {
                file,
                part: Arc::clone(part),
            });
        }
        if part.port == 0 {
            return Err(lost_part_error(
                part,
                &part.path.display(),
                &"the file does not exist",
            ));
        }
        Ok(Self::Remote(Box::new(
            RemoteBlocks::open(part, blocks).await?,
        )))
    }

    async fn read_block(&mut self, block: Block) -> Result<Buffer> {
        match self {
            Self::Local { file, part } => {
                let length = usize::try_from(block.length)
                    .map_err(|e| DataFusionError::External(Box::new(e)))?;
                let mut bytes = datafusion::arrow::buffer::MutableBuffer::from_len_zeroed(length);
                file.read_exact_at(bytes.as_slice_mut(), block.offset)
                    .map_err(|e| lost_part_error(part, &part.path.display(), &e))?;
                Ok(bytes.into())
            }
            Self::Remote(remote) => Ok(Buffer::from(remote.next_block(block).await?)),
        }
    }
}

/// Decodes the bytes of a block as the projected batch.
struct BlockDecoder {
    inner: FileDecoder,
    projected: SchemaRef,
    /// For each output column, whether the reader fills it with row ids.
    numbered: Vec<bool>,
}

/// Bits of a row id that are the row's position in its part.
const ORDINAL_SHIFT: u32 = 40;

impl BlockDecoder {
    fn new(schema: &SchemaRef, projection: &ColumnProjection) -> Result<Self> {
        let projected = projection.output_schema(schema)?;
        let is_numbered = |index: usize| {
            schema
                .fields()
                .get(index)
                .is_some_and(|field| is_numbered(field))
        };
        let stored: Vec<usize> = (0..schema.fields().len())
            .filter(|index| !is_numbered(*index))
            .collect();
        let numbered = projection.indices().into_iter().map(is_numbered).collect();
        let wanted = projection
            .indices()
            .into_iter()
            .filter_map(|index| stored.iter().position(|stored| *stored == index))
            .collect();
        let inner = FileDecoder::new(Arc::new(schema.project(&stored)?), MetadataVersion::V5)
            .with_projection(wanted);
        // SAFETY: the bytes were written by `StageWriterExec` of this version
        // of Sluice from arrays that Arrow had validated; checking them again
        // in each of the datasets that read them costs a scan of all strings.
        let inner = unsafe { inner.with_skip_validation(true) };
        Ok(Self {
            inner,
            projected,
            numbered,
        })
    }

    fn decode_block(&self, buffer: &Buffer, first_row: u64) -> Result<RecordBatch> {
        // An encapsulated message: 0xFFFFFFFF, the length of its metadata as
        // a little-endian i32, the metadata, the body (Arrow columnar format,
        // "Encapsulated message format").
        let metadata = buffer
            .get(4..8)
            .and_then(|bytes| <[u8; 4]>::try_from(bytes).ok())
            .map(i32::from_le_bytes)
            .ok_or_else(|| DataFusionError::Internal("a staged block is too short".to_owned()))?
            + 8;
        let body = buffer.len() as i64 - i64::from(metadata);
        let batch = self
            .inner
            .read_record_batch(&IpcBlock::new(0, metadata, body), buffer)?
            .ok_or_else(|| {
                DataFusionError::Internal("a staged block holds no record batch".to_owned())
            })?;
        let rows = batch.num_rows();
        let mut stored = batch.columns().iter().cloned();
        let columns = self.numbered.iter().filter_map(|numbered| {
            if *numbered {
                let ids = UInt64Array::from_iter_values(first_row..first_row + rows as u64);
                return Some(Arc::new(ids) as ArrayRef);
            }
            stored.next()
        });
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.projected),
            columns.collect(),
            &options,
        )?)
    }
}

/// Field metadata: the reader of staged parts fills the column with row ids.
const NUMBERED_KEY: &str = "sluice.numbered";

/// The column of row ids that are computed when parts are read.
pub(super) fn row_id_field() -> Field {
    Field::new(ROW_ID, DataType::UInt64, false).with_metadata(HashMap::from([(
        NUMBERED_KEY.to_owned(),
        "parts".to_owned(),
    )]))
}

fn is_numbered(field: &Field) -> bool {
    field.metadata().contains_key(NUMBERED_KEY)
}
