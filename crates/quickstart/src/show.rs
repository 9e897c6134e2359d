//! Prints a table's metadata and first rows, with as many columns as fit.

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{CellAlignment, Table as Grid, presets};
use sluice_service::format::format_count;

use crate::gold::TableSample;

/// Characters per line; columns that do not fit are named below the rows.
const LINE_WIDTH: usize = 110;
/// Characters per value; longer values are cut.
const VALUE_WIDTH: usize = 27;

/// Prints one table.
pub(crate) fn print_table(table: &TableSample, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "\n{}: {}, {}, {}, version {}",
        table.name,
        format_count(table.rows, "row"),
        format_count(table.files as u64, "file"),
        format_count(table.bytes, "byte"),
        table.version
    )?;
    if let Some(comment) = &table.comment {
        writeln!(out, "{comment}")?;
    }
    let columns = read_columns(table);
    let shown = count_fitting(&columns);
    if table.rows > 0 && shown > 0 {
        writeln!(out, "{}", build_grid(table, &columns[..shown]))?;
    }
    let hidden: Vec<&str> = columns[shown..]
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    if !hidden.is_empty() {
        writeln!(out, "and {}", hidden.join(", "))?;
    }
    Ok(())
}

/// A column as text.
struct Column {
    name: String,
    numeric: bool,
    values: Vec<String>,
}

fn read_columns(table: &TableSample) -> Vec<Column> {
    table
        .schema
        .fields()
        .iter()
        .map(|field| {
            let values = table
                .first_rows
                .iter()
                .flat_map(|batch| column_values(batch, field.name()))
                .collect();
            let numeric = field.data_type().is_numeric();
            Column {
                name: field.name().clone(),
                numeric,
                values,
            }
        })
        .collect()
}

/// How many columns fit next to each other.
fn count_fitting(columns: &[Column]) -> usize {
    let mut remaining_width = LINE_WIDTH;
    columns
        .iter()
        .take_while(|column| {
            let widest = column
                .values
                .iter()
                .map(|value| value.chars().count())
                .max();
            let width = widest.unwrap_or_default().max(column.name.len()) + 3;
            let fits = width <= remaining_width;
            remaining_width = remaining_width.saturating_sub(width);
            fits
        })
        .count()
}

fn build_grid(table: &TableSample, columns: &[Column]) -> Grid {
    let mut grid = Grid::new();
    grid.load_preset(presets::ASCII_BORDERS_ONLY_CONDENSED);
    grid.set_header(columns.iter().map(|column| &column.name));
    let rows = columns
        .iter()
        .map(|column| column.values.len())
        .max()
        .unwrap_or_default();
    for row in 0..rows {
        grid.add_row(
            columns
                .iter()
                .map(|column| column.values.get(row).map_or("", String::as_str)),
        );
    }
    if table.rows > rows as u64 {
        grid.add_row(columns.iter().map(|_| "…"));
    }
    for (index, column) in columns.iter().enumerate() {
        if column.numeric
            && let Some(cells) = grid.column_mut(index)
        {
            cells.set_cell_alignment(CellAlignment::Right);
        }
    }
    grid
}

/// The values of one column of a batch. A column that the file does not contain
/// (a partition column) has none.
fn column_values(batch: &RecordBatch, name: &str) -> Vec<String> {
    let Some(column) = batch.column_by_name(name) else {
        return Vec::new();
    };
    let column = without_zone(column);
    let options = FormatOptions::new().with_null("NULL");
    let Ok(formatter) = ArrayFormatter::try_new(column.as_ref(), &options) else {
        return vec!["?".to_owned(); batch.num_rows()];
    };
    (0..batch.num_rows())
        .map(|row| match column.data_type() {
            // Amounts of money: the last binary digits of a sum would only distract.
            DataType::Float64 if column.is_valid(row) => {
                format!("{:.2}", column.as_primitive::<Float64Type>().value(row))
            }
            _ => truncate_value(formatter.value(row).to_string()),
        })
        .collect()
}

/// Times are stored in UTC and shown in UTC; with the zone's name the formatter
/// would need a database of time zones.
fn without_zone(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            let times = column.as_primitive::<TimestampMicrosecondType>().clone();
            Arc::new(times.with_timezone_opt(None::<Arc<str>>))
        }
        _ => Arc::clone(column),
    }
}

fn truncate_value(value: String) -> String {
    if value.chars().count() <= VALUE_WIDTH {
        return value;
    }
    value.chars().take(VALUE_WIDTH - 1).chain(['…']).collect()
}
