//! What queries mean: by this a plan says which program has computed a view.

/// Raised by one whenever a query may give other rows than before: when a function, a
/// type, a rule of Spark's or the reading of a source changes what it gives. Views are
/// then computed from all rows once. The version of the program says nothing of this: it
/// changes without the meaning, and between releases the meaning changes without it.
const QUERY_MEANING: u32 = 2;

/// The meaning of queries in this program. Another version of DataFusion may compute
/// something else, whether or not it was noticed.
pub(super) fn describe_meaning() -> String {
    let datafusion = datafusion::DATAFUSION_VERSION;
    format!("queries {QUERY_MEANING}, datafusion {datafusion}")
}
