//! Describes what a job would do, for `--plan`.

use std::sync::Arc;

use sluice_engine::job::{AnalyzedJob, PhysicalOptions, StepKind, StepResults};
use sluice_proto::v1::{Column, JobError, JobPlan, PlannedInput, PlannedRelation, PlannedStep};

use super::{CheckedSubmission, Driver};
use crate::job_settings::JobSettings;

impl Driver {
    /// Describes a planned job. Before anything has run, only steps that read nothing
    /// but sources have a physical plan; the others show their logical plan.
    pub(crate) async fn describe_plan(
        &self,
        name: &str,
        submission: &Arc<CheckedSubmission>,
        job: Arc<AnalyzedJob>,
    ) -> Result<JobPlan, JobError> {
        let slots = self.runner.capacity().await.vcores.max(1) as usize;
        let submission = Arc::clone(submission);
        let described = self.planner.run(name, async move {
            describe_plan(&job, &submission.settings, slots, &submission.job.text).await
        });
        Ok(described.await?)
    }
}

async fn describe_plan(
    job: &AnalyzedJob,
    settings: &JobSettings,
    slots: usize,
    text: &str,
) -> JobPlan {
    let mut steps = Vec::with_capacity(job.steps.len());
    for step in &job.steps {
        let kind = match step.kind {
            StepKind::Stage => "stage",
            StepKind::Write { .. } => "write",
            StepKind::Answer => "answer",
        };
        let options = PhysicalOptions {
            slots,
            partitions: settings.shuffle_partitions,
            job_id: "plan".to_owned(),
            token: "plan".to_owned(),
            low_memory: false,
        };
        let physical = if step.after.is_empty() {
            job.plan_physical(step, &StepResults::default(), &options, |config| config)
                .await
                .ok()
        } else {
            None
        };
        let (stages, partitions, plan) = match physical {
            Some((_, plan)) => {
                let (stages, partitions) = crate::runner::plan_shape(plan.as_ref());
                (stages, partitions, crate::runner::plan_text(plan.as_ref()))
            }
            None => (0, 0, step.plan.display_indent().to_string()),
        };
        steps.push(PlannedStep {
            name: step.name.clone(),
            kind: kind.to_owned(),
            after: step
                .after
                .iter()
                .map(|before| job.steps[*before].name.clone())
                .collect(),
            stages,
            partitions,
            plan,
        });
    }
    JobPlan {
        relations: job
            .relations
            .iter()
            .map(|relation| PlannedRelation {
                name: relation.name.clone(),
                kind: relation.kind.to_owned(),
                depends_on: relation.depends_on.clone(),
                shared: relation.shared,
                refresh: relation
                    .refresh
                    .as_ref()
                    .map_or_else(String::new, |refresh| refresh.kind.to_owned()),
                refresh_reason: relation
                    .refresh
                    .as_ref()
                    .map_or_else(String::new, |refresh| refresh.reason.clone()),
                columns: relation
                    .columns
                    .iter()
                    .map(|(name, ty, nullable)| Column {
                        name: name.clone(),
                        r#type: ty.clone(),
                        nullable: *nullable,
                    })
                    .collect(),
            })
            .collect(),
        inputs: job
            .inputs
            .iter()
            .map(|input| PlannedInput {
                name: input.name.clone(),
                location: input.location.clone(),
                files: input.files,
                bytes: input.bytes,
            })
            .collect(),
        steps,
        warnings: super::job_errors::proto_diagnostics(&job.warnings, text),
    }
}
