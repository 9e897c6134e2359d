//! What each task holds, as its pool and the allocator know it.
//!
//! A pool knows what operators reserve. Batches in flight, results of functions, and
//! buffers of readers and writers are known to the allocator alone. So it counts, for
//! each thread of a task, what the thread allocates and frees. Memory that another
//! thread allocated may be freed here, such as what the process received over the
//! network; so the count is an estimate, which never falls below zero.
//!
//! An allocation of a task that the process cannot make waits, so that what watches
//! the process can act in time ([`crate::memory_limits`]).

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

/// Threads of tasks count for themselves up to this many bytes.
const FLUSH_BYTES: usize = 64 * 1024;
/// The same for all others, of which many end without counting the rest.
const FLUSH_BYTES_WITHOUT_TASK: usize = 1024;
/// Blocks of this size are copied when they grow.
const LARGE_BYTES: usize = 1024 * 1024;
/// How often an allocation that waits looks whether it can be made.
const WAIT_INTERVAL: Duration = Duration::from_millis(5);

/// How many bytes the process may hold; without a watch, any number.
static LIMIT: AtomicI64 = AtomicI64::new(i64::MAX);
/// How many it held when the watch looked last. The system counts a block when it is
/// written to.
static HELD: AtomicI64 = AtomicI64::new(0);
/// How many bytes all threads have allocated and not freed.
static ALLOCATED: AtomicI64 = AtomicI64::new(0);
/// How many threads wait because it is too little.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Sets how many bytes the process holds, and how many it may.
pub fn set_held(held: i64, limit: i64) {
    HELD.store(held, Ordering::Relaxed);
    LIMIT.store(limit, Ordering::Relaxed);
}

/// How many threads wait for memory.
pub fn waiting_threads() -> usize {
    WAITING.load(Ordering::Relaxed)
}

/// How many bytes this process has allocated and not freed, as far as its allocator
/// counts them: zero without a [`CountingAllocator`].
pub fn allocated_bytes() -> u64 {
    u64::try_from(ALLOCATED.load(Ordering::Relaxed)).unwrap_or(0)
}

/// What one task holds.
#[derive(Debug, Default)]
pub struct TaskMemory {
    /// What its operators have reserved.
    pub reserved: AtomicUsize,
    /// What its threads have allocated and not freed.
    allocated: AtomicI64,
}

impl TaskMemory {
    /// The bytes that the task holds: what is reserved, or what is allocated, which
    /// overlap.
    pub fn held_bytes(&self) -> u64 {
        let reserved = u64::try_from(self.reserved.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
        let allocated = u64::try_from(self.allocated.load(Ordering::Relaxed)).unwrap_or(0);
        reserved.max(allocated)
    }

    fn add(&self, bytes: i64) {
        let before = self.allocated.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) < 0 {
            self.allocated.store(0, Ordering::Relaxed);
        }
    }
}

struct ThreadAccount {
    /// What the thread has allocated and not yet added to its task.
    pending: Cell<isize>,
    /// The task that the thread works for: null or a pointer of an `Arc` whose count
    /// includes it.
    task: Cell<*const TaskMemory>,
}

thread_local! {
    // Constant and without a destructor, so that the allocator can use it at any time.
    static ACCOUNT: ThreadAccount = const {
        ThreadAccount {
            pending: Cell::new(0),
            task: Cell::new(ptr::null()),
        }
    };
}

/// From now on, this thread works for a task, or for none.
pub fn count_thread_for(task: Option<Arc<TaskMemory>>) {
    let task = task.map_or(ptr::null(), Arc::into_raw);
    let previous = ACCOUNT.try_with(|account| {
        ALLOCATED.fetch_add(pending_bytes(account.pending.take()), Ordering::Relaxed);
        account.task.replace(task)
    });
    let previous = previous.unwrap_or(ptr::null());
    if !previous.is_null() {
        // SAFETY: it came from `Arc::into_raw` here, and was replaced just now, so
        // that it is taken back once.
        drop(unsafe { Arc::from_raw(previous) });
    }
}

/// Counts a change of `bytes` of this thread.
fn count(bytes: isize) {
    // A thread that ends has no account any more.
    let _ = ACCOUNT.try_with(|account| {
        let pending = account.pending.get().saturating_add(bytes);
        let task = account.task.get();
        let most = match task.is_null() {
            true => FLUSH_BYTES_WITHOUT_TASK,
            false => FLUSH_BYTES,
        };
        if pending.unsigned_abs() < most {
            account.pending.set(pending);
            return;
        }
        account.pending.set(0);
        let pending = pending_bytes(pending);
        if task.is_null() {
            ALLOCATED.fetch_add(pending, Ordering::Relaxed);
            return;
        }
        if pending > 0 {
            wait_for_memory(pending);
        } else {
            ALLOCATED.fetch_add(pending, Ordering::Relaxed);
        }
        // SAFETY: the pointer is valid while it is in the account, and only this
        // thread changes its account.
        unsafe { &*task }.add(pending);
    });
}

fn pending_bytes(pending: isize) -> i64 {
    i64::try_from(pending).unwrap_or(i64::MAX)
}

