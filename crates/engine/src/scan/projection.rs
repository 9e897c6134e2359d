//! A projection that only picks columns, which is all that our file sources can
//! do.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::{ProjectionExpr, ProjectionExprs};

/// Columns of a table schema in the order in which a scan returns them. A column
/// may occur more than once, and under another name.
#[derive(Debug, Clone)]
pub(crate) struct ColumnProjection {
    exprs: ProjectionExprs,
}

impl ColumnProjection {
    /// Every column of `schema`.
    pub(crate) fn all_columns(schema: &Schema) -> Self {
        let indices: Vec<usize> = (0..schema.fields().len()).collect();
        Self {
            exprs: ProjectionExprs::from_indices(&indices, schema),
        }
    }

    /// Columns by index and output name, the inverse of [`Self::columns`].
    pub(crate) fn from_columns(
        columns: impl IntoIterator<Item = (usize, String)>,
        schema: &Schema,
    ) -> Self {
        let exprs = columns.into_iter().filter_map(|(index, alias)| {
            let field = schema.fields().get(index)?;
            let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), index));
            Some(ProjectionExpr::new(column, alias))
        });
        Self {
            exprs: ProjectionExprs::new(exprs),
        }
    }

    /// This projection followed by `outer`; `None` when the result computes
    /// anything.
    pub(crate) fn merge_projection(&self, outer: &ProjectionExprs) -> Result<Option<Self>> {
        let exprs = self.exprs.try_merge(outer)?;
        let picks = exprs.iter().all(|e| e.expr.is::<Column>());
        Ok(picks.then_some(Self { exprs }))
    }

    pub(crate) fn exprs(&self) -> &ProjectionExprs {
        &self.exprs
    }

    /// Index in the table schema and output name of each column.
    pub(crate) fn columns(&self) -> Vec<(usize, String)> {
        self.exprs
            .iter()
            .filter_map(|e| Some((e.expr.downcast_ref::<Column>()?.index(), e.alias.clone())))
            .collect()
    }

    /// Indices in the table schema, in output order.
    pub(crate) fn indices(&self) -> Vec<usize> {
        self.columns().into_iter().map(|(index, _)| index).collect()
    }

    /// The schema of a scan of `table` with this projection.
    pub(crate) fn output_schema(&self, table: &Schema) -> Result<SchemaRef> {
        Ok(Arc::new(self.exprs.project_schema(table)?))
    }

    pub(crate) fn apply_to_exprs(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        datafusion::physical_plan::apply_expression_roots(self.exprs.iter(), f)
    }
}
