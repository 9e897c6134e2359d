//! Threads for long computations, next to those that serve.

/// Lowers the priority of the calling thread, so that threads that serve get a core
/// as soon as they need one. Does nothing where threads have no priorities of their
/// own.
pub fn lower_priority() {
    #[cfg(target_os = "linux")]
    {
        /// Of the range from 0 to 19.
        const NICE: libc::c_int = 10;
        // SAFETY: `setpriority` takes three numbers and accesses no memory. On Linux,
        // the id 0 is the calling thread.
        let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
        if result != 0 {
            let error = std::io::Error::last_os_error();
            tracing::debug!(%error, "cannot lower the priority of a thread");
        }
    }
}
