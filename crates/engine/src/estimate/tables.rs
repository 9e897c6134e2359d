//! Statistics of the tables that a plan reads.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::catalog::default_table_source::source_as_provider;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ColumnStatistics, Result, Statistics};
use datafusion::logical_expr::logical_plan::TableScan;
use datafusion::logical_expr::{LogicalPlan, TableSource};
use datafusion::physical_plan::StatisticsArgs;
use datafusion::physical_plan::statistics::StatisticsContext;

use super::{ColumnEstimate, PlanEstimate, number_of, values_between};

/// Where only the bytes of a table are known, the bytes of a row.
const ASSUMED_ROW_BYTES: f64 = 150.0;

/// The statistics of tables, by the address of their source: the same name may
/// stand for several tables.
#[derive(Debug, Default)]
pub(crate) struct TableStatistics {
    tables: HashMap<usize, Arc<Statistics>>,
}

impl TableStatistics {
    pub(crate) fn insert(&mut self, source: &Arc<dyn TableSource>, statistics: Arc<Statistics>) {
        self.tables.insert(address_of(source), statistics);
    }

    fn contains(&self, source: &Arc<dyn TableSource>) -> bool {
        self.tables.contains_key(&address_of(source))
    }

    /// What is known of the rows that a scan returns. Filters that the scan was
    /// given are not counted, because they are also above it.
    pub(super) fn estimate_scan(&self, scan: &TableScan) -> PlanEstimate {
        let table = scan.source.schema();
        let known = self.tables.get(&address_of(&scan.source));
        let rows = known.and_then(|statistics| estimate_rows(statistics));
        let indices: Vec<usize> = match &scan.projection {
            Some(projection) => projection.clone(),
            None => (0..table.fields().len()).collect(),
        };
        let columns = indices
            .into_iter()
            .map(|index| {
                let column = known?.column_statistics.get(index)?;
                let data_type = table.fields().get(index)?.data_type();
                Some(estimate_column(column, data_type, rows))
            })
            .map(Option::unwrap_or_default)
            .collect();
        PlanEstimate {
            rows,
            base_rows: rows,
            columns,
        }
    }
}

fn address_of(source: &Arc<dyn TableSource>) -> usize {
    Arc::as_ptr(source).cast::<()>() as usize
}

fn as_number(precision: &Precision<usize>) -> Option<f64> {
    precision.get_value().map(|value| *value as f64)
}

fn estimate_rows(statistics: &Statistics) -> Option<f64> {
    as_number(&statistics.num_rows).or_else(|| {
        let bytes = as_number(&statistics.total_byte_size)?;
        Some((bytes / ASSUMED_ROW_BYTES).ceil())
    })
}

fn estimate_column(
    column: &ColumnStatistics,
    data_type: &datafusion::arrow::datatypes::DataType,
    rows: Option<f64>,
) -> ColumnEstimate {
    let bound =
        |value: &Precision<datafusion::common::ScalarValue>| value.get_value().and_then(number_of);
    let bounds = bound(&column.min_value).zip(bound(&column.max_value));
    let nulls = as_number(&column.null_count);
    let values = rows.map(|rows| (rows - nulls.unwrap_or(0.0)).max(1.0));
    let at_most = |known: f64| values.map_or(known, |values| known.min(values));
    let distinct = as_number(&column.distinct_count)
        .or_else(|| values_between(data_type, bounds?))
        .map(|distinct| at_most(distinct.max(1.0)));
    ColumnEstimate {
        distinct,
        bounds,
        null_share: nulls.zip(rows).map(|(nulls, rows)| nulls / rows.max(1.0)),
    }
}

/// Reads the statistics of every table of a plan. `bytes_of` gives the bytes of a
/// table that has no statistics itself.
///
/// # Errors
/// When a table cannot be scanned.
pub(crate) async fn read_table_statistics(
    plan: &LogicalPlan,
    session: &dyn Session,
    bytes_of: &(dyn Fn(&str) -> Option<u64> + Sync),
) -> Result<TableStatistics> {
    let mut scans = Vec::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            scans.push((scan.table_name.table().to_owned(), Arc::clone(&scan.source)));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let mut tables = TableStatistics::default();
    for (name, source) in scans {
        if tables.contains(&source) {
            continue;
        }
        let Ok(provider) = source_as_provider(&source) else {
            continue;
        };
        let statistics = match provider.statistics() {
            Some(statistics) => Arc::new(statistics),
            // Tables of Parquet files read them from the files' footers, which
            // are kept in memory for the physical plan.
            None => {
                let scan = provider.scan(session, None, &[], None).await?;
                StatisticsContext::new().compute(scan.as_ref(), &StatisticsArgs::new())?
            }
        };
        let mut statistics = statistics;
        if estimate_rows(&statistics).is_none()
            && let Some(bytes) = bytes_of(&name).and_then(|bytes| usize::try_from(bytes).ok())
        {
            let known = Statistics::clone(&statistics);
            statistics = Arc::new(Statistics {
                total_byte_size: Precision::Inexact(bytes),
                ..known
            });
        }
        tables.insert(&source, statistics);
    }
    Ok(tables)
}
