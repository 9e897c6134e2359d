//! The state of parsing one file: the statements read so far.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use sqlparser::tokenizer::TokenWithSpan;

use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::job::function::SqlFunction;
use crate::job::variable::VariableDeclaration;
use crate::job::{METADATA_PREFIX, Relation, Setting};
use crate::span::Spanned;
use crate::statements::read_files::NAME_PREFIX;
use crate::syntax::source_text::SourceText;
use crate::syntax::streams::STREAM_PREFIX;
use crate::syntax::token_cursor::Name;

/// Collects statements and diagnostics while a file is parsed.
pub(crate) struct ParseContext<'a> {
    pub(crate) source: &'a SourceText,
    pub(crate) tokens: &'a [TokenWithSpan],
    /// The tokens of the statement that is being parsed.
    pub(crate) statement_range: Range<usize>,
    pub(crate) diagnostics: Diagnostics,
    pub(crate) variables: Vec<VariableDeclaration>,
    pub(crate) settings: Vec<Setting>,
    pub(crate) relations: Vec<Relation>,
    pub(crate) functions: Vec<SqlFunction>,
    /// All declared relations, including those whose statement has errors.
    pub(crate) declared_names: BTreeSet<String>,
    /// The lines of their declarations, by lower-case name.
    declaration_lines: BTreeMap<String, u32>,
    /// Words of statements with errors before the declared name. A reference
    /// to one of them is not reported as unknown.
    pub(crate) possibly_declared: BTreeSet<String>,
    /// Strings that may contain `${…}`.
    pub(crate) placeholder_strings: Vec<Spanned<String>>,
}

impl<'a> ParseContext<'a> {
    pub(crate) fn new(source: &'a SourceText, tokens: &'a [TokenWithSpan]) -> Self {
        Self {
            source,
            tokens,
            statement_range: 0..0,
            diagnostics: Diagnostics::new(),
            variables: Vec::new(),
            settings: Vec::new(),
            relations: Vec::new(),
            functions: Vec::new(),
            declared_names: BTreeSet::new(),
            declaration_lines: BTreeMap::new(),
            possibly_declared: BTreeSet::new(),
            placeholder_strings: Vec::new(),
        }
    }

    /// Records that the file declares a relation, before the rest of its
    /// statement is parsed and may fail.
    pub(crate) fn declare_relation(&mut self, name: &Name) {
        let lower = name.value.to_lowercase();
        if let Some(line) = self.declaration_lines.get(&lower) {
            self.diagnostics.push(
                Diagnostic::error(
                    codes::DUPLICATE_RELATION,
                    format!("`{}` is declared twice", name.written),
                )
                .with_span(name.span)
                .with_label(format!("first declared on line {line}"))
                .with_help("sources, views and datasets share their names; rename one of them"),
            );
        } else if lower == "stream"
            || [STREAM_PREFIX, "flow ", NAME_PREFIX, METADATA_PREFIX]
                .iter()
                .any(|prefix| lower.starts_with(prefix))
        {
            self.diagnostics.push(
                Diagnostic::error(
                    codes::BAD_NAME,
                    format!("`{}` cannot be the name of a relation", name.written),
                )
                .with_span(name.span)
                .with_label("reserved for the tables of streams, flows and files"),
            );
        }
        self.declared_names.insert(name.value.clone());
        self.declaration_lines
            .entry(lower)
            .or_insert(name.span.start.line);
    }

    /// Records a string that may contain variables.
    pub(crate) fn record_string(&mut self, string: &Spanned<String>) {
        if string.value.contains("${") {
            self.placeholder_strings.push(string.clone());
        }
    }

    pub(crate) fn find_variable(&self, name: &str) -> Option<&VariableDeclaration> {
        self.variables.iter().find(|v| v.variable.name == name)
    }
}
