//! What people buy, return and charge back: topic `transaction_events`.

use crate::json_text::{self, TIMESTAMP_LEN};
use crate::pools::{Pools, UserId};
use crate::random::RandomStream;
use crate::topic::{TopicGenerator, stream};
use crate::words;

/// How many recent purchases a refund or chargeback can refer to.
const REMEMBERED_PURCHASES: usize = 1_024;
/// Bytes of a UUID as text.
const UUID_LEN: usize = 36;

/// Makes events with the keys `transaction_id`, `user_id`, `transaction_type`
/// (`purchase`, `refund`, `chargeback`), `timestamp`, `status`,
/// `payment_method`, `currency`, `products` (1 to 5 of `product_id`,
/// `product_name`, `category`, `quantity`, `unit_price`), `subtotal`, `tax`,
/// `total`, `billing_address`, `shipping_address` (`street`, `city`, `state`,
/// `zip_code`, `country`), and for refunds and chargebacks
/// `original_transaction_id`. The `total` of these two is negative; all other
/// amounts are positive, as in the original sample data.
#[derive(Debug, Clone)]
pub struct TransactionEvents {
    draw: RandomStream,
    pools: Pools,
    /// Ids of recent purchases, the oldest overwritten first.
    purchases: Vec<[u8; UUID_LEN]>,
    next_purchase: usize,
}

impl TransactionEvents {
    /// The transactions of a seed.
    pub fn new(seed: u64, pools: Pools) -> Self {
        Self {
            draw: RandomStream::new(seed, stream::TRANSACTIONS),
            pools,
            purchases: Vec::with_capacity(REMEMBERED_PURCHASES),
            next_purchase: 0,
        }
    }

    fn remember_purchase(&mut self, id: [u8; UUID_LEN]) {
        if self.purchases.len() < REMEMBERED_PURCHASES {
            self.purchases.push(id);
        } else {
            self.purchases[self.next_purchase] = id;
        }
        self.next_purchase = (self.next_purchase + 1) % REMEMBERED_PURCHASES;
    }

    /// Appends `products` and returns the subtotal in cents.
    fn append_products(&mut self, user: u32, out: &mut Vec<u8>) -> i64 {
        let Self { draw, pools, .. } = self;
        let mut subtotal = 0;
        out.extend_from_slice(b"\", \"products\": [");
        for item in 0..draw.next_between(1, 5) {
            let (number, product) = pools.pick_product(user, draw);
            let quantity = draw.next_between(1, 5);
            subtotal += i64::from(quantity) * i64::from(product.price_cents);
            out.extend_from_slice(if item == 0 {
                b"{\"product_id\": \"PROD_".as_slice()
            } else {
                b", {\"product_id\": \"PROD_"
            });
            json_text::append_integer(out, u64::from(number));
            out.extend_from_slice(b"\", \"product_name\": \"");
            out.extend_from_slice(product.name.as_bytes());
            out.extend_from_slice(b"\", \"category\": \"");
            out.extend_from_slice(product.category.as_bytes());
            out.extend_from_slice(b"\", \"quantity\": ");
            json_text::append_integer(out, u64::from(quantity));
            out.extend_from_slice(b", \"unit_price\": ");
            json_text::append_money(out, i64::from(product.price_cents));
            out.push(b'}');
        }
        out.push(b']');
        subtotal
    }
}

impl TopicGenerator for TransactionEvents {
    const NAME: &'static str = "transaction_events";

