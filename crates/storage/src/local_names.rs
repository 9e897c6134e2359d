//! Names of local files as segments of store paths.
//!
//! A file system takes any bytes but `/` and NUL in a name; a store path takes no
//! control characters and only UTF-8. Each byte that a path cannot hold becomes
//! two of Unicode's noncharacters, which texts do not contain: U+FDD0 plus its
//! upper four bits, U+FDE0 plus its lower ones. Such a character in a name is
//! written in the same way, byte by byte, so that no two names become one. All
//! other names stay as they are.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use object_store::path::Path;

/// The characters that stand for the upper and the lower half of byte 0.
const UPPER_HALF: u32 = 0xfdd0;
const LOWER_HALF: u32 = 0xfde0;

fn is_escape(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}')
}

/// The byte that two characters stand for.
fn escaped_byte(upper: char, lower: char) -> Option<u8> {
    let half = |c: char, first: u32| {
        let half = u8::try_from(u32::from(c).checked_sub(first)?).ok()?;
        (half < 16).then_some(half)
    };
    Some(half(upper, UPPER_HALF)? << 4 | half(lower, LOWER_HALF)?)
}

fn push_escaped(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        out.extend(char::from_u32(UPPER_HALF + u32::from(byte >> 4)));
        out.extend(char::from_u32(LOWER_HALF + u32::from(byte & 15)));
    }
}

/// A file's name as a segment of a store path.
pub(crate) fn segment_from_name(name: &OsStr) -> Cow<'_, str> {
    let must_escape = |c: char| c.is_ascii_control() || is_escape(c);
    if let Some(text) = name.to_str()
        && !text.contains(must_escape)
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if must_escape(c) {
                push_escaped(&mut out, c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                out.push(c);
            }
        }
        push_escaped(&mut out, chunk.invalid());
    }
    Cow::Owned(out)
}

/// The inverse of [`segment_from_name`].
fn name_from_segment(segment: &str) -> OsString {
    if !segment.contains(is_escape) {
        return OsString::from(segment);
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut chars = segment.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek().and_then(|next| escaped_byte(c, *next)) {
            Some(byte) => {
                bytes.push(byte);
                chars.next();
            }
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    OsString::from_vec(bytes)
}

/// The file that a path of the local store names.
pub fn local_path(path: &Path) -> PathBuf {
    let mut local = PathBuf::from("/");
    local.extend(path.parts().map(|part| name_from_segment(part.as_ref())));
    local
}

/// A path of the local store as messages show it: on one line, with `\t`, `\n`,
/// `\x01` and `\xff` for what a terminal cannot show.
pub fn readable_local_path(path: &Path) -> String {
    let text = path.as_ref();
    if !text.contains(is_escape) {
        return format!("/{text}");
    }
    let mut out = String::from("/");
    for (at, segment) in text.split('/').enumerate() {
        if at > 0 {
            out.push('/');
        }
        for chunk in name_from_segment(segment).as_bytes().utf8_chunks() {
            for c in chunk.valid().chars() {
                if c.is_control() {
                    out.extend(c.escape_default());
                } else {
                    out.push(c);
                }
            }
            for byte in chunk.invalid() {
                // Writing into a string cannot fail.
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_a_path_cannot_hold_is_changed() {
        for name in [
            "a%20b",
            "x#1",
            "a?b*[c]",
            "\\ \"'",
            " ü é\u{301} 🙂 ‏שלום",
            "a=b",
        ] {
            assert_eq!(segment_from_name(OsStr::new(name)), name);
        }
        let tab = segment_from_name(OsStr::new("a\tb"));
        assert_eq!(tab, "a\u{fdd0}\u{fde9}b");
        assert_eq!(
            segment_from_name(OsStr::from_bytes(b"\xff.json")),
            "\u{fddf}\u{fdef}.json"
        );
        // A name that looks like an escape is another name.
        assert_ne!(segment_from_name(OsStr::new(&*tab)), tab);
    }

    #[test]
    fn messages_show_names_on_one_line() {
        let path = Path::parse(format!(
            "data/{}/{}",
            segment_from_name(OsStr::new("a\tb\n")),
            segment_from_name(OsStr::from_bytes(b"c\xff\x01 \xc3\xbc")),
        ));
        assert_eq!(
            readable_local_path(&path.unwrap()),
            "/data/a\\tb\\n/c\\xff\\u{1} ü"
        );
    }

    proptest! {
        #[test]
        fn every_name_reads_back(
            names in prop::collection::vec(
                prop::collection::vec(prop_oneof![any::<u8>(), Just(0xef), Just(0xb7), Just(0x90), Just(b'\t')], 1..20)
                    .prop_filter("a name", |name| {
                        !name.contains(&b'/') && !name.contains(&0) && name != b"." && name != b".."
                    }),
                1..4,
            ),
        ) {
            let segments: Vec<_> = names
                .iter()
                .map(|name| segment_from_name(OsStr::from_bytes(name)).into_owned())
                .collect();
            let path = Path::parse(segments.join("/")).unwrap();
            let mut expected = PathBuf::from("/");
            expected.extend(names.iter().map(|name| OsStr::from_bytes(name)));
            prop_assert_eq!(local_path(&path), expected);
        }
    }
}
