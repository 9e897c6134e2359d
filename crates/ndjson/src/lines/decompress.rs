//! Decompresses gzip and zstd while the bytes arrive.

use bytes::Bytes;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use sluice_compression::Compression;
use zstd::stream::raw::{Decoder as ZstdDecoder, InBuffer, Operation, OutBuffer};

/// Most bytes decompressed at a time.
const OUTPUT_BYTES: usize = 1 << 20;

/// What is wrong with a compressed file.
pub(crate) type Damage = String;

/// A file being decompressed.
pub(crate) struct Decompressor {
    codec: Codec,
    /// Compressed bytes that are not consumed yet.
    input: Bytes,
    /// The number of compressed bytes consumed so far.
    consumed: u64,
    /// The codec may hold output that did not fit.
    output_pending: bool,
}

enum Codec {
    Gzip(Box<GzipDecoder>),
    Zstd {
        decoder: ZstdDecoder<'static>,
        /// Inside a frame.
        open: bool,
    },
}

impl std::fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflate")
            .field("format", &self.format_name())
            .field("consumed", &self.consumed)
            .finish_non_exhaustive()
    }
}

impl Decompressor {
    /// `None` for plain files.
    pub(crate) fn new(compression: Compression) -> Result<Option<Self>, Damage> {
        let codec = match compression {
            Compression::None => return Ok(None),
            Compression::Gzip => Codec::Gzip(Box::new(GzipDecoder::new())),
            Compression::Zstd => Codec::Zstd {
                decoder: ZstdDecoder::new().map_err(|e| e.to_string())?,
                open: false,
            },
        };
        Ok(Some(Self {
            codec,
            input: Bytes::new(),
            consumed: 0,
            output_pending: false,
        }))
    }

    pub(crate) fn format_name(&self) -> &'static str {
        match self.codec {
            Codec::Gzip(_) => "gzip",
            Codec::Zstd { .. } => "zstd",
        }
    }

    /// The number of compressed bytes consumed so far.
    pub(crate) fn consumed_bytes(&self) -> u64 {
        self.consumed
    }

    /// Sets the next compressed bytes. The previous ones must be consumed.
    pub(crate) fn push_input(&mut self, input: Bytes) {
        self.input = input;
    }

    /// The next decompressed bytes, or `None` if more input is needed.
    pub(crate) fn next_output(&mut self) -> Result<Option<Bytes>, Damage> {
        if self.input.is_empty() && !self.output_pending {
            return Ok(None);
        }
        let mut output = Vec::with_capacity(OUTPUT_BYTES);
        while output.len() < output.capacity() && (!self.input.is_empty() || self.output_pending) {
            let before = output.len();
            let used = match &mut self.codec {
                Codec::Gzip(gzip) => gzip.decompress_into(&self.input, &mut output)?,
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
            self.output_pending = output.len() == output.capacity();
            self.consumed += used as u64;
            let _ = self.input.split_to(used);
            if used == 0 && output.len() == before {
                break;
            }
        }
        Ok((!output.is_empty()).then(|| Bytes::from(output)))
    }

    /// Ends the input. Fails if the file is not complete.
    pub(crate) fn require_complete(&self) -> Result<(), Damage> {
        let open = match &self.codec {
            Codec::Gzip(gzip) => gzip.is_inside_member(),
            Codec::Zstd { open, .. } => *open,
        };
        if open {
            return Err("the data ends too early".to_owned());
        }
        Ok(())
    }
}

/// Decompresses gzip members, one after the other.
struct GzipDecoder {
    next_part: MemberPart,
    deflate: Decompress,
    crc: Crc,
}

/// The part of a member that comes next (RFC 1952, section 2.3).
#[derive(Debug, Clone, Copy)]
enum MemberPart {
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

impl GzipDecoder {
    fn new() -> Self {
        Self {
            next_part: MemberPart::Between,
            deflate: Decompress::new(false),
            crc: Crc::new(),
        }
    }

    fn is_inside_member(&self) -> bool {
        !matches!(self.next_part, MemberPart::Between | MemberPart::Padding)
    }

