//! The versions of scheduler and executors, as gRPC metadata of registrations.
//!
//! Plans and what executors keep on disk have the form of one version, so all
//! processes of a cluster must have the same.

use tonic::metadata::MetadataMap;

/// In a registration, a heartbeat, and the answers to them.
const VERSION: &str = "x-sluice-version";

/// Writes the version of this process.
pub fn write_version(metadata: &mut MetadataMap, version: &'static str) {
    if let Ok(value) = version.parse() {
        metadata.insert(VERSION, value);
    }
}

/// The version of the process that sent this; `None` when it does not say.
pub fn read_version(metadata: &MetadataMap) -> Option<&str> {
    metadata.get(VERSION)?.to_str().ok()
}

/// Why processes of these versions cannot form a cluster, if they cannot.
pub fn describe_mismatch(scheduler: Option<&str>, executor: Option<&str>) -> Option<String> {
    if scheduler == executor && scheduler.is_some() {
        return None;
    }
    let name = |version: Option<&str>| match version {
        Some(version) => format!("version {version}"),
        None => "of an unknown version".to_owned(),
    };
    Some(format!(
        "the scheduler is {}, this executor is {}",
        name(scheduler),
        name(executor)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_comes_back_as_it_went() {
        let mut metadata = MetadataMap::new();
        assert_eq!(read_version(&metadata), None);
        write_version(&mut metadata, "1.2.3");
        assert_eq!(read_version(&metadata), Some("1.2.3"));
    }

    #[test]
    fn only_the_same_version_fits() {
        assert_eq!(describe_mismatch(Some("1.0.0"), Some("1.0.0")), None);
        assert_eq!(
            describe_mismatch(Some("1.0.0"), Some("1.0.1")).as_deref(),
            Some("the scheduler is version 1.0.0, this executor is version 1.0.1")
        );
        assert_eq!(
            describe_mismatch(Some("1.0.0"), None).as_deref(),
            Some("the scheduler is version 1.0.0, this executor is of an unknown version")
        );
        assert!(describe_mismatch(None, None).is_some());
    }
}
