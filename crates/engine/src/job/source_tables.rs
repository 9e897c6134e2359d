//! The tables of sources, or of what is new of them, as queries see them.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::catalog::view::ViewTable;
use datafusion::common::{Column, TableReference, plan_datafusion_err};
use datafusion::error::Result;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use sluice_jobfile::{Relation, Source};

use super::AnalyzeError;
use super::analyze::{Analysis, engine_error};
use super::metadata_reads::{metadata_table, names_metadata};
use super::sources::OpenSource;
use crate::source::METADATA_COLUMN;
use crate::source::file_metadata::{file_fields, flat_name};

/// The sources that a query reads which names `_metadata`. A source that declares a
/// column of that name has no other.
pub(super) fn find_metadata_sources(relations: &[Relation]) -> HashSet<String> {
    let declares = |source: &Source| {
        let mut columns = source.columns.iter();
        columns.any(|column| column.name.eq_ignore_ascii_case(METADATA_COLUMN))
    };
    let read: HashSet<&String> = relations
        .iter()
        .filter(|relation| relation.query().is_some_and(names_metadata))
        .flat_map(|relation| relation.depends_on().iter().chain(relation.streams()))
        .collect();
    relations
        .iter()
        .filter_map(|relation| match relation {
            Relation::Source(source) if read.contains(&source.name) && !declares(source) => {
                Some(source.name.clone())
            }
            _ => None,
        })
        .collect()
}

impl Analysis<'_> {
    /// Registers the table of a source under `name`, and the one with `_metadata` if a
    /// query reads it. `is_staged`: several results read the rows, which are computed
    /// once.
    pub(super) fn register_source(
        &mut self,
        source: &Source,
        name: &str,
        opened: OpenSource,
        is_staged: bool,
    ) -> Result<(), AnalyzeError> {
        let failed = |error| engine_error(name, error);
        if !self.metadata_sources.contains(&source.name) {
            if let Some(ndjson) = opened.ndjson {
                self.ndjson_tables.insert(name.to_owned(), ndjson);
            }
            if !is_staged {
                return self.register_table(name, opened.table);
            }
            let plan = scan_table(name, opened.table).map_err(failed)?;
            return self.stage_relation(name, plan);
        }
        let plan = match (&opened.ndjson, &opened.parquet) {
            (Some(lines), _) => {
                let lines = Arc::new(lines.with_metadata());
                self.ndjson_tables
                    .insert(name.to_owned(), Arc::clone(&lines));
                scan_table(name, lines)
            }
            (None, Some(parquet)) => {
                let files = Arc::new(parquet.with_file_columns());
                scan_table(name, files).and_then(|plan| join_fields(plan, &self.options.session))
            }
            (None, None) => scan_table(name, opened.table),
        };
        let mut plan = plan.map_err(failed)?;
        if is_staged {
            let schema: SchemaRef = Arc::clone(plan.schema().inner());
            let staged = self.push_staged_step(name, plan, schema, false);
            plan = scan_table(name, staged).map_err(failed)?;
        }
        let declared = without_metadata(plan.clone()).map_err(failed)?;
        self.register_table(name, Arc::new(ViewTable::new(declared, None)))?;
        let with_metadata = Arc::new(ViewTable::new(plan, None));
        self.register_table(&metadata_table(name), with_metadata)?;
        self.metadata_tables.insert(name.to_owned());
        Ok(())
    }
}

fn scan_table(name: &str, table: Arc<dyn TableProvider>) -> Result<LogicalPlan> {
    let reference = TableReference::bare(name);
    LogicalPlanBuilder::scan(reference, provider_as_source(table), None)?.build()
}

fn columns_of(plan: &LogicalPlan, is_wanted: impl Fn(&str) -> bool) -> Vec<Expr> {
    plan.schema()
        .iter()
        .filter(|(_, field)| is_wanted(field.name()))
        .map(|(qualifier, field)| Expr::Column(Column::new(qualifier.cloned(), field.name())))
        .collect()
}

fn without_metadata(plan: LogicalPlan) -> Result<LogicalPlan> {
    let columns = columns_of(&plan, |name| name != METADATA_COLUMN);
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// Makes `_metadata` of the columns that a table of Parquet files has for its fields.
fn join_fields(plan: LogicalPlan, session: &SessionState) -> Result<LogicalPlan> {
    let fields = file_fields();
    let flat: Vec<String> = fields.iter().map(|f| flat_name(f.name())).collect();
    let mut columns = columns_of(&plan, |name| !flat.iter().any(|flat| flat == name));
    let (qualifier, _) = plan
        .schema()
        .iter()
        .next()
        .ok_or_else(|| plan_datafusion_err!("a table has no columns"))?;
    let arguments = fields.iter().zip(&flat).flat_map(|(field, flat)| {
        let value = Expr::Column(Column::new(qualifier.cloned(), flat.as_str()));
        [lit(field.name().as_str()), value]
    });
    let named_struct = session.udf("named_struct")?;
    let metadata = named_struct.call(arguments.collect());
    columns.push(metadata.alias(METADATA_COLUMN));
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}
