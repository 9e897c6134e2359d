//! What people buy, return and charge back: topic `transaction_events`.

use rand::RngExt;
use serde::Serialize;
use serde_json::{Value, json};

use crate::address::Address;
use crate::json_text::{Cents, EventTime};
use crate::pools::{Pools, UserId};
use crate::random::{RandomId, RandomStream, open_stream, pick_item};
use crate::topic::{TopicGenerator, stream};
use crate::words;

/// How many recent purchases a refund or chargeback can refer to.
const REMEMBERED_PURCHASES: usize = 1_024;

/// One message about a payment. The `total` of refunds and chargebacks is negative;
/// all other amounts are positive, as in the original sample data.
#[derive(Debug, Clone, Serialize)]
pub struct Transaction {
    transaction_id: RandomId,
    user_id: UserId,
    transaction_type: TransactionType,
    timestamp: EventTime,
    status: &'static str,
    payment_method: &'static str,
    currency: &'static str,
    products: Vec<LineItem>,
    subtotal: Cents,
    tax: Cents,
    total: Cents,
    billing_address: Address,
    shipping_address: Address,
    /// Only for refunds and chargebacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    original_transaction_id: Option<RandomId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum TransactionType {
    Purchase,
    Refund,
    Chargeback,
}

#[derive(Debug, Clone, Serialize)]
struct LineItem {
    product_id: String,
    product_name: String,
    category: &'static str,
    quantity: u32,
    unit_price: Cents,
}

/// Makes transactions.
#[derive(Debug, Clone)]
pub struct TransactionEvents {
    random: RandomStream,
    pools: Pools,
    /// Ids of recent purchases, the oldest overwritten first.
    purchases: Vec<RandomId>,
    next_purchase: usize,
}

impl TransactionEvents {
    /// The transactions of a seed.
    pub fn new(seed: u64, pools: Pools) -> Self {
        Self {
            random: open_stream(seed, stream::TRANSACTIONS),
            pools,
            purchases: Vec::with_capacity(REMEMBERED_PURCHASES),
            next_purchase: 0,
        }
    }

    fn remember_purchase(&mut self, id: RandomId) {
        if self.purchases.len() < REMEMBERED_PURCHASES {
            self.purchases.push(id);
        } else {
            self.purchases[self.next_purchase] = id;
        }
        self.next_purchase = (self.next_purchase + 1) % REMEMBERED_PURCHASES;
    }

    /// The purchase that is refunded or charged back. Before the first purchase an
    /// unknown one, as in real data.
    fn pick_purchase(&mut self) -> RandomId {
        if self.purchases.is_empty() {
            RandomId::new(&mut self.random)
        } else {
            pick_item(&self.purchases, &mut self.random)
        }
    }

    fn pick_line_items(&mut self, user: u32) -> Vec<LineItem> {
        let Self { random, pools, .. } = self;
        (0..random.random_range(1..=5))
            .map(|_| {
                let product = pools.pick_product(user, random);
                LineItem {
                    product_id: product.id(),
                    product_name: product.name.clone(),
                    category: product.category,
                    quantity: random.random_range(1..=5),
                    unit_price: product.price,
                }
            })
            .collect()
    }
}

impl TopicGenerator for TransactionEvents {
    const NAME: &'static str = "transaction_events";

    type Payload = Transaction;

    fn next_payload(&mut self, at_micros: i64) -> (UserId, Transaction) {
        let transaction_type = TransactionType::pick_type(&mut self.random);
        let is_purchase = transaction_type == TransactionType::Purchase;
        let user = if is_purchase {
            self.pools.pick_user(&mut self.random)
        } else {
            self.pools.pick_returning_user(&mut self.random)
        };
        let user_id = self.pools.user_id(user);
        let transaction_id = RandomId::new(&mut self.random);
        let original_transaction_id = (!is_purchase).then(|| self.pick_purchase());
        let products = self.pick_line_items(user);
        let random = &mut self.random;
        let subtotal: i64 = products
            .iter()
            .map(|item| i64::from(item.quantity) * item.unit_price.0)
            .sum();
        // Tax is 5 to 10 percent, rounded to the cent.
        let tax = (subtotal * random.random_range(5_000..=10_000) + 50_000) / 100_000;
        let total = subtotal + tax;
        let transaction = Transaction {
            transaction_id,
            user_id,
            transaction_type,
            timestamp: EventTime(at_micros),
            status: pick_status(transaction_type, random),
            payment_method: pick_item(words::PAYMENT_METHODS, random),
            currency: pick_item(words::CURRENCIES, random),
            products,
            subtotal: Cents(subtotal),
            tax: Cents(tax),
            total: Cents(if is_purchase { total } else { -total }),
            billing_address: Address::new(random),
            shipping_address: Address::new(random),
            original_transaction_id,
        };
        if is_purchase {
            self.remember_purchase(transaction_id);
        }
        (user_id, transaction)
    }

    fn make_update(
        earlier: &Transaction,
        at_micros: i64,
        random: &mut RandomStream,
    ) -> Option<Transaction> {
        let other_statuses: Vec<&'static str> = words::STATUSES
            .iter()
            .copied()
            .filter(|status| *status != earlier.status)
            .collect();
        Some(Transaction {
            status: pick_item(&other_statuses, random),
            timestamp: EventTime(at_micros),
            ..earlier.clone()
        })
    }

    fn wrong_types() -> Vec<(&'static str, Value)> {
        vec![
            ("timestamp", json!("yesterday")),
            ("products", json!("none")),
            ("total", json!("a lot")),
            ("total", json!({"amount": 12.5})),
            ("billing_address", json!(7)),
        ]
    }

    const REQUIRED: &'static [&'static str] = &[
        "transaction_id",
        "user_id",
        "transaction_type",
        "status",
        "products",
    ];
}

impl TransactionType {
    /// 87 % purchases, 10 % refunds, 3 % chargebacks.
    fn pick_type(random: &mut RandomStream) -> Self {
        match random.random_range(0..100) {
            0..87 => Self::Purchase,
            87..97 => Self::Refund,
            _ => Self::Chargeback,
        }
    }
}

/// A status with the frequencies of the real sample: chargebacks are always
/// completed, some refunds fail, purchases have every status.
fn pick_status(kind: TransactionType, random: &mut RandomStream) -> &'static str {
    match (kind, random.random_range(0..1_000)) {
        (TransactionType::Refund, 0..65) => "failed",
        (TransactionType::Purchase, 0..55) => "pending",
        (TransactionType::Purchase, 55..105) => "failed",
        (TransactionType::Purchase, 105..125) => "cancelled",
        _ => "completed",
    }
}
