//! What a plan reads of the tables below it.
//!
//! The walk is top-down: from what is read of a node's output, column by column,
//! follows what is read of its inputs.

use std::collections::{HashMap, HashSet};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, Result, TableReference};
use datafusion::logical_expr::logical_plan::{
    Aggregate, Distinct, Join, Partitioning, Projection, TableScan, Union, Unnest, Window,
};
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::expr::{InputNeeds, merge_need};
use super::required::{Need, RequiredFields};

/// What a plan reads of each table, by table name, such that its SQL text can
/// be planned again over tables narrowed by [`super::narrow_schema`].
///
/// `plan` must be unoptimized: the optimizer drops columns that the text
/// names. Its whole output counts as read. Merge the results of several plans
/// with [`RequiredFields::merge`].
pub fn required_fields(plan: &LogicalPlan) -> HashMap<String, RequiredFields> {
    NeedWalker::collect_needs(plan, None, true)
}

/// What a plan reads of each table, by table name, where only `output` of its
/// own columns is read (all of them for `None`).
///
/// Columns whose value is not used are left out even where the text names them.
/// This is the function for optimized plans and for [`super::rebase_plan`].
pub fn read_through(
    plan: &LogicalPlan,
    output: Option<&RequiredFields>,
) -> HashMap<String, RequiredFields> {
    NeedWalker::collect_needs(plan, output, false)
}

pub(super) struct NeedWalker {
    tables: HashMap<String, RequiredFields>,
    /// A part of the plan could not be analyzed: every table counts as read whole.
    pub(super) gave_up: bool,
    /// Keep columns that the SQL text names although their value is not used.
    keep_named_columns: bool,
}

type Needs = Vec<Option<Need>>;

impl NeedWalker {
    fn collect_needs(
        plan: &LogicalPlan,
        output: Option<&RequiredFields>,
        keep_named_columns: bool,
    ) -> HashMap<String, RequiredFields> {
        let mut walker = Self {
            tables: HashMap::new(),
            gave_up: false,
            keep_named_columns,
        };
        let needs = plan
            .schema()
            .fields()
            .iter()
            .map(|field| match output {
                Some(output) => output.need_of(field.name()),
                None => Some(Need::All),
            })
            .collect();
        let walked = walker.walk_plan(plan, needs);
        if walked.is_err() || walker.gave_up {
            give_up(plan, &mut walker.tables);
        }
        walker.tables
    }

    /// A plan of which every column is read whole.
    pub(super) fn require_all(&mut self, plan: &LogicalPlan) -> Result<()> {
        let needs = vec![Some(Need::All); plan.schema().fields().len()];
        self.walk_plan(plan, needs)
    }

    fn walk_plan(&mut self, plan: &LogicalPlan, out: Needs) -> Result<()> {
        match plan {
            LogicalPlan::Projection(node) => self.walk_projection(node, &out),
            LogicalPlan::Filter(node) => {
                self.pass_through(&node.input, out, [&node.predicate], Need::All)
            }
            LogicalPlan::Sort(node) => {
                let mut out = out;
                if self.keep_named_columns {
                    // `SELECT * … ORDER BY 2` counts columns, so all must stay.
                    for slot in &mut out {
                        merge_need(slot, Need::presence_only());
                    }
                }
                let exprs = node.expr.iter().map(|sort| &sort.expr);
                self.pass_through(&node.input, out, exprs, Need::All)
            }
            LogicalPlan::Limit(node) => {
                let exprs = node.skip.iter().chain(&node.fetch).map(AsRef::as_ref);
                self.pass_through(&node.input, out, exprs, Need::All)
            }
            LogicalPlan::Repartition(node) => match &node.partitioning_scheme {
                Partitioning::Hash(exprs, _) | Partitioning::DistributeBy(exprs) => {
                    self.pass_through(&node.input, out, exprs, Need::All)
                }
                _ => self.pass_through(&node.input, out, [], Need::All),
            },
            LogicalPlan::SubqueryAlias(node) => self.walk_plan(&node.input, out),
            LogicalPlan::Subquery(node) => self.walk_plan(&node.subquery, out),
            LogicalPlan::Window(node) => self.walk_window(node, &out),
            LogicalPlan::Aggregate(node) => self.walk_aggregate(node),
            LogicalPlan::Join(node) => self.walk_join(node, out),
            LogicalPlan::Union(node) => self.walk_union(node),
            LogicalPlan::Distinct(Distinct::All(input)) => self.require_all(input),
            LogicalPlan::Distinct(Distinct::On(node)) => {
                let sorts = node.sort_expr.iter().flatten().map(|sort| &sort.expr);
                let exprs = node.on_expr.iter().chain(&node.select_expr).chain(sorts);
                let none = vec![None; node.input.schema().fields().len()];
                self.pass_through(&node.input, none, exprs, Need::All)
            }
            LogicalPlan::Unnest(node) => self.walk_unnest(node, &out),
            LogicalPlan::TableScan(node) => self.walk_scan(node, &out),
            LogicalPlan::EmptyRelation(_) => Ok(()),
            other => self.walk_unknown(other),
        }
    }

