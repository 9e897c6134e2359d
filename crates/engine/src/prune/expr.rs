//! What an expression reads of the columns below it.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::logical_plan::Subquery;
use datafusion::scalar::ScalarValue;

use super::required::Need;
use super::walk::NeedWalker;

/// What is read of each input of a node, column by column, collected while its
/// expressions are walked.
pub(super) struct InputNeeds<'a> {
    schemas: Vec<&'a DFSchema>,
    needs: Vec<Vec<Option<Need>>>,
}

impl<'a> InputNeeds<'a> {
    pub(super) fn new(schemas: Vec<&'a DFSchema>) -> Self {
        let needs = schemas
            .iter()
            .map(|s| vec![None; s.fields().len()])
            .collect();
        Self { schemas, needs }
    }

    /// Adds a need for a column by its index.
    pub(super) fn add_need(&mut self, input: usize, index: usize, need: Need) {
        if let Some(slot) = self.needs.get_mut(input).and_then(|n| n.get_mut(index)) {
            merge_need(slot, need);
        }
    }

    /// Adds a need for every column of every input.
    pub(super) fn add_everywhere(&mut self, need: &Need) {
        for slot in self.needs.iter_mut().flatten() {
            merge_need(slot, need.clone());
        }
    }

    /// The needs of one input.
    pub(super) fn take_needs(&mut self, input: usize) -> Vec<Option<Need>> {
        self.needs
            .get_mut(input)
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Adds a need for every column that `column` can mean; false when there is
    /// none.
    fn add_column(&mut self, column: &Column, need: &Need, strict: bool) -> bool {
        let exact = self.add_matching(need, |qualified, name| {
            name == column.name
                && (column.relation.is_none() || qualified == column.relation.as_ref())
        });
        // A column whose qualifier was renamed on the way is matched by its name
        // alone, rather than giving up; but an outer reference must not match by
        // accident.
        exact || (!strict && self.add_matching(need, |_, name| name == column.name))
    }

    fn add_matching(
        &mut self,
        need: &Need,
        matches: impl Fn(Option<&datafusion::common::TableReference>, &str) -> bool,
    ) -> bool {
        let mut found = false;
        for (schema, needs) in self.schemas.iter().zip(&mut self.needs) {
            for ((qualifier, field), slot) in schema.iter().zip(needs) {
                if matches(qualifier, field.name()) {
                    merge_need(slot, need.clone());
                    found = true;
                }
            }
        }
        found
    }
}

pub(super) fn merge_need(slot: &mut Option<Need>, need: Need) {
    match slot {
        Some(known) => known.merge(need),
        None => *slot = Some(need),
    }
}

impl NeedWalker {
    /// Records that `need` of the value of `expr` is read.
    pub(super) fn walk_expr(
        &mut self,
        expr: &Expr,
        need: Need,
        inputs: &mut InputNeeds<'_>,
    ) -> Result<()> {
        match expr {
            Expr::Column(column) => {
                if !inputs.add_column(column, &need, false) {
                    self.gave_up = true;
                }
                Ok(())
            }
            Expr::Alias(alias) => self.walk_expr(&alias.expr, need, inputs),
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
                self.walk_expr(inner, Need::presence_only(), inputs)
            }
            Expr::ScalarFunction(function) => self.walk_function(function, need, inputs, expr),
            #[expect(deprecated)]
            Expr::Wildcard { .. } => {
                self.gave_up = true;
                Ok(())
            }
            _ => self.walk_whole_expr(expr, inputs),
        }
    }

    fn walk_function(
        &mut self,
        function: &ScalarFunction,
        need: Need,
        inputs: &mut InputNeeds<'_>,
        expr: &Expr,
    ) -> Result<()> {
        let Some((base, rest)) = function.args.split_first() else {
            return Ok(());
        };
        match function.func.name() {
            // A field of a struct, or of each struct of an array.
            "get_field" | "array_field" => match field_path(rest) {
                Some(path) => {
                    let inner = path
                        .iter()
                        .rev()
                        .fold(need, |inner, name| Need::field(*name, inner));
                    self.walk_expr(base, inner, inputs)
                }
                None => self.walk_whole_expr(expr, inputs),
            },
            // These return elements or a part of their list unchanged.
            "array_element" | "array_item" | "array_slice" => {
                self.walk_expr(base, need, inputs)?;
                rest.iter()
                    .try_for_each(|arg| self.walk_expr(arg, Need::All, inputs))
            }
            // These look at the list, not into its elements.
            "array_length" | "cardinality" if rest.is_empty() => {
                self.walk_expr(base, Need::presence_only(), inputs)
            }
            _ => self.walk_whole_expr(expr, inputs),
        }
    }

    /// An expression that may read its parts whole.
    fn walk_whole_expr(&mut self, expr: &Expr, inputs: &mut InputNeeds<'_>) -> Result<()> {
        match expr {
            Expr::Exists(exists) => self.walk_subquery(&exists.subquery, inputs)?,
            Expr::InSubquery(within) => self.walk_subquery(&within.subquery, inputs)?,
            Expr::SetComparison(compared) => self.walk_subquery(&compared.subquery, inputs)?,
            Expr::ScalarSubquery(subquery) => self.walk_subquery(subquery, inputs)?,
            _ => {}
        }
        expr.apply_children(|child| {
            self.walk_expr(child, Need::All, inputs)?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(())
    }

    fn walk_subquery(&mut self, subquery: &Subquery, inputs: &mut InputNeeds<'_>) -> Result<()> {
        self.require_outer_columns(&subquery.outer_ref_columns, inputs);
        self.require_all(&subquery.subquery)
    }

    /// Records the columns of this node's inputs that a subquery refers to. Gives
    /// up at a reference to a node still further out.
    pub(super) fn require_outer_columns(
        &mut self,
        references: &[Expr],
        inputs: &mut InputNeeds<'_>,
    ) {
        for reference in references {
            let known = match reference {
                Expr::OuterReferenceColumn(_, column) | Expr::Column(column) => {
                    inputs.add_column(column, &Need::All, true)
                }
                _ => false,
            };
            if !known {
                self.gave_up = true;
            }
        }
    }
}

/// The literal field names of `get_field(base, 'a', 'b', …)`.
fn field_path(names: &[Expr]) -> Option<Vec<&str>> {
    names
        .iter()
        .map(|name| match name {
            Expr::Literal(
                ScalarValue::Utf8(Some(name))
                | ScalarValue::LargeUtf8(Some(name))
                | ScalarValue::Utf8View(Some(name)),
                _,
            ) => Some(name.as_str()),
            _ => None,
        })
        .collect()
}
