//! The text that replaces a match: `$1`, `${name}` and `\$`, as in Java.

use datafusion::error::{DataFusionError, Result};

use super::matcher::{Groups, JavaRegex};

/// A replacement for the matches of one pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Group(usize),
}

impl Replacement {
    pub(super) fn parse(text: &str, regex: &JavaRegex) -> Result<Self> {
        let wrong = |what: &str| {
            DataFusionError::Execution(format!(
                "the replacement '{text}' {what}; write \\$ for a dollar sign"
            ))
        };
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\\' => literal.push(rest.next().ok_or_else(|| wrong("ends with a backslash"))?),
                '$' if rest.next_if_eq(&'{').is_some() => {
                    let mut name = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            Some(c) => name.push(c),
                            None => return Err(wrong("has ${ without its }")),
                        }
                    }
                    let group = regex
                        .group_of_name(&name)
                        .ok_or_else(|| wrong(&format!("has {name}, which is no group")))?;
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                    parts.push(Part::Group(group));
                }
                '$' => {
                    let first = rest.next().and_then(|c| c.to_digit(10));
                    let mut group = first.ok_or_else(|| wrong("has $ without a group"))? as usize;
                    if group > regex.group_count() {
                        return Err(wrong(&format!(
                            "has ${group}, and the pattern no such group"
                        )));
                    }
                    // As many digits as there are groups.
                    while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
                        let longer = group * 10 + digit as usize;
                        if longer > regex.group_count() {
                            break;
                        }
                        group = longer;
                        rest.next();
                    }
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                    parts.push(Part::Group(group));
                }
                c => literal.push(c),
            }
        }
        parts.push(Part::Text(literal));
        Ok(Self { parts })
    }

    pub(super) fn append(&self, text: &str, groups: &Groups, to: &mut String) {
        for part in &self.parts {
            match part {
                Part::Text(literal) => to.push_str(literal),
                Part::Group(number) => {
                    // A group that did not take part is nothing.
                    if let Some(Some((start, end))) = groups.get(*number) {
                        to.push_str(text.get(*start..*end).unwrap_or_default());
                    }
                }
            }
        }
    }
}
