//! Decompresses gzip and zstd while the bytes arrive.

use bytes::Bytes;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use zstd::stream::raw::{Decoder as ZstdDecoder, InBuffer, Operation, OutBuffer};

/// Most bytes decompressed at a time.
const OUTPUT_BYTES: usize = 1 << 20;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compression {
    /// Not compressed: only such files can be read in byte ranges.
    #[default]
    Plain,
    /// Gzip (RFC 1952), one member or several.
    Gzip,
    /// Zstandard (RFC 8878), one frame or several.
    Zstd,
}

impl Compression {
    /// The compression that a file's name ends with: `.gz` or `.gzip`, `.zst` or
    /// `.zstd`; anything else is not compressed.
    pub fn from_path(path: &str) -> Self {
        match path.rsplit_once('.') {
            Some((_, "gz" | "gzip")) => Self::Gzip,
            Some((_, "zst" | "zstd")) => Self::Zstd,
            _ => Self::Plain,
        }
    }
}

/// What is wrong with a compressed file.
pub(crate) type Damage = String;

/// A file being decompressed.
pub(crate) struct Inflate {
    codec: Codec,
    /// Compressed bytes that are not consumed yet.
    input: Bytes,
    /// The number of compressed bytes consumed so far.
    consumed: u64,
    /// The codec may hold output that did not fit.
    more: bool,
}

enum Codec {
    Gzip(Box<Gzip>),
    Zstd {
        decoder: ZstdDecoder<'static>,
        /// Inside a frame.
        open: bool,
    },
}

impl std::fmt::Debug for Inflate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflate")
            .field("format", &self.format())
            .field("consumed", &self.consumed)
            .finish_non_exhaustive()
    }
}

impl Inflate {
    /// `None` for plain files.
    pub(crate) fn new(compression: Compression) -> Result<Option<Self>, Damage> {
        let codec = match compression {
            Compression::Plain => return Ok(None),
            Compression::Gzip => Codec::Gzip(Box::new(Gzip::new())),
            Compression::Zstd => Codec::Zstd {
                decoder: ZstdDecoder::new().map_err(|e| e.to_string())?,
                open: false,
            },
        };
        Ok(Some(Self {
            codec,
            input: Bytes::new(),
            consumed: 0,
            more: false,
        }))
    }

    pub(crate) fn format(&self) -> &'static str {
        match self.codec {
            Codec::Gzip(_) => "gzip",
            Codec::Zstd { .. } => "zstd",
        }
    }

    /// The number of compressed bytes consumed so far.
    pub(crate) fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Sets the next compressed bytes. The previous ones must be consumed.
    pub(crate) fn push(&mut self, input: Bytes) {
        self.input = input;
    }

    /// The next decompressed bytes, or `None` if more input is needed.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, Damage> {
        if self.input.is_empty() && !self.more {
            return Ok(None);
        }
        let mut output = Vec::with_capacity(OUTPUT_BYTES);
        while output.len() < output.capacity() && (!self.input.is_empty() || self.more) {
            let before = output.len();
            let used = match &mut self.codec {
                Codec::Gzip(gzip) => gzip.run(&self.input, &mut output)?,
                Codec::Zstd { decoder, open } => {
                    let mut input = InBuffer::around(&self.input);
                    let mut out = OutBuffer::around_pos(&mut output, before);
                    let hint = decoder
                        .run(&mut input, &mut out)
                        .map_err(|e| e.to_string())?;
                    *open = hint != 0;
                    input.pos()
                }
            };
            self.more = output.len() == output.capacity();
            self.consumed += used as u64;
            let _ = self.input.split_to(used);
            if used == 0 && output.len() == before {
                break;
            }
        }
        Ok((!output.is_empty()).then(|| Bytes::from(output)))
    }

    /// Ends the input. Fails if the file is not complete.
    pub(crate) fn finish(&self) -> Result<(), Damage> {
        let open = match &self.codec {
            Codec::Gzip(gzip) => gzip.is_open(),
            Codec::Zstd { open, .. } => *open,
        };
        if open {
            return Err("the data ends too early".to_owned());
        }
        Ok(())
    }
}

/// Decompresses gzip members, one after the other.
struct Gzip {
    stage: Stage,
    deflate: Decompress,
    crc: Crc,
}

/// The part of a member that comes next (RFC 1952, section 2.3).
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Before the first member, or between two.
    Between,
    /// The fixed part of the header: number of bytes read, flags.
    Fixed(u8, u8),
    /// The length of the extra field: its first byte if read, flags.
    ExtraLength(Option<u8>, u8),
    /// The extra field: number of bytes left, flags.
    Extra(u16, u8),
    /// The file's name, up to a zero byte.
    Name(u8),
    Comment(u8),
    /// The checksum of the header: number of bytes left.
    HeaderCrc(u8),
    Body,
    /// The checksum and length: number of bytes read, and their value so far.
    Trailer(u8, u64),
    /// Zeros after the last member, as on tapes.
    Padding,
}

