//! Generated landing data.

use std::path::{Path, PathBuf};

pub use sluice_sample_events::landing::Compression;
use sluice_sample_events::landing::{self, WriteStats};
use sluice_sample_events::{
    Defects, EventClock, Lines, Pools, TopicGenerator, TransactionEvents, UserEvents,
};

/// The landing data to generate.
#[derive(Debug, Clone, Copy)]
pub struct Landing {
    pub user_events: u64,
    pub transactions: u64,
    pub defects: Defects,
    pub files: u32,
    pub compression: Compression,
}

impl Landing {
    /// A few thousand events in several files, with duplicates, broken lines and
    /// events that lack a field.
    pub const SMALL: Self = Self {
        user_events: 9_000,
        transactions: 3_000,
        defects: Defects {
            duplicates: 40,
            malformed: 15,
            incomplete: 15,
            late: 0,
        },
        files: 3,
        compression: Compression::None,
    };

    /// About 50 MB: a job over it runs long enough to be disturbed.
    pub const LARGE: Self = Self {
        user_events: 70_000,
        transactions: 32_000,
        ..Self::SMALL
    };

    pub fn compressed(self, compression: Compression) -> Self {
        Self {
            compression,
            ..self
        }
    }

    /// Writes both topics into `folder`; equal values of `self` give equal
    /// lines.
    pub fn write(self, folder: &Path) -> Generated {
        let pools = Pools::new(SEED, 400);
        Generated {
            user_events: self.write_topic(
                UserEvents::new(SEED, pools.clone()),
                self.user_events,
                folder,
            ),
            transactions: self.write_topic(
                TransactionEvents::new(SEED, pools),
                self.transactions,
                folder,
            ),
        }
    }

    fn write_topic<T: TopicGenerator>(self, topic: T, events: u64, folder: &Path) -> WriteStats {
        let clock = EventClock {
            start_micros: 1_767_744_000_000_000,
            length_micros: 60 * 86_400_000_000,
            events,
        };
        let mut lines = Lines::new(SEED, topic, clock, self.defects);
        landing::write_files(&mut lines, folder, events, self.files, self.compression).unwrap()
    }
}

const SEED: u64 = 20_260_107;

/// What was written.
#[derive(Debug, Clone, Copy)]
pub struct Generated {
    pub user_events: WriteStats,
    pub transactions: WriteStats,
}

/// The folder of real sample data: `SLUICE_SAMPLE_DATA`, or else the one next to
/// the repository. Without one it prints so and gives nothing.
pub fn sample_folder() -> Option<PathBuf> {
    let default_folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/sample-landing");
    let folder = std::env::var_os("SLUICE_SAMPLE_DATA").map_or(default_folder, PathBuf::from);
    if folder.join("transaction_events").is_dir() {
        return Some(folder.canonicalize().unwrap());
    }
    eprintln!(
        "SKIPPED: no sample data in {}; set SLUICE_SAMPLE_DATA to its folder",
        folder.display()
    );
    None
}

/// Writes one file and creates its parent folders.
pub fn write_file(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
