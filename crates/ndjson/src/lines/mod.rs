//! From the bytes of files to chunks of complete lines.

pub(crate) mod decompress;
pub(crate) mod line_inputs;
pub(crate) mod line_range;
pub(crate) mod line_splitter;
