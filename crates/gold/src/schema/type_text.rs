//! Types of a table's columns as SQL writes them.

use serde_json::Value;

/// A column of a table, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnText {
    pub name: String,
    /// Such as `ARRAY<STRUCT<sku: STRING, price: DECIMAL(10,2)>>`.
    pub data_type: String,
    pub nullable: bool,
    pub comment: Option<String>,
}

/// The columns of a schema as Delta's log holds it (Delta protocol, "Schema
/// Serialization Format"). Columns that are written in another form are left out.
pub(crate) fn column_texts(schema: &str) -> Vec<ColumnText> {
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let fields = schema["fields"].as_array();
    let fields = fields.into_iter().flatten();
    fields
        .filter_map(|field| {
            let comment = field["metadata"][super::COMMENT_KEY].as_str();
            Some(ColumnText {
                name: field["name"].as_str()?.to_owned(),
                data_type: type_text(&field["type"]),
                nullable: field["nullable"].as_bool().unwrap_or(true),
                comment: comment.map(str::to_owned),
            })
        })
        .collect()
}

fn type_text(data_type: &Value) -> String {
    if let Some(name) = data_type.as_str() {
        return match name {
            "byte" => "TINYINT".to_owned(),
            "short" => "SMALLINT".to_owned(),
            "integer" => "INT".to_owned(),
            "long" => "BIGINT".to_owned(),
            other => other.to_uppercase(),
        };
    }
    match data_type["type"].as_str() {
        Some("array") => format!("ARRAY<{}>", type_text(&data_type["elementType"])),
        Some("map") => {
            let (key, value) = (&data_type["keyType"], &data_type["valueType"]);
            format!("MAP<{}, {}>", type_text(key), type_text(value))
        }
        Some("struct") => {
            let fields = data_type["fields"].as_array();
            let fields: Vec<String> = fields
                .into_iter()
                .flatten()
                .map(|field| {
                    let name = field["name"].as_str().unwrap_or_default();
                    format!("{name}: {}", type_text(&field["type"]))
                })
                .collect();
            format!("STRUCT<{}>", fields.join(", "))
        }
        _ => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_written_as_in_sql() {
        let schema = r#"{"type":"struct","fields":[
            {"name":"id","type":"long","nullable":false,"metadata":{"comment":"unique"}},
            {"name":"price","type":"decimal(10,2)","nullable":true,"metadata":{}},
            {"name":"items","type":{"type":"array","containsNull":true,"elementType":
                {"type":"struct","fields":[{"name":"sku","type":"string","nullable":true,"metadata":{}},
                 {"name":"n","type":{"type":"map","keyType":"string","valueType":"integer","valueContainsNull":true},
                  "nullable":true,"metadata":{}}]}},"nullable":true,"metadata":{}}]}"#;
        let columns = column_texts(schema);
        let types: Vec<&str> = columns.iter().map(|c| c.data_type.as_str()).collect();
        assert_eq!(
            types,
            [
                "BIGINT",
                "DECIMAL(10,2)",
                "ARRAY<STRUCT<sku: STRING, n: MAP<STRING, INT>>>"
            ]
        );
        assert_eq!(columns[0].comment.as_deref(), Some("unique"));
        assert!(!columns[0].nullable && columns[1].nullable);
        assert!(column_texts("no schema").is_empty());
    }
}
