//! Parses types such as `ARRAY<STRUCT<id: STRING, qty INT NOT NULL>>`.

use std::collections::BTreeSet;

use sluice_values::suggest_or_list;
use sqlparser::tokenizer::Token;

use crate::diagnostics::{Diagnostic, codes};
use crate::job::types::{DataType, Field};
use crate::span::Span;
use crate::syntax::token_cursor::{ParseResult, TokenCursor};

/// The maximum depth of nested types.
const MAX_TYPE_DEPTH: usize = 32;

const TYPE_NAMES: &[&str] = &[
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
pub(crate) fn parse_type(cursor: &mut TokenCursor<'_>) -> ParseResult<(DataType, Span)> {
    let mut parser = TypeParser {
        cursor,
        surplus_closers: 0,
        depth: 0,
    };
    let start = parser.cursor.next_span();
    let ty = parser.parse_nested()?;
    if parser.surplus_closers > 0 {
        let span = parser.cursor.previous_span();
        return Err(Box::new(
            Diagnostic::error(codes::SYNTAX, "one `>` too many in this type").with_span(span),
        ));
    }
    Ok((ty, start.to(cursor.previous_span())))
}

struct TypeParser<'c, 'a> {
    cursor: &'c mut TokenCursor<'a>,
    /// Number of `>` that were read as part of a `>>` and close outer types.
    surplus_closers: usize,
    depth: usize,
}

impl TypeParser<'_, '_> {
    fn parse_nested(&mut self) -> ParseResult<DataType> {
        self.depth += 1;
        if self.depth > MAX_TYPE_DEPTH {
            return Err(Box::new(
                Diagnostic::error(
                    codes::TOO_DEEP,
                    format!("types nest at most {MAX_TYPE_DEPTH} deep"),
                )
                .with_span(self.cursor.next_span())
                .with_help("declare the inner part as STRING and read it with the JSON functions"),
            ));
        }
        let name = self.cursor.parse_name("a type")?;
        let ty = match name.written.to_ascii_uppercase().as_str() {
            "BOOLEAN" | "BOOL" => DataType::Boolean,
            "TINYINT" | "BYTE" => DataType::TinyInt,
            "SMALLINT" | "SHORT" => DataType::SmallInt,
            "INT" | "INTEGER" => DataType::Int,
            "BIGINT" | "LONG" => DataType::BigInt,
            "FLOAT" | "REAL" => DataType::Float,
            "DOUBLE" => {
                self.cursor.eat_words(&["PRECISION"]);
                DataType::Double
            }
            "DECIMAL" | "DEC" | "NUMERIC" => self.parse_decimal()?,
            "STRING" | "TEXT" => DataType::String,
            "VARCHAR" | "CHAR" => self.parse_varchar(&name.written)?,
            "BINARY" => DataType::Binary,
            "DATE" => DataType::Date,
            "TIMESTAMP" => self.parse_timestamp(),
            "TIMESTAMP_LTZ" => DataType::Timestamp,
            "TIMESTAMP_NTZ" => DataType::TimestampNtz,
            "STRUCT" => self.parse_struct(name.span)?,
            "ARRAY" => {
                self.expect_open("ARRAY", "ARRAY<STRING>")?;
                let element = self.parse_nested()?;
                self.expect_close()?;
                DataType::Array(Box::new(element))
            }
            "MAP" => {
                self.expect_open("MAP", "MAP<STRING, INT>")?;
                let key_span = self.cursor.next_span();
                let key = self.parse_nested()?;
                if !key.is_scalar() {
                    return Err(Box::new(
                        Diagnostic::error(
                            codes::TYPE_NOT_ALLOWED,
                            format!("the keys of a MAP cannot be {key}"),
                        )
                        .with_span(key_span)
                        .with_help("use STRING for the keys"),
                    ));
                }
                self.cursor.expect_token(&Token::Comma)?;
                let value = self.parse_nested()?;
                self.expect_close()?;
                DataType::Map(Box::new(key), Box::new(value))
            }
            other => return Err(unknown_type_error(other, &name.written, name.span)),
        };
        self.depth -= 1;
        Ok(ty)
    }

    fn parse_timestamp(&mut self) -> DataType {
        if self.cursor.eat_words(&["WITHOUT", "TIME", "ZONE"]) {
            return DataType::TimestampNtz;
        }
        self.cursor.eat_words(&["WITH", "TIME", "ZONE"]);
        DataType::Timestamp
    }

    fn parse_varchar(&mut self, written: &str) -> ParseResult<DataType> {
        if self.cursor.peek() == Some(&Token::LParen) {
            return Err(Box::new(
                Diagnostic::error(
                    codes::UNKNOWN_TYPE,
                    format!("{} with a length is not supported", written.to_uppercase()),
                )
                .with_span(self.cursor.next_span())
                .with_help("write STRING; check the length in a query with `WHERE length(x) <= …`"),
            ));
        }
        Ok(DataType::String)
    }

    /// `(precision [, scale])`; Spark's default is (10, 0).
    fn parse_decimal(&mut self) -> ParseResult<DataType> {
        if !self.cursor.eat_token(&Token::LParen) {
            return Ok(DataType::Decimal(10, 0));
        }
        let start = self.cursor.next_span();
        let precision = self.parse_number("the number of digits")?;
        let scale = if self.cursor.eat_token(&Token::Comma) {
            self.parse_number("the number of digits after the point")?
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
                .with_span(span)
                .with_help(
                    "a DECIMAL has 1 to 38 digits, and no more digits after the point than in total",
                ),
            )),
        }
    }

    fn parse_number(&mut self, what: &str) -> ParseResult<u32> {
        if let Some(Token::Number(digits, _)) = self.cursor.peek()
            && let Ok(number) = digits.parse()
        {
            self.cursor.advance();
            return Ok(number);
        }
        Err(self.cursor.expected_error(what))
    }

    fn parse_struct(&mut self, span: Span) -> ParseResult<DataType> {
        if self.cursor.peek() == Some(&Token::Neq) {
            return Err(Box::new(
                Diagnostic::error(codes::SYNTAX, "a STRUCT needs at least one field")
                    .with_span(span.to(self.cursor.next_span())),
            ));
        }
        self.expect_open("STRUCT", "STRUCT<city: STRING, zip: STRING>")?;
        let mut fields: Vec<Field> = Vec::new();
        let mut names = BTreeSet::new();
        loop {
            let name = self.cursor.parse_name("a field name")?;
            self.cursor.eat_token(&Token::Colon);
            let ty = self.parse_nested()?;
            // A `>>` in this field's type may have closed the struct already.
            let mut nullable = true;
            let mut comment = None;
            while self.surplus_closers == 0 {
                if self.cursor.eat_words(&["NOT", "NULL"]) {
                    nullable = false;
                } else if self.cursor.eat_words(&["COMMENT"]) {
                    comment = Some(self.cursor.parse_string("the comment's text")?.value);
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
                    .with_span(name.span)
                    .with_help("names must differ in more than upper and lower case"),
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
            if self.surplus_closers > 0 || !self.cursor.eat_token(&Token::Comma) {
                break;
            }
        }
        self.expect_close()?;
        Ok(DataType::Struct(fields))
    }

    fn expect_open(&mut self, name: &str, example: &str) -> ParseResult<()> {
        if self.cursor.eat_token(&Token::Lt) {
            return Ok(());
        }
        let mut error = self.cursor.expected_error(&format!("`<` after {name}"));
        error.help = Some(format!("for example `{example}`"));
        Err(error)
    }

    fn expect_close(&mut self) -> ParseResult<()> {
        if self.surplus_closers > 0 {
            self.surplus_closers -= 1;
            return Ok(());
        }
        if self.cursor.eat_token(&Token::Gt) {
            return Ok(());
        }
        if self.cursor.eat_token(&Token::ShiftRight) {
            self.surplus_closers += 1;
            return Ok(());
        }
        Err(self.cursor.expected_error("`,` or `>`"))
    }
}

fn unknown_type_error(upper: &str, written: &str, span: Span) -> Box<Diagnostic> {
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
        _ => suggest_or_list(upper, "the types are", TYPE_NAMES.iter().copied()),
    };
    Box::new(
        Diagnostic::error(codes::UNKNOWN_TYPE, format!("unknown type `{written}`"))
            .with_span(span)
            .with_help(help),
    )
}
