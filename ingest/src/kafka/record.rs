//! A record, as the consumer delivers it.

/// A record, borrowed from the consumer's buffers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) metadata: &'a dyn RecordMetadata,
}

/// The parts of a record that only envelopes and rejects need. They are read on
/// demand, so that plain lines do not pay for them.
pub(crate) trait RecordMetadata: std::fmt::Debug {
    fn key(&self) -> Option<&[u8]>;
    /// Milliseconds since the Unix epoch, and whether the broker set them.
    fn timestamp(&self) -> Option<(i64, bool)>;
    /// Calls `each` with every header.
    fn headers(&self, each: &mut dyn FnMut(&str, Option<&[u8]>));
}
