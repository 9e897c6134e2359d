//! Parses types such as `ARRAY<STRUCT<id: STRING, qty INT NOT NULL>>`.

use std::collections::BTreeSet;

use sqlparser::tokenizer::Token;

use crate::codes;
use crate::cursor::{Cursor, Parsed};
use crate::diagnostic::Diagnostic;
use crate::span::Span;
use crate::suggest;
use crate::types::{DataType, Field};

/// The maximum depth of nested types.
const MAX_DEPTH: usize = 32;

const NAMES: &[&str] = &[
    "ARRAY",
    "BIGINT",
    "BINARY",
    "BOOLEAN",
    "DATE",
    "DECIMAL",
    "DOUBLE",
    "FLOAT",
    "INT",
    "MAP",
    "SMALLINT",
    "STRING",
    "STRUCT",
    "TIMESTAMP",
    "TIMESTAMP_NTZ",
    "TINYINT",
];

/// Parses a type; returns it with its span.
pub(crate) fn parse_type(cursor: &mut Cursor<'_>) -> Parsed<(DataType, Span)> {
    let mut parser = TypeParser {
        cursor,
        owed: 0,
        depth: 0,
    };
    let start = parser.cursor.span();
    let ty = parser.ty()?;
    if parser.owed > 0 {
        let span = parser.cursor.previous_span();
        return Err(Box::new(
            Diagnostic::error(codes::SYNTAX, "one `>` too many in this type").at(span),
        ));
    }
    Ok((ty, start.to(cursor.previous_span())))
}

struct TypeParser<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    /// Number of `>` that were read as part of a `>>` and close outer types.
    owed: usize,
    depth: usize,
}

