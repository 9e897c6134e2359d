//! Generates transaction and user events like those of the sample producers.

use std::fmt::Write;

use bytes::Bytes;

/// Bytes of each kind of event.
const SIZE: usize = 64_000_000;

/// Numbers from a fixed seed (Knuth's linear congruential generator).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        let index = self.roll(of.len() as u64) as usize;
        of.get(index).copied().unwrap_or_default()
    }

    fn cents(&mut self, most: u64) -> String {
        format!("{}.{:02}", self.roll(most), self.roll(100))
    }

    fn uuid(&mut self) -> String {
        let part = |dice: &mut Self| dice.roll(1 << 16);
        format!(
            "{:04x}{:04x}-{:04x}-{:04x}-{:04x}-{:04x}{:04x}{:04x}",
            part(self),
            part(self),
            part(self),
            part(self),
            part(self),
            part(self),
            part(self),
            part(self)
        )
    }

    fn time(&mut self) -> String {
        format!(
            "2026-01-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            self.roll(28) + 1,
            self.roll(24),
            self.roll(60),
            self.roll(60),
            self.roll(1_000_000)
        )
    }
}

const WORDS: [&str; 8] = [
    "Anyone", "Kitchen", "Despite", "Thought", "Player", "Window", "Of", "Sea",
];
const CATEGORIES: [&str; 5] = ["toys", "clothing", "home", "beauty", "electronics"];
const STATES: [&str; 6] = ["KS", "AL", "CA", "NY", "TX", "PW"];
const COUNTRIES: [&str; 6] = ["ME", "IQ", "US", "IT", "JP", "BR"];

fn lines(mut line: impl FnMut(&mut Dice, &mut String) -> std::fmt::Result) -> Bytes {
    let mut dice = Dice(42);
    let mut out = String::with_capacity(SIZE + 4096);
    while out.len() < SIZE {
        line(&mut dice, &mut out).expect("strings grow");
        out.push('\n');
    }
    Bytes::from(out)
}

fn address(dice: &mut Dice) -> String {
    format!(
        r#"{{"street": "{} {} Passage Suite {}", "city": "{}mouth", "state": "{}", "zip_code": "{:05}", "country": "{}"}}"#,
        dice.roll(99_999),
        dice.pick(&WORDS),
        dice.roll(999),
        dice.pick(&WORDS),
        dice.pick(&STATES),
        dice.roll(100_000),
        dice.pick(&COUNTRIES)
    )
}

/// Purchases, refunds and chargebacks with one to five line items.
pub(crate) fn transactions() -> Bytes {
    lines(|dice, out| {
        let kind = dice.pick(&["purchase", "purchase", "purchase", "refund", "chargeback"]);
        write!(
            out,
            r#"{{"transaction_id": "{}", "user_id": "{:08x}", "transaction_type": "{kind}", "timestamp": "{}", "status": "{}", "payment_method": "{}", "currency": "{}", "products": ["#,
            dice.uuid(),
            dice.roll(1 << 31),
            dice.time(),
            dice.pick(&["completed", "pending", "failed"]),
            dice.pick(&["credit_card", "debit_card", "paypal", "google_pay"]),
            dice.pick(&["USD", "EUR", "GBP", "AUD"]),
        )?;
        for item in 0..=dice.roll(5) {
            let comma = if item > 0 { ", " } else { "" };
            let category = dice.pick(&CATEGORIES);
            write!(
                out,
                r#"{comma}{{"product_id": "PROD_{}", "product_name": "{} {category}", "category": "{category}", "quantity": {}, "unit_price": {}}}"#,
                dice.roll(9000) + 1000,
                dice.pick(&WORDS),
                dice.roll(5) + 1,
                dice.cents(500),
            )?;
        }
        write!(
            out,
            r#"], "subtotal": {}, "tax": {}, "total": {}, "billing_address": {}, "shipping_address": {}"#,
            dice.cents(5000),
            dice.cents(500),
            dice.cents(5500),
            address(dice),
            address(dice)
        )?;
        if kind != "purchase" {
            write!(out, r#", "original_transaction_id": "{}""#, dice.uuid())?;
        }
        out.push('}');
        Ok(())
    })
}

/// Page views, clicks, searches and cart changes.
pub(crate) fn user_events() -> Bytes {
    lines(|dice, out| {
        let kind = dice.pick(&["page_view", "click", "search", "add_to_cart", "logout"]);
        write!(
            out,
            r#"{{"event_id": "{}", "user_id": "{:08x}", "session_id": "{:08x}-{:03x}", "event_type": "{kind}", "timestamp": "{}", "page": "{}", "device": "{}", "browser": "{}", "ip_address": "{}.{}.{}.{}", "country": "{}", "city": "New {}mouth""#,
            dice.uuid(),
            dice.roll(1 << 31),
            dice.roll(1 << 31),
            dice.roll(1 << 12),
            dice.time(),
            dice.pick(&["products", "checkout", "cart", "profile", "help"]),
            dice.pick(&["mobile", "desktop", "tablet"]),
            dice.pick(&["Chrome", "Firefox", "Safari"]),
            dice.roll(256),
            dice.roll(256),
            dice.roll(256),
            dice.roll(256),
            dice.pick(&COUNTRIES),
            dice.pick(&WORDS),
        )?;
        match kind {
            "click" => write!(out, r#", "element_id": "btn_walk_{}""#, dice.roll(100))?,
            "search" => write!(out, r#", "search_query": "{}""#, dice.pick(&WORDS))?,
            "add_to_cart" => write!(
                out,
                r#", "product_id": "PROD_{}", "quantity": {}"#,
                dice.roll(9000) + 1000,
                dice.roll(5) + 1
            )?,
            _ => {}
        }
        out.push('}');
        Ok(())
    })
}
