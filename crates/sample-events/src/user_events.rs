//! What people do in the shop: topic `user_events`.

use crate::json_text;
use crate::pools::{Pools, UserId};
use crate::random::RandomStream;
use crate::topic::{TopicGenerator, stream};
use crate::words;

/// Makes events with the keys `event_id`, `user_id`, `session_id`,
/// `event_type`, `timestamp`, `page`, `device`, `browser`, `ip_address`,
/// `country`, `city`, and after these, by `event_type`:
///
/// * `add_to_cart`, `remove_from_cart`: `product_id`, `quantity`
/// * `search`: `search_query`
/// * `click`: `element_id`
/// * `login`, `logout`, `page_view`: no further keys
#[derive(Debug, Clone)]
pub struct UserEvents {
    draw: RandomStream,
    pools: Pools,
}

impl UserEvents {
    /// The user events of a seed.
    pub fn new(seed: u64, pools: Pools) -> Self {
        Self {
            draw: RandomStream::new(seed, stream::USER_EVENTS),
            pools,
        }
    }
}

impl TopicGenerator for UserEvents {
    const NAME: &'static str = "user_events";

    fn append_event(&mut self, at_micros: i64, out: &mut Vec<u8>) -> UserId {
        let Self { draw, pools } = self;
        let user = pools.pick_user(draw);
        let user_id = pools.user_id(user);
        let event_type = draw.pick_item(words::EVENT_TYPES);
        out.extend_from_slice(b"{\"event_id\": \"");
        json_text::append_uuid(out, draw);
        out.extend_from_slice(b"\", \"user_id\": \"");
        out.extend_from_slice(user_id.as_bytes());
        out.extend_from_slice(b"\", \"session_id\": \"");
        // The first twelve characters of a UUID, as in the original sample data.
        let session = draw.next_bits();
        json_text::append_hex(out, session >> 32, 8);
        out.push(b'-');
        json_text::append_hex(out, session, 3);
        out.extend_from_slice(b"\", \"event_type\": \"");
        out.extend_from_slice(event_type.as_bytes());
        out.extend_from_slice(b"\", \"timestamp\": \"");
        json_text::append_timestamp(out, at_micros);
        out.extend_from_slice(b"\", \"page\": \"");
        out.extend_from_slice(draw.pick_item(words::PAGES).as_bytes());
        out.extend_from_slice(b"\", \"device\": \"");
        out.extend_from_slice(draw.pick_item(words::DEVICES).as_bytes());
        out.extend_from_slice(b"\", \"browser\": \"");
        out.extend_from_slice(draw.pick_item(words::BROWSERS).as_bytes());
        out.extend_from_slice(b"\", \"ip_address\": \"");
        append_ip_address(out, draw);
        out.extend_from_slice(b"\", \"country\": \"");
        out.extend_from_slice(draw.pick_item(words::COUNTRIES).as_bytes());
        out.extend_from_slice(b"\", \"city\": \"");
        words::append_city(out, draw);
        out.push(b'"');
        match event_type {
            "add_to_cart" | "remove_from_cart" => {
                let (number, _) = pools.pick_product(user, draw);
                out.extend_from_slice(b", \"product_id\": \"PROD_");
                json_text::append_integer(out, u64::from(number));
                out.extend_from_slice(b"\", \"quantity\": ");
                json_text::append_integer(out, u64::from(draw.next_between(1, 5)));
            }
            "search" => {
                out.extend_from_slice(b", \"search_query\": \"");
                out.extend_from_slice(draw.pick_item(words::PLAIN_WORDS).as_bytes());
                out.push(b'"');
            }
            "click" => {
                out.extend_from_slice(b", \"element_id\": \"btn_");
                out.extend_from_slice(draw.pick_item(words::PLAIN_WORDS).as_bytes());
                out.push(b'_');
                json_text::append_integer(out, u64::from(draw.next_between(1, 100)));
                out.push(b'"');
            }
            _ => {}
        }
        out.push(b'}');
        user_id
    }

    fn make_update(_line: &mut Vec<u8>, _at_micros: i64, _choice: u64) -> bool {
        false
    }

    const WRONG_TYPES: &'static [(&'static str, &'static str)] =
        &[("timestamp", "\"yesterday\""), ("timestamp", "true")];

    const REQUIRED: &'static [&'static str] = &[];
}

/// Appends an IPv4 address that looks public.
fn append_ip_address(out: &mut Vec<u8>, draw: &mut RandomStream) {
    json_text::append_integer(out, u64::from(draw.next_between(2, 223)));
    for _ in 0..3 {
        out.push(b'.');
        json_text::append_integer(out, u64::from(draw.next_below(256)));
    }
}
