//! SQL text in two spellings that mean the same: Spark's, which job files have,
//! and DuckDB's, the oracle.

/// A piece of SQL in both spellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sql {
    pub spark: String,
    pub duckdb: String,
}

impl Sql {
    /// Text that is the same in both.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            spark: text.clone(),
            duckdb: text,
        }
    }

    /// Text that differs.
    pub fn two(spark: impl Into<String>, duckdb: impl Into<String>) -> Self {
        Self {
            spark: spark.into(),
            duckdb: duckdb.into(),
        }
    }

    /// `template` with its `{0}`, `{1}`, … replaced.
    pub fn format(template: &str, parts: &[&Self]) -> Self {
        Self::format_two(template, template, parts)
    }

    /// A template for each spelling.
    pub fn format_two(spark: &str, duckdb: &str, parts: &[&Self]) -> Self {
        let of_spark: Vec<&str> = parts.iter().map(|part| part.spark.as_str()).collect();
        let of_duckdb: Vec<&str> = parts.iter().map(|part| part.duckdb.as_str()).collect();
        Self {
            spark: fill_template(spark, &of_spark),
            duckdb: fill_template(duckdb, &of_duckdb),
        }
    }

    /// The pieces with `separator` between them.
    pub fn join(pieces: &[Self], separator: &str) -> Self {
        let join = |texts: Vec<&str>| texts.join(separator);
        Self {
            spark: join(pieces.iter().map(|piece| piece.spark.as_str()).collect()),
            duckdb: join(pieces.iter().map(|piece| piece.duckdb.as_str()).collect()),
        }
    }
}

fn fill_template(template: &str, parts: &[&str]) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let number = rest[open + 1..]
            .find('}')
            .and_then(|end| Some((end, rest[open + 1..open + 1 + end].parse::<usize>().ok()?)));
        match number {
            Some((end, at)) => {
                filled.push_str(&rest[..open]);
                filled.push_str(parts[at]);
                rest = &rest[open + 2 + end..];
            }
            // A brace of the SQL itself.
            None => {
                filled.push_str(&rest[..=open]);
                rest = &rest[open + 1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_by_number() {
        let (a, b) = (Sql::same("x"), Sql::two("y", "z"));
        let filled = Sql::format("({1} < {0} AND {0} > {'k': 1})", &[&a, &b]);
        assert_eq!(filled.spark, "(y < x AND x > {'k': 1})");
        assert_eq!(filled.duckdb, "(z < x AND x > {'k': 1})");
        assert_eq!(Sql::join(&[a, b], ", "), Sql::two("x, y", "x, z"));
    }
}
