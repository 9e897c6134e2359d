//! Paths into JSON: `$.a.b[0]['c'][*]`.

use super::value::Json;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Name(String),
    Index(usize),
    /// `[*]`.
    Elements,
    /// `.*`.
    Fields,
}

/// The steps of a path; `None` when it is malformed.
pub(super) fn parse_path(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, tail) = after.split_at(end);
            steps.push(match name {
                "" => return None,
                "*" => Step::Fields,
                name => Step::Name(name.to_owned()),
            });
            rest = tail;
            continue;
        }
        let inside = rest.strip_prefix('[')?;
        if let Some(quoted) = inside.strip_prefix('\'') {
            let (name, tail) = quoted.split_once("']")?;
            if name.is_empty() {
                return None;
            }
            steps.push(Step::Name(name.to_owned()));
            rest = tail;
            continue;
        }
        let (index, tail) = inside.split_once(']')?;
        steps.push(match index {
            "*" => Step::Elements,
            index if index.bytes().all(|b| b.is_ascii_digit()) => Step::Index(index.parse().ok()?),
            _ => return None,
        });
        rest = tail;
    }
    Some(steps)
}

/// The values at a path. A step by name into an array goes into its elements,
/// where a wildcard came before.
pub(super) fn find_values<'a>(value: &'a Json, steps: &[Step]) -> Vec<&'a Json> {
    let Some((step, rest)) = steps.split_first() else {
        return vec![value];
    };
    match (step, value) {
        (Step::Name(name), Json::Object(fields)) => fields
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| find_values(value, rest))
            // The first that leads to something counts.
            .find(|found| found.iter().any(|value| **value != Json::Null))
            .unwrap_or_default(),
        (Step::Index(at), Json::Array(values)) => values
            .get(*at)
            .map_or_else(Vec::new, |value| find_values(value, rest)),
        (Step::Elements, Json::Array(values)) => values
            .iter()
            .flat_map(|value| find_values(value, rest))
            .collect(),
        (Step::Fields, Json::Object(fields)) => fields
            .iter()
            .flat_map(|(_, value)| find_values(value, rest))
            .collect(),
        _ => Vec::new(),
    }
}
