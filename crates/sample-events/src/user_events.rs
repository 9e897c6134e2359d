//! What people do in the shop: topic `user_events`.

use crate::draw::Draw;
use crate::pools::{Pools, UserId};
use crate::text;
use crate::topic::{Topic, stream};
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
    draw: Draw,
    pools: Pools,
}

impl UserEvents {
    /// The user events of a seed.
    pub fn new(seed: u64, pools: Pools) -> Self {
        Self {
            draw: Draw::new(seed, stream::USER_EVENTS),
            pools,
        }
    }
}

impl Topic for UserEvents {
    const NAME: &'static str = "user_events";

    fn append(&mut self, at_micros: i64, out: &mut Vec<u8>) -> UserId {
        let Self { draw, pools } = self;
        let user = pools.user(draw);
        let user_id = pools.user_id(user);
        let event_type = draw.pick(words::EVENT_TYPES);
        out.extend_from_slice(b"{\"event_id\": \"");
        text::uuid(out, draw);
        out.extend_from_slice(b"\", \"user_id\": \"");
        out.extend_from_slice(user_id.as_bytes());
        out.extend_from_slice(b"\", \"session_id\": \"");
        // The first twelve characters of a UUID, as in the original sample data.
        let session = draw.bits();
        text::hex(out, session >> 32, 8);
        out.push(b'-');
        text::hex(out, session, 3);
        out.extend_from_slice(b"\", \"event_type\": \"");
        out.extend_from_slice(event_type.as_bytes());
        out.extend_from_slice(b"\", \"timestamp\": \"");
        text::timestamp(out, at_micros);
        out.extend_from_slice(b"\", \"page\": \"");
        out.extend_from_slice(draw.pick(words::PAGES).as_bytes());
        out.extend_from_slice(b"\", \"device\": \"");
        out.extend_from_slice(draw.pick(words::DEVICES).as_bytes());
        out.extend_from_slice(b"\", \"browser\": \"");
        out.extend_from_slice(draw.pick(words::BROWSERS).as_bytes());
        out.extend_from_slice(b"\", \"ip_address\": \"");
        ip_address(out, draw);
        out.extend_from_slice(b"\", \"country\": \"");
        out.extend_from_slice(draw.pick(words::COUNTRIES).as_bytes());
        out.extend_from_slice(b"\", \"city\": \"");
        words::city(out, draw);
        out.push(b'"');
        match event_type {
            "add_to_cart" | "remove_from_cart" => {
                let (number, _) = pools.product(user, draw);
                out.extend_from_slice(b", \"product_id\": \"PROD_");
                text::integer(out, u64::from(number));
                out.extend_from_slice(b"\", \"quantity\": ");
                text::integer(out, u64::from(draw.between(1, 5)));
            }
            "search" => {
                out.extend_from_slice(b", \"search_query\": \"");
                out.extend_from_slice(draw.pick(words::PLAIN).as_bytes());
                out.push(b'"');
            }
            "click" => {
                out.extend_from_slice(b", \"element_id\": \"btn_");
                out.extend_from_slice(draw.pick(words::PLAIN).as_bytes());
                out.push(b'_');
                text::integer(out, u64::from(draw.between(1, 100)));
                out.push(b'"');
            }
            _ => {}
        }
        out.push(b'}');
        user_id
    }

    fn change(_line: &mut Vec<u8>, _at_micros: i64, _choice: u64) -> bool {
        false
    }

    const WRONG_TYPES: &'static [(&'static str, &'static str)] =
        &[("timestamp", "\"yesterday\""), ("timestamp", "true")];

    const REQUIRED: &'static [&'static str] = &[];
}

/// Appends an IPv4 address that looks public.
fn ip_address(out: &mut Vec<u8>, draw: &mut Draw) {
    text::integer(out, u64::from(draw.between(2, 223)));
    for _ in 0..3 {
        out.push(b'.');
        text::integer(out, u64::from(draw.below(256)));
    }
}
