//! Compression of landing files.

use std::io::{self, Read, Write};

use flate2::write::GzEncoder;

/// The compression of a file, which also determines its suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// `.json`
    #[default]
    None,
    /// `.json.zst`
    Zstd,
    /// `.json.gz`
    Gzip,
}

/// Fast, and reduces the size to a third. Higher levels take more time than a
/// consumer has to spare.
const ZSTD_LEVEL: i32 = 1;

impl Compression {
    /// The end of a file's name.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => ".json",
            Self::Zstd => ".json.zst",
            Self::Gzip => ".json.gz",
        }
    }

    /// Splits a file's name into the part before the suffix and the compression.
    pub fn split_file_name(name: &str) -> Option<(&str, Self)> {
        [Self::None, Self::Zstd, Self::Gzip]
            .into_iter()
            .find_map(|compression| Some((name.strip_suffix(compression.suffix())?, compression)))
    }

    /// A reader of the decompressed bytes.
    ///
    /// # Errors
    /// When the decompressor cannot be created.
    pub fn open_reader<'a>(
        self,
        stored: impl Read + Send + 'a,
    ) -> io::Result<Box<dyn Read + Send + 'a>> {
        Ok(match self {
            Self::None => Box::new(stored),
            Self::Zstd => Box::new(zstd::Decoder::new(stored)?),
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(stored)),
        })
    }
}

/// Compresses what is written to it into another writer.
#[allow(missing_debug_implementations, reason = "the compressors have none")]
pub enum CompressingWriter<W: Write> {
    /// Not compressed.
    Plain(W),
    /// Zstandard frames with checksums.
    Zstd(zstd::Encoder<'static, W>),
    /// One gzip member.
    Gzip(GzEncoder<W>),
}

impl<W: Write> CompressingWriter<W> {
    /// Starts to compress into `to`.
    ///
    /// # Errors
    /// When the compressor cannot be created.
    pub fn new(compression: Compression, to: W) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::Plain(to),
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(to, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                Self::Zstd(encoder)
            }
            Compression::Gzip => Self::Gzip(GzEncoder::new(to, flate2::Compression::fast())),
        })
    }

    /// Compresses some bytes.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(to) => to.write_all(bytes),
            Self::Zstd(to) => to.write_all(bytes),
            Self::Gzip(to) => to.write_all(bytes),
        }
    }

    /// Writes the buffered rest and returns the inner writer.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(to) => Ok(to),
            Self::Zstd(to) => to.finish(),
            Self::Gzip(to) => to.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_reads_back() {
        for compression in [Compression::None, Compression::Zstd, Compression::Gzip] {
            let mut encoder = CompressingWriter::new(compression, Vec::new()).unwrap();
            encoder.write_all(b"{}\n").unwrap();
            encoder.write_all(b"{\"a\":1}\n").unwrap();
            let stored = encoder.finish().unwrap();
            let mut text = String::new();
            let mut reader = compression.open_reader(stored.as_slice()).unwrap();
            reader.read_to_string(&mut text).unwrap();
            assert_eq!(text, "{}\n{\"a\":1}\n");
            let name = format!("a{}", compression.suffix());
            assert_eq!(
                Compression::split_file_name(&name),
                Some(("a", compression))
            );
        }
    }
}
