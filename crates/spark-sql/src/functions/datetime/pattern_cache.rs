//! The pattern of the last row: most calls have the same in every row.

use datafusion::error::{DataFusionError, Result};

use super::pattern::Pattern;

/// Compiles each pattern once as long as it stays the same.
pub(super) struct PatternCache {
    compile: fn(&str) -> Result<Pattern, String>,
    last: Option<(String, Pattern)>,
}

impl PatternCache {
    pub(super) fn to_format() -> Self {
        Self {
            compile: Pattern::to_format,
            last: None,
        }
    }

    pub(super) fn to_parse() -> Self {
        Self {
            compile: Pattern::to_parse,
            last: None,
        }
    }

    pub(super) fn get(&mut self, text: &str) -> Result<&Pattern> {
        let known = self.last.as_ref().is_some_and(|(known, _)| known == text);
        if !known {
            let pattern = (self.compile)(text).map_err(DataFusionError::Execution)?;
            self.last = Some((text.to_owned(), pattern));
        }
        match &self.last {
            Some((_, pattern)) => Ok(pattern),
            None => Err(DataFusionError::Execution("no pattern".to_owned())),
        }
    }
}
