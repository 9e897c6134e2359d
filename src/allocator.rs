//! What the programs of this package ask of their allocator.

use mimalloc as _;

unsafe extern "C" {
    /// Gives unused memory back to the system; with `force`, also what was freed a moment
    /// ago (mimalloc's API, "Extended Functions").
    fn mi_collect(force: bool);
}

/// From now on, unused memory is given back where memory is short. Otherwise mimalloc
/// keeps it for a second, in which tasks that wait for memory would fail.
pub fn give_back_memory_when_short() {
    // SAFETY: any thread may call it at any time.
    sluice_service::memory_limits::set_collector(|| unsafe { mi_collect(true) });
}
