//! The text of `Debug` as a tree, so that two values can be compared by it.
//!
//! Two equal values may have different texts: the entries of hash maps come in
//! any order, and a plan's nodes hold properties that are derived from their
//! other fields. A text that `derive(Debug)` did not write is taken as it is.

use std::fmt::{Display, Formatter, Result, Write};

/// A value: texts and what stands in brackets, in their order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DebugValue(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Text(String),
    Group(char, Vec<Item>),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    /// The field's name.
    key: Option<String>,
    value: DebugValue,
}

/// A field that may be left out of a comparison.
#[derive(Debug)]
pub(super) struct Field<'a> {
    /// Where the struct is: `Outer.field`.
    pub(super) holder: &'a str,
    /// The name of the struct.
    pub(super) name: &'a str,
    /// The name of the field.
    pub(super) key: &'a str,
    /// The text of all fields of the struct.
    pub(super) fields: &'a str,
}

/// Where two values differ first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Names of structs and fields, from the outside.
    pub(super) path: String,
    pub(super) left: String,
    pub(super) right: String,
}

impl DebugValue {
    pub(super) fn parse(text: &str) -> Self {
        let mut parser = Parser { text, at: 0 };
        let mut pieces = Vec::new();
        while parser.at < text.len() {
            pieces.push(Piece::Group('\0', parser.parse_items(None)));
            // A closing bracket without an opening one.
            parser.at += parser.next_char().map_or(0, char::len_utf8);
        }
        Self(pieces)
    }

    /// Sorts what has no order, and removes the fields that `is_derived`.
    pub(super) fn normalize(&mut self, is_derived: &dyn Fn(&Field<'_>) -> bool) {
        self.normalize_inside(is_derived, "");
    }

    /// `holder`: the struct and the field that hold the value.
    fn normalize_inside(&mut self, is_derived: &dyn Fn(&Field<'_>) -> bool, holder: &str) {
        let mut name = String::new();
        for piece in &mut self.0 {
            match piece {
                Piece::Text(text) => last_word(text).clone_into(&mut name),
                Piece::Group(open, items) => {
                    for item in items.iter_mut() {
                        let key = item.key.as_deref().unwrap_or_default();
                        let inside = match key {
                            "" => holder.to_owned(),
                            key => format!("{name}.{key}"),
                        };
                        item.value.normalize_inside(is_derived, &inside);
                        if name.is_empty() && holder == "UnionExec.inputs" {
                            item.value.remove_relabeling();
                        }
                    }
                    if *open == '{' && name.is_empty() {
                        items.sort();
                    } else if *open == '{' {
                        let whole = render_items(items);
                        items.retain(|item| {
                            !is_derived(&Field {
                                holder,
                                name: &name,
                                key: item.key.as_deref().unwrap_or_default(),
                                fields: &whole,
                            })
                        });
                    }
                    name.clear();
                }
            }
        }
    }

    /// Replaces a projection that only gives columns other names by its input:
    /// decoding a union adds one to a branch whose columns may be null in
    /// another branch only (datafusion #15394).
    fn remove_relabeling(&mut self) {
        while let Some(input) = self.relabeled_input() {
            *self = input;
        }
    }

    fn relabeled_input(&self) -> Option<Self> {
        let projection = self.struct_fields("ProjectionExec")?;
        let projector = find_field(projection, "projector")?.struct_fields("Projector")?;
        let exprs = find_field(projector, "projection")?.struct_fields("ProjectionExprs")?;
        let Some(Piece::Group('[', exprs)) = find_field(exprs, "exprs")?.0.first() else {
            return None;
        };
        let only_relabels = exprs.iter().enumerate().all(|(position, expr)| {
            expr.value
                .struct_fields("ProjectionExpr")
                .and_then(|fields| find_field(fields, "expr"))
                .and_then(Self::column_index)
                .is_some_and(|index| index == position.to_string())
        });
        let input = find_field(projection, "input")?;
        only_relabels.then(|| input.clone())
    }

    /// The index of a column, also below casts.
    fn column_index(&self) -> Option<String> {
        if let Some(cast) = self.struct_fields("CastExpr") {
            return find_field(cast, "expr")?.column_index();
        }
        let column = self.struct_fields("Column")?;
        Some(find_field(column, "index")?.to_string())
    }

    /// The fields, if this is a struct of that name.
    fn struct_fields(&self, name: &str) -> Option<&[Item]> {
        match self.0.as_slice() {
            [Piece::Text(text), Piece::Group('{', items)] if text.trim() == name => Some(items),
            _ => None,
        }
    }

    pub(super) fn first_difference(&self, other: &Self) -> Option<Difference> {
        (self != other).then(|| self.descend(other, String::new()))
    }

    fn descend(&self, other: &Self, path: String) -> Difference {
        let mut name = "";
        if self.0.len() == other.0.len() {
            for (left, right) in self.0.iter().zip(&other.0) {
                match (left, right) {
                    (left, right) if left == right => {}
                    (Piece::Group(_, left), Piece::Group(_, right))
                        if left.len() == right.len() =>
                    {
                        let different = left.iter().zip(right).find(|(left, right)| left != right);
                        if let Some((left, right)) = different
                            && left.key == right.key
                        {
                            let path = join_path(&path, name, left.key.as_deref());
                            return left.value.descend(&right.value, path);
                        }
                        break;
                    }
                    _ => break,
                }
                name = match left {
                    Piece::Text(text) => last_word(text),
                    Piece::Group(..) => "",
                };
            }
        }
        Difference {
            path,
            left: shorten(self),
            right: shorten(other),
        }
    }
}

fn find_field<'a>(fields: &'a [Item], key: &str) -> Option<&'a DebugValue> {
    fields
        .iter()
        .find(|item| item.key.as_deref() == Some(key))
        .map(|item| &item.value)
}

