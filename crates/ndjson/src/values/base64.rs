//! Base64 as Jackson's `getBinaryValue` reads it: the standard alphabet with
//! padding (RFC 4648, section 4); white space is skipped.

use ::base64::Engine;
use ::base64::alphabet::STANDARD;
use ::base64::engine::{GeneralPurpose, GeneralPurposeConfig};

/// The bits after the last byte do not matter.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Appends the decoded bytes. `None` if the text is not base64; some bytes may
/// be appended even then.
pub(crate) fn decode_base64(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let is_space = |byte: &u8| *byte <= b' ';
    if text.iter().any(is_space) {
        let packed: Vec<u8> = text.iter().copied().filter(|b| !is_space(b)).collect();
        ENGINE.decode_vec(packed, out).ok()
    } else {
        ENGINE.decode_vec(text, out).ok()
    }
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
            ("\tZ m9v\nYmE =\r", "fooba"),
            // The bits after the last byte are not zero.
            ("Zh==", "f"),
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
