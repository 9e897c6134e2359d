//! Characters and classes of characters in Java's patterns.

use std::iter::Peekable;
use std::str::CharIndices;

type Chars<'a> = Peekable<CharIndices<'a>>;

/// A set of characters, as the inside of a class of the crate `regex`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClassSet {
    /// Such as `a-z0-9` or `&&` of several classes.
    inside: String,
    negated: bool,
}

impl ClassSet {
    fn new(inside: impl Into<String>) -> Self {
        Self {
            inside: inside.into(),
            negated: false,
        }
    }

    fn not(inside: impl Into<String>) -> Self {
        Self {
            inside: inside.into(),
            negated: true,
        }
    }

    pub(super) fn to_pattern(&self) -> String {
        let not = if self.negated { "^" } else { "" };
        format!("[{not}{}]", self.inside)
    }
}

/// A character that stands for itself.
pub(super) fn literal(c: char, ignore_case: bool, unicode_case: bool) -> String {
    if !ignore_case {
        return escaped(c);
    }
    if unicode_case {
        return format!("(?i:{})", escaped(c));
    }
    match other_case(c) {
        Some(other) => format!("[{c}{other}]"),
        None => escaped(c),
    }
}

fn escaped(c: char) -> String {
    if c.is_ascii_alphanumeric() || !c.is_ascii() {
        c.to_string()
    } else {
        format!(r"\x{{{:X}}}", c as u32)
    }
}

/// The same ASCII letter in the other case.
fn other_case(c: char) -> Option<char> {
    if c.is_ascii_lowercase() {
        Some(c.to_ascii_uppercase())
    } else if c.is_ascii_uppercase() {
        Some(c.to_ascii_lowercase())
    } else {
        None
    }
}

/// What comes after a backslash, inside a class or outside.
enum Escape {
    Character(char),
    Set(ClassSet),
}

/// The set of an escape whose backslash was read.
pub(super) fn parse_escape(
    rest: &mut Chars<'_>,
    ignore_case: bool,
    unicode_case: bool,
) -> Result<ClassSet, String> {
    match read_escape(rest, ignore_case)? {
        Escape::Character(c) => Ok(ClassSet::new(class_range(c, c, ignore_case, unicode_case)?)),
        Escape::Set(set) => Ok(set),
    }
}

fn next_char(rest: &mut Chars<'_>) -> Option<char> {
    rest.next().map(|(_, c)| c)
}

fn read_escape(rest: &mut Chars<'_>, ignore_case: bool) -> Result<Escape, String> {
    const HORIZONTAL: &str = r" \t\u{A0}\u{1680}\u{180E}\u{2000}-\u{200A}\u{202F}\u{205F}\u{3000}";
    const VERTICAL: &str = r"\n\x0B\x0C\r\u{85}\u{2028}\u{2029}";
    const SPACE: &str = r" \t\n\x0B\x0C\r";
    const WORD: &str = "a-zA-Z0-9_";
    let c = next_char(rest).ok_or("ends with a backslash")?;
    let set = |inside: &str| Ok(Escape::Set(ClassSet::new(inside)));
    let not = |inside: &str| Ok(Escape::Set(ClassSet::not(inside)));
    match c {
        'd' => set("0-9"),
        'D' => not("0-9"),
        'w' => set(WORD),
        'W' => not(WORD),
        's' => set(SPACE),
        'S' => not(SPACE),
        'h' => set(HORIZONTAL),
        'H' => not(HORIZONTAL),
        'v' => set(VERTICAL),
        'V' => not(VERTICAL),
        'p' | 'P' => read_property(rest, c == 'P', ignore_case).map(Escape::Set),
        't' => Ok(Escape::Character('\t')),
        'n' => Ok(Escape::Character('\n')),
        'r' => Ok(Escape::Character('\r')),
        'f' => Ok(Escape::Character('\u{c}')),
        'a' => Ok(Escape::Character('\u{7}')),
        'e' => Ok(Escape::Character('\u{1b}')),
        '0' => {
            let mut value = 0;
            let mut digits = 0;
            while digits < 3
                && let Some((_, digit)) = rest.next_if(|(_, c)| c.is_digit(8))
            {
                let next = value * 8 + digit.to_digit(8).unwrap_or(0);
                if next > 0o377 {
                    return Err(format!("has an octal number above \\0377 in \\0{value:o}"));
                }
                value = next;
                digits += 1;
            }
            if digits == 0 {
                return Err("has \\0 without octal digits".to_owned());
            }
            to_character(value)
        }
        'x' if rest.next_if(|(_, c)| *c == '{').is_some() => {
            let mut digits = String::new();
            loop {
                match next_char(rest) {
                    Some('}') => break,
                    Some(digit) => digits.push(digit),
                    None => return Err("has \\x{ without its }".to_owned()),
                }
            }
            to_character(u32::from_str_radix(&digits, 16).map_err(|_| bad_number(&digits))?)
        }
        'x' => to_character(read_hex(rest, 2)?),
        'u' => {
            let high = read_hex(rest, 4)?;
            if !(0xd800..0xdc00).contains(&high) {
                return to_character(high);
            }
            // A character of two units of UTF-16.
            let units = (next_char(rest), next_char(rest));
            if units != (Some('\\'), Some('u')) {
                return Err("has half of a surrogate pair".to_owned());
            }
            let low = read_hex(rest, 4)?;
            if !(0xdc00..0xe000).contains(&low) {
                return Err("has half of a surrogate pair".to_owned());
            }
            to_character(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
        }
        'c' => {
            let control = next_char(rest).ok_or("ends with \\c")?;
            to_character((control as u32) ^ 64)
        }
        c if c.is_ascii_alphanumeric() => Err(format!("has the unknown escape \\{c}")),
        c => Ok(Escape::Character(c)),
    }
}

fn bad_number(digits: &str) -> String {
    format!("has '{digits}', which is no number of a character")
}

fn to_character(value: u32) -> Result<Escape, String> {
    char::from_u32(value)
        .map(Escape::Character)
        .ok_or_else(|| bad_number(&format!("{value:x}")))
}

fn read_hex(rest: &mut Chars<'_>, count: usize) -> Result<u32, String> {
    let digits: String = (0..count).filter_map(|_| next_char(rest)).collect();
    if digits.len() != count || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(bad_number(&digits));
    }
    u32::from_str_radix(&digits, 16).map_err(|_| bad_number(&digits))
}

