//! The schema of `from_json`: fields such as `a INT, b ARRAY<STRING>`, or one
//! type.

use datafusion::arrow::datatypes::{DataType, Field};

use super::super::kinds::{array_type, map_type, timestamp_type};

/// The type that a schema describes; `None` when it is malformed.
pub(super) fn parse_schema(text: &str) -> Option<DataType> {
    let mut parser = SchemaParser {
        tokens: split_tokens(text)?,
        at: 0,
    };
    // One type, or the fields of a struct.
    if let Some(data_type) = parser.data_type()
        && parser.at == parser.tokens.len()
    {
        return Some(data_type);
    }
    parser.at = 0;
    let fields = parser.fields()?;
    (parser.at == parser.tokens.len()).then_some(DataType::Struct(fields.into()))
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Sign(char),
}

fn split_tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('`') {
            let (name, tail) = quoted.split_once('`')?;
            tokens.push(Token::Word(name.to_owned()));
            rest = tail;
        } else if "<>(),:".contains(first) {
            tokens.push(Token::Sign(first));
            rest = rest.get(1..)?;
        } else {
            let is_end = |c: char| c.is_whitespace() || "<>(),:`".contains(c);
            let (word, tail) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
            tokens.push(Token::Word(word.to_owned()));
            rest = tail;
        }
        rest = rest.trim_start();
    }
    Some(tokens)
}

struct SchemaParser {
    tokens: Vec<Token>,
    at: usize,
}

impl SchemaParser {
    fn word(&mut self) -> Option<String> {
        match self.tokens.get(self.at)? {
            Token::Word(word) => {
                self.at += 1;
                Some(word.clone())
            }
            Token::Sign(_) => None,
        }
    }

    fn take(&mut self, sign: char) -> bool {
        let found = self.tokens.get(self.at) == Some(&Token::Sign(sign));
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        let found = matches!(
            self.tokens.get(self.at),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case(wanted)
        );
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: char) -> Option<()> {
        self.take(sign).then_some(())
    }

    fn fields(&mut self) -> Option<Vec<Field>> {
        let mut fields = Vec::new();
        loop {
            let name = self.word()?;
            self.take(':');
            let data_type = self.data_type()?;
            // Spark reads missing values as NULL anyway.
            if self.take_word("NOT") && !self.take_word("NULL") {
                return None;
            }
            fields.push(Field::new(name, data_type, true));
            if !self.take(',') {
                return Some(fields);
            }
        }
    }

    fn data_type(&mut self) -> Option<DataType> {
        Some(match self.word()?.to_uppercase().as_str() {
            "BOOLEAN" => DataType::Boolean,
            "TINYINT" | "BYTE" => DataType::Int8,
            "SMALLINT" | "SHORT" => DataType::Int16,
            "INT" | "INTEGER" => DataType::Int32,
            "BIGINT" | "LONG" => DataType::Int64,
            "FLOAT" | "REAL" => DataType::Float32,
            "DOUBLE" => DataType::Float64,
            "STRING" => DataType::Utf8,
            "DATE" => DataType::Date32,
            "TIMESTAMP" | "TIMESTAMP_LTZ" => timestamp_type(),
            "DECIMAL" | "DEC" | "NUMERIC" => self.decimal()?,
            "ARRAY" => {
                self.expect('<')?;
                let element = self.data_type()?;
                self.expect('>')?;
                array_type(element)
            }
            "MAP" => {
                self.expect('<')?;
                let key = self.data_type()?;
                self.expect(',')?;
                let value = self.data_type()?;
                self.expect('>')?;
                // Names are text.
                (key == DataType::Utf8).then_some(())?;
                map_type(key, value)
            }
            "STRUCT" => {
                self.expect('<')?;
                let fields = self.fields()?;
                self.expect('>')?;
                DataType::Struct(fields.into())
            }
            _ => return None,
        })
    }

    fn decimal(&mut self) -> Option<DataType> {
        if !self.take('(') {
            return Some(DataType::Decimal128(10, 0));
        }
        let precision: u8 = self.word()?.parse().ok()?;
        let scale: i8 = match self.take(',') {
            true => self.word()?.parse().ok()?,
            false => 0,
        };
        self.expect(')')?;
        let possible =
            (1..=38).contains(&precision) && (0..=i8::try_from(precision).ok()?).contains(&scale);
        possible.then_some(DataType::Decimal128(precision, scale))
    }
}
