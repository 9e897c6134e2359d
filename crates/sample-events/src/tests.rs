use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use serde_json::Value;

use crate::defects::Defect;
use crate::json_text::{self, Cents, EventTime};
use crate::{Defects, Event, EventClock, LineKind, Lines, Pools, TransactionEvents, UserEvents};

const EVENT_KEYS: [&str; 11] = [
    "event_id",
    "user_id",
    "session_id",
    "event_type",
    "timestamp",
    "page",
    "device",
    "browser",
    "ip_address",
    "country",
    "city",
];
const TRANSACTION_KEYS: [&str; 13] = [
    "transaction_id",
    "user_id",
    "transaction_type",
    "timestamp",
    "status",
    "payment_method",
    "currency",
    "products",
    "subtotal",
    "tax",
    "total",
    "billing_address",
    "shipping_address",
];

fn users(seed: u64, defects: Defects) -> Lines<UserEvents> {
    Lines::new(
        seed,
        UserEvents::new(seed, Pools::new(seed, 200)),
        EventClock::EXAMPLE,
        defects,
    )
}

fn transactions(seed: u64, defects: Defects) -> Lines<TransactionEvents> {
    let topic = TransactionEvents::new(seed, Pools::new(seed, 200));
    Lines::new(seed, topic, EventClock::EXAMPLE, defects)
}

fn parse(event: &Event) -> Value {
    serde_json::from_slice(&event.value).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn cents(value: &Value) -> i64 {
    (value.as_f64().unwrap() * 100.0).round() as i64
}

/// What Python's `json.dumps` prints for a parsed line: the line itself.
fn dumps(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let parts: Vec<_> = fields
                .iter()
                .map(|(k, v)| format!("\"{k}\": {}", dumps(v)))
                .collect();
            format!("{{{}}}", parts.join(", "))
        }
        Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(dumps).collect::<Vec<_>>().join(", ")
            )
        }
        other => other.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn user_events_have_the_keys_of_their_type(seed: u64) {
        for event in users(seed, Defects::NONE).take(200) {
            let value = parse(&event);
            let more: &[&str] = match value["event_type"].as_str().unwrap() {
                "add_to_cart" | "remove_from_cart" => &["product_id", "quantity"],
                "search" => &["search_query"],
                "click" => &["element_id"],
                "login" | "logout" | "page_view" => &[],
                other => panic!("unknown event type {other}"),
            };
            prop_assert_eq!(keys(&value), [&EVENT_KEYS[..], more].concat());
            prop_assert_eq!(value["event_id"].as_str().unwrap().len(), 36);
            prop_assert_eq!(value["session_id"].as_str().unwrap().len(), 12);
            prop_assert_eq!(value["user_id"].as_str().unwrap(), event.key.as_str());
            prop_assert_eq!(dumps(&value), String::from_utf8(event.value.clone()).unwrap());
        }
    }

    #[test]
    fn transactions_have_their_keys_and_their_sums(seed: u64) {
        for event in transactions(seed, Defects::NONE).take(200) {
            let value = parse(&event);
            let kind = value["transaction_type"].as_str().unwrap();
            let returned = kind != "purchase";
            let more: &[&str] = if returned { &["original_transaction_id"] } else { &[] };
            prop_assert_eq!(keys(&value), [&TRANSACTION_KEYS[..], more].concat());
            let products = value["products"].as_array().unwrap();
            prop_assert!((1..=5).contains(&products.len()));
            let subtotal: i64 = products
                .iter()
                .map(|p| p["quantity"].as_i64().unwrap() * cents(&p["unit_price"]))
                .sum();
            prop_assert_eq!(subtotal, cents(&value["subtotal"]));
            let total = subtotal + cents(&value["tax"]);
            prop_assert_eq!(cents(&value["total"]), if returned { -total } else { total });
            for address in ["billing_address", "shipping_address"] {
                prop_assert_eq!(
                    keys(&value[address]),
                    ["street", "city", "state", "zip_code", "country"]
                );
            }
            prop_assert_eq!(
                keys(&products[0]),
                ["product_id", "product_name", "category", "quantity", "unit_price"]
            );
            prop_assert_eq!(dumps(&value), String::from_utf8(event.value.clone()).unwrap());
        }
    }

    #[test]
    fn only_broken_lines_do_not_parse(seed: u64) {
        let defects = Defects { duplicates: 100, malformed: 300, incomplete: 100, late: 100 };
        for event in transactions(seed, defects).take(300) {
            let parsed = serde_json::from_slice::<Value>(&event.value);
            match event.kind {
                LineKind::Malformed(Defect::Truncated | Defect::NotJson) => {
                    prop_assert!(parsed.is_err(), "{:?}", event);
                }
                LineKind::Malformed(Defect::NotAnObject) => prop_assert!(!parsed.unwrap().is_object()),
                LineKind::Malformed(Defect::WrongType) => {
                    let value = parsed.unwrap();
                    prop_assert!(
                        value["total"].as_f64().is_none()
                            || !value["products"].is_array()
                            || !value["billing_address"].is_object()
                            || value["timestamp"].as_str().is_none_or(|t| !t.ends_with('Z'))
                    );
                }
                LineKind::Incomplete => {
                    let value = parsed.unwrap();
                    prop_assert!(
                        ["transaction_id", "user_id", "transaction_type", "status", "products"]
                            .iter()
                            .any(|field| value[*field].is_null())
                    );
                }
                LineKind::New | LineKind::Late | LineKind::Duplicate | LineKind::Update => {
                    prop_assert!(parsed.unwrap()["transaction_id"].is_string());
                }
            }
            prop_assert!(!event.value.contains(&b'\n'));
        }
    }

    #[test]
    fn timestamps_are_what_chrono_prints(micros in -62_135_596_800_000_000_i64..253_402_300_799_999_999) {
        let mut line = Vec::new();
        json_text::append_json(&mut line, &EventTime(micros));
        let expected = chrono::DateTime::from_timestamp_micros(micros)
            .unwrap()
            .format("\"%Y-%m-%dT%H:%M:%S%.6fZ\"")
            .to_string();
        prop_assert_eq!(String::from_utf8(line).unwrap(), expected);
    }

    #[test]
    fn money_is_what_a_float_prints(cents in -10_000_000_i64..10_000_000) {
        let mut line = Vec::new();
        json_text::append_json(&mut line, &Cents(cents));
        prop_assert_eq!(String::from_utf8(line).unwrap(), format!("{:?}", cents as f64 / 100.0));
    }
}

