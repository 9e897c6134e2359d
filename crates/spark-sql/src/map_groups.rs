//! `GROUP BY` a map: two maps are one group when they have the same entries, in any order.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, cast,
};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::own_function;
use crate::map_comparisons::holds_map;
use crate::plan_expressions::group_columns;

/// Groups by the sorted entries of a map, and makes maps of them above. Grouping sets
/// and maps inside of other values are refused later.
#[derive(Debug)]
pub(crate) struct MapGroups;

impl AnalyzerRule for MapGroups {
    fn name(&self) -> &'static str {
        "map_groups"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(group_by_entries)?.data)
    }
}

fn group_by_entries(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let aggregate = match node {
        LogicalPlan::Aggregate(aggregate) if groups_by_map(&aggregate) => aggregate,
        node => return Ok(Transformed::no(node)),
    };
    let groups: Vec<Expr> = group_columns(&aggregate).into_iter().cloned().collect();
    let Aggregate {
        input, aggr_expr, ..
    } = aggregate;
    let (mut keys, mut map_types) = (Vec::with_capacity(groups.len()), Vec::new());
    for expr in groups {
        let map_type = map_type(&expr, input.schema());
        keys.push(match map_type {
            Some(_) => {
                let (relation, name) = expr.qualified_name();
                sorted_entries(expr.unalias())?.alias_qualified(relation, name)
            }
            None => expr,
        });
        map_types.push(map_type);
    }
    let groups = LogicalPlan::Aggregate(Aggregate::try_new(input, keys, aggr_expr)?);
    let schema = Arc::clone(groups.schema());
    let mut columns = Vec::with_capacity(schema.fields().len());
    for (at, (relation, field)) in schema.iter().enumerate() {
        let column = Expr::Column(Column::new(relation.cloned(), field.name()));
        columns.push(match map_types.get(at) {
            Some(Some(map_type)) => map_of_entries(column, map_type, &schema)?
                .alias_qualified(relation.cloned(), field.name()),
            _ => column,
        });
    }
    let maps = LogicalPlanBuilder::from(groups).project(columns)?.build()?;
    Ok(Transformed::yes(maps))
}

fn groups_by_map(aggregate: &Aggregate) -> bool {
    let schema = aggregate.input.schema();
    (aggregate.group_expr.iter()).any(|expr| map_type(expr, schema).is_some())
}

/// The type of a map whose entries can be compared.
fn map_type(expr: &Expr, schema: &DFSchema) -> Option<DataType> {
    let data_type = expr.get_type(schema).ok()?;
    let DataType::Map(entries, _) = &data_type else {
        return None;
    };
    (!holds_map(entries.data_type())).then_some(data_type)
}

fn sorted_entries(map: Expr) -> Result<Expr> {
    let entries = own_function("map_entries")?.call(vec![map]);
    Ok(own_function("array_sort")?.call(vec![entries]))
}

fn map_of_entries(entries: Expr, map_type: &DataType, schema: &DFSchema) -> Result<Expr> {
    let map = own_function("map_from_entries")?.call(vec![entries]);
    // The parts of a map's type may have other names.
    Ok(if map.get_type(schema)? == *map_type {
        map
    } else {
        cast(map, map_type.clone())
    })
}
