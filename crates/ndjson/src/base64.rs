//! Base64 as Jackson's `getBinaryValue` reads it: the standard alphabet with
//! padding (RFC 4648, section 4); white space between groups is skipped.

/// Appends the decoded bytes. `None` if the text is not base64; some bytes may
/// be appended even then.
pub(crate) fn decode_base64(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut group = [0u8; 4];
    let mut filled = 0;
    let mut padding = 0;
    for &byte in text.iter().filter(|b| **b > b' ') {
        let value = match byte {
            b'=' if filled >= 2 => {
                padding += 1;
                0
            }
            // Nothing follows padding, not even another group.
            _ if padding > 0 => return None,
            _ => sextet_value(byte)?,
        };
        *group.get_mut(filled)? = value;
        filled += 1;
        if filled == 4 {
            let [a, b, c, d] = group;
            let bytes = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
            out.extend_from_slice(bytes.get(..3 - padding)?);
            filled = 0;
        }
    }
    (filled == 0).then_some(())
}

fn sextet_value(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::decode_base64;

    fn decoded(text: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        decode_base64(text.as_bytes(), &mut out).map(|()| out)
    }

    #[test]
    fn decodes_the_vectors_of_rfc_4648() {
        for (text, plain) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9v YmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(decoded(text).as_deref(), Some(plain.as_bytes()), "{text}");
        }
    }

    #[test]
    fn rejects_everything_else() {
        for text in [
            "Z", "Zg", "Zg=", "Zg===", "=g==", "Z===", "Zg==Zg==", "Zm9-", "Zm=v",
        ] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }
}
