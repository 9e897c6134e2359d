//! What people do in the shop: topic `user_events`.

use std::net::Ipv4Addr;

use rand::RngExt;
use serde::Serialize;
use serde_json::{Value, json};

use crate::address;
use crate::json_text::EventTime;
use crate::pools::{Pools, UserId};
use crate::random::{RandomId, RandomStream, open_stream, pick_item};
use crate::topic::{TopicGenerator, stream};
use crate::words;

/// One action of a visitor. What it has in addition to the common keys depends on
/// its type:
///
/// * `add_to_cart`, `remove_from_cart`: `product_id`, `quantity`
/// * `search`: `search_query`
/// * `click`: `element_id`
/// * `login`, `logout`, `page_view`: no further keys
#[derive(Debug, Clone, Serialize)]
pub struct UserEvent {
    event_id: RandomId,
    user_id: UserId,
    /// The first twelve characters of a UUID, as in the original sample data.
    session_id: String,
    event_type: &'static str,
    timestamp: EventTime,
    page: &'static str,
    device: &'static str,
    browser: &'static str,
    ip_address: Ipv4Addr,
    country: &'static str,
    city: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    search_query: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    element_id: Option<String>,
}

/// Makes user events.
#[derive(Debug, Clone)]
pub struct UserEvents {
    random: RandomStream,
    pools: Pools,
}

impl UserEvents {
    /// The user events of a seed.
    pub fn new(seed: u64, pools: Pools) -> Self {
        Self {
            random: open_stream(seed, stream::USER_EVENTS),
            pools,
        }
    }
}

impl TopicGenerator for UserEvents {
    const NAME: &'static str = "user_events";

    type Payload = UserEvent;

    fn next_payload(&mut self, at_micros: i64) -> (UserId, UserEvent) {
        let Self { random, pools } = self;
        let user = pools.pick_user(random);
        let user_id = pools.user_id(user);
        let mut event = UserEvent {
            event_id: RandomId::new(random),
            user_id,
            session_id: RandomId::new(random).first_chars(12),
            event_type: pick_item(words::EVENT_TYPES, random),
            timestamp: EventTime(at_micros),
            page: pick_item(words::PAGES, random),
            device: pick_item(words::DEVICES, random),
            browser: pick_item(words::BROWSERS, random),
            ip_address: pick_ip_address(random),
            country: pick_item(words::COUNTRIES, random),
            city: address::make_city(random),
            product_id: None,
            quantity: None,
            search_query: None,
            element_id: None,
        };
        match event.event_type {
            "add_to_cart" | "remove_from_cart" => {
                event.product_id = Some(pools.pick_product(user, random).id());
                event.quantity = Some(random.random_range(1..=5));
            }
            "search" => event.search_query = Some(pick_item(words::PLAIN_WORDS, random)),
            "click" => {
                let word = pick_item(words::PLAIN_WORDS, random);
                let number = random.random_range(1..=100);
                event.element_id = Some(format!("btn_{word}_{number}"));
            }
            _ => {}
        }
        (user_id, event)
    }

    fn make_update(_: &UserEvent, _: i64, _: &mut RandomStream) -> Option<UserEvent> {
        None
    }

    fn wrong_types() -> Vec<(&'static str, Value)> {
        vec![
            ("timestamp", json!("yesterday")),
            ("timestamp", json!(true)),
        ]
    }

    const REQUIRED: &'static [&'static str] = &[];
}

/// An IPv4 address that looks public.
fn pick_ip_address(random: &mut RandomStream) -> Ipv4Addr {
    let [b, c, d] = random.random();
    Ipv4Addr::new(random.random_range(2..=223), b, c, d)
}
