//! From the text of a pattern to its parts.

use super::super::zone::OffsetForm;
use super::{Field, Item, Number, Sign, ZoneForm};

/// A pattern, to format or to parse with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(super) items: Vec<Item>,
    pub(super) text: String,
}

/// What a pattern is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Format,
    Parse,
}

impl Pattern {
    /// # Errors
    /// What is wrong with the pattern, for the user.
    pub(crate) fn to_format(text: &str) -> Result<Self, String> {
        Self::compile(text, Use::Format)
    }

    /// # Errors
    /// What is wrong with the pattern, for the user.
    pub(crate) fn to_parse(text: &str) -> Result<Self, String> {
        Self::compile(text, Use::Parse)
    }

    fn compile(text: &str, purpose: Use) -> Result<Self, String> {
        let mut compiler = Compiler {
            purpose,
            has_era: has_era(text),
            levels: vec![Level::default()],
        };
        compiler
            .compile(text)
            .map_err(|problem| format!("the pattern '{text}' {problem}"))?;
        let items = compiler.levels.pop().unwrap_or_default().items;
        Ok(Self {
            items,
            text: text.to_owned(),
        })
    }
}

/// Whether an era is written outside quotes: then `y` is the year of the era.
fn has_era(text: &str) -> bool {
    text.split('\'').step_by(2).any(|part| part.contains('G'))
}

/// The items between brackets, or outside all of them.
#[derive(Debug, Default)]
struct Level {
    items: Vec<Item>,
    /// The number to which numbers that follow it directly fix a width.
    active: Option<usize>,
}

struct Compiler {
    purpose: Use,
    has_era: bool,
    levels: Vec<Level>,
}

impl Compiler {
    fn compile(&mut self, text: &str) -> Result<(), String> {
        let mut rest = text.chars().peekable();
        while let Some(first) = rest.next() {
            match first {
                letter if letter.is_ascii_alphabetic() => {
                    let mut count = 1;
                    while rest.next_if_eq(&letter).is_some() {
                        count += 1;
                    }
                    self.add_letters(letter, count)?;
                }
                '\'' => {
                    let mut literal = String::new();
                    loop {
                        match rest.next() {
                            Some('\'') if rest.next_if_eq(&'\'').is_some() => literal.push('\''),
                            Some('\'') => break,
                            Some(other) => literal.push(other),
                            None => return Err("has a quote without an end".to_owned()),
                        }
                    }
                    // Two quotes are one quote.
                    if literal.is_empty() {
                        literal.push('\'');
                    }
                    self.add(Item::Literal(literal));
                }
                '[' => self.levels.push(Level::default()),
                ']' => {
                    if self.levels.len() == 1 {
                        return Err("has a ] without its [".to_owned());
                    }
                    self.end_optional();
                }
                '{' | '}' | '#' => {
                    return Err(format!(
                        "has the reserved character {first}; write '{first}'"
                    ));
                }
                other => self.add(Item::Literal(other.to_string())),
            }
        }
        // Brackets that are open at the end are closed there, as in Java.
        while self.levels.len() > 1 {
            self.end_optional();
        }
        Ok(())
    }

    fn level(&mut self) -> &mut Level {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }

    fn end_optional(&mut self) {
        if let Some(level) = self.levels.pop() {
            self.add(Item::Optional(level.items));
        }
    }

    fn add(&mut self, item: Item) {
        let level = self.level();
        level.items.push(item);
        level.active = None;
    }

    /// Adds a number; adjacent numbers without a separator share their digits as
    /// Java does: the first takes what those of fixed width leave.
    fn add_number(&mut self, mut number: Number) {
        let level = self.level();
        let fixed_width = number.min_width == number.max_width && number.sign == Sign::Never;
        let active = level.active;
        if let Some(at) = active
            && let Some(Item::Number(base)) = level.items.get_mut(at)
        {
            if fixed_width {
                base.reserved += number.max_width;
                number.fixed = true;
                level.items.push(Item::Number(number));
                return;
            }
            base.fixed = true;
        }
        level.items.push(Item::Number(number));
        level.active = Some(level.items.len() - 1);
    }