fn join_path(path: &str, name: &str, key: Option<&str>) -> String {
    [path, name, key.unwrap_or_default()]
        .iter()
        .filter(|part| !part.is_empty())
        .copied()
        .collect::<Vec<_>>()
        .join(".")
}

fn shorten(value: &DebugValue) -> String {
    const MAX_CHARS: usize = 160;
    let text = value.to_string();
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The identifier at the end of a text, before spaces.
fn last_word(text: &str) -> &str {
    let text = text.trim_end();
    let start = text.rfind(|c: char| !is_name_char(c)).map_or(0, |at| {
        at + text[at..].chars().next().map_or(1, char::len_utf8)
    });
    &text[start..]
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn render_items(items: &[Item]) -> String {
    let mut text = String::new();
    for item in items {
        // Writing to a string does not fail.
        let _ = write!(text, "{item}, ");
    }
    text
}

impl Display for Item {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        write!(f, "{}", self.value)
    }
}

impl Display for DebugValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::Group(open, items) => {
                    let close = closing_bracket(*open);
                    if close.is_some() {
                        f.write_char(*open)?;
                    }
                    for (index, item) in items.iter().enumerate() {
                        if index > 0 {
                            f.write_str(", ")?;
                        }
                        write!(f, "{item}")?;
                    }
                    if let Some(close) = close {
                        f.write_char(close)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn closing_bracket(open: char) -> Option<char> {
    match open {
        '{' => Some('}'),
        '[' => Some(']'),
        '(' => Some(')'),
        _ => None,
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn next_char(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    /// The items up to the closing bracket, which is consumed, or to the end.
    fn parse_items(&mut self, close: Option<char>) -> Vec<Item> {
        let mut items = Vec::new();
        loop {
            let value = self.parse_value();
            if !value.0.is_empty() {
                items.push(split_key(value));
            }
            match self.next_char() {
                Some(',') => self.at += 1,
                Some(c) if Some(c) == close => {
                    self.at += 1;
                    return items;
                }
                _ => return items,
            }
        }
    }

    /// Up to a comma or a closing bracket at this level.
    fn parse_value(&mut self) -> DebugValue {
        let mut pieces = Vec::new();
        let mut start = self.at;
        while let Some(c) = self.next_char() {
            match c {
                ',' | '}' | ']' | ')' => break,
                '{' | '[' | '(' => {
                    push_text(&mut pieces, &self.text[start..self.at]);
                    self.at += 1;
                    let items = self.parse_items(closing_bracket(c));
                    pieces.push(Piece::Group(c, items));
                    start = self.at;
                }
                '"' if self.text[..self.at].ends_with("Utf8(")
                    || self.text[..self.at].ends_with("Utf8View(") =>
                {
                    self.skip_literal();
                }
                '"' => self.skip_string(),
                '\'' => self.skip_char(),
                _ => self.at += c.len_utf8(),
            }
        }
        push_text(&mut pieces, self.text[start..self.at].trim_end());
        DebugValue(pieces)
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(c) = self.next_char() {
            self.at += c.len_utf8();
            match c {
                '\\' => self.at += self.next_char().map_or(0, char::len_utf8),
                '"' => return,
                _ => {}
            }
        }
    }

    /// A text of a query, in which DataFusion escapes nothing: it ends where what follows
    /// its bracket can be no part of it, as far as that can be seen.
    fn skip_literal(&mut self) {
        const END: &str = "\")";
        self.at += 1;
        let rest = &self.text[self.at..];
        let is_end = |(at, _): &(usize, &str)| {
            let after = rest[at + END.len()..].chars().next();
            after.is_none_or(|c| matches!(c, ',' | ' ' | '}' | ']' | ')'))
        };
        match rest.match_indices(END).find(is_end) {
            Some((at, _)) => self.at += at + 1,
            None => self.at = self.text.len(),
        }
    }

    /// A character in quotes; an apostrophe is only skipped itself.
    fn skip_char(&mut self) {
        let mut rest = self.text[self.at + 1..].char_indices();
        let is_escape = self.text[self.at + 1..].starts_with('\\');
        let closing = rest.nth(if is_escape { 2 } else { 1 });
        match closing {
            Some((offset, '\'')) => self.at += 1 + offset + 1,
            _ => self.at += 1,
        }
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    let is_first = pieces.is_empty();
    let text = if is_first { text.trim_start() } else { text };
    if !text.trim().is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

/// Takes the field's name off the value.
fn split_key(mut value: DebugValue) -> Item {
    let mut key = None;
    if let Some(Piece::Text(text)) = value.0.first_mut()
        && let Some((name, rest)) = text.split_once(':')
        && !name.is_empty()
        && name.chars().all(is_name_char)
        && !rest.starts_with(':')
    {
        key = Some(name.to_owned());
        *text = rest.trim_start().to_owned();
        if text.is_empty() {
            value.0.remove(0);
        }
    }
    Item { key, value }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use proptest::prelude::*;

    use super::*;

    fn tree(value: &impl std::fmt::Debug) -> DebugValue {
        let mut tree = DebugValue::parse(&format!("{value:?}"));
        tree.normalize(&|field| field.name == "Outer" && field.key == "cache");
        tree
    }

    #[derive(Debug, Clone)]
    #[allow(dead_code, reason = "only shown")]
    struct Outer {
        name: String,
        letter: char,
        inner: Option<Inner>,
        by_name: HashMap<String, Inner>,
        cache: Vec<u32>,
    }

    #[derive(Debug, Clone)]
    #[allow(dead_code, reason = "only shown")]
    struct Inner {
        values: Vec<(i32, String)>,
        flag: bool,
    }

    fn outer(name: &str, letter: char, entries: &BTreeMap<String, i32>, flag: bool) -> Outer {
        let inner = |value: i32| Inner {
            values: vec![(value, format!("\"{value}, {{ ]"))],
            flag,
        };
        Outer {
            name: name.to_owned(),
            letter,
            inner: Some(inner(0)),
            by_name: entries
                .iter()
                .map(|(key, value)| (key.clone(), inner(*value)))
                .collect(),
            cache: vec![1],
        }
    }

    proptest! {
        #[test]
        fn equal_values_are_equal_in_any_order_of_their_maps(
            name in ".*",
            letter in any::<char>(),
            entries in prop::collection::btree_map(".{0,5}", any::<i32>(), 0..8),
        ) {
            let left = outer(&name, letter, &entries, true);
            let mut right = outer(&name, letter, &entries, true);
            right.cache.clear();
            prop_assert_eq!(tree(&left), tree(&right));
        }

        #[test]
        fn a_change_anywhere_is_found(
            name in ".*",
            letter in any::<char>(),
            entries in prop::collection::btree_map(".{0,5}", any::<i32>(), 1..8),
        ) {
            let value = outer(&name, letter, &entries, true);
            let differs = |other: &Outer| tree(&value).first_difference(&tree(other)).is_some();
            let mut renamed = value.clone();
            renamed.name.push('x');
            prop_assert!(differs(&renamed));
            prop_assert!(differs(&outer(&name, letter, &entries, false)));
            let mut changed = entries.clone();
            let first = entries.keys().next().cloned().unwrap_or_default();
            changed.insert(first, entries.values().next().copied().unwrap_or_default().wrapping_add(1));
            prop_assert!(differs(&outer(&name, letter, &changed, true)));
        }
    }

    #[test]
    fn a_difference_has_a_path() {
        let left = outer("a", 'x', &BTreeMap::new(), true);
        let right = outer("a", 'x', &BTreeMap::new(), false);
        let difference = tree(&left).first_difference(&tree(&right)).unwrap();
        assert_eq!(
            difference,
            Difference {
                path: "Outer.inner.Some.Inner.flag".to_owned(),
                left: "true".to_owned(),
                right: "false".to_owned(),
            }
        );
    }
}
