//! The state of parsing one file: the statements read so far.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use sqlparser::tokenizer::TokenWithSpan;

use crate::cursor::Name;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::job::{Relation, Setting};
use crate::span::Spanned;
use crate::text::SourceText;
use crate::variable::Declaration;
use crate::{codes, template};

/// Collects statements and diagnostics while a file is parsed.
pub(crate) struct Context<'a> {
    pub(crate) source: &'a SourceText,
    pub(crate) tokens: &'a [TokenWithSpan],
    /// The tokens of the statement that is being parsed.
    pub(crate) range: Range<usize>,
    pub(crate) sink: Diagnostics,
    pub(crate) variables: Vec<Declaration>,
    pub(crate) settings: Vec<Setting>,
    pub(crate) relations: Vec<Relation>,
    /// All declared relations, including those whose statement has errors.
    pub(crate) names: BTreeSet<String>,
    /// The lines of their declarations, by lower-case name.
    lines: BTreeMap<String, u32>,
    /// Words of statements with errors before the declared name. A reference
    /// to one of them is not reported as unknown.
    pub(crate) unclear: BTreeSet<String>,
    /// Strings that may contain `${…}`.
    pub(crate) strings: Vec<Spanned<String>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(source: &'a SourceText, tokens: &'a [TokenWithSpan]) -> Self {
        Self {
            source,
            tokens,
            range: 0..0,
            sink: Diagnostics::new(),
            variables: Vec::new(),
            settings: Vec::new(),
            relations: Vec::new(),
            names: BTreeSet::new(),
            lines: BTreeMap::new(),
            unclear: BTreeSet::new(),
            strings: Vec::new(),
        }
    }

    /// Records that the file declares a relation, before the rest of its
    /// statement is parsed and may fail.
    pub(crate) fn declare(&mut self, name: &Name) {
        let lower = name.value.to_lowercase();
        if let Some(line) = self.lines.get(&lower) {
            self.sink.push(
                Diagnostic::error(
                    codes::DUPLICATE_RELATION,
                    format!("`{}` is declared twice", name.written),
                )
                .at(name.span)
                .label(format!("first declared on line {line}"))
                .help("sources, views and datasets share their names; rename one of them"),
            );
        } else if lower == "stream" {
            self.sink.push(
                Diagnostic::error(codes::BAD_NAME, "`stream` cannot be the name of a relation")
                    .at(name.span)
                    .label("reserved for reading streams"),
            );
        }
        self.names.insert(name.value.clone());
        self.lines.entry(lower).or_insert(name.span.start.line);
    }

    /// Records a string that may contain variables.
    pub(crate) fn string(&mut self, string: &Spanned<String>) {
        if string.value.contains("${") {
            self.strings.push(string.clone());
        }
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&Declaration> {
        self.variables.iter().find(|v| v.public.name == name)
    }

    /// Whether the text can be checked only when the variables are known.
    pub(crate) fn waits(text: &str) -> bool {
        template::has_variables(text)
    }
}
