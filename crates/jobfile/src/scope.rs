//! Which datasets of a job a run refreshes, and how.

use std::collections::BTreeMap;

use sluice_values::suggest_or_list;

use crate::job::{Dataset, Job, Relation};

/// The property of a streaming table that is never filled again, as Spark spells it.
const RESET_ALLOWED: &str = "pipelines.reset.allowed";

/// What a run is asked to refresh; by default every dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeRequest {
    /// Datasets to refresh.
    pub refresh: Vec<String>,
    /// Datasets to compute from all of their input.
    pub full_refresh: Vec<String>,
    /// Whether to compute all datasets so.
    pub full_refresh_all: bool,
}

/// What a run does with a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatasetScope {
    /// Its table stays as it is; queries read it so.
    Unchanged,
    /// A streaming table gets what is new, a materialized view is computed.
    Refreshed,
    /// It is computed from all of its input, and the result replaces the table.
    Restarted,
}

/// What a run does with each dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunScope {
    /// By name; those that are missing are refreshed.
    datasets: BTreeMap<String, DatasetScope>,
}

/// Why a request does not fit a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    #[error("`{option}` names `{name}`, which is no dataset of the job; {help}")]
    NoDataset {
        option: &'static str,
        name: String,
        help: String,
    },
    #[error("`--full-refresh-all` names every dataset; leave out `{option}`")]
    AllAndSome { option: &'static str },
    #[error("`{name}` is named by `--refresh` and by `--full-refresh`; leave out one of them")]
    Both { name: String },
    #[error(
        "`{name}` has the property 'pipelines.reset.allowed' = 'false', so it is not filled again; remove \
         the property, or leave the table out of `--full-refresh`"
    )]
    ResetNotAllowed { name: String },
}

impl RunScope {
    /// What a request means for a job.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn resolve(request: &ScopeRequest, job: &Job) -> Result<Self, ScopeError> {
        let datasets: Vec<&Dataset> = job
            .relations
            .iter()
            .filter_map(|relation| match relation {
                Relation::Dataset(dataset) => Some(dataset),
                _ => None,
            })
            .collect();
        let named = [
            ("--refresh", &request.refresh),
            ("--full-refresh", &request.full_refresh),
        ];
        if request.full_refresh_all {
            if let Some((option, _)) = named.iter().find(|(_, names)| !names.is_empty()) {
                return Err(ScopeError::AllAndSome { option });
            }
            let restarted = datasets.iter().filter(|dataset| may_restart(dataset));
            return Ok(Self {
                datasets: restarted
                    .map(|dataset| (dataset.name.clone(), DatasetScope::Restarted))
                    .collect(),
            });
        }
        if request.refresh.is_empty() && request.full_refresh.is_empty() {
            return Ok(Self::default());
        }
        let mut scopes: BTreeMap<String, DatasetScope> = datasets
            .iter()
            .map(|dataset| (dataset.name.clone(), DatasetScope::Unchanged))
            .collect();
        for (option, names) in named {
            for name in names {
                let name = name.trim().to_lowercase();
                let Some(dataset) = datasets.iter().find(|dataset| dataset.name == name) else {
                    let known = datasets.iter().map(|dataset| dataset.name.as_str());
                    let help = suggest_or_list(&name, "the datasets are", known);
                    return Err(ScopeError::NoDataset { option, name, help });
                };
                let scope = match option {
                    "--refresh" => DatasetScope::Refreshed,
                    _ if !may_restart(dataset) => {
                        return Err(ScopeError::ResetNotAllowed { name });
                    }
                    _ => DatasetScope::Restarted,
                };
                match scopes.insert(name.clone(), scope) {
                    Some(before) if before != DatasetScope::Unchanged && before != scope => {
                        return Err(ScopeError::Both { name });
                    }
                    _ => {}
                }
            }
        }
        Ok(Self { datasets: scopes })
    }

    /// What the run does with a dataset.
    pub fn of(&self, dataset: &str) -> DatasetScope {
        let scope = self.datasets.get(dataset).copied();
        scope.unwrap_or(DatasetScope::Refreshed)
    }
}

fn may_restart(dataset: &Dataset) -> bool {
    let property = dataset.properties.get(RESET_ALLOWED);
    !property.is_some_and(|value| value.value.eq_ignore_ascii_case("false"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::parse_job_file;

    const JOB: &str = "
CREATE EXTERNAL TABLE s (a BIGINT) STORED AS JSON LOCATION 'x';
CREATE STREAMING TABLE kept TBLPROPERTIES ('pipelines.reset.allowed' = 'false') AS
SELECT a FROM STREAM s;
CREATE STREAMING TABLE added AS SELECT a FROM STREAM s;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM added;
";

    fn resolve(
        refresh: &[&str],
        full: &[&str],
        all: bool,
    ) -> Result<[DatasetScope; 3], ScopeError> {
        let file = parse_job_file("job.sql", JOB).unwrap();
        let job = file.bind_parameters(&BTreeMap::new()).unwrap();
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let request = ScopeRequest {
            refresh: list(refresh),
            full_refresh: list(full),
            full_refresh_all: all,
        };
        let scope = RunScope::resolve(&request, &job)?;
        Ok(["kept", "added", "counted"].map(|name| scope.of(name)))
    }

    #[test]
    fn a_run_refreshes_what_is_named_or_all() {
        use DatasetScope::{Refreshed, Restarted, Unchanged};
        assert_eq!(resolve(&[], &[], false), Ok([Refreshed; 3]));
        assert_eq!(
            resolve(&[], &[], true),
            Ok([Refreshed, Restarted, Restarted])
        );
        assert_eq!(
            resolve(&["Kept", " counted"], &["added"], false),
            Ok([Refreshed, Restarted, Refreshed])
        );
        assert_eq!(
            resolve(&["counted"], &[], false),
            Ok([Unchanged, Unchanged, Refreshed])
        );
    }

    #[test]
    fn a_request_that_does_not_fit_is_refused() {
        let message = |refresh: &[&str], full: &[&str], all| {
            resolve(refresh, full, all).unwrap_err().to_string()
        };
        for (message, part) in [
            (message(&["s"], &[], false), "`s`, which is no dataset"),
            (message(&[], &["adde"], false), "did you mean `added`?"),
            (message(&["added"], &["added"], false), "leave out one"),
            (message(&[], &["kept"], false), "remove the property"),
            (message(&["added"], &[], true), "leave out `--refresh`"),
        ] {
            assert!(message.contains(part), "{message}");
        }
    }
}
