//! The allocator of this package's programs.
//!
//! jemalloc, because it gives memory back: a thread of its own returns what was freed by
//! any thread a second later, also in a process that allocates nothing more.

use std::ffi::{CStr, c_void};
use std::ptr::{from_mut, null_mut};

use sluice_service::memory_limits;
use sluice_service::task_memory::CountingAllocator;
use tikv_jemalloc_sys::mallctl;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: CountingAllocator<Jemalloc> = CountingAllocator(Jemalloc);

/// For how many milliseconds memory stays that was freed: the next task would fetch it
/// again. A job's tasks follow each other faster than this.
const KEPT_MS: isize = 1_000;

/// From now on, memory that was freed is given back to the system after a second, and at
/// once where memory is short.
///
/// On Linux the process also gets no huge pages, where the system gives them to every
/// process: one block in use would hold two megabytes.
pub fn give_back_memory() {
    #[cfg(target_os = "linux")]
    // SAFETY: it sets a flag of this process, and other arguments must be 0.
    unsafe {
        let _ = libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0);
    }
    // Where the system does not have these, memory is given back with later allocations.
    // The names and types are those of jemalloc(3), "mallctl namespace"; arena 4096 is all.
    set(c"arenas.dirty_decay_ms", KEPT_MS);
    set(c"arena.4096.dirty_decay_ms", KEPT_MS);
    set(c"background_thread", true);
    memory_limits::set_collector(give_back_now);
}

/// Gives back all that was freed, whichever thread has used it.
fn give_back_now() {
    // SAFETY: the name ends with a zero, and this control neither reads nor writes.
    let _ = unsafe {
        mallctl(
            c"arena.4096.purge".as_ptr(),
            null_mut(),
            null_mut(),
            null_mut(),
            0,
        )
    };
}

/// Sets a control of the allocator, of which `T` must be the type.
fn set<T: Copy>(name: &CStr, mut value: T) {
    let new = from_mut(&mut value).cast::<c_void>();
    // SAFETY: the name ends with a zero, `new` points to a value of that size, and the
    // allocator copies it.
    let _ = unsafe { mallctl(name.as_ptr(), null_mut(), null_mut(), new, size_of::<T>()) };
}
