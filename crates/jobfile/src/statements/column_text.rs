//! Columns as text that keeps their names as they are, for records.

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::job::Column;
use crate::job::types::DataType;
use crate::span::{Position, Span, Spanned};
use crate::statements::read_files::parse_schema;

/// The columns as a schema in which all names are quoted: `` `userId` BIGINT, … ``.
/// Comments and `NOT NULL` are left out.
pub fn write_columns(columns: &[Column]) -> String {
    let columns = columns
        .iter()
        .map(|column| format!("{} {}", quote(&column.source_name), write_type(&column.ty)));
    columns.collect::<Vec<_>>().join(", ")
}

/// The columns of a text of [`write_columns`]. Their spans are `span`.
///
/// # Errors
/// When it is another text.
pub fn read_columns(text: &str, span: Span) -> Result<Vec<Column>, Box<Diagnostic>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut diagnostics = Diagnostics::new();
    let schema = Spanned::new(text.to_owned(), Span::empty_at(Position::new(1, 1)));
    let mut columns = parse_schema(&schema, &mut diagnostics)?;
    if let Some(problem) = diagnostics.into_iter().next() {
        return Err(Box::new(problem));
    }
    for column in &mut columns {
        column.span = span;
    }
    Ok(columns)
}

fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn write_type(ty: &DataType) -> String {
    match ty {
        DataType::Struct(fields) => {
            let fields = fields
                .iter()
                .map(|field| format!("{}: {}", quote(&field.source_name), write_type(&field.ty)));
            format!("STRUCT<{}>", fields.collect::<Vec<_>>().join(", "))
        }
        DataType::Array(element) => format!("ARRAY<{}>", write_type(element)),
        DataType::Map(key, value) => format!("MAP<{}, {}>", write_type(key), write_type(value)),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::types::Field;

    #[test]
    fn columns_are_read_as_they_were_written() {
        let span = Span::empty_at(Position::new(7, 3));
        let named = |name: &str, ty: DataType| Column {
            name: name.to_owned(),
            source_name: name.to_owned(),
            ty,
            nullable: true,
            span,
            comment: None,
        };
        let field = Field {
            name: "Straße, Nr. 1".to_owned(),
            source_name: "Straße, Nr. 1".to_owned(),
            ty: DataType::Array(Box::new(DataType::Double)),
            nullable: true,
            span,
            comment: None,
        };
        let columns = vec![
            named("userId", DataType::BigInt),
            named("select", DataType::Decimal(20, 3)),
            named("a`b\"c'd", DataType::Struct(vec![field])),
            named(
                "m",
                DataType::Map(Box::new(DataType::String), Box::new(DataType::Timestamp)),
            ),
        ];
        let text = write_columns(&columns);
        let mut read = read_columns(&text, span).unwrap();
        if let Some(DataType::Struct(fields)) = read.get_mut(2).map(|column| &mut column.ty) {
            fields[0].span = span;
        }
        assert_eq!(read, columns, "{text}");
        assert_eq!(read_columns("", span).unwrap(), vec![]);
        assert!(read_columns("a b c", span).is_err());
    }
}
