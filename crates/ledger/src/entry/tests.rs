use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".*", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(seq: u64, body in json_value()) {
        let entry = Entry::new(seq, body);
        let bytes = entry.encode().unwrap();
        prop_assert_eq!(decode_id(seq, &bytes).unwrap(), entry.id);
        prop_assert_eq!(decode_entry::<Value>(seq, &bytes).unwrap(), entry);
    }

    /// A file that a crash truncated anywhere before its last brace is detected.
    #[test]
    fn a_cut_file_is_damage(body in json_value(), share in 0.0..1.0f64) {
        let bytes = Entry::new(7, body).encode().unwrap();
        let cut = ((bytes.len() - 2) as f64 * share) as usize;
        let result = decode_entry::<Value>(7, &bytes[..=cut][..cut]);
        prop_assert!(matches!(result, Err(EntryDecodeError::Damaged(_))), "{result:?}");
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_entry::<Value>(0, &bytes);
    }
}

fn with(change: impl FnOnce(&mut Value)) -> Result<Entry<Vec<u32>>, EntryDecodeError> {
    let bytes = Entry::new(3, vec![1, 2]).encode().unwrap();
    let mut value: Value = serde_json::from_slice(&bytes).unwrap();
    change(&mut value);
    decode_entry(3, value.to_string().as_bytes())
}

#[test]
fn the_form_on_disk_is_plain() {
    let entry = Entry {
        seq: 3,
        id: Uuid::nil(),
        created_at: "2024-05-06T07:08:09.000001Z".parse().unwrap(),
        body: json!({"files": []}),
    };
    assert_eq!(
        String::from_utf8(entry.encode().unwrap()).unwrap(),
        "{\"format\":1,\"seq\":3,\"id\":\"00000000-0000-0000-0000-000000000000\",\
         \"at\":\"2024-05-06T07:08:09.000001Z\",\"body\":{\"files\":[]}}\n"
    );
}

#[test]
fn everything_wrong_has_its_name() {
    assert!(with(|_| {}).is_ok());
    assert!(with(|value| value["added later"] = json!(1)).is_ok());
    let damage = |result: Result<_, EntryDecodeError>| match result {
        Err(EntryDecodeError::Damaged(damage)) => damage.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(damage(with(|v| v["seq"] = json!(4))).contains("number 4"));
    assert!(damage(with(|v| v["id"] = json!("x"))).contains("'id'"));
    assert!(damage(with(|v| v["at"] = json!("today"))).contains("'at'"));
    assert!(damage(with(|v| *v = json!({}))).contains("format"));
    assert!(damage(decode_entry(0, b"")).contains("empty"));
    assert!(damage(decode_entry(0, &[0; 64])).contains("expected value"));
    let later = with(|value| *value = json!({"format": 2, "number": 3}));
    assert!(matches!(later, Err(EntryDecodeError::Format(2))));
    let other = with(|value| value["body"] = json!("text"));
    assert!(matches!(other, Err(EntryDecodeError::Body(_))));
}