#[test]
fn the_same_seed_gives_the_same_lines_and_another_seed_others() {
    let defects = Defects {
        duplicates: 50,
        malformed: 50,
        incomplete: 50,
        late: 50,
    };
    let first: Vec<_> = transactions(3, defects).take(2_000).collect();
    let again: Vec<_> = transactions(3, defects).take(2_000).collect();
    let other: Vec<_> = transactions(4, defects).take(2_000).collect();
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[test]
fn shares_hold() {
    let defects = Defects {
        duplicates: 40,
        malformed: 20,
        incomplete: 10,
        late: 30,
    };
    let mut counts: HashMap<&str, i64> = HashMap::new();
    for event in transactions(5, defects).take(50_000) {
        let name = match event.kind {
            LineKind::New => "new",
            LineKind::Duplicate => "repeat",
            LineKind::Update => "update",
            LineKind::Incomplete => "incomplete",
            LineKind::Late => "late",
            LineKind::Malformed(_) => "broken",
        };
        *counts.entry(name).or_default() += 1;
    }
    for (name, expected) in [
        ("repeat", 1_000),
        ("update", 1_000),
        ("broken", 1_000),
        ("incomplete", 500),
        ("late", 1_500),
    ] {
        let found = counts[name];
        assert!(
            (found - expected).abs() < expected / 5,
            "{name}: {found}, not about {expected}"
        );
    }
}

#[test]
fn a_repeat_has_an_earlier_lines_bytes_and_an_update_only_its_id() {
    let defects = Defects {
        duplicates: 100,
        ..Defects::NONE
    };
    let mut lines: HashMap<String, Vec<u8>> = HashMap::new();
    let mut seen = HashSet::new();
    for event in transactions(6, defects).take(5_000) {
        let value = parse(&event);
        let id = value["transaction_id"].as_str().unwrap().to_owned();
        match event.kind {
            LineKind::New => assert!(lines.insert(id, event.value).is_none()),
            LineKind::Duplicate => assert_eq!(lines[&id], event.value),
            LineKind::Update => {
                let original: Value = serde_json::from_slice(&lines[&id]).unwrap();
                assert_ne!(original["status"], value["status"]);
                assert!(original["timestamp"].as_str() < value["timestamp"].as_str());
                assert_eq!(original["products"], value["products"]);
            }
            other => panic!("{other:?}"),
        }
        seen.insert(event.kind);
    }
    assert_eq!(seen.len(), 3);
}

#[test]
fn a_late_event_is_a_new_one_that_happened_long_before_its_neighbours() {
    let defects = Defects {
        late: 100,
        ..Defects::NONE
    };
    let (least, most) = Defects::LATENESS_SECONDS.into_inner();
    let mut ids = HashSet::new();
    let mut late = 0;
    let mut lines = users(12, defects);
    for step in 0..2_000 {
        let at = 1_700_000_000_000_000 + step * 1_000_000;
        let event = lines.next_event_at(at);
        let value = parse(&event);
        assert!(ids.insert(value["event_id"].to_string()));
        let time = serde_json::to_value(EventTime(event.timestamp_micros)).unwrap();
        assert_eq!(value["timestamp"], time);
        let delay = at - event.timestamp_micros;
        match event.kind {
            LineKind::New => assert_eq!(delay, 0),
            LineKind::Late => {
                late += 1;
                assert!((i64::from(least)..=i64::from(most)).contains(&(delay / 1_000_000)));
            }
            other => panic!("{other:?}"),
        }
    }
    assert!((150..250).contains(&late), "{late}");
}

#[test]
fn late_events_take_nothing_from_the_lines_before_them() {
    let with = Defects {
        duplicates: 50,
        malformed: 50,
        incomplete: 0,
        late: 100,
    };
    let without = Defects { late: 0, ..with };
    let with: Vec<_> = transactions(13, with).take(8).collect();
    let without: Vec<_> = transactions(13, without).take(8).collect();
    let first_late = with
        .iter()
        .position(|event| event.kind == LineKind::Late)
        .unwrap_or(with.len());
    assert_eq!(with[..first_late], without[..first_late]);
}

#[test]
fn carts_meet_purchases_and_refunds_their_originals() {
    let pools = Pools::new(8, 200);
    let count = 4_000;
    let clock = EventClock {
        events: count,
        ..EventClock::EXAMPLE
    };
    let carts: HashSet<(String, String)> =
        Lines::new(8, UserEvents::new(8, pools.clone()), clock, Defects::NONE)
            .take(count as usize)
            .map(|event| parse(&event))
            .filter(|value| value["event_type"] == "add_to_cart")
            .map(|value| {
                (
                    value["user_id"].to_string(),
                    value["product_id"].to_string(),
                )
            })
            .collect();
    let mut ids = HashSet::new();
    let (mut met, mut originals, mut returns) = (0, 0, 0);
    for event in
        Lines::new(8, TransactionEvents::new(8, pools), clock, Defects::NONE).take(count as usize)
    {
        let value = parse(&event);
        for product in value["products"].as_array().unwrap() {
            let pair = (
                value["user_id"].to_string(),
                product["product_id"].to_string(),
            );
            met += usize::from(carts.contains(&pair));
        }
        if let Some(original) = value.get("original_transaction_id") {
            returns += 1;
            originals += usize::from(ids.contains(&original.to_string()));
        }
        ids.insert(value["transaction_id"].to_string());
    }
    assert!(met > 500, "only {met} line items were in a cart");
    assert!(
        originals * 10 > returns * 9,
        "{originals} of {returns} originals are known"
    );
}

#[test]
fn timestamps_rise_and_stay_within_the_period() {
    let clock = EventClock {
        events: 500,
        ..EventClock::EXAMPLE
    };
    let topic = UserEvents::new(9, Pools::new(9, 10));
    let times: Vec<i64> = Lines::new(9, topic, clock, Defects::NONE)
        .take(500)
        .map(|event| event.timestamp_micros)
        .collect();
    assert!(times.is_sorted());
    assert!(times[0] >= clock.start_micros);
    assert!(times[499] < clock.start_micros + clock.length_micros);
    assert!(times[499] > clock.start_micros + clock.length_micros * 9 / 10);
}

#[test]
fn a_live_producer_names_the_time() {
    let event = users(10, Defects::NONE).next_event_at(1_700_000_000_000_000);
    assert_eq!(event.timestamp_micros, 1_700_000_000_000_000);
    assert_eq!(parse(&event)["timestamp"], "2023-11-14T22:13:20.000000Z");
}

#[test]
fn customers_have_different_ids() {
    let pools = Pools::new(11, 100_000);
    let ids: HashSet<_> = (0..pools.users()).map(|user| pools.user_id(user)).collect();
    assert_eq!(ids.len(), 100_000);
}
