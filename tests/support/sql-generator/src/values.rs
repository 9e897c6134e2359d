//! Types, and values that are likely to meet: few of each, with duplicates,
//! negative numbers, empty strings and the ends of the ranges.

use crate::choices::Choices;
use crate::sql::Sql;

/// The types of single values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scalar {
    Int,
    BigInt,
    Double,
    Decimal,
    Text,
    Date,
    Timestamp,
    Boolean,
}

/// The types of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Scalar(Scalar),
    Array(Scalar),
    /// `STRUCT<a: INT, s: STRING>`.
    Struct,
    /// An array of such structs.
    Structs,
}

pub(crate) const SCALARS: [Scalar; 8] = [
    Scalar::Int,
    Scalar::Text,
    Scalar::BigInt,
    Scalar::Double,
    Scalar::Decimal,
    Scalar::Date,
    Scalar::Timestamp,
    Scalar::Boolean,
];

impl Scalar {
    /// The type's name in casts and declarations of columns.
    pub fn sql(self) -> Sql {
        match self {
            Self::Int => Sql::two("INT", "INTEGER"),
            Self::BigInt => Sql::same("BIGINT"),
            Self::Double => Sql::same("DOUBLE"),
            Self::Decimal => Sql::same("DECIMAL(18,2)"),
            Self::Text => Sql::two("STRING", "VARCHAR"),
            Self::Date => Sql::same("DATE"),
            Self::Timestamp => Sql::same("TIMESTAMP"),
            Self::Boolean => Sql::same("BOOLEAN"),
        }
    }
}

impl Kind {
    /// The type's name in declarations of columns.
    pub fn sql(self) -> Sql {
        match self {
            Self::Scalar(scalar) => scalar.sql(),
            Self::Array(scalar) => Sql::format_two("ARRAY<{0}>", "{0}[]", &[&scalar.sql()]),
            Self::Struct => Sql::two("STRUCT<a: INT, s: STRING>", "STRUCT(a INTEGER, s VARCHAR)"),
            Self::Structs => Sql::two(
                "ARRAY<STRUCT<a: INT, s: STRING>>",
                "STRUCT(a INTEGER, s VARCHAR)[]",
            ),
        }
    }
}

/// What a column has in addition to everyday values.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OddValues {
    /// The ends of its type's range.
    pub(crate) extremes: bool,
    pub(crate) negative_zero: bool,
}

/// A value of a table: in JSON, and as DuckDB reads it in an INSERT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub json: String,
    pub duckdb: String,
}

impl Cell {
    pub fn null() -> Self {
        Self {
            json: "null".to_owned(),
            duckdb: "NULL".to_owned(),
        }
    }

    /// A row's number.
    pub fn int(value: usize) -> Self {
        Self {
            json: value.to_string(),
            duckdb: value.to_string(),
        }
    }

    /// A random value of a column.
    pub(crate) fn random(choices: &mut Choices, kind: Kind, odd: OddValues) -> Self {
        if choices.chance(15) {
            return Self::null();
        }
        match kind {
            Kind::Scalar(scalar) => Self::scalar(choices, scalar, odd),
            Kind::Array(scalar) => Self::array(choices, Kind::Scalar(scalar)),
            Kind::Structs => Self::array(choices, Kind::Struct),
            Kind::Struct => {
                let a = Self::random(choices, Kind::Scalar(Scalar::Int), OddValues::default());
                let s = Self::random(choices, Kind::Scalar(Scalar::Text), OddValues::default());
                Self {
                    json: format!("{{\"a\": {}, \"s\": {}}}", a.json, s.json),
                    duckdb: format!("{{'a': {}, 's': {}}}", a.duckdb, s.duckdb),
                }
            }
        }
    }

    fn array(choices: &mut Choices, item: Kind) -> Self {
        let length = choices.below(4);
        let items: Vec<Self> = (0..length)
            .map(|_| Self::random(choices, item, OddValues::default()))
            .collect();
        let list = |texts: Vec<&str>| format!("[{}]", texts.join(", "));
        Self {
            json: list(items.iter().map(|cell| cell.json.as_str()).collect()),
            duckdb: list(items.iter().map(|cell| cell.duckdb.as_str()).collect()),
        }
    }

