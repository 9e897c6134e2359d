//! `doc:a.b[0]`: a value in a text of JSON, as `get_json_object(doc, '$.a.b[0]')`.

use sluice_jobfile::Diagnostic;
use sqlparser::ast::{Expr, JsonPath, JsonPathElem, Spanned, Value};

use super::{call_function, error_at};

/// Rewrites a path after a colon.
pub(super) fn read_path(expr: &mut Expr) -> Result<(), Box<Diagnostic>> {
    let Expr::JsonAccess { value, path } = expr else {
        return Ok(());
    };
    let text = path_text(path)?;
    let path = Expr::Value(Value::SingleQuotedString(text).with_span(value.span()));
    *expr = call_function("get_json_object", vec![value.as_ref().clone(), path]);
    Ok(())
}

fn path_text(path: &JsonPath) -> Result<String, Box<Diagnostic>> {
    let mut text = "$".to_owned();
    for element in &path.path {
        match element {
            JsonPathElem::Dot { key, .. } => text.push_str(&format!("['{key}']")),
            JsonPathElem::Bracket { key } | JsonPathElem::ColonBracket { key } => {
                let constant = match key {
                    Expr::Value(value) => Some(&value.value),
                    _ => None,
                };
                match constant {
                    Some(Value::Number(digits, _)) => text.push_str(&format!("[{digits}]")),
                    Some(Value::SingleQuotedString(key)) => text.push_str(&format!("['{key}']")),
                    _ => {
                        return Err(Box::new(
                            error_at("a path after a colon holds constants", key.span())
                                .with_help("write get_json_object(text, path)"),
                        ));
                    }
                }
            }
        }
    }
    Ok(text)
}
