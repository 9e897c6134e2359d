//! `CREATE EXTERNAL TABLE name (columns) STORED AS format LOCATION '…' …`.

use std::collections::BTreeMap;

use sqlparser::tokenizer::Token;

use crate::context::Context;
use crate::cursor::{Cursor, Name, Parsed};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::job::{
    Column, Compression, CsvOptions, DEFAULT_MAX_LINE_BYTES, Format, Mode, Relation, Source,
};
use crate::options::Stage;
use crate::span::{Span, Spanned};
use crate::type_parser::parse_type;
use crate::types::{DataType, Field};
use crate::{codes, options, suggest};

/// The column for malformed records.
pub(crate) const CORRUPT_RECORD: &str = "_corrupt_record";

/// Parses what follows `EXTERNAL TABLE`.
pub(crate) fn parse(context: &mut Context<'_>, cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.eat(&["IF", "NOT", "EXISTS"]);
    let name = cursor.name("a name for the source")?;
    context.declare(&name);
    if cursor.peek() == Some(&Token::Period) {
        return Err(qualified(&name, cursor));
    }
    let columns = if cursor.peek() == Some(&Token::LParen) {
        columns(context, cursor)?
    } else {
        return Err(Box::new(
            Diagnostic::error(
                codes::MISSING_CLAUSE,
                format!("the source `{}` has no columns", name.written),
            )
            .at(Span::at(name.span.end))
            .label("expected `(column TYPE, …)`")
            .help("declare the columns that the job reads; others in the files are ignored"),
        ));
    };
    let clauses = clauses(context, cursor)?;
    let missing = |what: &str, example: &str| {
        Box::new(
            Diagnostic::error(
                codes::MISSING_CLAUSE,
                format!("the source `{}` has no {what}", name.written),
            )
            .at(name.span)
            .help(format!("add `{example}` after the columns")),
        )
    };
    let Some(format) = clauses.format else {
        return Err(missing("STORED AS", "STORED AS JSON"));
    };
    let Some(location) = clauses.location else {
        let example = format!("LOCATION '${{landing}}/{}'", name.value);
        return Err(missing("LOCATION", &example));
    };
    for column in &columns {
        check_type(column, format.value, &mut context.sink);
    }
    context.string(&location);
    context.sink.extend(check_location(&location));
    let options = options::check_option_keys(format.value, &clauses.options, &mut context.sink);
    let mut source = Source {
        name: name.value,
        span: name.span,
        columns,
        format: format.value,
        location: location.value,
        location_span: location.span,
        mode: Mode::default(),
        compression: Compression::default(),
        max_line_bytes: DEFAULT_MAX_LINE_BYTES,
        csv: CsvOptions::default(),
        options,
        comment: clauses.comment,
    };
    options::apply_options(&mut source, Stage::Parsed, &mut context.sink);
    context.relations.push(Relation::Source(source));
    Ok(())
}

/// The error in a location. Variables must have been replaced.
pub(crate) fn check_location(location: &Spanned<String>) -> Option<Diagnostic> {
    location.value.trim().is_empty().then(|| {
        Diagnostic::error(codes::EMPTY_LOCATION, "the location is empty")
            .at(location.span)
            .help("name a folder, a file or a URL such as `s3://bucket/folder`")
    })
}

pub(crate) fn qualified(name: &Name, cursor: &Cursor<'_>) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(
            codes::QUALIFIED_TABLE,
            "names with a catalog or schema are not supported",
        )
        .at(name.span.to(cursor.span()))
        .help("write the name alone: a job has no catalogs or schemas"),
    )
}

