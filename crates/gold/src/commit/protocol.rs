//! Which protocol versions tables have: the least that their properties need.
//!
//! See "Reader Version Requirements" and "Writer Version Requirements" in Delta's
//! protocol.

use std::collections::BTreeMap;

use crate::commit::replace::{check_flow_numbers_are_kept, check_replaceable};
use crate::error::GoldError;
use crate::log::actions::ProtocolLine;
use crate::log::snapshot::Snapshot;
use crate::schema::properties::CHANGE_FEED_KEY;

/// The versions of tables that need nothing.
const READER_VERSION: i32 = 1;
const WRITER_VERSION: i32 = 2;

/// The writer version of tables whose changes are to be read. It stands for constraints
/// and generated columns, too.
const CHANGE_FEED_VERSION: i32 = 4;

/// The writer version of tables that list their features.
const FEATURES_VERSION: i32 = 7;

/// The feature of tables whose changes are to be read. Our commits add and remove whole
/// files, which readers of changes read as the rows that were added and removed.
const CHANGE_FEED_FEATURE: &str = "changeDataFeed";

/// Features that require nothing of our commits, because these never do what they
/// restrict. Append-only tables are checked separately.
const HARMLESS_FEATURES: &[&str] = &[
    "appendOnly",
    CHANGE_FEED_FEATURE,
    "invariants",
    "timestampNtz",
];

/// The properties of constraints begin with this.
const CONSTRAINT_PREFIX: &str = "delta.constraints.";

/// What marks a generated column in the schema.
const GENERATED_MARK: &str = "delta.generationExpression";

/// The protocol of the table, when it is new or must change for its properties.
pub(crate) fn changed_protocol(
    table: &str,
    snapshot: Option<&Snapshot>,
    properties: &BTreeMap<String, String>,
) -> Result<Option<ProtocolLine>, GoldError> {
    let has_feed = properties
        .get(CHANGE_FEED_KEY)
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let needed = match has_feed {
        true => CHANGE_FEED_VERSION,
        false => WRITER_VERSION,
    };
    let Some(snapshot) = snapshot else {
        return Ok(Some(ProtocolLine {
            min_reader_version: READER_VERSION,
            min_writer_version: needed,
        }));
    };
    let lists_feed = || {
        snapshot
            .features
            .iter()
            .any(|feature| feature == CHANGE_FEED_FEATURE)
    };
    if has_feed && snapshot.writer_version >= FEATURES_VERSION && !lists_feed() {
        return Err(GoldError::Property {
            table: table.to_owned(),
            key: CHANGE_FEED_KEY.to_owned(),
            problem: "needs the table feature 'changeDataFeed', which the table does not have; \
                      set it with the engine that made the table, or write to another table"
                .to_owned(),
        });
    }
    Ok(
        (has_feed && snapshot.writer_version < needed).then_some(ProtocolLine {
            min_reader_version: snapshot.reader_version,
            min_writer_version: needed,
        }),
    )
}

/// Checks that this writer supports everything that the table's protocol requires, and
/// that the table is one that takes appends or one that can be replaced.
pub(crate) fn check_writable(
    table: &str,
    snapshot: &Snapshot,
    is_streaming: bool,
) -> Result<(), GoldError> {
    match (is_streaming, snapshot.is_streaming()) {
        (true, false) => {
            return Err(GoldError::NotStreaming {
                table: table.to_owned(),
            });
        }
        (false, true) => {
            return Err(GoldError::Streaming {
                table: table.to_owned(),
            });
        }
        _ => {}
    }
    if is_streaming {
        check_flow_numbers_are_kept(table, snapshot.properties.keys())?;
    }
    check_protocol(table, snapshot)?;
    match is_streaming {
        true => Ok(()),
        false => check_replaceable(table, snapshot),
    }
}

/// Checks that our commits do all that the protocol of the table requires.
fn check_protocol(table: &str, snapshot: &Snapshot) -> Result<(), GoldError> {
    let unsupported_features: Vec<_> = snapshot
        .features
        .iter()
        .filter(|feature| !HARMLESS_FEATURES.contains(&feature.as_str()))
        .cloned()
        .collect();
    // Versions below that of features imply them without listing them.
    let has_constraints = || {
        let mut keys = snapshot.properties.keys();
        keys.any(|key| key.starts_with(CONSTRAINT_PREFIX))
            || snapshot.schema_string.contains(GENERATED_MARK)
    };
    let is_supported = match snapshot.writer_version {
        version if version <= WRITER_VERSION => true,
        version if version <= CHANGE_FEED_VERSION => !has_constraints(),
        FEATURES_VERSION => unsupported_features.is_empty(),
        _ => false,
    };
    match is_supported {
        true => Ok(()),
        false => Err(GoldError::Protocol {
            table: table.to_owned(),
            reader: snapshot.reader_version,
            writer: snapshot.writer_version,
            features: unsupported_features,
        }),
    }
}
