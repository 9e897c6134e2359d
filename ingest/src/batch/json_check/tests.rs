use proptest::prelude::*;

use super::*;
use crate::batch::validate::validate_payload;

fn check_text(text: &[u8]) -> Result<bool, JsonSyntaxError> {
    let text = std::str::from_utf8(text).unwrap();
    check_object(text, None).map(|checked| checked.has_line_break)
}

/// Whether serde_json accepts the text as an object.
fn serde_accepts(text: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
}

#[test]
fn objects_pass_and_their_field_is_found() {
    let field = |text: &'static str| check_object(text, Some("ts")).unwrap().field_value;
    assert_eq!(field(r#"{"ts":"2026"}"#), Some("\"2026\""));
    assert_eq!(
        field(r#"{"a":{"ts":1},"ts" : -5.5e3 ,"b":[]}"#),
        Some("-5.5e3")
    );
    assert_eq!(field(r#"{"ts":1,"ts":2}"#), Some("2"));
    assert_eq!(field(r#"{"ts":{"a":1},"tsx":2}"#), None);
    assert_eq!(field(r#"{"ts":null}"#), None);
    assert_eq!(field("{}"), None);
    // A name is compared as it is written.
    assert_eq!(field(r#"{"\u0074s":1}"#), None);
}

/// The grammar decides, and not what a value can hold.
#[test]
fn numbers_of_any_size_and_lone_surrogates_are_valid() {
    for text in [
        r#"{"a":1e999,"b":-1E-999,"c":123456789012345678901234567890}"#,
        r#"{"a":"\ud800","\udc00":[{"\ud800":1}]}"#,
        r#"{"a":1,"a":2}"#,
    ] {
        assert_eq!(check_text(text.as_bytes()), Ok(false), "{text}");
    }
}

#[test]
fn line_breaks_between_tokens_are_noted() {
    assert_eq!(check_text(b"{\"a\":1}"), Ok(false));
    assert_eq!(check_text(b"{\n\"a\":1}"), Ok(true));
    assert_eq!(check_text(b"{\"a\":1}\r"), Ok(true));
    assert!(check_text(b"{\"a\":\"\n\"}").is_err());
}

#[test]
fn what_is_no_object_is_refused_with_its_place() {
    for (text, at) in [
        ("", 0),
        ("[]", 0),
        ("  7", 2),
        ("{", 1),
        ("{\"a\"", 4),
        ("{\"a\":", 5),
        ("{\"a\":1", 6),
        ("{\"a\":1,}", 7),
        ("{\"a\":[1,]}", 8),
        ("{\"a\":[}", 6),
        ("{\"a\":01}", 6),
        ("{\"a\":1.}", 7),
        ("{\"a\":1e}", 7),
        ("{\"a\":-}", 6),
        ("{\"a\":nul}", 8),
        ("{\"a\":NaN}", 5),
        ("{\"a\":1}{", 7),
        ("{\"a\":\"\\x\"}", 7),
        ("{\"a\":\"\\u12g4\"}", 11),
        ("{\"a\":\"b}", 8),
        ("{'a':1}", 1),
        ("{]", 1),
        ("{\n\n\"a\":x}", 7),
    ] {
        assert_eq!(
            check_text(text.as_bytes()).unwrap_err().position,
            at,
            "{text}"
        );
        assert!(!serde_accepts(text.as_bytes()), "{text}");
    }
}

#[test]
fn nesting_costs_no_stack() {
    let deep = 2_000_000;
    let mut text = b"{\"a\":".to_vec();
    text.extend(std::iter::repeat_n(b'[', deep));
    assert!(check_text(&text).is_err());
    text.extend(std::iter::repeat_n(b']', deep));
    text.push(b'}');
    assert_eq!(check_text(&text), Ok(false));
}

fn any_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_written_passes(
        pairs in prop::collection::vec((any::<String>(), any_value()), 0..5),
        pretty in any::<bool>(),
    ) {
        let object = serde_json::Value::Object(pairs.into_iter().collect());
        let text = if pretty {
            serde_json::to_string_pretty(&object)
        } else {
            serde_json::to_string(&object)
        }.unwrap();
        let newline = check_text(text.as_bytes()).unwrap();
        prop_assert_eq!(newline, text.contains('\n'));
    }

    /// One byte is changed, removed or inserted: both must still agree.
    #[test]
    fn a_slip_is_judged_as_serde_json_does(
        pairs in prop::collection::vec((any::<String>(), any_value()), 0..4),
        place in any::<prop::sample::Index>(),
        byte in prop::sample::select(b"\"\\{}[],:0159.eE+-tfn \n\t\x01\x7fau/".to_vec()),
        how in 0..3,
    ) {
        let object = serde_json::Value::Object(pairs.into_iter().collect());
        let mut text = serde_json::to_vec(&object).unwrap();
        let at = place.index(text.len());
        match how {
            0 => text[at] = byte,
            1 => { text.remove(at); }
            _ => text.insert(at, byte),
        }
        prop_assume!(std::str::from_utf8(&text).is_ok());
        // serde_json also requires that numbers fit and surrogates pair; the
        // grammar does not.
        let known_stricter = match serde_json::from_slice::<serde_json::Value>(&text) {
            Err(e) => {
                let e = e.to_string();
                e.contains("out of range") || e.contains("surrogate")
                    || e.contains("unexpected end of hex escape")
            }
            Ok(_) => false,
        };
        prop_assume!(!known_stricter);
        prop_assert_eq!(check_text(&text).is_ok(), serde_accepts(&text), "{}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn no_bytes_do_harm(text in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = validate_payload(Some(&text), None);
    }
}