/// `\p{…}` with its name.
fn read_property(
    rest: &mut Chars<'_>,
    negated: bool,
    ignore_case: bool,
) -> Result<ClassSet, String> {
    let mut name = String::new();
    match next_char(rest) {
        Some('{') => loop {
            match next_char(rest) {
                Some('}') => break,
                Some(c) => name.push(c),
                None => return Err("has \\p{ without its }".to_owned()),
            }
        },
        Some(c) => name.push(c),
        None => return Err("ends with \\p".to_owned()),
    }
    let inside = match name.as_str() {
        // POSIX names are ASCII.
        "Lower" | "Upper" if ignore_case => "a-zA-Z",
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "ASCII" => r"\x00-\x7F",
        "Alpha" => "a-zA-Z",
        "Digit" => "0-9",
        "Alnum" => "a-zA-Z0-9",
        "Punct" => r"!-/:-@\[-`{-~",
        "Graph" => "!-~",
        "Print" => " -~",
        "Blank" => r" \t",
        "Cntrl" => r"\x00-\x1F\x7F",
        "XDigit" => "0-9a-fA-F",
        "Space" => r" \t\n\x0B\x0C\r",
        "javaLowerCase" => r"\p{Lowercase}",
        "javaUpperCase" => r"\p{Uppercase}",
        "javaWhitespace" => {
            r"\t-\r\x1C-\x1F\p{Zl}\p{Zp}\u{20}\u{1680}\u{2000}-\u{2006}\u{2008}-\u{200A}\u{205F}\u{3000}"
        }
        other => {
            if other.starts_with("In") || other.contains("blk=") || other.contains("block=") {
                return Err(format!(
                    "has the block \\p{{{other}}}, which is not supported; write its range, such \
                     as [\\u0370-\\u03FF]"
                ));
            }
            if other.starts_with("java") {
                return Err(format!("has \\p{{{other}}}, which is not supported"));
            }
            let plain = other
                .strip_prefix("Is")
                .or_else(|| other.split_once('=').map(|(_, value)| value))
                .unwrap_or(other);
            let inside = format!(r"\p{{{plain}}}");
            // Names that are not known are found here, not when a row is matched.
            if regex::Regex::new(&inside).is_err() {
                return Err(format!("has the unknown class \\p{{{other}}}"));
            }
            return Ok(match negated {
                true => ClassSet::not(inside),
                false => ClassSet::new(inside),
            });
        }
    };
    Ok(match negated {
        true => ClassSet::not(inside),
        false => ClassSet::new(inside),
    })
}

