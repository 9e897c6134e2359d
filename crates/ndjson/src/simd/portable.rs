//! The scans byte by byte: for other architectures, the ends of buffers, and tests.

/// Whether a byte is not an ordinary byte of a string: a quote, a backslash or a
/// control character (which JSON forbids inside strings).
#[inline(always)]
pub(crate) fn ends_plain(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

/// Whether a byte ends a number or literal.
#[inline(always)]
pub(crate) fn ends_scalar(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b',' | b'}' | b']' | b'"')
}

/// Appends the ordinary string bytes from `pos` on to `dst`. Returns the index
/// of the first other byte, and whether all copied bytes were ASCII.
#[allow(dead_code)] // the vector version is used on x86-64
pub(crate) fn copy_plain(src: &[u8], pos: usize, dst: &mut Vec<u8>) -> (usize, bool) {
    let end = find_plain_end(src, pos);
    let run = src.get(pos..end).unwrap_or_default();
    dst.extend_from_slice(run);
    (end, run.is_ascii())
}

/// The index of the first byte at or after `pos` that is not an ordinary string
/// byte, or the length of `src`.
pub(crate) fn find_plain_end(src: &[u8], pos: usize) -> usize {
    let rest = src.get(pos..).unwrap_or_default();
    rest.iter()
        .position(|&b| ends_plain(b))
        .map_or(src.len(), |n| pos + n)
}

/// The index of the first byte at or after `pos` that ends a number or
/// literal, or the length of `src`.
pub(crate) fn find_scalar_end(src: &[u8], pos: usize) -> usize {
    let rest = src.get(pos..).unwrap_or_default();
    rest.iter()
        .position(|&b| ends_scalar(b))
        .map_or(src.len(), |n| pos + n)
}

/// `pos` is the index after an opening bracket. Returns the index after the
/// bracket that closes it, or `None` if the line ends first.
#[allow(dead_code)] // the vector version is used on x86-64
pub(crate) fn skip_container(src: &[u8], pos: usize) -> Option<usize> {
    let mut depth = 1usize;
    let mut at = pos;
    loop {
        match *src.get(at)? {
            b'"' => at = skip_quoted(src, at + 1)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth -= 1;
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            b'\n' => return None,
            // This is not JSON; the vector version reads it the same way.
            b'\\' if matches!(src.get(at + 1), Some(b'"' | b'\\')) => at += 2,
            _ => at += 1,
        }
    }
}

/// The index after the quote that ends the string that starts at `at`. Control
/// characters other than the line feed are accepted, as in the vector version.
fn skip_quoted(src: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *src.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' if src.get(at + 1) != Some(&b'\n') => at += 2,
            b'\n' | b'\\' => return None,
            _ => at += 1,
        }
    }
}
