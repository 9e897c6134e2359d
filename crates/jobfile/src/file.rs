//! A job file as a whole: parses all statements and checks them against each
//! other.

use std::collections::BTreeSet;

use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::check;
use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::functions;
use crate::job::types::DataType;
use crate::job::variable::{Variable, VariableDeclaration};
use crate::job::{GOLD_VARIABLE, Relation, Setting};
use crate::span::{Position, Span};
use crate::statements;
use crate::statements::parse_context::ParseContext;
use crate::syntax::source_text::SourceText;
use crate::syntax::token_cursor::TokenCursor;
use crate::syntax::tokens::{self, TokenizedFile};

/// The most statements of a job file. Each query is planned on its own, with what it
/// reads.
const MAX_STATEMENTS: usize = 5_000;

/// A job file whose statements are valid, before its parameters are known.
#[derive(Debug, Clone)]
pub struct JobFile {
    pub(crate) file_name: String,
    pub(crate) source: SourceText,
    pub(crate) declarations: Vec<VariableDeclaration>,
    pub(crate) public_variables: Vec<Variable>,
    pub(crate) settings: Vec<Setting>,
    /// In the order of [`Job::relations`](crate::Job::relations); strings still contain `${…}`.
    pub(crate) relations: Vec<Relation>,
    /// The variables that queries name as values.
    pub(crate) value_variables: BTreeSet<String>,
    pub(crate) warnings: Diagnostics,
}

/// Parses the text of a job file. `file_name` is used in messages only.
///
/// # Errors
/// All errors that can be found without parameters, ordered by position.
pub fn parse_job_file(file_name: &str, text: &str) -> Result<JobFile, Diagnostics> {
    let source = SourceText::new(text)
        .map_err(|problem| Diagnostics::from(*problem).finish_for_file(file_name))?;
    let mut diagnostics = Diagnostics::new();
    let tokenized = tokens::tokenize_statements(&source, &mut diagnostics);
    let mut context = ParseContext::new(&source, &tokenized.tokens);
    context.diagnostics = diagnostics;
    let broken = parse_statements(&mut context, &tokenized);
    functions::inline_functions(&mut context);
    let checked = check::check_relations(&mut context, &tokenized, broken);
    let ParseContext {
        diagnostics,
        variables,
        settings,
        ..
    } = context;
    let warnings = diagnostics.finish_for_file(file_name);
    if warnings.has_errors() {
        return Err(warnings);
    }
    Ok(JobFile {
        file_name: file_name.to_owned(),
        public_variables: public_variables(&variables),
        declarations: variables,
        settings,
        relations: checked.relations,
        value_variables: checked.value_variables,
        warnings,
        source,
    })
}

/// The parameters of a job: its variables, and the folder of its tables also when the
/// file, as those of other engines, does not declare it.
fn public_variables(declared: &[VariableDeclaration]) -> Vec<Variable> {
    let mut variables: Vec<Variable> = declared.iter().map(|v| v.variable.clone()).collect();
    if !variables.iter().any(|v| v.name == GOLD_VARIABLE) {
        variables.push(Variable {
            name: GOLD_VARIABLE.to_owned(),
            ty: DataType::String,
            default: Some("NULL".to_owned()),
            span: Span::empty_at(Position::new(1, 1)),
            comment: Some("the folder of the tables".to_owned()),
        });
    }
    variables
}

impl JobFile {
    /// The declared variables in file order, and `gold`: the job's parameters.
    pub fn variables(&self) -> &[Variable] {
        &self.public_variables
    }

    /// The file's name as passed by the caller.
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// The file's text, without a byte-order mark.
    pub fn text(&self) -> &str {
        self.source.text()
    }

    /// The names of the datasets that the job writes, in the order in which
    /// they can be computed.
    pub fn datasets(&self) -> impl Iterator<Item = &str> {
        self.relations
            .iter()
            .filter(|relation| matches!(relation, Relation::Dataset(_)))
            .map(Relation::name)
    }

    /// Probable mistakes; no errors.
    pub fn warnings(&self) -> &Diagnostics {
        &self.warnings
    }
}

/// Parses each statement. Returns whether some could not be parsed.
fn parse_statements(context: &mut ParseContext<'_>, tokenized: &TokenizedFile) -> bool {
    let mut broken = tokenized.truncated || context.diagnostics.has_errors();
    if let Some(first) = tokenized.statements.get(MAX_STATEMENTS) {
        let words = tokenized.tokens.get(first.clone()).unwrap_or_default();
        let is_word = |token: &&TokenWithSpan| !matches!(token.token, Token::Whitespace(_));
        let word = words.iter().find(is_word);
        let span = word.and_then(|token| Span::from_sqlparser(token.span));
        context.diagnostics.push(
            Diagnostic::error(
                codes::TOO_MANY_STATEMENTS,
                format!(
                    "the job file has {} statements; at most {MAX_STATEMENTS} are read",
                    tokenized.statements.len()
                ),
            )
            .with_span(span.unwrap_or_else(|| Span::empty_at(context.source.end_position())))
            .with_label("the first one that is too many")
            .with_help("split it into several jobs"),
        );
        return true;
    }
    for range in &tokenized.statements {
        context.statement_range = range.clone();
        let mut cursor = TokenCursor::new(&tokenized.tokens, range);
        let known = context.declared_names.len();
        if let Err(problem) = statements::parse_statement(context, &mut cursor) {
            context.diagnostics.push(*problem);
            broken = true;
            if context.declared_names.len() == known {
                let words = tokenized.tokens[range.clone()]
                    .iter()
                    .filter_map(|token| tokens::plain_word(&token.token));
                context
                    .possibly_declared
                    .extend(words.map(str::to_lowercase));
            }
        }
    }
    broken
}
