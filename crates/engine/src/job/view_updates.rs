//! Adds a view that is computed from what is new, and from the rows that it has.

use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;
use sluice_gold::{Snapshot, TableSpec, append_schema};
use sluice_jobfile::{self as jobfile, RefreshPolicy};
use sluice_storage::SourceFile;
use sqlparser::ast::Query;

use super::AnalyzeError;
use super::analyze::{Analysis, engine_error};
use super::changed_files::ReplacedFiles;
use super::datasets::ShapedView;
use super::group_keys::find_group_keys;
use super::merged_groups::are_merged;
use super::streams::TableInput;
use super::view_increments::{ViewInput, ViewUpdate, find_roles, find_update};
use crate::source::Compression;

/// What became of a view of which it is known what is new.
pub(super) enum UpdateOutcome {
    /// It is added, or has errors.
    Added,
    /// It must be computed from all rows; the reason for display, if there is one.
    Full(Option<&'static str>),
}

/// The rows of a view that change its table.
struct UpdatedRows {
    view: ShapedView,
    update: ViewUpdate,
    /// The files of the table that they replace; `None`: none when rows are added,
    /// otherwise all.
    replaced: Option<ReplacedFiles>,
}

impl Analysis<'_> {
    /// Adds a view whose rows follow from those that it has and what is new, if they do.
    pub(super) fn add_updated(
        &mut self,
        dataset: &jobfile::Dataset,
        query: &Query,
        plan: &LogicalPlan,
    ) -> Result<UpdateOutcome, AnalyzeError> {
        let options = self.options;
        let Some(input) = options.streams.views.get(&dataset.name) else {
            return Ok(UpdateOutcome::Full(None));
        };
        if self.reads_shared_rows(plan, input) {
            let reason = "rows that it shares with another dataset may be others";
            return Ok(UpdateOutcome::Full(Some(reason)));
        }
        let update = find_update(plan, &|table| input.new.contains_key(table));
        if update == Some(ViewUpdate::Added) {
            let new = self.plan_new_rows(dataset, plan, input)?;
            if let Some(view) = self.shape_view(dataset, query, new)? {
                let rows = UpdatedRows {
                    view,
                    update: ViewUpdate::Added,
                    replaced: None,
                };
                self.push_updated(dataset, rows, &input.snapshot)?;
            }
            return Ok(UpdateOutcome::Added);
        }
        if update == Some(ViewUpdate::Merged) {
            let new = self.plan_new_rows(dataset, plan, input)?;
            let Some(mut view) = self.shape_view(dataset, query, new)? else {
                return Ok(UpdateOutcome::Added);
            };
            let roles = find_roles(&view.plan).filter(|roles| are_merged(roles, &view.spec));
            if let Some(roles) = roles.filter(|_| fits_table(&view.spec, &input.snapshot)) {
                let new = (view.plan, roles.as_slice());
                let merged = self.merge_groups(dataset, &view.spec, new, &input.snapshot)?;
                let (plan, replaced) = merged;
                view.plan = plan;
                let rows = UpdatedRows {
                    view,
                    update: ViewUpdate::Merged,
                    replaced,
                };
                self.push_updated(dataset, rows, &input.snapshot)?;
                return Ok(UpdateOutcome::Added);
            }
        }
        self.add_recomputed(dataset, query, plan, input)
    }

    /// Adds a view of which the groups are computed again that new rows belong to.
    fn add_recomputed(
        &mut self,
        dataset: &jobfile::Dataset,
        query: &Query,
        plan: &LogicalPlan,
        input: &ViewInput,
    ) -> Result<UpdateOutcome, AnalyzeError> {
        let failed = |error| engine_error(&dataset.name, error);
        let keys = match find_group_keys(plan, &|table| input.new.contains_key(table)) {
            Ok(keys) => keys,
            Err(problem) => return Ok(UpdateOutcome::Full(Some(problem.describe()))),
        };
        let is_forced = dataset.refresh_policy == RefreshPolicy::IncrementalStrict;
        if !(is_forced || self.is_little_new(input)) {
            let reason = "what is new is not less than half of what its tables had";
            return Ok(UpdateOutcome::Full(Some(reason)));
        }
        let Some(view) = self.shape_view(dataset, query, plan.clone())? else {
            return Ok(UpdateOutcome::Added);
        };
        let (keys, columns) = keys.keep_stored(plan, &view);
        if columns.is_empty() {
            let reason = "its table does not keep the keys of its groups as they are";
            return Ok(UpdateOutcome::Full(Some(reason)));
        }
        if !fits_table(&view.spec, &input.snapshot) {
            return Ok(UpdateOutcome::Full(Some("its columns have changed")));
        }
        let groups = self.stage_changed_groups(dataset, (plan, &keys), input)?;
        let rows = self.keep_groups(plan, &keys, input, &groups);
        let rows = rows.map_err(failed)?;
        let rows = self.extract_dedups(&dataset.name, rows)?;
        let Some(mut view) = self.shape_view(dataset, query, rows)? else {
            return Ok(UpdateOutcome::Added);
        };
        let replaced = self.replace_groups(
            dataset,
            (&view.spec, &columns),
            view.plan,
            &groups,
            &input.snapshot,
        )?;
        view.plan = replaced.0;
        let rows = UpdatedRows {
            view,
            update: ViewUpdate::Recomputed,
            replaced: Some(replaced.1),
        };
        self.push_updated(dataset, rows, &input.snapshot)?;
        Ok(UpdateOutcome::Added)
    }

