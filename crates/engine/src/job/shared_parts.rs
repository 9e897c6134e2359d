//! Parts of a query that it names several times, computed once.
//!
//! A query of `WITH`, or the same subquery written twice, is planned into each place that
//! reads it. What is still equal when the plan is optimized, with the conditions and the
//! columns of each place moved into it, is staged once and read by all of them, as Spark
//! reuses an exchange. What differs is computed for each place: often it reads far less
//! than the query that they have in common.
//!
//! Staged rows cost a file each, so only parts that read much are worth it. Joins are put
//! into their order later. So a join that other joins stand around is no part: alone, it
//! may have far more rows than with the joins that leave most of them out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, Result, TableReference};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection};

use super::column_pruning::{StepDraft, StepDraftKind};
use super::producers::TableProducers;
use super::repeatable::is_repeatable;
use super::results::map_tables;
use crate::staged::StagedTable;

/// In larger plans equal parts are not looked for: each node is compared with all those
/// of the same hash, and hashing takes as long as the plan is deep.
const MAX_NODES: usize = 2_000;

/// What decides which parts are shared.
pub(super) struct Sharing<'a> {
    /// The bytes of a source's files.
    pub(super) source_bytes: &'a dyn Fn(&str) -> u64,
    /// A part that reads less is computed for each of its readers.
    pub(super) min_bytes: u64,
}

/// Adds a stage step for each part that a step computes several times, in front of it.
pub(super) fn stage_shared_parts(
    steps: Vec<StepDraft>,
    producers: &mut TableProducers,
    sharing: &Sharing<'_>,
) -> Result<Vec<StepDraft>> {
    let mut bytes_read: Vec<u64> = Vec::with_capacity(steps.len());
    // The parts of each step, where it has any.
    let mut parts: BTreeMap<usize, Vec<SharedPart>> = BTreeMap::new();
    let mut extracted = Vec::with_capacity(steps.len());
    for (index, step) in steps.into_iter().enumerate() {
        let bytes_of = |plan: &LogicalPlan| {
            let bytes_of_scan = |table: &str| match producers.rows_step(table) {
                // A staged source scans its files under its own name.
                Some(read) if read < index => bytes_read.get(read).copied().unwrap_or_default(),
                _ => (sharing.source_bytes)(table),
            };
            sum_scans(plan, &bytes_of_scan)
        };
        let bytes = bytes_of(&step.plan)?;
        let is_worth = |plan: &LogicalPlan| Ok(bytes_of(plan)? >= sharing.min_bytes);
        let (plan, shared) = if bytes >= sharing.min_bytes {
            extract_parts(&step.name, &step.plan, &is_worth)?
        } else {
            (step.plan, Vec::new())
        };
        if !shared.is_empty() {
            parts.insert(index, shared);
        }
        bytes_read.push(bytes);
        extracted.push(StepDraft { plan, ..step });
    }
    if parts.is_empty() {
        return Ok(extracted);
    }
    insert_steps(extracted, parts, producers)
}

/// A part of a plan that several places read.
struct SharedPart {
    /// The name of its table. Names of relations hold no spaces, so it is unique.
    name: String,
    /// Its rows, with a name for each column that no other has.
    plan: LogicalPlan,
}

/// Puts the steps of parts in front of those that read them.
fn insert_steps(
    steps: Vec<StepDraft>,
    mut parts: BTreeMap<usize, Vec<SharedPart>>,
    producers: &mut TableProducers,
) -> Result<Vec<StepDraft>> {
    let mut places = Vec::with_capacity(steps.len());
    let mut all = Vec::with_capacity(steps.len());
    let mut new_places: HashMap<String, usize> = HashMap::new();
    for (index, step) in steps.into_iter().enumerate() {
        for part in parts.remove(&index).unwrap_or_default() {
            new_places.insert(part.name.clone(), all.len());
            all.push(StepDraft {
                name: part.name,
                kind: StepDraftKind::Staged { numbered: false },
                plan: part.plan,
            });
        }
        places.push(all.len());
        all.push(step);
    }
    producers.move_steps(&places);
    for (name, place) in &new_places {
        producers.insert(name, *place);
    }
    let moved = |table: &StagedTable| {
        let place = new_places.get(table.name());
        let place = place.or_else(|| places.get(table.step()));
        table.with_step(place.copied().unwrap_or(table.step()))
    };
    all.into_iter()
        .map(|step| {
            let plan = map_tables(&step.plan, &moved, &Clone::clone)?;
            Ok(StepDraft { plan, ..step })
        })
        .collect()
}