    /// Decompresses into the free capacity of `output`; returns the number of
    /// bytes consumed.
    fn decompress_into(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<usize, Damage> {
        let mut used = 0;
        loop {
            if matches!(self.next_part, MemberPart::Body) {
                let rest = input.get(used..).unwrap_or_default();
                let (taken, full) = self.decompress_body(rest, output)?;
                used += taken;
                if full || (taken == 0 && matches!(self.next_part, MemberPart::Body)) {
                    return Ok(used);
                }
            } else {
                let Some(&byte) = input.get(used) else {
                    return Ok(used);
                };
                used += 1;
                self.next_part = self.accept_frame_byte(byte)?;
            }
        }
    }

    /// Decompresses the body; returns the number of bytes consumed, and whether
    /// the output is full.
    fn decompress_body(
        &mut self,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(usize, bool), Damage> {
        let (before_in, start) = (self.deflate.total_in(), output.len());
        let status = self
            .deflate
            .decompress_vec(input, output, FlushDecompress::None)
            .map_err(|_| "the data is damaged".to_owned())?;
        let taken = usize::try_from(self.deflate.total_in() - before_in).unwrap_or(input.len());
        self.crc.update(output.get(start..).unwrap_or_default());
        if status == Status::StreamEnd {
            self.next_part = MemberPart::Trailer(0, 0);
            return Ok((taken, false));
        }
        Ok((taken, output.len() == output.capacity()))
    }

    /// Takes a byte of a header or trailer, and returns the part that comes next.
    fn accept_frame_byte(&mut self, byte: u8) -> Result<MemberPart, Damage> {
        let bad = || Err("the header is damaged".to_owned());
        Ok(match (self.next_part, byte) {
            (MemberPart::Between, 0x1f) => MemberPart::Fixed(1, 0),
            (MemberPart::Between | MemberPart::Padding, 0) => MemberPart::Padding,
            (MemberPart::Between | MemberPart::Padding, _) => {
                return Err("something other than gzip data follows".to_owned());
            }
            (MemberPart::Fixed(1, _), 0x8b) => MemberPart::Fixed(2, 0),
            // Deflate is the only method that RFC 1952 defines.
            (MemberPart::Fixed(2, _), 8) => MemberPart::Fixed(3, 0),
            (MemberPart::Fixed(3, _), flags) if flags & RESERVED == 0 => {
                MemberPart::Fixed(4, flags)
            }
            (MemberPart::Fixed(0..=3, _), _) => return bad(),
            (MemberPart::Fixed(9, flags), _) => self.part_after_fixed(flags),
            (MemberPart::Fixed(read, flags), _) => MemberPart::Fixed(read + 1, flags),
            (MemberPart::ExtraLength(None, flags), low) => {
                MemberPart::ExtraLength(Some(low), flags)
            }
            (MemberPart::ExtraLength(Some(low), flags), high) => {
                match u16::from_le_bytes([low, high]) {
                    0 => self.part_after_extra(flags),
                    length => MemberPart::Extra(length, flags),
                }
            }
            (MemberPart::Extra(1, flags), _) => self.part_after_extra(flags),
            (MemberPart::Extra(left, flags), _) => MemberPart::Extra(left - 1, flags),
            (MemberPart::Name(flags), 0) => self.part_after_name(flags),
            (MemberPart::Comment(flags), 0) => self.part_after_comment(flags),
            (stage @ (MemberPart::Name(_) | MemberPart::Comment(_)), _) => stage,
            (MemberPart::HeaderCrc(1), _) => self.start_body(),
            (MemberPart::HeaderCrc(left), _) => MemberPart::HeaderCrc(left - 1),
            (MemberPart::Trailer(read, value), byte) => {
                let value = value | u64::from(byte) << (8 * read);
                if read < 7 {
                    return Ok(MemberPart::Trailer(read + 1, value));
                }
                let sums = u64::from(self.crc.sum()) | u64::from(self.crc.amount()) << 32;
                if value != sums {
                    return Err("the checksum does not match the data".to_owned());
                }
                MemberPart::Between
            }
            (MemberPart::Body, _) => MemberPart::Body,
        })
    }

    fn part_after_fixed(&mut self, flags: u8) -> MemberPart {
        if flags & EXTRA != 0 {
            return MemberPart::ExtraLength(None, flags);
        }
        self.part_after_extra(flags)
    }

    fn part_after_extra(&mut self, flags: u8) -> MemberPart {
        if flags & NAME != 0 {
            return MemberPart::Name(flags);
        }
        self.part_after_name(flags)
    }

    fn part_after_name(&mut self, flags: u8) -> MemberPart {
        if flags & COMMENT != 0 {
            return MemberPart::Comment(flags);
        }
        self.part_after_comment(flags)
    }

    fn part_after_comment(&mut self, flags: u8) -> MemberPart {
        if flags & HEADER_CRC != 0 {
            return MemberPart::HeaderCrc(2);
        }
        self.start_body()
    }

    fn start_body(&mut self) -> MemberPart {
        self.deflate.reset(false);
        self.crc.reset();
        MemberPart::Body
    }
}
