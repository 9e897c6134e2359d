//! Finds the installation of Apache Kafka.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::SandboxError;

/// The variable with the installation's folder.
const HOME_VARIABLE: &str = "SLUICE_KAFKA_HOME";
/// Set in CI, where a missing installation is an error.
const CI_VARIABLE: &str = "SLUICE_CI";

/// A folder with Apache Kafka and the script `kafka` that drives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    script: PathBuf,
}

impl Installation {
    /// Looks in the folder that the environment variable `SLUICE_KAFKA_HOME`
    /// names, else in `../shared/kafka` next to the repository. Returns `None` when
    /// Kafka or Java is not installed: the test is then skipped, with a message on
    /// standard error.
    ///
    /// # Errors
    /// When it is missing and `SLUICE_CI` is set.
    pub fn find() -> Result<Option<Self>, SandboxError> {
        let named = std::env::var_os(HOME_VARIABLE).filter(|home| !home.is_empty());
        let home = named.map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/kafka"),
            PathBuf::from,
        );
        match Self::in_folder(&home) {
            Ok(found) => Ok(Some(found)),
            Err(message) if std::env::var_os(CI_VARIABLE).is_some() => {
                Err(SandboxError::Missing(message))
            }
            Err(message) => {
                print_skipped(&message);
                Ok(None)
            }
        }
    }

    fn in_folder(home: &Path) -> Result<Self, String> {
        let script = home.join("kafka");
        if !script.is_file() {
            return Err(format!(
                "no Apache Kafka in {}; set {HOME_VARIABLE} to its folder",
                home.display()
            ));
        }
        let java = std::env::var_os("JAVA_HOME").map_or_else(
            || PathBuf::from("java"),
            |java| Path::new(&java).join("bin/java"),
        );
        let runs = Command::new(&java)
            .arg("-version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !runs {
            return Err(format!(
                "{} does not run; Apache Kafka needs Java 17 or later",
                java.display()
            ));
        }
        Ok(Self { script })
    }

    pub(crate) fn script(&self) -> &Path {
        &self.script
    }
}

#[expect(clippy::print_stderr, reason = "a test that is skipped must say so")]
fn print_skipped(why: &str) {
    eprintln!("SKIPPED: not tested against Apache Kafka: {why}");
}
