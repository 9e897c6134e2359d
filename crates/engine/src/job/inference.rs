//! Finds the columns of sources that declare none, in their files.
//!
//! The files are read once for it, by the executors: a step without a dataset gives the
//! types of what it has read ([`sluice_ndjson::InferredType`]), and they are put together
//! here. Of Parquet files the footers are read, by the one who plans.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::AsArray as _;
use datafusion::arrow::datatypes::DataType as Arrow;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::common::TableReference;
use datafusion::logical_expr::LogicalPlanBuilder;
use sluice_csv::type_of_text;
use sluice_jobfile::{Column, DataType, Diagnostics, Field, Format, Source};
use sluice_ndjson::InferredType;
use sluice_storage::Listing;

use super::AnalyzeError;
use super::analyze::{AnalyzeOptions, engine_error, gold_location};
use super::sources::{self, engine_source_error};
use super::steps::{AnalyzedJob, InputSummary, Step, StepKind};
use crate::parquet::read_schemas;
use crate::source::{CORRUPT_COLUMN, find_time_zone};

/// How the columns of a source are found.
#[derive(Debug)]
pub enum InferencePlan {
    /// By a job of one step, whose rows are for [`columns_from_rows`].
    Step(Box<AnalyzedJob>),
    /// They are these.
    Found(Vec<Column>),
}

/// Lists the files of a source that is read as a whole.
///
/// # Errors
/// When its folder cannot be listed, or its ledger or Delta log cannot be read.
pub async fn list_source(
    source: &Source,
    options: &AnalyzeOptions,
) -> Result<Listing, AnalyzeError> {
    sources::list_files(source, options).await
}

/// Plans how the columns of these files of a source are found. For JSON and CSV, the plan
/// reads all of them: a sample could lack a field, or have a type that is too narrow.
///
/// # Errors
/// When a Parquet file cannot be read, or its types differ from those of the others.
pub async fn plan_inference(
    source: &Source,
    listing: Listing,
    options: &AnalyzeOptions,
) -> Result<InferencePlan, AnalyzeError> {
    let session = &options.session;
    if source.format == Format::Parquet {
        return find_parquet_columns(source, &listing, options).await;
    }
    let summary = InputSummary {
        name: source.name.clone(),
        location: listing.source.to_string(),
        files: listing.files.len() as u64,
        bytes: listing.total_bytes(),
    };
    let table = sources::type_table(source, listing, session)
        .map_err(|error| engine_source_error(source, error))?;
    let planned = || {
        let reference = TableReference::bare(source.name.as_str());
        let plan = LogicalPlanBuilder::scan(reference, provider_as_source(Arc::new(table)), None)?
            // Most files have the same types.
            .distinct()?
            .build()?;
        session.optimize(&plan)
    };
    let plan = planned().map_err(|error| engine_error(&source.name, error))?;
    Ok(InferencePlan::Step(Box::new(AnalyzedJob {
        steps: vec![Step {
            name: format!("columns of {}", shown_name(source)),
            kind: StepKind::Answer,
            after: Vec::new(),
            plan,
        }],
        datasets: Vec::new(),
        unchanged: Vec::new(),
        inputs: vec![summary],
        relations: Vec::new(),
        gold: gold_location(options)?,
        warnings: Diagnostics::new(),
        session: session.clone(),
    })))
}

/// The name of a source, or where it is, for messages.
fn shown_name(source: &Source) -> &str {
    match source.name.contains(' ') {
        true => &source.location,
        false => &source.name,
    }
}

/// The columns of a source by the rows of its [`InferencePlan`]. `known` are those that it
/// had before, which stay as they are; `listing` are the files that were read.
///
/// # Errors
/// When CSV files have different headers.
pub fn columns_from_rows(
    source: &Source,
    (known, listing): (&[Column], &Listing),
    rows: &[RecordBatch],
    options: &AnalyzeOptions,
) -> Result<Vec<Column>, AnalyzeError> {
    let found = merge_rows(source, &without_folders(known, listing), rows)?;
    let mut columns = add_columns(known, found);
    add_folder_columns(source, listing, &mut columns, options)?;
    Ok(columns)
}