    /// A node whose output is its input's columns, in the same order.
    fn pass_through<'e>(
        &mut self,
        input: &LogicalPlan,
        out: Needs,
        exprs: impl IntoIterator<Item = &'e Expr>,
        need: Need,
    ) -> Result<()> {
        let mut inputs = InputNeeds::new(vec![input.schema()]);
        for (index, wanted) in out.into_iter().enumerate() {
            if let Some(wanted) = wanted {
                inputs.add_need(0, index, wanted);
            }
        }
        for expr in exprs {
            self.walk_expr(expr, need.clone(), &mut inputs)?;
        }
        self.walk_plan(input, inputs.take_needs(0))
    }

    fn walk_projection(&mut self, node: &Projection, out: &[Option<Need>]) -> Result<()> {
        let wildcard = if self.keep_named_columns {
            from_wildcard(node)
        } else {
            vec![true; node.expr.len()]
        };
        let mut inputs = InputNeeds::new(vec![node.input.schema()]);
        for ((expr, wanted), wildcard) in node.expr.iter().zip(out).zip(wildcard) {
            match wanted {
                Some(need) => self.walk_expr(expr, need.clone(), &mut inputs)?,
                // Not used, but its columns and fields must still resolve.
                None if !wildcard || !is_column(expr) => {
                    self.walk_expr(expr, Need::presence_only(), &mut inputs)?;
                }
                None => {}
            }
        }
        self.walk_plan(&node.input, inputs.take_needs(0))
    }

    fn walk_window(&mut self, node: &Window, out: &[Option<Need>]) -> Result<()> {
        let width = node.input.schema().fields().len();
        let out = out.iter().take(width).cloned().collect();
        self.pass_through(&node.input, out, &node.window_expr, Need::All)
    }

    fn walk_aggregate(&mut self, node: &Aggregate) -> Result<()> {
        let none = vec![None; node.input.schema().fields().len()];
        let exprs = node.group_expr.iter().chain(&node.aggr_expr);
        self.pass_through(&node.input, none, exprs, Need::All)
    }

    fn walk_join(&mut self, node: &Join, out: Needs) -> Result<()> {
        let (left, right) = (node.left.schema(), node.right.schema());
        let width = left.fields().len();
        let mut inputs = InputNeeds::new(vec![left, right]);
        for (index, need) in out.into_iter().enumerate() {
            let Some(need) = need else { continue };
            match node.join_type {
                JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
                    if index < width {
                        inputs.add_need(0, index, need);
                    } else {
                        inputs.add_need(1, index - width, need);
                    }
                }
                // The column after the last one is the mark, which no input has.
                JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
                    inputs.add_need(0, index, need);
                }
                JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
                    inputs.add_need(1, index, need);
                }
            }
        }
        let keys = node.on.iter().flat_map(|(left, right)| [left, right]);
        for expr in keys.chain(&node.filter) {
            self.walk_expr(expr, Need::All, &mut inputs)?;
        }
        // A lateral right side refers to columns of the left one.
        for side in [&node.left, &node.right] {
            let references = lateral_references(side)?;
            self.require_outer_columns(&references, &mut inputs);
        }
        let (left, right) = (inputs.take_needs(0), inputs.take_needs(1));
        self.walk_plan(&node.left, left)?;
        self.walk_plan(&node.right, right)
    }

    /// Branches of a union are matched by position and must keep the same types, so
    /// nothing below a union is narrowed.
    fn walk_union(&mut self, node: &Union) -> Result<()> {
        node.inputs
            .iter()
            .try_for_each(|input| self.require_all(input))
    }

    fn walk_unnest(&mut self, node: &Unnest, out: &[Option<Need>]) -> Result<()> {
        let mut inputs = InputNeeds::new(vec![node.input.schema()]);
        // The number of elements decides the number of rows, whether or not the
        // elements are read.
        for (index, _) in &node.list_type_columns {
            inputs.add_need(0, *index, Need::presence_only());
        }
        for index in &node.struct_type_columns {
            inputs.add_need(0, *index, Need::All);
        }
        for (index, need) in node.dependency_indices.iter().zip(out) {
            if let Some(need) = need {
                inputs.add_need(0, *index, need.clone());
            }
        }
        self.walk_plan(&node.input, inputs.take_needs(0))
    }

    fn walk_scan(&mut self, node: &TableScan, out: &[Option<Need>]) -> Result<()> {
        let schema = node.source.schema();
        let filtered = DFSchema::try_from_qualified_schema(node.table_name.clone(), &schema)?;
        let mut inputs = InputNeeds::new(vec![&filtered]);
        for (position, need) in out.iter().enumerate() {
            let index = match &node.projection {
                Some(projection) => projection.get(position).copied().unwrap_or(position),
                None => position,
            };
            if let Some(need) = need {
                inputs.add_need(0, index, need.clone());
            }
        }
        for filter in &node.filters {
            self.walk_expr(filter, Need::All, &mut inputs)?;
        }
        let table = self
            .tables
            .entry(node.table_name.table().to_owned())
            .or_default();
        for (field, need) in schema.fields().iter().zip(inputs.take_needs(0)) {
            if let Some(need) = need {
                table.require_column(field.name(), need);
            }
        }
        match node.source.get_logical_plan() {
            Some(view) => self.require_all(&view),
            None => Ok(()),
        }
    }

    fn walk_unknown(&mut self, plan: &LogicalPlan) -> Result<()> {
        let below = plan.inputs();
        let schemas = below.iter().map(|input| input.schema().as_ref()).collect();
        let mut inputs = InputNeeds::new(schemas);
        inputs.add_everywhere(&Need::All);
        // Expressions are walked only for their subqueries: all columns are
        // already required, so a reference that cannot be resolved here does not
        // matter.
        let gave_up = self.gave_up;
        for expr in plan.expressions() {
            self.walk_expr(&expr, Need::All, &mut inputs)?;
        }
        self.gave_up = gave_up;
        below
            .into_iter()
            .try_for_each(|input| self.require_all(input))
    }
}

