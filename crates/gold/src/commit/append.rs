//! Appends by flows: what each has taken is in the same log entry as its rows.

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::commit::CommitMode;
use crate::error::GoldError;
use crate::log::snapshot::Snapshot;
use crate::table::{GoldTable, TableSpec};

/// The property of a table that only flows write to.
pub(crate) const STREAMING_KEY: &str = "sluice.streaming";

/// The property of a streaming table that was filled again from the beginning: the
/// number of the plan that did so. What flows took before counts no more.
pub(crate) const RESTARTED_KEY: &str = "sluice.restarted";

/// What one flow adds to a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlowAppend {
    /// The flow's name.
    pub flow: String,
    /// The number of the plan that it took before; `None` for the first.
    pub follows: Option<i64>,
    /// The number of the plan that it takes.
    pub number: i64,
    /// The version that the commit must make, when its rows depend on what the table
    /// had before: another version may have other rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub makes_version: Option<u64>,
}

/// The applications of flows begin with this.
pub(crate) const FLOW_PREFIX: &str = "sluice:flow:";

/// The application of a flow's `txn` actions.
pub(crate) fn flow_application(flow: &str) -> String {
    format!("{FLOW_PREFIX}{flow}")
}

impl Snapshot {
    /// Whether only flows write to the table.
    pub fn is_streaming(&self) -> bool {
        let property = self.properties.get(STREAMING_KEY);
        property.is_some_and(|value| value == "true")
    }

    /// The plan that filled the table again; plans before it count no more.
    fn restarted_by(&self) -> Option<i64> {
        self.properties.get(RESTARTED_KEY)?.parse().ok()
    }
}

impl GoldTable {
    /// The number of the newest plan of a flow whose rows are in the table.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn flow_number(
        &self,
        snapshot: &Snapshot,
        flow: &str,
    ) -> Result<Option<i64>, GoldError> {
        let number = self.txn_version(snapshot, &flow_application(flow)).await?;
        Ok(number.filter(|number| snapshot.restarted_by().is_none_or(|first| *number >= first)))
    }

    /// Checks that no other run has added what these flows add, and that the table is
    /// still the one that they were computed from.
    pub(crate) async fn check_flows(
        &self,
        snapshot: Option<&Snapshot>,
        mode: CommitMode<'_>,
    ) -> Result<(), GoldError> {
        if let CommitMode::View(view) = mode
            && view.based_on.is_some()
            && view.based_on != snapshot.map(|snapshot| snapshot.version)
        {
            return Err(GoldError::PastChanged {
                table: self.name().to_owned(),
            });
        }
        for append in mode.flows().unwrap_or_default() {
            let number = match snapshot {
                Some(snapshot) => self.flow_number(snapshot, &append.flow).await?,
                None => None,
            };
            let restarted_by = snapshot.and_then(Snapshot::restarted_by);
            let is_void =
                mode.keeps_files() && restarted_by.is_some_and(|first| append.number < first);
            if number != append.follows || is_void {
                return Err(GoldError::FlowOvertaken {
                    table: self.name().to_owned(),
                    flow: append.flow.clone(),
                });
            }
            let next = snapshot.map_or(0, |snapshot| snapshot.version + 1);
            if append.makes_version.is_some_and(|version| version != next) {
                return Err(GoldError::PastChanged {
                    table: self.name().to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// The columns of a table after rows with the columns of `spec` were added: those of
/// the table, then new ones. New ones can be NULL, because they are in all older rows.
///
/// # Errors
/// When a column has another type, or is missing, or the partitions differ.
pub fn append_schema(snapshot: &Snapshot, spec: &TableSpec) -> Result<SchemaRef, GoldError> {
    let fail = |problem: String| GoldError::AppendColumns {
        table: spec.name.clone(),
        problem,
    };
    if snapshot.partition_by != spec.partition_by {
        let list = |names: &[String]| match names {
            [] => "not partitioned".to_owned(),
            names => format!("partitioned by {}", names.join(", ")),
        };
        return Err(fail(format!(
            "it is {}, and the job declares it {}",
            list(&snapshot.partition_by),
            list(&spec.partition_by)
        )));
    }
    let rows = crate::schema::delta_schema(&spec.schema);
    let mut fields = Vec::new();
    for old in snapshot.schema.fields() {
        let Ok(new) = rows.field_with_name(old.name()) else {
            return Err(fail(format!(
                "the query no longer has column '{}'",
                old.name()
            )));
        };
        if !same_type(old.data_type(), new.data_type()) {
            return Err(fail(format!(
                "column '{}' is {} in the table and {} in the query",
                old.name(),
                old.data_type(),
                new.data_type()
            )));
        }
        if new.is_nullable() && !old.is_nullable() {
            return Err(fail(format!(
                "column '{}' is NOT NULL in the table, and the query may give NULL",
                old.name()
            )));
        }
        let comment = new.metadata().clone();
        let field = Field::new(old.name(), old.data_type().clone(), old.is_nullable());
        fields.push(field.with_metadata(comment));
    }
    for new in rows.fields() {
        if snapshot.schema.field_with_name(new.name()).is_err() {
            fields.push(new.as_ref().clone().with_nullable(true));
        }
    }
    Ok(Schema::new(fields).into())
}

/// Whether values of both types are stored in the same way; what may be NULL inside
/// of a value does not count.
fn same_type(a: &DataType, b: &DataType) -> bool {
    let same_fields = |a: &Fields, b: &Fields| {
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .all(|(a, b)| a.name() == b.name() && same_type(a.data_type(), b.data_type()))
    };
    match (a, b) {
        (DataType::Struct(a), DataType::Struct(b)) => same_fields(a, b),
        (DataType::List(a), DataType::List(b)) => same_type(a.data_type(), b.data_type()),
        (DataType::Map(a, _), DataType::Map(b, _)) => {
            match (a.data_type(), b.data_type()) {
                // The names of key and value are the writer's.
                (DataType::Struct(a), DataType::Struct(b)) => {
                    a.len() == b.len()
                        && a.iter()
                            .zip(b)
                            .all(|(a, b)| same_type(a.data_type(), b.data_type()))
                }
                _ => false,
            }
        }
        (a, b) => a == b,
    }
}
