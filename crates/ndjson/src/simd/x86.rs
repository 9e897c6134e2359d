//! The scans with SSE2 (always available on x86-64) and AVX2 (chosen at run time).

use std::arch::x86_64::{
    __m128i, __m256i, _mm_clmulepi64_si128, _mm_cmpeq_epi8, _mm_cvtsi128_si64, _mm_loadu_si128,
    _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8, _mm_storeu_si128,
    _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
};

use super::portable;

const VECTOR_BYTES: usize = 16;
const BLOCK: usize = 64;

/// Loads the 16 bytes at `pos`; `None` if fewer remain.
#[inline(always)]
fn load_16(src: &[u8], pos: usize) -> Option<__m128i> {
    let bytes = src.get(pos..pos + VECTOR_BYTES)?;
    // SAFETY: the slice holds 16 readable bytes, and the load may be unaligned.
    Some(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
}

/// A bit for each byte that is not an ordinary string byte.
#[inline(always)]
fn plain_stops(v: __m128i) -> u32 {
    // SAFETY: every x86-64 CPU has SSE2.
    let mask = unsafe {
        let quote = _mm_cmpeq_epi8(v, _mm_set1_epi8(b'"' as i8));
        let backslash = _mm_cmpeq_epi8(v, _mm_set1_epi8(b'\\' as i8));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control))
    };
    mask.cast_unsigned()
}

/// Bytes of two loads. Most strings of events are shorter, so the loops below
/// run once or twice, which the CPU predicts well.
const PAIR_BYTES: usize = 2 * VECTOR_BYTES;

/// Loads the 32 bytes at `pos`; `None` if fewer remain.
#[inline(always)]
fn load_32(src: &[u8], pos: usize) -> Option<(__m128i, __m128i)> {
    let bytes = src.get(pos..)?.first_chunk::<PAIR_BYTES>()?;
    // SAFETY: both loads lie inside the 32 bytes and may be unaligned.
    Some(unsafe {
        let start = bytes.as_ptr();
        (
            _mm_loadu_si128(start.cast()),
            _mm_loadu_si128(start.add(VECTOR_BYTES).cast()),
        )
    })
}

/// A bit for each byte whose highest bit is set: it is not ASCII.
#[inline(always)]
fn sign_bits(v: __m128i) -> u32 {
    // SAFETY: every x86-64 CPU has SSE2.
    unsafe { _mm_movemask_epi8(v) }.cast_unsigned()
}

/// As [`portable::copy_plain`].
#[inline(always)]
pub(crate) fn copy_plain(src: &[u8], pos: usize, dst: &mut Vec<u8>) -> (usize, bool) {
    let mut at = pos;
    let mut high = 0;
    while let Some((a, b)) = load_32(src, at) {
        dst.reserve(PAIR_BYTES);
        let len = dst.len();
        // SAFETY: `reserve` made room for 32 bytes after `len`; the stores
        // may be unaligned and initialize all of them.
        unsafe {
            let end = dst.as_mut_ptr().add(len);
            _mm_storeu_si128(end.cast(), a);
            _mm_storeu_si128(end.add(VECTOR_BYTES).cast(), b);
        }
        let stops = plain_stops(a) | (plain_stops(b) << VECTOR_BYTES);
        let negative = sign_bits(a) | (sign_bits(b) << VECTOR_BYTES);
        if stops != 0 {
            let run = stops.trailing_zeros();
            high |= negative & ((1 << run) - 1);
            // SAFETY: `run` is at most 31, and that many bytes after `len`
            // were just stored.
            unsafe { dst.set_len(len + run as usize) };
            return (at + run as usize, high == 0);
        }
        high |= negative;
        // SAFETY: all 32 bytes after `len` were just stored.
        unsafe { dst.set_len(len + PAIR_BYTES) };
        at += PAIR_BYTES;
    }
    let end = portable::find_plain_end(src, at);
    let run = src.get(at..end).unwrap_or_default();
    dst.extend_from_slice(run);
    (end, high == 0 && run.is_ascii())
}

