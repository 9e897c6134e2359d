//! What runs take, and what readers may see together.
//!
//! A run of streaming tables takes what is new of its sources. What that is is fixed
//! by a [`PlanEntry`] in the [`PlanLedger`] of the gold folder before anything is
//! computed. Whether a plan was carried out is not recorded here: the log of each table
//! has the number of the newest plan of each of its flows, in the same entry as the
//! rows. [`TakenInput`] is what the plans up to that number have taken, and
//! [`find_new_input`] what a source has in addition.
//!
//! A [`CutLedger`] names the version of every table after each job
//! (docs/adr/0012-increments.md).

mod cut;
mod entry;
mod error;
mod intake;
mod ledger;
mod open;
mod taken;

pub use cut::{CutEntry, CutLedger, CutTable, PUBLISH_FOLDER};
pub use entry::{
    FileStamp, FolderPosition, FolderRange, JobFingerprint, PLAN_VERSION, PlanEntry, PlannedFlow,
    PlannedView, SourceInput, TablePosition, TableRange, TakenFile,
};
pub use error::PlanError;
pub use intake::{NewInput, find_new_input, is_file};
pub use ledger::{PLANS_FOLDER, PlanLedger};
pub use open::open_input;
pub use taken::TakenInput;

#[cfg(test)]
mod tests;
