//! Plans a query whose rows are given to the one who asks, and not written to a table.

use datafusion::logical_expr::LogicalPlanBuilder;
use sluice_jobfile::{self as jobfile, Relation};

use super::AnalyzeError;
use super::analyze::{Analysis, AnalyzeOptions, engine_error, gold_location};
use super::column_pruning::{StepDraft, StepDraftKind};
use super::steps::AnalyzedJob;

/// A query that is planned to be answered.
#[derive(Debug)]
pub struct AnalyzedQuery {
    /// A job of one step, whose rows are the answer.
    pub job: AnalyzedJob,
    /// The names of its columns, as the query spells them. Two may be the same.
    pub names: Vec<String>,
}

/// Plans the query of the materialized view `name` of a job, of which at most `most_rows`
/// rows are computed. All other datasets of the job must be in
/// [`StreamInputs::unchanged`](super::StreamInputs::unchanged): they are read as they are.
///
/// # Errors
/// As [`analyze_job`](super::analyze_job).
pub async fn analyze_query(
    job: &jobfile::Job,
    name: &str,
    most_rows: usize,
    options: &AnalyzeOptions,
) -> Result<AnalyzedQuery, AnalyzeError> {
    let mut analysis = Analysis::new(job, options, gold_location(options)?);
    // Nothing reads a part of it twice from a stage: it has one step.
    analysis.stage_nothing();
    let mut names = Vec::new();
    for (index, relation) in job.relations.iter().enumerate() {
        match relation {
            Relation::Dataset(dataset) if dataset.name == name => {
                names = analysis.add_answer(relation, most_rows).await?;
            }
            _ => analysis.add_relation(index, relation).await?,
        }
    }
    Ok(AnalyzedQuery {
        job: analysis.into_analyzed_job()?,
        names,
    })
}

impl Analysis<'_> {
    /// Adds the step of the answer; gives the names of its columns.
    async fn add_answer(
        &mut self,
        relation: &Relation,
        most_rows: usize,
    ) -> Result<Vec<String>, AnalyzeError> {
        let failed = |error| engine_error(relation.name(), error);
        let is_failed = |name: &String| self.failed_relations.contains(name);
        let Some(query) = relation.query() else {
            return Ok(Vec::new());
        };
        if relation.depends_on().iter().any(is_failed) {
            return Ok(Vec::new());
        }
        let Some(plan) = self.plan_query(relation, query).await? else {
            return Ok(Vec::new());
        };
        let names = self.shown.spell_query(query, plan.schema());
        let plan = LogicalPlanBuilder::from(plan)
            .limit(0, Some(most_rows))
            .and_then(LogicalPlanBuilder::build)
            .map_err(failed)?;
        self.steps.push(StepDraft {
            name: relation.name().to_owned(),
            kind: StepDraftKind::Answer,
            plan,
        });
        Ok(names)
    }
}
