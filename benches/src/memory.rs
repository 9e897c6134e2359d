//! How much memory processes hold at most (Linux).

use std::fs;

/// The most memory that the process held at once, in bytes (`VmHWM`), since it
/// began or since [`reset_peak`]. `None` when it has ended or this is no Linux.
pub fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Lets [`peak`] begin again at what the process holds now. Where the system
/// does not allow it, peaks are those since the process began.
pub fn reset_peak(pid: u32) {
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}
