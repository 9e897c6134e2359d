//! `schema_of_json(text)`: the schema that Spark reads a text with.

use super::value::Json;

/// What is known of the values at a place.
#[derive(Debug, Clone, PartialEq)]
enum Inferred {
    /// Nothing but NULL.
    Unknown,
    Boolean,
    Long,
    /// Whole numbers of that many digits, which a BIGINT cannot hold.
    Decimal(usize),
    Double,
    Text,
    Array(Box<Inferred>),
    /// Sorted by name.
    Struct(Vec<(String, Inferred)>),
}

/// The schema of a JSON text; `None` when it is malformed.
pub(crate) fn schema_of_json(text: &str) -> Option<String> {
    let mut schema = String::new();
    let inferred = infer(&Json::parse(text)?);
    let shown = match &inferred {
        // The outermost struct, and that of an array, may be without fields.
        Inferred::Struct(_) => inferred.without_empty(),
        Inferred::Array(element) => Some(Inferred::Array(Box::new(
            element
                .without_empty()
                .unwrap_or_else(|| element.as_ref().clone()),
        ))),
        _ => None,
    };
    shown.unwrap_or(inferred).write_to(&mut schema);
    Some(schema)
}

fn infer(value: &Json) -> Inferred {
    match value {
        Json::Null => Inferred::Unknown,
        Json::Boolean(_) => Inferred::Boolean,
        Json::Text(_) => Inferred::Text,
        Json::Number(number) => infer_number(number),
        Json::Array(values) => {
            let element = values.iter().map(infer).fold(Inferred::Unknown, merge);
            Inferred::Array(Box::new(element))
        }
        Json::Object(fields) => fields
            .iter()
            .map(|(name, value)| Inferred::Struct(vec![(name.clone(), infer(value))]))
            .fold(Inferred::Struct(Vec::new()), merge),
    }
}

fn infer_number(number: &str) -> Inferred {
    let digits = number.trim_start_matches('-');
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Inferred::Double
    } else if number.parse::<i64>().is_ok() {
        Inferred::Long
    } else if digits.len() <= 38 {
        Inferred::Decimal(digits.len())
    } else {
        Inferred::Double
    }
}

/// What holds both values.
fn merge(one: Inferred, other: Inferred) -> Inferred {
    use Inferred as I;
    match (one, other) {
        (I::Unknown, known) | (known, I::Unknown) => known,
        (I::Array(one), I::Array(other)) => I::Array(Box::new(merge(*one, *other))),
        (I::Struct(mut fields), I::Struct(others)) => {
            for (name, inferred) in others {
                match fields.binary_search_by(|(known, _)| known.cmp(&name)) {
                    Ok(at) => {
                        if let Some((_, known)) = fields.get_mut(at) {
                            *known = merge(known.clone(), inferred);
                        }
                    }
                    Err(at) => fields.insert(at, (name, inferred)),
                }
            }
            I::Struct(fields)
        }
        (I::Decimal(one), I::Decimal(other)) => I::Decimal(one.max(other)),
        (I::Decimal(digits), I::Long) | (I::Long, I::Decimal(digits)) => I::Decimal(digits.max(20)),
        (I::Double, I::Long | I::Decimal(_)) | (I::Long | I::Decimal(_), I::Double) => I::Double,
        (one, other) if one == other => one,
        _ => I::Text,
    }
}

impl Inferred {
    /// Without the structs that have no fields, which Spark leaves out; `None` if it is one.
    fn without_empty(&self) -> Option<Self> {
        match self {
            Self::Struct(fields) => {
                let kept: Vec<(String, Self)> = fields
                    .iter()
                    .filter_map(|(name, inferred)| Some((name.clone(), inferred.without_empty()?)))
                    .collect();
                (!kept.is_empty()).then_some(Self::Struct(kept))
            }
            Self::Array(element) => Some(Self::Array(Box::new(element.without_empty()?))),
            other => Some(other.clone()),
        }
    }

    fn write_to(&self, text: &mut String) {
        match self {
            Self::Unknown | Self::Text => text.push_str("STRING"),
            Self::Boolean => text.push_str("BOOLEAN"),
            Self::Long => text.push_str("BIGINT"),
            Self::Decimal(digits) => text.push_str(&format!("DECIMAL({digits},0)")),
            Self::Double => text.push_str("DOUBLE"),
            Self::Array(element) => {
                text.push_str("ARRAY<");
                element.write_to(text);
                text.push('>');
            }
            Self::Struct(fields) => {
                text.push_str("STRUCT<");
                for (at, (name, inferred)) in fields.iter().enumerate() {
                    if at > 0 {
                        text.push_str(", ");
                    }
                    text.push_str(&quote_name(name));
                    text.push_str(": ");
                    inferred.write_to(text);
                }
                text.push('>');
            }
        }
    }
}

fn quote_name(name: &str) -> String {
    let is_plain = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.bytes().all(|b| b.is_ascii_digit());
    if is_plain {
        name.to_owned()
    } else {
        format!("`{}`", name.replace('`', "``"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_sparks() {
        for (text, schema) in [
            (r#"[{"col":0}]"#, Some("ARRAY<STRUCT<col: BIGINT>>")),
            (
                r#"{"b":"x","a":1,"c d":[1,2.5],"e":null,"f":true}"#,
                Some("STRUCT<a: BIGINT, b: STRING, `c d`: ARRAY<DOUBLE>, e: STRING, f: BOOLEAN>"),
            ),
            (
                r#"[{"a":1},{"b":[]},{"a":"x"}]"#,
                Some("ARRAY<STRUCT<a: STRING, b: ARRAY<STRING>>>"),
            ),
            (
                r#"{"a":1,"b":{},"c":[{}],"d":{"e":{}}}"#,
                Some("STRUCT<a: BIGINT>"),
            ),
            ("{}", Some("STRUCT<>")),
            ("[{}]", Some("ARRAY<STRUCT<>>")),
            ("{", None),
        ] {
            assert_eq!(schema_of_json(text).as_deref(), schema, "{text}");
        }
    }
}