const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0xe0;

impl Gzip {
    fn new() -> Self {
        Self {
            stage: Stage::Between,
            deflate: Decompress::new(false),
            crc: Crc::new(),
        }
    }

    fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Between | Stage::Padding)
    }

    /// Decompresses into the free capacity of `output`; returns the number of
    /// bytes consumed.
    fn run(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<usize, Damage> {
        let mut used = 0;
        loop {
            if matches!(self.stage, Stage::Body) {
                let rest = input.get(used..).unwrap_or_default();
                let (taken, full) = self.body(rest, output)?;
                used += taken;
                if full || (taken == 0 && matches!(self.stage, Stage::Body)) {
                    return Ok(used);
                }
            } else {
                let Some(&byte) = input.get(used) else {
                    return Ok(used);
                };
                used += 1;
                self.stage = self.frame(byte)?;
            }
        }
    }

    /// Decompresses the body; returns the number of bytes consumed, and whether
    /// the output is full.
    fn body(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<(usize, bool), Damage> {
        let (before_in, start) = (self.deflate.total_in(), output.len());
        let status = self
            .deflate
            .decompress_vec(input, output, FlushDecompress::None)
            .map_err(|_| "the data is damaged".to_owned())?;
        let taken = usize::try_from(self.deflate.total_in() - before_in).unwrap_or(input.len());
        self.crc.update(output.get(start..).unwrap_or_default());
        if status == Status::StreamEnd {
            self.stage = Stage::Trailer(0, 0);
            return Ok((taken, false));
        }
        Ok((taken, output.len() == output.capacity()))
    }

    /// Takes a byte of a header or trailer, and returns the part that comes next.
    fn frame(&mut self, byte: u8) -> Result<Stage, Damage> {
        let bad = || Err("the header is damaged".to_owned());
        Ok(match (self.stage, byte) {
            (Stage::Between, 0x1f) => Stage::Fixed(1, 0),
            (Stage::Between | Stage::Padding, 0) => Stage::Padding,
            (Stage::Between | Stage::Padding, _) => {
                return Err("something other than gzip data follows".to_owned());
            }
            (Stage::Fixed(1, _), 0x8b) => Stage::Fixed(2, 0),
            // Deflate is the only method that RFC 1952 defines.
            (Stage::Fixed(2, _), 8) => Stage::Fixed(3, 0),
            (Stage::Fixed(3, _), flags) if flags & RESERVED == 0 => Stage::Fixed(4, flags),
            (Stage::Fixed(0..=3, _), _) => return bad(),
            (Stage::Fixed(9, flags), _) => self.behind_fixed(flags),
            (Stage::Fixed(read, flags), _) => Stage::Fixed(read + 1, flags),
            (Stage::ExtraLength(None, flags), low) => Stage::ExtraLength(Some(low), flags),
            (Stage::ExtraLength(Some(low), flags), high) => match u16::from_le_bytes([low, high]) {
                0 => self.behind_extra(flags),
                length => Stage::Extra(length, flags),
            },
            (Stage::Extra(1, flags), _) => self.behind_extra(flags),
            (Stage::Extra(left, flags), _) => Stage::Extra(left - 1, flags),
            (Stage::Name(flags), 0) => self.behind_name(flags),
            (Stage::Comment(flags), 0) => self.behind_comment(flags),
            (stage @ (Stage::Name(_) | Stage::Comment(_)), _) => stage,
            (Stage::HeaderCrc(1), _) => self.start_body(),
            (Stage::HeaderCrc(left), _) => Stage::HeaderCrc(left - 1),
            (Stage::Trailer(read, value), byte) => {
                let value = value | u64::from(byte) << (8 * read);
                if read < 7 {
                    return Ok(Stage::Trailer(read + 1, value));
                }
                let sums = u64::from(self.crc.sum()) | u64::from(self.crc.amount()) << 32;
                if value != sums {
                    return Err("the checksum does not match the data".to_owned());
                }
                Stage::Between
            }
            (Stage::Body, _) => Stage::Body,
        })
    }

    fn behind_fixed(&mut self, flags: u8) -> Stage {
        if flags & EXTRA != 0 {
            return Stage::ExtraLength(None, flags);
        }
        self.behind_extra(flags)
    }

    fn behind_extra(&mut self, flags: u8) -> Stage {
        if flags & NAME != 0 {
            return Stage::Name(flags);
        }
        self.behind_name(flags)
    }

    fn behind_name(&mut self, flags: u8) -> Stage {
        if flags & COMMENT != 0 {
            return Stage::Comment(flags);
        }
        self.behind_comment(flags)
    }

    fn behind_comment(&mut self, flags: u8) -> Stage {
        if flags & HEADER_CRC != 0 {
            return Stage::HeaderCrc(2);
        }
        self.start_body()
    }

    fn start_body(&mut self) -> Stage {
        self.deflate.reset(false);
        self.crc.reset();
        Stage::Body
    }
}
