//! Binds parameters to the variables of a job file.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::file::{JobFile, canonical};
use crate::job::{Job, Relation};
use crate::options::Stage;
use crate::span::Spanned;
use crate::substitute::{self, Values};
use crate::variable::{DefaultValue, unfit_default};
use crate::{codes, options, setting, source, suggest, value};

impl JobFile {
    /// Replaces variables by the values of parameters. Keys of `params` are
    /// names of variables, in any case, with `-` or `_`, with or without leading
    /// dashes.
    ///
    /// # Errors
    /// Missing, unknown and ill-typed parameters, and locations and options that
    /// are invalid with these values.
    pub fn bind(&self, params: &BTreeMap<String, String>) -> Result<Job, Diagnostics> {
        let mut sink = self.warnings.clone();
        let values = self.values(params, &mut sink);
        if sink.has_errors() {
            return Err(sink.finish(&self.file_name));
        }
        let mut settings = self.settings.clone();
        for item in &mut settings {
            item.value = substitute::expand(&item.value, &values);
            sink.extend(setting::check(item));
        }
        let mut relations = self.relations.clone();
        for relation in &mut relations {
            bind_relation(relation, &values, &mut sink);
        }
        let warnings = sink.finish(&self.file_name);
        if warnings.has_errors() {
            return Err(warnings);
        }
        Ok(Job {
            file_name: self.file_name.clone(),
            text: Arc::clone(self.source.text()),
            settings,
            relations,
            variables: values
                .into_iter()
                .map(|(name, (_, text))| (name, text))
                .collect(),
            warnings,
        })
    }

    /// The value of each variable: the parameter, or the default.
    fn values(&self, params: &BTreeMap<String, String>, sink: &mut Diagnostics) -> Values {
        let given = canonical(params);
        let names: Vec<&str> = self
            .public_variables
            .iter()
            .map(|v| v.name.as_str())
            .collect();
        for (name, (key, _)) in &given {
            if !names.contains(&name.as_str()) {
                sink.push(unknown(name, key, &names));
            }
        }
        let mut values = Values::new();
        for declaration in &self.declarations {
            let variable = &declaration.public;
            let flag = variable.name.replace('_', "-");
            let text = match (given.get(&variable.name), &declaration.default) {
                (Some((_, text)), _) => match value::normalize(&variable.ty, text) {
                    Ok(text) => Some(text),
                    Err(expected) => {
                        sink.push(
                            Diagnostic::error(
                                codes::BAD_PARAMETER,
                                format!("`{text}` is not a value of `--{flag}`"),
                            )
                            .at(variable.span)
                            .label(format!("{}: expected {expected}", variable.ty)),
                        );
                        continue;
                    }
                },
                (None, None) => {
                    sink.push(
                        Diagnostic::error(
                            codes::MISSING_PARAMETER,
                            format!("the parameter `{}` is missing", variable.name),
                        )
                        .at(variable.span)
                        .label("has no DEFAULT, so it must be given")
                        .help(format!("add `--{flag} VALUE` to the command")),
                    );
                    continue;
                }
                (None, Some(default)) => {
                    let text = match &default.value {
                        DefaultValue::Null => None,
                        DefaultValue::Text(text) => Some(substitute::expand(text, &values)),
                        DefaultValue::Variable(name) => {
                            values.get(name).and_then(|(_, text)| text.clone())
                        }
                    };
                    match text.map(|text| value::normalize(&variable.ty, &text).map_err(|_| text)) {
                        None => None,
                        Some(Ok(text)) => Some(text),
                        Some(Err(text)) => {
                            sink.extend(unfit_default(
                                &variable.name,
                                &variable.ty,
                                &text,
                                default.span,
                            ));
                            continue;
                        }
                    }
                }
            };
            values.insert(variable.name.clone(), (variable.ty.clone(), text));
        }
        values
    }
}

fn unknown(name: &str, key: &str, names: &[&str]) -> Diagnostic {
    let flags: Vec<String> = names
        .iter()
        .map(|n| format!("--{}", n.replace('_', "-")))
        .collect();
    let flags = flags.iter().map(String::as_str);
    let help = match suggest::nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `--{}`?", near.replace('_', "-")),
        None if names.is_empty() => "the job file declares no variables".to_owned(),
        None => format!("the job's parameters are {}", suggest::list(flags)),
    };
    Diagnostic::error(
        codes::UNKNOWN_PARAMETER,
        format!("unknown parameter `--{}`", key.trim_start_matches('-')),
    )
    .help(help)
}

fn bind_relation(relation: &mut Relation, values: &Values, sink: &mut Diagnostics) {
    let expand_all = |map: &mut BTreeMap<String, Spanned<String>>| {
        for item in map.values_mut() {
            item.value = substitute::expand(&item.value, values);
        }
    };
    match relation {
        Relation::Source(item) => {
            item.location = substitute::expand(&item.location, values);
            let location = Spanned::new(item.location.clone(), item.location_span);
            sink.extend(source::check_location(&location));
            expand_all(&mut item.options);
            options::apply_options(item, Stage::Bound, sink);
        }
        Relation::View(item) => substitute::substitute(&mut item.query, values),
        Relation::Dataset(item) => {
            substitute::substitute(&mut item.query, values);
            expand_all(&mut item.properties);
            options::apply_properties(item, Stage::Bound, sink);
        }
    }
}
