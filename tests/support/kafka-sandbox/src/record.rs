//! Parses the output of the console consumer.

/// One record, read by a consumer that shares no code with Sluice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    pub partition: i32,
    pub offset: i64,
    /// In milliseconds since 1970-01-01 UTC.
    pub timestamp_ms: i64,
    pub key: Option<String>,
    pub value: String,
}

/// What the consumer prints for a missing key.
const NO_KEY: &str = "null";

impl Record {
    /// The formatter's settings that [`Self::parse`] requires.
    pub(crate) const FORMAT: [&str; 6] = [
        "print.timestamp=true",
        "print.partition=true",
        "print.offset=true",
        "print.key=true",
        "print.value=true",
        "key.separator=\t",
    ];

    /// Reads `CreateTime:1\tPartition:0\tOffset:2\tkey\tvalue`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut parts = line.splitn(5, '\t');
        let (_, timestamp) = parts.next()?.split_once(':')?;
        let partition = parts.next()?.strip_prefix("Partition:")?;
        let offset = parts.next()?.strip_prefix("Offset:")?;
        let key = parts.next()?;
        let value = parts.next()?;
        Some(Self {
            partition: partition.parse().ok()?,
            offset: offset.parse().ok()?,
            timestamp_ms: timestamp.parse().ok()?,
            key: (key != NO_KEY).then(|| key.to_owned()),
            value: value.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Record;

    #[test]
    fn a_value_may_hold_tabs() {
        let record = Record::parse("CreateTime:17\tPartition:1\tOffset:20\tnull\t{\"a\":\t1}");
        let expected = Record {
            partition: 1,
            offset: 20,
            timestamp_ms: 17,
            key: None,
            value: "{\"a\":\t1}".to_owned(),
        };
        assert_eq!(record, Some(expected));
        assert_eq!(Record::parse("Processed a total of 3 messages"), None);
    }
}
