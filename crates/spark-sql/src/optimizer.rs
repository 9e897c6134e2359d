//! The rules that optimize a query.

use std::sync::Arc;

use datafusion::optimizer::OptimizerRule;

use crate::distinct_aggregates::DistinctAggregates;
use crate::guards::GuardedPushDownFilter;
use crate::join_nulls::{NullKeysAlone, NullKeysApart};
use crate::true_keys::{TrueKeys, reads_keys};
use crate::union_schemas::UnionSchemas;

/// `rules` with ours in the places of those that they stand in for, and those that
/// come after all.
#[must_use]
pub fn optimizer_rules(
    rules: Vec<Arc<dyn OptimizerRule + Send + Sync>>,
) -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let ours: [Arc<dyn OptimizerRule + Send + Sync>; 4] = [
        Arc::new(GuardedPushDownFilter::default()),
        Arc::new(DistinctAggregates::default()),
        Arc::new(NullKeysAlone::default()),
        Arc::new(NullKeysApart::default()),
    ];
    rules
        .into_iter()
        .flat_map(|rule| {
            let keys = reads_keys(rule.name())
                .then(|| Arc::new(TrueKeys) as Arc<dyn OptimizerRule + Send + Sync>);
            let stand_in = ours.iter().find(|ours| ours.name() == rule.name());
            keys.into_iter().chain([stand_in.map_or(rule, Arc::clone)])
        })
        .chain([Arc::new(UnionSchemas) as Arc<dyn OptimizerRule + Send + Sync>])
        .collect()
}
