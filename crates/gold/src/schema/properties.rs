//! Table properties (`TBLPROPERTIES`): which `delta.*` properties this writer
//! supports.

use crate::error::GoldError;

/// The number of versions between two checkpoints, unless the table sets another
/// one.
pub(crate) const CHECKPOINT_INTERVAL: u64 = 50;

/// The property that sets the checkpoint interval.
pub(crate) const CHECKPOINT_KEY: &str = "delta.checkpointInterval";

/// The property that forbids replacing.
pub(crate) const APPEND_ONLY_KEY: &str = "delta.appendOnly";

/// The property that makes a log forget `txn` actions.
pub(crate) const TXN_RETENTION_KEY: &str = "delta.setTransactionRetentionDuration";

/// The property of a table whose changes are to be read.
pub(crate) const CHANGE_FEED_KEY: &str = "delta.enableChangeDataFeed";

/// Properties that require nothing of this writer's commits. Vacuum, log clean-up
/// and other writers read them.
const SUPPORTED_PROPERTIES: &[&str] = &[
    CHECKPOINT_KEY,
    "delta.deletedFileRetentionDuration",
    CHANGE_FEED_KEY,
    "delta.enableExpiredLogCleanup",
    "delta.logRetentionDuration",
    TXN_RETENTION_KEY,
    "delta.targetFileSize",
    "delta.tuneFileSizesForRewrites",
];

fn is_boolean(value: &str) -> bool {
    value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
}

/// Refuses properties that this writer does not implement. Keys without the prefix `delta.` may be anything.
pub fn check_properties<'a>(
    table: &str,
    properties: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), GoldError> {
    for (key, value) in properties {
        let fail = |problem: String| {
            Err(GoldError::Property {
                table: table.to_owned(),
                key: key.to_owned(),
                problem,
            })
        };
        if key.is_empty() {
            return fail("has no name; give it one".to_owned());
        }
        if !key.to_ascii_lowercase().starts_with("delta.") {
            continue;
        }
        if key.starts_with("delta.autoOptimize.") || SUPPORTED_PROPERTIES.contains(&key) {
            if key == CHECKPOINT_KEY && !value.parse::<u64>().is_ok_and(|n| n > 0) {
                return fail("must be a whole number above 0".to_owned());
            }
            if key == CHANGE_FEED_KEY && !is_boolean(value) {
                return fail("must be 'true' or 'false'".to_owned());
            }
            continue;
        }
        let near = SUPPORTED_PROPERTIES
            .iter()
            .find(|kept| kept.eq_ignore_ascii_case(key));
        return fail(match near {
            Some(kept) => format!("is written '{kept}'"),
            None => format!(
                "is not supported, because the table would need a newer writer or this one does \
                 not implement it; leave it out (supported are {})",
                SUPPORTED_PROPERTIES.join(", ")
            ),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_writer_keeps() {
        let check = |key, value| check_properties("t", [(key, value)]).map_err(|e| e.to_string());
        check("owner", "ann").unwrap();
        check("delta.enableChangeDataFeed", "true").unwrap();
        check("delta.checkpointInterval", "5").unwrap();
        check("delta.logRetentionDuration", "interval 7 days").unwrap();
        for (key, value, part) in [
            ("delta.checkpointInterval", "0", "above 0"),
            (
                "delta.checkpointinterval",
                "5",
                "is written 'delta.checkpointInterval'",
            ),
            ("delta.enableChangeDataFeed", "yes", "'true' or 'false'"),
            ("delta.enableDeletionVectors", "true", "newer writer"),
            ("delta.appendOnly", "true", "not supported"),
            ("", "x", "no name"),
        ] {
            let error = check(key, value).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
