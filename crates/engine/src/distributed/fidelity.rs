//! The check that a plan is the same after it was sent.
//!
//! Plans reach executors as bytes, in DataFusion's encoding. A part of an
//! operator that the encoding has no place for is dropped silently, and the
//! operator gives other rows. So a plan is encoded and decoded before it is
//! submitted, and the two are compared in everything that their `Debug` shows,
//! which is every field, where `EXPLAIN` leaves out some.

mod debug_tree;

use std::fmt::{self, Debug, Write};
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::datasource::physical_plan::{
    CsvSource, FileGroup, FileScanConfig, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::{ExecutionPlan, displayable, replace_children_if_necessary};
use datafusion_proto::physical_plan::AsExecutionPlan;

use self::debug_tree::{DebugValue, Difference, Field};
use crate::codec::{SluiceCodec, TaskPlan, file_scan_config};
use crate::distributed::OneTaskExec;
use crate::source::{NdjsonSource, with_few_parts};
use crate::staged::StagedSource;

/// How many files of each group of a scan are compared, and parts of each joined one. All
/// are encoded alike.
const COMPARED_FILES: usize = 4;

/// How much of a plan's `Debug` is compared at once, in bytes. The `Debug` of a deep
/// plan can be larger than memory, because each operator shows those below it, and
/// their expressions several times.
const MAX_DEBUG_BYTES: usize = 8 * 1024 * 1024;

/// Why a plan cannot run on a cluster.
#[derive(Debug, thiserror::Error)]
pub enum FidelityError {
    /// The plan has no encoding.
    #[error("this query cannot be sent to executors: {0}")]
    NotEncodable(String),
    /// An operator would do something else on an executor.
    #[error(
        "executors would run another query: in {operator}, {path} is `{original}` and would become `{decoded}`"
    )]
    Changed {
        /// As `EXPLAIN` shows it.
        operator: String,
        /// The names of the fields that lead to the difference.
        path: String,
        original: String,
        decoded: String,
    },
}

/// Checks that executors get `plan` as it is.
///
/// # Errors
/// When the plan cannot be encoded, or is another one after it was decoded.
pub fn check_fidelity(
    plan: &Arc<dyn ExecutionPlan>,
    context: &TaskContext,
) -> Result<(), FidelityError> {
    let plan = with_few_files(plan).map_err(|error| not_encodable(&error))?;
    let decoded = send_plan(&plan, context).map_err(|error| not_encodable(&error))?;
    let change = match (debug_value(&plan), debug_value(&decoded)) {
        (Some(value), Some(other)) => value
            .first_difference(&other)
            .and_then(|_| find_change(&plan, &decoded)),
        _ => find_change_by_operator(&plan, &decoded),
    };
    change.map_or(Ok(()), Err)
}

/// The plan as an executor gets it.
fn send_plan(
    plan: &Arc<dyn ExecutionPlan>,
    context: &TaskContext,
) -> Result<Arc<dyn ExecutionPlan>> {
    let codec = SluiceCodec::new();
    let mut bytes = Vec::new();
    TaskPlan::try_from_physical_plan(Arc::clone(plan), &codec)?.try_encode(&mut bytes)?;
    TaskPlan::try_decode(&bytes)?.try_into_physical_plan(context, &codec)
}

/// The first line: what follows is the plan in full.
fn not_encodable(error: &DataFusionError) -> FidelityError {
    const MAX_CHARS: usize = 300;
    let text = error.strip_backtrace();
    let line = text.lines().next().unwrap_or_default();
    FidelityError::NotEncodable(line.chars().take(MAX_CHARS).collect())
}

/// The same plan with the first files of each group of its scans.
fn with_few_files(plan: &Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    Arc::clone(plan)
        .transform_up(|node| {
            let Some(config) = file_scan_config(node.as_ref()) else {
                return Ok(Transformed::no(node));
            };
            let groups = config
                .file_groups
                .iter()
                .map(|group| {
                    let files = group.iter().take(COMPARED_FILES);
                    let few = files.map(|file| with_few_parts(file, COMPARED_FILES));
                    FileGroup::new(few.collect())
                })
                .collect();
            let config = FileScanConfigBuilder::from(config.clone())
                .with_file_groups(groups)
                .build();
            let scan: Arc<dyn ExecutionPlan> = DataSourceExec::from_data_source(config);
            Ok(Transformed::yes(scan))
        })
        .data()
}

/// The lowest operator that differs.
fn find_change(
    original: &Arc<dyn ExecutionPlan>,
    decoded: &Arc<dyn ExecutionPlan>,
) -> Option<FidelityError> {
    let difference = debug_value(original)?.first_difference(&debug_value(decoded)?)?;
    let (children, decoded_children) = (original.children(), decoded.children());
    if children.len() == decoded_children.len() {
        for (child, decoded_child) in children.into_iter().zip(decoded_children) {
            if let Some(change) = find_change(child, decoded_child) {
                return Some(change);
            }
        }
    }
    Some(changed_error(original, difference))
}

