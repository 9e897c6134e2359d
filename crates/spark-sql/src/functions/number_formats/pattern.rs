//! Formats of numbers, such as `99G999D00`, as `to_number` takes them.

/// A format: `[MI|S] [L|$] (0|9|G|,)+ [(D|.) (0|9)*] [L|$] [PR|MI|S]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NumberPattern {
    /// The digits and group signs before the point.
    whole: Vec<Place>,
    fraction: Vec<Place>,
    has_point: bool,
    dollar: bool,
    sign: Sign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// `0`: a digit that is always there.
    Zero,
    /// `9`: a digit, or nothing at the front.
    Nine,
    Group,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    None,
    /// `S`: `+` or `-`.
    First,
    Last,
    /// `MI`: `-` or nothing.
    MinusFirst,
    MinusLast,
    /// `PR`: negative numbers in `<>`.
    Angles,
}

impl NumberPattern {
    /// The pattern in `text`; `None` when it is malformed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let upper = text.to_uppercase();
        let mut rest = upper.as_str();
        let mut sign = Sign::None;
        if let Some(tail) = rest.strip_prefix("MI") {
            (rest, sign) = (tail, Sign::MinusFirst);
        } else if let Some(tail) = rest.strip_prefix('S') {
            (rest, sign) = (tail, Sign::First);
        }
        for (end, kind) in [
            ("PR", Sign::Angles),
            ("MI", Sign::MinusLast),
            ("S", Sign::Last),
        ] {
            if let Some(head) = rest.strip_suffix(end) {
                if sign != Sign::None {
                    return None;
                }
                (rest, sign) = (head, kind);
                break;
            }
        }
        let dollar = rest.starts_with(['$', 'L']);
        let rest = rest.strip_prefix(['$', 'L']).unwrap_or(rest);
        let (before, after) = match rest.find(['.', 'D']) {
            Some(point) => (rest.get(..point)?, rest.get(point + 1..)?),
            None => (rest, ""),
        };
        let place = |letter: char| match letter {
            '0' => Some(Place::Zero),
            '9' => Some(Place::Nine),
            ',' | 'G' => Some(Place::Group),
            _ => None,
        };
        let whole: Vec<Place> = before.chars().map(place).collect::<Option<_>>()?;
        let fraction: Vec<Place> = after.chars().map(place).collect::<Option<_>>()?;
        let pattern = Self {
            whole,
            fraction,
            has_point: before.len() < rest.len(),
            dollar,
            sign,
        };
        pattern.is_valid().then_some(pattern)
    }

    fn is_valid(&self) -> bool {
        let grouped_well =
            self.whole.first() != Some(&Place::Group) && self.whole.last() != Some(&Place::Group);
        let digits = self.whole_digits() + self.fraction.len();
        grouped_well && !self.fraction.contains(&Place::Group) && (1..=38).contains(&digits)
    }

    fn whole_digits(&self) -> usize {
        let digits = self.whole.iter().filter(|place| **place != Place::Group);
        digits.count()
    }

    /// The precision and scale of the numbers that fit.
    pub(super) fn decimal_type(&self) -> (u8, u8) {
        let scale = self.fraction.len();
        // At most 38, as checked.
        ((self.whole_digits() + scale) as u8, scale as u8)
    }

    /// The number that `text` writes in this format.
    pub(super) fn read(&self, text: &str) -> Option<i128> {
        let mut rest = text.trim();
        let mut negative = false;
        match self.sign {
            Sign::None => {}
            Sign::First | Sign::MinusFirst => {
                if let Some(tail) = rest.strip_prefix('-') {
                    (rest, negative) = (tail, true);
                } else if self.sign == Sign::First {
                    rest = rest.strip_prefix('+').unwrap_or(rest);
                }
            }
            Sign::Last | Sign::MinusLast => {
                if let Some(head) = rest.strip_suffix('-') {
                    (rest, negative) = (head, true);
                } else if self.sign == Sign::Last {
                    rest = rest.strip_suffix('+').unwrap_or(rest);
                }
            }
            Sign::Angles => {
                if let Some(inner) = rest.strip_prefix('<') {
                    (rest, negative) = (inner.strip_suffix('>')?, true);
                }
            }
        }
        if self.dollar {
            rest = rest.strip_prefix('$')?;
        }
        let (before, after) = match rest.split_once('.') {
            Some(_) if !self.has_point => return None,
            Some(parts) => parts,
            None => (rest, ""),
        };
        let whole = self.read_whole(before)?;
        if after.len() > self.fraction.len() || !after.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits = format!("{whole}{after:0<width$}", width = self.fraction.len());
        let value: i128 = if digits.is_empty() {
            0
        } else {
            digits.parse().ok()?
        };
        Some(if negative { -value } else { value })
    }

    /// `number`, a plain decimal, in this format: `#` where it does not fit.
    pub(super) fn write(&self, number: &str) -> String {
        let (negative, digits) = match number.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, number),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let (whole, fraction) = (
            whole.trim_start_matches('0'),
            fraction.trim_end_matches('0'),
        );
        let fits = whole.len() <= self.whole_digits() && fraction.len() <= self.fraction.len();
        // A sign takes the place of the zero before a point.
        let has_zero = self.has_point && (self.dollar || self.sign_before(negative).is_none());
        let mut text = String::new();
        let mut digits_left = self.whole_digits();
        let mut begun = false;
        for place in &self.whole {
            if *place == Place::Group {
                text.push(if begun { ',' } else { ' ' });
                continue;
            }
            let digit = digit_at(whole, digits_left);
            digits_left -= 1;
            // The last zero before a point is written.
            let written =
                digit.is_some() || *place == Place::Zero || begun || (digits_left == 0 && has_zero);
            begun |= written || !fits;
            text.push(match digit {
                _ if !fits => '#',
                Some(digit) => digit,
                None if written => '0',
                None => ' ',
            });
        }
        if self.has_point {
            text.push('.');
            for at in 0..self.fraction.len() {
                let digit = fraction.as_bytes().get(at).map_or('0', |b| char::from(*b));
                text.push(if fits { digit } else { '#' });
            }
        }
        self.sign_text(text, negative)
    }

    /// The sign before the number, if it has one there.
    const fn sign_before(&self, negative: bool) -> Option<char> {
        match (self.sign, negative) {
            (Sign::First, false) => Some('+'),
            (Sign::First | Sign::MinusFirst, true) => Some('-'),
            (Sign::Angles, true) => Some('<'),
            _ => None,
        }
    }

    /// The currency and the sign, before the first digit or after the last.
    fn sign_text(&self, mut text: String, negative: bool) -> String {
        let blanks = text.len() - text.trim_start_matches(' ').len();
        if self.dollar {
            text.insert(0, '$');
        }
        if let Some(sign) = self.sign_before(negative) {
            text.insert(if self.dollar { 0 } else { blanks }, sign);
        }
        match (self.sign, negative) {
            (Sign::MinusFirst, false) => text.insert(0, ' '),
            (Sign::Last, false) => text.push('+'),
            (Sign::Last | Sign::MinusLast, true) => text.push('-'),
            (Sign::MinusLast, false) => text.push(' '),
            (Sign::Angles, true) => text.push('>'),
            (Sign::Angles, false) => text.push_str("  "),
            (Sign::None | Sign::First, _) | (Sign::MinusFirst, true) => {}
        }
        text
    }

    /// The digits before the point. Between two group signs, and after the last,
    /// there are as many as in the format.
    fn read_whole(&self, text: &str) -> Option<String> {
        let groups: Vec<&[Place]> = self.whole.split(|place| *place == Place::Group).collect();
        let given: Vec<&str> = text.split(',').collect();
        if given.len() > groups.len() {
            return None;
        }
        let skipped = groups.len() - given.len();
        // A group of zeros must be there.
        if groups
            .iter()
            .take(skipped)
            .any(|group| group.contains(&Place::Zero))
        {
            return None;
        }
        let mut digits = String::new();
        for (at, (group, part)) in groups.iter().skip(skipped).zip(&given).enumerate() {
            let width = group.len();
            let least = if at > 0 || group.first() == Some(&Place::Zero) {
                width
            } else {
                group
                    .iter()
                    .rev()
                    .take_while(|place| **place == Place::Zero)
                    .count()
            };
            let possible = (least..=width).contains(&part.len());
            if !possible || !part.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            digits.push_str(part);
        }
        Some(digits)
    }
}