/// The columns that are read from files: those of folders have no position there.
fn without_folders(known: &[Column], listing: &Listing) -> Vec<Column> {
    let folders = listing.files.iter().flat_map(|file| &file.partition_values);
    let folders: HashSet<&str> = folders.map(|(name, _)| name.as_str()).collect();
    let known = known.iter();
    known
        .filter(|column| !folders.contains(column.source_name.as_str()))
        .cloned()
        .collect()
}

/// The columns of all files of a source; `known` has those of files that it had before.
fn merge_rows(
    source: &Source,
    known: &[Column],
    rows: &[RecordBatch],
) -> Result<Vec<Column>, AnalyzeError> {
    let mut types = Vec::new();
    let mut has_malformed = false;
    for batch in rows {
        let texts = batch.column(0).as_string_opt::<i32>();
        let malformed = batch.column(1).as_boolean_opt();
        for row in 0..batch.num_rows() {
            let text = texts.map(|texts| texts.value(row)).unwrap_or_default();
            let found = serde_json::from_str(text).map_err(|error| {
                let error = datafusion::error::DataFusionError::External(Box::new(error));
                engine_source_error(source, error)
            })?;
            types.push(found);
            has_malformed |= malformed.is_some_and(|malformed| malformed.value(row));
        }
    }
    let fields = match source.format {
        Format::Csv => merge_by_position(source, known, types)?,
        _ => {
            let mut all = types
                .into_iter()
                .fold(InferredType::EMPTY, InferredType::merge);
            if has_malformed {
                let corrupt = vec![(CORRUPT_COLUMN.to_owned(), InferredType::String)];
                all = all.merge(InferredType::Struct(corrupt));
            }
            match all.into_column_type() {
                Some(InferredType::Struct(fields)) => fields,
                _ => Vec::new(),
            }
        }
    };
    let has_types = source.inference.as_ref().is_none_or(|of| of.has_types);
    let columns = fields.into_iter().map(|(name, of)| {
        let ty = match has_types {
            true => column_type(source, of),
            false => DataType::String,
        };
        new_column(source, name, ty)
    });
    Ok(columns.collect())
}

/// The columns of a source as queries see them: those that were found, with the types that
/// its hints say.
pub fn with_hints(source: &Source, mut columns: Vec<Column>) -> Vec<Column> {
    let hints = source.inference.iter().flat_map(|of| &of.hints);
    for hint in hints {
        let lower = hint.source_name.to_lowercase();
        let mut found = columns.iter_mut();
        match found.find(|column| column.source_name.to_lowercase() == lower) {
            Some(column) => {
                column.ty = hint.ty.clone();
                column.nullable = hint.nullable;
            }
            None => columns.push(hint.clone()),
        }
    }
    columns
}

/// The columns that were known, and of the others those with new names.
pub fn add_columns(known: &[Column], found: Vec<Column>) -> Vec<Column> {
    let lower = |column: &Column| column.source_name.to_lowercase();
    let names: HashSet<String> = known.iter().map(lower).collect();
    let new = found
        .into_iter()
        .filter(|column| !names.contains(&lower(column)));
    known.iter().cloned().chain(new).collect()
}

fn new_column(source: &Source, name: String, ty: DataType) -> Column {
    Column {
        source_name: name.clone(),
        name,
        ty,
        nullable: true,
        span: source.span,
        comment: None,
    }
}

fn column_type(source: &Source, found: InferredType) -> DataType {
    match found {
        InferredType::Null | InferredType::String => DataType::String,
        InferredType::Boolean => DataType::Boolean,
        InferredType::Int => DataType::Int,
        InferredType::Long => DataType::BigInt,
        InferredType::Decimal(digits, scale) => {
            DataType::Decimal(digits, i8::try_from(scale).unwrap_or(0))
        }
        InferredType::Double => DataType::Double,
        InferredType::Date => DataType::Date,
        InferredType::Timestamp => DataType::Timestamp,
        InferredType::Array(element) => DataType::Array(Box::new(column_type(source, *element))),
        InferredType::Struct(fields) => {
            let mut names = HashSet::new();
            // Of fields whose names differ in case only, the first is a column.
            let fields = fields
                .into_iter()
                .filter(|(name, _)| names.insert(name.to_lowercase()));
            let fields = fields.map(|(name, of)| Field {
                source_name: name.clone(),
                name,
                ty: column_type(source, of),
                nullable: true,
                span: source.span,
                comment: None,
            });
            DataType::Struct(fields.collect())
        }
    }
}

