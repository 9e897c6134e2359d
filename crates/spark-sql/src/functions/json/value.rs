//! JSON as Spark's parser reads it: names may occur twice, numbers keep their
//! text, quotes may be single. Where a schema is known, `NaN` and infinity are numbers.

use std::fmt::Write as _;

use crate::casts::format_float;

/// How deep values may be nested.
const MAX_DEPTH: usize = 500;

/// Floats that JSON has no numbers for, as Spark's reader takes them without quotes.
const SPECIAL_FLOATS: [&str; 6] = ["NaN", "Infinity", "+Infinity", "-Infinity", "+INF", "-INF"];

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Boolean(bool),
    /// The number as it was written.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The first value of a text; what follows it is not read.
    pub(super) fn parse_first(text: &str) -> Option<Self> {
        JsonParser::new(text).first_value()
    }

    /// The first value of a text that a schema describes.
    pub(super) fn parse_record(text: &str) -> Option<Self> {
        let parser = JsonParser {
            takes_special_floats: true,
            ..JsonParser::new(text)
        };
        parser.first_value()
    }

    /// The only value of a text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parser = JsonParser::new(text);
        parser.skip_space();
        let value = parser.value(0)?;
        parser.skip_space();
        parser.rest.is_empty().then_some(value)
    }

    /// The value as compact JSON.
    pub(super) fn write_to(&self, text: &mut String) {
        match self {
            Self::Null => text.push_str("null"),
            Self::Boolean(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => text.push_str(&normalize_number(number)),
            Self::Text(value) => write_quoted(value, text),
            Self::Array(values) => {
                text.push('[');
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        text.push(',');
                    }
                    value.write_to(text);
                }
                text.push(']');
            }
            Self::Object(fields) => {
                text.push('{');
                for (at, (name, value)) in fields.iter().enumerate() {
                    if at > 0 {
                        text.push(',');
                    }
                    write_quoted(name, text);
                    text.push(':');
                    value.write_to(text);
                }
                text.push('}');
            }
        }
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        self.write_to(&mut text);
        text
    }
}

/// Whole numbers stay as they are; others are doubles. A float that is no number is a
/// text.
fn normalize_number(number: &str) -> String {
    if !number.ends_with(|c: char| c.is_ascii_digit())
        && let Ok(value) = number.parse::<f64>()
    {
        return format!("\"{}\"", format_float(value));
    }
    if number.contains(['.', 'e', 'E'])
        && let Ok(value) = number.parse::<f64>()
    {
        return format_float(value);
    }
    number.to_owned()
}

pub(super) fn write_quoted(value: &str, text: &mut String) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            c if c < ' ' => {
                let _ = write!(text, "\\u{:04X}", c as u32);
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

struct JsonParser<'a> {
    rest: &'a str,
    /// Whether [`SPECIAL_FLOATS`] are numbers.
    takes_special_floats: bool,
}

impl<'a> JsonParser<'a> {
    const fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            takes_special_floats: false,
        }
    }

    fn first_value(mut self) -> Option<Json> {
        self.skip_space();
        self.value(0)
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn take(&mut self, start: &str) -> bool {
        match self.rest.strip_prefix(start) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.rest.chars().next()? {
            '{' => self.object(depth),
            '[' => self.array(depth),
            quote @ ('"' | '\'') => self.text(quote).map(Json::Text),
            't' => self.take("true").then_some(Json::Boolean(true)),
            'f' => self.take("false").then_some(Json::Boolean(false)),
            'n' => self.take("null").then_some(Json::Null),
            _ => self.special_float().or_else(|| self.number()),
        }
    }

    fn special_float(&mut self) -> Option<Json> {
        if !self.takes_special_floats {
            return None;
        }
        let name = SPECIAL_FLOATS
            .into_iter()
            .find(|name| self.rest.starts_with(name))?;
        let rest = self.rest.get(name.len()..)?;
        // `NaNny` is no number.
        if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return None;
        }
        self.rest = rest;
        Some(Json::Number(name.to_owned()))
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        self.take("{");
        let mut fields = Vec::new();
        self.skip_space();
        if self.take("}") {
            return Some(Json::Object(fields));
        }
        loop {
            self.skip_space();
            let quote = self
                .rest
                .chars()
                .next()
                .filter(|c| matches!(c, '"' | '\''))?;
            let name = self.text(quote)?;
            self.skip_space();
            if !self.take(":") {
                return None;
            }
            self.skip_space();
            fields.push((name, self.value(depth + 1)?));
            self.skip_space();
            if self.take("}") {
                return Some(Json::Object(fields));
            }
            if !self.take(",") {
                return None;
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        self.take("[");
        let mut values = Vec::new();
        self.skip_space();
        if self.take("]") {
            return Some(Json::Array(values));
        }
        loop {
            self.skip_space();
            values.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take("]") {
                return Some(Json::Array(values));
            }
            if !self.take(",") {
                return None;
            }
        }
    }

    fn text(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        characters.next();
        loop {
            let (at, c) = characters.next()?;
            match c {
                c if c == quote => {
                    self.rest = self.rest.get(at + 1..)?;
                    return Some(text);
                }
                '\\' => match characters.next()?.1 {
                    'n' => text.push('\n'),
                    'r' => text.push('\r'),
                    't' => text.push('\t'),
                    'b' => text.push('\u{8}'),
                    'f' => text.push('\u{c}'),
                    'u' => {
                        let mut unit = || -> Option<u32> {
                            let mut value = 0;
                            for _ in 0..4 {
                                value = value * 16 + characters.next()?.1.to_digit(16)?;
                            }
                            Some(value)
                        };
                        let high = unit()?;
                        if (0xd800..0xdc00).contains(&high) {
                            if characters.next()?.1 != '\\' || characters.next()?.1 != 'u' {
                                return None;
                            }
                            let mut low = 0;
                            for _ in 0..4 {
                                low = low * 16 + characters.next()?.1.to_digit(16)?;
                            }
                            let low = low.checked_sub(0xdc00)?;
                            text.push(char::from_u32(0x10000 + ((high - 0xd800) << 10) + low)?);
                        } else {
                            text.push(char::from_u32(high)?);
                        }
                    }
                    escaped @ ('"' | '\\' | '/' | '\'') => text.push(escaped),
                    _ => return None,
                },
                c => text.push(c),
            }
        }
    }

    fn number(&mut self) -> Option<Json> {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let mut length = usize::from(self.rest.starts_with('-'));
        let whole = digits(self.rest.get(length..)?);
        let leading_zero = self.rest.get(length..)?.starts_with('0');
        if whole == 0 || (leading_zero && whole > 1) {
            return None;
        }
        length += whole;
        if self.rest.get(length..)?.starts_with('.') {
            let places = digits(self.rest.get(length + 1..)?);
            if places == 0 {
                return None;
            }
            length += 1 + places;
        }
        if self.rest.get(length..)?.starts_with(['e', 'E']) {
            let sign = usize::from(self.rest.get(length + 1..)?.starts_with(['+', '-']));
            let exponent = digits(self.rest.get(length + 1 + sign..)?);
            if exponent == 0 {
                return None;
            }
            length += 1 + sign + exponent;
        }
        let (number, rest) = self.rest.split_at(length);
        // What follows a number ends it.
        if rest.starts_with(|c: char| c.is_alphanumeric() || c == '.') {
            return None;
        }
        self.rest = rest;
        Some(Json::Number(number.to_owned()))
    }
}
