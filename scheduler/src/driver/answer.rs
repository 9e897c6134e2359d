//! Answers queries over the tables of a gold folder, at the versions that belong together.
//!
//! A query is planned as a job is: its text becomes a materialized view of a job file in
//! which each table of the newest cut is a dataset that the run leaves as it is.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::record_batch::RecordBatch;
use sluice_engine::job::{AnalyzeError, AnalyzedQuery, StreamInputs, analyze_query, sql_type};
use sluice_gold::Snapshot;
use sluice_jobfile::{Diagnostic, Diagnostics, Job, Relation, RunScope};
use sluice_ledger::Entry;
use sluice_plans::{CutEntry, CutLedger};
use sluice_proto::v1::{
    ErrorKind, JobError, QueryAnswer, QueryColumn, QueryRow, QueryValue, RunQueryRequest,
};
use sluice_service::format::{error_chain, format_duration};
use sluice_storage::Location;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::found_columns::StreamedColumns;
use super::job_errors::{analysis_error, gold_error_kind, run_error, store_error};
use super::{CheckedSubmission, Driver};
use crate::job_settings::JobSettings;
use crate::runner::StepProgress;
use crate::value_texts::value_texts;

/// The most rows of an answer.
const MOST_ROWS: usize = 10_000;
/// The most bytes of the texts of an answer, which is one message.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// The name of the query in messages.
const FILE_NAME: &str = "query";

/// Sends the answer of a query. It stops when its receiver is gone.
pub(crate) async fn stream_answer(
    driver: Driver,
    request: RunQueryRequest,
    receiver: mpsc::Sender<Result<QueryAnswer, Status>>,
) {
    let cancel = CancellationToken::new();
    let answer = driver.answer_query(&request, cancel.clone());
    let mut answer = std::pin::pin!(answer);
    let limit = match request.timeout_ms {
        0 => Duration::MAX,
        limit => Duration::from_millis(limit),
    };
    let answer = tokio::select! {
        answer = &mut answer => answer,
        () = receiver.closed() => {
            cancel.cancel();
            let _ = answer.await;
            return;
        }
        () = tokio::time::sleep(limit) => {
            cancel.cancel();
            let _ = answer.await;
            let message = format!("the query did not end within its limit of {}", format_duration(limit));
            let error = JobError::new(ErrorKind::TimedOut, message);
            Err(error.with_next_step("give it more time with --timeout"))
        }
    };
    // The receiver may be gone.
    let _ = receiver.send(answer.map_err(Status::from)).await;
}

impl Driver {
    async fn answer_query(
        &self,
        request: &RunQueryRequest,
        cancel: CancellationToken,
    ) -> Result<QueryAnswer, JobError> {
        let gold = self
            .stores
            .parse_location(&request.gold)
            .map_err(|error| store_error("gold folder", &error))?;
        let cut = self.newest_cut(&gold).await?;
        let mut query = parse_query(&request.query, cut.body.tables.keys())?;
        let tables = self.load_tables(&gold, &cut.body, &query).await?;
        let settings = JobSettings::new(&query.job, request.conf.clone())
            .map_err(|error| JobError::new(ErrorKind::Invalid, error.to_string()))?;
        let mut streams = StreamInputs {
            unchanged: tables,
            ..StreamInputs::default()
        };
        if query.job.inferred_sources().next().is_some() {
            let submission = CheckedSubmission {
                job: query.job.as_ref().clone(),
                gold: request.gold.clone(),
                settings: settings.clone(),
                scope: RunScope::default(),
                columns: BTreeMap::new(),
            };
            let nothing = StreamedColumns::default();
            let found = self.find_columns(&submission, &streams, &nothing, None);
            let completed = found.await?.complete(&submission);
            let (completed, listed) =
                completed.map_err(|found| query_error(&found, &request.query))?;
            query.job = Arc::new(completed.job);
            streams.listed = listed;
        }
        let (driver, settings) = (self.clone(), Arc::new(settings));
        let slots = self.count_slots(FILE_NAME).await?;
        let planning = {
            let (settings, query) = (Arc::clone(&settings), query.clone());
            let gold = request.gold.clone();
            async move {
                let options = driver.analyze_options(&gold, &settings, streams)?;
                let most = MOST_ROWS + 1;
                let analyzed = analyze_query(&query.job, &query.name, most, &options).await?;
                let AnalyzedQuery { job, names } = analyzed;
                let sizes = (slots, settings.as_ref());
                Ok((names, driver.plan_lone_step(FILE_NAME, &job, sizes).await?))
            }
        };
        let (names, step) = self
            .planner
            .run(FILE_NAME, planning)
            .await?
            .map_err(|error| match error {
                AnalyzeError::Invalid(found) => query_error(&found, &request.query),
                error => analysis_error(&error, ""),
            })?;
        let schema = step.schema();
        let (progress, _) = watch::channel(StepProgress::default());
        let batches = self.run_lone_step(FILE_NAME, (&step, &settings), progress, &cancel);
        let batches = batches
            .await
            .map_err(|error| run_error(FILE_NAME, &error))?;
        let columns = names.into_iter().zip(schema.fields());
        let columns = columns.map(|(name, field)| QueryColumn {
            name,
            r#type: sql_type(field.data_type()),
        });
        let (rows, is_cut_off) = take_rows(&batches);
        Ok(QueryAnswer {
            columns: columns.collect(),
            rows,
            is_cut_off,
            cut: cut.seq,
        })
    }

