//! The customers and products that both topics draw from.

use std::fmt;
use std::sync::Arc;

use crate::json_text;
use crate::random::RandomStream;
use crate::topic::stream;
use crate::words;

/// How many products there are: `PROD_1000` to `PROD_9999`.
const PRODUCTS: u32 = 9_000;
/// How many favourite products a customer has.
const FAVOURITES: u32 = 8;
/// One customer of this many returns far more than the others.
const RISKY_EVERY: u32 = 500;

/// A customer's id: eight hexadecimal digits. Also the event's key, so that one
/// customer's events keep their order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId([u8; 8]);

impl UserId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        // Only hexadecimal digits are ever stored.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The id's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A product; its price is the same in every event.
#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) name: String,
    pub(crate) category: &'static str,
    pub(crate) price_cents: u32,
}

/// The customers and products of one seed. Cheap to clone; both topics should use
/// the same pools.
#[derive(Debug, Clone)]
pub struct Pools {
    users: u32,
    id_mask: u32,
    products: Arc<[Product]>,
}

impl Pools {
    /// The pools of a seed with this many customers (at least 1).
    pub fn new(seed: u64, users: u32) -> Self {
        let mut draw = RandomStream::new(seed, stream::POOLS);
        let id_mask = draw.next_bits() as u32;
        let products = (0..PRODUCTS)
            .map(|_| {
                let category = draw.pick_item(words::CATEGORIES);
                let mut name = String::from(draw.pick_item(words::PLAIN_WORDS));
                if let Some(first) = name.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                name.push(' ');
                let mut label = String::from(category);
                if let Some(first) = label.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                name.push_str(&label);
                Product {
                    name,
                    category,
                    price_cents: draw.next_between(1_000, 50_000),
                }
            })
            .collect();
        Self {
            users: users.max(1),
            id_mask,
            products,
        }
    }

    /// How many customers there are.
    pub fn users(&self) -> u32 {
        self.users
    }

    /// A random customer.
    pub(crate) fn pick_user(&self, draw: &mut RandomStream) -> u32 {
        draw.next_below(self.users)
    }

    /// A customer for a refund or chargeback: every third one comes from the few
    /// who return often, so that the example job finds customers with a high risk.
    pub(crate) fn pick_returning_user(&self, draw: &mut RandomStream) -> u32 {
        if draw.next_below(3) == 0 {
            draw.next_below(self.users.div_ceil(RISKY_EVERY)) * RISKY_EVERY % self.users
        } else {
            self.pick_user(draw)
        }
    }

    /// The id of customer `index`. Different customers have different ids: every
    /// step is a bijection of 32-bit numbers.
    pub(crate) fn user_id(&self, index: u32) -> UserId {
        let mixed = scramble_bits(index ^ self.id_mask);
        let mut text = Vec::with_capacity(8);
        json_text::append_hex(&mut text, u64::from(mixed), 8);
        let mut id = [b'0'; 8];
        id.copy_from_slice(&text);
        UserId(id)
    }

    /// A product that the customer looks at or buys: every second time one of a few
    /// favourites, so that carts and purchases have products in common.
    pub(crate) fn pick_product(&self, user: u32, draw: &mut RandomStream) -> (u32, &Product) {
        let bits = draw.next_bits() as u32;
        let number = if bits & 1 == 0 {
            let favourite = (bits >> 1) % FAVOURITES;
            scramble_bits(user.wrapping_mul(FAVOURITES).wrapping_add(favourite) ^ !self.id_mask)
                % PRODUCTS
        } else {
            (bits >> 1) % PRODUCTS
        };
        (1_000 + number, &self.products[number as usize])
    }
}

/// A bijection of 32-bit numbers that scatters neighbours (the finalizer of
/// MurmurHash3).
fn scramble_bits(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x85eb_ca6b);
    x ^= x >> 13;
    x = x.wrapping_mul(0xc2b2_ae35);
    x ^ (x >> 16)
}
