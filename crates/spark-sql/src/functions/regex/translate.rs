//! Translates a pattern of `java.util.regex` to one with the same meaning for
//! the crates `regex` and `fancy-regex`.
//!
//! They agree on most of the syntax, but not on its meaning: Java's `\d`, `\w`
//! and `\s` are ASCII, its `.` stops at five kinds of line ends, its `$` matches
//! before a last line end, and without `(?u)` its `(?i)` is ASCII.

use std::iter::Peekable;
use std::str::CharIndices;

use super::java::{self, ClassSet};

/// Java's line ends, in a class.
const LINE_ENDS: &str = r"\n\r\u{85}\u{2028}\u{2029}";

/// A pattern for the other crates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Translation {
    pub(super) pattern: String,
    /// Look-around, back-references and the like: only `fancy-regex` has them.
    pub(super) backtracks: bool,
    /// Whether `$` or `\Z` occurs, which also matches before a last line end.
    pub(super) has_dollar: bool,
}

/// How `$` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dollar {
    /// The end, for texts that have no line end.
    End,
    /// The end, or before a line end at the end.
    BeforeLastLineEnd,
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    dot_all: bool,
    multi_line: bool,
    comments: bool,
    unicode_case: bool,
    unix_lines: bool,
}

/// # Errors
/// What is wrong with the pattern, or not supported.
pub(super) fn translate(pattern: &str, dollar: Dollar) -> Result<Translation, String> {
    let mut translator = Translator {
        rest: pattern.char_indices().peekable(),
        pattern,
        out: String::with_capacity(pattern.len() + 16),
        flags: vec![Flags::default()],
        dollar,
        backtracks: false,
        has_dollar: false,
        groups: count_groups(pattern),
        can_repeat: false,
    };
    translator.run()?;
    Ok(Translation {
        pattern: translator.out,
        backtracks: translator.backtracks,
        has_dollar: translator.has_dollar,
    })
}

struct Translator<'a> {
    rest: Peekable<CharIndices<'a>>,
    pattern: &'a str,
    out: String,
    /// Of the open groups; the last is the innermost.
    flags: Vec<Flags>,
    dollar: Dollar,
    backtracks: bool,
    has_dollar: bool,
    groups: usize,
    can_repeat: bool,
}

impl<'a> Translator<'a> {
    fn next(&mut self) -> Option<char> {
        self.rest.next().map(|(_, c)| c)
    }

    fn next_if(&mut self, wanted: char) -> bool {
        self.rest.next_if(|(_, c)| *c == wanted).is_some()
    }

