//! A compiled pattern of Java's.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use datafusion::error::{DataFusionError, Result};

use super::translate::{Dollar, translate};

/// A pattern, compiled for texts with and without line ends.
///
/// `$` also matches before a last line end, which needs look-ahead. Texts without
/// a line end, which are most, are searched by the linear engine.
#[derive(Debug, Clone)]
pub(crate) struct JavaRegex {
    simple: Engine,
    with_line_ends: Option<Engine>,
    pattern: String,
}

#[derive(Debug, Clone)]
enum Engine {
    Linear(regex::Regex),
    Backtracking(fancy_regex::Regex),
}

/// Where the groups of a match are; the group 0 is all of it.
pub(crate) type Groups = Vec<Option<(usize, usize)>>;

/// The most memory of a compiled pattern.
const SIZE_LIMIT: usize = 64 << 20;

impl Engine {
    fn compile(pattern: &str, backtracks: bool) -> std::result::Result<Self, String> {
        if backtracks {
            return fancy_regex::RegexBuilder::new(pattern)
                .delegate_size_limit(SIZE_LIMIT)
                .build()
                .map(Self::Backtracking)
                .map_err(|error| error.to_string());
        }
        regex::RegexBuilder::new(pattern)
            .size_limit(SIZE_LIMIT)
            .build()
            .map(Self::Linear)
            .map_err(|error| error.to_string())
    }
}

impl JavaRegex {
    pub(crate) fn compile(pattern: &str) -> Result<Self> {
        let compiled = (|| {
            let simple = translate(pattern, Dollar::End)?;
            let with_line_ends = if simple.has_dollar {
                let full = translate(pattern, Dollar::BeforeLastLineEnd)?;
                Some(Engine::compile(&full.pattern, full.backtracks)?)
            } else {
                None
            };
            Ok::<_, String>(Self {
                simple: Engine::compile(&simple.pattern, simple.backtracks)?,
                with_line_ends,
                pattern: pattern.to_owned(),
            })
        })();
        compiled.map_err(|problem| {
            DataFusionError::Execution(format!(
                "the regular expression '{pattern}' {}",
                // The engines draw a picture of the pattern on several lines.
                problem.lines().last().unwrap_or_default()
            ))
        })
    }

    fn engine(&self, text: &str) -> &Engine {
        match &self.with_line_ends {
            Some(engine) if has_line_end(text) => engine,
            _ => &self.simple,
        }
    }

    pub(crate) fn is_match(&self, text: &str) -> Result<bool> {
        match self.engine(text) {
            Engine::Linear(regex) => Ok(regex.is_match(text)),
            Engine::Backtracking(regex) => regex
                .is_match(text)
                .map_err(|error| self.too_complex(&error)),
        }
    }

    /// The first match that begins at `from` or later.
    pub(crate) fn find_at(&self, text: &str, from: usize) -> Result<Option<(usize, usize)>> {
        match self.engine(text) {
            Engine::Linear(regex) => Ok(regex.find_at(text, from).map(|m| (m.start(), m.end()))),
            Engine::Backtracking(regex) => regex
                .find_from_pos(text, from)
                .map(|found| found.map(|m| (m.start(), m.end())))
                .map_err(|error| self.too_complex(&error)),
        }
    }

    /// As [`find_at`](Self::find_at), with the groups.
    pub(crate) fn groups_at(&self, text: &str, from: usize) -> Result<Option<Groups>> {
        match self.engine(text) {
            Engine::Linear(regex) => Ok(regex.captures_at(text, from).map(|captures| {
                captures
                    .iter()
                    .map(|group| group.map(|m| (m.start(), m.end())))
                    .collect()
            })),
            Engine::Backtracking(regex) => regex
                .captures_from_pos(text, from)
                .map(|found| {
                    found.map(|captures| {
                        captures
                            .iter()
                            .map(|group| group.map(|m| (m.start(), m.end())))
                            .collect()
                    })
                })
                .map_err(|error| self.too_complex(&error)),
        }
    }

    /// The number of groups, without all of the match.
    pub(crate) fn group_count(&self) -> usize {
        let with_whole = match &self.simple {
            Engine::Linear(regex) => regex.captures_len(),
            Engine::Backtracking(regex) => regex.captures_len(),
        };
        with_whole.saturating_sub(1)
    }

    /// The number of a named group.
    pub(crate) fn group_of_name(&self, wanted: &str) -> Option<usize> {
        match &self.simple {
            Engine::Linear(regex) => regex.capture_names().position(|n| n == Some(wanted)),
            Engine::Backtracking(regex) => regex.capture_names().position(|n| n == Some(wanted)),
        }
    }

    fn too_complex(&self, error: &fancy_regex::Error) -> DataFusionError {
        DataFusionError::Execution(format!(
            "the regular expression '{}' takes too many steps on a text ({error}); write it \
             without nested repetitions",
            self.pattern
        ))
    }

    /// The matches one after another, as Java's `find` gives them.
    pub(crate) fn for_each_match(
        &self,
        text: &str,
        mut use_match: impl FnMut(&Groups) -> Result<()>,
    ) -> Result<()> {
        let mut from = 0;
        while from <= text.len() {
            let Some(groups) = self.groups_at(text, from)? else {
                break;
            };
            let Some(Some((start, end))) = groups.first().copied() else {
                break;
            };
            use_match(&groups)?;
            // After an empty match the next begins one character later.
            from = if end > start {
                end
            } else {
                next_position(text, end)
            };
        }
        Ok(())
    }
}

/// The position after the character at `at`.
pub(crate) fn next_position(text: &str, at: usize) -> usize {
    let rest = text.get(at..).and_then(|rest| rest.chars().next());
    at + rest.map_or(1, char::len_utf8)
}

fn has_line_end(text: &str) -> bool {
    // The first bytes of Java's line ends.
    text.bytes()
        .any(|b| matches!(b, b'\n' | b'\r' | 0xc2 | 0xe2))
}

/// Patterns that were compiled lately: executors evaluate the same constant
/// pattern batch after batch.
static COMPILED: LazyLock<Mutex<HashMap<String, JavaRegex>>> = LazyLock::new(Mutex::default);

const MAX_COMPILED: usize = 128;

/// The patterns of a call; most calls have the same in every row.
#[derive(Default)]
pub(crate) struct RegexCache {
    last: Option<(String, JavaRegex)>,
}

impl RegexCache {
    pub(crate) fn get(&mut self, pattern: &str) -> Result<&JavaRegex> {
        let known = self
            .last
            .as_ref()
            .is_some_and(|(known, _)| known == pattern);
        if !known {
            self.last = Some((pattern.to_owned(), find_compiled(pattern)?));
        }
        match &self.last {
            Some((_, regex)) => Ok(regex),
            None => Err(DataFusionError::Execution("no pattern".to_owned())),
        }
    }
}

fn find_compiled(pattern: &str) -> Result<JavaRegex> {
    if let Ok(compiled) = COMPILED.lock()
        && let Some(regex) = compiled.get(pattern)
    {
        return Ok(regex.clone());
    }
    let regex = JavaRegex::compile(pattern)?;
    if let Ok(mut compiled) = COMPILED.lock() {
        if compiled.len() >= MAX_COMPILED {
            compiled.clear();
        }
        compiled.insert(pattern.to_owned(), regex.clone());
    }
    Ok(regex)
}