    fn push_updated(
        &mut self,
        dataset: &jobfile::Dataset,
        rows: UpdatedRows,
        snapshot: &Arc<Snapshot>,
    ) -> Result<(), AnalyzeError> {
        let UpdatedRows {
            view,
            update,
            replaced,
        } = rows;
        let keeps = update == ViewUpdate::Added || replaced.is_some();
        let kept = keeps.then(|| (Arc::clone(snapshot), replaced.clone()));
        self.shown.add(&dataset.name, view.names);
        self.push_dataset(dataset, view.spec, Some(view.plan), kept, &view.read_as)?;
        self.explain_refresh("incremental", update.describe());
        if let Some(added) = self.datasets.last_mut() {
            added.is_repeatable = true;
            added.view_update = Some(update);
            added.replaced_files = replaced;
        }
        Ok(())
    }

    /// Whether a plan reads rows that a step of the job computes and that are not those of
    /// a table: which of them are new is not known.
    fn reads_shared_rows(&self, plan: &LogicalPlan, input: &ViewInput) -> bool {
        let mut found = false;
        let walked = plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                let name = scan.table_name.table();
                found |= self.producers.contains(name) && !input.new.contains_key(name);
            }
            Ok(TreeNodeRecursion::Continue)
        });
        found || walked.is_err()
    }

    /// Whether what is new is less than half of what the tables had, in bytes of their files.
    /// Otherwise most groups change, and the search for them costs more than it saves.
    fn is_little_new(&self, input: &ViewInput) -> bool {
        let streams = &self.options.streams;
        let (mut new, mut had): (u64, u64) = (0, 0);
        for (table, rows) in &input.new {
            new = new.saturating_add(self.count_new_bytes(rows, table));
            let of_run = streams.tables.get(table);
            let of_run = of_run.and_then(|table| table.snapshot.as_ref());
            let unchanged = streams.unchanged.get(table).and_then(Option::as_ref);
            let files = of_run.or(unchanged).map(|snapshot| &snapshot.files);
            let sizes = files.into_iter().flatten().map(|file| file.size);
            had = had.saturating_add(sizes.sum());
        }
        new.saturating_mul(2) < had
    }

    /// The bytes of the files that rows of a table come from. Of landing files that the same
    /// run adds, about the bytes that they will have in the table.
    fn count_new_bytes(&self, rows: &TableInput, table: &str) -> u64 {
        let mut bytes: u64 = rows.files.iter().map(|file| file.size).sum();
        let table = self.options.streams.tables.get(table);
        for flow in table
            .into_iter()
            .filter(|_| rows.with_added)
            .flat_map(|table| table.flows.values())
            .filter(|flow| flow.is_run)
        {
            for listing in flow.sources.values() {
                let files = listing.files.iter();
                bytes = bytes.saturating_add(files.map(bytes_as_parquet).sum());
            }
            for (table, rows) in &flow.tables {
                bytes = bytes.saturating_add(self.count_new_bytes(rows, table));
            }
        }
        bytes
    }
}

/// About how many times as large lines are as the same rows in Parquet. It decides only how
/// a view is computed: lines of a few columns are ten to fifty times as large, long texts
/// hardly more than twice.
const LINES_TO_PARQUET: u64 = 8;

/// About the bytes of a source's file as Parquet, which is compressed.
fn bytes_as_parquet(file: &SourceFile) -> u64 {
    let path = file.path.as_ref();
    let is_compressed =
        Compression::from_path(path) != Compression::None || path.ends_with(".parquet");
    match is_compressed {
        true => file.size,
        false => file.size / LINES_TO_PARQUET,
    }
}

/// Whether a table has exactly the columns and the partitions of a view, so that its
/// files can stay.
fn fits_table(spec: &TableSpec, snapshot: &Snapshot) -> bool {
    let columns = append_schema(snapshot, spec);
    columns.is_ok_and(|columns| columns.fields().len() == snapshot.schema.fields().len())
}
