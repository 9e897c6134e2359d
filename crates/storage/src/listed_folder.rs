//! Folders of a source, for files of them that are not in its list.

use object_store::ListResult;
use object_store::path::Path;

use crate::list::{ListRules, is_hidden};

/// A folder whose files a source has, all or some of them.
#[derive(Debug, Clone)]
pub struct ListedFolder {
    /// Path in the store.
    pub path: Path,
    /// See [`crate::SourceFile::partition_values`].
    pub partition_values: Vec<(String, Option<String>)>,
    names: ListedNames,
}

/// Which files of a folder a source has.
#[derive(Debug, Clone)]
pub(crate) enum ListedNames {
    Rules(ListRules),
    Pattern(glob::Pattern),
}

impl ListedFolder {
    /// The folder of this list, if it has a folder called `marker`.
    pub(crate) fn find_marked(
        listed: &ListResult,
        marker: &str,
        values: &[(String, Option<String>)],
        names: ListedNames,
    ) -> Option<Self> {
        let mut below = listed.common_prefixes.iter();
        let marked = below.find(|path| path.filename() == Some(marker))?;
        let mut parts: Vec<_> = marked.parts().collect();
        parts.pop();
        Some(Self {
            path: parts.into_iter().collect(),
            partition_values: values.to_vec(),
            names,
        })
    }

    /// Whether a file with this name in the folder belongs to the source.
    pub fn accepts_name(&self, name: &str) -> bool {
        match &self.names {
            ListedNames::Rules(rules) => rules.accepts_name(name),
            ListedNames::Pattern(pattern) => {
                pattern.matches(name) && (!is_hidden(name) || is_hidden(pattern.as_str()))
            }
        }
    }

    /// Whether the source has the folder, and not the files in it that a pattern
    /// matches.
    pub fn is_whole(&self) -> bool {
        matches!(self.names, ListedNames::Rules(_))
    }
}