/// The columns of CSV files: by their positions, with the names of the headers.
fn merge_by_position(
    source: &Source,
    known: &[Column],
    files: Vec<InferredType>,
) -> Result<Vec<(String, InferredType)>, AnalyzeError> {
    let mut names: Vec<String> = known.iter().map(|of| of.source_name.clone()).collect();
    let mut types: Vec<InferredType> = Vec::new();
    for file in &files {
        let InferredType::Struct(fields) = file else {
            continue;
        };
        for (index, (name, _)) in fields.iter().enumerate() {
            match names.get(index) {
                _ if name.is_empty() => {}
                Some(known) if known.eq_ignore_ascii_case(name) => {}
                Some(known) => {
                    return Err(AnalyzeError::Files {
                        what: format!("source {}", shown_name(source)),
                        file: source.location.clone(),
                        problem: format!(
                            "column {} is called `{known}` in the header of one file and `{name}` in that of another; columns of CSV are found by their positions, so read files of each order by a source of their own, with a pattern",
                            index + 1
                        ),
                    });
                }
                None => names.push(name.clone()),
            }
        }
    }
    for file in files {
        let InferredType::Struct(fields) = file else {
            continue;
        };
        for (index, (_, of)) in fields.into_iter().take(names.len()).enumerate() {
            match types.get_mut(index) {
                Some(found) => {
                    let before = std::mem::replace(found, InferredType::Null);
                    *found = before.merge(of);
                }
                None => types.push(of),
            }
        }
    }
    types.resize(names.len(), InferredType::Null);
    Ok(names.into_iter().zip(types).collect())
}

/// Adds the columns whose values are in the names of folders, with the types that these
/// have, as Spark does.
fn add_folder_columns(
    source: &Source,
    listing: &Listing,
    columns: &mut Vec<Column>,
    options: &AnalyzeOptions,
) -> Result<(), AnalyzeError> {
    let zone = sources::time_zone_of(source, &options.session);
    let zone = find_time_zone(&zone).map_err(|error| engine_source_error(source, error))?;
    let mut folders: BTreeMap<&str, InferredType> = BTreeMap::new();
    for (name, value) in listing.files.iter().flat_map(|file| &file.partition_values) {
        let of_value = match value.as_deref().map(|text| type_of_text(text, zone)) {
            None => InferredType::Null,
            Some(InferredType::Boolean) => InferredType::String,
            Some(of) => of,
        };
        let found = folders.entry(name).or_insert(InferredType::Null);
        let before = std::mem::replace(found, InferredType::Null);
        *found = before.merge(of_value);
    }
    let folders = folders.into_iter().map(|(name, of)| {
        let of = of.into_column_type().unwrap_or(InferredType::String);
        new_column(source, name.to_owned(), column_type(source, of))
    });
    *columns = add_columns(columns, folders.collect());
    Ok(())
}

