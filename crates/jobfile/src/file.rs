//! A job file as a whole: parses all statements and checks them against each
//! other.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::columns::{self, Known};
use crate::context::Context;
use crate::cursor::Cursor;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::{self, Node};
use crate::job::{Relation, Setting};
use crate::lex::{self, Lexed};
use crate::references;
use crate::span::{Pos, Span};
use crate::text::SourceText;
use crate::variable::{Declaration, Variable};
use crate::{codes, statement, substitute, template};

/// A job file whose statements are valid, before its parameters are known.
#[derive(Debug, Clone)]
pub struct JobFile {
    pub(crate) file_name: String,
    pub(crate) source: SourceText,
    pub(crate) declarations: Vec<Declaration>,
    pub(crate) public_variables: Vec<Variable>,
    pub(crate) settings: Vec<Setting>,
    /// In the order of [`Job::relations`](crate::Job::relations); strings still contain `${…}`.
    pub(crate) relations: Vec<Relation>,
    pub(crate) warnings: Diagnostics,
}

/// Parses the text of a job file. `file_name` is used in messages only.
///
/// # Errors
/// All errors that can be found without parameters, ordered by position.
pub fn parse(file_name: &str, text: &str) -> Result<JobFile, Diagnostics> {
    let source =
        SourceText::new(text).map_err(|problem| Diagnostics::from(*problem).finish(file_name))?;
    let mut sink = Diagnostics::new();
    let lexed = lex::lex(&source, &mut sink);
    let mut context = Context::new(&source, &lexed.tokens);
    context.sink = sink;
    let broken = statements(&mut context, &lexed);
    let relations = check(&mut context, &lexed, broken);
    let Context {
        sink,
        variables,
        settings,
        ..
    } = context;
    let warnings = sink.finish(file_name);
    if warnings.has_errors() {
        return Err(warnings);
    }
    Ok(JobFile {
        file_name: file_name.to_owned(),
        public_variables: variables.iter().map(|v| v.public.clone()).collect(),
        declarations: variables,
        settings,
        relations,
        warnings,
        source,
    })
}

