//! What is wrong with a line.

/// What is wrong with a record.
#[derive(Debug)]
pub(crate) struct LineProblem {
    /// None of its values can be kept.
    pub(crate) all_values_lost: bool,
    /// Only its first bytes were kept.
    pub(crate) truncated: bool,
    /// Position of the byte in the line, from 1.
    pub(crate) column: u64,
    pub(crate) reason: String,
}

impl LineProblem {
    pub(crate) fn line_too_long(limit: usize) -> Self {
        Self {
            all_values_lost: true,
            truncated: true,
            column: 1,
            reason: format!("the line is longer than {limit} bytes"),
        }
    }
}