fn is_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(_))
        || matches!(expr, Expr::Alias(alias) if matches!(*alias.expr, Expr::Column(_)))
}

/// For each expression of a projection, whether it can come from `*` or
/// `table.*`: the plain columns of a relation, all of them and in order.
fn from_wildcard(node: &Projection) -> Vec<bool> {
    let mut listed: HashMap<Option<&TableReference>, Vec<&str>> = HashMap::new();
    for expr in &node.expr {
        if let Expr::Column(Column { relation, name, .. }) = expr {
            listed.entry(relation.as_ref()).or_default().push(name);
        }
    }
    let mut whole: HashMap<Option<&TableReference>, Vec<&str>> = HashMap::new();
    for (qualifier, field) in node.input.schema().iter() {
        whole.entry(qualifier).or_default().push(field.name());
    }
    let wildcards: HashSet<Option<&TableReference>> = listed
        .into_iter()
        .filter(|(relation, names)| whole.get(relation) == Some(names))
        .map(|(relation, _)| relation)
        .collect();
    node.expr
        .iter()
        .map(|expr| match expr {
            Expr::Column(column) => wildcards.contains(&column.relation.as_ref()),
            _ => false,
        })
        .collect()
}

fn lateral_references(plan: &LogicalPlan) -> Result<Vec<Expr>> {
    let mut references = Vec::new();
    plan.apply(|node| {
        if let LogicalPlan::Subquery(subquery) = node {
            references.extend(subquery.outer_ref_columns.iter().cloned());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(references)
}

/// Counts every table of the plan as read whole.
fn give_up(plan: &LogicalPlan, tables: &mut HashMap<String, RequiredFields>) {
    for table in tables.values_mut() {
        *table = RequiredFields::everything();
    }
    let walked = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            tables.insert(
                scan.table_name.table().to_owned(),
                RequiredFields::everything(),
            );
        }
        Ok(TreeNodeRecursion::Continue)
    });
    // The closure never fails, so neither does the walk.
    debug_assert!(walked.is_ok());
}
