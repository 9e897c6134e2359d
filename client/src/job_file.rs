//! Reads and checks the job file in the client, so that mistakes are reported at
//! once and without a scheduler. The scheduler repeats the check and adds columns
//! and types.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use sluice_jobfile as jobfile;
use sluice_proto::v1::{ErrorKind, JobError};

use crate::argument_split::{is_option, nearest_option};
use crate::diagnostics;

/// A job file's text and its name as passed by the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobFileText {
    pub(crate) file_name: String,
    pub(crate) text: String,
}

pub(crate) fn read_job_file(file: &Path) -> Result<JobFileText, JobError> {
    let file_name = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| {
        let cause = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
            _ => error.to_string(),
        };
        JobError::new(
            ErrorKind::Invalid,
            format!("cannot read the job file `{file_name}`: {cause}"),
        )
    })?;
    let text = jobfile::decode_job_file(&file_name, &bytes)
        .map_err(|found| diagnostics::to_error(&found, &String::from_utf8_lossy(&bytes)))?;
    Ok(JobFileText { file_name, text })
}

/// Checks statements and parameters, as far as that is possible without the data.
pub(crate) fn check_job_file(
    job: &JobFileText,
    params: &BTreeMap<String, String>,
) -> Result<(), JobError> {
    let to_error = |found: jobfile::Diagnostics| diagnostics::to_error(&found, &job.text);
    let parsed = jobfile::parse_job_file(&job.file_name, &job.text).map_err(to_error)?;
    let Err(found) = parsed.bind_parameters(params) else {
        return Ok(());
    };
    let declared = |name: &str| {
        let name = name.to_lowercase().replace('-', "_");
        parsed
            .variables()
            .iter()
            .any(|variable| variable.name == name)
    };
    let mut hints: Vec<String> = params
        .keys()
        .filter(|name| !declared(name))
        .filter_map(|name| nearest_option(name).map(|near| (name, near)))
        .map(|(name, near)| {
            format!("`--{name}` is not a parameter of this job; did you mean the option `--{near}`")
        })
        .collect();
    hints.extend(
        parsed
            .variables()
            .iter()
            .map(|variable| variable.name.replace('_', "-"))
            .filter(|name| is_option(name))
            .map(|name| format!("`--{name}` is an option of submit-job; pass the parameter of that name after a separate `--`")),
    );
    Err(to_error(found).with_next_step(hints.join("\n  ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "DECLARE VARIABLE landing STRING;\n\
        DECLARE VARIABLE gold STRING DEFAULT 'gold';\n\
        CREATE EXTERNAL TABLE events (a STRING) STORED AS JSON LOCATION '${landing}/events';\n\
        CREATE OR REFRESH MATERIALIZED VIEW copy AS SELECT a, '${gold}' AS g FROM events;\n";

    fn checked(text: &str, params: &[(&str, &str)]) -> Result<(), JobError> {
        let job = JobFileText {
            file_name: "job.sql".into(),
            text: text.into(),
        };
        let params = params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        check_job_file(&job, &params)
    }

    #[test]
    fn a_sound_job_passes() {
        assert_eq!(checked(JOB, &[("landing", "/l")]), Ok(()));
        assert_eq!(checked(JOB, &[("LANDING", "/l"), ("gold", "/g")]), Ok(()));
    }

    #[test]
    fn missing_and_unknown_parameters_are_found_without_a_scheduler() {
        let error = checked(JOB, &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.diagnostics[0].span.unwrap().start_line, 1);
        let error = checked(JOB, &[("landing", "x"), ("nmae", "y")]).unwrap_err();
        assert!(error.diagnostics[0].message.contains("nmae"));
        assert!(error.next_step.contains("did you mean the option `--name`"));
    }

    #[test]
    fn a_syntax_error_is_found_with_its_place() {
        let error = checked("CREATE OR REFRESH MATERIALIZED VIEW x AS SELEC 1;", &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(!error.diagnostics.is_empty());
        assert!(error.diagnostics[0].rendered.contains("job.sql:1:"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = read_job_file(&folder.path().join("no.sql")).unwrap_err();
        assert!(missing.message.ends_with("no.sql`: there is no such file"));
        let directory = read_job_file(folder.path()).unwrap_err();
        assert!(directory.message.ends_with("it is a folder"));
        let binary = folder.path().join("b.sql");
        std::fs::write(&binary, b"SELECT \xff").unwrap();
        let binary = read_job_file(&binary).unwrap_err();
        assert_eq!(binary.kind(), ErrorKind::Invalid);
        assert!(binary.diagnostics[0].message.contains("UTF-8"));
    }
}
