//! The columns of sources that declare none, once they are found in their files.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::job::{Column, Format, Inference, Job, NewFields, Relation, Source};
use crate::statements::new_fields::{RESCUED_DATA, rescued_column};

impl Job {
    /// The sources whose columns are to be found in their files.
    pub fn inferred_sources(&self) -> impl Iterator<Item = (&Source, &Inference)> {
        self.relations.iter().filter_map(|relation| match relation {
            Relation::Source(source) => Some((source, source.inference.as_ref()?)),
            _ => None,
        })
    }

    /// The job with the columns of these sources, by name. A source that is read as a
    /// stream gets a column for values that do not fit their columns, unless its options say
    /// otherwise: what is new can add columns and not change them.
    ///
    /// # Errors
    /// Columns whose names differ only in case, and those with the name of a variable that
    /// a query names: which of them it means is not known.
    pub fn with_columns(
        &self,
        mut found: BTreeMap<String, Vec<Column>>,
    ) -> Result<Self, Diagnostics> {
        let mut job = self.clone();
        let streamed: BTreeSet<&String> =
            self.relations.iter().flat_map(Relation::streams).collect();
        let mut diagnostics = Diagnostics::new();
        for relation in &mut job.relations {
            let Relation::Source(source) = relation else {
                continue;
            };
            let Some(columns) = found.remove(&source.name) else {
                continue;
            };
            let adds = source.inference.as_ref().is_some_and(|of| of.adds_columns);
            let is_kept =
                source.format == Format::Parquet || source.new_fields != NewFields::Skipped;
            if adds && !is_kept && streamed.contains(&source.name) {
                source.new_fields = NewFields::Rescued(RESCUED_DATA.to_owned());
            }
            let problems = set_columns(source, columns, &self.value_variables);
            diagnostics.extend(problems);
        }
        if diagnostics.has_errors() {
            return Err(diagnostics.finish_for_file(&self.file_name));
        }
        Ok(job)
    }
}

fn set_columns(
    source: &mut Source,
    found: Vec<Column>,
    variables: &BTreeSet<String>,
) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let rescued = match &source.new_fields {
        NewFields::Rescued(name) => Some(name.clone()),
        NewFields::Skipped | NewFields::Refused => None,
    };
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for column in found {
        let lower = column.name.to_lowercase();
        if rescued.as_ref() == Some(&lower) {
            continue;
        }
        if let Some(other) = names.get(&lower) {
            // As JSON, the value is kept with the name that it has.
            if rescued.is_none() {
                problems.push(ambiguous_fields(source, other, &column.source_name));
            }
            continue;
        }
        if variables.contains(&lower) {
            problems.push(hidden_variable(source, &lower));
        }
        names.insert(lower, column.source_name.clone());
        source.columns.push(column);
    }
    if let Some(name) = rescued {
        source.columns.push(rescued_column(&name, source.span));
    }
    if source.columns.is_empty() {
        problems.push(
            Diagnostic::error(
                codes::MISSING_CLAUSE,
                "no file of the source has a record, so its columns are not known",
            )
            .with_span(source.span)
            .with_help("declare its columns, or run the job when there is something to read"),
        );
    }
    problems
}

fn ambiguous_fields(source: &Source, one: &str, other: &str) -> Diagnostic {
    Diagnostic::error(
        codes::DUPLICATE_COLUMN,
        format!("the files have the fields `{one}` and `{other}`, whose names differ only in case"),
    )
    .with_span(source.span)
    .with_help("declare the columns, with one of them; or set schemaEvolutionMode to `rescue`")
}

fn hidden_variable(source: &Source, name: &str) -> Diagnostic {
    Diagnostic::error(
        codes::AMBIGUOUS_VARIABLE,
        format!("the files have a column `{name}`, and queries name the variable `{name}`"),
    )
    .with_span(source.span)
    .with_label("the columns of this source are found in its files")
    .with_help("rename the variable")
}
