//! Relations that DataFusion's planner does not have: rows from collections,
//! `INTERSECT` and `EXCEPT`, `PIVOT` and `UNPIVOT`.
//!
//! They need the schemas of their inputs, which only the planner knows. So the
//! rewriting of the syntax tree marks them ([`carrier`]), and
//! [`SparkRelationPlanner`], which the planner asks about every relation, plans
//! them.

pub(crate) mod carrier;
mod generator;
mod pivot;
mod set_operation;
mod time_windows;

pub(crate) use generator::{STRUCT_FIELDS, TIME_WINDOWS};
pub(crate) use time_windows::time_windows_function;

use datafusion::common::Result;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use sqlparser::ast::{TableAlias, TableFactor};

/// Plans the relations of this module; see its documentation.
#[derive(Debug, Default)]
pub struct SparkRelationPlanner;

impl RelationPlanner for SparkRelationPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let plan = match relation {
            TableFactor::Pivot { .. } => pivot::plan_pivot(relation, context)?,
            TableFactor::Unpivot { .. } => pivot::plan_unpivot(relation, context)?,
            relation => match carrier::read_carrier(relation) {
                Ok(carrier::Carrier::Generator(generator)) => {
                    // The alias names the generated columns only.
                    let plan = generator::plan_generator(generator, context)?;
                    return Ok(RelationPlanning::Planned(Box::new(PlannedRelation {
                        plan,
                        alias: None,
                    })));
                }
                Ok(carrier::Carrier::SetOperation(operation)) => (
                    set_operation::plan_set_operation(*operation, context)?,
                    None,
                ),
                Err(relation) => return Ok(RelationPlanning::Original(relation)),
            },
        };
        let (plan, alias): (_, Option<TableAlias>) = plan;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation {
            plan,
            alias,
        })))
    }
}
