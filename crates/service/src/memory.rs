//! How much memory the operators of this process may use, how much the process can
//! have, and how much it holds.

use std::path::Path;

/// The share of the available memory that operators may use by default. The rest
/// is for batches in flight, buffers and the allocator.
const DEFAULT_PERCENT: u64 = 70;

/// How many bytes operators may use by default: a share of what the process can
/// have. `None` when that is not known.
pub fn default_bytes() -> Option<u64> {
    default_bytes_for_cores(1, 1)
}

/// The default of a process that uses `used` of the machine's `cores`: as much less of
/// its memory, so that several such processes have enough together. The limit of a
/// container or service is for this process alone.
pub fn default_bytes_for_cores(used: usize, cores: usize) -> Option<u64> {
    default_of(host_bytes(), own_group_bytes(), used, cores)
}

/// What a process can have that uses `used` of the machine's `cores`, when others use the
/// rest. `None` when that is not known.
pub fn share_bytes(used: usize, cores: usize) -> Option<u64> {
    share_of(host_bytes(), own_group_bytes(), used, cores)
}

fn share_of(host: Option<u64>, group: Option<u64>, used: usize, cores: usize) -> Option<u64> {
    let cores = u64::try_from(cores.max(1)).ok()?;
    let used = u64::try_from(used.max(1)).ok()?.min(cores);
    let host = host.map(|bytes| bytes / cores * used);
    [host, group].into_iter().flatten().min()
}

fn default_of(host: Option<u64>, group: Option<u64>, used: usize, cores: usize) -> Option<u64> {
    Some(share_of(host, group, used, cores)? / 100 * DEFAULT_PERCENT)
}

/// The memory that this process can have: the machine's, or the limit of a container
/// or service that it runs in, whichever is less. `None` when neither is known.
pub fn available_bytes() -> Option<u64> {
    [host_bytes(), own_group_bytes()]
        .into_iter()
        .flatten()
        .min()
}

fn own_group_bytes() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    group_bytes(Path::new("/sys/fs/cgroup"), &groups)
}

fn host_bytes() -> Option<u64> {
    read_proc_bytes("/proc/meminfo", "MemTotal")
}

/// The memory that the machine can still give to processes.
pub fn host_free_bytes() -> Option<u64> {
    read_proc_bytes("/proc/meminfo", "MemAvailable")
}

/// The memory of this process that the system cannot take back: without the pages of
/// files, such as the program's own. `None` where the system does not report it.
pub fn anonymous_bytes() -> Option<u64> {
    read_proc_bytes("/proc/self/status", "RssAnon")
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

/// The lowest limit of the control groups that this process is in, of both versions.
/// `groups` is its list of them; a group's parents limit it, too. A container may
/// show its own group as the root, whatever the list says.
fn group_bytes(root: &Path, groups: &str) -> Option<u64> {
    let listed = groups.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let hierarchy = if controllers.is_empty() {
            (root.to_owned(), "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            (root.join("memory"), "memory.limit_in_bytes")
        } else {
            return None;
        };
        Some((hierarchy, path.trim_start_matches('/')))
    });
    let roots = [
        ((root.to_owned(), "memory.max"), ""),
        ((root.join("memory"), "memory.limit_in_bytes"), ""),
    ];
    listed
        .chain(roots)
        .flat_map(|((folder, file), path)| {
            let path = Path::new(path).to_owned();
            let groups: Vec<_> = path.ancestors().map(|group| folder.join(group)).collect();
            groups.into_iter().map(move |group| group.join(file))
        })
        // `max` means that there is no limit.
        .filter_map(|file| std::fs::read_to_string(file).ok()?.trim().parse().ok())
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_that_share_the_cores_share_the_memory() {
        let of_machine = |bytes, used, cores| default_of(Some(bytes), None, used, cores);
        assert_eq!(of_machine(1000, 1, 1), Some(700));
        assert_eq!(of_machine(4000, 1, 4), Some(700));
        assert_eq!(of_machine(4000, 4, 4), Some(2800));
        assert_eq!(of_machine(4000, 9, 4), Some(2800), "never more than all");
        assert_eq!(of_machine(1000, 0, 0), Some(700));
        assert_eq!(share_of(Some(4000), None, 1, 4), Some(1000));
        assert_eq!(share_of(Some(4000), Some(900), 1, 4), Some(900));
        // The limit of a container is not shared.
        assert_eq!(default_of(Some(4000), Some(900), 1, 4), Some(630));
        assert_eq!(default_of(Some(4000), Some(2000), 1, 4), Some(700));
        assert_eq!(default_of(None, Some(100), 1, 4), Some(70));
        assert_eq!(default_of(None, None, 1, 4), None);
        assert!(default_bytes().is_none_or(|bytes| bytes > 0));
    }

    #[test]
    fn this_process_holds_some_memory() {
        assert!(resident_bytes().is_none_or(|bytes| bytes > 100_000));
        assert!(peak_bytes(std::process::id()).is_none_or(|bytes| bytes > 100_000));
        let known = (anonymous_bytes(), resident_bytes());
        if let (Some(anonymous), Some(resident)) = known {
            assert!(anonymous < 2 * resident, "{anonymous} of {resident}");
        }
        assert!(host_free_bytes().is_none_or(|bytes| bytes > 0));
    }

    #[test]
    fn only_lines_in_kilobytes_are_read() {
        let text = "VmRSSX:\t1 kB\nVmRSS:\t    5244 kB\nThreads:\t3\n";
        assert_eq!(parse_proc_bytes(text, "VmRSS"), Some(5244 * 1024));
        assert_eq!(parse_proc_bytes(text, "Threads"), None);
        assert_eq!(parse_proc_bytes(text, "VmHWM"), None);
    }

    #[test]
    fn the_lowest_limit_of_all_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        let limit = |file: &str, text: &str| {
            let file = root.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        let bytes = |groups: &str| group_bytes(root.path(), groups);
        assert_eq!(bytes(""), None);
        limit("memory/memory.limit_in_bytes", "4096\n");
        assert_eq!(bytes("0::/\n"), Some(4096));
        limit("memory.max", "max\n");
        assert_eq!(bytes("0::/\n"), Some(4096));
        limit("memory.max", "3000\n");
        assert_eq!(bytes("0::/\n"), Some(3000));
        limit("memory.max", "max\n");
        // A service of systemd, and the slice that it is in.
        limit("system.slice/memory.max", "2000\n");
        limit("system.slice/sluice.service/memory.max", "max\n");
        assert_eq!(bytes("0::/system.slice/sluice.service\n"), Some(2000));
        limit("system.slice/sluice.service/memory.max", "1000\n");
        assert_eq!(bytes("0::/system.slice/sluice.service\n"), Some(1000));
        assert_eq!(
            bytes("0::/../elsewhere\n"),
            Some(4096),
            "not seen from here"
        );
        limit("memory/jobs/memory.limit_in_bytes", "500\n");
        assert_eq!(bytes("7:cpu,memory:/jobs/one\n1:cpu:/jobs\n"), Some(500));
    }
}
