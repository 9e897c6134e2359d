//! Gold tables as text, read from their Delta logs with the Parquet reader and
//! none of our code.

use std::fs;
use std::path::Path;

use arrow::array::{Array, ArrayRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

/// A table at its only version.
pub(super) struct FoundTable {
    /// The column names, separated by `|`.
    pub(super) columns: String,
    /// `name type` of each column, as Delta writes types.
    pub(super) schema: Vec<String>,
    /// The folders of the partitions as the log names them, sorted.
    pub(super) folders: Vec<String>,
    /// The rows of each file.
    pub(super) files: Vec<Vec<String>>,
}

/// The tables that have a commit.
pub(super) fn committed_tables(gold: &Path) -> Vec<String> {
    let Ok(folders) = fs::read_dir(gold) else {
        return Vec::new();
    };
    folders
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("_delta_log/00000000000000000000.json").exists())
        .map(|path| path.display().to_string())
        .collect()
}

pub(super) fn read_table(table: &Path) -> Result<FoundTable, String> {
    let log = table.join("_delta_log/00000000000000000000.json");
    let log = fs::read_to_string(&log).map_err(|e| format!("{}: {e}", log.display()))?;
    let actions: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let meta = actions
        .iter()
        .find_map(|action| action.get("metaData"))
        .ok_or("no metadata")?;
    let schema: Value = serde_json::from_str(meta["schemaString"].as_str().unwrap()).unwrap();
    let fields = schema["fields"].as_array().unwrap();
    let names: Vec<&str> = fields
        .iter()
        .map(|field| field["name"].as_str().unwrap())
        .collect();
    let mut found = FoundTable {
        columns: names.join(" | "),
        schema: fields
            .iter()
            .map(|field| {
                format!(
                    "{} {}",
                    field["name"].as_str().unwrap(),
                    type_text(&field["type"])
                )
            })
            .collect(),
        folders: Vec::new(),
        files: Vec::new(),
    };
    for add in actions.iter().filter_map(|action| action.get("add")) {
        let path = add["path"].as_str().unwrap();
        if let Some((folder, _)) = path.rsplit_once('/') {
            found.folders.push(folder.to_owned());
        }
        // In the log the path is percent-encoded.
        found.files.push(read_rows(
            &table.join(percent_decoded(path)),
            &names,
            &add["partitionValues"],
        )?);
    }
    found.folders.sort();
    found.folders.dedup();
    Ok(found)
}

/// A type of a Delta schema as text, such as `array<string>`.
fn type_text(value: &Value) -> String {
    match value["type"].as_str() {
        None => value.as_str().unwrap_or_default().to_owned(),
        Some("array") => format!("array<{}>", type_text(&value["elementType"])),
        Some("map") => format!(
            "map<{},{}>",
            type_text(&value["keyType"]),
            type_text(&value["valueType"])
        ),
        Some(_) => {
            let fields = value["fields"].as_array().into_iter().flatten();
            let fields: Vec<String> = fields
                .map(|f| {
                    format!(
                        "{}:{}",
                        f["name"].as_str().unwrap_or_default(),
                        type_text(&f["type"])
                    )
                })
                .collect();
            format!("struct<{}>", fields.join(","))
        }
    }
}

fn percent_decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn read_rows(path: &Path, names: &[&str], partition: &Value) -> Result<Vec<String>, String> {
    let file = fs::File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|b| b.build())
        .map_err(|e| e.to_string())?;
    let options = FormatOptions::new().with_null("NULL");
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|e| e.to_string())?;
        let columns: Vec<Option<ArrayRef>> = names
            .iter()
            .map(|name| batch.column_by_name(name).cloned())
            .collect();
        let formats: Vec<Option<ArrayFormatter<'_>>> = columns
            .iter()
            .map(|column| {
                column
                    .as_ref()
                    .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
            })
            .collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = names
                .iter()
                .zip(&formats)
                .zip(&columns)
                .map(|((name, format), column)| match (format, column) {
                    (Some(_), Some(column)) if column.is_null(row) => "NULL".to_owned(),
                    (Some(format), _) => format.value(row).to_string(),
                    _ => partition[*name].as_str().unwrap_or("NULL").to_owned(),
                })
                .collect();
            rows.push(cells.join(" | ").trim_end().to_owned());
        }
    }
    Ok(rows)
}
