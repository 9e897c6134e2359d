//! Checks the gold folder of a job before anything is computed.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::join_all;
use sluice_engine::job::{AnalyzedDataset, AnalyzedJob};
use sluice_gold::{GoldError, OtherTable, TargetFolder};
use sluice_jobfile::{Diagnostic, codes};
use sluice_proto::v1::JobError;
use sluice_service::format::{error_chain, format_count};

use super::Driver;
use super::job_errors::gold_error_kind;

/// How many tables that the job does not make are named.
const NAMED_TABLES: usize = 10;

impl Driver {
    /// Checks that every dataset can be committed, and finds what the author of the
    /// job may not expect in the gold folder. Changes nothing.
    ///
    /// # Errors
    /// The first table that cannot be replaced; the message names all of them.
    pub(crate) async fn check_gold(
        &self,
        job: &AnalyzedJob,
        job_name: &str,
    ) -> Result<Vec<Diagnostic>, JobError> {
        let checks = job.datasets.iter().map(async |dataset| {
            let checked = async {
                let table = self.gold.open(&job.gold, &dataset.name)?;
                table.check_target(dataset.is_streaming).await
            };
            (dataset, checked.await)
        });
        let mut warnings = Vec::new();
        let mut errors: Vec<GoldError> = Vec::new();
        for (dataset, checked) in join_all(checks).await {
            match checked {
                Ok(folder) => warnings.extend(foreign_files_warning(dataset, &folder)),
                Err(error) => errors.push(error),
            }
        }
        if let Some(first) = errors.first() {
            let messages: Vec<String> = errors.iter().map(|error| error_chain(error)).collect();
            return Err(
                JobError::new(gold_error_kind(first), messages.join("; also, "))
                    .with_next_step("nothing was computed; gold is unchanged"),
            );
        }
        let datasets = job.datasets.iter().map(|dataset| dataset.name.as_str());
        let unchanged = job.unchanged.iter().map(String::as_str);
        let made: HashSet<&str> = datasets.chain(unchanged).collect();
        match self.gold.find_other_tables(&job.gold, &made).await {
            Ok(tables) => warnings.extend(other_table_warnings(&tables, job_name, now_ms())),
            Err(error) => tracing::debug!(%error, "the gold folder was not searched"),
        }
        Ok(warnings)
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_millis();
    i64::try_from(now).unwrap_or(i64::MAX)
}

fn foreign_files_warning(dataset: &AnalyzedDataset, folder: &TargetFolder) -> Option<Diagnostic> {
    if folder.foreign_files == 0 {
        return None;
    }
    let files = format_count(folder.foreign_files as u64, "file");
    let names = folder.first_foreign_files.join("`, `");
    Some(
        Diagnostic::warning(
            codes::FOREIGN_FILES,
            format!(
                "the folder of `{}` is not a Delta table and has {files} that sluice did not \
                 write: `{names}`",
                dataset.name
            ),
        )
        .with_help(format!(
            "the table is created next to them, and readers of Delta tables do not see them; move \
             them out of {}, or give the dataset another name",
            dataset.location
        )),
    )
}

/// Warnings about tables that a job of this name, or another engine, made. Tables
/// of other jobs in the same folder are none of its business.
fn other_table_warnings(tables: &[OtherTable], job_name: &str, now_ms: i64) -> Vec<Diagnostic> {
    let dropped = || {
        tables.iter().filter(|table| {
            let by_sluice = table
                .engine
                .as_deref()
                .is_some_and(|engine| engine.starts_with("sluice/"));
            !by_sluice || table.job_name.as_deref() == Some(job_name)
        })
    };
    let unnamed = dropped().count().saturating_sub(NAMED_TABLES);
    let mut warnings: Vec<Diagnostic> = dropped()
        .take(NAMED_TABLES)
        .map(|table| other_table_warning(table, now_ms))
        .collect();
    if let (Some(last), 1..) = (warnings.last_mut(), unnamed) {
        last.notes.push(format!(
            "{} more in this folder are not made by this job either",
            format_count(unnamed as u64, "table")
        ));
    }
    warnings
}

fn other_table_warning(table: &OtherTable, now_ms: i64) -> Diagnostic {
    let age = age_text(now_ms.saturating_sub(table.committed_ms));
    let by = match (&table.job_name, &table.engine) {
        (Some(job), _) => format!(" by job `{job}`"),
        (None, Some(engine)) => format!(" by {engine}"),
        (None, None) => String::new(),
    };
    Diagnostic::warning(
        codes::OTHER_TABLE,
        format!(
            "this job does not make the table `{}` of the gold folder, last committed {age}{by}",
            table.name
        ),
    )
    .with_help(format!(
        "it stays as it is; delete {} if it is no longer needed",
        table.location
    ))
}

/// An age in its largest unit, such as `3 days ago`.
fn age_text(ms: i64) -> String {
    let seconds = Duration::from_millis(ms.try_into().unwrap_or_default()).as_secs();
    let (number, unit) = match seconds {
        0..60 => return "less than a minute ago".to_owned(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{} ago", format_count(number, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, engine: Option<&str>, job: Option<&str>) -> OtherTable {
        OtherTable {
            name: name.to_owned(),
            location: format!("/gold/{name}"),
            committed_ms: 1_000,
            engine: engine.map(str::to_owned),
            job_name: job.map(str::to_owned),
        }
    }

    #[test]
    fn tables_of_other_jobs_are_not_mentioned() {
        let tables = [
            table("dropped", Some("sluice/0.1.0"), Some("nightly")),
            table("others", Some("sluice/0.1.0"), Some("hourly")),
            table("foreign", Some("delta-rs:1.1.3"), None),
        ];
        let now_ms = 1_000 + 3 * 86_400_000;
        let warnings = other_table_warnings(&tables, "nightly", now_ms);
        let texts: Vec<&str> = warnings.iter().map(|w| w.message.as_str()).collect();
        assert_eq!(
            texts,
            [
                "this job does not make the table `dropped` of the gold folder, last committed \
                 3 days ago by job `nightly`",
                "this job does not make the table `foreign` of the gold folder, last committed \
                 3 days ago by delta-rs:1.1.3",
            ]
        );
    }

    #[test]
    fn of_many_tables_some_are_named() {
        let tables: Vec<_> = (0..13)
            .map(|n| table(&format!("t{n:02}"), None, None))
            .collect();
        let warnings = other_table_warnings(&tables, "nightly", 1_000);
        assert_eq!(warnings.len(), NAMED_TABLES);
        let notes = &warnings[NAMED_TABLES - 1].notes;
        assert!(notes[0].starts_with("3 tables more"), "{notes:?}");
        assert!(warnings[0].message.ends_with("less than a minute ago"));
    }

    #[test]
    fn ages_have_one_unit() {
        assert_eq!(age_text(-5), "less than a minute ago");
        assert_eq!(age_text(60_000), "1 minute ago");
        assert_eq!(age_text(7_200_000), "2 hours ago");
        assert_eq!(age_text(3 * 86_400_000), "3 days ago");
    }
}