/// The digit of `digits` that has `place` digits from it to the end, itself included.
fn digit_at(digits: &str, place: usize) -> Option<char> {
    let at = digits.len().checked_sub(place)?;
    digits.as_bytes().get(at).map(|b| char::from(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_formats() {
        for (text, format, number) in [
            ("454", "999", Some(454)),
            ("4", "999", Some(4)),
            ("454.00", "000.00", Some(45_400)),
            ("12,454", "99,999", Some(12_454)),
            ("454", "99,999", Some(454)),
            ("12454", "99,999", None),
            ("1,45", "99,999", None),
            ("$78.12", "$99.99", Some(7812)),
            ("12,454.8-", "99,999.9S", Some(-124_548)),
            ("-5", "S9", Some(-5)),
            ("-5", "MI9", Some(-5)),
            ("<5>", "9PR", Some(-5)),
            ("-5", "9", None),
            ("4", "0999", None),
            ("4545", "999", None),
            ("4.5", "9.99", Some(450)),
            (".5", "9.9", Some(5)),
            ("45a", "999", None),
        ] {
            let pattern = NumberPattern::parse(format).unwrap();
            assert_eq!(pattern.read(text), number, "{text} as {format}");
        }
        assert_eq!(
            NumberPattern::parse("99,999.9S").unwrap().decimal_type(),
            (6, 1)
        );
        for malformed in ["", "abc", ",99", "99,", "9.9,9", "S9MI"] {
            assert_eq!(NumberPattern::parse(malformed), None, "{malformed}");
        }
    }
}
