//! The statistics of a file as the log has them: JSON in a string.

use arrow::datatypes::{DataType, Field, Fields, Schema};
use serde_json::{Map, Value};

use crate::files::data_file::FileStats;

impl FileStats {
    /// The statistics in the form of the Delta protocol ("Per-file Statistics").
    /// `schema` has the columns of the table.
    ///
    /// Decimals become JSON numbers with all their digits, as Delta Lake writes
    /// them. A number of `serde_json` would be a double.
    pub(crate) fn to_log_text(&self, schema: &Schema) -> String {
        let mut text = format!("{{\"numRecords\":{}", self.num_records);
        for (name, values) in [
            ("minValues", &self.min_values),
            ("maxValues", &self.max_values),
            ("nullCount", &self.null_count),
        ] {
            if !values.is_empty() {
                text.push_str(&format!(",\"{name}\":"));
                push_struct(&mut text, values, schema.fields());
            }
        }
        text.push('}');
        text
    }
}

fn push_struct(text: &mut String, values: &Map<String, Value>, fields: &Fields) {
    text.push('{');
    for (at, (name, value)) in values.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&Value::from(name.as_str()).to_string());
        text.push(':');
        let field = fields.iter().find(|field| field.name() == name);
        push_value(text, value, field.map(|field| field.as_ref()));
    }
    text.push('}');
}

fn push_value(text: &mut String, value: &Value, field: Option<&Field>) {
    match (value, field.map(Field::data_type)) {
        (Value::Object(values), Some(DataType::Struct(fields))) => {
            push_struct(text, values, fields);
        }
        (Value::String(digits), Some(DataType::Decimal128(_, _))) => text.push_str(digits),
        (other, _) => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn decimals_are_numbers_with_all_digits_at_every_depth() {
        let decimal = DataType::Decimal128(38, 2);
        let inner = Fields::from(vec![
            Field::new("d", decimal.clone(), true),
            Field::new("s", DataType::Utf8, true),
        ]);
        let schema = Schema::new(vec![
            Field::new("d", decimal, true),
            Field::new("s", DataType::Utf8, true),
            Field::new("in \"quotes\"", DataType::Struct(inner), true),
        ]);
        let values = |value: Value| value.as_object().cloned().unwrap_or_default();
        let stats = FileStats {
            num_records: 2,
            min_values: values(json!({
                "d": "-123456789012345678901234567890.10",
                "s": "1.5",
                "in \"quotes\"": {"d": "0.01", "s": "2.5"},
            })),
            max_values: Map::new(),
            null_count: values(json!({"d": 0, "in \"quotes\"": {"d": 1}})),
        };
        assert_eq!(
            stats.to_log_text(&schema),
            r#"{"numRecords":2,"minValues":{"d":-123456789012345678901234567890.10,"s":"1.5","in \"quotes\"":{"d":0.01,"s":"2.5"}},"nullCount":{"d":0,"in \"quotes\"":{"d":1}}}"#
        );
    }
}
