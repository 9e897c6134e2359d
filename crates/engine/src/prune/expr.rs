//! What an expression reads of the columns below it.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::logical_plan::Subquery;
use datafusion::scalar::ScalarValue;

use super::required::Need;
use super::walk::Walker;

/// What is read of each input of a node, column by column, collected while its
/// expressions are walked.
pub(super) struct Inputs<'a> {
    schemas: Vec<&'a DFSchema>,
    needs: Vec<Vec<Option<Need>>>,
}

impl<'a> Inputs<'a> {
    pub(super) fn new(schemas: Vec<&'a DFSchema>) -> Self {
        let needs = schemas
            .iter()
            .map(|s| vec![None; s.fields().len()])
            .collect();
        Self { schemas, needs }
    }

    /// Adds a need for a column by its index.
    pub(super) fn add(&mut self, input: usize, index: usize, need: Need) {
        if let Some(slot) = self.needs.get_mut(input).and_then(|n| n.get_mut(index)) {
            merge(slot, need);
        }
    }

    /// Adds a need for every column of every input.
    pub(super) fn add_everywhere(&mut self, need: &Need) {
        for slot in self.needs.iter_mut().flatten() {
            merge(slot, need.clone());
        }
    }

    /// The needs of one input.
    pub(super) fn take(&mut self, input: usize) -> Vec<Option<Need>> {
        self.needs
            .get_mut(input)
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Adds a need for every column that `column` can mean; false when there is
    /// none.
    fn column(&mut self, column: &Column, need: &Need, strict: bool) -> bool {
        let exact = self.matching(need, |qualified, name| {
            name == column.name
                && (column.relation.is_none() || qualified == column.relation.as_ref())
        });
        // A column whose qualifier was renamed on the way is matched by its name
        // alone, rather than giving up; but an outer reference must not match by
        // accident.
        exact || (!strict && self.matching(need, |_, name| name == column.name))
    }

    fn matching(
        &mut self,
        need: &Need,
        matches: impl Fn(Option<&datafusion::common::TableReference>, &str) -> bool,
    ) -> bool {
        let mut found = false;
        for (schema, needs) in self.schemas.iter().zip(&mut self.needs) {
            for ((qualifier, field), slot) in schema.iter().zip(needs) {
                if matches(qualifier, field.name()) {
                    merge(slot, need.clone());
                    found = true;
                }
            }
        }
        found
    }
}

pub(super) fn merge(slot: &mut Option<Need>, need: Need) {
    match slot {
        Some(known) => known.merge(need),
        None => *slot = Some(need),
    }
}

impl Walker {
    /// Records that `need` of the value of `expr` is read.
    pub(super) fn expr(&mut self, expr: &Expr, need: Need, inputs: &mut Inputs<'_>) -> Result<()> {
        match expr {
            Expr::Column(column) => {
                if !inputs.column(column, &need, false) {
                    self.lost = true;
                }
                Ok(())
            }
            Expr::Alias(alias) => self.expr(&alias.expr, need, inputs),
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
                self.expr(inner, Need::presence(), inputs)
            }
            Expr::ScalarFunction(function) => self.function(function, need, inputs, expr),
            #[expect(deprecated)]
            Expr::Wildcard { .. } => {
                self.lost = true;
                Ok(())
            }
            _ => self.whole(expr, inputs),
        }
    }

    fn function(
        &mut self,
        function: &ScalarFunction,
        need: Need,
        inputs: &mut Inputs<'_>,
        expr: &Expr,
    ) -> Result<()> {
        let Some((base, rest)) = function.args.split_first() else {
            return Ok(());
        };
        match function.func.name() {
            "get_field" => match field_path(rest) {
                Some(path) => {
                    let inner = path
                        .iter()
                        .rev()
                        .fold(need, |inner, name| Need::field(*name, inner));
                    self.expr(base, inner, inputs)
                }
                None => self.whole(expr, inputs),
            },
            // These return elements or a part of their list unchanged.
            "array_element" | "array_slice" => {
                self.expr(base, need, inputs)?;
                rest.iter()
                    .try_for_each(|arg| self.expr(arg, Need::All, inputs))
            }
            // These look at the list, not into its elements.
            "array_length" | "cardinality" if rest.is_empty() => {
                self.expr(base, Need::presence(), inputs)
            }
            _ => self.whole(expr, inputs),
        }
    }

    /// An expression that may read its parts whole.
    fn whole(&mut self, expr: &Expr, inputs: &mut Inputs<'_>) -> Result<()> {
        match expr {
            Expr::Exists(exists) => self.subquery(&exists.subquery, inputs)?,
            Expr::InSubquery(within) => self.subquery(&within.subquery, inputs)?,
            Expr::SetComparison(compared) => self.subquery(&compared.subquery, inputs)?,
            Expr::ScalarSubquery(subquery) => self.subquery(subquery, inputs)?,
            _ => {}
        }
        expr.apply_children(|child| {
            self.expr(child, Need::All, inputs)?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(())
    }

    fn subquery(&mut self, subquery: &Subquery, inputs: &mut Inputs<'_>) -> Result<()> {
        self.outer_references(&subquery.outer_ref_columns, inputs);
        self.everything_of(&subquery.subquery)
    }

    /// Records the columns of this node's inputs that a subquery refers to. Gives
    /// up at a reference to a node still further out.
    pub(super) fn outer_references(&mut self, references: &[Expr], inputs: &mut Inputs<'_>) {
        for reference in references {
            let known = match reference {
                Expr::OuterReferenceColumn(_, column) | Expr::Column(column) => {
                    inputs.column(column, &Need::All, true)
                }
                _ => false,
            };
            if !known {
                self.lost = true;
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
