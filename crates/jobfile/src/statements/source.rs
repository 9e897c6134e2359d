//! `CREATE EXTERNAL TABLE name (columns) STORED AS format LOCATION '…' …`, and Spark's
//! `CREATE TABLE name (columns) USING format LOCATION '…' …`.

use sluice_values::suggest_or_list;
use sqlparser::tokenizer::Token;

use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::job::types::{DataType, Field};
use crate::job::{
    Column, Compression, CsvOptions, DEFAULT_MAX_LINE_BYTES, Format, ParseMode, Relation, Source,
};
use crate::span::Spanned;
use crate::statements::inference::{self, Defaults};
use crate::statements::key_values::{self, CheckPhase};
use crate::statements::parse_context::ParseContext;
use crate::statements::{columns, new_fields, source_options};
use crate::syntax::token_cursor::{Name, ParseResult, TokenCursor, repeated_clause_error};
use crate::syntax::tokens::plain_word;

/// The column for malformed records.
pub(crate) const CORRUPT_RECORD: &str = "_corrupt_record";

/// Parses what follows `EXTERNAL TABLE`.
pub(crate) fn parse_source(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
) -> ParseResult<()> {
    cursor.eat_words(&["IF", "NOT", "EXISTS"]);
    let name = cursor.parse_name("a name for the source")?;
    context.declare_relation(&name);
    if cursor.peek() == Some(&Token::Period) {
        return Err(cursor.qualified_name_error(&name));
    }
    // Without columns, they are found in the files.
    let columns = match cursor.peek() {
        Some(Token::LParen) => Some(parse_columns(context, cursor)?),
        _ => None,
    };
    let clauses = parse_clauses(context, cursor)?;
    let missing = |what: &str, example: &str| {
        Box::new(
            Diagnostic::error(
                codes::MISSING_CLAUSE,
                format!("the source `{}` has no {what}", name.written),
            )
            .with_span(name.span)
            .with_help(format!("add `{example}`")),
        )
    };
    let Some(format) = clauses.format else {
        return Err(missing("STORED AS", "STORED AS JSON"));
    };
    let Some(location) = clauses.location else {
        let example = format!("LOCATION '${{landing}}/{}'", name.value);
        return Err(missing("LOCATION", &example));
    };
    push_source(
        context,
        SourceParts {
            name,
            columns,
            defaults: Defaults::Spark,
            format: format.value,
            location,
            options: clauses.options,
            comment: clauses.comment,
        },
    );
    Ok(())
}

/// Whether `TABLE name (columns) USING format …` without a query comes next.
pub(crate) fn is_table_of_files(cursor: &TokenCursor<'_>) -> bool {
    if !cursor.next_words_are(&["TABLE"]) {
        return false;
    }
    let mut depth = 0_usize;
    let mut words = Vec::new();
    for token in cursor.rest_tokens() {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            other if depth == 0 => words.extend(plain_word(other)),
            _ => {}
        }
    }
    let has = |word: &str| words.iter().any(|w| w.eq_ignore_ascii_case(word));
    has("USING") && !has("AS")
}

/// What a statement says of a source.
pub(crate) struct SourceParts {
    pub(crate) name: Name,
    /// `None`: they are found in the files.
    pub(crate) columns: Option<Vec<Column>>,
    pub(crate) defaults: Defaults,
    pub(crate) format: Format,
    pub(crate) location: Spanned<String>,
    pub(crate) options: Vec<(Spanned<String>, Spanned<String>)>,
    pub(crate) comment: Option<String>,
}

