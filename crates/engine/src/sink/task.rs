//! One task of the sink: writes rows to files.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::metrics::{BaselineMetrics, Count, Time};
use futures::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use sluice_gold::DataFileName;
use sluice_storage::Upload;

use super::file::{FinishedFile, OpenFile};
use super::partition::{PartitionValues, Partitioner};
use super::schema_mapping::SchemaMapping;
use super::spec::SinkSpec;

#[derive(Debug)]
pub(super) struct TaskMetrics {
    pub(super) baseline: BaselineMetrics,
    pub(super) rows_written: Count,
    pub(super) bytes_written: Count,
    pub(super) files_written: Count,
    pub(super) encode_time: Time,
    pub(super) upload_time: Time,
}

/// One task of the sink.
#[derive(Debug)]
pub(super) struct SinkTask {
    pub(super) spec: Arc<SinkSpec>,
    pub(super) mapping: SchemaMapping,
    pub(super) partitioner: Partitioner,
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) root: Path,
    /// Part of the file names.
    pub(super) task_number: u64,
    pub(super) memory: MemoryReservation,
    pub(super) metrics: TaskMetrics,
}

impl SinkTask {
    /// Writes all rows of the stream, and returns the files.
    ///
    /// When it fails or is dropped before, it deletes what it wrote.
    pub(super) async fn run(
        self,
        mut rows: SendableRecordBatchStream,
    ) -> Result<(Partitioner, Vec<FinishedFile>)> {
        let mut files = TaskFiles::new(Arc::clone(&self.store));
        match self.write_all(&mut rows, &mut files).await {
            Ok(()) => Ok((self.partitioner, std::mem::take(&mut files.finished))),
            Err(error) => {
                // Drop the source of the rows first: it may hold resources that
                // the clean-up waits for.
                drop(rows);
                files.remove_all().await;
                Err(error)
            }
        }
    }

    async fn write_all(
        &self,
        rows: &mut SendableRecordBatchStream,
        files: &mut TaskFiles,
    ) -> Result<()> {
        while let Some(batch) = rows.next().await {
            let batch = {
                let _timer = self.metrics.baseline.elapsed_compute().timer();
                self.mapping.map_batch(&batch?)?
            };
            for (values, batch) in self.partitioner.split_rows(&batch)? {
                self.write_partition_rows(files, values, &batch).await?;
            }
            // Without this, a cancel would not reach a task whose source is always
            // ready.
            tokio::task::yield_now().await;
        }
        self.finish_file(files).await
    }

    /// Writes rows of one hive partition.
    async fn write_partition_rows(
        &self,
        files: &mut TaskFiles,
        values: PartitionValues,
        batch: &RecordBatch,
    ) -> Result<()> {
        if files
            .open
            .as_ref()
            .is_some_and(|file| file.values() != &values)
        {
            self.finish_file(files).await?;
        }
        let file = match &mut files.open {
            Some(file) => file,
            none => none.insert(self.open_file(values, batch)?),
        };
        {
            let _compute = self.metrics.baseline.elapsed_compute().timer();
            let _encode = self.metrics.encode_time.timer();
            file.write_rows(batch)?;
        }
        self.metrics.rows_written.add(batch.num_rows());
        let upload = self.metrics.upload_time.timer();
        file.send_encoded().await?;
        upload.done();
        if self.memory.try_resize(file.memory_bytes()).is_err() {
            // Ending the open row group frees most of the memory.
            file.flush_row_group()?;
            file.send_encoded().await?;
            self.memory.try_resize(file.memory_bytes())?;
        }
        if file.estimated_bytes() >= self.spec.target_file_bytes {
            self.finish_file(files).await?;
        }
        Ok(())
    }

    fn open_file(&self, values: PartitionValues, sample: &RecordBatch) -> Result<OpenFile> {
        let file = DataFileName::new(&self.spec.job_id, self.task_number).ok_or_else(|| {
            let id = &self.spec.job_id;
            self.spec
                .columns_error(format!("job id '{id}' cannot be part of a file name"))
        })?;
        let name = format!("{}{file}", self.partitioner.folder_path(&values));
        let store = Arc::clone(&self.store);
        OpenFile::create(&self.spec, store, &self.root, name, values, sample)
    }

    /// Ends the open file, if there is one.
    async fn finish_file(&self, files: &mut TaskFiles) -> Result<()> {
        let Some(file) = &mut files.open else {
            return Ok(());
        };
        let finished = {
            let _compute = self.metrics.baseline.elapsed_compute().timer();
            let _encode = self.metrics.encode_time.timer();
            file.finish_encoding()?
        };
        let upload = self.metrics.upload_time.timer();
        file.complete_upload().await?;
        upload.done();
        files.open = None;
        self.memory.free();
        self.metrics.files_written.add(1);
        self.metrics
            .bytes_written
            .add(usize::try_from(finished.bytes).unwrap_or(usize::MAX));
        files.finished.push(finished);
        Ok(())
    }
}

/// Files of a task that are not reported yet.
#[derive(Debug)]
struct TaskFiles {
    store: Arc<dyn ObjectStore>,
    open: Option<OpenFile>,
    finished: Vec<FinishedFile>,
}

impl TaskFiles {
    fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            open: None,
            finished: Vec::new(),
        }
    }

    /// Tries to delete all files.
    async fn remove_all(&mut self) {
        let leftovers = self.take_leftovers();
        leftovers.remove_files().await;
    }

    fn take_leftovers(&mut self) -> Leftovers {
        Leftovers {
            store: Arc::clone(&self.store),
            upload: self.open.take().map(OpenFile::into_upload),
            files: self.finished.drain(..).map(|file| file.location).collect(),
        }
    }
}

impl Drop for TaskFiles {
    fn drop(&mut self) {
        let leftovers = self.take_leftovers();
        if leftovers.is_empty() {
            return;
        }
        // A cancel drops the task; the clean-up runs on without it. When the
        // runtime is shutting down, nothing can run it, but the driver cleans up
        // too.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(leftovers.remove_files());
        }
    }
}

struct Leftovers {
    store: Arc<dyn ObjectStore>,
    upload: Option<Upload>,
    files: Vec<Path>,
}

impl Leftovers {
    fn is_empty(&self) -> bool {
        self.upload.is_none() && self.files.is_empty()
    }

    async fn remove_files(self) {
        if let Some(upload) = self.upload {
            let path = upload.path().clone();
            if let Err(error) = upload.abort().await {
                tracing::warn!(%path, %error, "the upload of an unfinished gold file was not aborted");
            }
            // The file exists already when only the last response was lost.
            ignore_missing(&path, self.store.delete(&path).await);
        }
        for path in self.files {
            ignore_missing(&path, self.store.delete(&path).await);
        }
    }
}

fn ignore_missing(path: &Path, deleted: object_store::Result<()>) {
    match deleted {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
        Err(error) => tracing::warn!(%path, %error, "uncommitted gold file was not deleted"),
    }
}
