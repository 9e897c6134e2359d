//! Splits Rust source into code and prose (comments and strings), and finds the
//! functions in the code.
//!
//! This is a scanner, not a parser: it knows comments, literals, attributes, braces
//! and the heads of impl blocks, which is enough to count.

/// Source in two texts of the original's length; each has blanks where the other
/// has its text.
#[derive(Debug, PartialEq, Eq)]
pub struct SplitSource {
    pub code: String,
    /// Comments and the contents of literals.
    pub prose: String,
}

/// A function, as its name stands in the source.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// In a test, or in something that is compiled only for tests.
    pub in_test: bool,
    /// The trait whose impl block has the function.
    pub implements: Option<String>,
}

/// Separates the code from the comments and literals.
pub fn split_source(source: &str) -> SplitSource {
    let mut code = String::with_capacity(source.len());
    let mut prose = String::with_capacity(source.len());
    let mut rest = source;
    while !rest.is_empty() {
        let piece = Piece::at_start(rest);
        let (text, after) = rest.split_at(piece.length);
        let blank: String = text
            .chars()
            .flat_map(|c| {
                let filler = if c == '\n' { '\n' } else { ' ' };
                std::iter::repeat_n(filler, c.len_utf8())
            })
            .collect();
        if piece.is_prose {
            code.push_str(&blank);
            prose.push_str(text);
        } else {
            code.push_str(text);
            prose.push_str(&blank);
        }
        rest = after;
    }
    SplitSource { code, prose }
}

/// How far a comment, a literal or a token reaches.
struct Piece {
    length: usize,
    is_prose: bool,
}

impl Piece {
    fn at_start(rest: &str) -> Self {
        let prose = |length| Self {
            length,
            is_prose: true,
        };
        if rest.starts_with("//") {
            return prose(rest.find('\n').unwrap_or(rest.len()));
        }
        if rest.starts_with("/*") {
            return prose(block_comment_length(rest));
        }
        if let Some(length) = raw_string_length(rest) {
            return prose(length);
        }
        if rest.starts_with('"') {
            return prose(quoted_length(rest, '"'));
        }
        if rest.starts_with('\'') && is_char_literal(rest) {
            return prose(quoted_length(rest, '\''));
        }
        let word = rest.find(|c| !is_word_char(c)).unwrap_or(rest.len());
        let first = rest.chars().next().map_or(0, char::len_utf8);
        Self {
            length: word.max(first),
            is_prose: false,
        }
    }
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let from_here = &rest.as_bytes()[at..];
        if from_here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if from_here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The length of `r"…"`, `r#"…"#`, `br"…"` and so on.
fn raw_string_length(rest: &str) -> Option<usize> {
    let marks = rest
        .strip_prefix("br")
        .or_else(|| rest.strip_prefix("cr"))
        .or_else(|| rest.strip_prefix('r'))?;
    let content = marks.trim_start_matches('#');
    let hashes = &marks[..marks.len() - content.len()];
    let content = content.strip_prefix('"')?;
    let end = format!("\"{hashes}");
    let start = rest.len() - content.len();
    let length = content.find(&end).map(|at| start + at + end.len());
    Some(length.unwrap_or(rest.len()))
}

/// The length of a literal from its opening to its closing quote.
fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Whether the apostrophe begins a character, not a lifetime.
fn is_char_literal(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    match chars.next() {
        Some('\\') => true,
        Some(_) => chars.next() == Some('\''),
        None => false,
    }
}

/// The functions in code that has no comments and literals, see [`split_source`].
pub fn find_functions(code: &str) -> Vec<Function> {
    let mut scanner = FunctionScanner::default();
    let mut rest = code;
    while !rest.is_empty() {
        let length = if rest.starts_with("#[") {
            let length = bracket_length(rest);
            scanner.see_attribute(&rest[..length]);
            length
        } else {
            let length = Piece::at_start(rest).length;
            scanner.see_token(&rest[..length], &rest[length..]);
            length
        };
        rest = &rest[length..];
    }
    scanner.found
}

/// The length of an attribute, to its closing bracket.
fn bracket_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in rest.char_indices() {
        match c {
            '[' => depth += 1,
            ']' if depth == 1 => return at + 1,
            ']' => depth -= 1,
            _ => {}
        }
    }
    rest.len()
}