/// Checks a source and adds it to the relations.
pub(crate) fn push_source(context: &mut ParseContext<'_>, parts: SourceParts) {
    let SourceParts {
        name,
        mut columns,
        defaults,
        format,
        location,
        options,
        comment,
    } = parts;
    for column in columns.iter().flatten() {
        check_column_type(column, format, &mut context.diagnostics);
    }
    context.record_string(&location);
    context.diagnostics.extend(check_location(&location));
    let options = source_options::check_option_keys(
        (format, columns.is_none()),
        &options,
        &mut context.diagnostics,
    );
    let diagnostics = &mut context.diagnostics;
    let inference = match &columns {
        Some(_) => {
            inference::refuse_hints(&options, diagnostics);
            None
        }
        None => Some(inference::parse_inference(
            format,
            defaults,
            &options,
            diagnostics,
        )),
    };
    let default = inference::default_new_fields(format, defaults);
    let new_fields =
        new_fields::apply_new_fields(&options, (columns.as_mut(), default), diagnostics);
    let has_header = inference.is_some() && defaults == Defaults::Databricks;
    let mut source = Source {
        name: name.value,
        span: name.span,
        columns: columns.unwrap_or_default(),
        inference,
        format,
        location: location.value,
        location_span: location.span,
        mode: ParseMode::default(),
        compression: Compression::default(),
        max_line_bytes: DEFAULT_MAX_LINE_BYTES,
        csv: CsvOptions {
            header: has_header,
            ..CsvOptions::default()
        },
        time_zone: None,
        new_fields,
        options,
        comment,
    };
    source_options::apply_options(
        &mut source,
        CheckPhase::BeforeBinding,
        &mut context.diagnostics,
    );
    context.relations.push(Relation::Source(source));
}

/// The error in a location. Variables must have been replaced.
pub(crate) fn check_location(location: &Spanned<String>) -> Option<Diagnostic> {
    location.value.trim().is_empty().then(|| {
        Diagnostic::error(codes::EMPTY_LOCATION, "the location is empty")
            .with_span(location.span)
            .with_help("name a folder, a file or a URL such as `s3://bucket/folder`")
    })
}

fn parse_columns(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
) -> ParseResult<Vec<Column>> {
    cursor.expect_token(&Token::LParen)?;
    let mut columns: Vec<Column> = Vec::new();
    loop {
        for words in [
            &["PRIMARY", "KEY"][..],
            &["CONSTRAINT"],
            &["FOREIGN", "KEY"],
            &["CHECK"],
        ] {
            if cursor.next_words_are(words)
                && !matches!(cursor.peek_nth(words.len()), Some(Token::Comma))
            {
                return Err(Box::new(
                    Diagnostic::error(
                        codes::CLAUSE_NOT_YET,
                        format!("{} is not supported on a source", words.join(" ")),
                    )
                    .with_span(cursor.next_span())
                    .with_help("NOT NULL is the only constraint that a source checks"),
                ));
            }
        }
        columns.push(columns::parse_column(
            context, cursor, &columns, "a source",
        )?);
        if cursor.eat_token(&Token::RParen) {
            return Ok(columns);
        }
        if !cursor.eat_token(&Token::Comma) {
            return Err(cursor.expected_error("`,` or `)`"));
        }
    }
}

#[derive(Default)]
struct SourceClauses {
    format: Option<Spanned<Format>>,
    location: Option<Spanned<String>>,
    options: Vec<(Spanned<String>, Spanned<String>)>,
    has_options: bool,
    comment: Option<String>,
}

fn parse_clauses(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
) -> ParseResult<SourceClauses> {
    let mut clauses = SourceClauses::default();
    while !cursor.at_end() {
        let span = cursor.next_span();
        let repeated = |given: bool, what: &str| {
            if given {
                Err(repeated_clause_error(what, span))
            } else {
                Ok(())
            }
        };
        if cursor.eat_words(&["STORED", "AS"]) || cursor.eat_words(&["USING"]) {
            repeated(clauses.format.is_some(), "STORED AS")?;
            let name = cursor.parse_name("a format")?;
            clauses.format = Some(Spanned::new(parse_format(&name)?, name.span));
        } else if cursor.eat_words(&["LOCATION"]) {
            repeated(clauses.location.is_some(), "LOCATION")?;
            clauses.location = Some(cursor.parse_string("the location in single quotes")?);
        } else if cursor.eat_words(&["OPTIONS"]) {
            repeated(clauses.has_options, "OPTIONS")?;
            clauses.has_options = true;
            clauses.options = key_values::parse_key_values(context, cursor, "an option")?;
        } else if cursor.eat_words(&["COMMENT"]) {
            repeated(clauses.comment.is_some(), "COMMENT")?;
            clauses.comment = Some(cursor.parse_string("the comment's text")?.value);
        } else if cursor.next_words_are(&["PARTITIONED", "BY"])
            || cursor.next_words_are(&["TBLPROPERTIES"])
            || cursor.next_words_are(&["WITH"])
            || cursor.next_words_are(&["ROW", "FORMAT"])
            || cursor.next_words_are(&["CLUSTERED", "BY"])
        {
            return Err(cursor.not_yet_supported_error(
                "a source",
                "a source has STORED AS, LOCATION, OPTIONS and COMMENT",
            ));
        } else if cursor.next_words_are(&["AS"]) {
            return Err(Box::new(
                Diagnostic::error(codes::SYNTAX, "an external table has no query")
                    .with_span(span)
                    .with_help("to name a query use CREATE TEMPORARY VIEW, to write its rows CREATE OR REFRESH MATERIALIZED VIEW"),
            ));
        } else {
            return Err(cursor.expected_error("STORED AS, LOCATION, OPTIONS or COMMENT"));
        }
    }
    Ok(clauses)
}