    fn append_event(&mut self, at_micros: i64, out: &mut Vec<u8>) -> UserId {
        let (kind, returns) = pick_transaction_type(&mut self.draw);
        let user = match returns {
            true => self.pools.pick_returning_user(&mut self.draw),
            false => self.pools.pick_user(&mut self.draw),
        };
        let user_id = self.pools.user_id(user);
        out.extend_from_slice(b"{\"transaction_id\": \"");
        let id_start = out.len();
        json_text::append_uuid(out, &mut self.draw);
        let mut id = [b'0'; UUID_LEN];
        id.copy_from_slice(&out[id_start..id_start + UUID_LEN]);
        out.extend_from_slice(b"\", \"user_id\": \"");
        out.extend_from_slice(user_id.as_bytes());
        out.extend_from_slice(b"\", \"transaction_type\": \"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\", \"timestamp\": \"");
        json_text::append_timestamp(out, at_micros);
        out.extend_from_slice(b"\", \"status\": \"");
        out.extend_from_slice(pick_status(kind, &mut self.draw).as_bytes());
        out.extend_from_slice(b"\", \"payment_method\": \"");
        out.extend_from_slice(self.draw.pick_item(words::PAYMENT_METHODS).as_bytes());
        out.extend_from_slice(b"\", \"currency\": \"");
        out.extend_from_slice(self.draw.pick_item(words::CURRENCIES).as_bytes());
        let subtotal = self.append_products(user, out);
        // Tax is 5 to 10 percent, rounded to the cent.
        let tax = (subtotal * i64::from(self.draw.next_between(5_000, 10_000)) + 50_000) / 100_000;
        let total = subtotal + tax;
        out.extend_from_slice(b", \"subtotal\": ");
        json_text::append_money(out, subtotal);
        out.extend_from_slice(b", \"tax\": ");
        json_text::append_money(out, tax);
        out.extend_from_slice(b", \"total\": ");
        json_text::append_money(out, if returns { -total } else { total });
        append_address(out, "billing_address", &mut self.draw);
        append_address(out, "shipping_address", &mut self.draw);
        if returns {
            out.extend_from_slice(b", \"original_transaction_id\": \"");
            match self.purchases.len() {
                // Before the first purchase, an unknown one, as in real data.
                0 => json_text::append_uuid(out, &mut self.draw),
                known => {
                    let original = self.purchases[self.draw.next_below(known as u32) as usize];
                    out.extend_from_slice(&original);
                }
            }
            out.push(b'"');
        } else {
            self.remember_purchase(id);
        }
        out.push(b'}');
        user_id
    }

    fn make_update(line: &mut Vec<u8>, at_micros: i64, choice: u64) -> bool {
        let Some(range) = json_text::value_range(line, "status") else {
            return false;
        };
        let current = &line[range.start + 1..range.end - 1];
        let others: Vec<&str> = words::STATUSES
            .iter()
            .copied()
            .filter(|s| s.as_bytes() != current)
            .collect();
        let status = others[(choice % others.len() as u64) as usize];
        line.splice(range.start + 1..range.end - 1, status.bytes());
        let mut time = Vec::with_capacity(TIMESTAMP_LEN + 2);
        time.push(b'"');
        json_text::append_timestamp(&mut time, at_micros);
        time.push(b'"');
        json_text::replace_value(line, "timestamp", &time)
    }

    const WRONG_TYPES: &'static [(&'static str, &'static str)] = &[
        ("timestamp", "\"yesterday\""),
        ("products", "\"none\""),
        ("total", "\"a lot\""),
        ("total", "{\"amount\": 12.5}"),
        ("billing_address", "7"),
    ];

    const REQUIRED: &'static [&'static str] = &[
        "transaction_id",
        "user_id",
        "transaction_type",
        "status",
        "products",
    ];
}

/// The type, and whether money is returned: 87 % purchases, 10 % refunds, 3 %
/// chargebacks.
fn pick_transaction_type(draw: &mut RandomStream) -> (&'static str, bool) {
    match draw.next_below(100) {
        0..87 => ("purchase", false),
        87..97 => ("refund", true),
        _ => ("chargeback", true),
    }
}

/// A status with the frequencies of the real sample: chargebacks are always
/// completed, some refunds fail, purchases have every status.
fn pick_status(kind: &str, draw: &mut RandomStream) -> &'static str {
    match (kind, draw.next_below(1_000)) {
        ("chargeback", _) => "completed",
        ("refund", 0..65) => "failed",
        ("refund", _) => "completed",
        (_, 0..55) => "pending",
        (_, 55..105) => "failed",
        (_, 105..125) => "cancelled",
        _ => "completed",
    }
}

fn append_address(out: &mut Vec<u8>, field: &str, draw: &mut RandomStream) {
    out.extend_from_slice(b", \"");
    out.extend_from_slice(field.as_bytes());
    out.extend_from_slice(b"\": {\"street\": \"");
    words::append_street(out, draw);
    out.extend_from_slice(b"\", \"city\": \"");
    words::append_city(out, draw);
    out.extend_from_slice(b"\", \"state\": \"");
    out.extend_from_slice(draw.pick_item(words::STATES).as_bytes());
    out.extend_from_slice(b"\", \"zip_code\": \"");
    json_text::append_padded(out, u64::from(draw.next_between(501, 99_950)), 5);
    out.extend_from_slice(b"\", \"country\": \"");
    out.extend_from_slice(draw.pick_item(words::COUNTRIES).as_bytes());
    out.extend_from_slice(b"\"}");
}