/// As [`find_change`], for plans that are too large to be compared as a whole: each
/// operator without those below it.
fn find_change_by_operator(
    original: &Arc<dyn ExecutionPlan>,
    decoded: &Arc<dyn ExecutionPlan>,
) -> Option<FidelityError> {
    let mut open = vec![(Arc::clone(original), Arc::clone(decoded))];
    while let Some((original, decoded)) = open.pop() {
        let (children, decoded_children) = (original.children(), decoded.children());
        if children.len() != decoded_children.len() {
            let count = |count: usize| format!("{count} inputs");
            let difference = Difference {
                path: "children".to_owned(),
                left: count(children.len()),
                right: count(decoded_children.len()),
            };
            return Some(changed_error(&original, difference));
        }
        let values = (
            detach_inputs(&original).and_then(|operator| debug_value(&operator)),
            detach_inputs(&decoded).and_then(|operator| debug_value(&operator)),
        );
        if let (Some(value), Some(decoded_value)) = values
            && let Some(difference) = value.first_difference(&decoded_value)
        {
            return Some(changed_error(&original, difference));
        }
        let pairs = children.into_iter().zip(decoded_children);
        open.extend(pairs.map(|(child, other)| (Arc::clone(child), Arc::clone(other))));
    }
    None
}

/// The operator over inputs without rows; `None` if it cannot stand on them.
fn detach_inputs(operator: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    let inputs = operator
        .children()
        .into_iter()
        .map(|input| Arc::new(EmptyExec::new(input.schema())) as Arc<dyn ExecutionPlan>)
        .collect();
    replace_children_if_necessary(Arc::clone(operator), inputs).ok()
}

fn changed_error(operator: &Arc<dyn ExecutionPlan>, difference: Difference) -> FidelityError {
    let operator = displayable(operator.as_ref()).one_line().to_string();
    FidelityError::Changed {
        operator: operator.trim().chars().take(200).collect(),
        path: difference.path,
        original: difference.left,
        decoded: difference.right,
    }
}

/// Everything that `Debug` shows of a plan; `None` if that is too much.
fn debug_value(plan: &Arc<dyn ExecutionPlan>) -> Option<DebugValue> {
    let mut text = BoundedText::default();
    write!(text, "{plan:?}").ok()?;
    add_scans(plan, &mut text.0);
    let mut value = DebugValue::parse(&text.0);
    value.normalize(&is_derived);
    Some(value)
}

fn add_scans(plan: &Arc<dyn ExecutionPlan>, text: &mut String) {
    // The visitor does not fail.
    let _ = plan.apply(|node| {
        if let Some(config) = file_scan_config(node.as_ref()) {
            text.push_str(&scan_text(config));
        }
        if let Some(one_task) = node.downcast_ref::<OneTaskExec>() {
            add_scans(one_task.plan(), text);
        }
        Ok(TreeNodeRecursion::Continue)
    });
}

/// A text that refuses to grow beyond [`MAX_DEBUG_BYTES`].
#[derive(Debug, Default)]
struct BoundedText(String);

impl Write for BoundedText {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if self.0.len() + part.len() > MAX_DEBUG_BYTES {
            return Err(fmt::Error);
        }
        self.0.push_str(part);
        Ok(())
    }
}

/// All of a scan: its `Debug` shows only what `EXPLAIN` does.
fn scan_text(config: &FileScanConfig) -> String {
    fn source_text<T: FileSource + Debug>(source: &Arc<dyn FileSource>) -> Option<String> {
        source
            .downcast_ref::<T>()
            .map(|source| format!("{source:?}"))
    }
    let source = config.file_source();
    let source = source_text::<NdjsonSource>(source)
        .or_else(|| source_text::<StagedSource>(source))
        .or_else(|| source_text::<ParquetSource>(source))
        .or_else(|| source_text::<CsvSource>(source))
        .unwrap_or_default();
    format!(
        "FileScan {{ groups: {:?}, limit: {:?}, compression: {:?}, ordering: {:?}, source: {source} }}",
        config.file_groups, config.limit, config.file_compression_type, config.output_ordering,
    )
}

/// Whether a field follows from others, or has no effect on rows.
fn is_derived(field: &Field<'_>) -> bool {
    match (field.name, field.key) {
        // Properties of nodes: partitioning, order, equivalences.
        (_, "cache" | "metrics" | "properties") => true,
        // Executors do not plan.
        ("Statistics" | "ColumnStatistics", _)
        | ("PartitionedFile" | "FileGroup", "statistics") => true,
        // A field may be null or not: a hint for plans. Casts lose it.
        ("Field", "nullable") | ("CastExpr", "explicit_target") => true,
        ("Field", "name" | "metadata") if field.holder == "CastExpr.target_field" => true,
        // Says that a function's result is JSON. The type of its values says how
        // it is read.
        ("Field", "metadata") => field.fields.contains("arrow.json"),
        // The columns of the input, with or without those that the window adds.
        ("AggregateFunctionExpr", "schema") => true,
        // Without PARTITION BY, the rows are in one partition in any case.
        ("WindowAggExec" | "BoundedWindowAggExec", "can_repartition") => true,
        // A hint that saves sorting in the function.
        (_, "is_input_pre_ordered") => true,
        // Our own functions do not look at these.
        ("WindowUDFExpr", "is_reversed" | "ignore_nulls") => {
            field.fields.contains("ExactWindowFunction")
        }
        ("ObjectMeta", "last_modified" | "e_tag" | "version") => true,
        ("ParquetSource", "parquet_file_reader_factory" | "metadata_size_hint") => true,
        // Not set is false.
        ("CsvOptions", "truncated_rows") => true,
        _ => false,
    }
}

#[cfg(test)]
mod generated_tests;
#[cfg(test)]
mod tests;
