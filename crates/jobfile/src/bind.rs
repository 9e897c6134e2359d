//! Binds parameters to the variables of a job file.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::file::{JobFile, normalize_parameters};
use crate::job::{Job, Relation};
use crate::option_clauses::CheckPhase;
use crate::span::Spanned;
use crate::substitute::{self, Values};
use crate::variable::{DefaultValue, bad_default_error};
use crate::{codes, option_clauses, setting, source, suggest, variable_value};

impl JobFile {
    /// Replaces variables by the values of parameters. Keys of `params` are
    /// names of variables, in any case, with `-` or `_`, with or without leading
    /// dashes.
    ///
    /// # Errors
    /// Missing, unknown and ill-typed parameters, and locations and options that
    /// are invalid with these values.
    pub fn bind_parameters(&self, params: &BTreeMap<String, String>) -> Result<Job, Diagnostics> {
        let mut diagnostics = self.warnings.clone();
        let values = self.resolve_values(params, &mut diagnostics);
        if diagnostics.has_errors() {
            return Err(diagnostics.finish_for_file(&self.file_name));
        }
        let mut settings = self.settings.clone();
        for item in &mut settings {
            item.value = substitute::expand_text(&item.value, &values);
            diagnostics.extend(setting::check_setting(item));
        }
        let mut relations = self.relations.clone();
        for relation in &mut relations {
            bind_relation(relation, &values, &mut diagnostics);
        }
        let warnings = diagnostics.finish_for_file(&self.file_name);
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
    fn resolve_values(
        &self,
        params: &BTreeMap<String, String>,
        diagnostics: &mut Diagnostics,
    ) -> Values {
        let given_params = normalize_parameters(params);
        let names: Vec<&str> = self
            .public_variables
            .iter()
            .map(|v| v.name.as_str())
            .collect();
        for (name, (key, _)) in &given_params {
            if !names.contains(&name.as_str()) {
                diagnostics.push(unknown_parameter_error(name, key, &names));
            }
        }
        let mut values = Values::new();
        for declaration in &self.declarations {
            let variable = &declaration.variable;
            let flag = variable.name.replace('_', "-");
            let text = match (given_params.get(&variable.name), &declaration.default) {
                (Some((_, text)), _) => match variable_value::normalize_value(&variable.ty, text) {
                    Ok(text) => Some(text),
                    Err(expected) => {
                        diagnostics.push(
                            Diagnostic::error(
                                codes::BAD_PARAMETER,
                                format!("`{text}` is not a value of `--{flag}`"),
                            )
                            .with_span(variable.span)
                            .with_label(format!("{}: expected {expected}", variable.ty)),
                        );
                        continue;
                    }
                },
                (None, None) => {
                    diagnostics.push(
                        Diagnostic::error(
                            codes::MISSING_PARAMETER,
                            format!("the parameter `{}` is missing", variable.name),
                        )
                        .with_span(variable.span)
                        .with_label("has no DEFAULT, so it must be given")
                        .with_help(format!("add `--{flag} VALUE` to the command")),
                    );
                    continue;
                }
                (None, Some(default)) => {
                    let text = match &default.value {
                        DefaultValue::Null => None,
                        DefaultValue::Text(text) => Some(substitute::expand_text(text, &values)),
                        DefaultValue::Variable(name) => {
                            values.get(name).and_then(|(_, text)| text.clone())
                        }
                    };
                    match text.map(|text| {
                        variable_value::normalize_value(&variable.ty, &text).map_err(|_| text)
                    }) {
                        None => None,
                        Some(Ok(text)) => Some(text),
                        Some(Err(text)) => {
                            diagnostics.extend(bad_default_error(
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

fn unknown_parameter_error(name: &str, key: &str, names: &[&str]) -> Diagnostic {
    let flags: Vec<String> = names
        .iter()
        .map(|n| format!("--{}", n.replace('_', "-")))
        .collect();
    let flags = flags.iter().map(String::as_str);
    let help = match suggest::nearest_name(name, names.iter().copied()) {
        Some(near) => format!("did you mean `--{}`?", near.replace('_', "-")),
        None if names.is_empty() => "the job file declares no variables".to_owned(),
        None => format!("the job's parameters are {}", suggest::list_names(flags)),
    };
    Diagnostic::error(
        codes::UNKNOWN_PARAMETER,
        format!("unknown parameter `--{}`", key.trim_start_matches('-')),
    )
    .with_help(help)
}

fn bind_relation(relation: &mut Relation, values: &Values, diagnostics: &mut Diagnostics) {
    let expand_all = |map: &mut BTreeMap<String, Spanned<String>>| {
        for item in map.values_mut() {
            item.value = substitute::expand_text(&item.value, values);
        }
    };
    match relation {
        Relation::Source(item) => {
            item.location = substitute::expand_text(&item.location, values);
            let location = Spanned::new(item.location.clone(), item.location_span);
            diagnostics.extend(source::check_location(&location));
            expand_all(&mut item.options);
            option_clauses::apply_options(item, CheckPhase::AfterBinding, diagnostics);
        }
        Relation::View(item) => substitute::substitute_variables(&mut item.query, values),
        Relation::Dataset(item) => {
            substitute::substitute_variables(&mut item.query, values);
            expand_all(&mut item.properties);
            option_clauses::apply_properties(item, CheckPhase::AfterBinding, diagnostics);
        }
    }
}