/// The plan with scans in place of what it computes several times, and the parts that
/// these scans read, each after those that it reads itself.
fn extract_parts(
    owner: &str,
    plan: &LogicalPlan,
    is_worth: &dyn Fn(&LogicalPlan) -> Result<bool>,
) -> Result<(LogicalPlan, Vec<SharedPart>)> {
    let mut plan = plan.clone();
    let mut parts: Vec<SharedPart> = Vec::new();
    if count_nodes(&plan)? > MAX_NODES {
        return Ok((plan, parts));
    }
    // The largest first, so that a part never holds one that was found before it.
    while let Some(largest) = find_repeated(&plan, &parts, is_worth)? {
        let name = format!("{owner} shared {}", parts.len() + 1);
        let (rows, scan) = split_off(&name, &largest)?;
        plan = replace_equal(plan, &largest, &scan)?;
        for part in &mut parts {
            part.plan = replace_equal(part.plan.clone(), &largest, &scan)?;
        }
        parts.push(SharedPart { name, plan: rows });
    }
    parts.reverse();
    Ok((plan, parts))
}

/// The largest subplan that occurs more than once and is worth to be computed once.
fn find_repeated(
    plan: &LogicalPlan,
    parts: &[SharedPart],
    is_worth: &dyn Fn(&LogicalPlan) -> Result<bool>,
) -> Result<Option<LogicalPlan>> {
    // How often each occurs, and where it does first.
    let mut occurrences: HashMap<LogicalPlan, (usize, usize)> = HashMap::new();
    let mut nodes_seen = 0;
    for plan in std::iter::once(plan).chain(parts.iter().map(|part| &part.plan)) {
        visit_parts(plan, false, &mut |node| {
            nodes_seen += 1;
            let (times, _) = occurrences.entry(node.clone()).or_insert((0, nodes_seen));
            *times += 1;
        })?;
    }
    let mut repeated = Vec::new();
    for (part, (times, first)) in occurrences {
        if times > 1 {
            repeated.push((Reverse(count_nodes(&part)?), first, part));
        }
    }
    repeated.sort_unstable_by_key(|(nodes, first, _)| (*nodes, *first));
    for (_, _, part) in repeated {
        if can_be_shared(&part)? && is_worth(&part)? {
            return Ok(Some(part));
        }
    }
    Ok(None)
}

/// Calls `visit` with each node that may be the top of a part. `among_joins`: whether the
/// node's rows are joined by a join that can change places with one at its top.
fn visit_parts(
    plan: &LogicalPlan,
    among_joins: bool,
    visit: &mut dyn FnMut(&LogicalPlan),
) -> Result<()> {
    match plan {
        // What it computes reads the rows of the round before.
        LogicalPlan::RecursiveQuery(_) => return Ok(()),
        LogicalPlan::TableScan(_) | LogicalPlan::Subquery(_) => {}
        _ if among_joins && is_join(plan) => {}
        _ => visit(plan),
    }
    plan.apply_subqueries(|subquery| {
        visit_parts(subquery, false, visit)?;
        // Those inside of it have been visited.
        Ok(TreeNodeRecursion::Jump)
    })?;
    match plan {
        LogicalPlan::Join(join) => {
            let (left, right) = moving_sides(join.join_type);
            visit_parts(&join.left, left, visit)?;
            visit_parts(&join.right, right, visit)
        }
        LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => {
            let mut inputs = plan.inputs().into_iter();
            inputs.try_for_each(|input| visit_parts(input, among_joins, visit))
        }
        _ => {
            let mut inputs = plan.inputs().into_iter();
            inputs.try_for_each(|input| visit_parts(input, false, visit))
        }
    }
}

