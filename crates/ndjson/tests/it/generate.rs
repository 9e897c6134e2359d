//! Random schemas, and lines that mostly fit them.

use std::fmt::Write;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef, TimeUnit};

use crate::support::{list, map, nullable, schema, structure, timestamp};

/// Numbers from a seed (SplitMix64).
pub(crate) struct Dice {
    state: u64,
    /// Whether some values do not fit.
    misfits: bool,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: seed,
            misfits: true,
        }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

const NAMES: [&str; 10] = [
    "a",
    "b",
    "id",
    "transaction_id",
    "é",
    "with \"quotes\"",
    "",
    "A",
    "a_name_of_more_than_thirty-two_bytes_to_remember",
    "x\\y",
];

/// A schema of all supported types. With `odd`, also of types that arrow-json
/// reads differently.
pub(crate) fn random_schema(dice: &mut Dice, odd: bool) -> SchemaRef {
    schema(random_fields(dice, odd, 3))
}

fn random_fields(dice: &mut Dice, odd: bool, depth: usize) -> Vec<Field> {
    let count = dice.below(NAMES.len());
    let from = dice.below(NAMES.len());
    (0..count)
        .map(|n| {
            nullable(
                NAMES[(from + n) % NAMES.len()],
                random_type(dice, odd, depth),
            )
        })
        .collect()
}

fn random_type(dice: &mut Dice, odd: bool, depth: usize) -> DataType {
    match dice.below(if depth == 0 { 16 } else { 22 }) {
        0 => DataType::Boolean,
        1 => DataType::Int8,
        2 => DataType::Int16,
        3 => DataType::Int32,
        4 | 5 => DataType::Int64,
        6 => DataType::UInt64,
        7 => DataType::Float32,
        8 | 9 => DataType::Float64,
        10 => DataType::Date32,
        11 => timestamp(),
        12 if odd => DataType::Binary,
        13 if odd => DataType::Timestamp(TimeUnit::Microsecond, None),
        14 => DataType::Decimal128(20, 3),
        12 | 13 | 15 => DataType::Utf8,
        16..19 => structure(random_fields(dice, odd, depth - 1)),
        19 | 20 => list(random_type(dice, odd, depth - 1)),
        _ => map(random_type(dice, odd, depth - 1)),
    }
}

/// Part of a schema: some columns, some fields of structs.
pub(crate) fn prune(dice: &mut Dice, fields: &[Arc<Field>]) -> Vec<Field> {
    let mut kept = Vec::new();
    for field in fields {
        if dice.one_in(2) {
            continue;
        }
        let data_type = prune_type(dice, field.data_type());
        kept.push(field.as_ref().clone().with_data_type(data_type));
    }
    kept
}

fn prune_type(dice: &mut Dice, data_type: &DataType) -> DataType {
    match data_type {
        DataType::Struct(fields) => structure(prune(dice, fields)),
        DataType::List(item) => list(prune_type(dice, item.data_type())),
        other => other.clone(),
    }
}

/// A line for a schema, without its line feed.
pub(crate) fn line(dice: &mut Dice, schema: &SchemaRef) -> String {
    let fields: Vec<&Field> = schema.fields().iter().map(AsRef::as_ref).collect();
    let mut out = String::new();
    object(dice, &fields, &mut out);
    out
}

fn space(dice: &mut Dice, out: &mut String) {
    // Mostly as producers write, so that guesses of keys are right.
    if dice.one_in(12) {
        out.push_str(dice.pick(&["", " ", "  ", "\t", "\r"]));
    }
}

fn object(dice: &mut Dice, fields: &[&Field], out: &mut String) {
    out.push('{');
    let mut first = true;
    let turn = if dice.one_in(5) {
        dice.below(fields.len() + 1)
    } else {
        0
    };
    for n in 0..fields.len() {
        let field = fields[(n + turn) % fields.len()];
        if dice.one_in(8) {
            continue;
        }
        if dice.one_in(30) {
            // Only arrow-json accepts a bad value whose key is repeated.
            let misfits = std::mem::replace(&mut dice.misfits, false);
            member(dice, field.name(), &mut first, out);
            value(dice, field.data_type(), out);
            dice.misfits = misfits;
        }
        member(dice, field.name(), &mut first, out);
        value(dice, field.data_type(), out);
        if dice.one_in(10) {
            let name = dice.pick(&["unread", "other field", "un\nread"]);
            member(dice, name, &mut first, out);
            anything(dice, 3, out);
        }
    }
    space(dice, out);
    out.push('}');
}

fn member(dice: &mut Dice, name: &str, first: &mut bool, out: &mut String) {
    space(dice, out);
    if !std::mem::replace(first, false) {
        out.push_str(", ");
    }
    space(dice, out);
    string(dice, name, out);
    space(dice, out);
    out.push(':');
    space(dice, out);
    out.push(' ');
}

/// A string with some of its characters escaped.
fn string(dice: &mut Dice, text: &str, out: &mut String) {
    out.push('"');
    let escaping = dice.one_in(6);
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if (c as u32) < 32 || (escaping && dice.one_in(2)) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}").unwrap();
                }
            }
            '/' if dice.one_in(2) => out.push_str("\\/"),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn words(dice: &mut Dice) -> String {
    let count = dice.below(12);
    (0..count)
        .map(|_| {
            dice.pick(&[
                "x",
                "word ",
                "{",
                "}",
                "[",
                "]",
                "\"",
                "\\",
                "\\\\",
                "é",
                "😀",
                "\u{1}",
                "\n",
                ",",
                ":",
                "a longer run of plain text without anything special in it",
                "/",
            ])
        })
        .collect()
}

