//! Writes sample events into a landing folder.

use clap::Parser;
use sluice_sample_events::args::{Args, run};

fn main() -> anyhow::Result<()> {
    run(&Args::parse(), &mut std::io::stdout().lock())?;
    Ok(())
}
