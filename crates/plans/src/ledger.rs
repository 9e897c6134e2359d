//! The plan ledger of a gold folder.

use sluice_ledger::{AppendOutcome, Entry, Ledger};
use sluice_storage::{Location, StorePath, Stores};

use crate::entry::PlanEntry;
use crate::error::PlanError;

/// The folder of the plan ledger in a gold folder.
pub const PLANS_FOLDER: &str = "_plans";

/// How many of the newest plans are searched for one that can be resumed. Plans of
/// other jobs may lie between.
const SEARCHED_PLANS: u64 = 64;

/// The plans of a gold folder, by number.
#[derive(Debug, Clone)]
pub struct PlanLedger {
    ledger: Ledger<PlanEntry>,
}

impl PlanLedger {
    /// Reads and creates nothing.
    ///
    /// # Errors
    /// When the store cannot be set up.
    pub fn open(stores: &Stores, gold: &Location) -> Result<Self, PlanError> {
        let gold: StorePath = stores.open(gold)?;
        Ok(Self {
            ledger: Ledger::new(StorePath {
                location: gold.location.child(PLANS_FOLDER)?,
                store: gold.store,
            }),
        })
    }

    /// Where the plans are, for messages.
    pub fn name(&self) -> String {
        self.ledger.store_path().location.to_string()
    }

    /// Records a plan, and gives its number.
    ///
    /// # Errors
    /// When it is not recorded, or that is not known. A plan that was recorded and is
    /// not carried out does no harm.
    pub async fn append(&self, plan: &PlanEntry) -> Result<u64, PlanError> {
        let mut next = match self.ledger.read_tail().await? {
            Some(newest) => newest.seq + 1,
            None => 0,
        };
        // A plan depends on the tables, not on other plans.
        loop {
            match self.ledger.append(next, plan.clone()).await? {
                AppendOutcome::Committed(entry) => return Ok(entry.seq),
                AppendOutcome::Lost(winner) => next = winner.seq + 1,
            }
        }
    }

    /// # Errors
    /// When the plan cannot be read.
    pub async fn read(&self, number: u64) -> Result<Option<Entry<PlanEntry>>, PlanError> {
        Ok(self.ledger.read_entry(number).await?)
    }

    /// The newest plan, if one of the newest ones, that `is_wanted`.
    ///
    /// # Errors
    /// When plans cannot be read.
    pub async fn find_newest(
        &self,
        is_wanted: impl Fn(&Entry<PlanEntry>) -> bool,
    ) -> Result<Option<Entry<PlanEntry>>, PlanError> {
        let Some(newest) = self.ledger.read_tail().await? else {
            return Ok(None);
        };
        let mut next = newest.seq;
        let mut entry = Some(newest);
        for _ in 0..SEARCHED_PLANS {
            match entry {
                Some(entry) if is_wanted(&entry) => return Ok(Some(entry)),
                _ => {}
            }
            let Some(previous) = next.checked_sub(1) else {
                break;
            };
            next = previous;
            entry = self.ledger.read_entry(next).await?;
        }
        Ok(None)
    }
}