fn anything(dice: &mut Dice, depth: usize, out: &mut String) {
    match dice.below(if depth == 0 { 5 } else { 7 }) {
        0 => out.push_str("null"),
        1 => out.push_str("true"),
        2 => write!(out, "{}", dice.next() as i32).unwrap(),
        3 => write!(out, "{:?}", dice.next() as i32 as f64 / 64.0).unwrap(),
        4 => {
            let text = words(dice);
            string(dice, &text, out);
        }
        5 => {
            out.push('[');
            for n in 0..dice.below(4) {
                if n > 0 {
                    out.push(',');
                }
                anything(dice, depth - 1, out);
            }
            out.push(']');
        }
        _ => {
            out.push('{');
            let mut first = true;
            for _ in 0..dice.below(4) {
                let name = words(dice);
                member(dice, &name, &mut first, out);
                anything(dice, depth - 1, out);
            }
            out.push('}');
        }
    }
}

fn value(dice: &mut Dice, data_type: &DataType, out: &mut String) {
    if dice.one_in(12) {
        return out.push_str("null");
    }
    if dice.misfits && dice.one_in(100) {
        // Mostly does not fit. Numbers and strings are not used here, because
        // arrow-json converts them where Spark does not.
        return out.push_str(dice.pick(&["[]", "{}", "[true]", "{\"a\": {}}"]));
    }
    match data_type {
        DataType::Boolean => out.push_str(dice.pick(&["true", "false"])),
        DataType::Int8 => write!(out, "{}", dice.next() as i8).unwrap(),
        DataType::Int16 => write!(out, "{}", dice.next() as i16).unwrap(),
        DataType::Int32 => write!(out, "{}", dice.next() as i32).unwrap(),
        DataType::Int64 => match dice.below(4) {
            0 => write!(out, "{}", dice.next() as i64).unwrap(),
            1 => out.push_str(dice.pick(&["9223372036854775807", "-9223372036854775808", "-0"])),
            _ => write!(out, "{}", dice.below(100)).unwrap(),
        },
        DataType::UInt64 => write!(out, "{}", dice.next()).unwrap(),
        DataType::Float32 | DataType::Float64 => number(dice, out),
        DataType::Decimal128(..) => {
            let (whole, fraction) = (dice.next() as i32, dice.below(1000));
            write!(out, "{whole}.{fraction:03}").unwrap();
        }
        DataType::Utf8 => {
            let text = words(dice);
            string(dice, &text, out);
        }
        DataType::Binary => out.push_str(dice.pick(&["\"\"", "\"Zm9v\"", "\"Zg==\""])),
        DataType::Date32 => write!(out, "\"{}\"", date(dice)).unwrap(),
        DataType::Timestamp(_, zone) => {
            let date = date(dice);
            let (h, m, s) = (dice.below(24), dice.below(60), dice.below(60));
            let fraction = dice.pick(&["", ".5", ".292017", ".123456789", ".000001"]);
            let zone = match zone {
                Some(_) => dice.pick(&["Z", "Z", "+02:00", "-11:30", ""]),
                None => "",
            };
            let t = dice.pick(&["T", "T", " "]);
            write!(out, "\"{date}{t}{h:02}:{m:02}:{s:02}{fraction}{zone}\"").unwrap();
        }
        DataType::Struct(fields) => {
            let fields: Vec<&Field> = fields.iter().map(AsRef::as_ref).collect();
            object(dice, &fields, out);
        }
        DataType::List(item) => {
            out.push('[');
            for n in 0..dice.below(4) {
                if n > 0 {
                    space(dice, out);
                    out.push_str(", ");
                }
                space(dice, out);
                value(dice, item.data_type(), out);
            }
            space(dice, out);
            out.push(']');
        }
        DataType::Map(entries, _) => {
            let DataType::Struct(pair) = entries.data_type() else {
                panic!("a map of {entries}");
            };
            out.push('{');
            let mut first = true;
            for _ in 0..dice.below(4) {
                let key = words(dice);
                member(dice, &key, &mut first, out);
                value(dice, pair[1].data_type(), out);
            }
            out.push('}');
        }
        other => panic!("no values of {other}"),
    }
}

fn date(dice: &mut Dice) -> String {
    format!(
        "{:04}-{:02}-{:02}",
        1 + dice.below(9998),
        1 + dice.below(12),
        1 + dice.below(28)
    )
}

fn number(dice: &mut Dice, out: &mut String) {
    match dice.below(6) {
        0 => write!(out, "{}", dice.next() as i64).unwrap(),
        1 => write!(out, "{:e}", f64::from_bits(dice.next() >> 2)).unwrap(),
        2 => write!(out, "-{}.{}", dice.below(1000), dice.next()).unwrap(),
        3 => write!(out, "{}E{}", dice.below(100), dice.below(60)).unwrap(),
        _ => write!(out, "{}.{:02}", dice.below(10_000), dice.below(100)).unwrap(),
    }
}