/// The class whose `[` was read.
pub(super) fn parse_class(
    rest: &mut Chars<'_>,
    ignore_case: bool,
    unicode_case: bool,
) -> Result<ClassSet, String> {
    const NO_END: &str = "has a [ without its ]";
    let negated = rest.next_if(|(_, c)| *c == '^').is_some();
    // Classes that are intersected.
    let mut parts: Vec<String> = vec![String::new()];
    let mut first = true;
    loop {
        let c = next_char(rest).ok_or(NO_END)?;
        let start = match c {
            ']' if !first => break,
            '[' => {
                let inner = parse_class(rest, ignore_case, unicode_case)?;
                push_part(&mut parts, &inner.to_pattern());
                first = false;
                continue;
            }
            '&' if rest.next_if(|(_, c)| *c == '&').is_some() => {
                parts.push(String::new());
                first = false;
                continue;
            }
            '\\' => match quoted_or_escape(rest, ignore_case)? {
                Member::Set(set) => {
                    push_part(&mut parts, &set.to_pattern());
                    first = false;
                    continue;
                }
                Member::Quoted(text) => {
                    for c in text.chars() {
                        push_part(&mut parts, &class_range(c, c, ignore_case, unicode_case)?);
                    }
                    first = false;
                    continue;
                }
                Member::Character(c) => c,
            },
            c => c,
        };
        first = false;
        let end = read_range_end(rest, ignore_case)?.unwrap_or(start);
        if end < start {
            return Err(format!("has the range {start}-{end}, which is empty"));
        }
        push_part(
            &mut parts,
            &class_range(start, end, ignore_case, unicode_case)?,
        );
    }
    parts.retain(|part| !part.is_empty());
    let inside = match parts.as_slice() {
        [] => return Err("has an empty class".to_owned()),
        [one] => one.clone(),
        several => several
            .iter()
            .map(|part| format!("[{part}]"))
            .collect::<Vec<_>>()
            .join("&&"),
    };
    Ok(ClassSet { inside, negated })
}

fn push_part(parts: &mut [String], text: &str) {
    if let Some(last) = parts.last_mut() {
        last.push_str(text);
    }
}

enum Member {
    Character(char),
    Set(ClassSet),
    Quoted(String),
}

fn quoted_or_escape(rest: &mut Chars<'_>, ignore_case: bool) -> Result<Member, String> {
    if rest.next_if(|(_, c)| *c == 'Q').is_some() {
        let mut text = String::new();
        while let Some(c) = next_char(rest) {
            text.push(c);
            if let Some(quoted) = text.strip_suffix("\\E") {
                return Ok(Member::Quoted(quoted.to_owned()));
            }
        }
        return Err("has \\Q without its \\E in a class".to_owned());
    }
    Ok(match read_escape(rest, ignore_case)? {
        Escape::Character(c) => Member::Character(c),
        Escape::Set(set) => Member::Set(set),
    })
}

/// The end of a range whose start was read, if a range follows.
fn read_range_end(rest: &mut Chars<'_>, ignore_case: bool) -> Result<Option<char>, String> {
    let mut ahead = rest.clone();
    if next_char(&mut ahead) != Some('-') {
        return Ok(None);
    }
    let end = match next_char(&mut ahead) {
        // A last hyphen, or one before a class, is itself.
        None | Some(']' | '[') => return Ok(None),
        Some('\\') => match read_escape(&mut ahead, ignore_case)? {
            Escape::Character(c) => c,
            Escape::Set(_) => return Ok(None),
        },
        Some('&') if ahead.peek().is_some_and(|(_, c)| *c == '&') => return Ok(None),
        Some(c) => c,
    };
    *rest = ahead;
    Ok(Some(end))
}

/// A range as the inside of a class, with the letters of the other case.
fn class_range(
    start: char,
    end: char,
    ignore_case: bool,
    unicode_case: bool,
) -> Result<String, String> {
    let one = |start: char, end: char| match start == end {
        true => escaped(start),
        false => format!("{}-{}", escaped(start), escaped(end)),
    };
    let mut inside = one(start, end);
    if !ignore_case {
        return Ok(inside);
    }
    if unicode_case {
        if start != end {
            return Err("has a range with (?iu), which is not supported".to_owned());
        }
        for other in start.to_lowercase().chain(start.to_uppercase()) {
            inside.push_str(&escaped(other));
        }
        return Ok(inside);
    }
    for (low, high) in [('a', 'z'), ('A', 'Z')] {
        let (from, to) = (start.max(low), end.min(high));
        if from <= to
            && let (Some(from), Some(to)) = (other_case(from), other_case(to))
        {
            inside.push_str(&one(from, to));
        }
    }
    Ok(inside)
}
