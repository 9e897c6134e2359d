//! The thread that writes a batch's files, so that the consuming thread does not
//! wait for the disk or for compression.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use sluice_service::crash;
use sluice_storage::StoreError;

use crate::output::{Folder, Output};
use sluice_landing::Compression;
use sluice_landing::StoredFile;

/// How many bytes are collected before they are passed to the writer.
pub(crate) const BUFFER: usize = 256 << 10;

/// How many buffers may wait for the writer; the consumer waits when the queue is
/// full.
const QUEUE: usize = 32;

/// A file of the batch that is being written.
pub(crate) type FileId = usize;

enum Command {
    Write {
        file: FileId,
        /// `_rejects`, or none.
        below: Option<&'static str>,
        bytes: Vec<u8>,
    },
    /// The file is complete; makes it durable under this name.
    Publish { file: FileId, name: String },
}

/// The writer ended early. Finishing it returns the error.
#[derive(Debug)]
pub(crate) struct Gone;

/// The durable files by their id.
pub(crate) type Published = HashMap<FileId, StoredFile>;

/// A running writer. Dropping it ends the thread and removes the files that have
/// no final name yet.
pub(crate) struct Writer {
    commands: SyncSender<Command>,
    /// Empty buffers that can be reused.
    empty: Receiver<Vec<u8>>,
    thread: JoinHandle<Result<Published, StoreError>>,
}

impl Writer {
    pub(crate) fn start(folder: Folder, hint: String, compression: Compression) -> Self {
        let (commands, todo) = sync_channel(QUEUE);
        let (recycle, empty) = sync_channel(QUEUE);
        let thread = std::thread::spawn(move || work(&folder, &hint, compression, &todo, &recycle));
        Self {
            commands,
            empty,
            thread,
        }
    }

    /// Returns an empty buffer, reused if possible.
    pub(crate) fn buffer(&self) -> Vec<u8> {
        self.empty
            .try_recv()
            .unwrap_or_else(|_| Vec::with_capacity(BUFFER + BUFFER / 8))
    }

    pub(crate) fn write(
        &self,
        file: FileId,
        below: Option<&'static str>,
        bytes: Vec<u8>,
    ) -> Result<(), Gone> {
        let command = Command::Write { file, below, bytes };
        self.commands.send(command).map_err(|_| Gone)
    }

    pub(crate) fn publish(&self, file: FileId, name: String) -> Result<(), Gone> {
        let command = Command::Publish { file, name };
        self.commands.send(command).map_err(|_| Gone)
    }

    /// Waits until all files are durable, and returns them.
    pub(crate) fn finish(self) -> Result<Published, StoreError> {
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

fn work(
    folder: &Folder,
    hint: &str,
    compression: Compression,
    todo: &Receiver<Command>,
    recycle: &SyncSender<Vec<u8>>,
) -> Result<Published, StoreError> {
    let mut open: HashMap<FileId, Output> = HashMap::new();
    let mut published = Published::new();
    for command in todo {
        match command {
            Command::Write {
                file,
                below,
                mut bytes,
            } => {
                let output = match open.entry(file) {
                    std::collections::hash_map::Entry::Occupied(found) => found.into_mut(),
                    std::collections::hash_map::Entry::Vacant(free) => {
                        free.insert(Output::create(folder, below, hint, compression)?)
                    }
                };
                output.write(&bytes)?;
                bytes.clear();
                // If the pool is full, there are enough buffers, and this one is
                // dropped.
                let _ = recycle.try_send(bytes);
            }
            Command::Publish { file, name } => {
                if let Some(output) = open.remove(&file) {
                    crash::point("landing.5a");
                    published.insert(file, output.publish(&name)?);
                    crash::point("landing.5b");
                }
            }
        }
    }
    Ok(published)
}