/// Whether a plan is a join whose rows are only filtered or renamed.
fn is_join(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Join(_) => true,
        LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => {
            plan.inputs().into_iter().any(is_join)
        }
        _ => false,
    }
}

/// Which sides of a join are joined in any order with what the join is joined with
/// ([`crate::join_order`]).
const fn moving_sides(join_type: JoinType) -> (bool, bool) {
    match join_type {
        JoinType::Inner => (true, true),
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => (true, false),
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti => (false, true),
        JoinType::Full | JoinType::LeftMark | JoinType::RightMark => (false, false),
    }
}

/// Whether a subplan has the same rows wherever it is read, and does more than to read
/// and to filter, which costs no more than to read staged rows.
fn can_be_shared(plan: &LogicalPlan) -> Result<bool> {
    let (mut computes, mut depends) = (false, false);
    plan.apply_with_subqueries(|node| {
        computes |= matches!(
            node,
            LogicalPlan::Aggregate(_)
                | LogicalPlan::Distinct(_)
                | LogicalPlan::Join(_)
                | LogicalPlan::Window(_)
        );
        node.apply_expressions(|expr| {
            depends |= expr.contains_outer();
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(computes && !depends && !plan.schema().fields().is_empty() && is_repeatable(plan))
}

/// A plan as a table of its own: its rows under new names, and a scan of them under the
/// old ones.
fn split_off(name: &str, plan: &LogicalPlan) -> Result<(LogicalPlan, LogicalPlan)> {
    let columns = plan.schema().columns();
    let new_name = |at: usize| format!("c{at}");
    let renamed = (columns.iter().enumerate())
        .map(|(at, column)| Expr::Column(column.clone()).alias(new_name(at)))
        .collect();
    let rows = Projection::try_new(renamed, Arc::new(plan.clone()))?;
    let rows = LogicalPlan::Projection(rows);

    // The step is known when all parts are.
    let schema = Arc::clone(rows.schema().inner());
    let table = StagedTable::new(name, schema, usize::MAX);
    let reference = TableReference::bare(name);
    let scan =
        LogicalPlanBuilder::scan(reference.clone(), provider_as_source(Arc::new(table)), None)?
            .build()?;
    let restored = columns.into_iter().enumerate().map(|(at, column)| {
        Expr::Column(Column::new(Some(reference.clone()), new_name(at)))
            .alias_qualified(column.relation, column.name)
    });
    let scan = Projection::try_new(restored.collect(), Arc::new(scan))?;
    Ok((rows, LogicalPlan::Projection(scan)))
}

fn replace_equal(
    plan: LogicalPlan,
    repeated: &LogicalPlan,
    scan: &LogicalPlan,
) -> Result<LogicalPlan> {
    plan.transform_down_with_subqueries(|node| {
        Ok(match node {
            LogicalPlan::RecursiveQuery(_) => {
                Transformed::new(node, false, TreeNodeRecursion::Jump)
            }
            node if node == *repeated => {
                Transformed::new(scan.clone(), true, TreeNodeRecursion::Jump)
            }
            node => Transformed::no(node),
        })
    })
    .map(|replaced| replaced.data)
}

fn count_nodes(plan: &LogicalPlan) -> Result<usize> {
    let mut nodes = 0;
    plan.apply_with_subqueries(|_| {
        nodes += 1;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(nodes)
}

fn sum_scans(plan: &LogicalPlan, bytes_of: &dyn Fn(&str) -> u64) -> Result<u64> {
    let mut bytes: u64 = 0;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            bytes = bytes.saturating_add(bytes_of(scan.table_name.table()));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
