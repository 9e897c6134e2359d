use proptest::prelude::*;

use super::portable;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Random bytes; those that matter to the scans are frequent.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => proptest::sample::select(br#""\{}[],: 1a"#.to_vec()),
        4 => Just(b'x'),
        1 => any::<u8>(),
    ];
    proptest::collection::vec(byte, 0..300).prop_map(|mut bytes| {
        bytes.push(b'\n');
        bytes
    })
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn runs_end_where_the_portable_scans_say(src in text(), pos in 0usize..300) {
        let pos = pos.min(src.len());
        let end = portable::find_plain_end(&src, pos);
        prop_assert_eq!(super::find_plain_end(&src, pos), end);
        prop_assert_eq!(
            super::find_scalar_end(&src, pos),
            portable::find_scalar_end(&src, pos)
        );
        let mut copied = b"before".to_vec();
        let (copied_to, ascii) = super::copy_plain(&src, pos, &mut copied);
        prop_assert_eq!(copied_to, end);
        prop_assert_eq!(&copied[6..], &src[pos..end]);
        prop_assert_eq!(ascii, src[pos..end].is_ascii());
    }
}

/// A container with complete strings inside, so that backslashes are only where
/// JSON allows them. Some containers are cut short.
fn container() -> impl Strategy<Value = Vec<u8>> {
    let piece = proptest::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "1",
        r#""plain""#,
        r#""{[""#,
        r#""\"""#,
        r#""\\""#,
        r#""\\\\\\""#,
        r#""\\\"}""#,
        r#""a long string of more than thirty-two bytes \" ]""#,
        r#"""#,
    ]);
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| {
        let mut bytes = pieces.concat().into_bytes();
        bytes.push(b'\n');
        bytes.extend_from_slice(b"}]}]}]}]}]}]\n");
        bytes
    })
}

#[cfg(target_arch = "x86_64")]
proptest! {
    #![proptest_config(cases(5000))]

    #[test]
    fn containers_end_where_the_portable_scan_says(src in container()) {
        let end = portable::skip_container(&src, 0);
        prop_assert_eq!(super::x86::skip_container_sse2(&src, 0), end);
        prop_assert_eq!(super::skip_container(&src, 0), end);
    }
}

#[test]
fn no_scan_crosses_a_line_feed() {
    let src = b"[1, \"abc\n]]]]";
    assert_eq!(super::skip_container(src, 1), None);
    assert_eq!(super::find_plain_end(src, 5), 8);
    assert_eq!(super::skip_container(b"1]\n", 0), Some(2));
    assert_eq!(super::skip_container(b"", 0), None);
}
