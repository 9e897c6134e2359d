//! Runs `tests/cases/check/*.sql`; `tests/cases/README.md` describes the format.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sluice_jobfile::{Diagnostic, Diagnostics, Severity, decode_job_file, parse_job_file};

/// One expected diagnostic.
#[derive(Debug, Clone)]
struct Expected {
    severity: Severity,
    code: String,
    at: Option<String>,
    /// Each must be part of the message, label, help or notes.
    says: Vec<String>,
}

#[derive(Debug, Default)]
struct Header {
    ok: bool,
    params: BTreeMap<String, String>,
    expected: Vec<Expected>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/check")
}

fn header(text: &str) -> Result<Header, String> {
    let mut header = Header::default();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let Some(line) = line.trim_end().strip_prefix("-- ") else {
            break;
        };
        let (key, value) = match line.split_once(':') {
            Some((key, value)) => (key, value.trim()),
            None => (line, ""),
        };
        let severity = match key {
            "warning" => Severity::Warning,
            _ => Severity::Error,
        };
        match key {
            "ok" => header.ok = true,
            "param" => {
                let (name, value) = value.split_once('=').ok_or("param: name=value")?;
                header.params.insert(name.to_owned(), value.to_owned());
            }
            "error" | "warning" => header.expected.push(Expected {
                severity,
                code: value.to_owned(),
                at: None,
                says: Vec::new(),
            }),
            "at" | "message" => {
                let last = header
                    .expected
                    .last_mut()
                    .ok_or("at and message follow error")?;
                if key == "at" {
                    last.at = Some(value.to_owned());
                } else {
                    last.says.push(value.to_owned());
                }
            }
            // The first comment that is prose ends the header.
            _ => break,
        }
    }
    Ok(header)
}

fn outcome(path: &Path, params: &BTreeMap<String, String>) -> Diagnostics {
    let name = path.file_name().unwrap().to_string_lossy();
    let text = match decode_job_file(&name, &fs::read(path).unwrap()) {
        Ok(text) => text,
        Err(findings) => return findings,
    };
    match parse_job_file(&name, &text).and_then(|file| file.bind_parameters(params)) {
        Ok(job) => job.warnings,
        Err(findings) => findings,
    }
}

fn fits(expected: &Expected, found: &Diagnostic) -> bool {
    let at = found.span.map_or_else(
        || "none".to_owned(),
        |span| format!("{}:{}", span.start.line, span.start.column),
    );
    let mut texts = vec![found.message.as_str()];
    texts.extend(found.label.as_deref());
    texts.extend(found.help.as_deref());
    texts.extend(found.notes.iter().map(String::as_str));
    expected.severity == found.severity
        && expected.code == found.code
        && expected.at.as_ref().is_none_or(|place| *place == at)
        && expected
            .says
            .iter()
            .all(|part| texts.iter().any(|text| text.contains(part.as_str())))
}

/// Errors must be exactly those that the case lists; the warnings that it lists
/// must be among the reported ones.
fn check(path: &Path) -> Result<(), String> {
    let bytes = fs::read(path).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let header = header(&text)?;
    let needs_engine = |code: &str| code.starts_with("E05") || code.starts_with("W05");
    if header.expected.iter().any(|e| needs_engine(&e.code)) {
        return Ok(());
    }
    if !header.ok
        && !header
            .expected
            .iter()
            .any(|e| e.severity == Severity::Error)
    {
        return Err("the header needs `-- ok` or `-- error: …`".to_owned());
    }
    let findings = outcome(path, &header.params);
    let rendered = findings.render_snippets(&text, false);
    let mut left: Vec<&Diagnostic> = findings.iter().collect();
    for expected in &header.expected {
        let Some(at) = left.iter().position(|found| fits(expected, found)) else {
            return Err(format!("missing {expected:?}; found:\n{rendered}"));
        };
        left.remove(at);
    }
    match left.iter().find(|found| found.is_error()) {
        Some(found) => Err(format!("not expected: {found}\n{rendered}")),
        None => Ok(()),
    }
}

#[test]
fn every_case_comes_out_as_its_header_says() {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "sql"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 40, "only {} cases", paths.len());
    let failures: Vec<String> = paths
        .iter()
        .filter_map(|path| {
            let problem = check(path).err()?;
            Some(format!(
                "{}: {problem}",
                path.file_name()?.to_string_lossy()
            ))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
