//! Deduplications as steps of a job.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::catalog::default_table_source::{provider_as_source, source_as_provider};
use datafusion::common::TableReference;
use datafusion::error::Result;
use datafusion::logical_expr::logical_plan::TableScan;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, TableSource};

use super::AnalyzeError;
use super::analyze::{Analysis, engine_error};
use crate::dedup::{self, DedupSplit, Numbering};
use crate::source::NdjsonTable;
use crate::staged::DeduplicatedTable;

/// The names of the tables of one deduplication. Names of relations hold no
/// spaces, so these are unique.
struct DedupNames {
    rows: String,
    duplicates: String,
    deduplicated: String,
}

impl DedupNames {
    fn new(owner: &str, count: usize) -> Self {
        let name = |part: &str| format!("{owner} {part} {count}");
        Self {
            rows: name("rows"),
            duplicates: name("duplicates"),
            deduplicated: name("deduplicated"),
        }
    }
}

impl Analysis<'_> {
    /// Takes deduplications out of a plan: what they read becomes a separate
    /// step, so that row ids are moved and rows are not.
    pub(super) fn extract_dedups(
        &mut self,
        owner: &str,
        mut plan: LogicalPlan,
    ) -> Result<LogicalPlan, AnalyzeError> {
        let failed = |error| engine_error(owner, error);
        for count in 1.. {
            let ndjson_tables = &self.ndjson_tables;
            let position = |scan: &TableScan| source_with_position(scan, ndjson_tables);
            let Some(split) = dedup::split_dedup(plan.clone(), &position).map_err(failed)? else {
                break;
            };
            plan = self
                .stage_dedup(&DedupNames::new(owner, count), &split)
                .map_err(failed)?;
        }
        Ok(plan)
    }

    /// Adds the two steps of a deduplication, which stage its rows and the ids of
    /// the duplicates among them, and gives the plan that reads both.
    fn stage_dedup(&mut self, names: &DedupNames, split: &DedupSplit) -> Result<LogicalPlan> {
        let rows = self.push_staged_step(
            &names.rows,
            split.input.clone(),
            Arc::new(split.staged_schema()),
            split.numbering == Numbering::Append,
        );
        let rows_scan = scan_table(&names.rows, Arc::clone(&rows) as _)?;

        let duplicates_plan = split.duplicate_ids(&rows_scan)?;
        let duplicates_schema: SchemaRef = Arc::clone(duplicates_plan.schema().inner());
        let duplicates =
            self.push_staged_step(&names.duplicates, duplicates_plan, duplicates_schema, false);

        self.producers
            .insert_with(&names.deduplicated, rows.step(), duplicates.step());
        let deduplicated = Arc::new(DeduplicatedTable::new(rows, duplicates));
        let deduplicated_scan = scan_table(&names.deduplicated, deduplicated)?;
        // The table itself drops the duplicates.
        let deduplicated_rows = split.deduplicated(&deduplicated_scan)?;
        split.replace_in_plan(&deduplicated_rows)
    }
}

fn scan_table(name: &str, table: Arc<dyn TableProvider>) -> Result<LogicalPlan> {
    let reference = TableReference::bare(name);
    LogicalPlanBuilder::scan(reference, provider_as_source(table), None)?.build()
}

/// The same source with the position of each row, for a scan of a landing
/// source.
fn source_with_position(
    scan: &TableScan,
    ndjson_tables: &HashMap<String, Arc<NdjsonTable>>,
) -> Option<Arc<dyn TableSource>> {
    let table = ndjson_tables.get(scan.table_name.table())?;
    // A staged source has the same name but no positions.
    let provider = source_as_provider(&scan.source).ok()?;
    (provider.as_ref() as &dyn Any).downcast_ref::<NdjsonTable>()?;
    Some(provider_as_source(Arc::new(table.with_position())))
}
