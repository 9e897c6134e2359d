//! The limit of open files and connections of this process.

/// More than this is not asked for: some systems allow a billion, and some libraries
/// walk through all of them.
const MAX_DESCRIPTORS: u64 = 1 << 20;

/// Raises the limit of open files and connections as far as the system allows without
/// further rights, and logs it. Many systems begin with 1,024, which is a default for
/// programs of another time.
pub fn raise_limit() {
    let Some((soft, hard)) = read_limits() else {
        return;
    };
    let wanted = hard.min(MAX_DESCRIPTORS);
    if soft < wanted && set_soft_limit(wanted, hard) {
        tracing::info!(before = soft, now = wanted, "limit of open files raised");
    } else {
        tracing::info!(limit = soft, "limit of open files");
    }
}

/// How many files and connections this process may have open; `None` where the system
/// does not report it.
pub fn limit() -> Option<u64> {
    read_limits().map(|(soft, _)| soft)
}

/// The limit that holds, and the one up to which it may be raised.
fn read_limits() -> Option<(u64, u64)> {
    let mut limits = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `getrlimit` writes one `rlimit`, which lives through the call.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limits) };
    (result == 0).then_some((limits.rlim_cur, limits.rlim_max))
}

fn set_soft_limit(soft: u64, hard: u64) -> bool {
    let limits = libc::rlimit {
        rlim_cur: soft,
        rlim_max: hard,
    };
    // SAFETY: `setrlimit` reads one `rlimit`, which lives through the call.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limits) };
    if result != 0 {
        let error = std::io::Error::last_os_error();
        tracing::warn!(soft, hard, %error, "cannot raise the limit of open files");
    }
    result == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_allowed() {
        let (_, hard) = read_limits().unwrap();
        raise_limit();
        let (soft, still_hard) = read_limits().unwrap();
        assert!(soft >= hard.min(MAX_DESCRIPTORS), "{soft} of {hard}");
        assert_eq!(still_hard, hard);
        assert_eq!(limit(), Some(soft));
    }
}
