//! The location of a file as a URI.

use std::os::unix::ffi::OsStrExt as _;

use object_store::path::Path;
use sluice_storage::local_path;

/// Characters of a path that a URI has as they are, in addition to letters and digits.
/// Java's, whose URIs Spark shows, are more than those of RFC 3986.
const PLAIN: &[u8] = b"-_.!~'()*:@&=+$,;/";

/// The URI of an object, as Spark 4 writes it: `file:/tmp/a%20b.json`,
/// `s3://bucket/a%20b.json`. `store` is the URL that names the store, without a path.
pub(super) fn file_uri(store: &str, path: &Path) -> String {
    let mut uri = String::new();
    if store.starts_with("file:") {
        uri.push_str("file:");
        push_path(&mut uri, local_path(path).as_os_str().as_bytes());
    } else {
        uri.push_str(store.trim_end_matches('/'));
        uri.push('/');
        push_path(&mut uri, path.as_ref().as_bytes());
    }
    uri
}

fn push_path(uri: &mut String, path: &[u8]) {
    let push_bytes = |uri: &mut String, bytes: &[u8]| {
        for byte in bytes {
            uri.push_str(percent_encoding::percent_encode_byte(*byte));
        }
    };
    for chunk in path.utf8_chunks() {
        for c in chunk.valid().chars() {
            let is_plain = match u8::try_from(c) {
                Ok(byte) if byte.is_ascii() => {
                    byte.is_ascii_alphanumeric() || PLAIN.contains(&byte)
                }
                _ => !c.is_control() && !c.is_whitespace(),
            };
            if is_plain {
                uri.push(c);
            } else {
                push_bytes(uri, c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        push_bytes(uri, chunk.invalid());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_those_of_spark() {
        let path = Path::parse("a b/50%/é#1[2].json").unwrap();
        assert_eq!(
            file_uri("file:///", &path),
            "file:/a%20b/50%25/é%231%5B2%5D.json"
        );
        assert_eq!(
            file_uri("s3://bucket/", &path),
            "s3://bucket/a%20b/50%25/é%231%5B2%5D.json"
        );
        assert_eq!(
            file_uri("s3://bucket", &Path::from("day=1/a.json")),
            "s3://bucket/day=1/a.json"
        );
    }
}