    fn scalar(choices: &mut Choices, scalar: Scalar, odd: OddValues) -> Self {
        let pool = if odd.extremes && choices.chance(30) {
            extremes(scalar)
        } else {
            pool(scalar)
        };
        let mut text = *choices.pick(pool);
        if odd.negative_zero && scalar == Scalar::Double && choices.chance(12) {
            text = "-0.0";
        }
        let quoted = format!("\"{text}\"");
        let literal = format!("'{}'", text.replace('\'', "''"));
        let (json, duckdb) = match scalar {
            Scalar::Int | Scalar::BigInt | Scalar::Decimal | Scalar::Boolean => {
                (text.to_owned(), text.to_owned())
            }
            Scalar::Double => (text.to_owned(), literal),
            Scalar::Text | Scalar::Date => (quoted, literal),
            Scalar::Timestamp => (format!("\"{}Z\"", text.replace(' ', "T")), literal),
        };
        Self { json, duckdb }
    }
}

/// A literal in a query; sometimes NULL of this type.
pub(crate) fn literal(choices: &mut Choices, scalar: Scalar) -> Sql {
    if choices.chance(6) {
        return Sql::format("CAST(NULL AS {0})", &[&scalar.sql()]);
    }
    known_literal(choices, scalar)
}

/// A literal that is not NULL.
pub(crate) fn known_literal(choices: &mut Choices, scalar: Scalar) -> Sql {
    let text = *choices.pick(pool(scalar));
    // A quote is written in different ways, and a backslash escapes in Spark.
    let text = text.replace('\'', "");
    match scalar {
        Scalar::Int if text.starts_with('-') => Sql::same(format!("({text})")),
        Scalar::Int => Sql::same(text),
        Scalar::Boolean => Sql::same(text.to_uppercase()),
        Scalar::Text => Sql::same(format!("'{text}'")),
        Scalar::Date => Sql::same(format!("DATE '{text}'")),
        Scalar::BigInt | Scalar::Double | Scalar::Decimal | Scalar::Timestamp => {
            Sql::format(&format!("CAST('{text}' AS {{0}})"), &[&scalar.sql()])
        }
    }
}

fn pool(scalar: Scalar) -> &'static [&'static str] {
    match scalar {
        Scalar::Int => &["1", "0", "2", "3", "-1", "5", "7", "-4", "10", "100"],
        Scalar::BigInt => &[
            "1",
            "0",
            "2",
            "3",
            "-1",
            "8",
            "-100",
            "3000000000",
            "-3000000000",
        ],
        // Exact in binary, so that sums do not depend on the order of the rows.
        Scalar::Double => &["1.0", "0.0", "0.5", "-0.25", "2.5", "3.0", "-1.0", "100.0"],
        Scalar::Decimal => &[
            "1.00", "0.00", "0.50", "-0.25", "2.50", "12.34", "-12.34", "99999.99",
        ],
        Scalar::Text => &[
            "a", "", "b", "A", "ab", "abc", "b c", " a", "é", "10", "it's", "a%", "x_y", "日本",
        ],
        Scalar::Date => &[
            "2024-02-29",
            "2024-01-31",
            "2023-12-31",
            "1970-01-01",
            "1969-12-31",
            "2000-02-29",
            "2024-03-01",
        ],
        Scalar::Timestamp => &[
            "2024-02-29 12:34:56.123456",
            "2024-02-29 00:00:00",
            "2024-01-31 23:59:59.999999",
            "1970-01-01 00:00:00",
            "1969-12-31 23:59:59.999999",
            "2024-03-31 01:30:00",
            "2023-12-31 12:00:00",
        ],
        Scalar::Boolean => &["true", "false"],
    }
}

/// Values at the ends of the ranges. Sums of them overflow, which is an error on
/// both sides.
fn extremes(scalar: Scalar) -> &'static [&'static str] {
    match scalar {
        Scalar::Int => &["2147483647", "-2147483648"],
        Scalar::BigInt => &["9223372036854775807", "-9223372036854775808"],
        Scalar::Double => &["1e15", "-1e15", "9007199254740991.0"],
        Scalar::Decimal => &["9999999999999999.99", "-9999999999999999.99"],
        Scalar::Date => &["1000-01-01", "1582-10-10", "9000-12-31"],
        Scalar::Timestamp => &["1000-01-01 00:00:00", "9000-12-31 23:59:59.999999"],
        Scalar::Text => &[
            "\u{ffff}",
            "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
            "\u{1F600}",
        ],
        Scalar::Boolean => pool(scalar),
    }
}