    /// The pattern from the next character on.
    fn remaining(&mut self) -> &'a str {
        let pattern = self.pattern;
        match self.rest.peek() {
            Some((at, _)) => pattern.get(*at..).unwrap_or_default(),
            None => "",
        }
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.rest.next();
        }
    }

    fn flags(&self) -> Flags {
        self.flags.last().copied().unwrap_or_default()
    }

    fn set_flags(&mut self, flags: Flags) {
        if let Some(last) = self.flags.last_mut() {
            *last = flags;
        }
    }

    fn run(&mut self) -> Result<(), String> {
        while let Some(c) = self.next() {
            match c {
                '\\' => self.escape()?,
                '[' => {
                    let Flags {
                        ignore_case,
                        unicode_case,
                        ..
                    } = self.flags();
                    let class = java::parse_class(&mut self.rest, ignore_case, unicode_case)?;
                    self.push_set(&class);
                }
                '(' => self.open_group()?,
                ')' => {
                    if self.flags.len() == 1 {
                        return Err("has a ) without its (".to_owned());
                    }
                    self.flags.pop();
                    self.out.push(')');
                    self.can_repeat = true;
                }
                '|' => {
                    self.out.push('|');
                    self.can_repeat = false;
                }
                '.' => {
                    let flags = self.flags();
                    self.out.push_str(&match (flags.dot_all, flags.unix_lines) {
                        (true, _) => r"(?s:.)".to_owned(),
                        (false, true) => r"[^\n]".to_owned(),
                        (false, false) => format!("[^{LINE_ENDS}]"),
                    });
                    self.can_repeat = true;
                }
                '^' => self.start_of_line(),
                '$' => self.end_of_line(),
                '*' | '+' | '?' => self.repeat(&c.to_string())?,
                '{' => self.repeat_counted()?,
                '#' if self.flags().comments => {
                    while self.rest.next_if(|(_, c)| *c != '\n').is_some() {}
                }
                c if self.flags().comments && c.is_ascii_whitespace() => {}
                c => self.push_literal(c),
            }
        }
        if self.flags.len() > 1 {
            return Err("has a ( without its )".to_owned());
        }
        Ok(())
    }

    fn push_literal(&mut self, c: char) {
        let flags = self.flags();
        self.out
            .push_str(&java::literal(c, flags.ignore_case, flags.unicode_case));
        self.can_repeat = true;
    }

    fn push_set(&mut self, set: &ClassSet) {
        self.out.push_str(&set.to_pattern());
        self.can_repeat = true;
    }

    fn start_of_line(&mut self) {
        if self.flags().multi_line {
            // After a line end that is not the last of the text.
            self.backtracks = true;
            self.out
                .push_str(&format!(r"(?:\A|(?<=[{LINE_ENDS}])(?<!\r(?=\n))(?!\z))"));
        } else {
            self.out.push_str(r"\A");
        }
        self.can_repeat = false;
    }

    fn end_of_line(&mut self) {
        if self.flags().multi_line {
            self.backtracks = true;
            self.out
                .push_str(&format!(r"(?:\z|(?=[{LINE_ENDS}])(?!(?<=\r)\n))"));
        } else {
            self.push_dollar();
        }
        self.can_repeat = false;
    }

    fn push_dollar(&mut self) {
        self.has_dollar = true;
        match self.dollar {
            Dollar::End => self.out.push_str(r"\z"),
            Dollar::BeforeLastLineEnd => {
                self.backtracks = true;
                self.out.push_str(&format!(
                    r"(?:\z|(?=(?:\r\n|[{LINE_ENDS}])\z)(?!(?<=\r)\n))"
                ));
            }
        }
    }

    /// A repetition with the mark after it: `?` for lazy, `+` for possessive.
    fn repeat(&mut self, repetition: &str) -> Result<(), String> {
        if !self.can_repeat {
            return Err(format!("has {repetition} with nothing before it to repeat"));
        }
        self.out.push_str(repetition);
        if self.next_if('?') {
            self.out.push('?');
        } else if self.next_if('+') {
            self.backtracks = true;
            self.out.push('+');
        }
        self.can_repeat = false;
        Ok(())
    }

    fn repeat_counted(&mut self) -> Result<(), String> {
        let rest = self.remaining();
        let Some((inside, _)) = rest.split_once('}') else {
            return Err("has a { without its }; write \\{ for the character".to_owned());
        };
        let (least, most) = inside.split_once(',').unwrap_or((inside, inside));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(least) || !(most.is_empty() || is_number(most)) {
            return Err(format!(
                "has {{{inside}}}, which is no repetition; write \\{{ for the character"
            ));
        }
        let inside = inside.to_owned();
        self.skip(inside.chars().count() + 1);
        self.repeat(&format!("{{{inside}}}"))
    }

    fn open_group(&mut self) -> Result<(), String> {
        let mut flags = self.flags();
        self.can_repeat = false;
        if !self.next_if('?') {
            self.out.push('(');
            self.flags.push(flags);
            return Ok(());
        }
        let rest = self.remaining().to_owned();
        for (start, needs_backtracking) in [
            (":", false),
            ("=", true),
            ("!", true),
            ("<=", true),
            ("<!", true),
            (">", true),
        ] {
            if rest.starts_with(start) {
                self.skip(start.len());
                self.backtracks |= needs_backtracking;
                self.out.push_str("(?");
                self.out.push_str(start);
                self.flags.push(flags);
                return Ok(());
            }
        }
        if let Some(named) = rest.strip_prefix('<') {
            let name = named.split('>').next().unwrap_or_default();
            let valid = name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric());
            if !valid {
                return Err(format!(
                    "has the group name '{name}', which is not letters and digits"
                ));
            }
            self.skip(name.len() + 2);
            self.out.push_str(&format!("(?<{name}>"));
            self.flags.push(flags);
            return Ok(());
        }
        let mut set = true;
        loop {
            match self.next() {
                Some('-') => set = false,
                Some('i') => flags.ignore_case = set,
                Some('s') => flags.dot_all = set,
                Some('m') => flags.multi_line = set,
                Some('x') => flags.comments = set,
                Some('u') => flags.unicode_case = set,
                Some('d') => flags.unix_lines = set,
                Some(':') => {
                    self.out.push_str("(?:");
                    self.flags.push(flags);
                    return Ok(());
                }
                Some(')') => {
                    self.set_flags(flags);
                    return Ok(());
                }
                Some(other) => return Err(format!("has (?{other}, which is not supported")),
                None => return Err("has a ( without its )".to_owned()),
            }
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        let flags = self.flags();
        let rest = self.remaining().to_owned();
        let Some(c) = rest.chars().next() else {
            return Err("ends with a backslash".to_owned());
        };
        match c {
            'b' | 'B' => {
                self.skip(1);
                if rest.starts_with("b{") {
                    return Err("has \\b{…}, which is not supported".to_owned());
                }
                self.out.push('\\');
                self.out.push(c);
                self.can_repeat = false;
            }
            'A' | 'z' => {
                self.skip(1);
                self.out.push('\\');
                self.out.push(c);
                self.can_repeat = false;
            }
            'Z' => {
                self.skip(1);
                self.push_dollar();
                self.can_repeat = false;
            }
            'G' | 'X' | 'N' => return Err(format!("has \\{c}, which is not supported")),
            'R' => {
                self.skip(1);
                self.out
                    .push_str(r"(?:\r\n|[\n\x0B\x0C\r\u{85}\u{2028}\u{2029}])");
                self.can_repeat = true;
            }
            'Q' => {
                let quoted = rest.get(1..).unwrap_or_default();
                let (text, closed) = match quoted.split_once("\\E") {
                    Some((text, _)) => (text.to_owned(), 2),
                    None => (quoted.to_owned(), 0),
                };
                self.skip(1 + text.chars().count() + closed);
                for c in text.chars() {
                    self.push_literal(c);
                }
            }
            'E' => self.skip(1),
            'k' => {
                let name = rest
                    .strip_prefix("k<")
                    .and_then(|rest| rest.split_once('>'))
                    .map(|(name, _)| name.to_owned())
                    .ok_or("has \\k without a group's name")?;
                self.back_reference(name.len() + 3, &format!(r"\k<{name}>"), flags)?;
            }
            '1'..='9' => {
                // As many digits as there are groups.
                let mut digits = 1;
                while let Some(more) = rest.get(..=digits)
                    && more.bytes().all(|b| b.is_ascii_digit())
                    && more.parse::<usize>().is_ok_and(|n| n <= self.groups)
                {
                    digits += 1;
                }
                let number = rest.get(..digits).unwrap_or_default();
                if number.parse::<usize>().is_ok_and(|n| n > self.groups) {
                    return Err(format!("has \\{number}, and no such group"));
                }
                self.back_reference(digits, &format!(r"(?:\{number})"), flags)?;
            }
            _ => {
                let set =
                    java::parse_escape(&mut self.rest, flags.ignore_case, flags.unicode_case)?;
                self.push_set(&set);
            }
        }
        Ok(())
    }

    fn back_reference(
        &mut self,
        length: usize,
        reference: &str,
        flags: Flags,
    ) -> Result<(), String> {
        if flags.ignore_case {
            return Err("has a back-reference after (?i), which is not supported".to_owned());
        }
        self.skip(length);
        self.backtracks = true;
        self.out.push_str(reference);
        self.can_repeat = true;
        Ok(())
    }
}

/// The groups that have a number.
fn count_groups(pattern: &str) -> usize {
    let mut count = 0;
    let mut in_class = 0_usize;
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let mut step = c.len_utf8();
        match c {
            '\\' => {
                if let Some(quoted) = rest.strip_prefix("\\Q") {
                    step = 2 + quoted.find("\\E").unwrap_or(quoted.len());
                } else {
                    step += rest.chars().nth(1).map_or(0, char::len_utf8);
                }
            }
            '[' => in_class += 1,
            ']' => in_class = in_class.saturating_sub(1),
            '(' if in_class == 0 => {
                let named = rest.starts_with("(?<")
                    && !rest.starts_with("(?<=")
                    && !rest.starts_with("(?<!");
                if named || !rest.starts_with("(?") {
                    count += 1;
                }
            }
            _ => {}
        }
        rest = rest.get(step..).unwrap_or_default();
    }
    count
}
