//! How files of JSON lines are compressed: names, readers and writers.
//!
//! This is the one enum for it: ingest writes such files, the NDJSON reader
//! decompresses them while they arrive, and both agree on the names. The job
//! language has its own, with `auto`, and the engine converts it once.

use std::io::{self, Read, Write};

use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

/// The compression of a file, which also determines its suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not compressed: only such files can be read in byte ranges.
    #[default]
    None,
    /// Zstandard (RFC 8878), one frame or several.
    Zstd,
    /// Gzip (RFC 1952), one member or several.
    Gzip,
}

/// Fast, and reduces the size to a third. Higher levels take more time than a
/// consumer has to spare.
const ZSTD_LEVEL: i32 = 1;

impl Compression {
    pub const ALL: [Self; 3] = [Self::None, Self::Zstd, Self::Gzip];

    /// The name on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == name)
    }

    /// The suffix of a file of JSON lines.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => ".json",
            Self::Zstd => ".json.zst",
            Self::Gzip => ".json.gz",
        }
    }

    /// Splits the name of a file of JSON lines into the part before the suffix and
    /// the compression.
    pub fn split_file_name(name: &str) -> Option<(&str, Self)> {
        Self::ALL
            .into_iter()
            .find_map(|compression| Some((name.strip_suffix(compression.suffix())?, compression)))
    }

    /// The compression of any file by the end of its path: `.gz` or `.gzip`,
    /// `.zst` or `.zstd`, in upper or lower case; anything else is not compressed.
    pub fn from_path(path: &str) -> Self {
        let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
        let is_one_of = |endings: [&str; 2]| endings.iter().any(|e| ending.eq_ignore_ascii_case(e));
        if is_one_of(["gz", "gzip"]) {
            Self::Gzip
        } else if is_one_of(["zst", "zstd"]) {
            Self::Zstd
        } else {
            Self::None
        }
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
    fn endings_have_any_case() {
        for (path, compression) in [
            ("a.json.GZ", Compression::Gzip),
            ("a.csv.Gzip", Compression::Gzip),
            ("A.JSON.ZST", Compression::Zstd),
            ("a.b/c.Zstd", Compression::Zstd),
            ("a.gz/b.json", Compression::None),
            ("gz", Compression::None),
        ] {
            assert_eq!(Compression::from_path(path), compression, "{path}");
        }
    }

    #[test]
    fn every_way_reads_back() {
        for compression in Compression::ALL {
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
            assert_eq!(Compression::from_path(&name), compression);
            assert_eq!(
                Compression::from_name(compression.name()),
                Some(compression)
            );
        }
    }
}
