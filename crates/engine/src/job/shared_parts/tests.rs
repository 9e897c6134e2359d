use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::SessionContext;

use super::*;

/// A session with a table `t`.
async fn session() -> SessionContext {
    let context = SessionContext::new();
    let table = "CREATE TABLE t AS VALUES (1, 10), (1, 20), (2, 5), (3, 7)";
    context.sql(table).await.unwrap().collect().await.unwrap();
    context
}

async fn extract(context: &SessionContext, query: &str) -> (LogicalPlan, Vec<SharedPart>) {
    let plan = context.sql(query).await.unwrap().into_optimized_plan();
    extract_parts("v", &plan.unwrap(), &|_| Ok(true)).unwrap()
}

async fn rows_of(context: &SessionContext, plan: LogicalPlan) -> String {
    let rows = context.execute_logical_plan(plan).await.unwrap();
    let rows = rows.collect().await.unwrap();
    pretty_format_batches(&rows).unwrap().to_string()
}

/// Runs what was extracted as the steps of a job would, and compares it with the
/// query; gives the plans of the parts.
async fn check(query: &str) -> Vec<String> {
    let context = session().await;
    let (mut plan, parts) = extract(&context, query).await;
    let mut shown = Vec::new();
    for part in parts {
        shown.push(part.plan.display_indent().to_string());
        let rows = read_registered(&context, part.plan).await;
        let rows = context.execute_logical_plan(rows).await.unwrap();
        let schema = Arc::new(rows.schema().as_arrow().clone());
        let batches = rows.collect().await.unwrap();
        let table = datafusion::datasource::MemTable::try_new(schema, vec![batches]);
        let name = TableReference::bare(part.name.as_str());
        let table = Arc::new(table.unwrap());
        context.register_table(name, table).unwrap();
    }
    plan = read_registered(&context, plan).await;
    let whole = context.sql(query).await.unwrap().into_optimized_plan();
    assert_eq!(plan.schema(), whole.as_ref().unwrap().schema());
    assert_eq!(
        rows_of(&context, plan).await,
        rows_of(&context, whole.unwrap()).await
    );
    shown
}

/// The plan with the registered tables in place of the staged ones.
async fn read_registered(context: &SessionContext, plan: LogicalPlan) -> LogicalPlan {
    let mut providers = HashMap::new();
    for name in context
        .catalog("datafusion")
        .unwrap()
        .schema("public")
        .unwrap()
        .table_names()
    {
        let provider = context.table_provider(TableReference::bare(name.as_str()));
        providers.insert(name, provider_as_source(provider.await.unwrap()));
    }
    let replaced = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::TableScan(mut scan) => {
            scan.source = Arc::clone(&providers[scan.table_name.table()]);
            Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
        }
        node => Ok(Transformed::no(node)),
    });
    replaced.unwrap().data
}

#[tokio::test]
async fn a_query_that_is_named_twice_is_computed_once() {
    let parts = check(
        "WITH s AS (SELECT column1 AS k, sum(column2) AS n FROM t GROUP BY column1)
         SELECT a.k, a.n, b.n AS m FROM s a JOIN s b ON a.k + 1 = b.k ORDER BY a.k",
    )
    .await;
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].matches("Aggregate").count(), 1);
}

#[tokio::test]
async fn a_part_reads_a_part_that_is_read_elsewhere_too() {
    let parts = check(
        "WITH s AS (SELECT column1 AS k, sum(column2) AS n FROM t GROUP BY column1),
              d AS (SELECT x.k, max(y.n) AS n FROM s x JOIN s y ON x.n < y.n GROUP BY x.k)
         SELECT count(*) AS a, (SELECT max(n) FROM s) AS b
         FROM d JOIN d e ON d.k = e.k JOIN s ON s.k = d.k",
    )
    .await;
    // The smaller part comes first, since the larger one reads it.
    assert!(parts.len() >= 2, "{parts:#?}");
    assert!(
        parts[0].contains("Aggregate") && !parts[0].contains("Join"),
        "{parts:#?}"
    );
    assert!(parts[1].contains("v shared"), "{parts:#?}");
}

#[tokio::test]
async fn what_differs_depends_or_is_cheap_is_not_shared() {
    for query in [
        // Other rows for each place.
        "WITH s AS (SELECT column1 AS k, sum(column2) AS n FROM t GROUP BY column1)
         SELECT a.n, b.n AS m FROM s a, s b WHERE a.k = 1 AND b.k = 2",
        // Other rows each time.
        "WITH s AS (SELECT column1 AS k, sum(random()) AS n FROM t GROUP BY column1)
         SELECT a.n = b.n AS e FROM s a JOIN s b ON a.k = b.k",
        // As quickly read again.
        "WITH s AS (SELECT column1 AS k FROM t WHERE column2 > 5)
         SELECT a.k FROM s a JOIN s b ON a.k = b.k",
        // Joined in another order, when the sizes of tables are known.
        "SELECT a.column1 FROM
           (SELECT x.column1, y.column2 FROM t x JOIN t y ON x.column1 = y.column2) a,
           (SELECT x.column1, y.column2 FROM t x JOIN t y ON x.column1 = y.column2) b
         WHERE a.column1 = b.column2",
        // The rows of the round before.
        "WITH RECURSIVE r AS (
           SELECT 1 AS n UNION ALL
           SELECT n + 1 FROM (SELECT a.n FROM r a WHERE a.n < 3)
         ) SELECT a.n FROM r a JOIN (SELECT 1 AS n) b ON a.n = b.n",
    ] {
        let (_, parts) = extract(&session().await, query).await;
        assert!(parts.is_empty(), "{query}");
    }
}

#[tokio::test]
async fn parts_that_read_little_are_computed_for_each_place() {
    let context = session().await;
    let query = "WITH s AS (SELECT column1 AS k, sum(column2) AS n FROM t GROUP BY column1)
                 SELECT a.n, b.n AS m FROM s a JOIN s b ON a.k + 1 = b.k";
    let plan = context.sql(query).await.unwrap().into_optimized_plan();
    let steps = |plan: &LogicalPlan| {
        vec![
            StepDraft {
                name: "before".to_owned(),
                kind: StepDraftKind::Staged { numbered: false },
                plan: plan.clone(),
            },
            StepDraft {
                name: "v".to_owned(),
                kind: StepDraftKind::Dataset { dataset: 0 },
                plan: plan.clone(),
            },
        ]
    };
    let plan = plan.unwrap();
    let names = |min_bytes: u64| {
        let mut producers = TableProducers::default();
        producers.insert("before", 0);
        let sharing = Sharing {
            source_bytes: &|_| 100,
            min_bytes,
        };
        let steps = stage_shared_parts(steps(&plan), &mut producers, &sharing).unwrap();
        let names = steps.into_iter().map(|step| step.name);
        (names.collect::<Vec<_>>(), producers.rows_step("before"))
    };
    assert_eq!(
        names(201),
        (vec!["before".to_owned(), "v".to_owned()], Some(0))
    );
    let (shared, before) = names(100);
    assert_eq!(shared, ["before shared 1", "before", "v shared 1", "v"]);
    assert_eq!(before, Some(1));
}
