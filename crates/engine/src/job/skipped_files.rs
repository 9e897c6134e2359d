//! Says which files and folders of a source are not read.

use sluice_jobfile::{Diagnostic, Source, codes};
use sluice_storage::Listing;

/// The number of names in a warning.
const EXAMPLES: usize = 3;

/// A warning about what is in the folder of a source and is not read. Hidden names
/// are left out silently, as in Spark.
pub(super) fn warn_of_skipped(source: &Source, listing: &Listing) -> Option<Diagnostic> {
    let skipped = &listing.foreign;
    if skipped.is_empty() {
        return None;
    }
    let base = listing.source.base();
    let mut names: Vec<String> = skipped
        .iter()
        .take(EXAMPLES)
        .map(|path| format!("`{}`", base.display_path(path)))
        .collect();
    if let Some(more) = skipped.len().checked_sub(EXAMPLES).filter(|more| *more > 0) {
        names.push(format!("{more} more"));
    }
    let subject = match skipped.len() {
        1 => "is",
        _ => "are",
    };
    let format = source.format.as_str();
    let warning = Diagnostic::warning(
        codes::FILES_NOT_READ,
        format!(
            "{} {subject} not read by source `{}`",
            names.join(", "),
            source.name
        ),
    );
    Some(
        warning
            .with_span(source.location_span)
            .with_label(format!("a folder of {format} files"))
            .with_help(
                "only files with an ending of the format and folders called `column=value` are \
                 read; to read other names, write a pattern such as `folder/*` in LOCATION",
            ),
    )
}