fn columns(context: &mut Context<'_>, cursor: &mut Cursor<'_>) -> Parsed<Vec<Column>> {
    cursor.expect_token(&Token::LParen)?;
    let mut columns: Vec<Column> = Vec::new();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    loop {
        for words in [
            &["PRIMARY", "KEY"][..],
            &["CONSTRAINT"],
            &["FOREIGN", "KEY"],
            &["CHECK"],
        ] {
            if cursor.sees(words) && !matches!(cursor.peek_nth(words.len()), Some(Token::Comma)) {
                return Err(Box::new(
                    Diagnostic::error(
                        codes::CLAUSE_NOT_YET,
                        format!("{} is not supported on a source", words.join(" ")),
                    )
                    .at(cursor.span())
                    .help("NOT NULL is the only constraint that a source checks"),
                ));
            }
        }
        let name = cursor.name("a column name")?;
        cursor.eat_token(&Token::Colon);
        let (ty, _) = parse_type(cursor)?;
        let (mut nullable, mut comment) = (true, None);
        loop {
            if cursor.eat(&["NOT", "NULL"]) {
                nullable = false;
            } else if cursor.eat(&["NULL"]) {
                nullable = true;
            } else if cursor.eat(&["COMMENT"]) {
                comment = Some(cursor.string("the comment's text")?.value);
            } else {
                break;
            }
        }
        for word in [
            "DEFAULT",
            "GENERATED",
            "CHECK",
            "PRIMARY",
            "MASK",
            "COLLATE",
        ] {
            if cursor.sees(&[word]) {
                return Err(Box::new(
                    Diagnostic::error(
                        codes::CLAUSE_NOT_YET,
                        format!("{word} is not supported on a column of a source"),
                    )
                    .at(cursor.span())
                    .help("compute it in a view over the source"),
                ));
            }
        }
        let line = name.span.start.line;
        if let Some(first) = seen.insert(name.value.to_lowercase(), line) {
            context.sink.push(
                Diagnostic::error(
                    codes::DUPLICATE_COLUMN,
                    format!("the column `{}` is declared twice", name.written),
                )
                .at(name.span)
                .label(format!("first declared on line {first}"))
                .help("names must differ in more than upper and lower case"),
            );
        }
        columns.push(Column {
            name: name.value,
            source_name: name.written,
            ty,
            nullable,
            span: name.span,
            comment,
        });
        if cursor.eat_token(&Token::RParen) {
            return Ok(columns);
        }
        if !cursor.eat_token(&Token::Comma) {
            return Err(cursor.expected("`,` or `)`"));
        }
    }
}

#[derive(Default)]
struct Clauses {
    format: Option<Spanned<Format>>,
    location: Option<Spanned<String>>,
    options: Vec<(Spanned<String>, Spanned<String>)>,
    has_options: bool,
    comment: Option<String>,
}

fn clauses(context: &mut Context<'_>, cursor: &mut Cursor<'_>) -> Parsed<Clauses> {
    let mut clauses = Clauses::default();
    while !cursor.at_end() {
        let span = cursor.span();
        let repeated = |given: bool, what: &str| {
            if given {
                Err(repeated_clause(what, span))
            } else {
                Ok(())
            }
        };
        if cursor.eat(&["STORED", "AS"]) || cursor.eat(&["USING"]) {
            repeated(clauses.format.is_some(), "STORED AS")?;
            let name = cursor.name("a format")?;
            clauses.format = Some(Spanned::new(format(&name)?, name.span));
        } else if cursor.eat(&["LOCATION"]) {
            repeated(clauses.location.is_some(), "LOCATION")?;
            clauses.location = Some(cursor.string("the location in single quotes")?);
        } else if cursor.eat(&["OPTIONS"]) {
            repeated(clauses.has_options, "OPTIONS")?;
            clauses.has_options = true;
            clauses.options = options::key_values(context, cursor, "an option")?;
        } else if cursor.eat(&["COMMENT"]) {
            repeated(clauses.comment.is_some(), "COMMENT")?;
            clauses.comment = Some(cursor.string("the comment's text")?.value);
        } else if cursor.sees(&["PARTITIONED", "BY"])
            || cursor.sees(&["TBLPROPERTIES"])
            || cursor.sees(&["WITH"])
            || cursor.sees(&["ROW", "FORMAT"])
            || cursor.sees(&["CLUSTERED", "BY"])
        {
            let what = cursor.found().replace('`', "").to_uppercase();
            return Err(Box::new(
                Diagnostic::error(
                    codes::CLAUSE_NOT_YET,
                    format!("{what} is not yet supported on a source"),
                )
                .at(span)
                .help("a source has STORED AS, LOCATION, OPTIONS and COMMENT"),
            ));
        } else if cursor.sees(&["AS"]) {
            return Err(Box::new(
                Diagnostic::error(codes::SYNTAX, "an external table has no query")
                    .at(span)
                    .help("to name a query use CREATE TEMPORARY VIEW, to write its rows CREATE OR REFRESH MATERIALIZED VIEW"),
            ));
        } else {
            return Err(cursor.expected("STORED AS, LOCATION, OPTIONS or COMMENT"));
        }
    }
    Ok(clauses)
}