impl JobFile {
    /// The declared variables in file order: the job's parameters.
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
fn statements(context: &mut Context<'_>, lexed: &Lexed) -> bool {
    let mut broken = lexed.truncated || context.sink.has_errors();
    for range in &lexed.statements {
        context.range = range.clone();
        let mut cursor = Cursor::new(&lexed.tokens, range);
        let known = context.names.len();
        if let Err(problem) = statement::parse(context, &mut cursor) {
            context.sink.push(*problem);
            broken = true;
            if context.names.len() == known {
                let words = lexed.tokens[range.clone()]
                    .iter()
                    .filter_map(|token| lex::plain_word(&token.token));
                context.unclear.extend(words.map(str::to_lowercase));
            }
        }
    }
    broken
}

/// Checks statements against each other and puts relations in order.
fn check(context: &mut Context<'_>, lexed: &Lexed, broken: bool) -> Vec<Relation> {
    if lexed.statements.is_empty() && !context.sink.has_errors() {
        context.sink.push(
            Diagnostic::error(codes::EMPTY_FILE, "the job file contains no statements").help(
                "begin with CREATE EXTERNAL TABLE for the input and CREATE OR REFRESH MATERIALIZED VIEW for the output",
            ),
        );
        return Vec::new();
    }
    let mut relations = std::mem::take(&mut context.relations);
    let declared = std::mem::take(&mut context.names);
    let nodes = nodes(&mut relations, &declared, &mut context.sink);
    if !lexed.truncated {
        graph::unknown(&nodes, &declared, &context.unclear, &mut context.sink);
    }
    graph::cycles(&nodes, &mut context.sink);
    let order = graph::order(&nodes);
    let used = check_variables(context, &relations, &order);
    if !broken && !relations.iter().any(|r| matches!(r, Relation::Dataset(_))) {
        context.sink.push(no_dataset(context, &relations));
    }
    if !context.sink.has_errors() {
        let findings = unused(&relations, &nodes, &context.variables, &used);
        context.sink.extend(findings);
    }
    let mut slots: Vec<Option<Relation>> = relations.into_iter().map(Some).collect();
    order
        .into_iter()
        .filter_map(|i| slots.get_mut(i).and_then(Option::take))
        .collect()
}

/// What each relation reads. Also sets `depends_on` of the relations.
fn nodes(
    relations: &mut [Relation],
    declared: &BTreeSet<String>,
    sink: &mut Diagnostics,
) -> Vec<Node> {
    relations
        .iter_mut()
        .map(|relation| {
            let references = relation
                .query()
                .map(|query| references::find(query, declared, sink))
                .unwrap_or_default();
            let mut names: Vec<String> = Vec::new();
            for reference in &references {
                if !names.contains(&reference.name) {
                    names.push(reference.name.clone());
                }
            }
            match relation {
                Relation::Source(_) => {}
                Relation::View(view) => view.depends_on = names,
                Relation::Dataset(dataset) => dataset.depends_on = names,
            }
            Node {
                name: relation.name().to_owned(),
                references,
            }
        })
        .collect()
}

/// Checks every use of a variable. Returns the names of the used variables.
fn check_variables(
    context: &mut Context<'_>,
    relations: &[Relation],
    order: &[usize],
) -> BTreeSet<String> {
    let variables: Vec<String> = context
        .variables
        .iter()
        .map(|v| v.public.name.clone())
        .collect();
    let variables: Vec<&str> = variables.iter().map(String::as_str).collect();
    let mut used = BTreeSet::new();
    let mut strings = std::mem::take(&mut context.strings);
    let mut known = Known::new();
    let in_use = !variables.is_empty();
    // Relations of a cycle come last: the columns they read are unknown.
    let ordered: BTreeSet<usize> = order.iter().copied().collect();
    let in_cycles = (0..relations.len()).filter(|i| !ordered.contains(i));
    for i in order.iter().copied().chain(in_cycles) {
        let relation = &relations[i];
        if let Some(query) = relation.query() {
            let usage = substitute::usage(query, &variables, &known, &mut context.sink);
            used.extend(usage.names);
            strings.extend(usage.strings);
        }
        if !in_use {
            continue;
        }
        let columns = match relation {
            Relation::Source(source) => source
                .columns
                .iter()
                .map(|column| column.name.to_lowercase())
                .collect(),
            Relation::View(view) => columns::output(&view.query, &known),
            Relation::Dataset(dataset) => columns::output(&dataset.query, &known),
        };
        known.insert(relation.name().to_owned(), Rc::new(columns));
    }
    for string in &strings {
        // In a default only the variables above it are visible, elsewhere all.
        let above = context
            .variables
            .iter()
            .position(|v| v.default.as_ref().is_some_and(|d| d.span == string.span));
        let visible = &variables[..above.unwrap_or(variables.len())];
        let findings = template::check(string, context.source, visible);
        context.sink.extend(findings);
        used.extend(template::variables(&string.value));
    }
    used
}

fn no_dataset(context: &Context<'_>, relations: &[Relation]) -> Diagnostic {
    let end = context.source.end();
    let span = relations
        .last()
        .map_or(Span::at(Pos::new(1, 1).min(end)), Relation::span);
    Diagnostic::error(
        codes::NO_DATASET,
        "the job has nothing to do: no dataset is written",
    )
    .at(span)
    .label("the last relation of the file")
    .help("add `CREATE OR REFRESH MATERIALIZED VIEW name AS SELECT …`")
}

fn unused(
    relations: &[Relation],
    nodes: &[Node],
    variables: &[Declaration],
    used: &BTreeSet<String>,
) -> Vec<Diagnostic> {
    let read: BTreeSet<&str> = nodes
        .iter()
        .flat_map(|node| &node.references)
        .map(|reference| reference.name.as_str())
        .collect();
    let of_relations = relations.iter().filter_map(|relation| {
        let code = match relation {
            Relation::Source(_) => codes::UNUSED_SOURCE,
            Relation::View(_) => codes::UNUSED_VIEW,
            Relation::Dataset(_) => return None,
        };
        let (kind, name) = (relation.kind(), relation.name());
        (!read.contains(name)).then(|| {
            Diagnostic::warning(code, format!("no query reads the {kind} `{name}`"))
                .at(relation.span())
                .help("it is not computed; remove it, or read it in a dataset")
        })
    });
    let of_variables = variables
        .iter()
        .filter(|variable| {
            let name = &variable.public.name;
            name != crate::job::GOLD_VARIABLE && !used.contains(name)
        })
        .map(|variable| {
            let name = &variable.public.name;
            Diagnostic::warning(
                codes::UNUSED_VARIABLE,
                format!("nothing uses the variable `{name}`"),
            )
            .at(variable.public.span)
            .help(format!(
                "use `{name}` in a query or `${{{name}}}` in a string, or remove it"
            ))
        });
    of_relations.chain(of_variables).collect()
}

/// Parameters by the names of variables; `-` and `_` are the same in an option.
pub(crate) fn canonical(params: &BTreeMap<String, String>) -> BTreeMap<String, (&str, &str)> {
    params
        .iter()
        .map(|(key, value)| {
            let name = key.trim_start_matches('-').to_lowercase().replace('-', "_");
            (name, (key.as_str(), value.as_str()))
        })
        .collect()
}
