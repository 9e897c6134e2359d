//! The calls to a store and their counts.

use std::collections::BTreeMap;

use object_store::path::Path;
use parking_lot::Mutex;

/// The kinds of calls that are distinguished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// A put that fails when the name is taken.
    Create,
    /// Any other put of a whole object.
    Put,
    /// The start of an upload in parts.
    Upload,
    /// One part of an upload.
    Part,
    /// The end of an upload.
    Complete,
    /// The abort of an upload.
    Abort,
    /// A read of bytes.
    Get,
    /// A read of the metadata alone.
    Head,
    /// A listing, however many objects it returns.
    List,
    /// One deletion.
    Delete,
    /// A copy or a rename; its path is the target.
    Copy,
}

impl Op {
    /// Whether the call changes the store.
    pub fn is_write(self) -> bool {
        !matches!(self, Self::Get | Self::Head | Self::List)
    }
}

/// One call, as passed to the plan.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    pub op: Op,
    /// The object, or the prefix of a listing.
    pub path: &'a Path,
}

/// How often the store was called.
#[derive(Debug, Default)]
pub struct CallCounts {
    calls: Mutex<BTreeMap<Op, usize>>,
    listed: Mutex<usize>,
}

impl CallCounts {
    pub(crate) fn count_call(&self, op: Op) {
        *self.calls.lock().entry(op).or_default() += 1;
    }

    pub(crate) fn count_listed(&self) {
        *self.listed.lock() += 1;
    }

    /// The number of calls of one kind, including failed ones.
    pub fn count_of(&self, op: Op) -> usize {
        self.calls.lock().get(&op).copied().unwrap_or_default()
    }

    /// The number of calls of all kinds.
    pub fn total(&self) -> usize {
        self.calls.lock().values().sum()
    }

    /// The number of objects that listings returned.
    pub fn listed(&self) -> usize {
        *self.listed.lock()
    }

    /// Sets all counts to zero.
    pub fn reset(&self) {
        self.calls.lock().clear();
        *self.listed.lock() = 0;
    }
}
