//! The peak memory of processes (on Linux).

use std::fs;

pub use sluice_service::memory::peak_bytes;

/// Resets [`peak_bytes`] to the memory that the process holds now. Where the system does
/// not allow it, the peak stays that since the start of the process.
pub fn reset_peak(pid: u32) {
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}