    fn add_letters(&mut self, letter: char, count: usize) -> Result<(), String> {
        let letters = || letter.to_string().repeat(count);
        let too_many = || Err(format!("has too many letters: {}", letters()));
        match letter {
            'Y' | 'W' | 'w' | 'u' | 'e' | 'c' => {
                return Err(format!(
                    "has {letter}, which counts by weeks and which Spark does not take; use \
                     extract(… FROM …)"
                ));
            }
            'E' | 'F' | 'q' | 'Q' if self.purpose == Use::Parse => {
                return Err(format!(
                    "has {letter}, which can be formatted but not parsed"
                ));
            }
            _ => {}
        }
        let (least, most, sign) = match count {
            1 => (1, 19, Sign::Normal),
            2 => (2, 2, Sign::Never),
            _ => (count, 19, Sign::Normal),
        };
        let number = |field, min_width, max_width, sign| Number {
            field,
            min_width,
            max_width,
            sign,
            reserved: 0,
            fixed: false,
            reduced: false,
        };
        match letter {
            'y' => {
                let field = if self.has_era {
                    Field::YearOfEra
                } else {
                    Field::Year
                };
                match count {
                    2 => self.add_number(Number {
                        reduced: true,
                        ..number(field, 2, 2, Sign::Never)
                    }),
                    1 | 3 => self.add_number(number(field, count, 19, Sign::Normal)),
                    4..=10 => self.add_number(number(field, count, 19, Sign::ExceedsPad)),
                    _ => return too_many(),
                }
            }
            'M' | 'L' | 'Q' | 'q' => {
                let field = match letter {
                    'M' | 'L' => Field::Month,
                    _ => Field::Quarter,
                };
                match count {
                    1 | 2 => self.add_number(number(field, least, most, sign)),
                    3 | 4 => self.add(Item::Name(field, count == 4)),
                    _ => return too_many(),
                }
            }
            'E' if count <= 4 => self.add(Item::Name(Field::DayOfWeek, count == 4)),
            'G' if count <= 4 => self.add(Item::Name(Field::Era, count == 4)),
            'a' if count == 1 => self.add(Item::Name(Field::Half, false)),
            'F' if count == 1 => {
                self.add_number(number(Field::WeekdayOfMonth, 1, 19, Sign::Normal));
            }
            'D' => match count {
                1 => self.add_number(number(Field::DayOfYear, 1, 19, Sign::Normal)),
                2 | 3 => self.add_number(number(Field::DayOfYear, count, 3, Sign::Never)),
                _ => return too_many(),
            },
            'd' | 'H' | 'h' | 'k' | 'K' | 'm' | 's' if count <= 2 => {
                let field = match letter {
                    'd' => Field::Day,
                    'H' => Field::Hour,
                    'h' => Field::ClockHourOfHalf,
                    'k' => Field::ClockHour,
                    'K' => Field::HourOfHalf,
                    'm' => Field::Minute,
                    _ => Field::Second,
                };
                self.add_number(number(field, least, most, sign));
            }
            'S' if count <= 9 => self.add(Item::Fraction {
                // Spark parses fewer digits than the pattern has.
                min_width: if self.purpose == Use::Parse { 1 } else { count },
                max_width: count,
            }),
            'V' if count == 2 => self.add(Item::Zone(ZoneForm::Id)),
            'z' if count <= 3 => self.add(Item::Zone(ZoneForm::Name)),
            'z' if count == 4 => self.add(Item::Zone(ZoneForm::FullName)),
            'O' if count == 1 => self.add(Item::Zone(ZoneForm::Localized)),
            'O' if count == 4 => self.add(Item::Zone(ZoneForm::LocalizedFull)),
            'X' | 'x' | 'Z' => match offset_form(letter, count) {
                Some(form) => self.add(Item::Zone(form)),
                None => return too_many(),
            },
            'E' | 'G' | 'a' | 'F' | 'd' | 'H' | 'h' | 'k' | 'K' | 'm' | 's' | 'S' | 'z' => {
                return too_many();
            }
            'V' | 'O' => return Err(format!("cannot have {}", letters())),
            _ => {
                return Err(format!(
                    "has {letter}, which is no letter of a pattern; write text as '{}'",
                    letters()
                ));
            }
        }
        Ok(())
    }
}

fn offset_form(letter: char, count: usize) -> Option<ZoneForm> {
    use OffsetForm::{ColonSeconds, Colons, Hours, Plain, PlainSeconds};
    let zero = |big: &'static str, small: &'static str| if letter == 'X' { big } else { small };
    Some(match (letter, count) {
        ('Z', 1..=3) => ZoneForm::Offset(Plain, "+0000"),
        ('Z', 4) => ZoneForm::LocalizedFull,
        ('Z', 5) => ZoneForm::Offset(ColonSeconds, "Z"),
        (_, 1) => ZoneForm::Offset(Hours, zero("Z", "+00")),
        (_, 2) => ZoneForm::Offset(Plain, zero("Z", "+0000")),
        (_, 3) => ZoneForm::Offset(Colons, zero("Z", "+00:00")),
        (_, 4) => ZoneForm::Offset(PlainSeconds, zero("Z", "+0000")),
        (_, 5) => ZoneForm::Offset(ColonSeconds, zero("Z", "+00:00")),
        _ => return None,
    })
}
