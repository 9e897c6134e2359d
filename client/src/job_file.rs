//! Reads and checks the job file in the client, so that mistakes are reported at
//! once and without a scheduler. The scheduler repeats the check and adds columns
//! and types.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use sluice_jobfile as jobfile;
use sluice_proto::v1::{ErrorKind, JobError};

/// A job file, read and parsed.
#[derive(Debug, Clone)]
pub(crate) struct LoadedJobFile {
    /// As passed by the user.
    pub(crate) file_name: String,
    /// `None` when the file cannot be read as text.
    pub(crate) text: Option<String>,
    pub(crate) parsed: Result<jobfile::JobFile, JobError>,
}

impl LoadedJobFile {
    /// Reads the file once: it may be a pipe.
    pub(crate) fn load(file: &Path) -> Self {
        let file_name = file.display().to_string();
        match read_job_file(file, &file_name) {
            Ok(text) => Self::parse(file_name, text),
            Err(error) => Self {
                file_name,
                text: None,
                parsed: Err(error),
            },
        }
    }

    fn parse(file_name: String, text: String) -> Self {
        Self {
            parsed: jobfile::parse_job_file(&file_name, &text)
                .map_err(|found| JobError::invalid_job_file(&found, &text)),
            file_name,
            text: Some(text),
        }
    }
}

fn read_job_file(file: &Path, file_name: &str) -> Result<String, JobError> {
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
    jobfile::decode_job_file(file_name, &bytes)
        .map_err(|found| JobError::invalid_job_file(&found, &String::from_utf8_lossy(&bytes)))
}

/// Checks the parameters, as far as that is possible without the data.
pub(crate) fn check_parameters(
    file: &jobfile::JobFile,
    params: &BTreeMap<String, String>,
) -> Result<(), JobError> {
    match file.bind_parameters(params) {
        Ok(_) => Ok(()),
        Err(found) => Err(JobError::invalid_job_file(&found, file.text())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "DECLARE VARIABLE landing STRING;\n\
        DECLARE VARIABLE gold STRING DEFAULT 'gold';\n\
        CREATE EXTERNAL TABLE events (a STRING) STORED AS JSON LOCATION '${landing}/events';\n\
        CREATE OR REFRESH MATERIALIZED VIEW copy AS SELECT a, '${gold}' AS g FROM events;\n";

    fn checked(text: &str, params: &[(&str, &str)]) -> Result<(), JobError> {
        let params = params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let file = LoadedJobFile::parse("job.sql".into(), text.into());
        check_parameters(&file.parsed?, &params)
    }

    #[test]
    fn a_sound_job_passes() {
        assert_eq!(checked(JOB, &[("landing", "/l")]), Ok(()));
        assert_eq!(checked(JOB, &[("LANDING", "/l"), ("gold", "/g")]), Ok(()));
    }

    #[test]
    fn missing_parameters_are_found_without_a_scheduler() {
        let error = checked(JOB, &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.diagnostics[0].span.unwrap().start_line, 1);
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
        let error = |path: &Path| LoadedJobFile::load(path).parsed.unwrap_err();
        let folder = tempfile::tempdir().unwrap();
        let missing = error(&folder.path().join("no.sql"));
        assert!(missing.message.ends_with("no.sql`: there is no such file"));
        let directory = error(folder.path());
        assert!(directory.message.ends_with("it is a folder"));
        let binary = folder.path().join("b.sql");
        std::fs::write(&binary, b"SELECT \xff").unwrap();
        let binary = error(&binary);
        assert_eq!(binary.kind(), ErrorKind::Invalid);
        assert!(binary.diagnostics[0].message.contains("UTF-8"));
    }
}