/// As [`portable::find_plain_end`].
#[inline(always)]
pub(crate) fn find_plain_end(src: &[u8], pos: usize) -> usize {
    let mut at = pos;
    while let Some((a, b)) = load_32(src, at) {
        let stops = plain_stops(a) | (plain_stops(b) << VECTOR_BYTES);
        if stops != 0 {
            return at + stops.trailing_zeros() as usize;
        }
        at += PAIR_BYTES;
    }
    portable::find_plain_end(src, at)
}

/// A bit for each byte that ends a number or literal.
#[inline(always)]
fn scalar_stops(v: __m128i) -> u32 {
    // SAFETY: every x86-64 CPU has SSE2.
    let mask = unsafe {
        let comma = _mm_cmpeq_epi8(v, _mm_set1_epi8(b',' as i8));
        let quote = _mm_cmpeq_epi8(v, _mm_set1_epi8(b'"' as i8));
        // `]` and `}` differ in one bit, which is set here in both.
        let folded = _mm_or_si128(v, _mm_set1_epi8(0x20));
        let close = _mm_cmpeq_epi8(folded, _mm_set1_epi8(b'}' as i8));
        let space = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x20)), v);
        let any = _mm_or_si128(_mm_or_si128(comma, quote), _mm_or_si128(close, space));
        _mm_movemask_epi8(any)
    };
    mask.cast_unsigned()
}

/// As [`portable::find_scalar_end`].
#[inline(always)]
pub(crate) fn find_scalar_end(src: &[u8], pos: usize) -> usize {
    let mut at = pos;
    while let Some(v) = load_16(src, at) {
        let stops = scalar_stops(v);
        if stops != 0 {
            return at + stops.trailing_zeros() as usize;
        }
        at += VECTOR_BYTES;
    }
    portable::find_scalar_end(src, at)
}

/// As [`portable::skip_container`].
#[inline]
pub(crate) fn skip_container(src: &[u8], pos: usize) -> Option<usize> {
    if is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("pclmulqdq")
        && is_x86_feature_detected!("popcnt")
        && is_x86_feature_detected!("bmi1")
    {
        // SAFETY: the CPU has every feature that the function is compiled for.
        unsafe { skip_container_avx2(src, pos) }
    } else {
        skip_container_sse2(src, pos)
    }
}

/// For a block of 64 bytes, a bit for each byte of a kind.
struct Masks {
    quote: u64,
    backslash: u64,
    open: u64,
    close: u64,
    newline: u64,
}

/// A bit for each byte that a backslash escapes. Bit 0 of `carry` is set if the
/// last byte of the previous block was an escaping backslash. The borrow of a
/// subtraction distinguishes odd from even sequences of backslashes.
#[inline(always)]
fn escaped(backslash: u64, carry: &mut u64) -> u64 {
    const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
    if backslash == 0 {
        return std::mem::take(carry);
    }
    let starts = backslash & !*carry;
    let codes = ((starts << 1) | ODD).wrapping_sub(starts) ^ ODD;
    let escaped = codes ^ (backslash | *carry);
    *carry = (codes & backslash) >> 63;
    escaped
}

// A macro and not a generic function: code that is inlined into a function with
// more CPU features must not go through one with fewer.
macro_rules! skip_blocks {
    ($src:ident, $pos:ident, $masks:ident, $prefix_xor:ident) => {{
        let (mut at, mut depth) = ($pos, 1u32);
        let (mut escape_carry, mut string_carry) = (0u64, 0u64);
        loop {
            let rest = $src.get(at..)?;
            let masks = match rest.first_chunk::<BLOCK>() {
                Some(block) => $masks(block),
                None if rest.is_empty() => return None,
                None => {
                    let mut block = [0u8; BLOCK];
                    block
                        .iter_mut()
                        .zip(rest)
                        .for_each(|(to, from)| *to = *from);
                    $masks(&block)
                }
            };
            let quote = masks.quote & !escaped(masks.backslash, &mut escape_carry);
            let in_string = $prefix_xor(quote) ^ string_carry;
            string_carry = ((in_string.cast_signed()) >> 63).cast_unsigned();
            // Nothing at or after a line feed belongs to this line.
            let line = masks.newline.wrapping_sub(1) & !masks.newline;
            let open = masks.open & !in_string & line;
            let mut close = masks.close & !in_string & line;
            if close.count_ones() < depth {
                if masks.newline != 0 {
                    return None;
                }
                depth = depth + open.count_ones() - close.count_ones();
            } else {
                let mut closed = 0;
                while close != 0 {
                    let bit = close & close.wrapping_neg();
                    closed += 1;
                    if depth + (open & (bit - 1)).count_ones() == closed {
                        return Some(at + bit.trailing_zeros() as usize + 1);
                    }
                    close ^= bit;
                }
                if masks.newline != 0 {
                    return None;
                }
                depth = depth + open.count_ones() - closed;
            }
            at += BLOCK;
        }
    }};
}

