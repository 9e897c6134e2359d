//! Generated landing data, kept between runs.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use sluice_sample_events::generate::{GenerateArgs, run_generator};

/// Landing data that the generator makes with these arguments. It is generated once
/// and kept in `cache` under a name made from the arguments.
///
/// # Errors
/// When the generator refuses the arguments, or a folder cannot be written.
pub fn cached_landing(
    cache: &Path,
    arguments: &[&str],
    out: &mut impl Write,
) -> anyhow::Result<PathBuf> {
    let name: String = arguments
        .iter()
        .flat_map(|argument| argument.trim_start_matches('-').chars().chain(['-']))
        .filter(|c| c.is_ascii_alphanumeric() || ['-', '.'].contains(c))
        .collect();
    let folder = cache.join(format!("landing-{}", name.trim_end_matches('-')));
    // Written last: a folder without this file is from an interrupted run.
    let complete = folder.join("_complete");
    if complete.exists() {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    writeln!(out, "generating {} (kept for later runs)", folder.display())?;
    let landing = folder
        .to_str()
        .context("the cache folder's name is not UTF-8")?;
    let base = ["generate-events", "--landing", landing];
    run_generator(
        &GenerateArgs::try_parse_from(base.iter().chain(arguments))?,
        out,
    )?;
    fs::write(&complete, "").with_context(|| format!("cannot write {}", complete.display()))?;
    Ok(folder)
}

/// The bytes of all files in a folder and its subfolders.
///
/// # Errors
/// When a folder cannot be read.
pub fn folder_bytes(folder: &Path) -> anyhow::Result<u64> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut bytes = 0;
    for entry in entries {
        let entry = entry?;
        let kind = entry.metadata()?;
        bytes += if kind.is_dir() {
            folder_bytes(&entry.path())?
        } else {
            kind.len()
        };
    }
    Ok(bytes)
}
