use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::*;

type Rules = Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>>;

const TABLES: [&str; 3] = [
    "CREATE TABLE a (k INT, v INT, s VARCHAR) AS VALUES (1, 1, 'a')",
    "CREATE TABLE b (v INT, k INT, s VARCHAR) AS VALUES (1, 7, 'b')",
    "CREATE TABLE c (v INT, k INT, s VARCHAR) AS VALUES (2, 3, 'b'), (3, 0, 'b'), (1, 9, 'c')",
];

/// Filters on a column of one side of an outer join, where the other side has a
/// column of the same name, and a filter below that takes in another one.
const QUERIES: [&str; 3] = [
    "SELECT a.k, b.v, b.s, c.k, c.v, c.s FROM a JOIN b ON a.k = b.k AND a.v < b.v \
     LEFT SEMI JOIN a d ON a.s = d.s RIGHT JOIN (SELECT k, v, s FROM c WHERE v > 0) c ON a.v = c.v WHERE a.k > 1 OR a.s IS NULL",
    "SELECT a.k, c.k, b.s, c.s FROM a RIGHT JOIN ((SELECT k, v, s FROM c WHERE v > 0) c LEFT JOIN b ON b.k = c.k) ON a.v = c.v \
     WHERE coalesce(a.k, b.k, 0) < 1",
    "SELECT * FROM (SELECT a.k AS x, c.k AS y, c.s FROM a FULL JOIN c ON a.v = c.v) j \
     WHERE x IS NULL OR y > 5",
];

async fn rows_of(query: &str, rules: Rules) -> Vec<String> {
    let state = SessionStateBuilder::new()
        .with_config(SessionConfig::new().with_target_partitions(2))
        .with_default_features()
        .with_physical_optimizer_rules(rules)
        .build();
    let context = SessionContext::new_with_state(state);
    for table in TABLES {
        context.sql(table).await.unwrap().collect().await.unwrap();
    }
    let batches = context.sql(query).await.unwrap().collect().await.unwrap();
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let mut lines: Vec<String> = text.lines().skip(3).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn datafusion_rules() -> Rules {
    PhysicalOptimizer::new().rules
}

fn without_pushdown() -> Rules {
    let mut rules = datafusion_rules();
    rules.retain(|rule| !RULES.contains(&rule.name()));
    rules
}

#[tokio::test]
async fn filters_keep_to_their_columns() {
    let ours = || {
        datafusion_rules()
            .into_iter()
            .map(with_unique_names)
            .collect()
    };
    for query in QUERIES {
        let expected = rows_of(query, without_pushdown()).await;
        assert!(expected.len() > 1, "{query} has rows");
        assert_eq!(rows_of(query, ours()).await, expected, "{query}");
    }
}

#[test]
fn both_rules_of_datafusion_are_known() {
    let names: Vec<String> = datafusion_rules()
        .iter()
        .map(|rule| rule.name().to_owned())
        .filter(|name| name.contains("FilterPushdown"))
        .collect();
    assert_eq!(names, RULES);
}

/// When this fails, DataFusion finds columns by position, and this module can go.
#[tokio::test]
async fn datafusion_still_takes_a_column_of_the_same_name() {
    let expected = rows_of(QUERIES[0], without_pushdown()).await;
    assert_ne!(rows_of(QUERIES[0], datafusion_rules()).await, expected);
}
