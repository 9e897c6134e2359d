//! The counts of a scan, by source.
//!
//! Operator metrics are sent through the cluster only as name and value, so the
//! source is part of the name.

/// One count of a landing scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceMetric {
    /// Bytes of files read, before decompression.
    Bytes,
    /// Lines that were not blank.
    Lines,
    /// Lines that did not fit the schema.
    Malformed,
    /// Malformed lines that did not become a row.
    Dropped,
}

impl SourceMetric {
    const ALL: [(Self, &str); 4] = [
        (Self::Bytes, "landing_bytes:"),
        (Self::Lines, "landing_lines:"),
        (Self::Malformed, "landing_malformed:"),
        (Self::Dropped, "landing_dropped:"),
    ];

    /// The metric's name for a source.
    pub fn name(self, source: &str) -> String {
        let prefix = Self::ALL
            .iter()
            .find(|(metric, _)| *metric == self)
            .map_or("", |(_, prefix)| prefix);
        format!("{prefix}{source}")
    }

    /// The metric and source of a name made by [`Self::name`].
    pub fn parse_name(name: &str) -> Option<(Self, &str)> {
        Self::ALL
            .iter()
            .find_map(|(metric, prefix)| Some((*metric, name.strip_prefix(prefix)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for (metric, _) in SourceMetric::ALL {
            assert_eq!(
                SourceMetric::parse_name(&metric.name("user_events")),
                Some((metric, "user_events"))
            );
        }
        assert_eq!(SourceMetric::parse_name("output_rows"), None);
    }
}
