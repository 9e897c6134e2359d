//! Small random tables, as files for Sluice and as statements for DuckDB.

use std::collections::BTreeSet;

use crate::choices::Choices;
use crate::features::Feature;
use crate::values::{Cell, Kind, OddValues, Scalar};

/// How a table is stored for Sluice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Parquet,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
}

/// A table with rows; the column `id` is unique and never NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub format: Format,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
    /// The rows are spread over this many files.
    pub files: usize,
}

/// The columns that tables may have, in addition to `id`. Tables share names, as
/// USING and NATURAL need.
const COLUMNS: [(&str, Kind); 15] = [
    ("a", Kind::Scalar(Scalar::Int)),
    ("b", Kind::Scalar(Scalar::Int)),
    ("s", Kind::Scalar(Scalar::Text)),
    ("n", Kind::Scalar(Scalar::BigInt)),
    ("x", Kind::Scalar(Scalar::Double)),
    ("y", Kind::Scalar(Scalar::Double)),
    ("p", Kind::Scalar(Scalar::Decimal)),
    ("u", Kind::Scalar(Scalar::Text)),
    ("d", Kind::Scalar(Scalar::Date)),
    ("ts", Kind::Scalar(Scalar::Timestamp)),
    ("f", Kind::Scalar(Scalar::Boolean)),
    ("xs", Kind::Array(Scalar::Int)),
    ("tags", Kind::Array(Scalar::Text)),
    ("st", Kind::Struct),
    ("items", Kind::Structs),
];

/// The columns that every table has.
const ALWAYS: usize = 3;

/// Four tables: the same ones for the same seed.
pub fn generate_tables(seed: u64, without: &BTreeSet<Feature>) -> Vec<Table> {
    let mut choices = Unbounded::new(seed);
    (0..4)
        .map(|number| generate_table(&mut choices, number, without))
        .collect()
}

/// Tables need more choices than a record holds, and are made smaller by rows.
struct Unbounded {
    seeds: Choices,
}

impl Unbounded {
    fn new(seed: u64) -> Self {
        Self {
            seeds: Choices::random(seed),
        }
    }

    fn next(&mut self) -> Choices {
        Choices::random(self.seeds.seed())
    }
}

fn generate_table(source: &mut Unbounded, number: usize, without: &BTreeSet<Feature>) -> Table {
    let mut choices = source.next();
    let format = if choices.chance(30) {
        Format::Parquet
    } else {
        Format::Json
    };
    let mut columns = vec![Column {
        name: "id",
        kind: Kind::Scalar(Scalar::Int),
    }];
    for (at, (name, kind)) in COLUMNS.into_iter().enumerate() {
        if at < ALWAYS || choices.chance(75) {
            columns.push(Column { name, kind });
        }
    }
    let allowed = |kind: Kind| match kind {
        Kind::Scalar(Scalar::Date | Scalar::Timestamp) => !without.contains(&Feature::FarDates),
        Kind::Scalar(Scalar::Int | Scalar::BigInt) => !without.contains(&Feature::IntegerOverflow),
        _ => true,
    };
    let odd: Vec<OddValues> = columns
        .iter()
        .map(|column| OddValues {
            extremes: choices.chance(6) && allowed(column.kind),
            negative_zero: !without.contains(&Feature::NegativeZero),
        })
        .collect();
    let (least, most) =
        choices.pick_weighted(&[(60, (5, 14)), (12, (1, 4)), (10, (0, 0)), (18, (20, 60))]);
    let count = choices.between(least, most);
    let rows = (0..count as usize)
        .map(|id| {
            let mut choices = source.next();
            let mut row = vec![Cell::int(id)];
            for (column, odd) in columns.iter().zip(&odd).skip(1) {
                row.push(Cell::random(&mut choices, column.kind, *odd));
            }
            row
        })
        .collect();
    Table {
        name: format!("t{number}"),
        format,
        columns,
        rows,
        files: choices.between(1, 3) as usize,
    }
}

impl Table {
    /// The statement that declares the table in a job.
    pub fn declaration(&self) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("{} {}", column.name, column.kind.sql().spark))
            .collect();
        let (stored, options) = match self.format {
            Format::Json => ("JSON", " OPTIONS ('mode' 'failfast')"),
            Format::Parquet => ("PARQUET", ""),
        };
        format!(
            "CREATE EXTERNAL TABLE {} ({}) STORED AS {stored} LOCATION '${{landing}}/{}'{options};\n",
            self.name,
            columns.join(", "),
            self.name
        )
    }

    /// The rows as newline-delimited JSON, one text for each file.
    pub fn json_files(&self) -> Vec<String> {
        let mut files = vec![String::new(); self.files];
        for (number, row) in self.rows.iter().enumerate() {
            let fields: Vec<String> = self
                .columns
                .iter()
                .zip(row)
                .map(|(column, cell)| format!("\"{}\": {}", column.name, cell.json))
                .collect();
            let file = &mut files[number % self.files];
            file.push('{');
            file.push_str(&fields.join(", "));
            file.push_str("}\n");
        }
        files
    }

    /// Statements that make the table in DuckDB.
    pub fn duckdb_statements(&self) -> Vec<String> {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("{} {}", column.name, column.kind.sql().duckdb))
            .collect();
        let mut statements = vec![format!(
            "CREATE OR REPLACE TABLE {} ({})",
            self.name,
            columns.join(", ")
        )];
        if !self.rows.is_empty() {
            let rows: Vec<String> = self
                .rows
                .iter()
                .map(|row| {
                    let cells: Vec<&str> = row.iter().map(|cell| cell.duckdb.as_str()).collect();
                    format!("({})", cells.join(", "))
                })
                .collect();
            statements.push(format!(
                "INSERT INTO {} VALUES {}",
                self.name,
                rows.join(", ")
            ));
        }
        statements
    }

    /// The table with only the rows from `first` to before `end` left out.
    pub fn without_rows(&self, first: usize, end: usize) -> Self {
        let mut smaller = self.clone();
        smaller.rows.drain(first..end.min(self.rows.len()));
        smaller
    }
}