/// A block in braces.
#[derive(Debug, Default, Clone)]
struct Scope {
    in_test: bool,
    implements: Option<String>,
}

#[derive(Debug, Default)]
struct FunctionScanner {
    found: Vec<Function>,
    scopes: Vec<Scope>,
    /// What the next block will be; set by attributes and the heads of impl blocks.
    next: Scope,
    /// Open parentheses and brackets. A semicolon in them ends no item.
    nesting: usize,
    /// Whether the next token can begin an item.
    at_item_start: bool,
}

impl FunctionScanner {
    fn see_attribute(&mut self, attribute: &str) {
        let text: String = attribute.split_whitespace().collect();
        let is_test = text.ends_with("test]") || text.contains("::test(");
        let is_for_tests =
            text.starts_with("#[cfg(") && text.contains("test") && !text.contains("not(test");
        self.next.in_test |= is_test || is_for_tests;
        self.at_item_start = true;
    }

    fn see_token(&mut self, token: &str, after: &str) {
        if token.trim().is_empty() {
            return;
        }
        let begins_item = self.at_item_start || self.found.is_empty() && self.scopes.is_empty();
        self.at_item_start = matches!(token, "{" | "}" | ";" | "unsafe" | "default");
        match token {
            "(" | "[" => self.nesting += 1,
            ")" | "]" => self.nesting = self.nesting.saturating_sub(1),
            ";" if self.nesting == 0 => self.next = Scope::default(),
            "{" => self.open_scope(),
            "}" => {
                self.scopes.pop();
                self.next = Scope::default();
            }
            "impl" if begins_item => self.next.implements = implemented_trait(after),
            "fn" => self.see_function(after),
            _ => {}
        }
    }

    fn open_scope(&mut self) {
        let next = std::mem::take(&mut self.next);
        let in_test = next.in_test || self.is_in_test();
        self.scopes.push(Scope { in_test, ..next });
    }

    fn is_in_test(&self) -> bool {
        self.scopes.last().is_some_and(|scope| scope.in_test)
    }

    fn see_function(&mut self, after: &str) {
        let text = after.trim_start();
        let end = text.find(|c| !is_word_char(c)).unwrap_or(text.len());
        // Without a name it is a type, or part of a macro.
        if end == 0 {
            return;
        }
        self.found.push(Function {
            name: text[..end].to_owned(),
            in_test: self.next.in_test || self.is_in_test(),
            implements: self
                .scopes
                .last()
                .and_then(|scope| scope.implements.clone()),
        });
    }
}

/// The name of the trait, from the text after `impl`; `None` for a type's own
/// functions.
fn implemented_trait(after: &str) -> Option<String> {
    let head = &after[..after.find('{')?];
    let head = without_generics(head);
    let words: Vec<&str> = head
        .split_whitespace()
        .take_while(|word| *word != "where")
        .collect();
    let at = words.iter().position(|word| *word == "for")?;
    let path = words[..at].last()?;
    path.rsplit("::").next().map(str::to_owned)
}

/// The text without what is in angle brackets.
fn without_generics(text: &str) -> String {
    let mut depth = 0_usize;
    let mut kept = String::new();
    let mut previous = ' ';
    for c in text.chars() {
        match c {
            '<' => depth += 1,
            // `->` closes nothing.
            '>' if previous != '-' => depth = depth.saturating_sub(1),
            c if depth == 0 => kept.push(c),
            _ => {}
        }
        previous = c;
    }
    kept
}

/// The names of the traits that the code declares.
pub fn find_traits(code: &str) -> Vec<String> {
    let mut words = code
        .split(|c| !is_word_char(c))
        .filter(|word| !word.is_empty());
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        if word == "trait"
            && let Some(name) = words.next()
        {
            found.push(name.to_owned());
        }
    }
    found
}