/// The format with this name.
pub(crate) fn parse_format(name: &Name) -> ParseResult<Format> {
    format_named(&name.written).ok_or_else(|| {
        Box::new(
            Diagnostic::error(
                codes::UNKNOWN_FORMAT,
                format!("a source cannot be stored as `{}`", name.written),
            )
            .with_span(name.span)
            .with_help(suggest_or_list(
                &name.written.to_uppercase(),
                "the formats are",
                ["JSON", "PARQUET", "CSV"],
            )),
        )
    })
}

/// The format with this name, in any case.
pub(crate) fn format_named(name: &str) -> Option<Format> {
    match name.to_uppercase().as_str() {
        "JSON" | "NDJSON" | "JSONL" => Some(Format::Json),
        "PARQUET" => Some(Format::Parquet),
        "CSV" => Some(Format::Csv),
        _ => None,
    }
}

/// Checks that the format can hold the type, and the type of `_corrupt_record`.
pub(crate) fn check_column_type(column: &Column, format: Format, diagnostics: &mut Diagnostics) {
    if column.name.eq_ignore_ascii_case(CORRUPT_RECORD) {
        if format == Format::Parquet || !is_corrupt_record(&column.ty) {
            let problem = if format == Format::Parquet {
                "a Parquet source has no `_corrupt_record`".to_owned()
            } else {
                format!("`_corrupt_record` cannot have the type {}", column.ty)
            };
            diagnostics.push(
                Diagnostic::error(codes::TYPE_NOT_ALLOWED, problem)
                    .with_span(column.span)
                    .with_label("holds what could not be read")
                    .with_help("STRING for the line, or STRUCT<raw: STRING, file: STRING, line: BIGINT, reason: STRING>"),
            );
        } else if !column.nullable {
            diagnostics.push(
                Diagnostic::error(
                    codes::TYPE_NOT_ALLOWED,
                    "`_corrupt_record` cannot be NOT NULL: it is null for every good record",
                )
                .with_span(column.span)
                .with_help("leave NOT NULL out"),
            );
        }
        return;
    }
    match format {
        Format::Csv if !column.ty.is_scalar() || column.ty == DataType::Binary => diagnostics.push(
            Diagnostic::error(
                codes::TYPE_NOT_ALLOWED,
                format!("a CSV source cannot hold {}", column.ty),
            )
            .with_span(column.span)
            .with_help("declare it as STRING"),
        ),
        Format::Json => {
            if let Some(key) = find_non_string_key(&column.ty) {
                diagnostics.push(
                    Diagnostic::error(
                        codes::TYPE_NOT_ALLOWED,
                        format!("in JSON the keys of a MAP are strings, not {key}"),
                    )
                    .with_span(column.span)
                    .with_help("use MAP<STRING, …>"),
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
fn find_non_string_key(ty: &DataType) -> Option<&DataType> {
    match ty {
        DataType::Struct(fields) => fields
            .iter()
            .find_map(|field| find_non_string_key(&field.ty)),
        DataType::Array(element) => find_non_string_key(element),
        DataType::Map(key, _) if **key != DataType::String => Some(key),
        DataType::Map(_, value) => find_non_string_key(value),
        _ => None,
    }
}
