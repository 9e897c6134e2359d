//! The customers and products that both topics draw from.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;

use rand::RngExt;
use serde::{Serialize, Serializer};

use crate::json_text::Cents;
use crate::random::{RandomStream, open_stream, pick_item};
use crate::topic::stream;
use crate::words;

/// The number of `PROD_1000`.
const FIRST_PRODUCT: u32 = 1_000;
/// How many products there are, up to `PROD_9999`.
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

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A product; its price is the same in every event.
#[derive(Debug)]
pub(crate) struct Product {
    number: u32,
    pub(crate) name: String,
    pub(crate) category: &'static str,
    pub(crate) price: Cents,
}

impl Product {
    fn new(number: u32, random: &mut RandomStream) -> Self {
        let category = pick_item(words::CATEGORIES, random);
        let word = pick_item(words::PLAIN_WORDS, random);
        Self {
            number,
            name: format!("{} {}", capitalize_word(word), capitalize_word(category)),
            category,
            price: Cents(random.random_range(1_000..=50_000)),
        }
    }

    pub(crate) fn id(&self) -> String {
        format!("PROD_{}", self.number)
    }
}

/// The ASCII word with an upper-case first letter.
fn capitalize_word(word: &str) -> String {
    let mut text = String::from(word);
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
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
        let mut random = open_stream(seed, stream::POOLS);
        let id_mask = random.random();
        let products = (FIRST_PRODUCT..FIRST_PRODUCT + PRODUCTS)
            .map(|number| Product::new(number, &mut random))
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
    pub(crate) fn pick_user(&self, random: &mut RandomStream) -> u32 {
        random.random_range(0..self.users)
    }

    /// A customer for a refund or chargeback: every third one comes from the few
    /// who return often, so that the example job finds customers with a high risk.
    pub(crate) fn pick_returning_user(&self, random: &mut RandomStream) -> u32 {
        if random.random_ratio(1, 3) {
            let risky = random.random_range(0..self.users.div_ceil(RISKY_EVERY));
            risky * RISKY_EVERY % self.users
        } else {
            self.pick_user(random)
        }
    }

    /// The id of customer `index`. Different customers have different ids: every
    /// step is a bijection of 32-bit numbers.
    pub(crate) fn user_id(&self, index: u32) -> UserId {
        let mut text = [b'0'; 8];
        let mut rest = text.as_mut_slice();
        // Eight digits always fit.
        let _ = write!(rest, "{:08x}", scramble_bits(index ^ self.id_mask));
        UserId(text)
    }

    /// A product that the customer looks at or buys: every second time one of a few
    /// favourites, so that carts and purchases have products in common.
    pub(crate) fn pick_product(&self, user: u32, random: &mut RandomStream) -> &Product {
        let index = if random.random_ratio(1, 2) {
            let favourite = random.random_range(0..FAVOURITES);
            scramble_bits(user.wrapping_mul(FAVOURITES).wrapping_add(favourite) ^ !self.id_mask)
                % PRODUCTS
        } else {
            random.random_range(0..PRODUCTS)
        };
        &self.products[index as usize]
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
