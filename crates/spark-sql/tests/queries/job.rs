//! Queries of a job file, from their text to their rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::Statement as EngineStatement;
use sluice_jobfile::{Relation, parse_job_file};
use sluice_spark_sql::TableColumns;
use sqlparser::ast::{Query, Statement};

use super::session::{job_session, rows_of};

/// The relations that queries may read.
const TABLES: &str = "
CREATE TEMPORARY VIEW emp AS SELECT * FROM VALUES
  (1, 'Ann', 'eng', 120, 10.0D), (2, 'Bob', 'eng', 100, NULL), (3, 'Cat', 'ops', 80, 5.5D),
  (4, 'Dan', NULL, NULL, 2.0D) AS t(id, name, dept, salary, bonus);
CREATE TEMPORARY VIEW dept AS SELECT * FROM VALUES
  ('eng', 'Engineering'), ('hr', 'People') AS t(dept, title);
CREATE TEMPORARY VIEW orders AS
SELECT order_id, array('x', 'y') AS tags, map('a', 1, 'b', 2) AS props,
       named_struct('city', city, 'geo', named_struct('lat', lat)) AS address,
       array(named_struct('sku', 'A1', 'qty', 2), named_struct('sku', 'B2', 'qty', order_id)) AS items
FROM VALUES (1, 'Rome', 41.9D), (2, 'Oslo', 59.9D) AS t(order_id, city, lat);
CREATE TEMPORARY VIEW wide AS SELECT * FROM VALUES
  (1, 10, 20, NULL), (2, 5, NULL, 15) AS t(id, jan, feb, mar);
CREATE TEMPORARY VIEW sales AS SELECT * FROM VALUES
  ('EU', 'pen', 10), ('EU', 'ink', 30), ('US', 'pen', 20), ('EU', 'pen', 5) AS t(region, product, amount);
CREATE TEMPORARY VIEW docs AS SELECT * FROM VALUES
  (1, '{\"a\": 1, \"b\": {\"c\": \"x\"}, \"list\": [7, 8]}'), (2, NULL) AS t(id, doc);
";

/// The columns of the relations so far.
#[derive(Default)]
struct Schemas(HashMap<String, SchemaRef>);

impl TableColumns for Schemas {
    fn columns_of(&self, name: &str) -> Option<Vec<String>> {
        let fields = self.0.get(name)?.fields();
        Some(fields.iter().map(|field| field.name().clone()).collect())
    }
}

async fn plan(
    session: &SessionContext,
    schemas: &Schemas,
    mut query: Query,
) -> Result<LogicalPlan, String> {
    let problems = sluice_spark_sql::rewrite_spark_syntax(&mut query, schemas, &session.state());
    if let Some(problem) = problems.first() {
        let help = problem.help.clone().unwrap_or_default();
        return Err(format!("{}; {help}", problem.message));
    }
    let statement = EngineStatement::Statement(Box::new(Statement::Query(Box::new(query))));
    let planned = session.state().statement_to_plan(statement).await;
    planned.map_err(|error| error.to_string())
}

/// The last statement of `text`, which is a query, planned in a session of its own;
/// the statements before it are those of a job file.
pub(crate) async fn frame_of_job(text: &str) -> Result<DataFrame, String> {
    let (statements, query) = match text.trim_end().rsplit_once(";\n") {
        Some((statements, query)) => (format!("{statements};"), query),
        None => (String::new(), text),
    };
    let job = format!("{TABLES}{statements}\nCREATE OR REFRESH MATERIALIZED VIEW r AS {query};");
    let messages = |found: sluice_jobfile::Diagnostics| -> String {
        let errors = found.into_iter().map(|problem| {
            let help = problem.help.clone().unwrap_or_default();
            format!("{}; {help}", problem.message)
        });
        errors.collect::<Vec<_>>().join("\n")
    };
    let job = parse_job_file("job.sql", &job)
        .and_then(|file| file.bind_parameters(&BTreeMap::new()))
        .map_err(messages)?;
    let zone = job
        .settings
        .iter()
        .find(|s| s.key == "sluice.session_timezone");
    let session = job_session(zone.map_or("UTC", |zone| zone.value.as_str()));
    let mut schemas = Schemas::default();
    for relation in job.relations {
        match relation {
            Relation::Source(source) => return Err(format!("{} is a source", source.name)),
            Relation::View(view) => {
                let planned = plan(&session, &schemas, view.query).await?;
                let state = session.state();
                let analyzer = state.analyzer();
                let planned = analyzer
                    .execute_and_check(planned, state.config_options(), |_, _| {})
                    .map_err(|error| error.to_string())?;
                let frame = DataFrame::new(session.state(), planned);
                schemas.0.insert(
                    view.name.clone(),
                    Arc::new(frame.schema().as_arrow().clone()),
                );
                let registered = session.register_table(view.name.as_str(), frame.into_view());
                registered.map_err(|error| error.to_string())?;
            }
            Relation::Flow(flow) => return Err(format!("{} is a stream", flow.flow)),
            Relation::Dataset(dataset) => {
                let query = dataset.query.ok_or("a streaming table has no query")?;
                let planned = plan(&session, &schemas, query).await?;
                return Ok(DataFrame::new(session.state(), planned));
            }
        }
    }
    Err("the job has no query".to_owned())
}

/// The names of the columns and the rows of the last statement of `text`.
pub(crate) async fn run_job(text: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let frame = frame_of_job(text).await?;
    let names = frame.schema().fields().iter();
    let names = names.map(|field| field.name().clone()).collect();
    Ok((names, rows_of(frame).await?))
}

/// Checks the rows of queries, each line of the expected text one row.
pub(crate) async fn check_job(cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (query, expected) in cases {
        let rows = run_job(query).await.map(|(_, rows)| rows);
        let mut lines: Vec<String> = expected.lines().map(str::to_owned).collect();
        lines.sort();
        if rows.as_ref() != Ok(&lines) {
            wrong.push(format!(
                "{query}\n  expected {lines:?}\n  got      {rows:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Checks that queries are refused or fail, with messages that hold the texts.
pub(crate) async fn check_job_errors(cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (query, expected) in cases {
        match run_job(query).await {
            Err(message) if message.contains(expected) => {}
            other => wrong.push(format!(
                "{query}\n  expected {expected}\n  got      {other:?}"
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
