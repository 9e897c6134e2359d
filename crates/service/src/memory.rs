//! How much memory the operators of this process may use, and how much a process
//! holds.

use std::path::Path;

/// The share of the available memory that operators may use by default. The rest
/// is for batches in flight, buffers and the allocator.
const DEFAULT_PERCENT: u64 = 70;

/// How many bytes operators may use by default: a share of the machine's memory or
/// the container's limit, whichever is less. `None` when neither is known.
pub fn default_bytes() -> Option<u64> {
    default_from_limits(host_bytes(), cgroup_bytes(Path::new("/sys/fs/cgroup")))
}

fn default_from_limits(host: Option<u64>, container: Option<u64>) -> Option<u64> {
    let known = [host, container].into_iter().flatten().min()?;
    Some(known / 100 * DEFAULT_PERCENT)
}

fn host_bytes() -> Option<u64> {
    read_proc_bytes("/proc/meminfo", "MemTotal")
}

/// The memory that this process holds, in bytes; `None` where the system does not
/// report it.
pub fn resident_bytes() -> Option<u64> {
    read_proc_bytes("/proc/self/status", "VmRSS")
}

/// The largest amount of memory that a process has held, in bytes, since it started or
/// since its peak was reset. `None` when it has ended, and where the system does not
/// report it.
pub fn peak_bytes(pid: u32) -> Option<u64> {
    read_proc_bytes(&format!("/proc/{pid}/status"), "VmHWM")
}

/// The number of bytes that a line such as `VmRSS:    5244 kB` states.
fn read_proc_bytes(path: &str, name: &str) -> Option<u64> {
    parse_proc_bytes(&std::fs::read_to_string(path).ok()?, name)
}

fn parse_proc_bytes(text: &str, name: &str) -> Option<u64> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The container's limit, from cgroup 2 or else 1. `max` means that there is none.
fn cgroup_bytes(root: &Path) -> Option<u64> {
    ["memory.max", "memory/memory.limit_in_bytes"]
        .into_iter()
        .find_map(|file| {
            std::fs::read_to_string(root.join(file))
                .ok()?
                .trim()
                .parse()
                .ok()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_of_machine_and_container_decides() {
        assert_eq!(default_from_limits(Some(1000), Some(500)), Some(350));
        assert_eq!(default_from_limits(Some(1000), Some(u64::MAX)), Some(700));
        assert_eq!(default_from_limits(None, Some(100)), Some(70));
        assert_eq!(default_from_limits(None, None), None);
        assert!(default_bytes().is_none_or(|bytes| bytes > 0));
    }

    #[test]
    fn this_process_holds_some_memory() {
        assert!(resident_bytes().is_none_or(|bytes| bytes > 100_000));
        assert!(peak_bytes(std::process::id()).is_none_or(|bytes| bytes > 100_000));
    }

    #[test]
    fn only_lines_in_kilobytes_are_read() {
        let text = "VmRSSX:\t1 kB\nVmRSS:\t    5244 kB\nThreads:\t3\n";
        assert_eq!(parse_proc_bytes(text, "VmRSS"), Some(5244 * 1024));
        assert_eq!(parse_proc_bytes(text, "Threads"), None);
        assert_eq!(parse_proc_bytes(text, "VmHWM"), None);
    }

    #[test]
    fn both_kinds_of_container_limits_are_read() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(cgroup_bytes(root.path()), None);
        std::fs::create_dir(root.path().join("memory")).unwrap();
        std::fs::write(root.path().join("memory/memory.limit_in_bytes"), "4096\n").unwrap();
        assert_eq!(cgroup_bytes(root.path()), Some(4096));
        std::fs::write(root.path().join("memory.max"), "max\n").unwrap();
        assert_eq!(cgroup_bytes(root.path()), Some(4096));
        std::fs::write(root.path().join("memory.max"), "8192\n").unwrap();
        assert_eq!(cgroup_bytes(root.path()), Some(8192));
    }
}
