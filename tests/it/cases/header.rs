//! The header of a case: its first lines.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// One diagnostic that the check must report.
#[derive(Debug, Clone)]
pub(super) struct ExpectedFinding {
    pub(super) severity: &'static str,
    pub(super) code: String,
    pub(super) at: Option<String>,
    pub(super) says: Vec<String>,
}

/// Which aspect of a table is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableAspect {
    Rows { ordered: bool },
    Schema,
    Folders,
}

#[derive(Debug)]
pub(super) struct ExpectedTable {
    pub(super) aspect: TableAspect,
    pub(super) dataset: String,
    pub(super) lines: Vec<String>,
}

/// An input file.
#[derive(Debug, Default)]
pub(super) struct InputFile {
    path: String,
    /// Lines end with a carriage return and a line feed.
    crlf: bool,
    /// The file begins with a byte-order mark.
    bom: bool,
    /// The last line has no line end.
    open: bool,
    /// The content is copied from the file in `tests/cases/data` that the first
    /// line names.
    copy: bool,
    lines: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) params: BTreeMap<String, String>,
    pub(super) expected: Vec<ExpectedFinding>,
    pub(super) files: Vec<InputFile>,
    pub(super) tables: Vec<ExpectedTable>,
    pub(super) malformed: Vec<(String, u64)>,
    /// The kind of error that the job ends with.
    pub(super) fails: Option<String>,
    pub(super) says: Vec<String>,
}

pub(super) fn cases_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

pub(super) fn parse_header(text: &str) -> Result<Header, String> {
    let mut header = Header::default();
    let mut content: Option<bool> = None;
    for line in text.lines() {
        let line = line.trim_end_matches('\r');
        if let Some(row) = line.strip_prefix("--|") {
            let row = row.strip_prefix(' ').unwrap_or(row).to_owned();
            match content {
                Some(true) => header.files.last_mut().ok_or("no file")?.lines.push(row),
                Some(false) => header
                    .tables
                    .last_mut()
                    .ok_or("no table")?
                    .lines
                    .push(row.trim_end().to_owned()),
                None => return Err(format!("`{line}` belongs to no file and no result")),
            }
            continue;
        }
        let Some(line) = line.strip_prefix("-- ") else {
            break;
        };
        let (key, value) = line
            .split_once(':')
            .map_or((line, ""), |(key, value)| (key, value.trim()));
        let (key, flags) = key.split_once(' ').unwrap_or((key, ""));
        content = None;
        match key {
            "ok" => {}
            "param" => {
                let (name, value) = value.split_once('=').ok_or("param: name=value")?;
                header.params.insert(name.to_owned(), value.to_owned());
            }
            "error" | "warning" => header.expected.push(ExpectedFinding {
                severity: if key == "error" { "error" } else { "warning" },
                code: value.to_owned(),
                at: None,
                says: Vec::new(),
            }),
            "at" => {
                header.expected.last_mut().ok_or("at follows error")?.at = Some(value.to_owned())
            }
            "message" => match header.expected.last_mut() {
                Some(last) => last.says.push(value.to_owned()),
                None => header.says.push(value.to_owned()),
            },
            "fails" => header.fails = Some(value.to_owned()),
            "malformed" => {
                let (source, count) = value.split_once('=').ok_or("malformed: source=lines")?;
                header.malformed.push((
                    source.to_owned(),
                    count.parse().map_err(|_| "malformed: a number")?,
                ));
            }
            "file" => {
                header.files.push(parse_input(value, flags)?);
                content = Some(true);
            }
            "result" | "schema" | "folders" => {
                let aspect = match (key, flags) {
                    ("result", "" | "ordered") => TableAspect::Rows {
                        ordered: flags == "ordered",
                    },
                    ("schema", "") => TableAspect::Schema,
                    ("folders", "") => TableAspect::Folders,
                    _ => return Err(format!("unknown `{key} {flags}`")),
                };
                header.tables.push(ExpectedTable {
                    aspect,
                    dataset: value.to_owned(),
                    lines: Vec::new(),
                });
                content = Some(false);
            }
            // The first comment that is prose ends the header.
            _ => break,
        }
    }
    Ok(header)
}

fn parse_input(path: &str, flags: &str) -> Result<InputFile, String> {
    let mut input = InputFile {
        path: path.to_owned(),
        ..InputFile::default()
    };
    for flag in flags.split_whitespace() {
        match flag {
            "crlf" => input.crlf = true,
            "bom" => input.bom = true,
            "open" => input.open = true,
            "copy" => input.copy = true,
            other => return Err(format!("unknown `file {other}`")),
        }
    }
    Ok(input)
}

impl InputFile {
    /// Writes the file below `landing`; a path that ends with `/` is a folder.
    pub(super) fn write(&self, landing: &Path) -> Result<(), String> {
        let path = landing.join(&self.path);
        if self.path.ends_with('/') {
            return fs::create_dir_all(&path).map_err(|e| e.to_string());
        }
        fs::create_dir_all(path.parent().ok_or("a file without a folder")?)
            .map_err(|e| e.to_string())?;
        fs::write(&path, self.bytes()?).map_err(|e| e.to_string())
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        if self.copy {
            let name = self
                .lines
                .first()
                .ok_or("`file copy` needs a line with the file's name")?;
            return fs::read(cases_folder().join("data").join(name))
                .map_err(|e| format!("{name}: {e}"));
        }
        let end = if self.crlf { "\r\n" } else { "\n" };
        let mut text = if self.bom {
            "\u{feff}".to_owned()
        } else {
            String::new()
        };
        text.push_str(&self.lines.join(end));
        if !self.open && !self.lines.is_empty() {
            text.push_str(end);
        }
        let plain = text.into_bytes();
        let name = self.path.to_ascii_lowercase();
        if name.ends_with(".gz") {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(&plain).map_err(|e| e.to_string())?;
            return out.finish().map_err(|e| e.to_string());
        }
        if name.ends_with(".zst") {
            return zstd::encode_all(plain.as_slice(), 1).map_err(|e| e.to_string());
        }
        Ok(plain)
    }
}
