//! The thread that writes a batch's files, so that the consuming thread does not
//! wait for the disk or for compression.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use sluice_service::crash;
use sluice_storage::StoreError;

use crate::batch::landing_file::{LandingFile, TopicFolder};
use sluice_landing::Compression;
use sluice_landing::StoredFile;

/// How many bytes are collected before they are passed to the writer.
pub(crate) const BUFFER_BYTES: usize = 256 << 10;

/// How many buffers may wait for the writer; the consumer waits when the queue is
/// full.
const QUEUE_LENGTH: usize = 32;

/// A file of the batch that is being written.
pub(crate) type FileId = usize;

enum WriteCommand {
    Write {
        file: FileId,
        /// `_rejects`, or none.
        below: Option<&'static str>,
        bytes: Vec<u8>,
    },
    /// The file is complete; makes it durable under this name.
    Persist { file: FileId, name: String },
}

/// The writer ended early. Finishing it returns the error.
#[derive(Debug)]
pub(crate) struct WriterFailed;

/// The durable files by their id.
pub(crate) type StoredFiles = HashMap<FileId, StoredFile>;

/// A running writer. Dropping it ends the thread and removes the files that have
/// no final name yet.
pub(crate) struct BatchWriter {
    commands: SyncSender<WriteCommand>,
    /// Empty buffers that can be reused.
    empty_buffers: Receiver<Vec<u8>>,
    thread: JoinHandle<Result<StoredFiles, StoreError>>,
}

impl BatchWriter {
    pub(crate) fn start_thread(
        folder: TopicFolder,
        hint: String,
        compression: Compression,
    ) -> Self {
        let (commands, receiver) = sync_channel(QUEUE_LENGTH);
        let (recycle, empty_buffers) = sync_channel(QUEUE_LENGTH);
        let thread = std::thread::spawn(move || {
            run_writer(&folder, &hint, compression, &receiver, &recycle)
        });
        Self {
            commands,
            empty_buffers,
            thread,
        }
    }

    /// Returns an empty buffer, reused if possible.
    pub(crate) fn take_buffer(&self) -> Vec<u8> {
        self.empty_buffers
            .try_recv()
            .unwrap_or_else(|_| Vec::with_capacity(BUFFER_BYTES + BUFFER_BYTES / 8))
    }

    pub(crate) fn write_bytes(
        &self,
        file: FileId,
        below: Option<&'static str>,
        bytes: Vec<u8>,
    ) -> Result<(), WriterFailed> {
        let command = WriteCommand::Write { file, below, bytes };
        self.commands.send(command).map_err(|_| WriterFailed)
    }

    pub(crate) fn persist_file(&self, file: FileId, name: String) -> Result<(), WriterFailed> {
        let command = WriteCommand::Persist { file, name };
        self.commands.send(command).map_err(|_| WriterFailed)
    }

    /// Waits until all files are durable, and returns them.
    pub(crate) fn finish_files(self) -> Result<StoredFiles, StoreError> {
        let Self {
            commands, thread, ..
        } = self;
        drop(commands);
        match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn run_writer(
    folder: &TopicFolder,
    hint: &str,
    compression: Compression,
    commands: &Receiver<WriteCommand>,
    recycle: &SyncSender<Vec<u8>>,
) -> Result<StoredFiles, StoreError> {
    let mut open_files: HashMap<FileId, LandingFile> = HashMap::new();
    let mut stored_files = StoredFiles::new();
    for command in commands {
        match command {
            WriteCommand::Write {
                file,
                below,
                mut bytes,
            } => {
                let output = match open_files.entry(file) {
                    std::collections::hash_map::Entry::Occupied(found) => found.into_mut(),
                    std::collections::hash_map::Entry::Vacant(free) => {
                        free.insert(LandingFile::create(folder, below, hint, compression)?)
                    }
                };
                output.write_bytes(&bytes)?;
                bytes.clear();
                // If the pool is full, there are enough buffers, and this one is
                // dropped.
                let _ = recycle.try_send(bytes);
            }
            WriteCommand::Persist { file, name } => {
                if let Some(output) = open_files.remove(&file) {
                    crash::reach_point("landing.5a");
                    stored_files.insert(file, output.persist_as(&name)?);
                    crash::reach_point("landing.5b");
                }
            }
        }
    }
    Ok(stored_files)
}