impl TypeParser<'_, '_> {
    fn ty(&mut self) -> Parsed<DataType> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Box::new(
                Diagnostic::error(
                    codes::TOO_DEEP,
                    format!("types nest at most {MAX_DEPTH} deep"),
                )
                .at(self.cursor.span())
                .help("declare the inner part as STRING and read it with the JSON functions"),
            ));
        }
        let name = self.cursor.name("a type")?;
        let ty = match name.written.to_ascii_uppercase().as_str() {
            "BOOLEAN" | "BOOL" => DataType::Boolean,
            "TINYINT" | "BYTE" => DataType::TinyInt,
            "SMALLINT" | "SHORT" => DataType::SmallInt,
            "INT" | "INTEGER" => DataType::Int,
            "BIGINT" | "LONG" => DataType::BigInt,
            "FLOAT" | "REAL" => DataType::Float,
            "DOUBLE" => {
                self.cursor.eat(&["PRECISION"]);
                DataType::Double
            }
            "DECIMAL" | "DEC" | "NUMERIC" => self.decimal()?,
            "STRING" | "TEXT" => DataType::String,
            "VARCHAR" | "CHAR" => self.varchar(&name.written)?,
            "BINARY" => DataType::Binary,
            "DATE" => DataType::Date,
            "TIMESTAMP" => self.timestamp(),
            "TIMESTAMP_LTZ" => DataType::Timestamp,
            "TIMESTAMP_NTZ" => DataType::TimestampNtz,
            "STRUCT" => self.structure(name.span)?,
            "ARRAY" => {
                self.open("ARRAY", "ARRAY<STRING>")?;
                let element = self.ty()?;
                self.close()?;
                DataType::Array(Box::new(element))
            }
            "MAP" => {
                self.open("MAP", "MAP<STRING, INT>")?;
                let key_span = self.cursor.span();
                let key = self.ty()?;
                if !key.is_scalar() {
                    return Err(Box::new(
                        Diagnostic::error(
                            codes::TYPE_NOT_ALLOWED,
                            format!("the keys of a MAP cannot be {key}"),
                        )
                        .at(key_span)
                        .help("use STRING for the keys"),
                    ));
                }
                self.cursor.expect_token(&Token::Comma)?;
                let value = self.ty()?;
                self.close()?;
                DataType::Map(Box::new(key), Box::new(value))
            }
            other => return Err(unknown(other, &name.written, name.span)),
        };
        self.depth -= 1;
        Ok(ty)
    }

    fn timestamp(&mut self) -> DataType {
        if self.cursor.eat(&["WITHOUT", "TIME", "ZONE"]) {
            return DataType::TimestampNtz;
        }
        self.cursor.eat(&["WITH", "TIME", "ZONE"]);
        DataType::Timestamp
    }

    fn varchar(&mut self, written: &str) -> Parsed<DataType> {
        if self.cursor.peek() == Some(&Token::LParen) {
            return Err(Box::new(
                Diagnostic::error(
                    codes::UNKNOWN_TYPE,
                    format!("{} with a length is not supported", written.to_uppercase()),
                )
                .at(self.cursor.span())
                .help("write STRING; check the length in a query with `WHERE length(x) <= …`"),
            ));
        }
        Ok(DataType::String)
    }

    /// `(precision [, scale])`; Spark's default is (10, 0).
    fn decimal(&mut self) -> Parsed<DataType> {
        if !self.cursor.eat_token(&Token::LParen) {
            return Ok(DataType::Decimal(10, 0));
        }
        let start = self.cursor.span();
        let precision = self.number("the number of digits")?;
        let scale = if self.cursor.eat_token(&Token::Comma) {
            self.number("the number of digits after the point")?
        } else {
            0
        };
        let span = start.to(self.cursor.previous_span());
        self.cursor.expect_token(&Token::RParen)?;
        match (u8::try_from(precision), i8::try_from(scale)) {
            (Ok(p @ 1..=38), Ok(s)) if scale <= precision => Ok(DataType::Decimal(p, s)),
            _ => Err(Box::new(
                Diagnostic::error(
                    codes::UNKNOWN_TYPE,
                    format!("DECIMAL({precision}, {scale}) does not exist"),
                )
                .at(span)
                .help(
                    "a DECIMAL has 1 to 38 digits, and no more digits after the point than in total",
                ),
            )),
        }
    }

    fn number(&mut self, what: &str) -> Parsed<u32> {
        if let Some(Token::Number(digits, _)) = self.cursor.peek()
            && let Ok(number) = digits.parse()
        {
            self.cursor.advance();
            return Ok(number);
        }
        Err(self.cursor.expected(what))
    }

    fn structure(&mut self, span: Span) -> Parsed<DataType> {
        if self.cursor.peek() == Some(&Token::Neq) {
            return Err(Box::new(
                Diagnostic::error(codes::SYNTAX, "a STRUCT needs at least one field")
                    .at(span.to(self.cursor.span())),
            ));
        }
        self.open("STRUCT", "STRUCT<city: STRING, zip: STRING>")?;
        let mut fields: Vec<Field> = Vec::new();
        let mut names = BTreeSet::new();
        loop {
            let name = self.cursor.name("a field name")?;
            self.cursor.eat_token(&Token::Colon);
            let ty = self.ty()?;
            // A `>>` in this field's type may have closed the struct already.
            let mut nullable = true;
            let mut comment = None;
            while self.owed == 0 {
                if self.cursor.eat(&["NOT", "NULL"]) {
                    nullable = false;
                } else if self.cursor.eat(&["COMMENT"]) {
                    comment = Some(self.cursor.string("the comment's text")?.value);
                } else {
                    break;
                }
            }
            if !names.insert(name.value.to_lowercase()) {
                return Err(Box::new(
                    Diagnostic::error(
                        codes::DUPLICATE_COLUMN,
                        format!("the field `{}` is declared twice", name.written),
                    )
                    .at(name.span)
                    .help("names must differ in more than upper and lower case"),
                ));
            }
            fields.push(Field {
                name: name.value,
                source_name: name.written,
                ty,
                nullable,
                span: name.span,
                comment,
            });
            if self.owed > 0 || !self.cursor.eat_token(&Token::Comma) {
                break;
            }
        }
        self.close()?;
        Ok(DataType::Struct(fields))
    }

    fn open(&mut self, name: &str, example: &str) -> Parsed<()> {
        if self.cursor.eat_token(&Token::Lt) {
            return Ok(());
        }
        let mut error = self.cursor.expected(&format!("`<` after {name}"));
        error.help = Some(format!("for example `{example}`"));
        Err(error)
    }

    fn close(&mut self) -> Parsed<()> {
        if self.owed > 0 {
            self.owed -= 1;
            return Ok(());
        }
        if self.cursor.eat_token(&Token::Gt) {
            return Ok(());
        }
        if self.cursor.eat_token(&Token::ShiftRight) {
            self.owed += 1;
            return Ok(());
        }
        Err(self.cursor.expected("`,` or `>`"))
    }
}

fn unknown(upper: &str, written: &str, span: Span) -> Box<Diagnostic> {
    let help = match upper {
        "DATETIME" => "use TIMESTAMP (an instant) or TIMESTAMP_NTZ (without a zone)".to_owned(),
        "TIMESTAMPTZ" => "use TIMESTAMP, which is an instant in UTC".to_owned(),
        "JSON" | "VARIANT" | "OBJECT" => {
            "use STRING and the JSON functions, or a STRUCT with the fields you need".to_owned()
        }
        "UUID" => "use STRING".to_owned(),
        "BLOB" | "BYTEA" | "BYTES" | "VARBINARY" => "use BINARY".to_owned(),
        "NUMBER" => "use BIGINT, DOUBLE or DECIMAL(p, s)".to_owned(),
        "HUGEINT" | "UBIGINT" | "UINT64" => "use DECIMAL(20, 0)".to_owned(),
        "INT64" | "INT8" => "use BIGINT".to_owned(),
        "INT32" | "INT4" => "use INT".to_owned(),
        "FLOAT64" | "FLOAT8" => "use DOUBLE".to_owned(),
        _ => suggest::suggest_or_list(upper, "the types are", NAMES.iter().copied()),
    };
    Box::new(
        Diagnostic::error(codes::UNKNOWN_TYPE, format!("unknown type `{written}`"))
            .at(span)
            .help(help),
    )
}