pub(crate) fn repeated_clause(what: &str, span: Span) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(codes::REPEATED_CLAUSE, format!("{what} is given twice")).at(span))
}

fn format(name: &Name) -> Parsed<Format> {
    let upper = name.written.to_uppercase();
    match upper.as_str() {
        "JSON" | "NDJSON" | "JSONL" => Ok(Format::Json),
        "PARQUET" => Ok(Format::Parquet),
        "CSV" => Ok(Format::Csv),
        _ => Err(Box::new(
            Diagnostic::error(
                codes::UNKNOWN_FORMAT,
                format!("a source cannot be stored as `{}`", name.written),
            )
            .at(name.span)
            .help(suggest::suggest_or_list(
                &upper,
                "the formats are",
                ["JSON", "PARQUET", "CSV"],
            )),
        )),
    }
}

/// Checks that the format can hold the type, and the type of `_corrupt_record`.
fn check_type(column: &Column, format: Format, sink: &mut Diagnostics) {
    if column.name.eq_ignore_ascii_case(CORRUPT_RECORD) {
        if format == Format::Parquet || !is_corrupt_record(&column.ty) {
            let problem = if format == Format::Parquet {
                "a Parquet source has no `_corrupt_record`".to_owned()
            } else {
                format!("`_corrupt_record` cannot have the type {}", column.ty)
            };
            sink.push(
                Diagnostic::error(codes::TYPE_NOT_ALLOWED, problem)
                    .at(column.span)
                    .label("holds what could not be read")
                    .help("STRING for the line, or STRUCT<raw: STRING, file: STRING, line: BIGINT, reason: STRING>"),
            );
        } else if !column.nullable {
            sink.push(
                Diagnostic::error(
                    codes::TYPE_NOT_ALLOWED,
                    "`_corrupt_record` cannot be NOT NULL: it is null for every good record",
                )
                .at(column.span)
                .help("leave NOT NULL out"),
            );
        }
        return;
    }
    match format {
        Format::Csv if !column.ty.is_scalar() || column.ty == DataType::Binary => sink.push(
            Diagnostic::error(
                codes::TYPE_NOT_ALLOWED,
                format!("a CSV source cannot hold {}", column.ty),
            )
            .at(column.span)
            .help("declare it as STRING"),
        ),
        Format::Json => {
            if let Some(key) = map_key(&column.ty) {
                sink.push(
                    Diagnostic::error(
                        codes::TYPE_NOT_ALLOWED,
                        format!("in JSON the keys of a MAP are strings, not {key}"),
                    )
                    .at(column.span)
                    .help("use MAP<STRING, …>"),
                );
            }
        }
        Format::Csv | Format::Parquet => {}
    }
}

fn is_corrupt_record(ty: &DataType) -> bool {
    match ty {
        DataType::String => true,
        DataType::Struct(fields) => {
            let shape: Vec<(&str, &DataType, bool)> = fields
                .iter()
                .map(
                    |Field {
                         name, ty, nullable, ..
                     }| (name.as_str(), ty, *nullable),
                )
                .collect();
            shape
                == [
                    ("raw", &DataType::String, true),
                    ("file", &DataType::String, true),
                    ("line", &DataType::BigInt, true),
                    ("reason", &DataType::String, true),
                ]
        }
        _ => false,
    }
}

/// The first map key that is not a string.
fn map_key(ty: &DataType) -> Option<&DataType> {
    match ty {
        DataType::Struct(fields) => fields.iter().find_map(|field| map_key(&field.ty)),
        DataType::Array(element) => map_key(element),
        DataType::Map(key, _) if **key != DataType::String => Some(key),
        DataType::Map(_, value) => map_key(value),
        _ => None,
    }
}
