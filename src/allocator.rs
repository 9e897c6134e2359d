//! What the programs of this package ask of their allocator.

use mimalloc as _;

unsafe extern "C" {
    /// Gives unused memory back to the system; with `force`, also what was freed a moment
    /// ago (mimalloc's API, "Extended Functions").
    fn mi_collect(force: bool);
}

/// From now on, unused memory is given back where memory is short, and when the process
/// holds much more than it uses. Otherwise mimalloc keeps it for a second, in which tasks
/// that wait for memory would fail, and until it is asked for memory again, which a process
/// at rest does not.
///
/// On Linux the process also gets no huge pages, for which mimalloc asks: one block in use
/// would hold two megabytes, and a scheduler that has allocated 20 MiB held 480.
pub fn give_back_memory() {
    #[cfg(target_os = "linux")]
    // SAFETY: it sets a flag of this process, and other arguments must be 0.
    unsafe {
        let _ = libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0);
    }
    // SAFETY: any thread may call it at any time.
    sluice_service::memory_limits::set_collector(|| unsafe { mi_collect(true) });
}