/// Returns when the process has taken `bytes` more.
fn wait_for_memory(bytes: i64) {
    if try_take(bytes) {
        return;
    }
    WAITING.fetch_add(1, Ordering::Relaxed);
    while !try_take(bytes) {
        std::thread::sleep(WAIT_INTERVAL);
    }
    WAITING.fetch_sub(1, Ordering::Relaxed);
}

/// Takes `bytes`, unless that is more than the process may hold.
fn try_take(bytes: i64) -> bool {
    // Taken first, so that of two threads only one gets the rest.
    let allocated = ALLOCATED.fetch_add(bytes, Ordering::Relaxed);
    let limit = LIMIT.load(Ordering::Relaxed);
    if limit == i64::MAX {
        return true;
    }
    // What was freed a moment ago may still be held, and the watch may be late.
    let held = match usize::try_from(bytes) {
        Ok(bytes) if bytes >= LARGE_BYTES => read_held_bytes(),
        _ => None,
    };
    let held = held.unwrap_or_else(|| HELD.load(Ordering::Relaxed));
    let has_room = held.max(allocated).saturating_add(bytes) <= limit;
    if !has_room {
        ALLOCATED.fetch_sub(bytes, Ordering::Relaxed);
    }
    has_room
}

/// What the process holds, without the pages of files. Does not allocate.
#[cfg(target_os = "linux")]
fn read_held_bytes() -> Option<i64> {
    let mut text = [0_u8; 128];
    // SAFETY: the path ends with a zero, and `read` writes at most as many bytes as
    // `text` has.
    let (length, page) = unsafe {
        let file = libc::open(
            c"/proc/self/statm".as_ptr(),
            libc::O_RDONLY | libc::O_CLOEXEC,
        );
        if file < 0 {
            return None;
        }
        let length = libc::read(file, text.as_mut_ptr().cast(), text.len());
        libc::close(file);
        (length, libc::sysconf(libc::_SC_PAGESIZE))
    };
    let text = text.get(..usize::try_from(length).ok()?)?;
    // The size of the program, and its resident and shared pages.
    let text = std::str::from_utf8(text).ok()?;
    let mut pages = text.split(' ').skip(1).map(str::parse::<i64>);
    let (resident, shared) = (pages.next()?.ok()?, pages.next()?.ok()?);
    (resident - shared).checked_mul(page)
}

#[cfg(not(target_os = "linux"))]
fn read_held_bytes() -> Option<i64> {
    None
}

/// An allocator that counts for tasks.
#[derive(Debug)]
pub struct CountingAllocator<A>(pub A);

// SAFETY: every call is passed on unchanged. `count` does not allocate and does not
// panic.
unsafe impl<A: GlobalAlloc> GlobalAlloc for CountingAllocator<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: as promised to this function.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: as promised to this function.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as promised to this function.
        unsafe { self.0.dealloc(pointer, layout) }
        count(-layout.size().cast_signed());
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let (old, new) = (layout.size().cast_signed(), new_size.cast_signed());
        if new < old || new_size < LARGE_BYTES {
            count(new - old);
            // SAFETY: as promised to this function.
            return unsafe { self.0.realloc(pointer, layout, new_size) };
        }
        // While it is copied, the block exists twice.
        count(new);
        // SAFETY: as promised to this function.
        let moved = unsafe { self.0.realloc(pointer, layout, new_size) };
        count(-old);
        moved
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use super::*;

    #[test]
    fn a_task_holds_what_its_threads_allocated() {
        let allocator = CountingAllocator(System);
        let task = Arc::new(TaskMemory::default());
        let layout = Layout::from_size_align(1 << 20, 8).unwrap();
        let memory = Arc::clone(&task);
        std::thread::spawn(move || {
            count_thread_for(Some(Arc::clone(&memory)));
            // SAFETY: the layout has a size, and each block is freed with its layout.
            unsafe {
                let block = allocator.alloc(layout);
                assert_eq!(memory.held_bytes(), 1 << 20);
                let block = allocator.realloc(block, layout, 3 << 20);
                assert_eq!(memory.held_bytes(), 3 << 20);
                let layout = Layout::from_size_align(3 << 20, 8).unwrap();
                allocator.dealloc(block, layout);
            }
            assert_eq!(memory.held_bytes(), 0);
            // Freed here, allocated elsewhere.
            count(-(1 << 30));
            count(100 << 10);
            assert_eq!(memory.held_bytes(), 100 << 10);
            count_thread_for(None);
            count(1 << 20);
            assert_eq!(memory.held_bytes(), 100 << 10);
        })
        .join()
        .unwrap();
        assert_eq!(Arc::strong_count(&task), 1, "no thread counts for it");
        task.reserved.store(1 << 20, Ordering::Relaxed);
        assert_eq!(task.held_bytes(), 1 << 20);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_written_to_is_held() {
        let before = read_held_bytes().unwrap();
        let block = vec![1_u8; 64 << 20];
        let after = read_held_bytes().unwrap();
        assert!(after - before > 32 << 20, "{before} {after}");
        assert!(before > 100 << 10 && block.len() == 64 << 20, "{before}");
        let known = crate::memory::anonymous_bytes().unwrap();
        assert!(
            known.abs_diff(after.cast_unsigned()) < 32 << 20,
            "{known} {after}"
        );
    }
}