/// The columns of Parquet files: those of all files, by name. Numbers have the widest of
/// their types.
async fn find_parquet_columns(
    source: &Source,
    listing: &Listing,
    options: &AnalyzeOptions,
) -> Result<InferencePlan, AnalyzeError> {
    let unfit = |path: &object_store::path::Path, problem: String| AnalyzeError::Files {
        what: format!("source {}", shown_name(source)),
        file: listing.source.base().display_path(path),
        problem,
    };
    let metas = listing.files.iter().filter(|file| file.size > 0);
    let metas = metas.map(sources::object_meta).collect();
    let schemas = read_schemas(&listing.store, metas, &options.session)
        .await
        .map_err(|error| unfit(&error.path, error.problem))?;
    let mut columns: Vec<Column> = Vec::new();
    for (path, schema) in schemas {
        for field in schema.fields() {
            let Some(ty) = declared_type(source, field.data_type()) else {
                let problem = format!(
                    "column {} has the type {}, which no declared type holds; declare the columns that the job reads",
                    field.name(),
                    field.data_type()
                );
                return Err(unfit(&path, problem));
            };
            let lower = field.name().to_lowercase();
            let known = columns.iter_mut();
            match known
                .into_iter()
                .find(|of| of.source_name.to_lowercase() == lower)
            {
                None => columns.push(new_column(source, field.name().clone(), ty)),
                Some(known) => match wider_type(&known.ty, &ty) {
                    Some(ty) => known.ty = ty,
                    None => {
                        let problem = format!(
                            "column {} has the type {ty}, and {} in another file; declare the columns, and read files with other types by a source of their own",
                            field.name(),
                            known.ty
                        );
                        return Err(unfit(&path, problem));
                    }
                },
            }
        }
    }
    add_folder_columns(source, listing, &mut columns, options)?;
    Ok(InferencePlan::Found(columns))
}

/// The type that holds both, where a Parquet file may have the other one.
fn wider_type(one: &DataType, other: &DataType) -> Option<DataType> {
    const INTEGERS: [DataType; 4] = [
        DataType::TinyInt,
        DataType::SmallInt,
        DataType::Int,
        DataType::BigInt,
    ];
    let rank = |ty: &DataType| INTEGERS.iter().position(|of| of == ty);
    if one == other {
        return Some(one.clone());
    }
    if let (Some(one), Some(other)) = (rank(one), rank(other)) {
        return INTEGERS.get(one.max(other)).cloned();
    }
    match (one, other) {
        (DataType::Float, DataType::Double) | (DataType::Double, DataType::Float) => {
            Some(DataType::Double)
        }
        _ => None,
    }
}

/// The declared type that a Parquet column fits.
fn declared_type(source: &Source, ty: &Arrow) -> Option<DataType> {
    Some(match ty {
        Arrow::Boolean => DataType::Boolean,
        Arrow::Int8 => DataType::TinyInt,
        Arrow::Int16 | Arrow::UInt8 => DataType::SmallInt,
        Arrow::Int32 | Arrow::UInt16 => DataType::Int,
        Arrow::Int64 | Arrow::UInt32 => DataType::BigInt,
        Arrow::Float32 => DataType::Float,
        Arrow::Float64 => DataType::Double,
        Arrow::Decimal128(digits, scale) => DataType::Decimal(*digits, *scale),
        Arrow::Utf8 | Arrow::LargeUtf8 | Arrow::Utf8View => DataType::String,
        Arrow::Binary | Arrow::LargeBinary | Arrow::BinaryView | Arrow::FixedSizeBinary(_) => {
            DataType::Binary
        }
        Arrow::Date32 => DataType::Date,
        Arrow::Timestamp(_, Some(_)) => DataType::Timestamp,
        Arrow::Timestamp(_, None) => DataType::TimestampNtz,
        Arrow::Dictionary(_, values) => declared_type(source, values)?,
        Arrow::List(element) | Arrow::LargeList(element) => {
            DataType::Array(Box::new(declared_type(source, element.data_type())?))
        }
        Arrow::Struct(fields) => {
            let fields = fields.iter().map(|field| {
                Some(Field {
                    name: field.name().clone(),
                    source_name: field.name().clone(),
                    ty: declared_type(source, field.data_type())?,
                    nullable: true,
                    span: source.span,
                    comment: None,
                })
            });
            DataType::Struct(fields.collect::<Option<_>>()?)
        }
        Arrow::Map(entries, _) => match entries.data_type() {
            Arrow::Struct(pair) if pair.len() == 2 => {
                let mut types = pair.iter().map(|of| declared_type(source, of.data_type()));
                let (key, value) = (types.next()??, types.next()??);
                DataType::Map(Box::new(key), Box::new(value))
            }
            _ => return None,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
