//! Binds parameters to the variables of a job file.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice_values::{list_names, nearest_name};

use crate::check::substitute::{self, Values};
use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::file::JobFile;
use crate::job::variable::{DefaultValue, Variable, VariableDeclaration, option_name};
use crate::job::{GOLD_VARIABLE, Job, Relation};
use crate::span::Spanned;
use crate::statements::key_values::CheckPhase;
use crate::statements::{setting, source, source_options, table_properties};
use crate::values::variable_value::{ValueText, bad_default_error, normalize_value};

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
            variables: self.job_variables(params, values),
            value_variables: self.value_variables.clone(),
            warnings,
        })
    }

    /// The variables of the job. `gold` is one of them also when the file does not
    /// declare it; its queries then do not know it.
    fn job_variables(
        &self,
        params: &BTreeMap<String, String>,
        values: Values,
    ) -> BTreeMap<String, Option<String>> {
        let values = values.into_iter();
        let mut variables: BTreeMap<String, Option<String>> =
            values.map(|(name, (_, text))| (name, text)).collect();
        if let Some((_, gold)) = normalize_parameters(params).get(GOLD_VARIABLE) {
            let gold = || Some((*gold).to_owned());
            variables
                .entry(GOLD_VARIABLE.to_owned())
                .or_insert_with(gold);
        }
        variables
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
            let given = given_params.get(&variable.name).map(|(_, text)| *text);
            match resolve_value(declaration, given, &values) {
                Ok(text) => {
                    values.insert(variable.name.clone(), (variable.ty.clone(), text));
                }
                Err(problem) => diagnostics.push(*problem),
            }
        }
        values
    }
}

/// The value of a variable; `values` are those of the variables above it, which its
/// default may use.
fn resolve_value(
    declaration: &VariableDeclaration,
    given: Option<&str>,
    values: &Values,
) -> Result<ValueText, Box<Diagnostic>> {
    let Variable { name, ty, span, .. } = &declaration.variable;
    if let Some(text) = given {
        return match normalize_value(ty, text) {
            Ok(text) => Ok(Some(text)),
            Err(expected) => Err(Box::new(
                Diagnostic::error(
                    codes::BAD_PARAMETER,
                    format!("`{text}` is not a value of `--{}`", option_name(name)),
                )
                .with_span(*span)
                .with_label(format!("{ty}: expected {expected}")),
            )),
        };
    }
    let Some(default) = &declaration.default else {
        return Err(Box::new(
            Diagnostic::error(
                codes::MISSING_PARAMETER,
                format!("the parameter `{name}` is missing"),
            )
            .with_span(*span)
            .with_label("has no DEFAULT, so it must be given")
            .with_help(format!(
                "add `--{} VALUE` to the command",
                option_name(name)
            )),
        ));
    };
    let text = match &default.value {
        DefaultValue::Null => None,
        DefaultValue::Text(text) => Some(substitute::expand_text(text, values)),
        DefaultValue::Variable(other) => values.get(other).and_then(|(_, text)| text.clone()),
    };
    match text.map(|text| normalize_value(ty, &text)).transpose() {
        Ok(text) => Ok(text),
        Err(expected) => Err(Box::new(bad_default_error(
            &declaration.variable,
            &expected,
            default.span,
        ))),
    }
}

/// Parameters by the names of variables; `-` and `_` are the same in an option.
fn normalize_parameters(params: &BTreeMap<String, String>) -> BTreeMap<String, (&str, &str)> {
    params
        .iter()
        .map(|(key, value)| {
            let name = key.trim_start_matches('-').to_lowercase().replace('-', "_");
            (name, (key.as_str(), value.as_str()))
        })
        .collect()
}

fn unknown_parameter_error(name: &str, key: &str, names: &[&str]) -> Diagnostic {
    let flags: Vec<String> = names
        .iter()
        .map(|name| format!("--{}", option_name(name)))
        .collect();
    let flags = flags.iter().map(String::as_str);
    let help = match nearest_name(name, names.iter().copied()) {
        Some(near) => format!("did you mean `--{}`?", option_name(near)),
        None => format!("the job's parameters are {}", list_names(flags)),
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
            source_options::apply_options(item, CheckPhase::AfterBinding, diagnostics);
        }
        Relation::View(item) => substitute::substitute_variables(&mut item.query, values),
        Relation::Flow(item) => {
            substitute::substitute_variables(&mut item.query, values);
            if let Some(part) = &mut item.part {
                substitute::substitute_variables(&mut part.query, values);
            }
        }
        Relation::Dataset(item) => {
            if let Some(query) = &mut item.query {
                substitute::substitute_variables(query, values);
            }
            expand_all(&mut item.properties);
            table_properties::apply_properties(item, CheckPhase::AfterBinding, diagnostics);
        }
    }
}