#[target_feature(enable = "avx2,pclmulqdq,popcnt,bmi1")]
#[inline]
fn masks_avx2(block: &[u8; BLOCK]) -> Masks {
    // SAFETY: both loads lie inside the 64 bytes and may be unaligned.
    let (a, b): (__m256i, __m256i) = unsafe {
        let start = block.as_ptr();
        (
            _mm256_loadu_si256(start.cast()),
            _mm256_loadu_si256(start.add(32).cast()),
        )
    };
    let equal = |byte: u8| {
        let byte = _mm256_set1_epi8(byte as i8);
        let low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(a, byte)).cast_unsigned();
        let high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(b, byte)).cast_unsigned();
        u64::from(low) | (u64::from(high) << 32)
    };
    let bit = _mm256_set1_epi8(0x20);
    let (fa, fb) = (_mm256_or_si256(a, bit), _mm256_or_si256(b, bit));
    let folded = |byte: u8| {
        let byte = _mm256_set1_epi8(byte as i8);
        let low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(fa, byte)).cast_unsigned();
        let high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(fb, byte)).cast_unsigned();
        u64::from(low) | (u64::from(high) << 32)
    };
    Masks {
        quote: equal(b'"'),
        backslash: equal(b'\\'),
        open: folded(b'{'),
        close: folded(b'}'),
        newline: equal(b'\n'),
    }
}

/// Bit n of the result is the parity of bits 0 to n: whether byte n is inside
/// quotes.
#[target_feature(enable = "avx2,pclmulqdq,popcnt,bmi1")]
#[inline]
fn prefix_xor_clmul(bits: u64) -> u64 {
    let ones = _mm_set1_epi8(-1);
    let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits.cast_signed()), ones);
    _mm_cvtsi128_si64(product).cast_unsigned()
}

/// [`skip_container`] for CPUs with AVX2, PCLMULQDQ and POPCNT.
#[target_feature(enable = "avx2,pclmulqdq,popcnt,bmi1")]
pub(crate) fn skip_container_avx2(src: &[u8], pos: usize) -> Option<usize> {
    skip_blocks!(src, pos, masks_avx2, prefix_xor_clmul)
}

#[inline(always)]
fn masks_sse2(block: &[u8; BLOCK]) -> Masks {
    let mut masks = Masks {
        quote: 0,
        backslash: 0,
        open: 0,
        close: 0,
        newline: 0,
    };
    for lane in 0..BLOCK / VECTOR_BYTES {
        let Some(v) = load_16(block, lane * VECTOR_BYTES) else {
            break;
        };
        let bits = |v: __m128i, byte: u8| {
            // SAFETY: every x86-64 CPU has SSE2.
            let mask = unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(byte as i8))) };
            u64::from(mask.cast_unsigned()) << (lane * VECTOR_BYTES)
        };
        // SAFETY: every x86-64 CPU has SSE2.
        let folded = unsafe { _mm_or_si128(v, _mm_set1_epi8(0x20)) };
        masks.quote |= bits(v, b'"');
        masks.backslash |= bits(v, b'\\');
        masks.open |= bits(folded, b'{');
        masks.close |= bits(folded, b'}');
        masks.newline |= bits(v, b'\n');
    }
    masks
}

#[inline(always)]
fn prefix_xor_shifts(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// [`skip_container`] for every x86-64 CPU.
pub(crate) fn skip_container_sse2(src: &[u8], pos: usize) -> Option<usize> {
    skip_blocks!(src, pos, masks_sse2, prefix_xor_shifts)
}
