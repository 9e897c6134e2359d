//! The peak memory of processes (on Linux).

use std::fs;

/// The peak memory of a process in bytes (`VmHWM`), since it started or since
/// [`reset_peak`]. `None` when it has ended, and on systems other than Linux.
pub fn peak_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Resets [`peak_bytes`] to the memory that the process holds now. Where the system does
/// not allow it, the peak stays that since the start of the process.
pub fn reset_peak(pid: u32) {
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}