    async fn newest_cut(&self, gold: &Location) -> Result<Entry<CutEntry>, JobError> {
        let newest = async { CutLedger::open(&self.stores, gold)?.newest().await };
        let newest = newest
            .await
            .map_err(|error| JobError::new(ErrorKind::Storage, error_chain(&error)))?;
        newest.ok_or_else(|| {
            let message = format!("no job has published tables in {gold}");
            JobError::new(ErrorKind::Invalid, message)
                .with_next_step("correct --gold, or run a job that writes there first")
        })
    }

    /// The tables that a query reads, at their versions of a cut; nothing for others.
    async fn load_tables(
        &self,
        gold: &Location,
        cut: &CutEntry,
        query: &Query,
    ) -> Result<HashMap<String, Option<Arc<Snapshot>>>, JobError> {
        let mut tables: HashMap<String, Option<Arc<Snapshot>>> = HashMap::new();
        for (name, of_cut) in &cut.tables {
            let mut snapshot = None;
            if query.reads.contains(name) {
                let published = async {
                    let table = self.gold.open(gold, name)?;
                    table.load_published(&of_cut.table_id, of_cut.version).await
                };
                snapshot = published
                    .await
                    .map_err(|error| JobError::new(gold_error_kind(&error), error_chain(&error)))?;
                if snapshot.is_none() {
                    let message = format!("the table {name} is no longer in {gold}");
                    return Err(JobError::new(ErrorKind::Storage, message)
                        .with_next_step("run the job that makes it"));
                }
            }
            tables.insert(name.clone(), snapshot);
        }
        Ok(tables)
    }
}

/// A query as a job.
#[derive(Debug, Clone)]
struct Query {
    job: Arc<Job>,
    /// The materialized view that is the query.
    name: String,
    /// The tables that it reads.
    reads: Vec<String>,
}

/// Parses a query over these tables.
fn parse_query<'a>(
    text: &str,
    tables: impl Iterator<Item = &'a String> + Clone,
) -> Result<Query, JobError> {
    let mut name = FILE_NAME.to_owned();
    while tables.clone().any(|table| *table == name) {
        name.push('_');
    }
    let query = text.trim_end().trim_end_matches(';');
    // The query begins a line, so that its columns are right; see `query_error`.
    let mut job_text = format!("CREATE MATERIALIZED VIEW {name} AS\n{query}\n;\n");
    for table in tables.clone() {
        job_text.push_str(&format!(
            "CREATE MATERIALIZED VIEW {table} AS SELECT 1 AS c;\n"
        ));
    }
    let invalid = |found: Diagnostics| query_error(&found, text);
    let file = sluice_jobfile::parse_job_file(FILE_NAME, &job_text).map_err(invalid)?;
    let job = file.bind_parameters(&BTreeMap::new()).map_err(invalid)?;
    let datasets = job
        .relations
        .iter()
        .filter(|relation| matches!(relation, Relation::Dataset(_)));
    let is_one_query = datasets.count() == tables.count() + 1 && job.settings.is_empty();
    let found = job
        .relations
        .iter()
        .find(|relation| relation.name() == name);
    match found {
        Some(relation) if is_one_query => Ok(Query {
            reads: relation.depends_on().to_vec(),
            job: Arc::new(job.clone()),
            name,
        }),
        _ => Err(
            JobError::new(ErrorKind::Invalid, "these are several statements")
                .with_next_step("give one query; statements that make tables belong in a job file"),
        ),
    }
}

/// The error of a query: positions in the job file become those in the query, which begins
/// in the second line.
fn query_error(found: &Diagnostics, text: &str) -> JobError {
    let line_before = |line: u32| line.saturating_sub(1).max(1);
    let moved = found.iter().cloned().map(|mut diagnostic: Diagnostic| {
        if let Some(span) = &mut diagnostic.span {
            span.start.line = line_before(span.start.line);
            span.end.line = line_before(span.end.line);
        }
        diagnostic
    });
    let moved: Diagnostics = moved.collect();
    JobError::invalid_job_file(&moved, text).with_next_step("correct the query")
}

/// The rows of an answer, and whether there are more.
fn take_rows(batches: &[RecordBatch]) -> (Vec<QueryRow>, bool) {
    let mut rows = Vec::new();
    let mut bytes = 0;
    for row in batches.iter().flat_map(value_texts) {
        bytes += row.iter().flatten().map(String::len).sum::<usize>();
        if rows.len() == MOST_ROWS || bytes > MOST_BYTES {
            return (rows, true);
        }
        let values = row.into_iter().map(|text| QueryValue { text });
        rows.push(QueryRow {
            values: values.collect(),
        });
    }
    (rows, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Query, JobError> {
        let tables = ["orders", "query"].map(str::to_owned);
        parse_query(text, tables.iter())
    }

    #[test]
    fn a_query_names_tables_of_the_folder() {
        let query = parse("SELECT * FROM orders, query -- both\n;").unwrap();
        assert_eq!(query.name, "query_");
        assert_eq!(query.reads, ["orders", "query"]);
        assert!(parse("SELECT 1").unwrap().reads.is_empty());
    }

    #[test]
    fn errors_have_their_place_in_the_query() {
        let error = parse("SELECT *\nFROM ordrs").unwrap_err();
        let span = error.diagnostics[0].span.unwrap();
        assert_eq!((span.start_line, span.start_column), (2, 6), "{error:?}");
        assert!(error.diagnostics[0].message.contains("ordrs"), "{error:?}");
    }

    #[test]
    fn several_statements_are_refused() {
        for text in [
            "SELECT 1; CREATE MATERIALIZED VIEW m AS SELECT 1 AS c",
            "SELECT 1; SET sluice.shuffle_partitions = 1",
            "SELECT 1; DROP TABLE orders",
            "",
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{text}");
        }
    }
}
